"""Repair: what would be mended and how. Nothing has changed until the second button."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.store import Snapshot
from mlruns_tui.report.words import plural
from mlruns_tui.triage.planner import without
from mlruns_tui.tui.background import in_background
from mlruns_tui.tui.messages import Returned
from mlruns_tui.tui.screens.plan_screen import APPLY, CANCEL, PlanScreen
from mlruns_tui.tui.widgets import repair_words
from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.tui.widgets.cells import DIM, line, signs_of, stack
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.repair_words import RepairPainter
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow.reading import Space


@dataclass(frozen=True, slots=True)
class RepairAnswer:
    """What is to be carried out: the plan that was shown, with or without what the user left out."""

    plan: Plan


class RepairScreen(PlanScreen[RepairAnswer]):
    """Shows a plan of repairs. Ends with None (nothing is done) or the plan to apply."""

    CSS_PATH = "../styles/repair.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("n", "rename", "another name", show=False)]
    CRUMB = "repair"
    PARTS = ("#item-words", "#ask-note")
    LIST = "#items"

    def __init__(
        self,
        plan: Plan,
        snapshot: Snapshot,
        preview: Callable[[Mapping[str, str]], Plan],
        *,
        space: Space | None = None,
    ) -> None:
        """``preview``: the plan with other names for rebuilt experiments (by experiment key), made on a thread;
        raises MlrunsError for a name that cannot be. ``space``: left where the backup goes."""
        super().__init__(plan, snapshot, space)
        self._preview = preview
        self._names: dict[str, str] = {}
        self._places = repair_words.places_of(plan, snapshot)
        self._rebuilt = repair_words.rebuilt(plan)
        self._renaming: PlanItem | None = None
        self._asked = 0

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        yield SplitLine(id="headline")
        with Horizontal(id="page"):
            with Panel(id="items-panel", classes="-goes"):
                yield RowList[PlanItem](
                    self._paint,
                    repair_words.in_order(self._whole),
                    header=lambda width: self._painter.header(width),
                    id="items",
                )
            with Vertical(id="side"):
                with Panel(id="item-panel"), Words(id="item"):
                    yield Static(id="item-words")
                with Panel(id="happens-panel"), Words(id="happens"):
                    yield Static(id="words")
        with Horizontal(id="ask"):
            yield Static("name", id="ask-label")
            yield Input(id="ask-name", compact=True, select_on_focus=False)
            yield Static(id="ask-note")
        yield ButtonRow([Choice(CANCEL, "Cancel")], id="buttons")
        yield KeyLine(id="keys")

    @property
    def _list(self) -> RowList[PlanItem]:
        return self.query_one("#items", RowList)

    @property
    def _out(self) -> frozenset[str]:
        """Keys of what is left out, and of what is of no use without it."""
        return frozenset(item.key for item in self._whole.items) - {item.key for item in self.plan.items}

    @property
    def _painter(self) -> RepairPainter:
        return RepairPainter(signs_of(self.app), self._places, self._out)

    def _paint(self, item: PlanItem, width: int) -> Content:
        return self._painter(item, width)

    # Showing.

    def show_plan(self) -> None:
        plan, left_out = self.plan, len(self._left_out)
        self.query_one("#items-panel", Panel).set_title("repairs", plural(len(plan.items), "place"))
        self._list.set_rows(repair_words.in_order(self._whole))
        width = self.happens_width
        out = (left_out, len(self._out) - left_out)
        said = repair_words.what_happens(plan, self._snapshot, out, self._space, width, signs_of(self.app))
        self._show_item()
        label = (
            repair_words.nothing_words(plan, left_out) if plan.empty else f"Repair {plural(len(plan.items), 'place')}"
        )
        self.show_frame(repair_words.headline(plan), said)
        choices = [Choice(CANCEL, "Cancel"), Choice(APPLY, label, "goes", not plan.empty)]
        self.query_one(ButtonRow).set_choices(choices)

    def _show_item(self) -> None:
        item, signs = self._list.current, signs_of(self.app)
        panel = self.query_one("#item-panel", Panel)
        panel.set_title("what is done")
        width = max(24, self.query_one("#item").content_size.width - 2)
        lines = (
            []
            if item is None
            else repair_words.item_lines(item, self._painter.place(item), item.key in self._rebuilt, width)
        )
        self.query_one("#item-words", Static).update(stack(lines))
        keys = [("Enter", "press"), (signs.left_right, "button"), ("Tab", "lists"), ("Space", "leave one out")]
        if item is not None and item.key in self._rebuilt:
            keys.append(("n", "another name"))
        if not self.plan.empty:
            keys.append(("m", "repair them"))
        self.query_one(KeyLine).set_keys([*keys, ("Esc", "back")])

    # Keys.

    @on(RowList.Moved, "#items")
    def _other_item(self) -> None:
        self.query_one("#item", Words).scroll_home(animate=False)
        self._show_item()

    @on(RowList.Toggled, "#items")
    def _leave_out(self, event: RowList.Toggled) -> None:
        item: PlanItem = event.row
        self._left_out ^= {item.key}
        self._plan_anew()
        event.rows.action_move(1)

    @on(RowList.Chosen, "#items")
    def _open(self) -> None:
        self.action_rename()

    def _plan_anew(self) -> None:
        self.plan = without(self._whole, self._left_out)
        self.show_plan()

    def action_apply(self) -> None:
        if not self.is_active or self._renaming is not None:
            return
        if self.plan.empty:
            self.app.bell()
        else:
            end(self, RepairAnswer(self.plan))

    def action_to_list(self) -> None:
        if self._renaming is None:
            super().action_to_list()

    def action_back(self) -> None:
        if self._renaming is not None:
            self._close_question()
        else:
            super().action_back()

    # Another name for a rebuilt experiment.

    def action_rename(self) -> None:
        """Ask for the name of the experiment under the cursor."""
        item = self._list.current
        if item is None or item.key not in self._rebuilt:
            return
        self._renaming = item
        self.add_class("-asking")
        self._note("Enter takes it   Esc leaves it as it was")
        field = self.query_one(Input)
        field.value = item.name
        field.cursor_position = len(field.value)
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Plan again with this name; the question stays open when it cannot be."""
        event.stop()
        item = self._renaming
        if item is None:
            return
        names = {**self._names, repair_words.key_of_experiment(item): event.value.strip()}
        self._asked += 1
        self._note("looking whether it is free")
        in_background(self, partial(self._preview, names), partial(self._renamed, self._asked, names), self._refused,
                      "name")  # fmt: skip

    def _renamed(self, asked: int, names: dict[str, str], plan: Plan) -> None:
        if asked == self._asked and self._renaming is not None:
            self._names, self._whole = names, plan
            self._close_question()
            self._plan_anew()

    def _refused(self, error: Exception) -> None:
        words = error.message if isinstance(error, MlrunsError) else f"{type(error).__name__}: {error}"
        self._note(words, "$error")

    def on_returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    def _note(self, text: str, style: str = DIM) -> None:
        self.query_one("#ask-note", Static).update(line([(text, style)]))

    def _close_question(self) -> None:
        self._renaming = None
        self._asked += 1
        self.remove_class("-asking")
        self._list.focus()
