"""What the screens have in common that show a plan before it is carried out: a line that says where one is, a list
at the left, what happens at the right, and two buttons of which the first changes nothing."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import Snapshot
from mlruns_tui.tui.widgets.buttons import ButtonRow
from mlruns_tui.tui.widgets.cells import DIM, end_of, line, signs_of, stack
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import SplitLine, crumbs
from mlruns_tui.tui.widgets.panel import Panel
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.workflow.reading import Space

CANCEL = "cancel"
APPLY = "apply"
Answer = TypeVar("Answer")


class PlanScreen(Screen["Answer | None"], Generic[Answer]):
    """Shows one plan. Ends with None (nothing is done) or the answer to carry out."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False),
        Binding("m", "apply", "carry it out", show=False),
        Binding("up,down,j,k", "to_list", "to the list", show=False),
    ]
    CRUMB: ClassVar[str] = ""
    """What is shown, in the line that says where one is."""
    PARTS: ClassVar[tuple[str, ...]] = ()
    """Selectors of what must be there before anything is drawn, besides the frame's own."""
    LIST: ClassVar[str] = ""
    """Selector of the list at the left."""

    def __init__(self, plan: Plan, snapshot: Snapshot, space: Space | None) -> None:
        """``space``: left where the backup goes."""
        super().__init__()
        self._whole = plan
        self._snapshot = snapshot
        self._space = space
        self._left_out: frozenset[str] = frozenset()
        """Keys of the items the user takes out of it."""
        self.plan = plan
        """As it would be applied now."""

    @property
    def _drawable(self) -> bool:
        parts = ("#head", "#headline", "#happens", "#words", "#buttons", "#keys")
        return has_parts(self, *parts, self.LIST, *self.PARTS)

    def show_plan(self) -> None:
        """Everything the plan or the window's size decides."""
        raise NotImplementedError

    def on_mount(self) -> None:
        if self._drawable:
            self.show_plan()
            self.query_one(ButtonRow).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._after_resize)

    def _after_resize(self) -> None:
        if self._drawable:
            self.show_plan()

    def show_frame(self, headline: Content, happens: list[Content]) -> None:
        """Where one is, the whole truth in one line, and what happens."""
        where = line([*crumbs(signs_of(self.app), self.CRUMB), ("   nothing has changed yet", DIM)])
        room = self.size.width - where.cell_length - 4
        self.query_one("#head", SplitLine).show(where, line([(end_of(self.plan.store_given, room), DIM)]))
        self.query_one("#headline", SplitLine).show(headline)
        self.query_one("#happens-panel", Panel).set_title("what happens")
        self.query_one("#words", Static).update(stack(happens))

    @property
    def happens_width(self) -> int:
        """Cells for a line of what happens."""
        return max(30, self.query_one("#happens").size.width - 2)

    @on(ButtonRow.Pressed)
    def _pressed(self, event: ButtonRow.Pressed) -> None:
        event.stop()
        self.pressed(event.choice)

    def pressed(self, choice: str) -> None:
        """A button was."""
        if choice == APPLY:
            self.action_apply()
        else:
            self.action_back()

    def action_apply(self) -> None:
        raise NotImplementedError

    def action_back(self) -> None:
        end(self, None)

    def action_to_list(self) -> None:
        self.query_one(self.LIST).focus()
