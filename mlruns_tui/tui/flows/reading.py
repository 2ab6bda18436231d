"""Reading the store behind the screen: a scan on a thread, its snapshots let in at a quiet pace."""

from __future__ import annotations

import gc
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.triage.views import Group, group_of
from mlruns_tui.workflow import changing
from mlruns_tui.workflow.reading import Space, space_of

from .. import render
from ..messages import ReadingEnded, SnapshotRead
from ..shown import badges, judge_all, judged_small
from ..state import Judged

if TYPE_CHECKING:
    from ..screens.main import MainScreen

QUIET_S = 1.0
"""The lists sort themselves again at most so often, and never so soon after a key."""

FIRST_S = 0.03
"""The first frame waits no longer than this for what a reader that began before it has found."""
REDRAW_S = 0.1
"""The progress line is drawn no more often."""


class Reading:
    """The scan, and what is worked out from it off the screen's thread."""

    def __init__(self, screen: MainScreen, reader: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        self.screen = screen
        self.reader = reader
        self._clock = clock
        self._scan = 0
        self._stop = threading.Event()
        self._waiting: Snapshot | None = None
        self._first: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        """Where the first snapshot of the scan can be waited for."""
        self._early: Snapshot | None = None
        """The one that was waited for."""
        self._ended: ReadingEnded | None = None
        self._adopted_at = float("-inf")
        self._progress_at = float("-inf")
        self._told: set[str] = set()
        """Messages about the reading itself, each told once."""
        self._timer_set = False
        self._judging = False
        self._judged_snapshot: Snapshot | None = None
        self._opened: set[Group] = set()
        self._read_words = self._marks_words = ""
        """What was said when all was read, and the part of it about the marks."""
        self.space: Space | None = None
        self.unreachable = ""
        """Why the store cannot be reached any more; empty when it can."""

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {"read.again": lambda: self.start(anew=False), "read.all": lambda: self.start(anew=True)}

    def start(self, anew: bool) -> None:
        """Scan in the background; ``anew``: without trusting what was read before."""
        self._stop.set()
        self.screen.checking.stop()
        self._scan += 1
        self._stop = stop = threading.Event()
        self._waiting = self._ended = None
        scan, screen, reader = self._scan, self.screen, self.reader
        known = self.screen.state.snapshot
        previous = None if anew or not known.experiments else known

        first: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        self._first = first

        def body() -> None:
            error: Exception | None = None
            wanted = True
            try:
                for snapshot in reader.scan(previous, stop.is_set):
                    if wanted:
                        first.put(snapshot)
                        wanted = False
                    screen.post_message(SnapshotRead(snapshot, scan))
            except Exception as problem:
                error = problem
            with suppress(RuntimeError):
                screen.post_message(ReadingEnded(scan, error))

        self.screen.change(reading=True)
        threading.Thread(target=body, name="scan", daemon=True).start()
        self.screen.call_after_refresh(self.look_around)

    def take_first(self) -> None:
        """What the reader found before there was a screen stands in the first frame."""
        with suppress(queue.Empty):
            early = self._first.get(timeout=FIRST_S)
            self.take(early, self._scan)
            self._early = early

    def stop(self) -> None:
        """Stop reading, keep what is read."""
        self._stop.set()
        self.screen.say("stopping, what is read stays")

    def close(self) -> None:
        """The screen is going: nobody reads on."""
        self._stop.set()
        self.screen.checking.stop()

    def take(self, snapshot: Snapshot, scan: int) -> None:
        """A further snapshot: its progress shows at once, its rows when the lists may move."""
        if scan != self._scan or snapshot is self._early:
            return
        self._waiting = snapshot
        now = self._clock()
        if now - self._progress_at >= REDRAW_S or snapshot.complete:
            self._progress_at = now
            self.screen.show_progress(snapshot.progress)
        self._let_in()

    def end(self, event: ReadingEnded) -> None:
        if event.scan == self._scan:
            self._ended = event
            self._let_in()

    def _let_in(self) -> None:
        """Let the waiting snapshot into the lists, now or when it is time."""
        if self._waiting is None and self._ended is None:
            return
        first = not self.screen.state.snapshot.experiments
        # The last snapshot need not wait for a sort that nobody follows any more, only for the user's fingers.
        since = self.screen.last_key_at if self._ended else max(self._adopted_at, self.screen.last_key_at)
        wait = 0.0 if first else since + QUIET_S - self._clock()
        if wait <= 0:
            self._adopt()
        elif not self._timer_set:
            self._timer_set = True
            self.screen.set_timer(wait, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer_set = False
        self._let_in()

    def _adopt(self) -> None:
        snapshot, self._waiting = self._waiting, None
        self._adopted_at = self._clock()
        state = self.screen.state
        begins = not state.snapshot.experiments
        if snapshot is not None:
            state = replace(state, snapshot=snapshot, progress=snapshot.progress)
            state = replace(state, closed=state.closed - self._groups_to_open(snapshot, state.findings))
        ended, self._ended = self._ended, None
        if ended is not None:
            state = replace(state, reading=False)
        self.screen.set_state(state, moved_by_itself=True)
        if begins:
            # The first frame waits for no judgement.
            self.screen.call_after_refresh(self.judge_again)
        else:
            self.judge_again()
        if ended is not None:
            self._say_end(ended)

    def open_groups(self) -> None:
        """Show where something breaks the whole store, once that is known."""
        state = self.screen.state
        if opened := self._groups_to_open(state.snapshot, state.findings) & state.closed:
            self.screen.change(closed=state.closed - opened)

    def _groups_to_open(self, snapshot: Snapshot, findings: Sequence[Finding]) -> frozenset[Group]:
        """Groups in which something breaks the whole store, opened once."""
        worst = badges(findings)
        found: set[Group] = set()
        for experiment in snapshot.experiments:
            if (finding := worst.get(experiment.key)) is not None and finding.impact == "breaks-store":
                found.add(group_of(experiment))
        if any(finding.impact == "breaks-store" and key.startswith("model/") for key, finding in worst.items()):
            found.add("models")
        found -= self._opened
        self._opened |= found
        return frozenset(found)

    def _say_end(self, ended: ReadingEnded) -> None:
        if ended.error is None:
            self.unreachable = ""
            marks = self.screen.remembering.compare(self.screen.state.snapshot)
            self._marks_words = marks
            self._say_read()
            self.screen.mark_keys.reading_ended()
            self.screen.checking.start_anew()
        else:
            self.unreachable = error_words(ended.error)
            root = self.reader.store.root
            # An error that begins with the path says it all: twice, it would push the way out off the line.
            reason = self.unreachable.removeprefix(root).strip(" :")
            self.screen.say(f"{root} cannot be read on ({reason}). What you see is from before. R tries again")
        for message in self.screen.state.snapshot.messages:
            if message not in self._told:
                self._told.add(message)
                self.screen.saying.warn(message)
        self.look_around()
        self.screen.showing.header()
        if not judged_small(self.screen.state.snapshot):
            # A large snapshot stays until the next reading: walking it for garbage would stop the screen.
            gc.freeze()

    def _say_read(self) -> None:
        self._read_words = ". ".join(filter(None, (render.ended_text(self.screen.state), self._marks_words)))
        self.screen.say(self._read_words)

    def count_findings(self) -> None:
        """The sentence about the reading gets its number of findings, if it still stands there."""
        if self._read_words and self.screen.row_text == self._read_words:
            self._say_read()

    def judge_again(self) -> None:
        """Judge the snapshot in the lists, one at a time; a newer one that came meanwhile follows. While a large
        store is read nothing is judged: each time would take as long and as much memory as the last."""
        state = self.screen.state
        snapshot, days = state.snapshot, state.old_days
        if self._judging or (state.reading and not judged_small(snapshot)):
            return
        self._judging = True
        self._judged_snapshot = snapshot

        def done(judged: Judged) -> None:
            self._judging = False
            self.screen.change(judged=judged)
            state = self.screen.state
            if state.snapshot is not self._judged_snapshot or state.old_days != days:
                self.judge_again()

        self.screen.work(lambda: judge_all(snapshot, now_ms(), days), done, "judging", small=judged_small(snapshot))

    def look_around(self) -> None:
        """Ask for free space and for the batches, which may each take their time."""
        root = self.reader.store.root

        def spaces(space: Space | None) -> None:
            self.space = space
            self.screen.showing.header()

        def found(batches: tuple[Batch, ...]) -> None:
            self.screen.change(batches=batches, user_id=os.geteuid())
            self.screen.recovering.notice(batches)

        def failed(error: Exception) -> None:
            self.screen.saying.complain(f"the backups could not be looked up: {error_words(error)}")

        self.screen.work(lambda: space_of(root), spaces, "space")
        self.screen.work(lambda: changing.batches(root), found, "batches", failed=failed)


def error_words(error: Exception) -> str:
    """An error in one line, with what to do next where it says so."""
    if isinstance(error, MlrunsError):
        where = f" ({error.path})" if error.path and error.path not in error.message else ""
        return f"{error.message}{where}" + (f"; {error.hint}" if error.hint else "")
    return f"{type(error).__name__}: {error}"
