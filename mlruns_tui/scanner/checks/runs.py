"""One directory in the place of a run: its metadata as ``_read_persisted_run_info_dict`` and ``RunInfo``
take it, its folders, and the files in them (``store/tracking/file_store.py``, ``entities/run_info.py``, 3.17)."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom

from .. import layout
from ..being_made import is_being_made
from . import columns, folders, links
from .contents import check_folder
from .context import Owner, Store
from .lineage import Datasets, check_inputs, check_outputs
from .metrics import judge_metric
from .seen import Seen
from .siblings import Siblings

_RUN_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,255}$")
_PARENT: Final = "tags/mlflow.parentRunId"
_RUNNING: Final = 1
_DAY_NS: Final = 86_400 * 1_000_000_000
SILENT_NS: Final = _DAY_NS
"""Trainings that log once an epoch may be silent for hours."""
_MAX_LOOKED_AT: Final = 20_000
"""Files of one run: with more of them its silence is not told."""
_REQUIRED: Final = ("artifacts", "metrics", "params")
"""Folders without which MLflow does not take a directory for a run it was asked for by its id."""


def check_run(
    name: str,
    experiment_fd: int,
    path: str,
    experiment: Owner,
    names: frozenset[str],
    siblings: Siblings,
    datasets: Datasets,
    store: Store,
    seen: Seen,
    kind: folders.Kind = "folder",
) -> Iterator[Symptom]:
    """Everything in one run's directory; ``kind`` says where it is a link to one kept elsewhere."""
    owner = experiment.of_run(name)
    behind = links.through(kind, path, owner, store)
    if kind == "link-to-folder":
        yield links.told(path, owner, behind, store, "run-link-out-of-the-store")
    if behind is None:
        seen.blind = True
        return
    owner = behind
    fd, access = folders.enter(name, experiment_fd, kind)
    try:
        if access == "gone":
            return
        if access != "open":
            yield owner.says("run-no-list" if access == "no-list" else "run-closed", path)
            return
        place = layout.join(path, layout.META)
        meta, of_meta = links.read(layout.META, fd, place, owner, store)
        if layout.is_hex32(name) and is_being_made(fd):
            # Not one of the defects it would be were it left like this.
            yield owner.says("run-being-made", path)
            return
        if meta.state == "missing":
            if layout.is_hex32(name):
                # What only a run has tells what its metadata was.
                proof = any(_holds_files(one, fd) for one in ("metrics", "params", "tags"))
                yield owner.says("run-meta-missing", place, f"meta.yaml {meta.reason}", runs=int(proof))
            else:
                yield owner.says("experiment-stray", path, f"meta.yaml {meta.reason}")
            return
        if not meta.usable:
            yield of_meta.says(f"run-meta-{meta.state}", place, f"meta.yaml {meta.reason}")
            for key in meta.lacks("experiment_id", "user_id", "start_time", "end_time"):
                yield of_meta.says("run-key-missing", place, key)
            if meta.lacks("run_id"):
                yield of_meta.says("run-ids-missing" if meta.lacks("run_uuid") else "run-id-missing", place, "run_id")
            stated = meta.id_in("run_uuid", "run_id")
            if stated and columns.is_migrated(owner.experiment_id):
                # What is too much to be judged is a row to the migration all the same.
                yield from seen.run_ids.add(stated, path)
        else:
            if meta.unmigrated:
                yield of_meta.says(f"run-meta-{meta.unmigrated}", place)
            yield from _check_values(meta.value, name, place, of_meta, names, siblings, seen)
        listed = meta.usable and _is_of(meta.value.get("experiment_id"), owner)
        yield from _check_inside(fd, path, owner, datasets, listed, store, seen)
        _note_parent(fd, path, owner, seen)
        if meta.usable and meta.value.get("status", _RUNNING) == _RUNNING:
            yield from _check_silence(name, experiment_fd, path, owner, store, kind)
    finally:
        if fd >= 0:
            os.close(fd)


def _check_silence(
    name: str, experiment_fd: int, path: str, owner: Owner, store: Store, kind: folders.Kind
) -> Iterator[Symptom]:
    """A run that says it is running, and in which nothing was written for long: nobody set its end."""
    now, newest, left = time.time_ns(), 0, _MAX_LOOKED_AT
    follow = kind == "link-to-folder"
    try:
        newest = os.stat(name, dir_fd=experiment_fd, follow_symlinks=follow).st_mtime_ns
        for entry in look.walk(experiment_fd, name, follow=follow):
            store.pulse()
            newest, left = max(newest, entry.status.st_mtime_ns), left - 1
            # What is written behind a link is not seen here.
            if not left or newest > now - SILENT_NS or stat.S_ISLNK(entry.status.st_mode):
                return
    except OSError:
        return
    if newest <= now - SILENT_NS:
        yield owner.says("run-silent", path, f"{(now - newest) // _DAY_NS} d")


def _check_inside(
    fd: int, path: str, owner: Owner, datasets: Datasets, listed: bool, store: Store, seen: Seen
) -> Iterator[Symptom]:
    for name in _REQUIRED:
        kind = folders.kind_of(name, fd)
        if kind not in ("folder", "link-to-folder"):
            code = "run-folder-missing" if kind is None else "run-folder-is-none"
            yield owner.says(code, layout.join(path, name), name)
    yield from check_folder(fd, "metrics", layout.join(path, "metrics"), "run-metric", owner, store, judge_metric)
    yield from check_folder(fd, "params", layout.join(path, "params"), "run-param", owner, store)
    yield from check_folder(fd, "tags", layout.join(path, "tags"), "run-tag", owner, store)
    yield from check_inputs(fd, path, owner, datasets, store, seen, counts=listed)
    yield from check_outputs(fd, path, owner, store, seen)


def _holds_files(name: str, run_fd: int) -> bool:
    fd, access = folders.enter(name, run_fd, folders.kind_of(name, run_fd))
    try:
        return access == "open" and bool(os.listdir(fd))
    except OSError:
        return False
    finally:
        if fd >= 0:
            os.close(fd)


def _note_parent(fd: int, path: str, owner: Owner, seen: Seen) -> None:
    try:
        parent = look.read_small(_PARENT, fd, 256, follow=True).decode("utf-8", "replace").strip()
    except OSError:
        return
    if parent:
        seen.references.append(("run-of-a-lost-parent", parent, layout.join(path, _PARENT), owner))


def _check_values(
    meta: dict[Any, Any], name: str, path: str, owner: Owner, names: frozenset[str], siblings: Siblings, seen: Seen
) -> Iterator[Symptom]:
    yield from _check_keys(meta, path, owner)
    stated = meta.get("experiment_id")
    here = _is_of(stated, owner)
    if not here and stated is not None:
        yield owner.says("run-experiment-mismatch", path, columns.shown(stated))
    if here:
        # MLflow passes over a run of another experiment before it looks at any of this.
        seen.runs += 1
        yield from _check_id(meta, name, path, owner, names, siblings)
        stage = meta.get("lifecycle_stage", "active")
        if not isinstance(stage, str) or stage not in ("active", "deleted"):
            yield owner.says("run-lifecycle-refused", path, columns.shown(stage))
        start = meta.get("start_time")
        if start is not None and not isinstance(start, int | float):
            yield owner.says("run-start-time-refused", path, columns.shown(start))
    yield from _check_row(meta, path, owner, seen)


def _is_of(stated: Any, owner: Owner) -> bool:
    """Whether the ``experiment_id`` a run states is that of the directory it is in."""
    return stated == owner.experiment_id or (isinstance(stated, int) and str(stated) == owner.experiment_id)


def _check_keys(meta: dict[Any, Any], path: str, owner: Owner) -> Iterator[Symptom]:
    for key in ("experiment_id", "user_id", "start_time", "end_time"):
        if key not in meta:
            yield owner.says("run-key-missing", path, key)
        elif meta[key] is None and key != "end_time":
            yield owner.says("run-key-null", path, key)
    if "status" in meta and not _is_status(meta["status"]):
        yield owner.says("run-status-refused", path, columns.shown(meta["status"]))
    has_id, has_uuid = "run_id" in meta, "run_uuid" in meta
    if not has_id and not has_uuid:
        yield owner.says("run-ids-missing", path, "run_id")
    elif not has_id:
        yield owner.says("run-id-missing", path, "run_id")
    elif not has_uuid:
        yield owner.says("run-uuid-missing", path, "run_uuid")


def _is_status(value: Any) -> bool:
    # MLflow looks a number up in a dictionary: 3.0 and true are found there as well.
    return isinstance(value, int | float) and value in (1, 2, 3, 4, 5)


def _check_id(
    meta: dict[Any, Any], name: str, path: str, owner: Owner, names: frozenset[str], siblings: Siblings
) -> Iterator[Symptom]:
    if "run_id" not in meta:
        stated = meta.get("run_uuid")
    else:
        stated = meta["run_id"]
        if stated is None and meta.get("run_uuid") is not None:
            yield owner.says("run-id-missing", path, "run_id")
            return
    if not isinstance(stated, str) or not _RUN_ID.match(stated):
        if stated is not None or "run_id" in meta:
            yield owner.says("run-id-refused", path, columns.shown(stated))
    elif stated in names:
        siblings.add(name, stated)
    else:
        yield owner.says("run-id-mismatch", path, columns.shown(stated))


def _check_row(meta: dict[Any, Any], path: str, owner: Owner, seen: Seen) -> Iterator[Symptom]:
    """What the migration makes of it: a row under its id, whatever its directory is called."""
    stated = meta.get("run_uuid") or meta.get("run_id")
    if not stated:
        return
    for reason in columns.refusals(meta, columns.RUN):
        yield owner.says("run-value-not-storable", path, reason)
    for key, value, column in (
        ("run_id", stated, columns.ANY),
        ("run_name", meta.get("run_name") or meta.get("name"), columns.ANY),
        ("source_type", meta.get("source_type"), columns.Column(choices=columns.SOURCE_TYPES)),
    ):
        if key == "source_type" and not isinstance(value, str):
            continue
        reason = columns.refused(value, column)
        if reason:
            yield owner.says("run-value-not-storable", path, f"{key} {reason}")
    status = meta.get("status", 1)
    stored = _is_status(status) if isinstance(status, int) else str(status) in columns.RUN_STATUSES
    if not stored:
        yield owner.says("run-value-not-storable", path, f"status is {columns.shown(status)}")
    if isinstance(stated, str | int | float) and columns.is_migrated(owner.experiment_id):
        yield from seen.run_ids.add(str(stated), path.rpartition("/")[0])
