"""Questions over the screen. Esc is always the harmless answer, and every button has the focus or a key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mlruns_tui.model.batch import Batch
from mlruns_tui.report.backups_text import whole_words
from mlruns_tui.report.words import ago_text, plural, size_text
from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.tui.widgets.cells import DIM, line, stack
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import key_words
from mlruns_tui.tui.widgets.panel import Panel
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.task_words import counted_items, restorable

YES = "yes"
NO = "no"


class Question(ModalScreen[bool]):
    """A question with two answers; the first button has the focus.

    The keys ``y`` and ``n`` answer too, and Esc means no.
    """

    CSS_PATH = "../styles/dialogs.tcss"
    AUTO_FOCUS = "#buttons"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "no", show=False),
        Binding("y", "answer(True)", "yes", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[Content],
        choices: Sequence[Choice],
        keys: Sequence[tuple[str, str]] = (),
        danger: bool = False,
    ) -> None:
        """``choices`` have the ids ``yes`` and ``no``; without ``yes`` the dialog only informs."""
        super().__init__()
        self._title = title
        self._lines = list(lines)
        self._choices = list(choices)
        self._keys = list(keys)
        self._danger = danger

    def compose(self) -> ComposeResult:
        with Panel(id="dialog", classes="-danger" if self._danger else ""):
            with VerticalScroll(id="words", can_focus=False):
                yield Static(stack(self._lines))
            yield from self.compose_middle()
            yield ButtonRow(self._choices, id="buttons")
            if self._keys:
                yield Static(key_words(self._keys, 60), id="keys")

    def compose_middle(self) -> ComposeResult:
        """Between the words and the buttons."""
        return iter(())

    def on_mount(self) -> None:
        if has_parts(self, "#dialog"):
            self.query_one("#dialog", Panel).set_title(self._title)

    def on_button_row_pressed(self, event: ButtonRow.Pressed) -> None:
        event.stop()
        self.action_answer(event.choice == YES)

    def action_answer(self, yes: bool) -> None:
        if yes and not any(one.id == YES and one.enabled for one in self._choices):
            return
        end(self, yes)


def _says(*sentences: str) -> list[Content]:
    return [line([sentence]) for sentence in sentences]


class UndoDialog(Question):
    """Put back a batch, or some items of it? It saves data, so its first button is *Put back*.

    A batch of which nothing is left to put back is said to be so: the next older one is never offered.
    """

    def __init__(self, batch: Batch, now_ms: int, keys: Sequence[str] | None = None, title: str = "undo") -> None:
        """``keys``: only these items."""
        items = restorable(batch, keys)
        when = ago_text(now_ms - batch.created_ms)
        if batch.state == "unfinished" and keys is None:
            settling = f"{counted_items(items)} go back to their place." if items else "Nothing of it has to be moved."
            super().__init__(
                title,
                _says(
                    f"Settle batch {batch.id} ({when}, {batch.user})?",
                    f"It stopped half-way; {whole_words(batch)}.",
                    settling,
                ),
                [Choice(YES, "Settle it"), Choice(NO, "Cancel")],
                [("y", "settle"), ("n Esc", "cancel")],
            )
            return
        if not items:
            super().__init__(title, _says(*_nothing_left(batch, when)), [Choice(NO, "Close")], [("Esc", "close")])
            return
        what = counted_items(items)
        button = f"Put back {what}"
        if len(button) > 38:
            button = f"Put back {plural(len(items), 'item')}"
        of = "" if keys is None else f"{plural(len(items), 'item')} of "
        super().__init__(
            title,
            _says(
                f"Put back {of}batch {batch.id} ({when}, {batch.user})?",
                f"{what}, {size_text(sum(item.size_bytes for item in items))}.",
                what_it_takes(batch, keys),
                "Whatever finds its name taken stays in the backup.",
            ),
            [Choice(YES, button), Choice(NO, "Cancel")],
            [("y", "put back"), ("n Esc", "cancel")],
        )


def what_it_takes(batch: Batch, keys: Collection[str] | None) -> str:
    """What putting back these items (None: all) needs."""
    packed = [one.item for one in batch.items if one.place == "packed" and (keys is None or one.item.key in keys)]
    if not packed:
        return "Each goes back by one rename; no free space is needed."
    need = size_text(sum(item.allocated_bytes for item in packed))
    return f"It is packed: unpacking needs {need} of free space, and time."


def _nothing_left(batch: Batch, when: str) -> tuple[str, ...]:
    purged, restored, missing = batch.count("purged"), batch.count("restored"), batch.count("missing")
    said = [f"Nothing of batch {batch.id} ({when}, {batch.user}) is in a backup."]
    if restored:
        said.append(f"{plural(restored, 'item')} {'is' if restored == 1 else 'are'} back already.")
    if purged:
        said.append(f"{plural(purged, 'item')} {'was' if purged == 1 else 'were'} purged: nothing brings them back.")
    if missing:
        said.append(f"{plural(missing, 'item')} {'is' if missing == 1 else 'are'} missing from its directory.")
    said.append("Older batches are in the backups: b.")
    return tuple(said)


class QuitDialog(Question):
    """Leave while work goes on? Nothing is lost either way."""

    def __init__(self, work: str, done: int, total: int) -> None:
        """``work``: what goes on, as ``clean-up``."""
        super().__init__(
            "quit",
            _says(f"The {work} goes on without this window ({done:,} of {total:,}). Quit?"),
            [Choice(YES, "Quit"), Choice(NO, "Stay")],
            [("y", "quit"), ("n Esc", "stay")],
        )


class NoticeDialog(Question):
    """Something to read, with one button."""

    def __init__(self, title: str, sentences: Sequence[str], danger: bool = False) -> None:
        super().__init__(title, _says(*sentences), [Choice(NO, "Close")], [("Esc", "close")], danger)


class TypedNumberDialog(Question):
    """For what nothing brings back: the number of items must be typed, so it is read first.

    The field has the focus. Enter with another number is *keep*.
    """

    AUTO_FOCUS = "#number"

    def __init__(
        self, title: str, lines: Sequence[Content], number: int, prompt: str, keep: str, do: str, note: str = ""
    ) -> None:
        self._number = number
        self._prompt = prompt
        self._keep = keep
        self._do = do
        self._note = note
        super().__init__(title, lines, self._answers(False), danger=True)

    def _answers(self, right: bool) -> list[Choice]:
        return [Choice(NO, self._keep), Choice(YES, self._do, "danger", right)]

    def compose_middle(self) -> ComposeResult:
        with Horizontal(id="ask"):
            yield Static(line([self._prompt]), id="prompt")
            yield Input(id="number", restrict=r"[0-9,]*", max_length=11, compact=True, select_on_focus=False)
        yield Static(line([(self._note, DIM)]), id="note")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._choices = self._answers(self._is_right(event.value))
        # What is drawn as chosen is what Enter would do.
        self.query_one(ButtonRow).set_choices(self._choices, YES if self._is_right(event.value) else NO)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        end(self, self._is_right(event.value))

    def action_answer(self, yes: bool) -> None:
        end(self, yes and self._is_right(self.query_one(Input).value))

    def _is_right(self, typed: str) -> bool:
        return typed.replace(",", "") == str(self._number)
