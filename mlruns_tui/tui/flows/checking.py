"""Looking for what is wrong: metadata after every reading, every metric, param and tag when asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlruns_tui.model.protocols import Reader
from mlruns_tui.triage.finding_views import merged

from ..clipboard import sent
from ..messages import RunsChecked
from ..state import Diagnosis
from .reading import error_words

if TYPE_CHECKING:
    from ..screens.findings import FindingsAnswer, FindingsScreen
    from ..screens.main import MainScreen

METADATA = "metadata"
EVERYTHING = "every metric, param and tag"


class Checking:
    """The check behind the screen and the list of what it found. Reads only."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader
        self.chosen: set[str] = set()
        """Keys of the rows chosen for repair in the list of findings, from visit to visit."""
        self._check = 0
        self._stop = threading.Event()
        self._everything = False
        """Contents were asked for: later checks of this session look into them as well."""
        self._list: FindingsScreen | None = None

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {"look.findings": self.show_list}

    # The check.

    def start_anew(self) -> None:
        """All was read again: what was found before may be mended, or worse."""
        if self.screen.state.snapshot.complete:
            self.start()

    def start(self) -> None:
        """Check the store as the newest snapshot has it; one that goes on is given up."""
        self.stop()
        screen, reader, snapshot = self.screen, self.reader, self.screen.state.snapshot
        contents, number, before = self._everything, self._check, self.screen.state.findings
        self._stop = stop = threading.Event()
        screen.change(checking=EVERYTHING if contents else METADATA, checked_runs=0)

        def tell(count: int) -> None:
            with suppress(RuntimeError):
                screen.post_message(RunsChecked(count, number))

        def look() -> Diagnosis:
            from mlruns_tui.workflow import diagnosing

            version = diagnosing.installed_mlflow_version()
            found = diagnosing.diagnose(reader, version, stop.is_set, snapshot, contents=contents, tell=tell)
            stopped = stop.is_set()
            if stopped:
                found = merged(found, before)
            elif found == before:
                found = before
            return Diagnosis.of(found, version, contents=contents, stopped=stopped)

        def done(diagnosis: Diagnosis) -> None:
            if number == self._check:
                screen.change(checking="", diagnosis=diagnosis)
                screen.reading.open_groups()
                screen.reading.count_findings()
                self._told()

        def failed(error: Exception) -> None:
            if number == self._check:
                screen.change(checking="")
                self._told()
                screen.saying.complain(f"the store could not be checked: {error_words(error)}")

        screen.work(look, done, "check", failed=failed)
        self._told()

    def progressed(self, count: int, number: int) -> None:
        if number == self._check and self.screen.state.checking:
            # Only the list of findings shows it: the other parts need not be drawn again.
            self.screen.state = replace(self.screen.state, checked_runs=count)
            self._told()

    def stop(self) -> None:
        """Nobody waits for the check any more."""
        self._stop.set()
        self._check += 1
        if self.screen.state.checking:
            self.screen.change(checking="")
            self._told()

    def stop_and_keep(self) -> None:
        """The user stops it: what was found so far is shown, and nothing of the kind starts by itself again."""
        self._everything = False
        self._stop.set()

    def check_everything(self) -> None:
        """Look into metrics, params and tags too, now or once all is read."""
        self._everything = True
        if not self.screen.state.reading:
            self.start()

    # The list of what was found.

    def show_list(self) -> None:
        """``F``: every finding. The first time, all contents are looked into for it."""
        from ..screens.findings import FindingsScreen

        state = self.screen.state
        going = state.checking == EVERYTHING
        if not going and (state.diagnosis is None or not state.diagnosis.contents):
            self.check_everything()
        self._list = FindingsScreen(
            lambda: self.screen.state,
            self.chosen,
            toggle=self.screen.mark_keys.toggle_item,
            check=self.check_everything,
            stop=self.stop_and_keep,
            repair=self.screen.repairing.review,
            copy=self.copy,
        )
        self.screen.app.push_screen(self._list, self._left)

    def _told(self) -> None:
        if self._list is not None and self._list.is_attached:
            self._list.show_state()

    def copy(self, path: str) -> str:
        """The absolute path to the clipboard; a sentence about it."""
        self.screen.app.copy_to_clipboard(os.path.join(self.reader.store.root, path))
        return sent(path)

    def _left(self, answer: FindingsAnswer | None) -> None:
        self._list = None
        self.screen.focus_panel()
        if answer is None:
            return
        if answer.go_to:
            self.screen.moving.jump_to(answer.go_to)
        elif answer.command:
            self.screen.run_command(answer.command)
