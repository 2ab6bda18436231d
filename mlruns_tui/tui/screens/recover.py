"""A batch that stopped half-way: go on with it, take it back, or leave it as it is."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlruns_tui.model.batch import Batch
from mlruns_tui.report import recover
from mlruns_tui.report.backups_text import whole_words
from mlruns_tui.report.words import ago_text, plural, size_text
from mlruns_tui.tui.screens.dialogs import TypedNumberDialog
from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.tui.widgets.cells import KEY, line, stack, wrap
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import key_words
from mlruns_tui.tui.widgets.panel import Panel
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.task_words import counted_items
from mlruns_tui.workflow.recovering import doomed, rest_of

Way = Literal["continue", "undo", "leave"]
_LABELS: dict[str, str] = {"continue": "Go on", "undo": "Take back", "leave": "Leave as it is"}
_KEYS: dict[str, str] = {"continue": "c", "undo": "u", "leave": "a"}
_WIDTH = 68


class RecoverDialog(ModalScreen["Way | None"]):
    """Where the items are, what each way does with them. Esc leaves everything as it is, unsettled."""

    CSS_PATH = "../styles/recover.tcss"
    AUTO_FOCUS = "#buttons"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer('')", "not now", show=False),
        Binding("c", "answer('continue')", "go on", show=False),
        Binding("u", "answer('undo')", "take back", show=False),
        Binding("a", "answer('leave')", "leave", show=False),
    ]

    def __init__(self, batch: Batch, now_ms: int) -> None:
        super().__init__()
        self._batch = batch
        self._now = now_ms
        self._ways = recover.choices(batch, rest_of(batch))

    def compose(self) -> ComposeResult:
        with Panel(id="dialog"):
            with VerticalScroll(id="words", can_focus=False):
                yield Static(stack(self._lines()))
            # Taking back saves data: it has the focus.
            ways = sorted(self._ways, key=lambda way: way != "undo")
            yield ButtonRow([*(Choice(way, _LABELS[way]) for way in ways), Choice("", "Not now")], id="buttons")
            yield Static(
                key_words([(_KEYS[way], _LABELS[way].lower()) for way in ways] + [("Esc", "not now")], 64), id="keys"
            )

    def _lines(self) -> list[Content]:
        batch = self._batch
        began = batch.history[-1] if batch.history else None
        when = ago_text(max(0, self._now - (began.began_ms if began else batch.created_ms)))
        work = recover.op_word(batch.open_op)
        told = f"The {work} {batch.id} ({when}, {batch.user}) stopped half-way; {whole_words(batch)}."
        lines = [line([part]) for part in wrap(told, _WIDTH)]
        counts: dict[str, int] = {}
        for one in batch.items:
            words = recover.place_words(one)
            counts[words] = counts.get(words, 0) + 1
        lines += [Content(), *(line([f"  {number:>7,} {words}"]) for words, number in counts.items()), Content()]
        for way, does in self._ways.items():
            first, *more = wrap(f"{_LABELS[way]}: {does}.", _WIDTH - 3)
            lines.append(line([(f"{_KEYS[way]}  ", KEY), first]))
            lines += [line([f"   {part}"]) for part in more]
        return lines

    def on_mount(self) -> None:
        if has_parts(self, "#dialog"):
            self.query_one("#dialog", Panel).set_title("settle")

    def on_button_row_pressed(self, event: ButtonRow.Pressed) -> None:
        event.stop()
        self.action_answer(event.choice)

    def action_answer(self, way: str) -> None:
        if way == "continue" and way in self._ways:
            end(self, "continue")
        elif way == "undo":
            end(self, "undo")
        elif way == "leave":
            end(self, "leave")
        elif not way:
            end(self, None)


class GoOnDeletingDialog(TypedNumberDialog):
    """Going on would delete for good: the number of items must be typed."""

    def __init__(self, batch: Batch) -> None:
        items = [one.item for one in doomed(batch)]
        number = len(items)
        size = size_text(sum(item.allocated_bytes for item in items))
        lines: list[Content] = [
            line([(f"Go on with the {recover.op_word(batch.open_op)} {batch.id}?", "bold")]),
            Content(""),
            line([f"{counted_items(items)}, {size}, will be gone."]),
            line([("Nothing brings them back.", "$error bold"), " Nothing else changes."]),
        ]
        super().__init__(
            "delete for good",
            lines,
            number,
            f"Type {number} (the items) to delete:",
            "Keep them",
            f"Delete {plural(number, 'item')}",
            "Delete stays off until the number is typed.",
        )
