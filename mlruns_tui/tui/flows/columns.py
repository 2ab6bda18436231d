"""Columns of the run table: which there are, and what is in them, read behind the screen, what is seen first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Run
from mlruns_tui.model.values import RunValues
from mlruns_tui.triage.columns import LOST, Cell, Column, kind_of, label_of, wanted_of
from mlruns_tui.workflow.arranging import owner_name

from ..cell_store import CellStore
from ..messages import Returned
from ..state import UiState
from ..widgets.cells import cut
from ..widgets.run_columns import RunColumns, all_columns
from .reading import error_words

if TYPE_CHECKING:
    from ..screens.main import MainScreen

ASKED_FOR_NAMES = 20
"""Runs whose metrics are looked up to find some that are worth a column."""
MOST_KNOWN = 500
"""Experiments of which that is remembered."""
METRICS_FROM = 60
"""Cells of the table from which a metric has room."""
SORT_AGAIN_S = 1.0
"""While values are read, rows are sorted again no more often, and never so soon after a key."""


class Columns:
    """What the columns of values show. One reading at a time; what came on the screen meanwhile goes first."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader
        self.cells = CellStore()
        self._metrics: dict[str, tuple[str, ...]] = {}
        """Columns of metrics by experiment key; those that are looked up now have none yet."""
        self._stop = threading.Event()
        self._busy = False
        self._asked: frozenset[str] = frozenset()
        """Keys that are read now; empty while all of an experiment are."""
        self._all_read: tuple[object, ...] = ()
        """Runs and column of which everything was read."""
        self._news = False
        """Values came since the rows were sorted by them."""
        self._sorted_at = float("-inf")
        self._trouble = False

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {
            "columns": self.choose,
            "columns.left": lambda: self.shift(-1),
            "columns.right": lambda: self.shift(1),
            "sort.next_column": lambda: self.sort_beside(1),
            "sort.previous_column": lambda: self.sort_beside(-1),
        }

    # Which columns.

    def choose(self) -> None:
        """``C``: the list of all there are."""
        from ..screens.columns import ColumnsScreen

        screen, before = self.screen, self.screen.state.columns
        shown = before or tuple(Column(name) for name, _ in screen.run_table.layout_now.columns[1:])

        def show(columns: tuple[Column, ...], sort: str = "", see: str = "") -> None:
            self._trouble = False
            state = replace(screen.state, columns=columns, shift=self._shift_to(columns, see))
            screen.set_state(replace(state, run_order=state.run_order.pressed(sort)) if sort else state)

        def left(kept: bool | None) -> None:
            if not kept:
                show(before)
            screen.focus_panel()

        keys = [run.key for run in screen.run_table.runs_on_screen]
        keys = list(dict.fromkeys([*keys, *(run.key for run in screen.state.runs or ())]))
        chooser = ColumnsScreen(self.reader, keys, shown, automatic=not before, show=show)
        screen.app.push_screen(chooser, left)

    def _shift_to(self, columns: tuple[Column, ...], see: str) -> int:
        """The least shift at which a column is on the screen, from where the table stands now."""
        names = [one.name for one in columns]
        if see not in names:
            return 0
        state, width = self.screen.state, self.screen.run_table.inner_width
        for shift in range(min(state.shift, names.index(see)), len(columns)):
            found = RunColumns.of(width, state.run_order.key, columns, state.first_metrics, shift)
            if see in dict(found.columns):
                return shift
        return 0

    def shift(self, by: int) -> None:
        """``<`` and ``>``: the columns behind the name go by, one at a time."""
        layout, shift = self.screen.run_table.layout_now, self.screen.state.shift
        if by > 0 and not layout.after:
            self.screen.say("no more columns to the right; C chooses others")
        elif by < 0 and not shift:
            self.screen.say("no more columns to the left")
        else:
            self.screen.change(shift=max(0, shift + by))

    def sort_beside(self, by: int) -> None:
        """``[`` and ``]``: sort by the column beside the one that is sorted by."""
        state = self.screen.state
        if state.list_panel == "tree":
            names = ["name", "runs", "size", "idle", "age", "files"]
        else:
            layout = self.screen.run_table.layout_now
            names = ["name", *(column.name for column in state.columns or all_columns(state.first_metrics))]
            names += [name for name, _ in layout.columns if name not in names]
        at = names.index(state.order.key) + by if state.order.key in names else 0
        key = names[at % len(names)]
        self.screen.set_state(state.sorted_by(key))
        self.screen.say(f"sorted by {cut(label_of(key), 40).rstrip()}")

    def prepared(self, before: UiState, state: UiState) -> UiState:
        """A state with the columns of its own experiment, and the values it is sorted by as far as they are known."""
        if state.reading and not before.reading:
            self.cells.stale()
            self._metrics.clear()
            self._all_read = ()
            self._trouble = False
        here = "" if state.experiment is None else state.experiment.key
        other = here != ("" if before.experiment is None else before.experiment.key)
        sort = state.run_order.key
        if other:
            state = replace(state, first_metrics=self._metrics.get(here, ()))
        if kind_of(sort) and (other or sort != before.run_order.key):
            state = replace(state, sorting=self.cells.column(sort))
        elif not kind_of(sort) and state.sorting is not None:
            state = replace(state, sorting=None)
        return state

    # Their values.

    def look(self) -> None:
        """Read what is missing on the screen, then what is sorted by. Cheap when nothing is."""
        state, table = self.screen.state, self.screen.run_table
        experiment = state.experiment
        if experiment is None or not state.runs or not table.is_mounted or self._trouble:
            return
        runs = table.runs_on_screen
        names = [name for name, _ in table.layout_now.columns if kind_of(name) or name == "owner"]
        missing = self._missing(names, runs)
        if self._busy:
            # What nobody sees any more need not be read on.
            if (missing and not self._asked) or (self._asked and self._asked.isdisjoint(run.key for run in runs)):
                self._stop.set()
            return
        if missing:
            self._read(missing, names)
        elif experiment.key not in self._metrics and table.size.width >= METRICS_FROM:
            self._find_metrics(experiment.key, runs or state.runs[:ASKED_FOR_NAMES])
        elif kind_of(state.run_order.key):
            self._read_all(state.runs, state.run_order.key)

    def _missing(self, names: Sequence[str], runs: Sequence[Run]) -> list[Run]:
        keys: set[str] = set()
        for name in names:
            # Whose an unsized run is will only be known later.
            known = (run.key for run in runs if name != "owner" or run.owner >= 0)
            keys.update(self.cells.missing(name, known))
        return [run for run in runs if run.key in keys]

    def _find_metrics(self, key: str, runs: Sequence[Run]) -> None:
        if len(self._metrics) >= MOST_KNOWN:
            self._metrics.clear()
        self._metrics[key] = ()
        keys = [run.key for run in runs[:ASKED_FOR_NAMES]]

        def work() -> tuple[str, ...]:
            from mlruns_tui.workflow.filtering import value_names

            from ..rule_menu import first_metrics

            found = value_names(self.reader, keys)
            return tuple(f"metrics.{found.exact.get(f'metrics.{name}', name)}" for name in first_metrics(found.metrics))

        def done(metrics: tuple[str, ...]) -> None:
            self._busy = False
            self._metrics[key] = metrics
            state = self.screen.state
            if metrics and state.experiment is not None and state.experiment.key == key:
                self.screen.change(first_metrics=metrics)
            self.look()

        self._busy, self._asked = True, frozenset(keys)
        self.screen.work(work, done, "columns", failed=self._failed)

    def _read(self, runs: Sequence[Run], names: Sequence[str]) -> None:
        """Values of runs on the screen."""
        keys = [run.key for run in runs]
        owners = {run.key: run.owner for run in runs if run.owner >= 0} if "owner" in names else {}
        values = [name for name in names if kind_of(name)]
        self._stop = stop = threading.Event()
        self._busy, self._asked = True, frozenset(keys)

        def work() -> Mapping[str, str]:
            from mlruns_tui.workflow.filtering import read_values

            by_id = {user: owner_name(user) for user in set(owners.values())}
            read_values(self.reader, keys, wanted_of(values), stop.is_set, self._portion(values))
            return {key: by_id[user] for key, user in owners.items()}

        def done(found: Mapping[str, str]) -> None:
            self._busy = False
            if found:
                self.cells.put("owner", found)
                self.screen.run_table.renew()
            if not stop.is_set():
                self._give_up(values, keys)
            self.look()

        self.screen.work(work, done, "columns", failed=self._failed)

    def _give_up(self, names: Sequence[str], keys: Sequence[str]) -> None:
        """A reader that says nothing about a run is not asked for it again."""
        for name in names:
            if lost := self.cells.missing(name, keys):
                cells: dict[str, Cell] = dict.fromkeys(lost, LOST)
                self.cells.put(name, cells)

    def _read_all(self, runs: tuple[Run, ...], name: str) -> None:
        """Values of all runs of the experiment, to sort by them."""
        # Two tuples of many runs are only told apart by who they are.
        if all(one is other for one, other in zip(self._all_read, (runs, name), strict=False)) and self._all_read:
            if self._news:
                self._sort()
            return
        self._stop = stop = threading.Event()
        self._busy, self._asked = True, frozenset()

        def work() -> None:
            from mlruns_tui.workflow.filtering import read_values

            keys = self.cells.missing(name, (run.key for run in runs))
            read_values(self.reader, keys, wanted_of([name]), stop.is_set, self._portion([name]))

        def done(_: None) -> None:
            self._busy = False
            if not stop.is_set():
                self._all_read = (runs, name)
                self._sort()
            self.look()

        self.screen.work(work, done, "columns", failed=self._failed)

    def _portion(self, names: Collection[str]) -> Callable[[Mapping[str, RunValues]], None]:
        def portion(more: Mapping[str, RunValues]) -> None:
            with suppress(RuntimeError):  # the program may be closing
                self.screen.post_message(Returned(lambda: self._take(names, more)))

        return portion

    def _take(self, names: Collection[str], more: Mapping[str, RunValues]) -> None:
        state = self.screen.state
        self.cells.take(names, more)
        shown = {name for name, _ in self.screen.run_table.layout_now.columns} | {state.run_order.key}
        self.cells.trim("" if state.experiment is None else state.experiment.key, shown)
        self._news |= state.run_order.key in names
        self.screen.run_table.renew()
        now = time.monotonic()
        if self._news and now - max(self._sorted_at, self.screen.last_key_at) >= SORT_AGAIN_S:
            self._sort()

    def _sort(self) -> None:
        self._news, self._sorted_at = False, time.monotonic()
        name = self.screen.state.run_order.key
        if kind_of(name):
            self.screen.change(sorting=self.cells.column(name))

    def _failed(self, error: Exception) -> None:
        """Said once; read again with the store, or for other columns."""
        self._busy = False
        self._trouble = True
        self.screen.saying.complain(f"columns: {error_words(error)}")

    @property
    def reading_words(self) -> str:
        """What all runs are read for now; empty when nothing is."""
        name = self.screen.state.run_order.key
        if not (self._busy and not self._asked and kind_of(name)):
            return ""
        return f"reading {cut(label_of(name), 20).rstrip()}"

    def close(self) -> None:
        """The screen is going: nobody reads on."""
        self._stop.set()
