"""The assessments of a trace: every entry of the folder must be one, as ``_load_assessments`` and
``Assessment.from_dictionary`` take them (``store/tracking/file_store.py``, ``entities/assessment.py``, 3.17)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final

from mlruns_tui.model.findings import Symptom

from .. import layout
from . import columns, folders, links
from .context import Owner, Store
from .seen import Seen
from .times import timestamp_ms

_SUFFIX: Final = ".yaml"
_SOURCES: Final = frozenset({"SOURCE_TYPE_UNSPECIFIED", "LLM_JUDGE", "AI_JUDGE", "HUMAN", "CODE"})
_ERROR_KEYS: Final = frozenset({"error_code", "error_message", "stack_trace"})
_SOURCE_RUN: Final = "mlflow.assessment.sourceRunId"
ISSUE: Final = "is an issue"
"""Said of what only 3.11 and later take for an assessment."""


def check_assessments(
    trace_fd: int, path: str, owner: Owner, store: Store, seen: Seen, *, migrates: bool
) -> Iterator[Symptom]:
    """Everything in a trace's ``assessments``. ``migrates``: the trace itself can be carried over."""
    place = layout.join(path, "assessments")
    kind = folders.kind_of("assessments", trace_fd)
    if kind in (None, "dangling"):
        return
    behind = links.through(kind, place, owner, store)
    if kind == "link-to-folder":
        yield links.told(place, owner, behind, store)
    elif kind != "folder":
        yield owner.says("assessments-not-a-folder", place)
        return
    if behind is None:
        return
    owner = behind
    fd, access = folders.enter("assessments", trace_fd, kind)
    try:
        if access == "gone":
            return
        if access != "open":
            yield owner.says("assessments-closed", place)
            return
        for one in folders.entries(fd):
            where = layout.join(place, one.name)
            # MLflow takes the name up to its first dot and looks for that with ``.yaml`` behind it.
            wanted = one.name.split(".")[0] + _SUFFIX
            if wanted != one.name:
                found = folders.kind_of(wanted, fd)
                if found in (None, "dangling"):
                    yield owner.says("assessment-stray", where)
                continue
            yield from _check_one(one.name, fd, where, owner, store, seen, migrates=migrates)
    except OSError:
        yield owner.says("assessments-closed", place)
    finally:
        if fd >= 0:
            os.close(fd)


def _check_one(
    name: str, fd: int, path: str, owner: Owner, store: Store, seen: Seen, *, migrates: bool
) -> Iterator[Symptom]:
    note, owner = links.read(name, fd, path, owner, store)
    if note.state in ("missing", "closed"):
        yield owner.says("assessment-stray", path)
        return
    if not note.usable:
        yield owner.says(f"assessment-{note.state}", path, note.reason)
        return
    reason = assessment_defect(note.value)
    if reason:
        yield owner.says("assessment-issue" if reason == ISSUE else "assessment-refused", path, reason)
    metadata = note.value.get("metadata")
    run = metadata.get(_SOURCE_RUN) if isinstance(metadata, dict) else None
    if isinstance(run, str) and run:
        seen.references.append(("assessment-of-a-lost-run", run, path, owner))
    if migrates:
        yield from _check_row(note.value, name, path, owner, seen)


def assessment_defect(note: Any) -> str:
    """What ``Assessment.from_dictionary`` raises for, in words; empty for nothing."""
    if not isinstance(note, dict):
        return f"is {columns.name_of(note)}"
    kind = next((key for key in ("expectation", "feedback", "issue") if note.get(key)), None)
    if kind is None:
        return "is neither feedback nor expectation"
    reason = _VALUES[kind](note[kind])
    if reason:
        return f"{kind} {reason}"
    for key in ("assessment_name", "source", "create_time", "last_update_time"):
        if key not in note:
            return f"{key} is missing"
    if kind == "issue" and note["assessment_name"] is None:
        return "assessment_name is null"
    for key in ("create_time", "last_update_time"):
        if not isinstance(note[key], str) or timestamp_ms(note[key]) is None:
            return f"{key} is {columns.shown(note[key])}"
    reason = _source_defect(note["source"])
    if reason:
        return reason
    metadata = note.get("metadata")
    if metadata and not isinstance(metadata, dict | list | str | set):
        return f"metadata is {columns.name_of(metadata)}"
    return ISSUE if kind == "issue" else ""


def _source_defect(source: Any) -> str:
    if not isinstance(source, dict):
        return f"source is {columns.name_of(source)}"
    if "source_type" not in source:
        return "source_type is missing"
    kind = source["source_type"]
    if not isinstance(kind, str) or kind.upper() not in _SOURCES:
        return f"source_type is {columns.shown(kind)}"
    more = [key for key in source if key not in ("source_type", "source_id")]
    return f"source has {columns.shown(more[0])}" if more else ""


def _feedback_defect(value: Any) -> str:
    if not isinstance(value, dict) or "value" not in value:
        return "has no value"
    error = value.get("error")
    if not error:
        return ""
    if not isinstance(error, dict) or "error_code" not in error or not error.keys() <= _ERROR_KEYS:
        return "has an error MLflow cannot read"
    return ""


def _expectation_defect(value: Any) -> str:
    if not isinstance(value, dict):
        return f"is {columns.name_of(value)}"
    if "value" in value:
        return "" if value["value"] is not None else "is null"
    try:
        held = json.loads(value["serialized_value"]["value"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return "has no value"
    return "" if held is not None else "is null"


def _issue_defect(value: Any) -> str:
    named = isinstance(value, dict) and value.get("issue_name") is not None
    return "" if named else "has no issue_name"


_VALUES: Final = {"expectation": _expectation_defect, "feedback": _feedback_defect, "issue": _issue_defect}


def _check_row(note: dict[Any, Any], name: str, path: str, owner: Owner, seen: Seen) -> Iterator[Symptom]:
    """What the migration makes of it (``_migrate_one_assessment``)."""
    feedback, expectation = note.get("feedback"), note.get("expectation")
    value = feedback if feedback is not None else expectation
    if value is None:
        return
    for reason in _row_defects(note, value, is_feedback=feedback is not None):
        yield owner.says("assessment-value-not-storable", path, reason)
    note_id = note.get("assessment_id") or name[: -len(_SUFFIX)]
    if isinstance(note_id, str | int | float) and columns.is_migrated(owner.experiment_id):
        yield from seen.assessment_ids.add(str(note_id), path)


def _row_defects(note: dict[Any, Any], value: Any, *, is_feedback: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"its value is {columns.name_of(value)}"
        return
    held = [value.get("value"), note.get("metadata")]
    if is_feedback:
        held.append(value.get("error"))
    if not all(_is_json(one) for one in held):
        yield "its value cannot be written as JSON"
    source = note.get("source", {})
    if not isinstance(source, dict):
        yield f"source is {columns.name_of(source)}"
        return
    checked = (
        ("source_type", source.get("source_type", "CODE"), columns.REQUIRED),
        ("source_id", source.get("source_id"), columns.ANY),
        ("assessment_name", note.get("assessment_name", note.get("name", "")), columns.REQUIRED),
        *((key, note.get(key, 0), column) for key, column in columns.ASSESSMENT.items()),
    )
    for key, one, column in checked:
        reason = columns.refused(one, column)
        if reason:
            yield f"{key} {reason}"
    valid = note.get("valid", True)
    if not isinstance(valid, int | float) or valid not in (0, 1):
        yield f"valid is {columns.shown(valid)}"


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
