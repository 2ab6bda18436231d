"""The user's own place for plan and journal, when the store's disk takes neither.

``$XDG_STATE_HOME/mlruns-tui/batches/<store>/<id>/`` with ``<store>`` a digest of the root's path.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b

from mlruns_tui.disk import change, look


def path(root: str) -> str:
    """The folder for batches of the store at ``root``."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.local/state")
    digest = blake2b(os.fsencode(os.path.realpath(root)), digest_size=10).hexdigest()
    return os.path.join(base, "mlruns-tui", "batches", digest)


def shown(text: str) -> str:
    """A path below the home directory as ``~/…``."""
    home = os.path.expanduser("~")
    return "~" + text[len(home) :] if text.startswith(home + "/") else text


def open_existing(root: str) -> int | None:
    """A descriptor on the folder, None when there is none or it cannot be looked at."""
    with contextlib.suppress(OSError):
        return look.open_directory(path(root))
    return None


def make(root: str) -> int:
    """The same, made where it is missing (mode 0700). Raises OSError."""
    missing: list[str] = []
    existing = path(root)
    while True:
        try:
            fd = os.open(existing or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            break
        except FileNotFoundError:
            existing, _, name = existing.rpartition("/")
            missing.append(name)
    try:
        for name in reversed(missing):
            with contextlib.suppress(FileExistsError):
                change.make_directory(fd, name, 0o700)
            change.sync(fd)
            below = look.open_directory(name, fd)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd
