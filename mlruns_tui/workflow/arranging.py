"""How the lists of a store were left, from and to the user's own state directory; and who owns a run."""

from __future__ import annotations

import contextlib

from mlruns_tui.disk.look import user_name
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.userdata.layouts import KeptColumn, KeptOrder, Layout, load_layout, save_layout

__all__ = ["KeptColumn", "KeptOrder", "Layout", "keep_layout", "owner_name", "recall_layout"]


def recall_layout(store: StoreInfo) -> Layout | None:
    """How the lists looked at the last visit; None for a store never arranged."""
    return load_layout(store)


def keep_layout(store: StoreInfo, layout: Layout) -> bool:
    """Write it down. False when that was not possible (no home, disk full): a comfort, never an error."""
    with contextlib.suppress(OSError):
        save_layout(store, layout)
        return True
    return False


def owner_name(user_id: int) -> str:
    """Name of a user, or the number; may ask a directory service and take its time."""
    return user_name(user_id)
