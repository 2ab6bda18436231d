"""While a plan is carried out, and what came of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.tui.tasks import TaskEnded, TaskProgressed, TaskView
from mlruns_tui.tui.widgets.cells import signs_of, stack
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.task_words import (
    TITLES,
    Phase,
    ended_words,
    error_lines,
    progress_lines,
    result_lines,
    result_title,
    summary,
)

__all__ = ["ProgressScreen", "ResultAnswer", "ResultScreen", "ended_words", "summary"]

ResultAnswer = Literal["undo", "pack", "purge"]
_PARTS = ("#window", "#said", "#words", "#keys")


class ProgressScreen(ModalScreen[None]):
    """Follows one piece of work; folding it away does not stop it. Closes itself when the work is over."""

    CSS_PATH = "../styles/progress.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w", "fold", "hide", show=False),
        Binding("c", "stop", "stop after this item", show=False),
        Binding("enter", "troubles", "list what failed", show=False),
    ]

    def __init__(self, view: TaskView) -> None:
        super().__init__()
        self.view = view
        self._all_troubles = False

    def compose(self) -> ComposeResult:
        with Panel(id="window"):
            with Words(id="said"):
                yield Static(id="words")
            yield KeyLine(id="keys")

    def on_mount(self) -> None:
        if not has_parts(self, *_PARTS):
            return
        self.view.listen(self)
        self.set_interval(0.5, self._show)
        self._show()
        self.query_one("#said").focus()
        if self.view.ended:
            self._leave()

    def on_unmount(self) -> None:
        self.view.forget(self)

    def on_task_progressed(self, event: TaskProgressed) -> None:
        event.stop()
        self._show()

    def on_task_ended(self, event: TaskEnded) -> None:
        event.stop()
        self._leave()

    def on_screen_resume(self) -> None:
        if self.view.ended:
            self._leave()

    def _leave(self) -> None:
        end(self, None)

    def _show(self) -> None:
        if not has_parts(self, *_PARTS):
            return
        signs = signs_of(self.app)
        latest = self.view.latest
        title = TITLES[latest.phase] if latest else "starting"
        self.query_one("#window", Panel).set_title(title, latest.batch if latest else "")
        self.query_one("#words", Static).update(stack(progress_lines(self.view, signs, self._all_troubles)))
        keys = [("Esc", "hide, go on working")]
        if not self.view.stopping:
            keys.append(("c", "stop after this item"))
        self.query_one(KeyLine).set_keys(keys)

    def action_fold(self) -> None:
        end(self, None)

    def action_stop(self) -> None:
        self.view.stop()
        self._show()

    def action_troubles(self) -> None:
        self._all_troubles = not self._all_troubles
        self._show()


class ResultScreen(ModalScreen["ResultAnswer | None"]):
    """What came of it, read back from the disk. Ends with what to do next: ``undo``, ``purge`` or nothing."""

    CSS_PATH = "../styles/progress.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape,w", "answer('')", "back", show=False),
        Binding("z", "answer('undo')", "undo now", show=False),
        Binding("p", "answer('pack')", "pack it", show=False),
        Binding("P", "answer('purge')", "purge it", show=False),
    ]

    def __init__(self, view: TaskView, store: str) -> None:
        """``view`` must have ended. ``store``: as the user named it."""
        super().__init__()
        self.view = view
        self._store = store
        self._phase: Phase = view.latest.phase if view.latest else "move"
        batch = view.batch
        self._holds = batch is not None and batch.backup and batch.size_bytes > 0 and self._phase == "move"

    def compose(self) -> ComposeResult:
        with Panel(id="window"):
            with Words(id="said"):
                yield Static(id="words")
            yield KeyLine(id="keys")

    def on_mount(self) -> None:
        if not has_parts(self, *_PARTS):
            return
        panel = self.query_one("#window", Panel)
        signs = signs_of(self.app)
        batch, error = self.view.batch, self.view.error
        if batch is not None:
            panel.set_title(result_title(batch))
            lines = result_lines(batch, self._phase, signs, self._store, self.view)
        else:
            panel.set_title("not done")
            panel.add_class("-danger")
            lines = error_lines(error or MlrunsError("no-result", "the work ended without a result"), signs)
        self.query_one("#words", Static).update(stack(lines))
        keys = [("Enter", "back to the store")]
        if self._holds:
            keys += [("z", "undo now"), ("p", "pack it"), ("P", "purge it, for good")]
        self.query_one(KeyLine).set_keys([*keys, ("Esc", "back")] if len(keys) > 1 else keys)
        self.query_one("#said").focus()

    def action_answer(self, answer: str) -> None:
        if not answer:
            end(self, None)
        elif self._holds:
            answers: dict[str, ResultAnswer] = {"undo": "undo", "pack": "pack", "purge": "purge"}
            end(self, answers[answer])
        else:
            self.app.bell()
