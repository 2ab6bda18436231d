"""Processes that take dead trees apart while the worker lets the next ones die.

Removing waits for the disk more than for a core, and a disk can do several things at once: so there are as many of
them on few cores as on many. Each is given its trees through a pipe of its own and tells of each when it is done with
it. Told to stop, it ends the tree at hand; without its worker it stops within it. They share the worker's locks, and
change only what they were given (see ``beside``).
"""

from __future__ import annotations

import errno
import os
import select
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import islice
from struct import Struct

from mlruns_tui.disk.forking import is_single_threaded
from mlruns_tui.disk.helpers import Helper, hire
from mlruns_tui.model.protocols import Stop

from .freed import Freed, Names
from .graves import destroy
from .kept import Kept

MOST = 4
MANY_ENTRIES = 2_048
MANY_BYTES = 128 << 20
"""Less than either is gone before the processes have come."""
AHEAD_ENTRIES = 1_536
"""No more should wait for their turn: what is dead is not to be long, a stop is to be quick, and who is done first is
to get more. Enough that nobody is out of work."""
_ORDER = Struct("<I")
_REPORT = Struct("<IiQH")
"""Index, error number (0: all of it is gone), bytes freed, length of the words that follow."""
_MAX_WORDS = 200
"""Of an error: a report is less than a pipe takes at once."""


class Remover:
    """One of the processes, as the worker knows it."""

    def __init__(self, helper: Helper, orders: int) -> None:
        self.helper = helper
        self.orders = orders
        """Where its orders are written."""
        self.trees: deque[int] = deque()
        """Indexes it was given and has not told of; it may have begun the first."""
        self.load = 0
        """Entries in them, about."""

    def lighten(self, entries: int) -> None:
        self.load -= entries


class Removers:
    """Takes dead items apart: in processes hired for it, in this one where there are none."""

    def __init__(self, kept: Kept, freed: Freed) -> None:
        """``freed`` hears of all that was unlinked, once ``end`` has returned."""
        self._kept, self._freed = kept, freed
        self._team: list[Helper] = []
        self._crew: list[Remover] = []
        self._ended: list[tuple[int, OSError | None]] = []
        self._reports, self._telling, self._half = -1, -1, b""
        self.left: list[int] = []
        """Those given that nobody began: who had them was told to stop."""

    def hire(self, indexes: Sequence[int]) -> None:
        """Have help with these, if it is worth it and a copy of this process is safe."""
        items = [self._kept.items[n] for n in indexes]
        much = sum(one.entries for one in items) >= MANY_ENTRIES or sum(one.size_bytes for one in items) >= MANY_BYTES
        # Beside the experiments each deletion puts a time back that all of them share.
        if len(items) < 2 or not much or self._kept.places.cramped or not is_single_threaded():
            return
        try:
            self._reports, self._telling = os.pipe()
        except OSError:
            return
        while len(self._crew) < min(MOST, len(indexes)) and self._hire_one():
            pass

    def _hire_one(self) -> bool:
        try:
            orders, giving = os.pipe()
        except OSError:
            return False
        not_its_own = [giving, self._reports, *(one.orders for one in self._crew)]
        helper = hire(self._team, partial(self._remove, orders, not_its_own, os.getpid()))
        os.close(orders)
        if helper is None:
            os.close(giving)
            return False
        self._crew.append(Remover(helper, giving))
        return True

    @property
    def is_busy(self) -> bool:
        return any(one.trees for one in self._crew)

    @property
    def has_enough(self) -> bool:
        """Whether more had better be given later."""
        items = self._kept.items
        # Where a plan does not know them, orders are as many as fit into a pipe.
        waiting = (max(1, items[n].entries) for one in self._crew for n in islice(one.trees, 1, None))
        return sum(waiting) > AHEAD_ENTRIES

    def give(self, n: int) -> None:
        """Take apart the dead item ``n``."""
        while self._crew:
            one = min(self._crew, key=lambda one: one.load)
            try:
                os.write(one.orders, _ORDER.pack(n))
            except OSError:
                self._lose(one)
                continue
            one.trees.append(n)
            one.load += self._kept.items[n].entries
            return
        try:
            destroy(self._kept, n, self._freed)
        except OSError as error:
            self._ended.append((n, error))
        else:
            self._ended.append((n, None))

    def ended(self, wait_ms: int = 0) -> list[tuple[int, OSError | None]]:
        """Those taken apart since this was asked last, or why not all of one is gone. Waits so long for one, where
        there is none and somebody is at work."""
        if self._crew:
            poll = select.poll()
            for fd in (self._reports, *(one.helper.fd for one in self._crew)):
                poll.register(fd, select.POLLIN)
            ready = {fd for fd, _ in poll.poll(0 if self._ended or not self.is_busy else wait_ms)}
            if self._reports in ready:
                self._hear()
            # None ends by itself before it is told to. With one, others may be found to be gone.
            while (one := next((one for one in self._crew if one.helper.fd in ready), None)) is not None:
                self._lose(one)
        ended, self._ended = self._ended, []
        return ended

    def end(self) -> list[tuple[int, OSError | None]]:
        """Wait until all have ended what they are at; what that was. What they had not begun is ``left``."""
        for one in self._crew:
            os.close(one.orders)
        for one in self._crew:
            self._bury(one)
            self.left += one.trees
            one.trees.clear()
        self._crew.clear()
        for fd in (self._reports, self._telling):
            if fd >= 0:
                os.close(fd)
        self._reports = self._telling = -1
        return self.ended()

    def _bury(self, one: Remover) -> bool:
        """Wait until it has ended what it is at; whether it was killed. Then ``trees`` are those it had not begun."""
        lost: OSError | None = None
        try:
            self._freed.also(one.helper.answer(lambda: True))
        except OSError as error:
            lost = error
        poll = select.poll()
        poll.register(self._reports, select.POLLIN)
        while poll.poll(0):
            self._hear()
        if lost is not None and one.trees:
            # It was killed, or could not tell what came of it.
            self._ended.append((one.trees.popleft(), lost))
        return lost is not None

    def _lose(self, one: Remover) -> None:
        """One has gone before its time: where that was an accident, others do what it had not begun."""
        os.close(one.orders)
        was_killed = self._bury(one)
        self._crew.remove(one)
        if not was_killed:
            self.left += one.trees
            return
        for n in one.trees:
            self.give(n)

    def _hear(self) -> None:
        """Read what is told; there is something."""
        told = self._half + os.read(self._reports, 1 << 16)
        while len(told) >= _REPORT.size:
            n, code, size, length = _REPORT.unpack_from(told)
            if len(told) < _REPORT.size + length:
                break
            words = told[_REPORT.size : _REPORT.size + length].decode(errors="replace")
            told = told[_REPORT.size + length :]
            self._freed.bytes += size
            self._ended.append((n, OSError(code, words) if code else None))
            for one in self._crew:
                if n in one.trees:
                    one.trees.remove(n)
                    one.lighten(self._kept.items[n].entries)
        self._half = told

    def _remove(self, orders: int, not_its_own: Sequence[int], worker: int, stop: Stop) -> list[Names]:
        """What each of the processes does."""
        for fd in not_its_own:
            os.close(fd)
        freed = Freed()

        def removed(status: os.stat_result) -> None:
            freed(status)
            if os.getppid() != worker:
                # Others wait for the store.
                raise InterruptedError(errno.EINTR, "its worker is gone")

        while (order := os.read(orders, _ORDER.size)) and not stop():
            (n,) = _ORDER.unpack(order)
            before, code, words = freed.bytes, 0, b""
            try:
                destroy(self._kept, n, removed)
            except OSError as error:
                code = error.errno or errno.EIO
                words = (error.strerror or str(error)).encode(errors="replace")[:_MAX_WORDS]
            os.write(self._telling, _REPORT.pack(n, code, freed.bytes - before, len(words)) + words)
        return freed.names()
