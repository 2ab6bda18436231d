"""The main screen: the store's tree, the runs of one experiment, the marks and what can be done with them.

Long because whatever its parts and threads tell arrives here, a few lines each; what it means is in ``flows``.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Progress, Snapshot

from .. import commands, titles
from ..background import in_background
from ..classes import set_classes
from ..flows.arranging import Arranging
from ..flows.changing import Changing
from ..flows.checking import Checking
from ..flows.columns import Columns
from ..flows.expressing import Expressing
from ..flows.looking import Looking
from ..flows.marking import MarkKeys
from ..flows.moving import Moving
from ..flows.reading import Reading, error_words
from ..flows.recovering import Recovering
from ..flows.remembering import Remembering
from ..flows.repairing import Repairing
from ..flows.saying import Saying
from ..flows.showing import Showing
from ..messages import ReadingEnded, Returned, RunCommand, RunsChecked, SnapshotRead
from ..shown import Shown
from ..signs import ASCII, Signs, may_be_wide
from ..state import Panel, UiState
from ..tasks import TaskEnded, TaskProgressed
from ..widgets.bars import RowLine
from ..widgets.cells import signs_of
from ..widgets.expression_prompt import ExpressionPrompt
from ..widgets.findings_panel import FindingsPanel
from ..widgets.keyed_list import KeyedList
from ..widgets.parts import has_parts
from ..widgets.prompts import DaysPrompt, FilterPrompt
from ..widgets.run_table import RunTable
from ..widgets.sidebar import Actions, MarkedList
from ..widgets.store_tree import StoreTree

if TYPE_CHECKING:
    from ..flows.previewing import Previewing

T = TypeVar("T")
WIDTHS = (80, 100, 120, 130, 140, 200)
LEAST = (60, 16)
"""Under so many cells and lines nothing is drawn but a sentence."""
PREVIEW_FROM = 60
"""Lines of the window from which a preview of the run stands below the table."""
SETTLED_S = 1.0
"""After so long everything that the program consists of is loaded."""
AT_ONCE = ("back", "quit", "help", "mark.clear")
"""Commands that never wait for what others are about."""


def _collect_garbage() -> None:
    """Begin again where the start did without, and never look at what was loaded: it stays."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class MainScreen(Screen[None], inherit_bindings=False):
    """Holds the state, passes it down, and hands keys to the flows. It reads and changes nothing itself."""

    AUTO_FOCUS = "#tree"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(command.keys, f"command('{command.id}')", command.title, id=command.id, show=False)
        for command in commands.COMMANDS
    ]

    def __init__(
        self,
        reader: Reader,
        *,
        read_only: bool = False,
        keymap: Mapping[str, str] | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``ready`` is called when all parts are there that a key may open."""
        super().__init__()
        self._ready = ready
        self.state = UiState(Snapshot(reader.store), read_only=read_only)
        self.keymap = dict(keymap or {})
        self.last_key_at = float("-inf")
        """By ``time.monotonic``: the lists keep still for a second after a key."""
        self._touched = False
        self.has_panels = False
        """Its parts are there, so that they can be shown something."""
        self._later: list[str] = []
        """Commands that wait for rows or marks in the making, in the order they were given."""
        self.columns = Columns(self, reader)
        self.store_tree, self.run_table, self.marked = StoreTree(), RunTable(self.columns.cells), MarkedList()
        self.findings = FindingsPanel()
        self.actions, self.days, self.filter = Actions(), DaysPrompt(), FilterPrompt()
        self.showing = Showing(self)
        self.saying = Saying(self, RowLine())
        self.reading, self.changing = Reading(self, reader), Changing(self, reader)
        self.moving, self.mark_keys = Moving(self), MarkKeys(self)
        self.checking, self.repairing = Checking(self, reader), Repairing(self, reader)
        self.remembering, self.recovering = Remembering(self, reader.store), Recovering(self, reader)
        self.arranging = Arranging(self, reader.store)
        self.looking = Looking(self, reader)
        self.previewing: Previewing | None = None
        """None until the window was high enough for it."""
        seeing = (self.checking, self.recovering, self.looking, self.columns)
        flows = (self.moving, self.mark_keys, self.reading, self.changing, self.repairing, *seeing)
        self.handlers: dict[str, Callable[[], None]] = {
            command: handler for flow in flows for command, handler in flow.handlers().items()
        }
        self.expression, self.expressing = ExpressionPrompt(), Expressing(self, reader)
        self.handlers.update(self.expressing.handlers())

    def compose(self) -> ComposeResult:
        # Before anything is in it that would have to be styled a second time.
        self.set_class(self.signs.border == "ascii", "-ascii")
        self._fit(self.app.size)
        self.showing.dress()
        yield self.showing.head
        yield self.showing.tabs
        with Horizontal(id="panels"):
            with Vertical(id="left"):
                yield self.store_tree
                yield self.findings
            with Vertical(id="table"):
                yield self.run_table
            with Vertical(id="side"):
                yield self.marked
                yield self.actions
        yield self.saying.line
        yield self.showing.strip
        yield self.showing.keys
        yield Static("Make the window a little larger: 60×16 is the least.", id="tiny")

    def on_mount(self) -> None:
        if not has_parts(self, "#side"):
            return
        self.has_panels = True
        self.marked.border_title, self.actions.border_title = "3 marked", "actions"
        self.query_one("#side").border_title = "3 marked and actions"
        self.store_tree.empty_words = lambda: titles.empty_tree(self.state)
        self.run_table.empty_words = lambda: titles.empty_table(self.state, self.shown, self.keymap)
        self.reading.start(anew=True)
        self.reading.take_first()
        self.showing.push()
        self.call_after_refresh(self.arranging.start)
        self.call_after_refresh(self._add_prompts)
        self.call_after_refresh(self.remembering.start)
        self.set_timer(SETTLED_S, _collect_garbage)
        if self.signs is not ASCII and may_be_wide():
            self.say("signs look wide? --ascii")
        # Ages grow while nobody presses a key.
        self.set_interval(60, self.showing.push)

    async def _add_prompts(self) -> None:
        """What is hidden until a key asks for it need not stand before the first frame."""
        if has_parts(self, "#row"):
            await self.mount(self.filter, self.expression, self.days, before="#row")
        if self._ready is not None:
            await self._ready()

    def on_unmount(self) -> None:
        self.reading.close()
        self.columns.close()
        if self.previewing is not None:
            self.previewing.leave()

    @property
    def signs(self) -> Signs:
        return signs_of(self.app)

    @property
    def shown(self) -> Shown:
        """Rows and figures on the screen."""
        return self.showing.shown

    @property
    def folded(self) -> bool:
        """The third panel is a drawer, or one panel has the whole window."""
        return self.size.width < 120

    def list_of(self, panel: Panel) -> KeyedList[Any]:
        return self._lists[panel]

    @property
    def _lists(self) -> dict[Panel, KeyedList[Any]]:
        lists = {"tree": self.store_tree, "runs": self.run_table, "marked": self.marked, "findings": self.findings}
        return cast("dict[Panel, KeyedList[Any]]", lists)

    # State.

    def change(self, **fields: Any) -> None:
        """Set some fields of the state."""
        self.set_state(replace(self.state, **fields))

    def set_state(self, state: UiState, moved_by_itself: bool = False) -> None:
        """Another state: its rows are made here when they are few, else on a thread; what can be shown is shown.

        ``moved_by_itself``: nobody pressed a key; until somebody does, the cursor stays at the top.
        """
        before, self.state = self.state, self.columns.prepared(self.state, state)
        state = self.state
        if before.marks is not state.marks:
            self.remembering.notice(state.marks)
        self.arranging.notice(state)
        self.expressing.notice(before)
        self.showing.build()
        self.showing.push(to_top=moved_by_itself and not self._touched)

    def show_progress(self, progress: Progress) -> None:
        """The scan got further; the rows follow at their own pace."""
        self.state = replace(self.state, progress=progress)
        self.saying.show()

    def say(self, text: str) -> None:
        """One sentence in the row line."""
        self.saying.say(text)

    @property
    def row_text(self) -> str:
        """What the row line says."""
        return self.saying.line.plain

    # Work behind the screen.

    def work(
        self,
        what: Callable[[], T],
        done: Callable[[T], None],
        name: str,
        *,
        small: bool = False,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Do something that takes its time on a thread, or here when it is ``small``."""
        if small:
            done(what())
            return
        in_background(
            self, what, done, failed or (lambda error: self.saying.complain(f"{name}: {error_words(error)}")), name
        )

    def on_returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    def on_snapshot_read(self, event: SnapshotRead) -> None:
        event.stop()
        self.reading.take(event.snapshot, event.scan)

    def on_reading_ended(self, event: ReadingEnded) -> None:
        event.stop()
        self.reading.end(event)

    def on_runs_checked(self, event: RunsChecked) -> None:
        event.stop()
        self.checking.progressed(event.count, event.check)

    def on_task_progressed(self, event: TaskProgressed) -> None:
        event.stop()
        self.changing.progressed(event.view)

    def on_task_ended(self, event: TaskEnded) -> None:
        event.stop()
        self.changing.ended(event.view)

    # Commands.

    def action_command(self, command_id: str) -> None:
        self.run_command(command_id)

    def on_run_command(self, event: RunCommand) -> None:
        event.stop()
        self.run_command(event.command_id)

    def run_command(self, command_id: str) -> None:
        """Do it, or say why not. A command that fails leaves the screen working."""
        command = commands.BY_ID[command_id]
        self.touched()
        reason = commands.not_now(command, self.state)
        if reason is not None:
            later = self.mark_keys.wait_for_reading() if command_id == "mark.orphaned" and self.state.reading else ""
            self.say(f"{command.title.rstrip('…')}: {reason}{later}")
            return
        if command_id not in AT_ONCE and (self._later or self._is_making(command_id)):
            self._later.append(command_id)
            return
        try:
            self.handlers[command_id]()
        except Exception as error:
            self.log.error(f"{command_id}: {error!r}")
            self.saying.complain(
                f"{command.title} failed: {error_words(error)}. Nothing in the store was changed by it"
            )

    def _is_making(self, command_id: str) -> bool:
        """What the command is about is still worked out from keys before it."""
        about_rows = command_id.startswith(("mark.", "export")) and self.showing.making
        return about_rows or (command_id.startswith(("mark.", "review")) and self.mark_keys.making)

    def catch_up(self) -> None:
        """Rows or marks are made: commands that waited follow, until one of them has to wait again."""
        later, self._later = self._later, []
        for at, command_id in enumerate(later):
            self.run_command(command_id)
            if self._later:
                self._later += later[at + 1 :]
                return

    def touched(self) -> None:
        """A key: the lists keep still for a moment, and what was said is read."""
        self.last_key_at = time.monotonic()
        self._touched = True
        self.saying.heard()

    def focus_panel(self) -> None:
        self.list_of(self.state.panel).focus()

    def close_prompt(self) -> None:
        self.change(prompt="")
        self.focus_panel()

    # What the parts tell.

    @on(KeyedList.Moved)
    def _list_moved(self, event: KeyedList.Moved) -> None:
        event.stop()
        if self._touched:
            self.saying.moved()
        self.moving.take_cursor(event.rows, event.row)

    @on(KeyedList.Opened)
    def _row_opened(self, event: KeyedList.Opened) -> None:
        event.stop()
        self.run_command("open")

    @on(KeyedList.MarkClicked)
    def _mark_clicked(self, event: KeyedList.MarkClicked) -> None:
        event.stop()
        self.moving.take_cursor(event.rows, event.row)
        self.run_command("mark.toggle")

    @on(KeyedList.FoldClicked)
    def _fold_clicked(self, event: KeyedList.FoldClicked) -> None:
        event.stop()
        self.touched()
        self.moving.take_cursor(event.rows, event.row)
        self.moving.fold(event.row)

    @on(KeyedList.Scrolled)
    def _list_scrolled(self, event: KeyedList.Scrolled) -> None:
        event.stop()
        if event.rows is self.run_table:
            self.columns.look()

    @on(KeyedList.HeaderClicked)
    def _header_clicked(self, event: KeyedList.HeaderClicked) -> None:
        event.stop()
        self.touched()
        if event.rows in (self.store_tree, self.run_table):
            self.moving.sort_at(event.rows, event.x)

    @on(FilterPrompt.Changed)
    def _filter_changed(self, event: FilterPrompt.Changed) -> None:
        self.touched()
        self.set_state(self.state.filtered(event.text))

    @on(FilterPrompt.Kept)
    def _filter_kept(self) -> None:
        self.close_prompt()

    @on(ExpressionPrompt.Said)
    def _expression_said(self, event: ExpressionPrompt.Said) -> None:
        self.touched()
        self.expressing.take(event.text, event.kept)

    @on(DaysPrompt.Changed)
    def _days_changed(self, event: DaysPrompt.Changed) -> None:
        self.touched()
        self.mark_keys.preview_days(event.days)

    @on(DaysPrompt.Answered)
    def _days_answered(self, event: DaysPrompt.Answered) -> None:
        self.touched()
        self.mark_keys.mark_old(event.days)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        panel = next((name for name, one in self._lists.items() if one is event.widget), None)
        if panel is not None and (panel != self.state.panel or self.state.prompt):
            self.change(panel=panel, prompt="")

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size)
        self.call_after_refresh(self._after_resize)

    def _fit(self, size: Size) -> None:
        """Lay the panels out for a window of this size."""
        width, height = size
        fits = {f"-from-{least}": width >= least for least in WIDTHS}
        fits["-single"] = width < 80
        fits["-folded"] = 80 <= width < 120
        fits["-portrait"] = 80 <= width < 120 and height >= 50
        fits["-tall"] = height >= 30
        fits["-tiny"] = width < LEAST[0] or height < LEAST[1]
        set_classes(self, fits)

    def _after_resize(self) -> None:
        self.showing.header()
        self.showing.push()
        high = self.size.height >= PREVIEW_FROM
        if self.previewing is not None or high:
            self._preview(high)

    def _preview(self, high: bool) -> None:
        if not has_parts(self, "#table"):
            return
        if self.previewing is None:
            from ..flows.previewing import Previewing

            self.previewing = Previewing(self, self.looking.reader, self.looking.turned)
        self.previewing.fit(high)
