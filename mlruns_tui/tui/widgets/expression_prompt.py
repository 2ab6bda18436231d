"""``f`` and a field for a filter expression: how many match as it is typed, and where it goes wrong."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from mlruns_tui.model.values import ValueNames

from .cells import DIM, KEY, Piece, line, signs_of

EXAMPLES = "metrics.val_loss < 0.3 and not status = FAILED   params.lr > 0.01   size > 3GB and age > 30d"


class NameSuggester(Suggester):
    """Completes the name that is being typed at the end: an attribute, or what follows ``metrics.`` and the like."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.names = ValueNames()

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text with the name completed; None where nothing fits."""
        from mlruns_tui.triage.expression.completing import completion

        rest = completion(value, self.names)
        return value + rest if rest else None


class ExpressionPrompt(Vertical):
    """Two lines: what is typed, and what is said about it."""

    class Said(Message):
        """Another text to filter by; ``kept``: with Enter, the filter stays and the keys go back to the list."""

        def __init__(self, text: str, kept: bool = False) -> None:
            super().__init__()
            self.text = text
            self.kept = kept

    def __init__(self) -> None:
        super().__init__(id="expression")
        self.history: tuple[str, ...] = ()
        """Oldest first."""
        self._back = 0
        """How far back in the history; 0 is what is being typed."""
        self._typed = ""
        self._suggester = NameSuggester()
        self._said: list[Piece] = []
        self._at: int | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(line([("f", KEY)]), id="expression-sign")
            yield Input(
                suggester=self._suggester,
                id="expression-text",
                compact=True,
                select_on_focus=False,
                placeholder="MLflow's filters and more",
            )
            yield Static(
                line([("Enter", KEY), (" keeps it   ", DIM), ("Esc", KEY), (" clears", DIM)]), id="expression-keys"
            )
        yield Static(id="expression-note")

    def open(self, text: str) -> None:
        self._back = 0
        self._set(text)
        self.query_one(Input).focus()

    def complete(self, names: ValueNames) -> None:
        """Names to offer while one is typed; → takes the offer."""
        self._suggester.names = names

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    @property
    def note(self) -> str:
        """What is said about the text."""
        return "".join(text for text, _ in self._said)

    def say(self, pieces: list[Piece], at: int | None = None) -> None:
        """A sentence below the text; ``at``: below this character of it, with a sign that points there."""
        self._said, self._at = pieces, at
        self._show_note()

    def _show_note(self) -> None:
        if not self.is_mounted:
            return
        note = self.query_one("#expression-note", Static)
        if self._at is None:
            note.update(line([("  ", ""), *(self._said or [(EXAMPLES, DIM)])]))
            return
        field = self.query_one(Input)
        sign = signs_of(self.app).ascending
        column = max(0, cell_len(field.value[: self._at]) - round(field.scroll_offset.x))
        said = "".join(text for text, _ in self._said)
        room = note.size.width - 2
        if column + 2 + cell_len(said) <= room:
            note.update(line([(" " * (2 + column), ""), (f"{sign} ", "$error"), *self._said]))
        else:
            # To the left of the place, where there is room.
            before = max(0, min(column, room) - cell_len(said) - 1)
            note.update(line([(" " * (2 + before), ""), *self._said, (f" {sign}", "$error")]))

    def _set(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)
        self.post_message(self.Said(text))

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("up", "down"):
            return
        event.stop()
        event.prevent_default()
        if self._back == 0:
            self._typed = self.text
        back = max(0, min(len(self.history), self._back + (1 if event.key == "up" else -1)))
        if back != self._back:
            self._back = back
            self._set(self.history[-back] if back else self._typed)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Said(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Said(event.value, kept=True))
