"""Below runs side by side: everything one row says, uncut, and the curves where it is a metric's."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.store import Run
from mlruns_tui.triage.comparing import Compared

from .cells import line, stack
from .compare_words import run_name, whole_row
from .curve_view import CurveView
from .panel import Panel, Words


class CompareBelow(Horizontal):
    """Two panels. Which of them is seen in a narrow window is the screen's classes to say."""

    def __init__(self) -> None:
        super().__init__(id="below")

    def compose(self) -> ComposeResult:
        with Panel(id="whole-panel"), Words(id="whole"):
            yield Static(id="whole-words")
        with Panel(id="curve-panel"):
            yield CurveView(id="curve")

    @property
    def curve(self) -> CurveView:
        return self.query_one(CurveView)

    def show(
        self, row: Compared | None, runs: Sequence[Run], first: int, turned: set[str], error: MlrunsError | None
    ) -> None:
        """``first``: the leftmost run in view; of many the curves from it on are drawn. ``error``: why the run
        the cursor is on was not read."""
        panel, words = self.query_one("#whole-panel", Panel), self.query_one("#whole-words", Static)
        width = max(20, self.query_one("#whole").content_size.width - 1)
        if row is None:
            panel.set_title("no row")
            words.update(Content())
        else:
            panel.set_title(row.name or "without a name", "differs" if row.differs else "the same in all")
            words.update(stack(whole_row(row, runs, width, turned)))
        if error is not None:
            panel.set_title("not read")
            words.update(line([(error.message, "$warning")]))
        if row is not None and row.kind == "metrics":
            order = [*range(first, len(runs)), *range(first)]
            curves = [(at + 1, run_name(runs[at]), row.series[at]) for at in order]
            self.curve.show_several([(at, name, one) for at, name, one in curves if one is not None], one_clock=False)
            curve_panel = self.query_one("#curve-panel", Panel)
            curve_panel.set_title(row.name or "without a name", "curves")
            curve_panel.set_foot(self.curve.axis_words)
