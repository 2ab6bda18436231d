"""Findings: what is wrong, worst first, what MLflow does because of it, and what helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen

from mlruns_tui.model.findings import Finding
from mlruns_tui.triage.finding_views import (
    FindingRow,
    MigrationCount,
    entry_key,
    finding_rows,
    migration_count,
)
from mlruns_tui.tui.state import UiState
from mlruns_tui.tui.widgets.cells import DIM, KEY, Piece, line, signs_of
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.finding_list import FindingPainter, remedy_of
from mlruns_tui.tui.widgets.finding_strips import head_right, head_words, key_list, no_rows, progress_words
from mlruns_tui.tui.widgets.findings_page import PARTS, FindingsPage
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.middle import wrapped
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.prompts import FilterPrompt
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow.repairing import repairable


@dataclass(frozen=True, slots=True)
class FindingsAnswer:
    """Where to go from the list."""

    go_to: str = ""
    """Key of an experiment, run, registered model or stray."""
    command: str = ""
    """Of the main screen: ``review``, ``undo`` …"""


class FindingsScreen(Screen["FindingsAnswer | None"]):
    """Shows the findings of a state that changes under it; told so by ``show_state``."""

    CSS_PATH = "../styles/findings.tcss"
    AUTO_FOCUS = "#findings"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False),
        Binding("F", "leave", "back", show=False),
        Binding("e", "repair", "repair", show=False),
        Binding("a", "choose_all", "choose all that can be repaired", show=False),
        Binding("m", "migration", "only what stops a migration", show=False),
        Binding("slash", "filter", "filter", show=False),
        Binding("y,Y", "copy", "copy path", show=False),
        Binding("r", "again", "check again", show=False),
        Binding("c", "stop", "stop the check", show=False),
        Binding("d", "command('review')", "review", show=False),
        Binding("z", "command('undo')", "undo", show=False),
        Binding("question_mark,f1", "help", "help", show=False),
        Binding("1", "panel('#findings')", "findings", show=False),
        Binding("2", "panel('#why')", "why", show=False),
    ]

    def __init__(
        self,
        state: Callable[[], UiState],
        chosen: set[str],
        *,
        toggle: Callable[[str], str],
        check: Callable[[], None],
        stop: Callable[[], None],
        repair: Callable[[Sequence[Finding]], None],
        copy: Callable[[str], str],
    ) -> None:
        """``chosen``: keys of rows chosen for repair, kept by the caller. ``toggle``: mark or unmark an entry
        for removal by key, ``copy``: a path to the clipboard; both give a sentence about it. ``check`` looks
        into everything again, ``stop`` ends that. ``repair``: show what a repair of these would do."""
        super().__init__()
        self._state = state
        self.chosen = chosen
        self._toggle, self._copy = toggle, copy
        self._check, self._stop, self._repair = check, stop, repair
        self._migration_only = False
        self._text = ""
        self._rows: list[FindingRow] = []
        self._made_of: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        yield SplitLine(id="progress")
        yield FindingsPage(self._paint, self._tail)
        yield FilterPrompt("what, where, path, impact, remedy; ! inverts")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.show_state()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_state)

    @property
    def _page(self) -> FindingsPage:
        return self.query_one(FindingsPage)

    @property
    def current(self) -> FindingRow | None:
        return self._page.rows.current

    # Showing.

    def show_state(self) -> None:
        """Everything, as the state is now."""
        if not has_parts(self, "#head", "#progress", *PARTS, "#keys"):
            return
        state = self._state()
        self._make_rows(state)
        count = migration_count(state.findings)
        self._show_head(state, count)
        self._page.show(state, count, self._migration_only, self._text)
        self.set_class(self._migration_only, "-migration")
        self._show_row()

    def _make_rows(self, state: UiState) -> None:
        parts = (state.findings, state.snapshot, self._text, self._migration_only)
        same = len(parts) == len(self._made_of) and all(a is b for a, b in zip(parts, self._made_of, strict=True))
        if same:
            return
        self._made_of = parts
        before = self.current
        self._rows = finding_rows(state.findings, state.snapshot, self._text, self._migration_only)
        at = next((at for at, row in enumerate(self._rows) if before is not None and row.key == before.key), None)
        self._page.rows.set_rows(self._rows, at)
        if not self._text and not self._migration_only:
            self.chosen.intersection_update({row.key for row in self._rows})

    def _show_head(self, state: UiState, count: MigrationCount) -> None:
        signs, wide = signs_of(self.app), self.has_class("-wide")
        where: list[Piece] = [*crumbs(signs, "findings"), (f"   {head_words(state)}", DIM)]
        self.query_one("#head", SplitLine).show(line(where), line(head_right(count, self._migration_only, wide)))
        self.set_class(bool(state.checking) or state.reading or state.planning, "-checking")
        stop = line([("c", KEY), (" stop", DIM)] if state.checking else [])
        self.query_one("#progress", SplitLine).show(progress_words(state, signs, wide), stop)

    def _foot(self) -> str:
        chosen = f"{len(self.chosen):,} chosen for repair" if self.chosen else ""
        row = f"row {self._page.rows.cursor + 1:,} of {len(self._rows):,}" if self._rows else ""
        return f" {signs_of(self.app).separator} ".join(filter(None, (chosen, row)))

    def _tail(self, width: int) -> list[Content]:
        """What stands below the last row, or instead of rows."""
        if self._rows:
            return []
        said = no_rows(self._state(), self._text, self._migration_only, signs_of(self.app))
        return [Content(), *(Content.assemble("  ", one) for one in wrapped(said, width - 4))]

    def _paint(self, row: FindingRow, width: int) -> Content:
        return FindingPainter(signs_of(self.app), self.chosen, self._state().marks)(row, width)

    def _show_row(self) -> None:
        """What depends on the row under the cursor."""
        state = self._state()
        self._page.show_row(self.current, state, self._foot())
        self.query_one(KeyLine).set_keys(key_list(state, self.current, len(self.chosen), self._migration_only))

    # Keys.

    @on(RowList.Moved, "#findings")
    def _other_row(self) -> None:
        self._page.to_top()
        self._show_row()

    @on(RowList.Chosen, "#findings")
    def _enter(self, event: RowList.Chosen) -> None:
        row: FindingRow = event.row
        end(self, FindingsAnswer(go_to=entry_key(row.first)))

    @on(RowList.Toggled, "#findings")
    def _space(self, event: RowList.Toggled) -> None:
        row: FindingRow = event.row
        remedy = remedy_of(row)
        if self._refused():
            return
        if remedy == "repair":
            self.chosen.symmetric_difference_update({row.key})
        elif remedy == "remove":
            self._mark(row)
        else:
            self.notify("nothing to mark: this needs a person", markup=False)
            return
        self.show_state()
        event.rows.action_move(1)

    def _mark(self, row: FindingRow) -> None:
        said = ""
        keys = list(dict.fromkeys(entry_key(one) for one in row.findings))
        marks = self._state().marks
        if any(key in marks for key in keys):
            keys = [key for key in keys if key in marks]
        for key in keys:
            said = self._toggle(key)
        if said:
            self.notify(said, markup=False)

    def action_choose_all(self) -> None:
        """All shown rows a repair can mend; again: none of them."""
        if self._refused():
            return
        keys = {row.key for row in self._rows if remedy_of(row) == "repair"}
        if not keys:
            self.notify("nothing here can be repaired", markup=False)
        if keys <= self.chosen:
            self.chosen.difference_update(keys)
        else:
            self.chosen.update(keys)
        self.show_state()

    def action_repair(self) -> None:
        """What a repair of the chosen ones, else of the row under the cursor, would do."""
        if not self.is_active or self._refused():
            return
        every = finding_rows(self._state().findings, self._state().snapshot)
        rows = [row for row in every if row.key in self.chosen] or ([self.current] if self.current else [])
        found = repairable([one for row in rows for one in row.findings])
        if found:
            self._repair(found)
        elif rows:
            self.notify(f"nothing to repair here: the remedy is {remedy_of(rows[0])}", markup=False)

    def _refused(self) -> bool:
        if self._state().read_only:
            self.notify("opened read-only", markup=False)
        return self._state().read_only

    def action_migration(self) -> None:
        self._migration_only = not self._migration_only
        self.show_state()

    def action_filter(self) -> None:
        self.add_class("-filter")
        self.query_one(FilterPrompt).open(self._text)

    @on(FilterPrompt.Changed)
    def _filtered(self, event: FilterPrompt.Changed) -> None:
        event.stop()
        self._text = event.text
        self.show_state()

    @on(FilterPrompt.Kept)
    def _filter_kept(self) -> None:
        self.remove_class("-filter")
        self._page.rows.focus()

    def action_copy(self) -> None:
        if self.current is not None:
            self.notify(self._copy(self.current.first.path), markup=False)

    def action_again(self) -> None:
        self._check()

    def action_stop(self) -> None:
        if self._state().checking:
            self._stop()

    def action_command(self, command: str) -> None:
        end(self, FindingsAnswer(command=command))

    def action_help(self) -> None:
        from .help import HelpScreen

        def chosen(command: str | None) -> None:
            if command is not None:
                self.action_command(command)

        self.app.push_screen(HelpScreen({}, self._state()), chosen)

    def action_panel(self, selector: str) -> None:
        self.query_one(selector).focus()

    def action_leave(self) -> None:
        end(self, None)

    def action_back(self) -> None:
        if self.has_class("-filter") or self._text:
            self.remove_class("-filter")
            self._text = ""
            self._page.rows.focus()
            self.show_state()
        else:
            end(self, None)
