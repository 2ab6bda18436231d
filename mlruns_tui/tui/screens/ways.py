"""A question with several ways out, each with its key, its button and what it does. Esc chooses none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.tui.widgets.cells import KEY, line, stack, wrap
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import key_words
from mlruns_tui.tui.widgets.panel import Panel
from mlruns_tui.tui.widgets.parts import has_parts

WIDTH = 68
"""Cells of a line in the dialog."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way out."""

    id: str
    key: str
    label: str
    does: str
    """What becomes of the items, in words."""


class WaysDialog(ModalScreen["str | None"]):
    """Says what there is to know, and what each way does. The first way has the focus."""

    CSS_PATH = "../styles/ways.tcss"
    AUTO_FOCUS = "#buttons"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "answer('')", "not now", show=False)]

    def __init__(self, title: str, told: Sequence[Content], ways: Sequence[Way], none: str = "Not now") -> None:
        """``told``: lines before the ways. ``none``: the button for none of them."""
        super().__init__()
        self._title = title
        self._told = list(told)
        self._ways = {way.id: way for way in ways}
        self._none = none

    def compose(self) -> ComposeResult:
        ways = self._ways.values()
        with Panel(id="dialog"):
            with VerticalScroll(id="words", can_focus=False):
                yield Static(stack(self._lines()))
            yield ButtonRow([*(Choice(way.id, way.label) for way in ways), Choice("", self._none)], id="buttons")
            keys = [(way.key, way.label.lower()) for way in ways] + [("Esc", self._none.lower())]
            yield Static(key_words(keys, 64), id="keys")

    def _lines(self) -> list[Content]:
        lines = list(self._told)
        for way in self._ways.values():
            first, *more = wrap(f"{way.label}: {way.does}.", WIDTH - 3)
            lines.append(line([(f"{way.key}  ", KEY), first]))
            lines += [line([f"   {part}"]) for part in more]
        return lines

    def on_mount(self) -> None:
        if has_parts(self, "#dialog"):
            self.query_one("#dialog", Panel).set_title(self._title)

    def on_key(self, event: events.Key) -> None:
        way = next((one for one in self._ways.values() if one.key == event.character), None)
        if way is not None:
            event.stop()
            self.action_answer(way.id)

    def on_button_row_pressed(self, event: ButtonRow.Pressed) -> None:
        event.stop()
        self.action_answer(event.choice)

    def action_answer(self, way: str) -> None:
        end(self, way if way in self._ways else None)
