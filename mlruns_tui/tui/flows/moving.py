"""Moving about: rows, panels, groups, the zoom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlruns_tui.model.store import Run
from mlruns_tui.triage.views import Group, RunRow, TreeRow, group_of

from ..shown import Shown
from ..state import PANELS, Panel
from ..widgets.keyed_list import KeyedList

if TYPE_CHECKING:
    from ..screens.main import MainScreen


class Moving:
    """Commands that only change where one is."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen
        self._wanted_run = ""

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {
            "move.up": lambda: self._list.move(-1),
            "move.down": lambda: self._list.move(1),
            "move.left": self.left,
            "move.right": self.right,
            "move.first": lambda: self._list.go(0),
            "move.last": lambda: self._list.go(len(self._list.rows) - 1),
            "move.half_down": lambda: self._list.move_pages(0.5),
            "move.half_up": lambda: self._list.move_pages(-0.5),
            "move.page_down": lambda: self._list.move_pages(1),
            "move.page_up": lambda: self._list.move_pages(-1),
            "panel.tree": lambda: self.to_panel("tree"),
            "panel.runs": lambda: self.to_panel("runs"),
            "panel.marked": self.to_marked,
            "panel.findings": self.to_findings,
            "panel.next": lambda: self._step_panel(1),
            "panel.previous": lambda: self._step_panel(-1),
            "zoom.in": self.zoom,
            "zoom.out": lambda: self.screen.change(zoomed=False),
            "open": self.open,
        }

    @property
    def _list(self) -> KeyedList[Any]:
        return self.screen.list_of(self.screen.state.panel)

    def to_panel(self, panel: Panel) -> None:
        """The keys go to this panel. In a folded window the third one is a drawer that opens and closes."""
        self.screen.change(panel=panel)
        self.screen.focus_panel()

    def to_marked(self) -> None:
        """To the marks and actions; in a folded window the same key closes them again."""
        closing = self.screen.folded and self.screen.state.panel == "marked"
        self.to_panel("runs" if closing else "marked")

    def to_findings(self) -> None:
        """To the panel of the findings; where there is no room for it, to the list itself."""
        if self.screen.findings.display and self.screen.findings.region:
            self.to_panel("findings")
        else:
            self.screen.run_command("look.findings")

    def zoom(self) -> None:
        """The panel in use takes the window; the findings have a screen of their own."""
        if self.screen.state.panel == "findings":
            self.screen.run_command("look.findings")
        else:
            self.screen.change(zoomed=True)

    def _step_panel(self, by: int) -> None:
        here_now, findings = self.screen.state.panel, self.screen.findings
        hidden = {"marked"} if self.screen.folded and here_now != "marked" else set()
        if not (findings.display and findings.region) and here_now != "findings":
            hidden.add("findings")
        panels = [panel for panel in PANELS if panel not in hidden]
        here = panels.index(here_now)
        self.to_panel(panels[(here + by) % len(panels)])

    def left(self) -> None:
        """Close what is open under the cursor, else one level up: its parent, its group, the store."""
        state = self.screen.state
        if state.panel == "tree" and state.entry is not None:
            row = state.entry
            if row.kind == "group" and row.open:
                self.screen.set_state(state.with_group(row.group, False))
            elif row.kind != "group":
                self.screen.store_tree.go_to_key(f"group/{row.group}")
        elif state.panel == "runs":
            run = self.screen.run_table.current
            if run is not None and run.children and not run.folded:
                self.screen.set_state(state.with_fold(run.run.key, True))
            elif run is None or not run.depth or not self._to_parent(run.run):
                self.to_panel("tree")
        else:
            self.to_panel("tree" if state.panel == "findings" else "runs")

    def _to_parent(self, run: Run) -> bool:
        key = run.key[: -len(run.run_id)] + run.parent
        return self.screen.run_table.go_to_key(key)

    def right(self) -> None:
        """Open what is closed under the cursor; from an experiment to its runs."""
        state = self.screen.state
        if state.panel == "tree" and state.entry is not None:
            self._open_entry(state.entry, close=False)
        elif state.panel == "runs":
            row = self.screen.run_table.current
            if row is not None and row.folded:
                self.screen.set_state(state.with_fold(row.run.key, False))
            elif not self.screen.folded:
                self.to_panel("marked")
        elif state.panel == "findings":
            self.to_panel("runs")

    def open(self) -> None:
        """Enter: a group opens or closes, an experiment shows its runs, a run its details."""
        state = self.screen.state
        if state.panel == "tree" and state.entry is not None:
            self._open_entry(state.entry, close=True)
        elif state.panel == "runs":
            self.screen.run_command("look.details")
        elif state.panel == "findings":
            self.screen.run_command("look.findings")
        else:
            self.to_panel("tree")

    def fold(self, row: object) -> None:
        """Open or close what is below a row."""
        state = self.screen.state
        if isinstance(row, TreeRow) and row.kind == "group":
            self.screen.set_state(state.with_group(row.group, not row.open))
        elif isinstance(row, RunRow) and row.children:
            self.screen.set_state(state.with_fold(row.run.key, not row.folded))

    def _open_entry(self, row: TreeRow, close: bool) -> None:
        state = self.screen.state
        if row.kind == "backups":
            self.screen.run_command("backups")
        elif row.kind != "group":
            self.to_panel("runs")
        elif not row.open:
            self.screen.set_state(state.with_group(row.group, True))
        elif close:
            self.screen.set_state(state.with_group(row.group, False))
        else:
            self.screen.store_tree.move(1)

    def jump(self, experiment_key: str, run_key: str) -> None:
        """The cursor to an experiment, or to a run in it; what hides it is opened or cleared."""
        self.screen.touched()
        self.screen.expressing.clear()
        state = replace(self.screen.state, tree_filter="", run_filter="", folded=frozenset(), panel="tree")
        experiment = state.snapshot.experiment(experiment_key)
        if experiment is None:
            self.screen.say("it is not there any more")
            return
        self.screen.set_state(state.with_group(group_of(experiment), True))
        self.screen.store_tree.go_to_key(experiment_key)
        self._wanted_run = run_key
        self.to_panel("runs" if run_key else "tree")

    def jump_to(self, key: str) -> None:
        """The cursor to whatever has this key: an experiment, a run, a registered model, a stray."""
        container, inside, _ = key.partition("/run/")
        if container.startswith(("experiment/", "trash/")) and self.screen.state.snapshot.experiment(container):
            self.jump(container, key if inside else "")
            return
        self.screen.touched()
        self.screen.expressing.clear()
        groups: frozenset[Group] = frozenset({"stray", "claimed", "models"})
        state = replace(self.screen.state, tree_filter="", panel="tree")
        self.screen.set_state(replace(state, closed=state.closed - groups))
        self.to_panel("tree")
        if not self.screen.store_tree.go_to_key(key):
            self.screen.say(f"{key.partition('/')[2]} has no row of its own in the store")

    def take_wanted(self, shown: Shown) -> str:
        """Key of the run to go to, once its rows are there."""
        wanted = self._wanted_run
        if wanted and any(row.run.key == wanted for row in shown.runs):
            self._wanted_run = ""
            return wanted
        return ""

    def sort_at(self, rows: KeyedList[Any], x: int) -> None:
        """A click on a header."""
        panel: Panel = "tree" if rows is self.screen.store_tree else "runs"
        key = self.screen.store_tree.sort_at(x) if panel == "tree" else self.screen.run_table.sort_at(x)
        if key is not None:
            self.to_panel(panel)
            self.screen.set_state(self.screen.state.sorted_by(key))

    def take_cursor(self, rows: KeyedList[Any], row: object) -> None:
        """A list's cursor stands on another row."""
        state = self.screen.state
        if rows is self.screen.store_tree:
            entry = row if isinstance(row, TreeRow) else None
            self.screen.set_state(state.on_entry(entry))
        elif rows is self.screen.run_table:
            run = row.run if isinstance(row, RunRow) else None
            self.screen.set_state(replace(state, run=run))
        elif rows is self.screen.marked:
            self.screen.saying.show()
