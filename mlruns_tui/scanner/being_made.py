"""Runs in the middle of their creation, which is no defect.

MLflow makes a run's directory, writes its metadata, then makes ``metrics``, ``params`` and ``artifacts``
(``FileStore.create_run``, 3.17). Whoever looks meanwhile, or through the cache of a network file system a
little later, sees a part of that.
"""

from __future__ import annotations

import os
import time
from typing import Final

from . import layout

FRESH_NS: Final = 60 * 1_000_000_000
"""A directory this young whose metadata is missing is being made: MLflow makes it first and writes then."""
BEING_MADE: Final = "meta.yaml is missing; being created?"
_FOLDERS: Final = ("metrics", "params", "artifacts")


def is_being_made(run_fd: int, now_ns: int | None = None) -> bool:
    """Whether the open directory of a run is young and as MLflow leaves it half way: nothing was logged yet, and
    something that will be there is missing or empty. Never raises."""
    now = time.time_ns() if now_ns is None else now_ns
    try:
        if os.fstat(run_fd).st_mtime_ns <= now - FRESH_NS:
            return False
        names = set(os.listdir(run_fd))
        if not names <= {layout.META, *_FOLDERS}:
            return False
        whole = layout.META in names and os.stat(layout.META, dir_fd=run_fd, follow_symlinks=False).st_size > 0
        return not (whole and names.issuperset(_FOLDERS)) and all(
            _is_empty_folder(name, run_fd) for name in names - {layout.META}
        )
    except OSError:
        return False


def _is_empty_folder(name: str, run_fd: int) -> bool:
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=run_fd)
    try:
        return not os.listdir(fd)
    finally:
        os.close(fd)
