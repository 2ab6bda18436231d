"""What MLflow does because of defects in runs: metadata, folders, inputs, outputs, datasets."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .impact_facts import ALWAYS, EXPERIMENT, FIRST, HIDDEN, RUN, SILENT, WARNS, Fact, Migration, fact, since

_TORN = "The disk was full, or the program was killed, while MLflow rewrote the file."
_HAND = "Written or edited by hand, or by a script."
_COPY = "Copied, moved or renamed with a file manager or a script."
_RIGHTS = "Made by another user, or with an umask that shuts others out."
_GIT = "git and some copying programs leave empty folders out."
_FOREIGN = "Left by another program."
_HIDDEN = since((FIRST, WARNS), ((2, 13), HIDDEN))

RUNS: Final[dict[str, Fact]] = {
    "run-being-made": fact(SILENT, "a run that is being created, or was left half way a moment ago", "nothing"),
    "run-silent": fact(
        SILENT, "RUNNING, silent {}", "nothing", cause="The program was killed before it could set an end, or it waits."
    ),
    "run-closed": fact(_HIDDEN, "a run whose folder cannot be read", migration="fails", hides="all", cause=_RIGHTS),
    "run-no-list": fact(EXPERIMENT, "a run whose folder cannot be listed", cause=_RIGHTS),
    "run-meta-missing": fact(
        _HIDDEN, "run without meta.yaml", remedy="repair", remedy_alone="remove", hides="all", skips=True,
        cause="Half deleted, or its artifacts were written after it was deleted.",
    ),
    "run-meta-closed": fact(_HIDDEN, "{}", hides="inside", migration="fails", cause=_RIGHTS),
    "run-meta-empty": fact(EXPERIMENT, "run with an empty meta.yaml", remedy="repair", skips=True, cause=_TORN),
    "run-meta-unparsable": fact(EXPERIMENT, "run: {}", remedy="remove", skips=True, cause=_TORN),
    "run-meta-not-a-mapping": fact(EXPERIMENT, "run: {}", migration="fails", remedy="remove", cause=_HAND),
    "run-meta-unreadable": fact(EXPERIMENT, "run: {}", skips=True, cause=_RIGHTS),
    "run-meta-folder": fact(EXPERIMENT, "run: meta.yaml is a folder or a socket", remedy="remove", skips=True),
    "run-meta-pipe": fact(EXPERIMENT, "run: meta.yaml is a pipe MLflow waits for", remedy="remove", skips=True),
    "run-meta-elsewhere": fact(SILENT, "run: meta.yaml is a link, which is not followed here"),
    "run-meta-unjudged": fact(SILENT, "run: meta.yaml is not judged: {}"),
    "run-meta-cut": fact(SILENT, "run: meta.yaml ends within a character", skips=True, cause=_TORN),
    "run-meta-tab": fact(
        since((FIRST, EXPERIMENT), ((1, 3), SILENT)), "run: a tab in meta.yaml hides it from migrate-filestore",
        skips=True, cause=_HAND,
    ),
    "run-key-missing": fact(EXPERIMENT, "run: {} is missing", remedy="remove", cause=_HAND),
    "run-key-null": fact(EXPERIMENT, "run: {} is null", remedy="remove", cause=_HAND),
    "run-ids-missing": fact(EXPERIMENT, "run: run_id is missing", remedy="remove", skips=True, cause=_HAND),
    "run-id-missing": fact(
        since((FIRST, None), ((3,), EXPERIMENT)), "run: {} is missing, only run_uuid is there", remedy="remove"
    ),
    "run-uuid-missing": fact(
        since((FIRST, EXPERIMENT), ((2, 22, 1), None)), "run: {} is missing, which this MLflow needs",
        cause="Written by MLflow 3.",
    ),
    "run-id-refused": fact(EXPERIMENT, "run: run_id is {}", remedy="remove", cause=_HAND),
    "run-id-mismatch": fact(EXPERIMENT, "run: run_id is {}, the folder has another name", remedy="remove", cause=_COPY),
    "run-id-of-sibling": fact(HIDDEN, "a copy of run {}, which MLflow lists twice", remedy="remove", cause=_COPY),
    "run-meta-of-sibling": fact(
        HIDDEN, "its meta.yaml is that of run {}, the rest is no copy", cause=_COPY
    ),
    "run-exchanged": fact(
        since((FIRST, SILENT), ((3, 8), RUN)), "its meta.yaml is that of run {}, its own is in another folder", "run",
        cause="Folders or their meta.yaml were exchanged.",
    ),
    "run-listed-by-another": fact(RUN, "MLflow lists it for the meta.yaml in {}", "run", cause=_COPY),
    "run-id-twice": fact(SILENT, "the same run id as {}", migration="fails", cause=_COPY),
    "run-experiment-mismatch": fact(
        WARNS, "run of experiment {}", remedy="remove", hides="inside", cause=_COPY
    ),
    "run-found-first": fact(
        since((FIRST, WARNS), ((1, 8), RUN)), "a copy that MLflow finds before the run itself", "run", remedy="remove",
        cause=_COPY,
    ),
    "run-status-refused": fact(EXPERIMENT, "run: status is {}", remedy="remove", cause=_HAND),
    "run-lifecycle-refused": fact(EXPERIMENT, "run: lifecycle_stage is {}", remedy="remove", cause=_HAND),
    "run-start-time-refused": fact(EXPERIMENT, "run: start_time is {}", remedy="remove", cause=_HAND),
    "run-value-not-storable": fact(SILENT, "run: {}", migration="fails", remedy="repair", cause=_HAND),
    "run-folder-missing": fact(
        since((FIRST, None), ((3, 8), RUN)), "{}/ is missing", "run", remedy="repair", cause=_GIT
    ),
    "run-folder-is-none": fact(since((FIRST, None), ((3, 8), RUN)), "{} is no folder", "run", remedy="repair"),
    "run-of-a-lost-parent": fact(SILENT, "child of a lost run", "run"),
}  # fmt: skip

_INPUT = since((FIRST, None), ((2, 4), EXPERIMENT))
_OUTPUT = since((FIRST, None), ((3,), EXPERIMENT))
_DATASET = since((FIRST, None), ((2, 4), EXPERIMENT))


def _documents(what: str, noun: str, like: Fact) -> dict[str, Fact]:
    """The states of the metadata of an input, output or dataset; all else is as in the row ``like``."""
    states: dict[str, tuple[str, Migration]] = {
        "missing": (f"{noun} without meta.yaml", "ok"),
        "empty": (f"{noun} with an empty meta.yaml", "ok"),
        "unparsable": (f"{noun}: {{}}", "ok"),
        "not-a-mapping": (f"{noun}: {{}}", "fails"),
        "unreadable": (f"{noun}: {{}}", "ok"),
        "folder": (f"{noun}: meta.yaml is a folder or a socket", "ok"),
        "pipe": (f"{noun}: meta.yaml is a pipe MLflow waits for", "fails"),
    }
    facts = {
        f"{what}-meta-{state}": replace(like, what=words, migration=migration)
        for state, (words, migration) in states.items()
    }
    for state in ("elsewhere", "unjudged"):
        facts[f"{what}-meta-{state}"] = fact(SILENT, f"{noun}: meta.yaml is not judged: {{}}")
    return facts


# Before 3.0 inputs were read only where the experiment had datasets: hence ``alone_before``.
LINEAGE: Final[dict[str, Fact]] = {
    **_documents("input", "input of a run", fact(_INPUT, "", remedy="repair", alone_before=(3,))),
    "inputs-not-a-folder": fact(_INPUT, "inputs is no folder", remedy="repair", alone_before=(3,)),
    "inputs-closed": fact(_INPUT, "inputs/ cannot be read", migration="fails", alone_before=(3,), cause=_RIGHTS),
    "input-stray": fact(_INPUT, "a file in inputs/", remedy="repair", alone_before=(3,), cause=_FOREIGN),
    "input-key-missing": fact(_INPUT, "input of a run: {} is missing", remedy="repair", alone_before=(3,), cause=_HAND),
    "input-type-unknown": fact(_INPUT, "input of a run: {}", remedy="repair", alone_before=(3,), cause=_HAND),
    "input-tags-refused": fact(
        _INPUT, "input of a run: tags is {}", migration="fails", remedy="repair", alone_before=(3,), cause=_HAND
    ),
    "input-of-a-model": fact(
        since((FIRST, None), ((2, 4), EXPERIMENT), ((3,), None)), "a model as input, which this MLflow does not know",
        alone_before=(3,), cause="Written by MLflow 3.",
    ),
    "input-dataset-missing": fact(
        since((FIRST, None), ((2, 4), WARNS)), "dataset of a run is gone", remedy="repair", cause="Deleted by hand."
    ),
    "input-twice": fact(SILENT, "the same input twice", migration="fails", remedy="repair", cause=_COPY),
    "input-value-not-storable": fact(SILENT, "input of a run: {}", migration="fails", remedy="repair", cause=_HAND),
    **_documents("output", "output of a run", fact(_OUTPUT, "", remedy="repair")),
    "outputs-not-a-folder": fact(_OUTPUT, "outputs is no folder", remedy="repair"),
    "outputs-closed": fact(_OUTPUT, "outputs/ cannot be read", migration="fails", cause=_RIGHTS),
    "input-of-a-lost-model": fact(SILENT, "input: a lost logged model", cause="The model was deleted."),
    "output-of-a-lost-model": fact(SILENT, "output: a lost logged model", cause="The model was deleted."),
    "output-stray": fact(_OUTPUT, "a file in outputs/", remedy="repair", cause=_FOREIGN),
    "output-key-missing": fact(_OUTPUT, "output of a run: {} is missing", remedy="repair", cause=_HAND),
    "output-type-unknown": fact(_OUTPUT, "output of a run: {}", remedy="repair", cause=_HAND),
    "lineage-name-refused": fact(SILENT, "{} is not UTF-8", migration="fails", cause=_COPY),
    "output-value-not-storable": fact(SILENT, "output of a run: {}", migration="fails", remedy="repair", cause=_HAND),
    **_documents("dataset", "dataset", fact(_DATASET, "", alone=SILENT, alone_before=ALWAYS)),
    # Schemas and profiles make them megabytes large, with nothing wrong in them.
    "dataset-meta-unjudged": fact(None, "dataset: meta.yaml is not judged: {}"),
    "datasets-not-a-folder": fact(_DATASET, "datasets is no folder", alone=SILENT, alone_before=ALWAYS),
    "datasets-closed": fact(
        _DATASET, "datasets/ cannot be read", migration="fails", alone=SILENT, alone_before=ALWAYS, cause=_RIGHTS
    ),
    "dataset-key-missing": fact(
        _DATASET, "dataset: {} is missing", alone=SILENT, alone_before=ALWAYS, cause=_HAND
    ),
    "dataset-value-not-storable": fact(SILENT, "dataset: {}", migration="fails", cause=_HAND),
    "dataset-twice": fact(SILENT, "the same dataset as {}", migration="fails", cause=_COPY),
}  # fmt: skip
