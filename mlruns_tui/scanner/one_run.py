"""What is asked about one run only when somebody looks at it: everything wrong in it, and who names it."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import decode, safe

from . import layout
from .checks import folders
from .checks.context import Owner, Store
from .checks.lineage import Datasets
from .checks.runs import check_run
from .checks.seen import Seen
from .checks.siblings import Siblings
from .files import read_meta
from .metadata import Unusable
from .pulse import Halted, Pulse

MAX_S: Final = 1.5
"""Seconds either of the two takes at most, about: somebody waits for the details."""
MAX_SYMPTOMS: Final = 500
_SOURCE_RUN: Final = "request_metadata/mlflow.sourceRun"
_ASSESSED_BY: Final = "mlflow.assessment.sourceRunId"


def check(root_fd: int, root: str, path: str, messages: list[str]) -> tuple[Symptom, ...]:
    """What is wrong with the run at ``path`` by itself; in ``messages`` if that is not all. Never raises."""
    above, _, name = path.rpartition("/")
    found: list[Symptom] = []
    try:
        fd = look.open_path(root_fd, above)
    except OSError:
        return ()
    try:
        store = Store(root_fd, root, _at_most(MAX_S))
        inside = folders.entries(fd)
        names = frozenset(one.name for one in inside if one.is_folder) - layout.RESERVED
        if name not in {one.name for one in inside if one.kind == "folder"}:
            return ()
        datasets = Datasets.of(fd, {one.name for one in inside})
        experiment = Owner(above.rpartition("/")[2])
        for one in check_run(name, fd, path, experiment, names, Siblings(), datasets, store, Seen()):
            found.append(one)
            if len(found) == MAX_SYMPTOMS:
                messages.append(f"more than {MAX_SYMPTOMS:,} findings: the rest is not shown")
                break
    except Halted:
        messages.append("not all of it was checked: that takes too long here")
    except OSError as error:
        messages.append(f"not checked: {look.words(error)}")
    finally:
        os.close(fd)
    return tuple(found)


def referring(root_fd: int, path: str, messages: list[str]) -> tuple[str, ...]:
    """Who in the experiment of the run at ``path`` names it, as far as a scan does not read that. Never raises.

    Traces name the run they were recorded in, assessments the one that made them; each point of a logged
    model's metric names the run that logged it (``_log_model_metric``, ``store/tracking/file_store.py``, 3.17).
    """
    above, _, run_id = path.rpartition("/")
    count: Counter[str] = Counter()
    models: list[str] = []
    try:
        pulse = _at_most(MAX_S)
        for trace in _directories(root_fd, f"{above}/traces"):
            pulse()
            count["trace"] += _says(trace, _SOURCE_RUN, root_fd) == run_id
            count["assessment"] += sum(_assessed_by(run_id, one, root_fd) for one in _assessments(root_fd, trace))
        for model in _directories(root_fd, f"{above}/{layout.REGISTRY}"):
            pulse()
            if _logged_by(run_id, f"{model}/metrics", root_fd, pulse):
                models.append(model)
    except Halted:
        messages.append("not everything that may name it was read: that takes too long here")
    made = {"trace": "recorded in", "assessment": "made by"}
    said = [f"{number:,} {what}{'s' * (number != 1)} {made[what]} this run" for what, number in count.items() if number]
    return (*said, *(f"metrics of logged model {_name(one, root_fd)} were logged by this run" for one in models))


def _at_most(seconds: float) -> Pulse:
    end = time.monotonic() + seconds
    return Pulse(lambda: time.monotonic() > end)


def _directories(root_fd: int, path: str) -> Iterator[str]:
    try:
        fd = look.open_path(root_fd, path)
    except OSError:
        return
    try:
        names = sorted(one.name for one in folders.entries(fd) if one.kind == "folder")
    except OSError:
        return
    finally:
        os.close(fd)
    yield from (f"{path}/{name}" for name in names)


def _says(folder: str, file: str, root_fd: int) -> str:
    try:
        return decode(look.read_small(f"{folder}/{file}", root_fd, 256)).strip()
    except OSError:
        return ""


def _assessments(root_fd: int, trace: str) -> Iterator[str]:
    folder = f"{trace}/assessments"
    try:
        fd = look.open_path(root_fd, folder)
    except OSError:
        return
    try:
        names = [one.name for one in folders.entries(fd) if one.kind == "file" and one.name.endswith(".yaml")]
    except OSError:
        return
    finally:
        os.close(fd)
    yield from (f"{folder}/{name}" for name in names)


def _assessed_by(run_id: str, path: str, root_fd: int) -> bool:
    try:
        stated = read_meta(path, root_fd).get("metadata")
    except (OSError, Unusable):
        return False
    return isinstance(stated, dict) and stated.get(_ASSESSED_BY) == run_id


def _logged_by(run_id: str, metrics: str, root_fd: int, pulse: Pulse) -> bool:
    """Whether a point of a logged model names the run: in the first 64 KB of each of its metrics."""
    above, _, name = metrics.rpartition("/")
    try:
        fd = look.open_path(root_fd, above)
    except OSError:
        return False
    wanted = f" {run_id}".encode(errors="surrogateescape")
    try:
        for entry in look.walk(fd, name):
            pulse()
            if stat.S_ISREG(entry.status.st_mode) and _names(entry, wanted):
                return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False


def _names(entry: look.Entry, wanted: bytes) -> bool:
    try:
        data, _ = look.read_head(entry.name, entry.dir_fd, 1 << 16)
    except OSError:
        return False
    return any(wanted == line[-len(wanted) :] or wanted + b" " in line for line in data.splitlines())


def _name(model: str, root_fd: int) -> str:
    try:
        stated = read_meta(f"{model}/{layout.META}", root_fd).get("name")
    except (OSError, Unusable):
        stated = None
    return safe(str(stated), 256) if isinstance(stated, str) and stated else safe(model.rpartition("/")[2])
