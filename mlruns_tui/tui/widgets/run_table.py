"""Panel 2: the runs of one experiment, any number of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from mlruns_tui.model.store import Run, container_key
from mlruns_tui.report.words import age_text, count_text, duration_text, size_text, status_word
from mlruns_tui.triage.ordering import Order, SortKey
from mlruns_tui.triage.rules import age_ms
from mlruns_tui.triage.views import RunRow
from mlruns_tui.workflow.deciding import now_ms

from .. import render
from ..shown import Shown, same_table
from ..state import UiState
from .cells import DIM, FAINT, Piece, fit, fit_right, signs_of
from .keyed_list import KeyedList

Name = Literal["name", "status", "age", "idle", "size", "files", "duration", "user"]
GUTTER = 3
"""Mark, protection and a space, after the cursor's cell."""
AGES_MS = 30_000
"""So old may the ages on the screen be."""
NAME_LEAST = 16
STATUS_WORD_LEAST = 44
"""In fewer cells the status is its sign only; the row line has the word."""
WIDTHS: dict[Name, int] = {"status": 11, "age": 5, "idle": 5, "size": 9, "files": 8, "duration": 9, "user": 10}
_SORTS: dict[Name, SortKey] = {
    "name": "name", "status": "status", "age": "age", "idle": "idle", "size": "size", "files": "files",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunColumns:
    """Columns for a width, left to right. Name and size are always there."""

    columns: tuple[tuple[Name, int], ...]

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, width: int, sort: SortKey = "size") -> RunColumns:
        """``width``: cells without the cursor's. What the list is sorted by keeps its column."""
        status = WIDTHS["status"] if width >= STATUS_WORD_LEAST else 2
        names: list[Name] = ["status", "age", "size"] if width >= 30 else ["status", "size"]
        optional: list[Name] = ["idle", "files", "duration", "user"]
        wished: list[Name] = [name for name in optional if _SORTS.get(name) == sort]
        rest = width - GUTTER - NAME_LEAST - status - sum(WIDTHS[name] for name in names if name != "status")
        if width >= 54:
            wished += [name for name in optional[:1] if name not in wished]
        if width >= 78:
            wished += [name for name in optional if name not in wished]
        for name in wished:
            if rest >= WIDTHS[name]:
                names.append(name)
                rest -= WIDTHS[name]
        order: list[Name] = ["status", "age", "idle", "size", "files", "duration", "user"]
        columns = [(name, status if name == "status" else WIDTHS[name]) for name in order if name in names]
        name_width = max(1, width - GUTTER - sum(cells for _, cells in columns))
        return cls((("name", name_width), *columns))


class RunTable(KeyedList[RunRow]):
    """One line a run: cursor, mark, protection, name, status, age, idle, size, and more where there is room."""

    def __init__(self) -> None:
        super().__init__(id="runs")
        self._state: UiState | None = None
        self._shown = Shown()
        self._now = now_ms()

    def show(self, state: UiState, shown: Shown, wanted: str = "") -> None:
        """Rows and marks of a state; the cursor to the run ``wanted``, else where it is."""
        if self._state is not None and not same_table(self._state, state):
            # Another experiment begins at its top.
            self.cursor, self.range_from = 0, None
            self.scroll_to(y=0, animate=False, immediate=True)
        self._state, self._shown = state, shown
        new = self.looks_new(state.marks, state.mark_errors, state.judged, state.run_order)
        if shown.runs is not self.rows or wanted:
            self._now = now_ms()
            self.set_rows(shown.runs, wanted)
        elif new or now_ms() - self._now > AGES_MS:
            self._now = now_ms()
            self.renew()

    @property
    def _order(self) -> Order:
        return self._state.run_order if self._state else Order()

    def key_of(self, row: RunRow) -> str:
        return row.run.key

    def header_pieces(self, width: int) -> list[Piece]:
        order = self._order
        signs = signs_of(self.app)
        pieces: list[Piece] = [(" " * (GUTTER + 1), "")]
        for name, cells in RunColumns.of(width - 1, order.key).columns:
            text: str = name if cells > 2 else ""
            style = DIM
            if _SORTS.get(name) == order.key:
                arrow = signs.descending if order.descending else signs.ascending
                text = f"{text} {arrow}" if len(text) + 2 <= cells else f"{text}{arrow}"
                style = "bold" if self.has_focus else DIM
            left = name in ("name", "status", "user")
            pieces.append((self._left(name, text, cells) if left else fit_right(text, cells), style))
        return pieces

    def _left(self, name: Name, text: str, cells: int) -> str:
        # A user's name follows right-aligned figures and needs a gap of its own.
        return "  " + fit(text, cells - 2) if name == "user" else fit(text, cells)

    def row_pieces(self, row: RunRow, width: int) -> list[Piece]:
        run = row.run
        pieces = [*self._gutter(run)]
        for name, cells in RunColumns.of(width, self._order.key).columns:
            pieces += self._cell(name, row, run, cells)
        return pieces

    def _gutter(self, run: Run) -> list[Piece]:
        signs = signs_of(self.app)
        state = self._state
        key = run.key
        if state is None:
            return [(" " * GUTTER, "")]
        if key in state.mark_errors:
            return [(signs.failed, render.ERROR), ("  ", "")]
        mark = state.marks.by_key.get(key)
        if mark is not None:
            return [(signs.mark(mark.action), render.MARK), ("  ", "")]
        if container_key(key) in state.marks:
            return [(signs.remove, render.MARK), ("  ", "")]
        return [(" ", ""), (signs.protected if state.kept(key) else " ", render.PROTECTED), (" ", "")]

    def _cell(self, name: Name, row: RunRow, run: Run, cells: int) -> list[Piece]:
        signs = signs_of(self.app)
        size = run.size
        if name == "name":
            return self._name_cell(row, cells)
        if name == "status":
            word = status_word(run, self._now)
            text = f"{signs.status(word)} {word}" if cells > 2 else signs.status(word)
            return [(fit(text, cells), render.status_style(word))]
        if name == "age":
            return [(fit_right(age_text(age_ms(run, self._now)), cells), DIM)]
        if name == "duration":
            ran = None if run.start_time is None or run.end_time is None else run.end_time - run.start_time
            return [(fit_right(duration_text(ran), cells), DIM)]
        if name == "user":
            return [("  " + fit(run.user_id, cells - 2), DIM)]
        if size is None:
            lost = "unreadable" in run.trouble
            return [(fit_right(signs.none if lost else signs.unknown, cells), FAINT)]
        if name == "idle":
            idle = self._now - size.newest_ns // 1_000_000 if size.newest_ns else None
            return [(fit_right(age_text(idle), cells), DIM)]
        if name == "files":
            return [(fit_right(count_text(size.files), cells), DIM)]
        return [(fit_right(size_text(size.size_bytes), cells), "")]

    def _name_cell(self, row: RunRow, cells: int) -> list[Piece]:
        signs = signs_of(self.app)
        lead = ""
        if row.depth:
            lead = "  " * (min(row.depth, 6) - 1) + (signs.last_branch if row.last else signs.branch) + " "
        if row.children:
            lead += (signs.closed if row.folded else signs.opened) + " "
        run = row.run
        style = DIM if run.lifecycle_stage == "deleted" else ""
        text = run.name or run.run_id
        if row.folded:
            text = f"{text} +{row.children:,}"
        return [(lead, FAINT), (fit(text, max(0, cells - len(lead) - 1)) + " ", style)]

    def sort_at(self, x: int) -> SortKey | None:
        """The column under cell ``x`` of the header; None where nothing can be sorted by."""
        left = 0
        for at, (name, cells) in enumerate(RunColumns.of(self._width - 1, self._order.key).columns):
            left += cells + (GUTTER + 1 if at == 0 else 0)
            if x < left:
                return _SORTS.get(name)
        return None
