"""One sweep over many trees, with one process a core.

A helper is forked for one sweep, reads, tells what it saw, and is gone before the sweep returns: whoever
changes something never does so beside one, and a lock is never held by one. It changes nothing, so it may die at
any moment; what it had is looked at again.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import pairwise
from struct import Struct
from typing import Any, Final, NoReturn

from mlruns_tui.model.protocols import Stop, never

WORTH: Final = 6_000
"""Entries below which a sweep takes less time than a helper needs to come and go."""
MOST: Final = 8
_SLICES: Final = 1_000
"""At most so many pieces of work: their numbers must fit into a pipe of one page."""
_SLICE_ENTRIES: Final = 400
_NUMBER = Struct("<I")


def is_worth_sharing(entries: int) -> bool:
    """Whether more than one process would look at so many files and directories."""
    return entries >= WORTH and cores() > 1 and _is_single_threaded()


def share(
    work: Callable[[int], Any],
    weights: Sequence[int],
    fds: Collection[int],
    *,
    until: float = float("inf"),
    stop: Stop = never,
) -> list[Any]:
    """``[work(0), work(1), …]``, one for each of the ``weights`` (about how many entries it looks at).

    ``work`` only reads, by the descriptors ``fds`` alone, and returns what ``marshal`` takes. After ``until`` (of
    ``time.monotonic``), or when told to ``stop``, nothing more is begun: then only the first results are there, of
    the first piece of work at least (none after a stop). What ``work`` raises is raised.
    """
    bounds = _bounds(weights)
    pieces = [range(start, end) for start, end in pairwise(bounds)]
    if len(pieces) < 2 or not is_worth_sharing(sum(weights)):
        return _alone(work, pieces, until, stop)
    try:
        numbers, writing = os.pipe()
    except OSError:
        return _alone(work, pieces, until, stop)
    try:
        os.write(writing, b"".join(map(_NUMBER.pack, range(len(pieces)))))
    finally:
        os.close(writing)
    helpers: dict[int, int] = {}
    try:
        for _ in range(min(cores(), MOST, len(pieces)) - 1):
            if not _hire(helpers, work, pieces, numbers, fds, until):
                break
        done: dict[int, list[Any]] = {}
        while not stop() and (not done or time.monotonic() < until) and (at := _take(numbers)) is not None:
            done[at] = [work(n) for n in pieces[at]]
        # What nobody has taken by now, nobody shall take.
        first_left = len(pieces) if (at := _take(numbers)) is None else at
        while _take(numbers) is not None:
            pass
        for pid in list(helpers):
            done.update(_told(helpers[pid]))
            os.close(helpers.pop(pid))
            os.waitpid(pid, 0)
        for at in range(first_left):
            if at not in done:
                done[at] = [work(n) for n in pieces[at]]
        return [one for at in range(first_left) for one in done[at]]
    finally:
        os.close(numbers)
        for pid, fd in helpers.items():
            os.close(fd)
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _alone(work: Callable[[int], Any], pieces: Sequence[range], until: float, stop: Stop) -> list[Any]:
    done: list[Any] = []
    for piece in pieces:
        if stop() or (done and time.monotonic() >= until):
            break
        done += [work(n) for n in piece]
    return done


def _bounds(weights: Sequence[int]) -> list[int]:
    """Where each piece of the work begins, and where the last one ends."""
    most = max(_SLICE_ENTRIES, -(-sum(weights) // _SLICES))
    bounds, here = [0], 0
    for n, weight in enumerate(weights):
        here += max(1, weight)
        if here >= most:
            bounds.append(n + 1)
            here = 0
    if here:
        bounds.append(len(weights))
    return bounds


def _take(numbers: int) -> int | None:
    """The number of a piece of work nobody has taken; None when all are."""
    taken = os.read(numbers, _NUMBER.size)
    return _NUMBER.unpack(taken)[0] if taken else None


def _hire(
    helpers: dict[int, int],
    work: Callable[[int], Any],
    pieces: Sequence[range],
    numbers: int,
    fds: Collection[int],
    until: float,
) -> bool:
    """Fork one more helper, noted with the descriptor its results come from. False where none may be had."""
    try:
        reading, telling = os.pipe()
    except OSError:
        return False
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(telling)
        return False
    if pid == 0:
        _help_and_exit(work, pieces, numbers, telling, fds, until, parent)
    os.close(telling)
    helpers[pid] = reading
    return True


def _help_and_exit(
    work: Callable[[int], Any],
    pieces: Sequence[range],
    numbers: int,
    telling: int,
    fds: Collection[int],
    until: float,
    parent: int,
) -> NoReturn:
    """A helper's whole life: it never returns into the code it was forked from."""
    try:
        # Ctrl-C in the terminal is for the parent, which ends its helpers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        gc.disable()
        _close_others({numbers, telling, *fds})
        done = []
        while time.monotonic() < until and (at := _take(numbers)) is not None:
            rows = []
            for n in pieces[at]:
                if os.getppid() != parent:
                    os._exit(0)
                rows.append(work(n))
            done.append((at, rows))
        view = memoryview(marshal.dumps(done))
        while view:
            view = view[os.write(telling, view) :]
    except BaseException:
        # Nobody may see a traceback of it; the parent sees that something is missing.
        pass
    finally:
        os._exit(0)


def _told(fd: int) -> list[tuple[int, list[Any]]]:
    """What a helper found; nothing of one that did not come to its end."""
    received = []
    while more := os.read(fd, 1 << 20):
        received.append(more)
    try:
        return list(marshal.loads(b"".join(received)))
    except (EOFError, ValueError, TypeError):
        return []


def cores() -> int:
    """Processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _is_single_threaded() -> bool:
    """Whether a fork is safe: another thread may hold a lock nobody would ever give back in the copy."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return True


def _close_others(kept: Collection[int]) -> None:
    """Whoever waits for the end of a pipe or socket, or for a lock, must not wait for this process."""
    before = -1
    for one in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(before + 1, one)
        before = one
