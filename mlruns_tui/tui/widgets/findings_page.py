"""The panels of the findings: the list, what impacts mean, the migration, and everything about one row."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mlruns_tui.model.clock import now_ms
from mlruns_tui.triage.finding_views import FindingRow, MigrationCount, entry_key, entry_of
from mlruns_tui.tui.state import UiState

from .cells import signs_of, stack
from .finding_list import finding_header
from .finding_words import meaning_lines, migration_lines, why_lines
from .panel import Panel, Words
from .row_list import RowList

PARTS = ("#findings", "#means", "#migration", "#why-words")
"""Of the page, the innermost: without one of them nothing can be shown."""


class FindingsPage(Horizontal):
    """Two columns of panels. It is given values and shows them."""

    def __init__(self, paint: Callable[[FindingRow, int], Content], tail: Callable[[int], list[Content]]) -> None:
        """``paint``: a row as a line; ``tail``: what stands below the last row."""
        super().__init__(id="page")
        self._paint = paint
        self._tail = tail

    def compose(self) -> ComposeResult:
        with Vertical(id="left"):
            with Panel(id="list-panel"):
                yield RowList[FindingRow](self._paint, header=finding_header, tail=self._tail, id="findings")
            with Panel(id="means-panel"):
                yield Static(id="means")
            with Panel(id="migration-panel"):
                yield Static(id="migration")
        with Vertical(id="right"), Panel(id="why-panel"), Words(id="why"):
            yield Static(id="why-words")

    @property
    def rows(self) -> RowList[FindingRow]:
        return self.query_one("#findings", RowList)

    def show(self, state: UiState, count: MigrationCount, migration_only: bool, text: str) -> None:
        """All but the rows themselves and what is about one of them."""
        signs = signs_of(self.app)
        panel = self.query_one("#list-panel", Panel)
        worst = state.findings[0].impact if state.findings else ""
        panel.set_class(worst.startswith("breaks"), "-bad")
        panel.set_class(worst == "warns", "-warns")
        title = "1 what stands in the way of a migration" if migration_only else "1 findings"
        panel.set_title(title, f"/{text}" if text else "")
        diagnosis = state.diagnosis
        version = diagnosis.version if diagnosis else ""
        checked = diagnosis is not None and diagnosis.contents and not diagnosis.stopped
        files = state.snapshot.store.kind in ("file", "mixed")
        means = meaning_lines(state.findings, version, self._width("means"), signs)
        self._put("means", "what the impacts mean", means)
        self._put(
            "migration",
            "before mlflow migrate-filestore",
            migration_lines(count, files, checked, self._width("migration")),
        )
        self.rows.refresh_rows()

    def show_row(self, row: FindingRow | None, state: UiState, foot: str) -> None:
        """Everything about one row; ``foot`` stands in the border of the list."""
        self.query_one("#list-panel", Panel).set_foot(foot)
        self.query_one("#why-panel", Panel).set_title("2 why, and what helps")
        if row is None:
            self.query_one("#why-words", Static).update("")
            return
        key = entry_key(row.first)
        entry = entry_of(key, state.snapshot)
        lines = why_lines(
            row,
            entry,
            state.kept(key) if entry is not None else (),
            key in state.marks,
            state.diagnosis.version if state.diagnosis else "",
            max(24, self.query_one("#why").content_size.width - 2),
            now_ms(),
            signs_of(self.app),
            short=self.screen.has_class("-narrow"),
        )
        self.query_one("#why-words", Static).update(stack(lines))

    def to_top(self) -> None:
        """Another row: what is said about it begins at its first line."""
        self.query_one("#why", Words).scroll_home(animate=False)

    def _width(self, name: str) -> int:
        return max(30, self.query_one(f"#{name}-panel").size.width - 4)

    def _put(self, name: str, title: str, lines: list[Content]) -> None:
        self.query_one(f"#{name}-panel", Panel).set_title(title)
        self.query_one(f"#{name}", Static).update(stack(lines))
