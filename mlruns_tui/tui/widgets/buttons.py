"""A line of buttons that takes the focus as one: the arrows choose, Enter presses, keys press directly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from mlruns_tui.model.text import safe

from .cells import signs_of


@dataclass(frozen=True, slots=True)
class Choice:
    """One button."""

    id: str
    label: str
    tone: Literal["plain", "goes", "danger"] = "plain"
    enabled: bool = True
    """False: drawn faint and never pressed; the label, or a line near it, says why."""


class ButtonRow(Widget, can_focus=True):
    """Buttons side by side. The chosen one is what Enter presses; it stays drawn as chosen without focus."""

    DEFAULT_CSS = """
    ButtonRow { height: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "choose(-1)", show=False),
        Binding("right,l", "choose(1)", show=False),
        Binding("enter", "press", show=False),
    ]
    GAP = 3

    class Pressed(Message):
        """A button was pressed."""

        def __init__(self, row: ButtonRow, choice: str) -> None:
            super().__init__()
            self.row = row
            self.choice = choice

        @property
        def control(self) -> ButtonRow:
            return self.row

    def __init__(self, choices: Sequence[Choice], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._choices = tuple(choices)
        self._at = 0

    @property
    def chosen(self) -> str:
        """Id of the button Enter presses."""
        return self._choices[self._at].id

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self._choices

    def set_choices(self, choices: Sequence[Choice], chosen: str | None = None) -> None:
        """Other buttons; the chosen one keeps its place unless it is switched off now."""
        wanted = chosen or self.chosen
        self._choices = tuple(choices)
        self._at = next((at for at, one in enumerate(choices) if one.id == wanted and one.enabled), 0)
        self.refresh(layout=True)

    def press(self, choice: str) -> bool:
        """Press by id; False when that button is off."""
        if not any(one.id == choice and one.enabled for one in self._choices):
            return False
        self.post_message(self.Pressed(self, choice))
        return True

    def action_choose(self, by: int) -> None:
        at = self._at + by
        while 0 <= at < len(self._choices) and not self._choices[at].enabled:
            at += by
        if 0 <= at < len(self._choices):
            self._at = at
            self.refresh()

    def action_press(self) -> None:
        self.press(self.chosen)

    def render(self) -> Content:
        parts: list[Content] = []
        for at, one in enumerate(self._choices):
            parts.append(Content.assemble((self._face(at), self._style(at, one))))
        return Content(" " * self.GAP).join(parts)

    def _face(self, at: int) -> str:
        signs = signs_of(self.app)
        left, right = (" >", "< ") if signs.border == "ascii" else (" ▸", "◂ ")
        label = safe(self._choices[at].label)
        return f"{left} {label} {right}" if at == self._at else f"   {label}   "

    def _style(self, at: int, one: Choice) -> str:
        if not one.enabled:
            return "$faint on $panel"
        colour = {"plain": "$foreground", "goes": "$accent", "danger": "$error"}[one.tone]
        if at != self._at:
            return f"bold {colour} on $panel"
        if not self.has_focus:
            return f"bold {colour} on $cursor-row"
        return "bold $background on $primary" if one.tone != "danger" else "bold $background on $error"

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        start = 0
        for at, one in enumerate(self._choices):
            width = cell_len(self._face(at))
            if start <= offset.x < start + width and one.enabled:
                self._at = at
                self.refresh()
                self.press(one.id)
                return
            start += width + self.GAP

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
