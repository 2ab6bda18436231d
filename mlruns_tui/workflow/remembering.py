"""Marks from and to the user's own state directory."""

from __future__ import annotations

import contextlib

from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.triage.marks import Mark, Marks
from mlruns_tui.userdata import history, visits
from mlruns_tui.userdata.marks import KeptMark, load_marks, save_marks
from mlruns_tui.userdata.visits import Visit

__all__ = ["Visit", "add_expression", "keep_marks", "note_visit", "recall_expressions", "recall_marks"]


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


def note_visit(snapshot: Snapshot, at_ms: int) -> Visit | None:
    """Write down how big a store that was read to its end is; the visit before this one, None where there is none
    or it cannot be kept."""
    sizes = {one.key: one.size.size_bytes for one in snapshot.experiments if one.size is not None}
    with contextlib.suppress(OSError):
        return visits.note_visit(snapshot.store, Visit(at_ms, snapshot.total.size_bytes, sizes))
    return None


def recall_expressions() -> tuple[str, ...]:
    """Filter expressions used before, oldest first."""
    return history.load_expressions()


def add_expression(text: str) -> tuple[str, ...]:
    """Keep a filter expression for the next time; all that are kept, none where that is not possible."""
    with contextlib.suppress(OSError):
        return history.add_expression(text)
    return ()
