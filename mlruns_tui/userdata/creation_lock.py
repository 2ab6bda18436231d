"""The lock that lets one process at a time make an experiment.

Beside the store or database, never inside: MLflow makes its default experiment only in a root that does
not exist yet. Where nothing can be written beside it, in this user's own runtime directory; then it holds
for this user on this machine only.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from mlruns_tui.disk import change
from mlruns_tui.disk.look import words
from mlruns_tui.model.errors import LockedError, MlrunsError
from mlruns_tui.model.text import safe
from mlruns_tui.model.tracking_uri import address

_POLL_S = 0.02


@contextmanager
def creation_lock(uri: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock of a tracking URI. Raises LockedError after ``timeout_s``, MlrunsError when there is
    no place for a lock at all."""
    fd = _take(uri, time.monotonic() + timeout_s, timeout_s)
    try:
        yield
    finally:
        # Not only by closing: a child forked meanwhile by another thread would go on holding it.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def lock_places(uri: str) -> list[tuple[str, str]]:
    """Pairs of directory and file name, in the order they are tried."""
    places = []
    where = address(uri)
    key = uri
    if where.path:
        key = os.path.realpath(where.path)
        folder, name = os.path.split(key)
        if name:
            places.append((folder, f".{name}.mlruns-tui.lock"))
    digest = blake2b(os.fsencode(key), digest_size=10).hexdigest()
    own = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"
    places.append((own, f"mlruns-tui-{os.geteuid()}-{digest}.lock"))
    return places


def _take(uri: str, deadline: float, timeout_s: float) -> int:
    problem = ""
    for folder, name in lock_places(uri):
        try:
            folder_fd = change.make_directories(folder)
        except OSError as error:
            problem = words(error)
            continue
        try:
            while (fd := change.take_lock(folder_fd, name, 0o666)) is None:
                if time.monotonic() >= deadline:
                    raise LockedError(
                        "experiment-locked",
                        f"another process has been making an experiment there for {timeout_s:.0f} s; nothing was made",
                        path=safe(uri),
                        hint="try again when it is done",
                    )
                time.sleep(_POLL_S)
            return fd
        except OSError as error:
            # Somebody else's file, a read-only directory, or a file system without locks.
            problem = words(error)
        finally:
            os.close(folder_fd)
    raise MlrunsError(
        "no-lock", f"no lock can be made beside the store or in the temporary directory: {problem}", path=safe(uri)
    )
