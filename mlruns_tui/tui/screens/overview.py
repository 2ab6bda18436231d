"""The overview: where the space is, how old the runs are, what is wrong, what the disk has left. To look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.words import IMPACTS, Impact
from mlruns_tui.report.words import ago_text, plural, size_text
from mlruns_tui.triage.protection import Facts
from mlruns_tui.workflow.reading import Space
from mlruns_tui.workflow.remembering import Visit

from ..background import in_background
from ..messages import Returned
from ..overview import Overview, overview_of
from ..rule_menu import Known
from ..state import UiState
from ..widgets.cells import DIM, Piece, line, signs_of, stack
from ..widgets.ending import end
from ..widgets.lines import KeyLine, SplitLine, crumbs
from ..widgets.overview_words import age_lines, disk_lines, finding_lines, rule_lines, space_lines
from ..widgets.panel import Panel
from ..widgets.parts import has_parts

TITLES = ("1 where the space is", "2 what the rules would mark", "3 age of runs", "4 findings", "5 this disk")
_ASIDE = ("space", "rules", "ages", "findings", "disk")


class Drawn(Widget):
    """Lines made for the size there is."""

    DEFAULT_CSS = "Drawn { height: 1fr; padding: 0 1; }"

    def __init__(self, draw: Callable[[int, int], list[Content]]) -> None:
        super().__init__()
        self._draw = draw

    def render(self) -> Content:
        width, height = self.content_size
        return stack(self._draw(width, height)[: max(height, 0)]) if width and height else Content()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the overview is drawn from."""

    now: Callable[[], UiState]
    """The main screen's state, which goes on changing."""
    facts: Facts
    space: Space | None
    visit: Visit | None


class OverviewScreen(Screen["str | None"]):
    """Looks only. Ends with a command of the main screen, or None."""

    CSS_PATH = "../styles/overview.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,W,q", "leave('')", show=False),
        Binding("x", "leave('mark.rules')", show=False),
        Binding("F", "leave('look.findings')", show=False),
        Binding("question_mark", "leave('help')", show=False),
        Binding("tab,right", "turn(1)", show=False),
        Binding("shift+tab,left", "turn(-1)", show=False),
        *(Binding(str(number), f"panel({number})", show=False) for number in range(1, 6)),
    ]

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen
        self.view: Overview | None = None
        """None until it is worked out."""
        self.panel = 1
        self._head, self._keys = SplitLine(id="head"), KeyLine(id="keys")

    def compose(self) -> ComposeResult:
        yield self._head
        draw = (self._space, self._rules, self._ages, self._findings, self._disk)
        panels = [Panel(Drawn(one), id=name, classes="part") for one, name in zip(draw, _ASIDE, strict=True)]
        with Horizontal(id="page"):
            with Vertical(id="left"):
                yield from panels[:2]
            with Vertical(id="right"):
                yield from panels[2:]
        yield self._keys

    def on_mount(self) -> None:
        if not has_parts(self, "#page"):
            return
        for name, title in zip(_ASIDE, TITLES, strict=True):
            self.query_one(f"#{name}", Panel).set_title(title)
        self.action_panel(1)
        self._show_head()
        state, facts, visit = self.seen.now(), self.seen.facts, self.seen.visit
        known = Known(findings=state.findings, facts=facts, complete=facts.snapshot.complete)

        def work() -> Overview:
            before = (visit.sizes, visit.total_bytes, visit.when_ms) if visit is not None else ({}, None, None)
            return overview_of(facts, known, state.old_days, *before)

        self.set_interval(1, self.query_one("#findings Drawn").refresh)
        in_background(self, work, self._take, self._failed, "overview")

    def on_returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    def _take(self, view: Overview) -> None:
        self.view = view
        self._show_head()
        for one in self.query(Drawn):
            one.refresh()

    def _failed(self, error: Exception) -> None:
        self.app.notify(f"the overview could not be drawn: {error}", severity="error", markup=False)

    def action_leave(self, command: str) -> None:
        end(self, command or None)

    def action_panel(self, number: int) -> None:
        """In a narrow window one panel is seen at a time."""
        self.panel = number
        for at, name in enumerate(_ASIDE, 1):
            self.query_one(f"#{name}").set_class(at == number, "-shown")
        self.query_one("#left").set_class(number < 3, "-shown")
        self.query_one("#right").set_class(number > 2, "-shown")
        self._show_keys()

    def action_turn(self, by: int) -> None:
        self.action_panel((self.panel - 1 + by) % len(_ASIDE) + 1)

    def _show_keys(self) -> None:
        keys = [("1-5", "panels"), ("x", "mark by rule"), ("F", "findings"), ("?", "help"), ("Esc", "back")]
        self._keys.set_keys(keys)

    def _show_head(self) -> None:
        signs = signs_of(self.app)
        pieces: list[Piece] = crumbs(signs, "overview")
        right: list[Piece] = []
        if self.view is not None:
            held = f"{size_text(self.view.total_bytes)} in {plural(self.view.files, 'file')}"
            pieces.append((f"   {held}", DIM))
            if self.view.visit_ms is not None and self.view.grown is not None:
                sign = "+" if self.view.grown >= 0 else "-"
                right.append((f"last looked {ago_text(now_ms() - self.view.visit_ms)}  ", DIM))
                right += [(f"{sign}{size_text(abs(self.view.grown))}", "bold"), (" since", DIM)]
        self._head.show(line(pieces), line(right))

    # The panels.

    def _space(self, width: int, height: int) -> list[Content]:
        return space_lines(self.view, width, height, signs_of(self.app)) if self.view else _waiting()

    def _rules(self, width: int, height: int) -> list[Content]:
        return rule_lines(self.view, width, signs_of(self.app)) if self.view else _waiting()

    def _ages(self, width: int, height: int) -> list[Content]:
        return age_lines(self.view, width, height, signs_of(self.app)) if self.view else _waiting()

    def _findings(self, width: int, height: int) -> list[Content]:
        state = self.seen.now()
        if not state.findings and (state.checking or state.reading):
            return [line([("still looking…", DIM)])]
        counts: dict[Impact, int] = {}
        for finding in state.findings:
            counts[finding.impact] = counts.get(finding.impact, 0) + 1
        ordered = [(impact, counts[impact]) for impact in IMPACTS if impact in counts]
        return finding_lines(ordered, width, signs_of(self.app))

    def _disk(self, width: int, height: int) -> list[Content]:
        if self.view is None:
            return _waiting()
        return disk_lines(self.view, self.seen.space, width, signs_of(self.app), now_ms())


def _waiting() -> list[Content]:
    return [line([("…", DIM)])]
