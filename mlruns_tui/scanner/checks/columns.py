"""Values a database takes and values it refuses: what ``mlflow migrate-filestore`` puts where.

From MLflow 3.17: ``store/fs2db`` says which key of a metadata file becomes which column, the tables in
``store/tracking/dbmodels`` and ``store/model_registry/dbmodels`` what the columns allow. The target is
SQLite: any scalar fits any column, nothing is cut, a list fits none.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlruns_tui.model.text import safe

_INT64 = 1 << 63
_SCALARS = (str, int, float, bytes, datetime.date)


@dataclass(frozen=True, slots=True)
class Column:
    """What a column asks of a value that is there."""

    required: bool = False
    choices: frozenset[str] | None = None


ANY: Final = Column()
REQUIRED: Final = Column(required=True)
LIFECYCLE: Final = Column(choices=frozenset({"active", "deleted"}))
RUN_STATUSES: Final = frozenset({"SCHEDULED", "FAILED", "FINISHED", "RUNNING", "KILLED"})
SOURCE_TYPES: Final = frozenset({"NOTEBOOK", "JOB", "LOCAL", "UNKNOWN", "PROJECT"})

EXPERIMENT: Final = {
    "name": REQUIRED,
    "artifact_location": ANY,
    "lifecycle_stage": LIFECYCLE,
    "creation_time": ANY,
    "last_update_time": ANY,
}
RUN: Final = {
    **dict.fromkeys(("source_name", "entry_point_name", "source_version", "user_id", "artifact_uri"), ANY),
    **dict.fromkeys(("start_time", "end_time", "deleted_time"), ANY),
    "lifecycle_stage": LIFECYCLE,
}
DATASET: Final = {
    **dict.fromkeys(("name", "digest", "source_type", "source"), REQUIRED),
    **dict.fromkeys(("schema", "profile"), ANY),
}
LOGGED_MODEL: Final = {
    **dict.fromkeys(("model_id", "name", "artifact_location"), REQUIRED),
    **dict.fromkeys(("creation_timestamp", "last_updated_timestamp"), REQUIRED),
    **dict.fromkeys(("model_type", "source_run_id", "status_message"), ANY),
    "lifecycle_stage": LIFECYCLE,
}
REGISTERED_MODEL: Final = {
    "name": REQUIRED,
    **dict.fromkeys(("creation_timestamp", "last_updated_timestamp", "description"), ANY),
}
VERSION: Final = dict.fromkeys(
    (
        "creation_timestamp", "last_updated_timestamp", "description", "user_id", "current_stage", "source",
        "storage_location", "run_id", "run_link", "status", "status_message",
    ),
    ANY,
)  # fmt: skip
TRACE: Final = dict.fromkeys(("client_request_id", "request_preview", "response_preview"), ANY)
ASSESSMENT: Final = {
    **dict.fromkeys(("create_time_ms", "last_update_time_ms"), REQUIRED),
    **dict.fromkeys(("run_id", "span_id", "rationale", "overrides"), ANY),
}


def is_migrated(directory: str) -> bool:
    """Whether the migration takes a directory for an experiment: its name is an integer to Python."""
    try:
        int(directory)
    except ValueError:
        return False
    return True


def refusals(meta: Mapping[Any, Any], columns: Mapping[str, Column]) -> Iterator[str]:
    """``creation_time is a list`` for each value in a metadata file that its column would refuse."""
    for key, column in columns.items():
        if key in meta:
            reason = refused(meta[key], column)
            if reason:
                yield f"{key} {reason}"


def refused(value: Any, column: Column = ANY) -> str:
    """Why a column refuses a value, in words that follow its name; empty when it takes it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "is null" if column.required else ""
    if not isinstance(value, _SCALARS):
        return f"is {name_of(value)}"
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return "does not fit 64 bits"
    if isinstance(value, str) and not _is_unicode(value):
        return "holds half a character"
    if column.choices is not None and (not isinstance(value, str) or value not in column.choices):
        return f"is {shown(value)}"
    return ""


def _is_unicode(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def name_of(value: Any) -> str:
    """``a list``: what kind of thing a value is, for a sentence."""
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name
    return "of another kind"


_NAMES: Final = (
    (type(None), "null"),
    (bool, "a truth value"),
    ((int, float), "a number"),
    (str, "text"),
    (bytes, "binary data"),
    (datetime.date, "a date"),
    (list, "a list"),
    (dict, "a mapping"),
    (set, "a set"),
)


def shown(value: Any) -> str:
    """A foreign value for a sentence: short, safe, text in quotes."""
    if isinstance(value, str):
        return f"‘{safe(value, 60)}’"
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return "a number beyond 64 bits"
    return safe(str(value), 60) if isinstance(value, int | float) else name_of(value)
