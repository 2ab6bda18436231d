"""The two one-line questions: which text to filter by, and how many days make a run old."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from mlruns_tui.report.words import plural, size_text

from ..marking import RuleFigures
from .cells import DIM, KEY, Piece, line, signs_of

STEPS = (7, 14, 30, 60, 90, 180, 365)
MOST_DAYS = 99_999


class FilterPrompt(Horizontal):
    """``/`` and a field: the list follows each letter."""

    class Changed(Message):
        """Another text to filter by."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Kept(Message):
        """Enter: the filter stays, the keys go back to the list."""

    def __init__(self, about: str = "name, id, status or user; ! inverts") -> None:
        """``about``: what the text is looked for in, said while there is none."""
        super().__init__(id="filter")
        self._about = about

    def compose(self) -> ComposeResult:
        yield Static(line([("/", KEY)]), id="filter-sign")
        yield Input(id="filter-text", compact=True, select_on_focus=False, placeholder=self._about)
        yield Static(line([("Enter", KEY), (" keeps it   ", DIM), ("Esc", KEY), (" clears", DIM)]), id="filter-keys")

    def open(self, text: str) -> None:
        field = self.query_one(Input)
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Kept())


class DaysPrompt(Widget, can_focus=True):
    """How many days ago a run must have ended to be marked; the figures follow each change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", show=False),
        Binding("right,l", "step(1)", show=False),
        Binding("backspace", "erase", show=False),
        Binding("enter", "answer", show=False),
        # Not for the lists while a number is asked for.
        Binding("up,down,space,tab,shift+tab", "nothing", show=False),
    ]

    class Changed(Message):
        """Another number of days: the figures for it are wanted."""

        def __init__(self, days: int) -> None:
            super().__init__()
            self.days = days

    class Answered(Message):
        """Enter: mark what is older than so many days."""

        def __init__(self, days: int) -> None:
            super().__init__()
            self.days = days

    def __init__(self) -> None:
        super().__init__(id="days")
        self.days = 30
        self._typed = ""
        self._figures: RuleFigures | None = None
        self._unread = 0

    def open(self, days: int) -> None:
        self._typed = ""
        self._set(days)
        self.focus()

    def _set(self, days: int) -> None:
        self.days = days
        self._figures = None
        self.refresh()
        self.post_message(self.Changed(days))

    def show_figures(self, days: int, figures: RuleFigures, unread: int) -> None:
        """What the rule would mark with ``days``; late figures for another number are passed over."""
        if days == self.days:
            self._figures, self._unread = figures, unread
            self.refresh()

    def action_step(self, by: int) -> None:
        self._typed = ""
        if by > 0:
            self._set(next((step for step in STEPS if step > self.days), self.days))
        else:
            self._set(next((step for step in reversed(STEPS) if step < self.days), self.days))

    def action_erase(self) -> None:
        self._typed = (self._typed or str(self.days))[:-1]
        self._set(int(self._typed or 0))

    def action_answer(self) -> None:
        self.post_message(self.Answered(self.days))

    def action_nothing(self) -> None:
        """Keys that mean nothing here."""

    def on_key(self, event: events.Key) -> None:
        if event.character is None or not event.is_printable:
            return
        # Letters are commands elsewhere; here they would act behind the question's back.
        event.stop()
        event.prevent_default()
        if event.character in "0123456789":
            typed = str(int(self._typed + event.character))
            if int(typed) <= MOST_DAYS:
                self._typed = typed
                self._set(int(typed))

    @property
    def figures_text(self) -> str:
        """``143 runs, 3.6 GB · 27 kept back: needed``."""
        figures = self._figures
        if figures is None:
            return "…"
        text = f"{plural(figures.items, 'run')}, {size_text(figures.size_bytes)}"
        if figures.kept:
            text += f" · {figures.kept:,} kept back: needed"
        return text + (f" · {plural(self._unread, 'run')} not read yet" if self._unread else "")

    def render(self) -> Content:
        signs = signs_of(self.app)
        asked: list[Piece] = [("mark runs that ended more than ", ""), (f"[{self.days}]", KEY), (" days ago    ", "")]
        keys: list[Piece] = [
            ("    Enter", KEY), (" marks   ", DIM), (signs.left_right, KEY), (" days   ", DIM), ("Esc", KEY),
        ]  # fmt: skip
        short: list[Piece] = [("ended over ", ""), (f"[{self.days}]", KEY), (" d ago  ", "")]
        figures: Piece = (self.figures_text, "$accent")
        full = line([*asked, figures, *keys])
        if full.cell_length <= self.content_size.width:
            return full
        return line([*short, figures, ("  Enter", KEY), (" marks", DIM)])
