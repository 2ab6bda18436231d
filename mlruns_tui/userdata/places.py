"""Where this user's files are (XDG base directories; the same places on macOS)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from mlruns_tui.disk import look
from mlruns_tui.model.store import StoreInfo


def state_directory(environ: Mapping[str, str] = os.environ) -> str:
    """``$XDG_STATE_HOME/mlruns-tui``, else ``~/.local/state/mlruns-tui``. Not made by asking."""
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "mlruns-tui")


def cache_directory(environ: Mapping[str, str] = os.environ) -> str:
    """``$XDG_CACHE_HOME/mlruns-tui``, else ``~/.cache/mlruns-tui``. Not made by asking."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "mlruns-tui")


def store_name(store: StoreInfo) -> str:
    """A file name for one store: by its resolved path, because device numbers change at every mount."""
    from hashlib import blake2b

    return blake2b(os.fsencode(store.root), digest_size=12).hexdigest()


def write_privately(folder: str, name: str, data: bytes | Iterable[bytes]) -> None:
    """Replace ``folder/name`` by ``data`` in one step; only this user can read it. Raises OSError."""
    from mlruns_tui.disk import change

    fd = change.make_directories(folder, 0o700)
    try:
        temporary = f".{name}.{os.getpid()}.tmp"
        if look.exists(temporary, fd):
            change.remove_file(fd, temporary)
        change.create_file(fd, temporary, data, 0o600)
        change.publish(fd, temporary, name)
    finally:
        os.close(fd)
