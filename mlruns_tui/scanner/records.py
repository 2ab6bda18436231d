"""What a mapping out of ``meta.yaml`` says of an experiment or run, judged as MLflow judges it.

Taken from MLflow 3.17's readers (``_read_persisted_experiment_dict``, ``_read_persisted_run_info_dict``,
``RunInfo.__init__``), and milder where an older MLflow wrote the store: a run with ``run_uuid`` only is
fine. Whatever can be told of a malformed entry is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlruns_tui.model.store import Experiment, Run
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Lifecycle, Place, State, Status

from . import layout

_STATUS: Final[dict[int, Status]] = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""Numbers of MLflow's ``RunStatus`` protocol buffer enum."""
_LIFECYCLE: Final[dict[Any, Lifecycle]] = {"active": "active", "deleted": "deleted"}
_LATEST_MS = 253_402_300_800_000
"""The year 10000: what is later is no time."""
_MISSING = object()


def text(value: Any) -> str:
    """A value as text that is safe to show; nothing for null."""
    if value is None:
        return ""
    return safe(value if isinstance(value, str) else str(value)[:5_000])


def time_ms(value: Any) -> int | None:
    """A time in ms, or None for anything that cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value < _LATEST_MS else None


def lifecycle(value: Any) -> Lifecycle | None:
    return _LIFECYCLE.get(value) if isinstance(value, str) else None


def status_word(value: Any) -> Status:
    """A status as MLflow's databases spell it; UNKNOWN for any other word."""
    return value if value in _STATUS.values() else "UNKNOWN"


def experiment_of(meta: Mapping[Any, Any], name: str, place: Place, path: str) -> Experiment:
    """The experiment whose directory is called ``name``; state ``ok`` or ``malformed``."""
    reason = _experiment_defect(meta, name)
    return Experiment(
        name,
        place,
        "malformed" if reason else "ok",
        reason,
        text(meta.get("name")),
        lifecycle(meta.get("lifecycle_stage")),
        text(meta.get("artifact_location")),
        time_ms(meta.get("creation_time")),
        time_ms(meta.get("last_update_time")),
        "file",
        path,
    )


def _experiment_defect(meta: Mapping[Any, Any], name: str) -> str:
    for key in ("experiment_id", "name", "artifact_location", "lifecycle_stage"):
        if key not in meta:
            return f"{key} is missing"
    if not layout.is_experiment_id(name):
        return "MLflow refuses the name of its directory"
    stated = meta["experiment_id"]
    if stated != name and (isinstance(stated, bool) or not isinstance(stated, int) or str(stated) != name):
        return f"experiment_id says {text(stated)[:80]}, its directory is {safe(name)}"
    return ""


def run_of(meta: Mapping[Any, Any], experiment_id: str, name: str, place: Place, path: str) -> Run:
    """The run in the directory ``name`` of the experiment's directory; state ``ok`` or ``malformed``."""
    number = meta.get("status", 1)
    status: Status = "UNKNOWN"
    if isinstance(number, int | float) and not isinstance(number, bool):
        status = _STATUS.get(number, "UNKNOWN")  # type: ignore[arg-type]
    stage = lifecycle(meta.get("lifecycle_stage", "active"))
    reason = _run_defect(meta, experiment_id, name)
    if not reason and status == "UNKNOWN":
        reason = f"status {text(number)[:80]} is none of MLflow's"
    if not reason and stage is None:
        reason = f"lifecycle_stage {text(meta['lifecycle_stage'])[:80]} is neither active nor deleted"
    state: State = "malformed" if reason else "ok"
    return Run(
        experiment_id,
        name,
        place,
        state,
        reason,
        # 1.0 wrote ``name`` where later versions write ``run_name``.
        text(meta.get("run_name") or meta.get("name")),
        status,
        stage,
        text(meta.get("user_id")),
        time_ms(meta.get("start_time")),
        time_ms(meta.get("end_time")),
        time_ms(meta.get("deleted_time")),
        "file",
        path,
    )


def _run_defect(meta: Mapping[Any, Any], experiment_id: str, name: str) -> str:
    stated = meta.get("run_id", meta.get("run_uuid", _MISSING))
    if stated is _MISSING:
        return "run_id is missing"
    for key in ("experiment_id", "user_id", "start_time"):
        if meta.get(key) is None:
            return f"{key} is missing"
    if stated != name and str(stated) != name:
        return f"run_id says {text(stated)[:80]}, its directory is {safe(name)}"
    stated = meta["experiment_id"]
    if stated != experiment_id and (isinstance(stated, bool) or str(stated) != experiment_id):
        return f"experiment_id says {text(stated)[:80]}, its directory is in {safe(experiment_id)}"
    return ""
