"""Marks from and to the user's own state directory."""

from __future__ import annotations

import contextlib

from mlruns_tui.model.store import StoreInfo
from mlruns_tui.triage.marks import Mark, Marks
from mlruns_tui.userdata.marks import KeptMark, load_marks, save_marks


def recall_marks(store: StoreInfo) -> Marks:
    """The marks left on this store at the last visit."""
    return Marks().add(
        Mark(one.key, one.action, one.rule, one.reason, one.size_bytes, one.newest_ns, one.name)
        for one in load_marks(store)
    )


def keep_marks(store: StoreInfo, marks: Marks) -> bool:
    """Write the marks down. False when that was not possible (no home, disk full); marks are a comfort."""
    with contextlib.suppress(OSError):
        save_marks(
            store,
            [
                KeptMark(mark.key, mark.action, mark.rule, mark.reason, mark.size_bytes, mark.newest_ns, mark.name)
                for mark in marks
            ],
        )
        return True
    return False
