"""The row line and the toasts: what was said last, else progress, else the row under the cursor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlruns_tui.model.clock import now_ms

from .. import render
from ..commands import first_key
from ..widgets.bars import RowLine
from ..widgets.cells import DIM, KEY, Piece
from .changing import task_pieces

if TYPE_CHECKING:
    from ..screens.main import MainScreen

MOVED_S = 3.0
"""A cursor move shows the row instead of the progress for so long."""
SAID_S = 6.0
"""So long a sentence stands in the place of progress."""
DONE_TOAST_S = 4.0
WARNING_TOAST_S = 12.0
ERROR_TOAST_S = 3600.0
"""Errors stay until a key; nobody looks at one for an hour."""


class Saying:
    """Who may speak in the row line, and for how long."""

    def __init__(self, screen: MainScreen, line: RowLine) -> None:
        self.screen = screen
        self.line = line
        self._said: list[Piece] = []
        self._moved_at = float("-inf")
        self._errors: set[str] = set()
        """What toasts say that stay until a key."""
        self._later = False

    def say(self, text: str, lead: Piece | None = None, stays: bool = False) -> None:
        """One sentence until the next key; while something goes on, for a few seconds only."""
        self._said = [lead, (text, "")] if lead is not None else [(text, "")]
        said = self._said
        if self._busy and not stays:
            self.screen.set_timer(SAID_S, lambda: self.unsay() if self._said is said else None)
        self.show()

    def unsay(self) -> None:
        self._said = []
        self.show()

    def announce(self, text: str) -> None:
        """Something is over: a toast for four seconds."""
        self.screen.app.notify(text, timeout=DONE_TOAST_S, markup=False)

    def warn(self, text: str) -> None:
        """Something to know about: a toast that stays a little longer."""
        self.screen.app.notify(text, severity="warning", timeout=WARNING_TOAST_S, markup=False)

    def complain(self, text: str) -> None:
        """Something went wrong: a toast that stays until a key. The same is not said twice until then."""
        if text in self._errors:
            return
        self._errors.add(text)
        self.screen.app.notify(text, severity="error", timeout=ERROR_TOAST_S, markup=False)

    def heard(self) -> None:
        """A key: what was said is read."""
        if self._said:
            self.unsay()
        if self._errors:
            self._errors.clear()
            self.screen.app.clear_notifications()

    def moved(self) -> None:
        """The user moved a cursor: its row is more interesting than the progress for a moment."""
        self._moved_at = time.monotonic()

    def _show_later(self, seconds: float) -> None:
        if not self._later:
            self._later = True
            self.screen.set_timer(seconds, self._show_now)

    def _show_now(self) -> None:
        self._later = False
        self.show()

    @property
    def _busy(self) -> bool:
        task = self.screen.changing.task
        return self.screen.state.reading or (task is not None and not task.ended)

    def _of_marks(self) -> list[Piece]:
        """In panel 3: how the line under the cursor is taken away, and how it comes back."""
        screen, row = self.screen, self.screen.marked.current
        if screen.state.panel != "marked" or row is None or row.kind == "text":
            return []
        keys = [(first_key("mark.drop_line", screen.keymap), "takes these marks away")]
        if screen.state.marks_before is not None:
            keys.append((first_key("mark.back", screen.keymap), "marks as they were before"))
        pieces: list[Piece] = [(row.name, render.BOLD), (f"  {row.count}", DIM)]
        for key, words in keys:
            pieces += [("   ", DIM), (key, KEY), (f" {words}", DIM)] if key else []
        return pieces

    def show(self) -> None:
        """Draw the line again."""
        screen = self.screen
        task = screen.changing.task
        rest = self._moved_at + MOVED_S - time.monotonic()
        if self._said:
            self.line.put(self._said)
        elif not self._busy or rest > 0:
            if self._busy:
                self._show_later(rest)
            marked = bool(screen.state.marks)
            kept: list[Piece] = [("marks saved", DIM)] if marked and screen.remembering.saved else []
            row = render.row_pieces(screen.state, screen.shown.badges, now_ms(), screen.signs, screen.folded)
            self.line.put(self._of_marks() or row, kept)
        elif task is not None and not task.ended:
            self.line.put(task_pieces(task, screen.signs), [("w", KEY), (" open, hide", DIM)])
        else:
            right: list[Piece] = [("Esc", KEY), (" stop, keep what is read", DIM)]
            self.line.put(render.reading_pieces(screen.state, screen.signs), right)
