"""Panel 1: the store's experiments in groups, with what is wrong, what they take, and what of it would go."""

from __future__ import annotations

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment
from mlruns_tui.report.words import age_text, count_text, size_text
from mlruns_tui.triage.ordering import Order
from mlruns_tui.triage.views import TreeRow

from .. import render
from ..shown import Shown
from ..state import UiState
from .cells import DIM, FAINT, Piece, fit, fit_right, signs_of
from .keyed_list import KeyedList

BADGE, RUNS, SIZE, GAP, BAR = 2, 6, 8, 1, 5
NAME_LEAST = 17
_SIGNS = 3
"""Mark and indent before a name, after the cursor's cell."""


@dataclass(frozen=True, slots=True)
class TreeColumns:
    """Which columns a width has room for: the bar is dropped first, then the runs."""

    name: int
    runs: int
    bar: int

    @classmethod
    def of(cls, width: int) -> TreeColumns:
        """``width``: cells without the cursor's."""
        rest = width - _SIGNS - BADGE - SIZE
        if rest - RUNS - GAP - BAR >= NAME_LEAST:
            return cls(rest - RUNS - GAP - BAR, RUNS, GAP + BAR)
        if rest - RUNS >= NAME_LEAST - 1:
            return cls(rest - RUNS, RUNS, 0)
        return cls(max(rest, 1), 0, 0)


class StoreTree(KeyedList[TreeRow]):
    """One line a group or entry: cursor, mark, name, badge, runs, size, bar."""

    FIXED = True

    def __init__(self) -> None:
        super().__init__(id="tree")
        self._state: UiState | None = None
        self._shown = Shown()
        self._longest = 0

    def show(self, state: UiState, shown: Shown, wanted: str = "") -> None:
        """Rows and marks of a state; the cursor to the entry ``wanted``, else where it is."""
        self._state, self._shown = state, shown
        new = self.looks_new(state.marks, state.mark_errors, state.tree_order, shown.badges)
        if shown.tree is not self.rows or wanted:
            self._longest = max(
                (row.size_bytes or 0 for row in shown.tree if row.kind in ("experiment", "stray")), default=0
            )
            self.set_rows(shown.tree, wanted)
        elif new:
            self.renew()
        self.say_again()

    def key_of(self, row: TreeRow) -> str:
        return row.key

    def header_pieces(self, width: int) -> list[Piece]:
        order = self._state.tree_order if self._state else Order()
        columns = TreeColumns.of(width - 1)
        pieces = [("  ", ""), *self._title("name", "name", order, columns.name + 2 + BADGE, left=True)]
        if columns.runs:
            pieces += self._title("runs", "runs", order, columns.runs)
        last = order.key if order.key in ("idle", "age", "files") else "size"
        pieces += self._title(last, last, order, SIZE)
        return [*pieces, (" " * columns.bar, "")]

    def _title(self, text: str, key: str, order: Order, cells: int, left: bool = False) -> list[Piece]:
        signs = signs_of(self.app)
        if order.key != key:
            return [(fit(text, cells) if left else fit_right(text, cells), DIM)]
        text = f"{text} {signs.descending if order.descending else signs.ascending}"
        return [(fit(text, cells) if left else fit_right(text, cells), "bold" if self.has_focus else DIM)]

    def row_pieces(self, row: TreeRow, width: int) -> list[Piece]:
        signs = signs_of(self.app)
        columns = TreeColumns.of(width)
        pieces: list[Piece] = [self._mark(row)]
        if row.kind in ("group", "backups"):
            pieces += self._group(row, columns)
        else:
            pieces += [("  ", ""), (fit(row.name, columns.name - 1) + " ", self._name_style(row)), self._badge(row)]
        if columns.runs:
            pieces.append((fit_right("" if row.runs is None else count_text(row.runs), columns.runs), DIM))
        pieces += self._size_cell(row, columns)
        if columns.bar and row.kind in ("experiment", "stray"):
            pieces += render.bar(row.marked_bytes, row.size_bytes or 0, self._longest, BAR, signs)
        return pieces

    def _mark(self, row: TreeRow) -> Piece:
        signs = signs_of(self.app)
        if row.kind == "experiment" and self._state is not None and row.key in self._state.mark_errors:
            return (signs.failed, render.ERROR)
        if row.marked == "whole" and row.kind != "group":
            return (signs.remove, render.MARK)
        if row.marked != "none" and (row.kind != "group" or not row.open):
            return (signs.part, render.MARK)
        return (" ", "")

    def _group(self, row: TreeRow, columns: TreeColumns) -> list[Piece]:
        signs = signs_of(self.app)
        count = "" if row.count is None else f" {row.count:,}"
        sign = " " if row.kind == "backups" else signs.opened if row.open else signs.closed
        return [(f"{sign} ", DIM), (fit(f"{row.name}{count}", columns.name + BADGE), "bold")]

    def _name_style(self, row: TreeRow) -> str:
        deleted = isinstance(row.entry, Experiment) and row.entry.lifecycle_stage == "deleted"
        return DIM if deleted or row.group == "trash" else ""

    def _badge(self, row: TreeRow) -> Piece:
        finding = self._shown.badges.get(row.key)
        if finding is None:
            return (" " * BADGE, "")
        return (fit(signs_of(self.app).impact(finding.impact), BADGE), render.impact_style(finding.impact))

    def _size_cell(self, row: TreeRow, columns: TreeColumns) -> list[Piece]:
        """What the list is sorted by, when that has no column of its own; else the size."""
        signs = signs_of(self.app)
        key = self._state.tree_order.key if self._state else "size"
        gap = " " * (GAP if columns.bar else 0)
        entry = row.entry
        if key in ("files", "idle", "age"):
            text, style = self._other(row, key)
            return [(fit_right(text, SIZE) + gap, style)]
        if row.size_bytes is None:
            empty = row.kind == "group" and row.count == 0
            unreadable = isinstance(entry, Experiment) and "unreadable" in entry.trouble
            return [(fit_right(signs.none if empty or unreadable else signs.unknown, SIZE) + gap, FAINT)]
        if not row.growing:
            return [(fit_right(size_text(row.size_bytes), SIZE) + gap, "")]
        if gap:
            return [(fit_right(size_text(row.size_bytes), SIZE) + "+", DIM)]
        return [(fit_right(size_text(row.size_bytes) + "+", SIZE), DIM)]

    def _other(self, row: TreeRow, key: str) -> Piece:
        signs = signs_of(self.app)
        if row.kind in ("group", "backups"):
            return ("", "")
        if key == "age":
            created = row.entry.creation_time if isinstance(row.entry, Experiment) else None
            return (signs.none, FAINT) if created is None else (age_text(now_ms() - created), "")
        size = row.entry.size if row.entry is not None else None
        if size is None:
            return (signs.unknown, FAINT)
        if key == "files":
            return (count_text(size.files), "")
        return (age_text(now_ms() - size.newest_ns // 1_000_000) if size.newest_ns else signs.none, "")

    def fold_at(self, row: TreeRow, x: int) -> bool:
        return row.kind == "group" and 2 <= x <= 3

    def sort_at(self, x: int) -> str:
        """The column under cell ``x`` of the header."""
        columns = TreeColumns.of(self.inner - 1)
        if x < 1 + _SIGNS + columns.name + BADGE:
            return "name"
        return "runs" if x < 1 + _SIGNS + columns.name + BADGE + columns.runs else "size"
