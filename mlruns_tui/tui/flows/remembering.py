"""Marks outlive the window: written down a moment after each change, called back at the next visit."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.report.words import plural
from mlruns_tui.triage.marks import Marks
from mlruns_tui.workflow.remembering import Visit, keep_marks, note_visit, recall_marks

if TYPE_CHECKING:
    from ..screens.main import MainScreen

QUIET_S = 1.0
"""Marks are written when they have not changed for so long."""
LEAVING_S = 3.0
"""Leaving waits no longer than this for a home directory that does not answer."""


class Remembering:
    """Keeps the marks of one store in the user's own state directory. Losing them is never an error."""

    def __init__(self, screen: MainScreen, store: StoreInfo) -> None:
        self.screen = screen
        self.store = store
        self._written: Marks | None = None
        """What is written down; None before the marks of the last visit were called back."""
        self._recalled = 0
        self._changes = 0
        self._failed = False
        self.visit: Visit | None = None
        """How big the store was at the visit before this one."""

    def start(self) -> None:
        """Call back the marks of the last visit, in the background."""

        def done(marks: Marks) -> None:
            self._written = marks
            self._recalled = len(marks)
            if marks:
                self.screen.change(marks=marks.add(self.screen.state.marks))
            self.notice(self.screen.state.marks)
            # All may have been read before the marks were found.
            if not self.screen.state.reading and (said := self.compare(self.screen.state.snapshot)):
                self.screen.say(said)

        self.screen.work(lambda: recall_marks(self.store), done, "marks", failed=lambda error: done(Marks()))

    @property
    def saved(self) -> bool:
        """The marks on the screen are the ones written down."""
        return self._written is self.screen.state.marks and not self._failed

    def notice(self, marks: Marks) -> None:
        """The marks may have changed: write them down when they have been quiet for a moment."""
        if self._written is None or marks is self._written:
            return
        self._changes += 1
        change = self._changes
        self.screen.set_timer(QUIET_S, lambda: self._save() if change == self._changes else None)

    def _save(self) -> None:
        marks = self.screen.state.marks

        def done(kept: bool) -> None:
            self._written, self._failed = marks, not kept
            self.screen.saying.show()

        self.screen.work(lambda: keep_marks(self.store, marks), done, "marks", failed=lambda error: done(False))

    def leave(self) -> None:
        """Write what is not written yet, waiting only a little."""
        marks = self.screen.state.marks
        if self._written is None or marks is self._written:
            return
        thread = threading.Thread(target=keep_marks, args=(self.store, marks), name="marks", daemon=True)
        thread.start()
        thread.join(LEAVING_S)

    def _note_visit(self, snapshot: Snapshot) -> None:
        def done(before: Visit | None) -> None:
            self.visit = before

        self.screen.work(lambda: note_visit(snapshot, now_ms()), done, "visit", failed=lambda error: None)

    def compare(self, snapshot: Snapshot) -> str:
        """After the first complete reading: marks of the last visit whose items are gone are taken away.

        A sentence about it; empty when there is nothing to say.
        """
        if snapshot.complete:
            self._note_visit(snapshot)
        if not self._recalled or not snapshot.complete:
            return ""
        self._recalled = 0
        marks = self.screen.state.marks
        there = {one.key for one in snapshot.experiments} | {run.key for run in snapshot.all_runs()}
        gone = [mark.key for mark in marks if mark.key not in there]
        if not gone:
            return f"{plural(len(marks), 'item')} marked at the last visit"
        self.screen.change(marks=marks.remove(gone))
        are = "is" if len(gone) == 1 else "are"
        left = len(marks) - len(gone)
        stay = f"{plural(left, 'item')} stay{'s' if left == 1 else ''} marked"
        return f"{plural(len(gone), 'marked item')} {are} gone since the last visit. {stay}"
