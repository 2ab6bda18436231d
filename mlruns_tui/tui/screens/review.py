"""Review before apply: what goes, what stays, what happens. Nothing has changed until the second button."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import Snapshot
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.tui.screens.for_good import DeleteDialog
from mlruns_tui.tui.screens.plan_screen import APPLY, CANCEL, PlanScreen
from mlruns_tui.tui.widgets import plan_words
from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.tui.widgets.cells import signs_of
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.plan_list import GoesPainter, GoesRow, Names, PlanGroup, first_shown, groups_of, rows_of
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.tui.widgets.stays_list import StaysRow, paint_stays, stays_by_kind, stays_one_by_one
from mlruns_tui.workflow.deciding import leaving_out
from mlruns_tui.workflow.reading import Space

OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What is to be carried out: the plan that was shown, with or without what the user left out."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class OtherWay:
    """The marked items are to be looked at again, for another plan."""

    slim: bool
    """Only their artifacts go; False: they go whole."""
    backup: bool
    left_out: frozenset[str]
    """Keys of the items that were left out."""


class ReviewScreen(PlanScreen["ReviewAnswer | OtherWay"]):
    """Shows one plan. Ends with None (nothing is done), the plan to apply, or the wish for another."""

    CSS_PATH = "../styles/review.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("D", "without_backup", "with or without a backup", show=False),
        Binding("s", "stays", "what stays", show=False),
        Binding("S", "other_way", "slim or remove", show=False),
    ]
    CRUMB = "review"
    PARTS = ("#stays",)
    LIST = "#goes"

    def __init__(
        self,
        plan: Plan,
        snapshot: Snapshot,
        *,
        hidden: int = 0,
        filter_text: str = "",
        space: Space | None = None,
        slim: bool = False,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        """``hidden``: items a filter hides in the lists. ``space``: left where the backup goes. ``slim``: the plan
        is about artifacts only. ``left_out``: keys left out from the beginning."""
        super().__init__(plan, snapshot, space)
        self._slim = slim
        self._hidden = hidden
        self._filter = filter_text
        self._without = leaving_out(plan, snapshot)
        self._left_out = left_out & {item.key for item in plan.items}
        self._one_by_one = False
        self._names = Names.of(plan, snapshot)
        self._groups = groups_of(plan, self._names, snapshot.runs)
        self._opened: dict[str, int] | None = None
        self.plan = replace(self._without(self._left_out), backup=plan.backup)

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        yield SplitLine(id="headline")
        with Horizontal(id="page"):
            with Panel(id="goes-panel", classes="-goes" if self.plan.backup else "-danger"):
                yield RowList[GoesRow](
                    self._paint_goes, header=lambda width: self._painter.header(width), tail=self._tail, id="goes"
                )
            with Vertical(id="side"):
                with Panel(id="stays-panel"):
                    yield RowList[StaysRow](self._paint_stays, keep_cursor=False, id="stays")
                with Panel(id="happens-panel"), Words(id="happens"):
                    yield Static(id="words")
        yield ButtonRow([Choice(CANCEL, "Cancel")], id="buttons")
        yield KeyLine(id="keys")

    def _after_resize(self) -> None:
        if not self._drawable:
            return
        if self._opened is None:
            goes = self.query_one("#goes", RowList)
            tail = len(self._tail(goes.size.width))
            wide = self.has_class("-wide") and self.size.height >= 30
            self._opened = first_shown(self._groups, goes.size.height - 1 - tail) if wide else {}
        self.show_plan()

    @property
    def _painter(self) -> GoesPainter:
        kept = {item.key for item in self._whole.items} - {item.key for item in self.plan.items} - self._left_out
        return GoesPainter(
            signs_of(self.app), self._names, self._left_out, kept, self._opened or {}, self._whole.backup
        )

    def _paint_goes(self, row: GoesRow, width: int) -> Content:
        return self._cached_painter(row, width)

    def _paint_stays(self, row: StaysRow, width: int) -> Content:
        return paint_stays(signs_of(self.app), row, width)

    def _tail(self, width: int) -> list[Content]:
        return plan_words.meanings(self._whole, width - 1)

    def show_plan(self) -> None:
        """Everything the plan's totals or the window's size decide."""
        plan, signs = self.plan, signs_of(self.app)
        self._cached_painter = self._painter
        narrow = self.has_class("-narrow")
        goes = self.query_one("#goes-panel", Panel)
        goes.set_class(plan.backup, "-goes")
        goes.set_class(not plan.backup, "-danger")
        what = "artifacts go" if self._slim else "goes"
        goes.set_title(what if plan.backup else f"{what} for good", plural(len(plan.items), "item"))
        goes.set_foot(f"{size_text(plan.totals.size_bytes)} {signs.separator} {plural(plan.totals.files, 'file')}")
        self.query_one("#goes", RowList).set_rows(rows_of(self._groups, self._opened or {}))
        self._show_stays()
        say = plan_words.in_short if narrow else plan_words.what_happens
        said = say(
            plan,
            self._snapshot,
            self.happens_width,
            signs=signs,
            hidden=self._hidden,
            filter_text=self._filter,
            space=self._space,
        )
        self.show_frame(plan_words.headline(plan), said)
        self._show_buttons(narrow)

    def _show_stays(self) -> None:
        refused = self.plan.refused
        by_hand = len(self._left_out)
        panel = self.query_one("#stays-panel", Panel)
        panel.set_title("stays", plural(len(refused), "item") if refused else "nothing")
        rows = stays_one_by_one(refused, self._names.experiments) if self._one_by_one else stays_by_kind(refused)
        if by_hand:
            rows.append(StaysRow(by_hand, "left out", "by you, here"))
        self.query_one("#stays", RowList).set_rows(rows)
        panel.set_foot(("Enter groups them" if self._one_by_one else "Enter shows them one by one") if refused else "")

    def _show_buttons(self, narrow: bool) -> None:
        plan = self.plan
        number = plural(len(plan.items), "item")
        if plan.empty:
            label = plan_words.nothing_words(plan, len(self._left_out), self._slim)
        elif self._slim:
            label = f"Slim {plural(len(plan.items), 'run')}{'' if plan.backup else ' for good'}"
        else:
            label = f"Move {number} to a backup" if plan.backup else f"Delete {number}"
        choices = [Choice(CANCEL, "Cancel"), Choice(APPLY, label, "goes" if plan.backup else "danger", not plan.empty)]
        if not narrow:
            choices.append(Choice(OTHER, "Remove instead…" if self._slim else "Slim instead…"))
        self.query_one(ButtonRow).set_choices(choices)
        signs = signs_of(self.app)
        keys = [("Enter", "press"), (signs.left_right, "button"), ("Tab", "lists")]
        keys.append(("Space", "leave one out"))
        if not plan.empty:
            keys.append(("m", "slim them" if self._slim else "move them" if plan.backup else "delete them"))
        keys += [("s", "what stays"), ("S", "remove" if self._slim else "slim")]
        keys.append(("D", "without a backup" if plan.backup else "with a backup"))
        keys.append(("Esc", "back, marks stay" if not narrow else "back"))
        self.query_one(KeyLine).set_keys(keys)

    @on(RowList.Chosen, "#goes")
    def _open_or_close(self, event: RowList.Chosen) -> None:
        self._open(event.row)

    def _open(self, row: GoesRow) -> None:
        opened = dict(self._opened or {})
        if row.kind == "whole":
            return
        number = len(row.group.items)
        # A sample opens fully first, then closes.
        wanted = number if row.kind == "more" or opened.get(row.group.key, 0) < number else 0
        opened[row.group.key] = wanted
        self._opened = opened
        rows = rows_of(self._groups, opened)
        self._cached_painter = self._painter
        at = next(at for at, one in enumerate(rows) if one.kind == "group" and one.group is row.group)
        keep = self.query_one("#goes", RowList).cursor
        self.query_one("#goes", RowList).set_rows(rows, keep if row.kind == "more" else at)

    @on(RowList.Toggled, "#goes")
    def _leave_out(self, event: RowList.Toggled) -> None:
        row: GoesRow = event.row
        if row.kind == "more":
            self._open(row)
            return
        keys = _keys(row.group) if row.item is None else {row.item.key}
        there = keys - self._left_out
        self._left_out = self._left_out | keys if there else self._left_out - keys
        self.plan = replace(self._without(self._left_out), backup=self._whole.backup)
        self.show_plan()
        event.rows.action_move(1)

    @on(RowList.Chosen, "#stays")
    @on(RowList.Toggled, "#stays")
    def _stays_another_way(self) -> None:
        self._one_by_one = not self._one_by_one
        self._show_stays()

    def pressed(self, choice: str) -> None:
        if choice == OTHER:
            self.action_other_way()
        else:
            super().pressed(choice)

    def action_apply(self) -> None:
        if not self.is_active:
            return
        if self.plan.empty:
            self.app.bell()
        elif self.plan.backup:
            end(self, ReviewAnswer(self.plan))
        else:
            self.app.push_screen(DeleteDialog(self.plan), self._after_typing)

    def _after_typing(self, really: bool | None) -> None:
        if really:
            end(self, ReviewAnswer(self.plan))

    def action_back(self) -> None:
        if self.has_class("-stays"):
            self.action_stays()
        else:
            super().action_back()

    def action_without_backup(self) -> None:
        self._whole = replace(self._whole, backup=not self._whole.backup)
        self.plan = replace(self.plan, backup=self._whole.backup)
        self.show_plan()
        self.query_one(ButtonRow).set_choices(self.query_one(ButtonRow).choices, CANCEL)

    def action_other_way(self) -> None:
        """The same marks, slimmed instead of removed, or the other way round."""
        end(self, OtherWay(not self._slim, self._whole.backup, self._left_out))

    def action_stays(self) -> None:
        """To what stays; in a small window it takes the list's place and gives it back."""
        if self.has_class("-narrow"):
            self.toggle_class("-stays")
        shown = self.has_class("-wide") or self.has_class("-stays")
        self.query_one("#stays" if shown else "#goes").focus()


def _keys(group: PlanGroup) -> set[str]:
    return {item.key for item in group.items}
