"""Backups: batches newest first, what each holds, and the way back for all of it or for chosen items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.clock import now_ms
from mlruns_tui.tui.messages import Returned
from mlruns_tui.tui.screens.batch_work import BatchWork
from mlruns_tui.tui.tasks import TaskEnded
from mlruns_tui.tui.widgets.batch_actions import (
    READ_ONLY,
    BatchAction,
    actions_of,
    paint_action,
    why_no_pack,
    why_no_purge,
    why_no_verify,
    why_not,
)
from mlruns_tui.tui.widgets.batch_contents import BatchContents
from mlruns_tui.tui.widgets.batch_list import (
    batch_header,
    paint_batch,
    row_words,
    state_words,
    totals_words,
)
from mlruns_tui.tui.widgets.cells import DIM, line, signs_of, stack
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow import changing, conflicts


class BackupsScreen(Screen[None]):
    """Shows what was removed and takes it back. Work it starts is told to the app as ``TaskStarted``."""

    class Loaded(Message):
        """The batches were looked up, or could not be."""

        def __init__(self, batches: tuple[Batch, ...], error: str, names: Mapping[str, str] | None = None) -> None:
            """``names``: why removed experiments had better not go back, by key: their name is taken."""
            super().__init__()
            self.batches = batches
            self.error = error
            self.names = names or {}

    CSS_PATH = "../styles/backups.tcss"
    AUTO_FOCUS = "#batches"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,b", "back", "back", show=False),
        Binding("P", "purge", "purge", show=False),
        Binding("p", "pack", "pack", show=False),
        Binding("V", "verify", "verify", show=False),
        Binding("u", "restore", "restore", show=False),
        Binding("r", "reload", "look again", show=False),
        Binding("1", "panel('#batches')", "batches", show=False),
        Binding("2", "panel('#kept')", "contents", show=False),
    ]

    def __init__(
        self,
        root: str,
        read_only: bool = False,
        *,
        experiments: Mapping[str, str] | None = None,
        at_ms: int | None = None,
        staying: Callable[[Batch], dict[str, str]] = lambda batch: {},
    ) -> None:
        """``root``: of the store. ``experiments``: names by experiment key, as far as known. ``staying``: why items
        an interrupted batch had not come to must stay by now; called in a thread."""
        super().__init__()
        self._root = root
        self._read_only = read_only
        self._experiments = dict(experiments or {})
        self._at_ms = at_ms
        self._names: Mapping[str, str] = {}
        self._work = BatchWork(self, root, self._experiments, staying)
        self._batches: tuple[Batch, ...] | None = None
        self._error = ""

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        with Horizontal(id="page"):
            with Panel(id="batches-panel"):
                yield RowList[Batch](self._paint_batch, header=batch_header, tail=self._tail, id="batches")
            with Vertical(id="side"):
                yield BatchContents(self._experiments, id="kept-panel")
                with Panel(id="actions-panel"), Words(id="actions", can_focus=False):
                    yield Static(id="actions-words")
        yield SplitLine(id="row")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._show()
        self.action_reload()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def on_unmount(self) -> None:
        self._work.forget()

    # Looking up.

    def action_reload(self) -> None:
        self.run_worker(self._look_up, thread=True, group="backups", exclusive=True, exit_on_error=False)

    def _look_up(self) -> None:
        try:
            found = changing.batches(self._root)
            self.post_message(self.Loaded(found, "", conflicts.names_taken(self._root)))
        except Exception as error:
            self.post_message(self.Loaded((), f"The backups could not be looked up: {error}"))

    @on(Loaded)
    def _take(self, event: Loaded) -> None:
        event.stop()
        if not self._whole:
            return
        before = self._batch
        self._batches, self._error, self._names = event.batches, event.error, event.names
        ids = [one.id for one in event.batches]
        self._list.set_rows(event.batches, ids.index(before.id) if before and before.id in ids else 0)
        self._show()

    # Showing.

    @property
    def _whole(self) -> bool:
        return has_parts(self, "#head", "#batches", "#about", "#kept", "#actions-words", "#row", "#keys")

    @property
    def _batch(self) -> Batch | None:
        return self._list.current

    @property
    def _now(self) -> int:
        return now_ms() if self._at_ms is None else self._at_ms

    def _show(self) -> None:
        if not self._whole:
            return
        signs, batches, batch = signs_of(self.app), self._batches, self._batch
        said = signs.unknown if batches is None else totals_words(batches)
        self.query_one("#head", SplitLine).show(line([*crumbs(signs, "backups"), (f"   {said}", DIM)]))
        panel = self.query_one("#batches-panel", Panel)
        panel.set_title("1 batches")
        panel.set_foot(f"{len(batches):,} shown" if batches else "")
        self.query_one("#actions-panel", Panel).set_title("actions")
        self._list.refresh_rows()
        self._contents.show(batch, locked=batch is None or bool(self._why_not(batch)))
        self.query_one("#row", SplitLine).show(line(row_words(batch, self._now)) if batch else Content())
        self._show_actions()

    def _show_actions(self) -> None:
        if not self._whole:
            return
        batch = self._batch
        actions = self._actions(batch) if batch else []
        self.query_one("#actions-words", Static).update(stack(paint_action(one) for one in actions))
        keys = [(one.key, one.words.rstrip("…")) for one in actions if not one.off]
        self.query_one(KeyLine).set_keys([*keys, ("Tab", "contents"), ("r", "look again"), ("Esc", "back")])

    def _actions(self, batch: Batch) -> list[BatchAction]:
        in_contents = self.focused is self.query_one("#kept")
        return actions_of(batch, self._contents.chosen, self._why_not(batch), in_contents, self._work.busy)

    def _why_not(self, batch: Batch) -> str:
        return READ_ONLY if self._read_only else why_not(batch, self._work.busy)

    def _why_no_purge(self, batch: Batch) -> str:
        return why_no_purge(batch, self._why_not(batch), self._keys)

    def _tail(self, width: int) -> list[Content]:
        signs = signs_of(self.app)
        if self._batches is None:
            return [line([(f"  {signs.unknown}", DIM)])]
        if self._error:
            return [Content(), line([(f"  {self._error}", "$error")])]
        if not self._batches:
            text = "No backups. What you remove with d is kept here until you purge it."
            return [Content(), line([(f"  {text}", DIM)])]
        lines: list[Content] = []
        for batch in self._batches:
            said = state_words(batch, width - 2, signs)
            lines += [Content(), *said] if said else []
        return lines

    @property
    def _list(self) -> RowList[Batch]:
        return self.query_one("#batches", RowList)

    @property
    def _contents(self) -> BatchContents:
        return self.query_one(BatchContents)

    def _paint_batch(self, batch: Batch, width: int) -> Content:
        return paint_batch(batch, width, self._now, signs_of(self.app))

    # Keys.

    @on(RowList.Moved, "#batches")
    def _other_batch(self) -> None:
        self._show()

    @on(RowList.Chosen, "#batches")
    def _enter(self) -> None:
        self.action_restore()

    @on(RowList.Toggled, "#batches")
    def _to_contents(self) -> None:
        self.query_one("#kept").focus()

    @on(BatchContents.ChoiceChanged)
    def on_descendant_focus(self) -> None:
        self._show_actions()

    def action_back(self) -> None:
        if self._contents.chosen:
            self._contents.clear_choice()
        else:
            end(self, None)

    def action_panel(self, selector: str) -> None:
        self.query_one(selector).focus()

    def action_restore(self) -> None:
        batch = self._batch
        if batch is not None and self.is_active and not self._refused(self._why_not(batch)):
            self._work.restore(batch, self._keys, self._now, self._names)

    def action_purge(self) -> None:
        batch = self._batch
        if batch is not None and self.is_active and not self._refused(self._why_no_purge(batch)):
            self._work.purge(batch, self._keys)

    def action_verify(self) -> None:
        batch = self._batch
        if batch is not None and self.is_active and not self._refused(why_no_verify(batch, self._work.busy)):
            self._work.verify(batch, self._keys)

    def action_pack(self) -> None:
        batch = self._batch
        if batch is not None and self.is_active and not self._refused(why_no_pack(batch, self._why_not(batch))):
            self._work.pack(batch, self._keys)

    @property
    def _keys(self) -> list[str] | None:
        """Of the chosen items; None: all of the batch."""
        return sorted(self._contents.chosen) or None

    def clear_choice(self) -> None:
        self._contents.clear_choice()

    def _refused(self, why: str) -> bool:
        if why:
            self.notify(why, markup=False)
        return bool(why)

    @on(Returned)
    def _returned(self, event: Returned) -> None:
        event.stop()
        event.call()
        self._show()

    def on_task_ended(self, event: TaskEnded) -> None:
        event.stop()
        self.action_reload()
        self._work.ended(event)
