"""What MLflow does because of defects in the model registry, in logged models, and in traces."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .impact_facts import (
    ALWAYS,
    EXPERIMENT,
    FIRST,
    HIDDEN,
    SILENT,
    STORE,
    WARNS,
    Area,
    Fact,
    Migration,
    Remedy,
    fact,
    since,
)

_TORN = "A program or disk stopped while the file was written."
_HAND = "Written or edited by hand, or by a script."
_COPY = "Copied or renamed with a file manager or a script."
_RIGHTS = "Made by another user, or with an umask that shuts others out."

_REGISTRY = since((FIRST, None), ((2, 1), STORE))
_MODEL = since((FIRST, None), ((3,), EXPERIMENT))
_TRACE = since((FIRST, None), ((2, 13), EXPERIMENT))
_NOTE = since((FIRST, None), ((3, 2), EXPERIMENT))


def _documents(prefix: str, noun: str, file: str, like: Fact, pipe: Migration = "fails") -> dict[str, Fact]:
    """The states of a metadata file that is there; all else is as in the row ``like``."""
    rows: dict[str, tuple[str, Migration, str]] = {
        "empty": (f"{noun} with an empty {file}", "ok", _TORN),
        "unparsable": (f"{noun}: {{}}", "ok", _TORN),
        "not-a-mapping": (f"{noun}: {{}}", "fails", _HAND),
        "unreadable": (f"{noun}: {{}}", "ok", _RIGHTS),
        "closed": (f"{noun}: {{}}", "ok", _RIGHTS),
        "folder": (f"{noun}: {file} is a folder or a socket", "ok", ""),
        "pipe": (f"{noun}: {file} is a pipe MLflow waits for", pipe, ""),
    }
    facts = {}
    for state, (words, migration, cause) in rows.items():
        remedy: Remedy = "none" if cause == _RIGHTS else "remove"
        skips = state != "not-a-mapping"
        row = replace(like, what=words, migration=migration, remedy=remedy, skips=skips, cause=cause)
        facts[f"{prefix}-{state}"] = row
    for state in ("elsewhere", "unjudged"):
        facts[f"{prefix}-{state}"] = fact(SILENT, f"{noun}: {file} is not judged: {{}}", like.area)
    facts[f"{prefix}-cut"] = fact(SILENT, f"{noun}: {file} ends within a character", like.area, skips=True, cause=_TORN)
    tab = f"{noun}: a tab in {file} hides it from migrate-filestore"
    facts[f"{prefix}-tab"] = fact(SILENT, tab, like.area, skips=True, cause=_HAND)
    return facts


REGISTRY: Final[dict[str, Fact]] = {
    "registry-present": fact(
        since((FIRST, WARNS), ((2, 1), None)), "the model registry, which this MLflow does not know", "experiments"
    ),
    "registry-not-a-folder": fact(_REGISTRY, "models is no folder", "models"),
    "registry-closed": fact(_REGISTRY, "models/ cannot be listed", "models", migration="fails", cause=_RIGHTS),
    "registry-no-enter": fact(
        since((FIRST, None), ((2, 1), HIDDEN)), "models/ cannot be entered", "models", migration="fails", alone=SILENT,
        alone_before=ALWAYS, cause=_RIGHTS,
    ),
    "registry-stray": fact(
        _REGISTRY, "a folder in models/ that is no model", "models", remedy="remove", skips=True,
        cause="Something else was saved into the model registry.",
    ),
    **_documents("registered-model-meta", "registered model", "meta.yaml", fact(_REGISTRY, "", "models")),
    "registered-model-meta-missing": fact(
        _REGISTRY, "registered model without meta.yaml", "models", skips=True, remedy="remove"
    ),
    "registered-model-closed": fact(_REGISTRY, "registered model: its folder cannot be read", "models", cause=_RIGHTS),
    "registered-model-no-enter": fact(
        _REGISTRY, "registered model: its folder cannot be entered", "models", cause=_RIGHTS
    ),
    "registered-model-no-list": fact(
        _REGISTRY, "registered model: its folder cannot be listed", "models", migration="fails", cause=_RIGHTS
    ),
    "registered-model-name-with-percent": fact(
        since((FIRST, None), ((2, 12), STORE)), "a registered model with % in its name", "models"
    ),
    "registered-model-name-refused": fact(
        since((FIRST, None), ((3, 11), STORE)), "not a name MLflow allows for a model", "models"
    ),
    "registered-model-key-missing": fact(_REGISTRY, "registered model: {} is missing", "models", cause=_HAND),
    "registered-model-workspace-refused": fact(
        since((FIRST, None), ((3, 10), STORE)), "registered model: workspace is {}", "models", cause=_HAND
    ),
    "registered-model-unsortable": fact(
        _REGISTRY, "registered model: {} is of another kind than in the others", "models", cause=_HAND
    ),
    # Before 2.21 there were no prompts: what is one now was listed with all others.
    "registered-model-unsortable-with-prompts": fact(
        since((FIRST, STORE), ((2, 21), None)), "registered model: {} is of another kind than in the others", "models",
        cause=_HAND,
    ),
    "registered-model-value-not-storable": fact(
        SILENT, "registered model: {}", "models", migration="fails", cause=_HAND
    ),
    "registered-model-name-twice": fact(SILENT, "the same name as in {}", "models", migration="fails", cause=_COPY),
    "registered-model-copy": fact(
        since((FIRST, None), ((2, 1), HIDDEN)), "a copy of registered model {}, which MLflow lists twice", "models",
        remedy="remove", cause=_COPY,
    ),
    "registered-model-meta-of-another": fact(
        since((FIRST, None), ((2, 1), HIDDEN)),
        "its meta.yaml is that of registered model {}, the rest is no copy", "models", cause=_COPY,
    ),
    "registered-model-name-of-another": fact(
        since((FIRST, None), ((2, 1), SILENT)), "its meta.yaml is that of registered model {}", "models", cause=_COPY
    ),
    "version-copy": fact(
        since((FIRST, None), ((2, 1), HIDDEN)), "a copy of {}, which MLflow lists twice", "models", remedy="remove",
        cause=_COPY,
    ),
    "version-meta-of-another": fact(
        since((FIRST, None), ((2, 1), HIDDEN)), "its meta.yaml is that of {}, the rest is no copy",
        "models", cause=_COPY,
    ),
    "version-number-of-another": fact(
        since((FIRST, None), ((2, 1), SILENT)), "its meta.yaml is that of {}", "models", cause=_COPY
    ),
    "registered-model-aliases-closed": fact(
        SILENT, "aliases/ cannot be read", "models", migration="fails", cause=_RIGHTS
    ),
    "alias-of-a-missing-version": fact(SILENT, "alias of version {}, which is not there", "models"),
    **_documents("version-meta", "model version", "meta.yaml", fact(_REGISTRY, "", "models")),
    "version-meta-missing": fact(
        _REGISTRY, "model version without meta.yaml", "models", skips=True, remedy="remove", cause="Half deleted."
    ),
    "version-closed": fact(_REGISTRY, "model version: its folder cannot be read", "models", cause=_RIGHTS),
    "version-no-enter": fact(_REGISTRY, "model version: its folder cannot be entered", "models", cause=_RIGHTS),
    "version-no-list": fact(_REGISTRY, "model version: its folder cannot be listed", "models", cause=_RIGHTS),
    "version-key-missing": fact(_REGISTRY, "model version: {} is missing", "models", cause=_HAND),
    "version-number-missing": fact(
        _REGISTRY, "model version: {} is missing", "models", migration="fails", cause=_HAND
    ),
    "version-workspace-refused": fact(
        since((FIRST, None), ((3, 10), STORE)), "model version: workspace is {}", "models", cause=_HAND
    ),
    "version-stage-refused": fact(_REGISTRY, "model version: current_stage is {}", "models", cause=_HAND),
    "version-unsortable": fact(
        _REGISTRY, "model version: {} is of another kind than in the others", "models", cause=_HAND
    ),
    "version-unsortable-with-prompts": fact(
        since((FIRST, STORE), ((2, 21), None)), "model version: {} is of another kind than in the others", "models",
        cause=_HAND,
    ),
    "version-unsortable-with-null": fact(
        since((FIRST, None), ((2, 1), STORE), ((3,), None)),
        "model version: {} is missing or of another kind than in the others", "models", cause=_HAND,
    ),
    "version-number-unsortable": fact(
        _REGISTRY, "model version: version {} is of another kind than the others", "models", cause=_HAND
    ),
    "version-value-not-storable": fact(SILENT, "model version: {}", "models", migration="fails", cause=_HAND),
    "version-number-twice": fact(SILENT, "version {} twice", "models", migration="fails", cause=_COPY),
    "version-of-a-lost-run": fact(SILENT, "version of a lost run", "models", cause="The run was deleted."),
    "version-of-a-lost-model": fact(SILENT, "version of a lost logged model", "models", cause="The model was deleted."),
}  # fmt: skip

_L: Final[Area] = "logged models"
LOGGED_MODELS: Final[dict[str, Fact]] = {
    "logged-models-not-a-folder": fact(_MODEL, "models is no folder", _L),
    "logged-models-closed": fact(_MODEL, "models/ cannot be read", _L, migration="fails", cause=_RIGHTS),
    "logged-models-no-enter": fact(
        since((FIRST, None), ((3,), HIDDEN)), "models/ cannot be entered", _L, migration="fails",
        cause=_RIGHTS,
    ),
    "logged-model-closed": fact(
        since((FIRST, None), ((3,), HIDDEN)), "logged model: its folder cannot be read", _L, cause=_RIGHTS
    ),
    "logged-model-no-list": fact(_MODEL, "logged model: its folder cannot be listed", _L, cause=_RIGHTS),
    **_documents("logged-model-meta", "logged model", "meta.yaml", fact(_MODEL, "", _L)),
    "logged-model-meta-missing": fact(
        since((FIRST, None), ((3,), HIDDEN)), "logged model, no meta.yaml", _L, remedy="remove",
        hides="all", skips=True, cause="Half deleted.",
    ),
    "logged-model-key-missing": fact(_MODEL, "logged model: {} is missing", _L, remedy="remove", cause=_HAND),
    "logged-model-status-refused": fact(_MODEL, "logged model: status is {}", _L, remedy="remove", cause=_HAND),
    "logged-model-experiment-mismatch": fact(
        since((FIRST, None), ((3,), WARNS)), "logged model of experiment {}", _L, remedy="remove", cause=_COPY
    ),
    "logged-model-unsortable": fact(
        _MODEL, "logged model: {} is of another kind than in the others", _L, remedy="remove", cause=_HAND
    ),
    "logged-model-reserved-name": fact(
        SILENT, "a folder of a reserved name whose meta.yaml is no mapping", _L, migration="fails",
        remedy="remove",
    ),
    "logged-model-value-not-storable": fact(SILENT, "logged model: {}", _L, migration="fails", cause=_HAND),
    "logged-model-id-twice": fact(SILENT, "the same logged model as {}", _L, migration="fails", cause=_COPY),
    "logged-model-copy": fact(
        since((FIRST, None), ((3,), HIDDEN)), "a copy of logged model {}, which MLflow lists twice", _L,
        remedy="remove", cause=_COPY,
    ),
    "logged-model-meta-of-another": fact(
        since((FIRST, None), ((3,), HIDDEN)),
        "its meta.yaml is that of logged model {}, the rest is no copy", _L, cause=_COPY,
    ),
    "logged-model-id-of-another": fact(
        since((FIRST, None), ((3,), SILENT)), "its meta.yaml is that of logged model {}", _L, cause=_COPY
    ),
    "link-to-a-logged-model": fact(
        since((FIRST, None), ((3,), HIDDEN)), "a link to another logged model, which MLflow lists twice", _L,
        migration="fails",
    ),
    "link-to-a-logged-model-elsewhere": fact(
        since((FIRST, None), ((3,), WARNS)), "a link to a logged model of another experiment", _L, migration="fails"
    ),
    "logged-model-of-a-lost-run": fact(SILENT, "logged model of a lost run", _L, cause="The run was deleted."),
}  # fmt: skip

TRACES: Final[dict[str, Fact]] = {
    "traces-not-a-folder": fact(_TRACE, "traces is no folder", "traces"),
    "traces-closed": fact(_TRACE, "traces/ cannot be read", "traces", migration="fails", cause=_RIGHTS),
    "traces-no-enter": fact(
        since((FIRST, None), ((2, 13), HIDDEN)), "traces/ cannot be entered", "traces", migration="fails", cause=_RIGHTS
    ),
    "trace-closed": fact(
        since((FIRST, None), ((2, 13), HIDDEN)), "trace: its folder cannot be read", "traces", migration="fails",
        cause=_RIGHTS,
    ),
    "trace-no-list": fact(_TRACE, "trace: its folder cannot be listed", "traces", cause=_RIGHTS),
    **_documents("trace-info", "trace", "trace_info.yaml", fact(_TRACE, "", "traces"), pipe="ok"),
    # Without assessments the migration passes over the trace.
    "trace-info-waited-for": fact(
        SILENT, "trace: trace_info.yaml is a pipe, and it has assessments", "traces", migration="fails", skips=True
    ),
    "trace-info-missing": fact(
        since((FIRST, None), ((2, 13), HIDDEN)), "trace without trace_info.yaml", "traces", remedy="remove",
        hides="all", skips=True, cause="Half deleted.",
    ),
    "trace-format-3": fact(
        since((FIRST, None), ((2, 13), EXPERIMENT), ((3, 2), None)), "a trace of a newer MLflow", "traces",
        cause="Written by MLflow 3.2 or later.",
    ),
    "trace-key-missing": fact(_TRACE, "trace: {} is missing", "traces", remedy="remove", cause=_HAND),
    "trace-key-unknown": fact(_TRACE, "trace: a key MLflow does not know, {}", "traces", remedy="remove", cause=_HAND),
    "trace-value-refused": fact(_TRACE, "trace: {}", "traces", remedy="remove", cause=_HAND),
    "trace-assessments-refused": fact(_NOTE, "trace: {}", "traces", remedy="remove", cause=_HAND),
    "trace-id-mismatch": fact(
        _NOTE, "trace: its id is {}, the folder has another name", "traces", remedy="remove", cause=_COPY
    ),
    "trace-id-of-another": fact(
        since((FIRST, None), ((2, 13), HIDDEN)), "a copy of trace {}, which MLflow lists twice", "traces",
        remedy="remove", hides="assessments", cause=_COPY,
    ),
    "trace-meta-of-another": fact(
        since((FIRST, None), ((2, 13), HIDDEN)),
        "its trace_info.yaml is that of trace {}, the rest is no copy", "traces", hides="assessments", cause=_COPY,
    ),
    "trace-exchanged": fact(
        since((FIRST, None), ((2, 13), SILENT)), "its trace_info.yaml is that of trace {}", "traces", cause=_COPY
    ),
    "trace-unsortable": fact(
        _TRACE, "trace: {} is of another kind than in the others", "traces", remedy="remove", cause=_HAND
    ),
    "trace-value-not-storable": fact(SILENT, "trace: {}", "traces", migration="fails", cause=_HAND),
    "trace-id-twice": fact(SILENT, "the same trace as {}", "traces", migration="fails", cause=_COPY),
    "link-to-a-trace": fact(
        since((FIRST, None), ((2, 13), HIDDEN)), "a link to another trace, which MLflow lists twice", "traces",
        migration="fails",
    ),
    "trace-of-a-lost-run": fact(SILENT, "trace of a lost run", "traces", cause="The run was deleted."),
    "trace-of-a-lost-model": fact(
        SILENT, "trace of a lost logged model", "traces", cause="The model was deleted."
    ),
    "assessment-of-a-lost-run": fact(SILENT, "assessment by a lost run", "traces", cause="The run was deleted."),
    "assessments-not-a-folder": fact(_NOTE, "assessments is no folder", "traces", remedy="repair"),
    "assessments-closed": fact(_NOTE, "assessments/ cannot be read", "traces", migration="fails", cause=_RIGHTS),
    "assessment-stray": fact(
        _NOTE, "a file in assessments/ that is none", "traces", remedy="repair", cause="Left by another program."
    ),
    **_documents("assessment", "assessment", "the file", fact(_NOTE, "", "traces"), pipe="ok"),
    "assessment-refused": fact(_NOTE, "assessment: {}", "traces", remedy="repair", cause=_HAND),
    "assessment-issue": fact(
        since((FIRST, None), ((3, 2), EXPERIMENT), ((3, 11), None)), "an issue, which this MLflow does not know",
        "traces",
    ),
    "assessment-value-not-storable": fact(
        SILENT, "assessment: {}", "traces", migration="fails", remedy="repair", cause=_HAND
    ),
    "assessment-id-twice": fact(SILENT, "the same assessment as {}", "traces", migration="fails", cause=_COPY),
}  # fmt: skip
