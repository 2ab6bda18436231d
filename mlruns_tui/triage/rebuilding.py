"""What a metadata file must say, from what its directory tells. Pure.

Of a file that can be read only the values MLflow or its migration refuses are replaced; of one that cannot,
what its whole lines still say is kept where it can be true.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from mlruns_tui.model.mending import Traces

MODEL_STATUSES: Final[Mapping[str, int]] = {"PENDING": 1, "READY": 2, "FAILED": 3}
STATUSES: Final[Mapping[str, int]] = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_LARGEST: Final = 1 << 63
_STAGES: Final = ("active", "deleted")
_RUN_TEXTS: Final = ("source_name", "entry_point_name", "source_version", "artifact_uri", "run_name", "name")
_RUN_TIMES: Final = ("start_time", "end_time", "deleted_time")
_REGISTRY_TEXTS: Final = (
    "description", "user_id", "source", "storage_location", "run_id", "run_link", "status", "status_message",
)  # fmt: skip


def uri(*parts: str) -> str:
    """``file:///data/mlruns/3`` as MLflow writes it (``pathlib.Path.as_uri``)."""
    return "file://" + quote("/".join(parts).encode("utf-8", "surrogateescape"))


def experiment(traces: Traces, experiment_id: str, name: str, root: str, *, trashed: bool) -> dict[str, Any]:
    """``EXP/meta.yaml``."""
    meta = _storable(traces)
    meta["experiment_id"] = experiment_id
    meta["name"] = name
    own = uri(root, experiment_id)
    cut = not traces.usable and _leads_above(meta.get("artifact_location"), own)
    if cut or _is_of_another(traces, experiment_id) or not _is_text(meta.get("artifact_location")):
        meta["artifact_location"] = traces.location or own
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
    if _leads_above(meta.get("artifact_uri"), folder_uri) or (
        not _is_text(meta.get("artifact_uri")) and not traces.usable
    ):
        meta["artifact_uri"] = f"{traces.location}/{run_id}/artifacts" if traces.location else f"{folder_uri}/artifacts"
    if not traces.usable and not meta.get("run_name"):
        meta["run_name"] = traces.name
    return _without_refused(meta, (*_RUN_TEXTS, *_RUN_TIMES), _RUN_TEXTS)


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
    return _with_workspace(_with_times(meta, traces))


def version(traces: Traces, model: str, number: int) -> dict[str, Any]:
    """``models/<name>/version-<N>/meta.yaml``, of one that can be read: where a version came from is nowhere else."""
    meta = {"creation_timestamp": traces.made_ms, **_storable(traces), "name": model, "version": number}
    if not _is_text(meta.get("current_stage", "None")):
        meta["current_stage"] = "None"
    return _with_workspace(_with_times(meta, traces))


def logged_model(traces: Traces, experiment_id: str, model_id: str, folder_uri: str) -> dict[str, Any]:
    """``EXP/models/m-…/meta.yaml``. ``folder_uri``: the model's directory."""
    meta = {
        "artifact_location": f"{folder_uri}/artifacts",
        "creation_timestamp": traces.made_ms,
        "last_updated_timestamp": traces.ended_ms,
        "model_type": None,
        "name": model_id,
        "source_run_id": traces.source_run or None,
        "status_message": None,
        **_storable(traces),
        "experiment_id": experiment_id,
        "model_id": model_id,
    }
    for key, kept in (("name", model_id), ("artifact_location", f"{folder_uri}/artifacts")):
        if not _is_text(meta[key]) or (key == "artifact_location" and _leads_above(meta[key], folder_uri)):
            meta[key] = kept
    status = meta.get("status")
    if isinstance(status, str):
        status = MODEL_STATUSES.get(status.upper())
    if not isinstance(status, int | float) or status not in (0, 1, 2, 3):
        status = MODEL_STATUSES["READY" if traces.artifacts else "PENDING"]
    meta["status"] = int(status)
    if meta.get("lifecycle_stage", "active") not in _STAGES:
        meta["lifecycle_stage"] = "active"
    return _without_refused(_with_times(meta, traces), ("model_type", "source_run_id", "status_message"))


def output(traces: Traces, run_id: str, model_id: str) -> dict[str, Any]:
    """``RUN/outputs/m-…/meta.yaml``; MLflow repeats the model's id as the source's (3.0 to 3.17)."""
    meta = {"step": 0, "tags": {}, **_storable(traces)}
    if "source_id" not in meta or not _is_text(meta["source_id"]):
        meta["source_id"] = model_id
    if type(meta["step"]) is not int or not -_LARGEST <= meta["step"] < _LARGEST:
        meta["step"] = 0
    if not isinstance(meta["tags"], dict):
        meta["tags"] = {}
    return {**meta, "destination_id": model_id, "destination_type": "MODEL_OUTPUT", "source_type": "RUN_OUTPUT"}


def _leads_above(location: object, own_uri: str) -> bool:
    """Whether a location is the beginning of one's own directory's: cut off, or a directory that holds others too.
    ``mlflow gc`` deletes whatever is there."""
    if not isinstance(location, str) or not location:
        return False
    place, own = _plain(location), _plain(own_uri)
    return place != own and own.startswith(place)


def _is_of_another(traces: Traces, experiment_id: str) -> bool:
    """Whether the file was taken from another experiment, whose directory it names."""
    stated, location = str(traces.stated.get("experiment_id", "")), traces.stated.get("artifact_location")
    return stated not in ("", experiment_id) and isinstance(location, str) and _plain(location).endswith(f"/{stated}")


def _plain(location: str) -> str:
    return "/" + unquote(location).removeprefix("file:").strip("/")


def _storable(traces: Traces) -> dict[str, Any]:
    """What the file says, as far as a metadata file can say it again."""
    return {key: value for key, value in traces.stated.items() if isinstance(key, str)}


def _with_times(meta: dict[str, Any], traces: Traces) -> dict[str, Any]:
    """With times MLflow can sort by."""
    guesses = {"creation_timestamp": traces.made_ms, "last_updated_timestamp": traces.ended_ms}
    for key, guess in guesses.items():
        if key in meta and not _is_time(meta[key]):
            meta[key] = guess
    return _without_refused(meta, _REGISTRY_TEXTS)


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


def _without_refused(meta: dict[str, Any], keys: Collection[str], empty: Collection[str] = ()) -> dict[str, Any]:
    """Without values of these keys a database column refuses; those of ``empty`` become an empty text."""
    for key in keys:
        if key in meta and not _is_scalar(meta[key]):
            meta[key] = "" if key in empty else None
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
