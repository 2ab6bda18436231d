"""What is in one batch: why it was made, whether all is there, and its items to choose from."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mlruns_tui.model.batch import Batch

from .batch_list import KeptRow, about_batch, kept_rows, paint_kept
from .cells import signs_of, stack
from .panel import Panel
from .row_list import RowList
from .task_words import restorable


class BatchContents(Panel):
    """A panel with the items of a batch, by experiment; Space chooses the ones to put back."""

    class ChoiceChanged(Message):
        """Other items are chosen than before."""

    def __init__(self, experiments: Mapping[str, str], *, id: str) -> None:  # noqa: A002
        """``experiments``: names by experiment key, as far as known."""
        super().__init__(id=id)
        self._experiments = experiments
        self._batch: Batch | None = None
        self._opened: set[str] = set()
        self.chosen: set[str] = set()
        """Keys of the items to put back; empty: all of them."""
        self.locked = False
        """Nothing can be chosen now."""

    def compose(self) -> ComposeResult:
        yield Static(id="about")
        yield RowList[KeptRow](self._paint, keep_cursor=False, id="kept")

    def show(self, batch: Batch | None, locked: bool) -> None:
        """Another batch, or the same as it is now. ``locked``: nothing can be chosen."""
        if batch is None or self._batch is None or batch.id != self._batch.id:
            self._opened.clear()
            self.chosen.clear()
            self._rows.cursor = 0
        self._batch, self.locked = batch, locked
        self.chosen &= {item.key for item in restorable(batch)} if batch else set()
        self.set_title("2 in this batch")
        width = max(20, self.query_one("#about").size.width)
        self.query_one("#about", Static).update(
            stack(about_batch(batch, width - 1, signs_of(self.app))) if batch else ""
        )
        self._show_rows()

    def clear_choice(self) -> None:
        self.chosen.clear()
        self._changed()

    @property
    def _rows(self) -> RowList[KeptRow]:
        return self.query_one("#kept", RowList)

    def _show_rows(self) -> None:
        self._rows.set_rows(kept_rows(self._batch, self._opened, self._experiments) if self._batch else ())
        self.set_foot(f"{len(self.chosen):,} chosen" if self.chosen else "")

    def _changed(self) -> None:
        self._show_rows()
        self.post_message(self.ChoiceChanged())

    def _paint(self, row: KeptRow, width: int) -> Content:
        return paint_kept(row, width, self.chosen, signs_of(self.app))

    @on(RowList.Chosen)
    def _open(self, event: RowList.Chosen) -> None:
        event.stop()
        row: KeptRow = event.row
        if row.kind == "group":
            self._opened ^= {row.key}
            self._show_rows()
        else:
            self._choose(row)

    @on(RowList.Toggled)
    def _space(self, event: RowList.Toggled) -> None:
        event.stop()
        self._choose(event.row)
        event.rows.action_move(1)

    def _choose(self, row: KeptRow) -> None:
        keys = {one.item.key for one in row.items if one.place in ("moved", "packed") or one.put_aside}
        if self.locked or not keys:
            self.app.bell()
            return
        self.chosen = self.chosen - keys if keys <= self.chosen else self.chosen | keys
        self._changed()
