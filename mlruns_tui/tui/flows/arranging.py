"""The lists look as they were left: columns, order and folds are kept per store, a moment after each change."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from mlruns_tui.model.store import StoreInfo
from mlruns_tui.triage.columns import MOST_WIDTH, Column, is_column
from mlruns_tui.triage.ordering import Order, SortKey
from mlruns_tui.triage.views import GROUPS
from mlruns_tui.workflow.arranging import KeptColumn, KeptOrder, Layout, keep_layout, recall_layout

from ..state import UiState

if TYPE_CHECKING:
    from ..screens.main import MainScreen

QUIET_S = 1.0
"""A change is written when nothing changed for so long."""
LEAVING_S = 3.0
"""Leaving waits no longer than this for a home directory that does not answer."""
MOST_FOLDED = 5_000
_TREE_KEYS = ("name", "runs", "size", "idle", "age", "files")


class Arranging:
    """Keeps how the lists of one store look. Losing it is never an error."""

    def __init__(self, screen: MainScreen, store: StoreInfo) -> None:
        self.screen = screen
        self.store = store
        self._written: Layout | None = None
        """What is written down; None before the one of the last visit was called back."""
        self._changes = 0

    def start(self) -> None:
        """Call back how it was left, in the background."""
        before = self.screen.state

        def done(layout: Layout | None) -> None:
            state = self.screen.state
            # Whoever pressed a key meanwhile meant it.
            untouched = layout_of(state) == layout_of(before)
            if layout is not None and untouched:
                self.screen.set_state(laid_out(state, layout))
            self._written = layout_of(self.screen.state) if untouched else layout or Layout()
            self.notice(self.screen.state)

        self.screen.work(lambda: recall_layout(self.store), done, "layout", failed=lambda error: done(None))

    def notice(self, state: UiState) -> None:
        """The state may look otherwise: written down when it has been quiet for a moment."""
        if self._written is None or layout_of(state) == self._written:
            return
        self._changes += 1
        change = self._changes
        self.screen.set_timer(QUIET_S, lambda: self._save() if change == self._changes else None)

    def _save(self) -> None:
        layout = layout_of(self.screen.state)

        def done(kept: bool) -> None:
            if kept:
                self._written = layout

        self.screen.work(lambda: keep_layout(self.store, layout), done, "layout", failed=lambda error: None)

    def leave(self) -> None:
        """Write what is not written yet, waiting only a little."""
        layout = layout_of(self.screen.state)
        if self._written is None or layout == self._written:
            return
        thread = threading.Thread(target=keep_layout, args=(self.store, layout), name="layout", daemon=True)
        thread.start()
        thread.join(LEAVING_S)


def layout_of(state: UiState) -> Layout:
    """What of a state is kept."""
    runs, tree = state.run_order, state.tree_order
    return Layout(
        tuple(KeptColumn(one.name, one.width) for one in state.columns),
        KeptOrder(runs.key, runs.descending),
        KeptOrder(tree.key, tree.descending),
        tuple(sorted(state.closed)),
        tuple(sorted(state.folded)[:MOST_FOLDED]),
    )


def laid_out(state: UiState, layout: Layout) -> UiState:
    """A state that looks as kept, as far as that still means something."""
    columns = {
        one.name: Column(one.name, max(0, min(MOST_WIDTH, one.width))) for one in layout.columns if is_column(one.name)
    }
    state = replace(state, columns=tuple(columns.values()), folded=frozenset(layout.folded))
    if layout.runs is not None and (layout.runs.key in get_args(SortKey) or is_column(layout.runs.key)):
        state = replace(state, run_order=Order(layout.runs.key, layout.runs.descending))
    if layout.tree is not None and layout.tree.key in _TREE_KEYS:
        state = replace(state, tree_order=Order(layout.tree.key, layout.tree.descending))
    if layout.closed is not None:
        state = replace(state, closed=frozenset(group for group in GROUPS if group in layout.closed))
    return state
