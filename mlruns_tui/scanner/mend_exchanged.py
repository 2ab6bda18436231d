"""Runs that have each other's metadata: whether the two files were exchanged, or the two folders.

Both look the same to MLflow, and what mends the one makes the other worse. What was logged tells: names and users in
tags, the times of metrics, the run ids that models and tags hold.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.mending import Exchange, Spot
from mlruns_tui.model.words import TRASH_NAME

from . import layout
from .checks import documents
from .mend_copies import directories
from .mend_traces import moments, points, tag, whole_text

_MODELS: Final = 50
"""Artifacts of a run that are asked for the run they are of."""
_LATE_MS: Final = 60_000
"""Metrics may still be on their way when a run is ended."""
_RUN_ID: Final = re.compile(r"^run_id: *['\"]?([0-9a-zA-Z_-]{1,256})['\"]?\s*$", re.MULTILINE)


def with_exchanged(spots: Iterable[Spot], root_fd: int) -> list[Spot]:
    """The places; a run's with the other one whose metadata it has."""
    return [_looked_at(one, root_fd) if one.wanted.kind == "run" else one for one in spots]


def _looked_at(spot: Spot, root_fd: int) -> Spot:
    if "run-meta-of-sibling" in {one.code for one in spot.wanted.findings}:
        return _overwritten(spot, root_fd)
    return replace(spot, exchange=_exchange(spot, root_fd))


def _overwritten(spot: Spot, root_fd: int) -> Spot:
    """A run with the metadata of one that has its own: where it logged something else, its own is lost."""
    mine, stated = spot.wanted.path.rpartition("/")[0], spot.traces.stated
    theirs = _named(stated, mine)
    path = f"{theirs}/{layout.META}"
    other = documents.read(path, root_fd)
    if not theirs or _named(other.value, theirs) != theirs or not _Logged(theirs, root_fd).fits(other.value):
        return replace(spot, exchange=Exchange(path, "", "the run its meta.yaml names is broken as well"))
    if _Logged(mine, root_fd).fits(stated):
        why = "nothing logged in it tells that it is a run of its own: one of the two is a copy"
        return replace(spot, exchange=Exchange(path, "", why))
    return replace(spot, traces=replace(spot.traces, stated={}, usable=False, text=""))


def _exchange(spot: Spot, root_fd: int) -> Exchange | None:
    mine, stated = spot.wanted.path.rpartition("/")[0], spot.traces.stated
    if not spot.traces.usable or not spot.traces.text:
        return None
    theirs = _named(stated, mine)
    if not theirs or theirs == mine:
        return None
    other = documents.read(f"{theirs}/{layout.META}", root_fd)
    if not other.usable or other.cut or _named(other.value, theirs) != mine:
        return None
    try:
        theirs_fd = look.open_path(root_fd, theirs)
    except OSError:
        return None
    try:
        text = whole_text(theirs_fd)
    finally:
        os.close(theirs_fd)
    if not text:
        return None
    path = f"{theirs}/{layout.META}"
    return Exchange(path, text, _why_not(mine, theirs, stated, other.value, root_fd))


def _named(meta: Mapping[Any, Any], path: str) -> str:
    """Path of the run a metadata file names, beside the run at ``path``; empty for none."""
    run_id, experiment_id = meta.get("run_id") or meta.get("run_uuid"), str(meta.get("experiment_id"))
    if not isinstance(run_id, str) or "/" in run_id + experiment_id or run_id in (".", ".."):
        return ""
    trash = f"{TRASH_NAME}/" if path.startswith(f"{TRASH_NAME}/") else ""
    if experiment_id in (".", "..", TRASH_NAME, ""):
        return ""
    return f"{trash}{experiment_id}/{run_id}"


def _why_not(mine: str, theirs: str, in_mine: Mapping[Any, Any], in_theirs: Mapping[Any, Any], root_fd: int) -> str:
    """Why the two files must not be exchanged; empty where what was logged says that they were."""
    here, there = _Logged(mine, root_fd), _Logged(theirs, root_fd)
    files = here.fits(in_theirs) and there.fits(in_mine)
    folders = here.fits(in_mine) and there.fits(in_theirs)
    name = theirs.rpartition("/")[2]
    if files and not folders:
        return ""
    if folders and not files:
        return f"what was logged in it is that of run {name}: the folders were exchanged, and must be renamed by hand"
    if files:
        return f"nothing logged tells whether its meta.yaml or its folder was exchanged with that of run {name}"
    return f"what was logged in it fits neither its own meta.yaml nor that of run {name}"


class _Logged:
    """What a run's directory tells of the run it is."""

    def __init__(self, path: str, root_fd: int) -> None:
        self.times: list[int] = []
        self.name = self.user = ""
        self.ids: set[str] = set()
        try:
            fd = look.open_path(root_fd, path)
        except OSError:
            return
        try:
            self.name, self.user = tag("mlflow.runName", fd), tag("mlflow.user", fd)
            self.times = points(fd)
            self.ids = {*_ids_in_history(tag("mlflow.log-model.history", fd)), *_ids_in_models(fd)}
        finally:
            os.close(fd)

    def fits(self, meta: Mapping[Any, Any]) -> bool:
        """Whether nothing logged speaks against this metadata."""
        name, user = meta.get("run_name") or meta.get("name"), meta.get("user_id")
        if self.name and name and self.name != name:
            return False
        if self.user and user and self.user != user:
            return False
        if self.ids - {meta.get("run_id"), meta.get("run_uuid")}:
            return False
        starts, ends = moments(meta.get("start_time")), moments(meta.get("end_time"))
        early = bool(starts) and any(one < starts[0] - _LATE_MS for one in self.times)
        return not early and not (ends and any(one > ends[0] + _LATE_MS for one in self.times))


def _ids_in_history(text: str) -> Iterator[str]:
    """Of the tag in which 2.x notes the models it logged."""
    try:
        noted = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return
    for one in noted if isinstance(noted, list) else []:
        if isinstance(one, dict) and isinstance(one.get("run_id"), str):
            yield one["run_id"]


def _ids_in_models(fd: int) -> Iterator[str]:
    """Of the models among a run's artifacts."""
    for name in directories(fd, "artifacts")[:_MODELS]:
        try:
            text = look.read_small(f"artifacts/{name}/MLmodel", fd).decode("utf-8", "replace")
        except OSError:
            continue
        found = _RUN_ID.search(text)
        if found:
            yield found[1]
