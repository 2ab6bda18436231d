"""The log: everything ever done with batches of this store, newest first, and the way back of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from mlruns_tui.model.batch import Batch, Operation
from mlruns_tui.report import log
from mlruns_tui.report.words import plural, size_text, time_text
from mlruns_tui.tui.clipboard import sent
from mlruns_tui.tui.widgets.cells import DIM, fit, fit_right, line, signs_of, stack, wrap
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.workflow import changing


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a batch, and one thing that was done with it (None where its journal is lost)."""

    batch: Batch
    operation: Operation | None

    @property
    def began_ms(self) -> int:
        return self.operation.began_ms if self.operation else self.batch.created_ms


def entries(batches: Sequence[Batch]) -> list[Entry]:
    """Newest first."""
    found = [Entry(batch, one) for batch in batches for one in (batch.history or (None,))]
    return sorted(found, key=lambda one: one.began_ms, reverse=True)


class LogScreen(Screen[None]):
    """Who removed what, when, why; a list and what is known of the line under the cursor. Changes nothing."""

    class Loaded(Message):
        """The batches were looked up, or could not be."""

        def __init__(self, batches: tuple[Batch, ...], error: str = "") -> None:
            super().__init__()
            self.batches = batches
            self.error = error

    CSS_PATH = "../styles/log.tcss"
    AUTO_FOCUS = "#entries"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,L", "back", "back", show=False),
        Binding("r", "reload", "look again", show=False),
        Binding("y", "copy", "copy the command", show=False),
    ]

    def __init__(self, root: str, given: str, *, experiments: Mapping[str, str] | None = None) -> None:
        """``given``: the store as the user named it. ``experiments``: names by experiment id, as far as known."""
        super().__init__()
        self._root = root
        self._given = given
        self._experiments = dict(experiments or {})
        self._loaded = False
        self._error = ""

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        with Horizontal(id="page"):
            with Panel(id="entries-panel"):
                yield RowList[Entry](self._paint, header=self._header, tail=self._tail, id="entries")
            with Panel(id="about-panel"), Words(id="about", can_focus=False):
                yield Static(id="about-words")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._show()
        self.action_reload()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def action_reload(self) -> None:
        self.run_worker(self._look_up, thread=True, group="log", exclusive=True, exit_on_error=False)

    def _look_up(self) -> None:
        try:
            self.post_message(self.Loaded(changing.batches(self._root)))
        except Exception as error:
            self.post_message(self.Loaded((), f"The log could not be looked up: {error}"))

    @on(Loaded)
    def _take(self, event: Loaded) -> None:
        event.stop()
        if not self._whole:
            return
        self._loaded, self._error = True, event.error
        self._rows.set_rows(entries(event.batches))
        self._show()

    @on(RowList.Moved, "#entries")
    def _moved(self) -> None:
        self._show()

    @property
    def _whole(self) -> bool:
        return has_parts(self, "#head", "#entries", "#about-words", "#keys")

    @property
    def _rows(self) -> RowList[Entry]:
        return self.query_one("#entries", RowList)

    def _show(self) -> None:
        if not self._whole:
            return
        signs, rows = signs_of(self.app), self._rows.rows
        said = plural(len(rows), "entry", "entries") if self._loaded else signs.unknown
        self.query_one("#head", SplitLine).show(line([*crumbs(signs, "log"), (f"   {said}", DIM)]))
        self.query_one("#entries-panel", Panel).set_title("who, when, what")
        self.query_one("#about-panel", Panel).set_title("why, and the way back")
        self._rows.refresh_rows()
        entry = self._rows.current
        width = max(20, self.query_one("#about").size.width - 2)
        self.query_one("#about-words", Static).update(stack(self._about(entry, width)) if entry else "")
        keys = [("y", "copy the command")] if entry and log.get_back(entry.batch, self._root) else []
        self.query_one(KeyLine).set_keys([*keys, ("r", "look again"), ("Esc", "back")])

    def _about(self, entry: Entry, width: int) -> list[Content]:
        lines: list[Content] = []
        for at, told in enumerate(log.batch_lines(entry.batch, self._given, self._experiments)):
            indent = len(told) - len(told.lstrip())
            style = "bold" if at == 0 else ""
            lines += [line([" " * indent, (part, style)]) for part in wrap(told.strip(), max(10, width - indent))]
        return lines

    def _tail(self, width: int) -> list[Content]:
        if not self._loaded:
            return [line([(f"  {signs_of(self.app).unknown}", DIM)])]
        if self._error:
            return [Content(), line([(f"  {self._error}", "$error")])]
        return [] if self._rows.rows else [Content(), line([("  Nothing was ever removed here.", DIM)])]

    @staticmethod
    def _header(width: int) -> Content:
        who = fit("who", 12) if width >= 60 else ""
        return line(
            [(f"  {fit('when', 16)}  {who}{fit('did', 32)}{fit_right('items', 7)}{fit_right('size', 10)}", DIM)]
        )

    def _paint(self, entry: Entry, width: int) -> Content:
        batch, operation = entry.batch, entry.operation
        user = operation.user if operation else batch.user
        did = log.did_word(operation, batch) if operation else "its journal is lost"
        number = operation.items if operation else len(batch.items)
        size = operation.size_bytes if operation else 0
        open_ = operation is not None and operation.ended_ms is None
        who = fit(user, 11) + " " if width >= 60 else ""
        return line(
            [
                (f"  {fit(time_text(entry.began_ms), 16)}  ", DIM),
                (who, ""),
                (fit(did, 32), "$warning" if open_ else ""),
                (fit_right(f"{number:,}", 7), ""),
                (fit_right(size_text(size), 10), DIM),
            ]
        )

    def action_copy(self) -> None:
        entry = self._rows.current
        command = log.get_back(entry.batch, self._root) if entry else ""
        if command:
            self.app.copy_to_clipboard(command)
            self.notify(sent(command), markup=False)
        else:
            self.app.bell()

    def action_back(self) -> None:
        end(self, None)
