"""What MLflow does because of defects in a store's root, its trash, and its experiments."""

from __future__ import annotations

from typing import Final

from .impact_facts import ALWAYS, EXPERIMENT, FIRST, HIDDEN, RUN, SILENT, STORE, WARNS, Fact, fact, since

_TORN = "A program or disk stopped while the file was written."
_HAND = "Written or edited by hand, or by a script."
_COPY = "Copied or renamed with a file manager or a script."
# From 1.28 to 1.30 listing sorted what it had passed over as well.
_STRANGER = since((FIRST, WARNS), ((1, 28), STORE), ((2,), WARNS))
_NEWER = "{}/, which this MLflow does not know"
_RIGHTS = "Made by another user, or with an umask that shuts others out."

PLACES: Final[dict[str, Fact]] = {
    "store-unreadable": fact(STORE, "the store cannot be listed: {}", "experiments", migration="fails", cause=_RIGHTS),
    "store-below-artifacts": fact(
        since((FIRST, None), ((3, 8), RUN)), "the store's path has a folder called artifacts in it", "run"
    ),
    "root-name-refused": fact(
        STORE, "not a name MLflow allows", "experiments", remedy="remove", hides="all",
        cause="Made by another program: an editor, git, a NAS, a copy.",
    ),
    "root-stray": fact(WARNS, "a folder that is no experiment", "experiments", remedy="remove",
                       cause="Something else was saved into the store."),
    "trash-name-refused": fact(
        STORE, "not a name MLflow allows in .trash", "experiments", remedy="remove", hides="all"
    ),
    "trash-stray": fact(WARNS, "a folder in .trash that is no experiment", "experiments", remedy="remove"),
    "trash-cannot-be-made": fact(
        STORE, ".trash is missing and may not be made", "experiments", cause="The store is read-only for you."
    ),
    "trash-not-a-folder": fact(STORE, ".trash is no folder", "experiments"),
    "trash-closed": fact(STORE, ".trash cannot be listed", "experiments", migration="fails", cause=_RIGHTS),
    "trash-no-enter": fact(
        HIDDEN, ".trash cannot be entered", "experiments", migration="fails", alone=SILENT, alone_before=ALWAYS,
        cause=_RIGHTS,
    ),
    # Its experiments are taken for runs then, and are none.
    "link-to-the-store": fact(EXPERIMENT, "a link to the store itself"),
    "link-to-an-experiment": fact(
        _STRANGER, "a link to another experiment of this store", "experiments",
        migration="fails", cause="The same experiment under two names.",
    ),
    "link-to-an-experiment-without-metadata": fact(
        WARNS, "a link to another experiment of this store", "experiments",
        migration="fails", cause="The same experiment under two names.",
    ),
    "link-out-of-the-store": fact(SILENT, "an experiment kept elsewhere: a link to {}", "experiments"),
    "link-to-no-experiment": fact(
        WARNS, "a link to a folder that is no experiment", "experiments", cause=_COPY
    ),
    "link-to-other-metadata": fact(
        STORE, "a link to {}, which is no experiment", "experiments", cause=_COPY
    ),
    "link-to-what-holds-other-metadata": fact(
        EXPERIMENT, "a link to {}, which is no experiment", cause=_COPY
    ),
    "run-link-out-of-the-store": fact(SILENT, "a run kept elsewhere: a link to {}"),
    "link-to-no-run": fact(
        since((FIRST, WARNS), ((2, 13), HIDDEN)), "a link to a folder that is no run", cause=_COPY
    ),
    "link-to-other-metadata-in-an-experiment": fact(
        EXPERIMENT, "a link to {}, which is no run", cause=_COPY
    ),
    "folder-elsewhere": fact(SILENT, "a folder kept elsewhere: a link to {}", "nothing"),
    "link-not-followed": fact(SILENT, "a link to {}, where not everything is looked at", "nothing"),
    "link-to-a-run-here": fact(
        HIDDEN, "a link to another run of this experiment, which MLflow lists twice", migration="fails"
    ),
    "link-to-a-run-elsewhere": fact(WARNS, "a link to a run of another experiment", migration="fails"),
    "link-to-a-registered-model": fact(
        since((FIRST, None), ((2, 1), HIDDEN)), "a link to another registered model, which MLflow lists twice",
        "models", migration="fails",
    ),
    "folder-no-enter": fact(SILENT, "a folder that cannot be looked at", "run", migration="fails", cause=_RIGHTS),
    "folder-unreadable": fact(SILENT, "a folder that cannot be read", "run", cause=_RIGHTS),
    "text-unjudged": fact(SILENT, "very large: {} were not looked at", "nothing"),
    "text-cut": fact(SILENT, "ends within a character", "run", migration="fails", cause=_TORN),
}  # fmt: skip

EXPERIMENTS: Final[dict[str, Fact]] = {
    "experiment-closed": fact(EXPERIMENT, "the folder cannot be read", migration="fails", cause=_RIGHTS),
    "experiment-no-list": fact(
        since((FIRST, EXPERIMENT), ((1, 2), STORE)), "the folder cannot be listed", "experiments", migration="fails",
        cause=_RIGHTS,
    ),
    "experiment-no-enter": fact(WARNS, "the folder cannot be entered", "experiments", migration="fails", cause=_RIGHTS),
    "experiment-artifacts-only": fact(
        WARNS, "no meta.yaml, and only artifacts", "experiments",
        cause="A tracking server or database keeps the rest of it elsewhere.",
    ),
    "experiment-meta-missing": fact(
        WARNS, "no meta.yaml", "experiments", migration="orphans-runs", remedy="repair", remedy_alone="remove",
        cause="Half deleted, or half copied.",
    ),
    "experiment-meta-empty": fact(
        since((FIRST, STORE), ((3, 2), WARNS)), "an empty meta.yaml", "experiments", migration="orphans-runs",
        remedy="repair", cause=_TORN,
    ),
    "experiment-meta-unparsable": fact(
        STORE, "{}", "experiments", migration="orphans-runs", remedy="repair", cause=_TORN
    ),
    "experiment-meta-not-a-mapping": fact(
        STORE, "{}", "experiments", migration="fails", remedy="repair", cause=_HAND
    ),
    "experiment-meta-unreadable": fact(STORE, "{}", "experiments", migration="orphans-runs", cause=_RIGHTS),
    "experiment-meta-closed": fact(WARNS, "{}", "experiments", migration="orphans-runs", cause=_RIGHTS),
    "experiment-meta-folder": fact(
        STORE, "meta.yaml is a folder or a socket", "experiments", migration="orphans-runs", remedy="repair",
    ),
    "experiment-meta-pipe": fact(
        STORE, "meta.yaml is a pipe MLflow waits for", "experiments", migration="fails", remedy="repair",
    ),
    "experiment-meta-elsewhere": fact(SILENT, "meta.yaml is a link, which is not followed here", "experiments"),
    "experiment-meta-unjudged": fact(SILENT, "meta.yaml is not judged: {}", "experiments"),
    "experiment-meta-cut": fact(
        SILENT, "meta.yaml ends within a character", "experiments", migration="orphans-runs", cause=_TORN
    ),
    "experiment-meta-tab": fact(
        since((FIRST, STORE), ((1, 3), SILENT)), "meta.yaml has a tab that migrate-filestore minds", "experiments",
        migration="orphans-runs", cause=_HAND,
    ),
    "experiment-key-missing": fact(STORE, "{} is missing", "experiments", remedy="repair", cause=_HAND),
    "experiment-lifecycle-missing": fact(
        since((FIRST, None), ((2,), STORE)), "{} is missing", "experiments", remedy="repair", cause=_HAND
    ),
    "experiment-id-mismatch": fact(
        _STRANGER, "experiment_id is {}, the folder has another name", "experiments",
        remedy="repair", cause=_COPY,
    ),
    "experiment-copy": fact(_STRANGER, "a copy of experiment {}", "experiments", remedy="remove", cause=_COPY),
    "experiment-workspace-refused": fact(
        since((FIRST, None), ((3, 10), STORE)), "workspace is {}", "experiments", remedy="repair", cause=_HAND
    ),
    "experiment-unsortable": fact(
        since((FIRST, None), ((2,), STORE)), "{} is of another kind than in the other experiments", "experiments",
        remedy="repair", cause=_HAND,
    ),
    "experiment-unsortable-by-update": fact(
        since((FIRST, None), ((1, 29), STORE), ((2,), None)), "{} is of another kind than in the other experiments",
        "experiments", remedy="repair",
    ),
    "experiment-value-not-storable": fact(SILENT, "{}", "experiments", migration="fails", remedy="repair", cause=_HAND),
    "experiment-id-beyond-64-bits": fact(SILENT, "a number too large for a database", "experiments", migration="fails"),
    "experiment-id-twice": fact(SILENT, "the same number as {}", "experiments", migration="fails", cause=_COPY),
    # A migration fails where both have metadata: that is experiment-id-twice.
    "experiment-id-in-both": fact(
        HIDDEN, "an active experiment has the same id", "experiments", hides="all",
        cause="Deleted twice, or copied back by hand.",
    ),
    "trash-called-models": fact(
        WARNS, "a folder called models, for which MLflow takes the registry", "experiments", hides="all"
    ),
    "experiment-name-twice": fact(SILENT, "the same name as in {}", "experiments", migration="fails", cause=_COPY),
    "experiment-called-artifacts": fact(
        since((FIRST, None), ((3, 8), RUN)), "an experiment whose folder is called artifacts", "run"
    ),
    "experiment-stray": fact(
        since((FIRST, WARNS), ((2, 13), HIDDEN)), "a folder that is no run", remedy="remove", hides="all", skips=True,
        cause="Something else was saved into the experiment.",
    ),
    # Folders a newer MLflow made, which an older one takes for runs.
    "experiment-folder-tags": fact(since((FIRST, WARNS), ((1, 2), None)), _NEWER.format("tags")),
    "experiment-folder-datasets": fact(since((FIRST, WARNS), ((2, 4), None)), _NEWER.format("datasets")),
    "experiment-folder-traces": fact(since((FIRST, WARNS), ((2, 13), None)), _NEWER.format("traces")),
    "experiment-folder-models": fact(
        since((FIRST, WARNS), ((2, 13), HIDDEN), ((3,), None)), _NEWER.format("models")
    ),
}  # fmt: skip
