"""Panel 2: the runs of one experiment, any number of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from textual import events

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.store import Run, container_key
from mlruns_tui.report.words import age_text, count_text, duration_text, number_text, size_text, status_word, time_text
from mlruns_tui.triage.arranged import FlatRows
from mlruns_tui.triage.columns import LOST, Cell, kind_of, label_of
from mlruns_tui.triage.ordering import Order
from mlruns_tui.triage.rules import age_ms
from mlruns_tui.triage.views import RunRow

from .. import render
from ..cell_store import CellStore, Look, decimals
from ..messages import RunCommand
from ..shown import Shown, same_table
from ..state import UiState
from .cells import DIM, FAINT, Piece, cut, fit, fit_right, signs_of, width_of
from .keyed_list import KeyedList
from .run_columns import GUTTER, LEFT, RunColumns

AGES_MS = 30_000
"""So old may the ages on the screen be."""
MOST_GUTTERS = 2_000


class RunTable(KeyedList[RunRow]):
    """One line a run: cursor, mark, protection, name, status, age, idle, size, and more where there is room."""

    FIXED = True

    def __init__(self, cells: CellStore | None = None) -> None:
        """``cells``: what was read for the columns of values."""
        super().__init__(id="runs")
        self._state: UiState | None = None
        self._shown = Shown()
        self._now = now_ms()
        self._cells = cells if cells is not None else CellStore()
        self._gutters: dict[str, tuple[Piece, ...]] = {}
        """By run key, for the marks and the judgement of the state."""

    def show(self, state: UiState, shown: Shown, wanted: str = "") -> None:
        """Rows and marks of a state; the cursor to the run ``wanted``, else where it is."""
        if self._state is not None and not same_table(self._state, state):
            # Another experiment begins at its top.
            self.cursor, self.range_from = 0, None
            self.scroll_to(y=0, animate=False, immediate=True)
        before, self._state, self._shown = self._state, state, shown
        same = before is not None and before.marks is state.marks and before.judged is state.judged
        if not (same and before is not None and before.mark_errors is state.mark_errors):
            same = False
            self._gutters.clear()
        new = self.looks_new(state.run_order, state.columns, state.first_metrics, state.shift)
        if shown.runs is not self.rows or wanted:
            self._now = now_ms()
            self.set_rows(shown.runs, wanted)
        elif new or now_ms() - self._now > AGES_MS:
            self._now = now_ms()
            self.renew()
        elif not same:
            self.touch_up()
        self.say_again()

    def look_of(self, row: RunRow) -> Hashable:
        """Its mark, or the sign that it stays."""
        return self._gutter(row.run)

    @property
    def _order(self) -> Order:
        return self._state.run_order if self._state else Order()

    @property
    def runs_on_screen(self) -> list[Run]:
        return [row.run for row in self.on_screen]

    def key_of(self, row: RunRow) -> str:
        return row.run.key

    def find(self, before: Sequence[RunRow], at: int) -> int | None:
        # Making 100,000 keys takes longer than a frame.
        rows = self.rows
        if at >= len(before):
            return None
        if not isinstance(rows, FlatRows):
            run = before[at].run
            found = next((place for place, one in enumerate(rows) if one.run is run), None)
            return super().find(before, at) if found is None else found
        if isinstance(before, FlatRows) and before.knows(rows):
            return before.place_in(rows, at)
        return super().find(before, at)

    def _index(self, key: str) -> int | None:
        if isinstance(self.rows, FlatRows) and key:
            return self.rows.place_of_key(key)
        return super()._index(key)

    def columns_for(self, width: int) -> RunColumns:
        """The columns of a table so wide, without the cursor's cell."""
        state = self._state
        if state is None:
            return RunColumns.of(width)
        return RunColumns.of(width, state.run_order.key, state.columns, state.first_metrics, state.shift)

    @property
    def inner_width(self) -> int:
        """Cells of a row without the cursor's."""
        return self.inner - 1

    @property
    def layout_now(self) -> RunColumns:
        """The columns as they are drawn."""
        return self.columns_for(self.inner_width)

    def header_pieces(self, width: int) -> list[Piece]:
        order = self._order
        signs = signs_of(self.app)
        columns = self.columns_for(width - 1)
        pieces: list[Piece] = [(" " * (GUTTER + 1), "")]
        labels = [label_of(name) for name, _ in columns.columns]
        for name, cells in columns.columns:
            text = label_of(name) if cells > 2 else ""
            if kind_of(name) and labels.count(text) > 1:
                # A metric and a param of one name stand side by side.
                text = f"{kind_of(name)[0]}.{text}"
            style = DIM
            right = not self._is_left(name)
            if name == order.key:
                arrow = signs.descending if order.descending else signs.ascending
                style = "bold" if self.has_focus else DIM
                pieces.append((self._sorted_by(text, arrow, cells, right), style))
            else:
                pieces.append((self._put(name, text, cells, right), style))
        return pieces

    def _sorted_by(self, text: str, arrow: str, cells: int, right: bool) -> str:
        """The header of what the list is sorted by: the sign stays, the name gives way."""
        lead = "" if right or text in ("name", "status", "") else "  "
        # Narrow columns of our own fit to the cell; any other keeps a gap to its neighbour.
        room = cells - len(lead) - (1 if right and cells > 5 else 0)
        for gap in (" ", ""):
            if width_of(text) + len(gap) + 1 <= room:
                text = f"{text}{gap}{arrow}"
                break
        else:
            text = f"{fit(text, room - 1).rstrip()}{arrow}"
        return fit_right(text, cells) if right else lead + fit(text, room)

    def _is_left(self, name: str) -> bool:
        """Words stand left; figures, and texts that all are figures, right."""
        return not self._cells.look(name).numbers if kind_of(name) in ("params", "tags") else name in LEFT

    def _put(self, name: str, text: str, cells: int, right: bool) -> str:
        if right:
            return " " + fit_right(text, cells - 1) if cells > 3 else fit_right(text, cells)
        # Words follow right-aligned figures and need a gap of their own.
        return fit(text, cells) if name in ("name", "status") else "  " + fit(text, cells - 2)

    def row_pieces(self, row: RunRow, width: int) -> list[Piece]:
        run = row.run
        pieces = [*self._gutter(run)]
        for name, cells in self.columns_for(width).columns:
            pieces += self._value(name, run.key, cells) if kind_of(name) else self._cell(name, row, run, cells)
        return pieces

    def _value(self, name: str, key: str, cells: int) -> list[Piece]:
        """A metric, param or tag: what is not read yet, not there and not readable look different."""
        signs = signs_of(self.app)
        known, cell = self._cells.get(name, key)
        right = not self._is_left(name)
        if not known:
            return [(self._put(name, signs.unknown, cells, right), FAINT)]
        if cell is None:
            return [(self._put(name, signs.none, cells, right), FAINT)]
        if cell is LOST:
            return [(self._put(name, "unreadable", cells, right), render.WARNING)]
        text = value_text(name, cell, self._cells.look(name))
        if not right:
            return [("  " + cut(text, cells - 2), "")]
        return [(self._put(name, text, cells, right), "")]

    def _gutter(self, run: Run) -> tuple[Piece, ...]:
        key = run.key
        found = self._gutters.get(key)
        if found is None:
            if len(self._gutters) >= MOST_GUTTERS:
                self._gutters.clear()
            found = self._gutters[key] = self._gutter_of(key)
        return found

    def _gutter_of(self, key: str) -> tuple[Piece, ...]:
        signs = signs_of(self.app)
        state = self._state
        if state is None:
            return ((" " * GUTTER, ""),)
        if key in state.mark_errors:
            return ((signs.failed, render.ERROR), ("  ", ""))
        mark = state.marks.by_key.get(key)
        if mark is not None:
            return ((signs.mark(mark.action), render.MARK), ("  ", ""))
        if container_key(key) in state.marks:
            return ((signs.remove, render.MARK), ("  ", ""))
        return ((" ", ""), (signs.protected if state.kept(key) else " ", render.PROTECTED), (" ", ""))

    def _cell(self, name: str, row: RunRow, run: Run, cells: int) -> list[Piece]:
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
        if name in ("state", "id", "started", "ended", "owner"):
            return [("  " + fit(self._word(name, run), cells - 2), DIM if run.state == "ok" else render.WARNING)]
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
        room = max(0, cells - len(lead) - 1)
        if row.folded:
            hidden = f" +{row.children:,}"
            text = fit(text, max(1, room - len(hidden))).rstrip() + hidden
        return [(lead, FAINT), (fit(text, room) + " ", style)]

    def _word(self, name: str, run: Run) -> str:
        signs = signs_of(self.app)
        if name == "state":
            return run.state
        if name == "id":
            return run.run_id
        if name == "owner":
            known, owner = self._cells.get(name, run.key)
            return str(owner) if known and owner is not None else signs.none if known else signs.unknown
        return time_text(run.start_time if name == "started" else run.end_time)

    def sort_at(self, x: int) -> str | None:
        """The column under cell ``x`` of the header; None where nothing can be sorted by."""
        left = 0
        for at, (name, cells) in enumerate(self.layout_now.columns):
            left += cells + (GUTTER + 1 if at == 0 else 0)
            if x < left:
                return name
        return None

    def fold_at(self, row: RunRow, x: int) -> bool:
        """Whether cell ``x`` of a row is the sign that folds its children away."""
        if not row.children:
            return False
        sign = GUTTER + 1 + (2 * min(row.depth, 6) if row.depth else 0)
        return sign <= x <= sign + 1

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.post_message(RunCommand("columns.right"))

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.post_message(RunCommand("columns.left"))


def value_text(name: str, cell: Cell, look: Look) -> str:
    """A value as it stands in its column: metrics of one column all with decimals or all without."""
    if isinstance(cell, float):
        whole = cell == cell and abs(cell) < 1e7 and cell == int(cell)
        if whole and decimals(name, look):
            return f"{cell:.4f}" if abs(cell) < 1000 else f"{cell:.1f}"
        return number_text(cell)
    return str(cell)
