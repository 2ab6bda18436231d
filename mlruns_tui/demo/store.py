"""Writing the demo store to a directory: the only part of this room that touches a disk."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlruns_tui.disk import change
from mlruns_tui.disk.look import open_directory, words
from mlruns_tui.model.errors import MlrunsError, UsageError
from mlruns_tui.model.words import ProtectionKind

from .content import build
from .layout import entries, root_mtime_ms
from .values import Content

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class DemoStore:
    """What was written. Run and experiment ids are directory names; paths are relative to ``root``."""

    root: str
    """Absolute path."""
    seed: int
    now_ms: int
    experiment_ids: Mapping[str, str]
    """Id by name: the healthy experiments in the root."""
    orphan_ids: tuple[str, ...]
    """The two orphaned experiments, the larger first."""
    run_paths: Mapping[str, str]
    """Run directory by run id, for every run of the healthy experiments."""
    old_run_ids: tuple[str, ...]
    """Active, ended over 30 days ago, needed by nothing: what a clean-up of old runs takes."""
    protected: Mapping[str, ProtectionKind]
    """Just as old, but kept, and by what."""
    deleted_run_ids: tuple[str, ...]
    """Deleted but not collected, in the healthy experiments."""
    running_run_ids: tuple[str, ...]
    """Every RUNNING run, the live one and the stale ones included."""
    live_run_id: str
    """Looks as if its trainer still writes."""
    trashed_experiment_ids: tuple[str, ...]
    trashed_run_ids: tuple[str, ...]
    claimed_folder: str
    """A folder inside an experiment where another one keeps its artifacts."""
    claimed_by: str
    """Id of that other experiment."""
    registered_models: tuple[str, ...]
    files: int
    size_bytes: int
    """Of all regular files."""


def write_demo(root: str, *, seed: int = 7, now_ms: int | None = None) -> DemoStore:
    """Write a believable MLflow 3.17 file store into ``root``, a new or empty directory whose parent exists.

    The same ``seed`` and ``now_ms`` (milliseconds since 1970, default now) give the same store, byte for
    byte, but for the root's own path in its URIs. Nothing is forced to the disk: it is a demo.

    Raises UsageError when ``root`` cannot be used (nothing was written), MlrunsError when writing fails
    (what was written is removed again, as far as that is possible).
    """
    path = os.path.abspath(root)
    content = build(seed, now_ms if now_ms is not None else time.time_ns() // _MILLION)
    created = _prepare(path)
    try:
        files, size = _write(path, content)
    except OSError as error:
        cleared = _take_back(path, created)
        raise MlrunsError(
            "demo-not-written",
            f"the demo store could not be written: {words(error)}; "
            + ("what was written was removed again" if cleared else "part of it was left there"),
            path=path,
            hint="free some space or name another directory" if cleared else "remove that directory, then try again",
        ) from error
    return _facts(path, content, files, size)


def _prepare(path: str) -> bool:
    """Make the directory, or see that it is there and empty; True when it was made."""
    parent, name = os.path.split(path)
    if not name:
        raise _unusable(path, "is the root of the file system")
    try:
        parent_fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, f"cannot be made, its parent directory: {words(error)}") from error
    try:
        change.make_directory(parent_fd, name)
        return True
    except FileExistsError:
        try:
            fd = open_directory(name, parent_fd)
        except OSError as error:
            why = "is a symbolic link" if error.errno == errno.ELOOP else words(error)
            raise _unusable(path, f"exists and cannot be used: {why}") from error
        try:
            if os.listdir(fd):
                raise _unusable(path, "exists and is not empty") from None
        finally:
            os.close(fd)
        return False
    except OSError as error:
        raise _unusable(path, f"cannot be made: {words(error)}") from error
    finally:
        os.close(parent_fd)


def _unusable(path: str, why: str) -> UsageError:
    return UsageError(
        "demo-directory",
        f"the demo store's directory {why}; nothing was written",
        path=path,
        hint="name a directory that does not exist yet",
    )


def _write(path: str, content: Content) -> tuple[int, int]:
    """Number and bytes of the files written."""
    root_uri = pathlib.Path(path).as_uri()
    root_fd = open_directory(path)
    files = size = 0
    folders: list[tuple[str, int]] = []
    try:
        for name, data, mtime_ms in entries(content, root_uri):
            if data is None:
                change.make_directory(root_fd, name)
                folders.append((name, mtime_ms * _MILLION))
            else:
                change.create_file(root_fd, name, data, sync=False)
                change.set_times(root_fd, name, mtime_ms * _MILLION)
                files += 1
                size += len(data)
        # Last, and from the leaves up: whatever is made inside a directory changes its time.
        for name, mtime_ns in reversed(folders):
            change.set_times(root_fd, name, mtime_ns)
        newest = root_mtime_ms(content) * _MILLION
        change.set_directory_mtime(root_fd, newest, newest)
    finally:
        os.close(root_fd)
    return files, size


def _take_back(path: str, created: bool) -> bool:
    """Remove what a failed attempt left; False when something is still there."""
    with contextlib.suppress(OSError):
        if created:
            parent_fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                change.remove_tree(parent_fd, os.path.basename(path))
            finally:
                os.close(parent_fd)
            return True
        root_fd = open_directory(path)
        try:
            for name in os.listdir(root_fd):
                change.remove_tree(root_fd, name)
        finally:
            os.close(root_fd)
        return True
    return False


def _facts(path: str, content: Content, files: int, size: int) -> DemoStore:
    runs = content.runs
    protected: dict[str, ProtectionKind] = {}
    for run in runs.values():
        if run.fate in ("keep-tag", "parent", "model-version", "running"):
            protected[run.run_id] = run.fate
    borrower = next(one for one in content.experiments if one.location == content.claimed_folder)
    return DemoStore(
        root=path,
        seed=content.seed,
        now_ms=content.now_ms,
        experiment_ids={one.name: one.experiment_id for one in content.experiments},
        orphan_ids=tuple(one.experiment_id for one in content.orphans),
        run_paths={run.run_id: f"{run.experiment_id}/{run.run_id}" for run in runs.values()},
        old_run_ids=tuple(run.run_id for run in runs.values() if run.fate == "goes"),
        protected=protected,
        deleted_run_ids=tuple(run.run_id for run in runs.values() if run.fate == "deleted"),
        running_run_ids=tuple(run.run_id for run in runs.values() if run.status == "RUNNING"),
        live_run_id=next(run.run_id for run in runs.values() if run.fate == "live"),
        trashed_experiment_ids=tuple(one.experiment_id for one in content.trashed),
        trashed_run_ids=tuple(run.run_id for one in content.trashed for run in one.runs),
        claimed_folder=content.claimed_folder,
        claimed_by=borrower.experiment_id,
        registered_models=tuple(model.name for model in content.registry),
        files=files,
        size_bytes=size,
    )
