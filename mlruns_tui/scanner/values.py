"""Named params, metrics, tags and datasets of many runs, a few hundred milliseconds at a time.

Read as MLflow 3.17's file store does (``_get_metric_from_file``, ``_get_param_from_file``,
``_get_dataset_inputs``). Names come from whoever asks, never out of a file, and none leads out of the run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.protocols import never
from mlruns_tui.model.store import Snapshot, StoreInfo, container_key
from mlruns_tui.model.text import safe
from mlruns_tui.model.values import DatasetUse, RunValues, ValueNames, Wanted

from . import layout
from .database_values import names_in_database, values_in_database
from .evidence import path_of
from .files import read_meta
from .metadata import Unusable
from .metrics import parse_line
from .pulse import Pulse
from .root import open_root

ANSWER_S: Final = 0.2
"""An answer is given after about so long, with what was read until then."""
MAX_METRIC: Final = 64 << 20
"""Bytes of the largest metric file whose last value is looked for."""
MAX_NAMES: Final = 5_000
MAX_NAME: Final = 250
"""Characters of a name that are shown."""
_CONTEXT: Final = "mlflow.data.context"


def values(store: StoreInfo, keys: Sequence[str], wanted: Wanted, last: Snapshot | None) -> tuple[RunValues, ...]:
    """What is wanted of the first of these runs, at least one: ask again for the others.

    Raises StaleError when the store is gone, MlrunsError when its database cannot be read.
    """
    in_database = _of_database(store, keys, last)
    root_fd = open_root(store)
    found: list[RunValues] = []
    try:
        from_rows = values_in_database(store.database, sorted(in_database), wanted, Pulse(never)) if in_database else {}
        until = monotonic() + ANSWER_S
        for key in keys:
            if key in in_database:
                found.append(replace(from_rows.get(key.rpartition("/run/")[2], _nothing_known(key, wanted)), key=key))
            else:
                found.append(_of_run(root_fd, key, wanted))
            if monotonic() > until:
                break
    finally:
        if root_fd is not None:
            os.close(root_fd)
    return tuple(found)


def names(store: StoreInfo, keys: Sequence[str], last: Snapshot | None) -> ValueNames:
    """Names of the metrics, params and tags of these runs, or of the first of them when there are many."""
    in_database = _of_database(store, keys, last)
    found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    if in_database:
        for own, more in zip(found, names_in_database(store.database, sorted(in_database), Pulse(never)), strict=True):
            own |= more
    root_fd = open_root(store)
    until = monotonic() + ANSWER_S
    try:
        for key in keys:
            if key in in_database or root_fd is None:
                continue
            _gather(root_fd, key, found)
            if monotonic() > until or sum(map(len, found)) > MAX_NAMES:
                break
    finally:
        if root_fd is not None:
            os.close(root_fd)
    shown = [{safe(name, MAX_NAME): name for name in one} for one in found]
    exact = {
        f"{part}.{name}": real
        for part, by_name in zip(("metrics", "params", "tags"), shown, strict=True)
        for name, real in by_name.items()
        if name != real
    }
    metrics, params, tags = (tuple(sorted(one, key=str.casefold)) for one in shown)
    return ValueNames(metrics, params, tags, exact)


def _of_database(store: StoreInfo, keys: Sequence[str], last: Snapshot | None) -> frozenset[str]:
    """Keys of the runs whose record is a row."""
    if last is None or not store.database or not os.path.isabs(store.database):
        return frozenset()
    wanted = frozenset(keys)
    containers = {container_key(key) for key in wanted}
    return frozenset(
        run.key
        for container in containers
        for run in last.runs.get(container, ())
        if run.record == "database" and run.key in wanted
    )


def _gather(root_fd: int, key: str, found: tuple[set[str], set[str], set[str]]) -> None:
    path = path_of(key)
    if path is None:
        return
    try:
        fd = look.open_path(root_fd, path)
    except OSError:
        return
    try:
        for part, names in zip(("metrics", "params", "tags"), found, strict=True):
            try:
                for entry in look.walk(fd, part, lambda *error: None):
                    if stat.S_ISREG(entry.status.st_mode):
                        names.add(entry.path)
            except OSError:
                continue
    finally:
        os.close(fd)


def _nothing_known(key: str, wanted: Wanted) -> RunValues:
    """Of a run that is not there, or cannot be entered."""
    parts = (("metrics", wanted.metrics), ("params", wanted.params), ("tags", wanted.tags))
    lost = {f"{part}.{name}" for part, names in parts for name in names}
    return RunValues(key, unreadable=frozenset(lost | {"datasets", "artifact_uri"}))


def _of_run(root_fd: int | None, key: str, wanted: Wanted) -> RunValues:
    path = path_of(key)
    if root_fd is None or path is None or "/run/" not in key:
        return _nothing_known(key, wanted)
    try:
        fd = look.open_path(root_fd, path)
    except OSError:
        return _nothing_known(key, wanted)
    lost: set[str] = set()
    try:
        uri = None
        if wanted.artifact_uri:
            try:
                stated = read_meta(layout.META, fd).get("artifact_uri")
                uri = None if stated is None else str(stated)
            except (Unusable, OSError):
                lost.add("artifact_uri")
        return RunValues(
            key,
            _each(fd, "metrics", wanted.metrics, _last_value, lost),
            _each(fd, "params", wanted.params, _text, lost),
            _each(fd, "tags", wanted.tags, _text, lost),
            _datasets(root_fd, path, lost) if wanted.datasets else (),
            uri,
            frozenset(lost),
        )
    finally:
        os.close(fd)


def _each(fd: int, part: str, wanted: Sequence[str], read: Callable[[str, int], Any], lost: set[str]) -> dict[str, Any]:
    """The files of these names below a part of the run; one that is missing is left out."""
    found = {}
    for name in wanted:
        try:
            value = _below(fd, part, name, read)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if error.errno not in (21, 36):  # a folder of that name, or a name no file can have
                lost.add(f"{part}.{name}")
            continue
        except ValueError:
            lost.add(f"{part}.{name}")
            continue
        found[name] = value
    return found


def _below(fd: int, part: str, name: str, read: Callable[[str, int], Any]) -> Any:
    above, _, leaf = f"{part}/{name}".rpartition("/")
    pieces = name.split("/")
    if "\0" in name or any(piece in ("", ".", "..") for piece in pieces):
        raise FileNotFoundError(2, "no such name", name)
    parent = look.open_path(fd, above)
    try:
        return read(leaf, parent)
    finally:
        os.close(parent)


def _text(name: str, dir_fd: int) -> str:
    """Raises ValueError for what is not UTF-8: MLflow does too."""
    return look.read_small(name, dir_fd).decode("utf-8")


def _last_value(name: str, dir_fd: int) -> float:
    """The value of the highest step, then the latest time, then the highest. Raises ValueError, OSError."""
    data = look.read_small(name, dir_fd, MAX_METRIC)
    best: tuple[int, int, float] | None = None
    for line in data.split(b"\n"):
        if not line:
            continue
        point = parse_line(line)
        if point is None:
            raise ValueError("a line that is none")
        # With a dataset behind it MLflow passes over the step.
        if line.count(b" ") > 3:
            point = (0, point[1], point[2])
        if best is None or point > best:
            best = point
    if best is None:
        raise ValueError("no point")
    return best[2]


def _datasets(root_fd: int, run_path: str, lost: set[str]) -> tuple[DatasetUse, ...]:
    """Datasets the run was given, as far as its experiment still has them."""
    experiment = run_path.rpartition("/")[0]
    found = []
    try:
        known = _listed(root_fd, f"{experiment}/datasets")
        for name in _listed(root_fd, f"{run_path}/inputs"):
            meta = read_meta(f"{run_path}/inputs/{name}/{layout.META}", root_fd)
            source, tags = meta.get("source_id"), meta.get("tags")
            # The folder is one of those that were listed, not one that a file names.
            if meta.get("source_type") != "DATASET" or source not in known:
                continue
            dataset = read_meta(f"{experiment}/datasets/{source}/{layout.META}", root_fd)
            contexts = [str(text) for key, text in tags.items() if key == _CONTEXT] if isinstance(tags, dict) else []
            found.append(DatasetUse(str(dataset.get("name")), str(dataset.get("digest")), tuple(contexts)))
    except (Unusable, OSError):
        lost.add("datasets")
    return tuple(found)


def _listed(root_fd: int, path: str) -> tuple[str, ...]:
    """Names in a directory, none where there is none; links on the way are refused. Raises OSError."""
    try:
        fd = look.open_path(root_fd, path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    try:
        return tuple(os.listdir(fd))
    finally:
        os.close(fd)
