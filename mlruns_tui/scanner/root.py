"""The root a store was opened as, pinned: everything is looked up from a descriptor on it."""

from __future__ import annotations

import os

from mlruns_tui.disk import look
from mlruns_tui.model.errors import StaleError
from mlruns_tui.model.store import Identity, StoreInfo
from mlruns_tui.model.text import safe


def open_root(store: StoreInfo) -> int | None:
    """A descriptor on the root, checked to be the directory the store was opened as.

    None for a database without one. Raises StaleError when it is gone or another one now.
    """
    try:
        fd = look.open_directory(store.root)
    except FileNotFoundError:
        if store.identity == Identity(0, 0):
            return None
        raise StaleError("store-gone", f"{safe(store.root)} is not there any more", path=store.root) from None
    except OSError as error:
        raise unreachable(store, error) from None
    status = os.fstat(fd)
    if Identity(status.st_dev, status.st_ino) != store.identity:
        os.close(fd)
        raise StaleError(
            "store-replaced",
            f"{safe(store.root)} is another directory than when it was opened; nothing was done",
            path=store.root,
            hint="open the store again",
        )
    return fd


def unreachable(store: StoreInfo, error: OSError) -> StaleError:
    """``/data/mlruns cannot be reached (stale file handle)``."""
    message = f"{safe(store.root)} cannot be reached ({look.words(error)}); nothing was done"
    return StaleError("store-gone", message, path=store.root, hint="read it again when it is back")
