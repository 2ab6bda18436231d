"""What a metadata file must say, from what its directory tells. Pure.

Of a file that can be read only the values MLflow or its migration refuses are replaced; of one that cannot,
what its whole lines still say is kept where it can be true.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from mlruns_tui.model.mending import Traces

STATUSES: Final[Mapping[str, int]] = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_LARGEST: Final = 1 << 63
_STAGES: Final = ("active", "deleted")
_RUN_TEXTS: Final = ("source_name", "entry_point_name", "source_version", "artifact_uri", "run_name", "name")
_RUN_TIMES: Final = ("start_time", "end_time", "deleted_time")


def uri(*parts: str) -> str:
    """``file:///data/mlruns/3`` as MLflow writes it (``pathlib.Path.as_uri``)."""
    return "file://" + quote("/".join(parts).encode("utf-8", "surrogateescape"))


def experiment(traces: Traces, experiment_id: str, name: str, root: str, *, trashed: bool) -> dict[str, Any]:
    """``EXP/meta.yaml``."""
    meta = _storable(traces)
    meta["experiment_id"] = experiment_id
    meta["name"] = name
    if not _is_text(meta.get("artifact_location")):
        meta["artifact_location"] = traces.location or uri(root, experiment_id)
    if meta.get("lifecycle_stage") not in _STAGES:
        meta["lifecycle_stage"] = "deleted" if trashed else "active"
    for key, guess in (("creation_time", traces.made_ms), ("last_update_time", traces.ended_ms)):
        if (key in meta or not traces.usable) and not _is_time(meta.get(key)):
            meta[key] = guess or None
    if not isinstance(meta.get("workspace", ""), str | None):
        del meta["workspace"]
    return meta


def run(traces: Traces, experiment_id: str, run_id: str, folder_uri: str) -> dict[str, Any]:
    """``RUN/meta.yaml``. ``folder_uri``: the run's directory, for artifacts nobody says are elsewhere."""
    meta = _storable(traces)
    if not traces.usable:
        fresh: dict[str, Any] = {
            "deleted_time": None, "end_time": None, "entry_point_name": "", "run_id": run_id, "run_name": "",
            "run_uuid": run_id, "source_name": "", "source_type": 4, "source_version": "", "tags": [],
        }  # fmt: skip
        meta = {**fresh, **meta}
    meta["experiment_id"] = experiment_id
    meta["run_id"] = run_id
    if "run_uuid" in meta:
        meta["run_uuid"] = run_id
    status = meta.get("status", None if not traces.usable else 1)
    meta["status"] = _status(status, traces)
    stage = meta.get("lifecycle_stage", "active")
    meta["lifecycle_stage"] = str(stage).lower() if str(stage).lower() in _STAGES else "active"
    if not _is_time(meta.get("start_time")):
        meta["start_time"] = traces.made_ms
    if "end_time" not in meta or (not traces.usable and meta["end_time"] is None):
        meta["end_time"] = traces.ended_ms or None if meta["status"] in (3, 4, 5) else None
    if not _is_text(meta.get("user_id")):
        meta["user_id"] = traces.user or "unknown"
    if not _is_text(meta.get("artifact_uri")) and not traces.usable:
        meta["artifact_uri"] = f"{traces.location}/{run_id}/artifacts" if traces.location else f"{folder_uri}/artifacts"
    if not traces.usable and not meta.get("run_name"):
        meta["run_name"] = traces.name
    return _without_refused(meta)


def registered_model(traces: Traces, name: str) -> dict[str, Any]:
    """``models/<name>/meta.yaml``."""
    meta = {
        "aliases": dict(traces.aliases),
        "creation_timestamp": traces.made_ms,
        "description": None,
        "last_updated_timestamp": traces.ended_ms,
        **_storable(traces),
        "name": name,
    }
    return _with_workspace(meta)


def version(traces: Traces, model: str, number: int) -> dict[str, Any]:
    """``models/<name>/version-<N>/meta.yaml``, of one that can be read: where a version came from is nowhere else."""
    meta = {"creation_timestamp": traces.made_ms, **_storable(traces), "name": model, "version": number}
    if isinstance(meta.get("current_stage"), list | dict | set):
        meta["current_stage"] = "None"
    return _with_workspace(meta)


def _storable(traces: Traces) -> dict[str, Any]:
    """What the file says, as far as a metadata file can say it again."""
    return {key: value for key, value in traces.stated.items() if isinstance(key, str)}


def _with_workspace(meta: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(meta.get("workspace", ""), str | None):
        del meta["workspace"]
    return meta


def _status(stated: Any, traces: Traces) -> int:
    """A word is what it says; of a run nobody writes to any more, one that left something finished, else it was
    killed."""
    if isinstance(stated, str) and stated.upper() in STATUSES:
        return STATUSES[stated.upper()]
    if isinstance(stated, int | float) and stated in STATUSES.values():
        return int(stated)
    return STATUSES["FINISHED" if traces.artifacts else "KILLED"]


def _without_refused(meta: dict[str, Any]) -> dict[str, Any]:
    """Without values a database column refuses."""
    for key in _RUN_TEXTS:
        if key in meta and not _is_scalar(meta[key]):
            meta[key] = ""
    for key in _RUN_TIMES:
        if key in meta and not _is_scalar(meta[key]):
            meta[key] = None
    kind = meta.get("source_type", 4)
    if isinstance(kind, str) and kind not in ("NOTEBOOK", "JOB", "LOCAL", "UNKNOWN", "PROJECT"):
        meta["source_type"] = 4
    return meta


def _is_scalar(value: Any) -> bool:
    if value is None or isinstance(value, float | datetime.date | bytes):
        return True
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    return _is_text(value, empty=True)


def _is_text(value: Any, *, empty: bool = False) -> bool:
    """Text that is in Unicode."""
    if not isinstance(value, str) or not (value or empty):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_time(value: Any) -> bool:
    return type(value) is int and -_LARGEST <= value < _LARGEST
