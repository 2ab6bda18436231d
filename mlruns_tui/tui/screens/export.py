"""``E``: what the run table shows into a file. Asks for its name, writes behind the screen, says where it went."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Experiment, Run, Snapshot
from mlruns_tui.model.text import safe
from mlruns_tui.report.exporting import FORMATS, csv_pieces, json_pieces
from mlruns_tui.report.words import plural
from mlruns_tui.workflow.exporting import full_path, gather, write_export

from ..background import in_background
from ..flows.reading import error_words
from ..messages import Returned
from ..widgets.buttons import ButtonRow, Choice
from ..widgets.cells import DIM, line, stack, wrap
from ..widgets.ending import end
from .dialogs import NO, YES, Question


class _Given(Exception):
    """The user does not want the file any more."""


class ExportScreen(Question):
    """Ends with True when the file is there; until then Esc leaves nothing of it."""

    AUTO_FOCUS = "#path"
    DEFAULT_CSS = """
    ExportScreen #path { width: 1fr; background: $panel; padding: 0 1; }
    """

    def __init__(
        self,
        reader: Reader,
        snapshot: Snapshot,
        experiment: Experiment,
        runs: Sequence[Run],
        columns: Sequence[str],
        path: str,
        tell: Callable[[str], None],
    ) -> None:
        """``path``: proposed. ``columns``: of the run table, by name. ``tell`` hears where it was
        written, on another thread."""
        what = f"{plural(len(runs), 'run')}, {plural(len(columns), 'column')}"
        about = f"{what}, as the table shows them, values exact."
        super().__init__(
            "export",
            [line([about]), line([(".csv for tables, .json for scripts", DIM)])],
            [Choice(YES, "Write it"), Choice(NO, "Cancel")],
            [("Enter", "write"), ("Esc", "cancel")],
        )
        self._reader, self._snapshot, self._experiment = reader, snapshot, experiment
        self._runs, self._names = tuple(runs), tuple(columns)
        self._path = path
        self._tell = tell
        self._stop: threading.Event | None = None
        """Of the writing that goes on."""

    def compose_middle(self) -> ComposeResult:
        with Horizontal(id="ask"):
            yield Static(line(["to"]), id="prompt")
            yield Input(self._path, id="path", compact=True, select_on_focus=False)
        yield Static(id="note")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._write()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._stop is None:
            self._note("")

    def action_answer(self, yes: bool) -> None:
        if yes:
            self._write()
            return
        if self._stop is not None:
            self._stop.set()
        end(self, False)

    def on_button_row_pressed(self, event: ButtonRow.Pressed) -> None:
        event.stop()
        self.action_answer(event.choice == YES)

    def on_unmount(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _note(self, text: str, style: str = DIM) -> None:
        for note in self.query("#note").results(Static):
            note.update(stack(line([(part, style)]) for part in wrap(text, 58)))

    def _write(self) -> None:
        """One at a time; the field stays, to be mended when that fails."""
        if self._stop is not None:
            return
        try:
            path = full_path(self.query_one(Input).value, FORMATS)
        except (MlrunsError, OSError) as error:
            self._note(f"{error_words(error)}.", "$error")
            return
        self._stop = stop = threading.Event()
        self._note("writing…")

        def done(_: None) -> None:
            self._stop = None
            if not stop.is_set():
                end(self, True)

        def failed(error: Exception) -> None:
            self._stop = None
            if stop.is_set() or isinstance(error, _Given):
                return
            self._note(f"{error_words(error)}.", "$error")

        in_background(self, lambda: self._make(path, stop), done, failed, "export")

    def _make(self, path: str, stop: threading.Event) -> None:
        """On a thread: read what is missing, then write."""
        at_ms, runs, columns = now_ms(), self._runs, self._names

        def tell(count: int) -> None:
            with suppress(RuntimeError):  # the program may be closing
                self.post_message(Returned(lambda: self._progress(stop, count)))

        found = gather(self._reader, self._snapshot, runs, columns, at_ms, stop.is_set, tell)
        if path.lower().endswith(".csv"):
            pieces = csv_pieces(runs, columns, found.values, found.owners, at_ms)
        else:
            pieces = json_pieces(
                self._snapshot, [self._experiment], runs, columns, found.values, found.owners, found.protected, at_ms
            )

        def until_stopped(piece: bytes) -> bytes:
            if stop.is_set():
                raise _Given
            return piece

        write_export(self._snapshot.store, path, map(until_stopped, pieces))
        lost = f"; {plural(found.unreadable, 'value')} could not be read and left out" if found.unreadable else ""
        self._tell(f"{plural(len(runs), 'run')}, {plural(len(columns), 'column')} written to {safe(path)}{lost}")

    def _progress(self, stop: threading.Event, count: int) -> None:
        if not stop.is_set() and self._stop is stop:
            self._note(f"reading values, {count:,} of {len(self._runs):,} runs…")

    def on_returned(self, event: Returned) -> None:
        event.stop()
        event.call()
