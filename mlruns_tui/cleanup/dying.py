"""How items of a batch are deleted, wave after wave.

An item dies by one rename into ``dead/``; only there it is taken apart. So a half deleted tree is never mistaken for
a backup, and a killed deletion can always go on. Those of a wave die together, and others are taken apart meanwhile;
one that died and was not begun goes back where a stop comes first, and after a kill as well (``recover``): it costs
no item but those that were being taken apart.

Nor does a power cut: no tree is taken apart before its rename is on the disk, or on its way there ahead of that
in a journal that keeps the order. Then the disk is asked only once for a group of items, as it ends.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque

from mlruns_tui.disk import change, look, place
from mlruns_tui.disk.helpers import LOOK_MS
from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.words import Outcome

from . import say
from .freed import Freed
from .graves import raise_up, rescued
from .kept import Kept
from .progress import Progress
from .removers import Removers
from .repair import Mend
from .session import Session

MAX_ITEMS = 256
"""Announced to the journal at once."""
GROUP_S = 1.0
"""So long, and for the wave at hand, what was seen of writers holds."""
WAVE_ENTRIES = 1_024
"""Once so many are in the items of a wave, the next one begins another."""
_NOT_TAKEN = "It was deleted, but the disk did not say that it keeps it so: if it is there again, purge it again."
_IN_PART = "It is gone in part; the next purge deletes the rest."
_STILL_DEAD = "It is whole, and not in the backup: undo puts it back, the next purge of it deletes it."


class Dying:
    """The deletion of some items. ``freed`` hears of what was unlinked, results are noted."""

    def __init__(
        self, session: Session, kept: Kept, indexes: list[int], freed: Freed, progress: Progress, stop: Stop
    ) -> None:
        self._session = session
        self._kept = kept
        self._indexes = indexes
        self._progress = progress
        self._stop = stop
        self._stopped = False
        self._in_order = place.keeps_order(kept.root_fd)
        self._removers = Removers(kept, freed)
        self._to_sync = False
        """Whether something died of which the disk was not asked yet."""
        self._gone: list[int] = []
        """All gone, and not said so yet."""
        self._unwritten: list[int] = []
        """Said to be gone, and not yet to the journal."""

    def run(self) -> None:
        """Until all are deleted, or it is to stop."""
        at = 0
        self._removers.hire(self._indexes)
        try:
            while at < len(self._indexes) and not self._stopping():
                at = self._group(at)
            while self._removers.is_busy and not self._stopping():
                self._hear(LOOK_MS)
        finally:
            last = self._removers.end()
        self._told(last)
        back = self._put_back(self._removers.left)
        self._confirm()
        if not self._stopping():
            for n in back:
                self._finished(n, "failed", f"a process that helped was told to stop. {say.KEPT}")
        self._write_down()
        with contextlib.suppress(OSError):
            self._session.commit(self._kept)

    def _stopping(self) -> bool:
        self._stopped = self._stopped or self._stop()
        return self._stopped

    def _group(self, at: int) -> int:
        """Let some items die from ``at`` on; where to go on."""
        kept = self._kept
        held = look.open_files(os.fstat(kept.root_fd).st_dev)
        until = time.monotonic() + GROUP_S
        group = self._indexes[at : at + MAX_ITEMS]
        left = deque(n for n in group if self._is_there(n))
        try:
            if left:
                self._write_down()
                kept.say("purging", n=list(left))
                self._session.commit(kept)
        except OSError as error:
            for n in left:
                self._finished(n, "failed", say.failure(error, say.KEPT))
            return at + len(group)
        begun = False
        while left and not (begun and (self._stopping() or time.monotonic() > until)):
            begun = True
            self._wave(left, held)
        if left:
            kept.say("moved", n=list(left))
        self._confirm()
        return at + (group.index(left[0]) if left else len(group))

    def _wave(self, left: deque[int], held: look.OpenFiles) -> None:
        """Let the next ones die, and give them away."""
        dead: list[int] = []
        entries, at_once = 0, self._in_order
        while left and entries < WAVE_ENTRIES and not (dead and self._stopping()):
            n = left.popleft()
            if self._is_free(n, held) and self._declare_dead(n):
                dead.append(n)
                entries += self._kept.items[n].entries
                at_once = at_once and not isinstance(self._kept.work(n), Mend)
        try:
            if not at_once and dead:
                # Else the disk might keep what is taken from a tree, and not that it died.
                self._sync()
        except OSError as error:
            for n in dead:
                self._failed(n, error)
            return
        for at, n in enumerate(dead):
            while self._removers.has_enough and not self._stopping():
                self._hear(LOOK_MS)
            if self._stopping():
                self._put_back(dead[at:])
                return
            self._removers.give(n)
            self._hear()

    def _hear(self, wait_ms: int = 0) -> None:
        """Of trees that were taken apart. Waits so long for one."""
        self._told(self._removers.ended(wait_ms))
        if not self._to_sync:
            self._confirm()

    def _told(self, ended: list[tuple[int, OSError | None]]) -> None:
        for n, error in ended:
            if error is None or self._is_gone(n):
                self._gone.append(n)
            else:
                self._failed(n, error)

    def _is_gone(self, n: int) -> bool:
        with contextlib.suppress(OSError):
            return self._kept.places.find_dead(n) is None and self._kept.places.find(n) is None
        return False

    def _confirm(self) -> None:
        """What is gone is so on the disk, and is said."""
        gone, self._gone = self._gone, []
        try:
            if self._to_sync:
                self._sync()
        except OSError as error:
            for n in gone:
                self._finished(n, "failed", say.failure(error, _NOT_TAKEN))
        else:
            for n in gone:
                self._finished(n, "done")
        self._unwritten += gone

    def _write_down(self) -> None:
        """The journal hears what is gone."""
        if self._unwritten:
            self._kept.say("purged", n=self._unwritten)
            self._unwritten = []

    def _sync(self) -> None:
        self._to_sync = False
        self._kept.places.sync_dead()
        self._kept.places.sync()

    def _is_there(self, n: int) -> bool:
        try:
            return self._kept.places.find(n) is not None
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False

    def _is_free(self, n: int, held: look.OpenFiles) -> bool:
        """Whether nobody has a file of it open for writing."""
        if not held.writers:
            return True
        try:
            found = self._kept.places.find(n)
            writers = look.survey(found[0].fd, found[0].name, held).writers if found else ()
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False
        if writers:
            self._finished(n, "skipped", f"{say.written_to(writers)}. {say.KEPT}")
        return not writers

    def _declare_dead(self, n: int) -> bool:
        try:
            found = self._kept.places.find(n)
            if found is None:
                return False
            slot, grave = found[0], self._kept.places.dead(n)
            if slot.in_root:
                self._kept.parents.about_to_change("")
            change.rename(slot.fd, slot.name, grave.fd, grave.name)
            if slot.in_root:
                self._kept.parents.changed("")
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False
        self._to_sync = True
        return True

    def _put_back(self, indexes: list[int]) -> list[int]:
        """These died, and nobody began to take them apart; those that are in the backup again."""
        back: list[int] = []
        for n in indexes:
            try:
                found = self._kept.places.find_dead(n)
                if found is not None:
                    raise_up(self._kept, n, found[0])
                    back.append(n)
            except OSError as error:
                self._finished(n, "failed", say.failure(error, _STILL_DEAD))
        if back:
            self._to_sync = True
            self._kept.say("moved", n=back)
        return back

    def _failed(self, n: int, error: OSError) -> None:
        """What nothing was taken from goes back into the backup; the rest of what was begun waits."""
        with contextlib.suppress(OSError):
            rescued(self._kept, n)
        try:
            there = self._kept.places.find(n) is not None
        except OSError:
            there = False
        self._finished(n, "failed", say.failure(error, say.KEPT if there else _IN_PART))

    def _finished(self, n: int, outcome: Outcome, why: str = "") -> None:
        self._kept.result(n, outcome, why)
        self._progress.item(self._kept.items[n], outcome, why)
