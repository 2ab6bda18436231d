"""Copies of this process that do one thing each, tell what came of it, and are gone.

Signals wait while one is forked: none is forgotten, and no handler runs in a copy that still believes to be its
parent. A copy keeps the descriptors it was forked with, and with them the locks, until it ends, or only those it is
left. It learns of its parent's death by looking, which it does whenever it asks whether to stop.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import marshal
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from typing import Any, Final, NoReturn

from mlruns_tui.model.protocols import Stop, never

LOOK_MS: Final = 50
"""How often somebody who waits for a helper looks whether it is to stop."""
Work = Callable[[Stop], Any]
"""What a helper does. It is given what says whether to stop, and returns what ``marshal`` takes."""


class Helper:
    """A process at work for this one. Made by ``hire``."""

    def __init__(self, pid: int, fd: int) -> None:
        self._pid, self._fd = pid, fd
        self._ended = False

    def answer(self, stop: Stop = never) -> Any:
        """What its work returned, once it has ended; as long as ``stop`` says so, it is told to stop.

        Raises the OSError its work raised; one of its own for a helper that was killed, or broke off.
        """
        received: list[bytes] = []
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while True:
            if stop():
                os.kill(self._pid, signal.SIGTERM)
            if poll.poll(LOOK_MS):
                if not (more := os.read(self._fd, 1 << 20)):
                    break
                received.append(more)
        self._bury()
        try:
            value, code, words = marshal.loads(b"".join(received))
        except (EOFError, ValueError, TypeError):
            raise OSError(errno.EINTR, "a process that helped ended without an answer") from None
        if words:
            raise OSError(code, words)
        return value

    def end(self) -> None:
        """Nobody wants its answer any more: wait until it has stopped."""
        if not self._ended:
            with contextlib.suppress(OSError):
                self.answer(lambda: True)

    def kill(self) -> None:
        """The same for one that changes nothing."""
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            self._bury()

    def _bury(self) -> None:
        self._ended = True
        os.close(self._fd)
        # Where the system was told to bury children by itself, it has.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    @property
    def fd(self) -> int:
        """Where its answer comes from; -1 once it has ended."""
        return -1 if self._ended else self._fd


def hire(team: list[Helper], work: Work, only: Collection[int] | None = None) -> Helper | None:
    """Fork a helper, which is in the ``team`` before anything can interrupt this. None where none may be had.

    ``only``: the descriptors it is left, None for all but the answers of the team.
    """
    try:
        reading, telling = os.pipe()
    except OSError:
        return None
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            others = [reading, *(one.fd for one in team if one.fd >= 0)]
            _live(work, parent, telling, before, others, only)
        team.append(Helper(pid, reading))
    except OSError:
        # Too many processes, or too little memory.
        os.close(reading)
        return None
    finally:
        os.close(telling)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return team[-1]


def _live(
    work: Work,
    parent: int,
    telling: int,
    mask: Collection[int],
    others: Collection[int],
    only: Collection[int] | None,
) -> NoReturn:
    """A helper's whole life: it never returns into the code it was forked from."""
    try:
        told = False

        def tell(*_: object) -> None:
            nonlocal told
            told = True

        # What the terminal sends is for the parent, which tells its helpers.
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, tell)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        gc.disable()
        if only is None:
            for fd in others:
                os.close(fd)
        else:
            _close_all_but({telling, *only})
        try:
            answer = (work(lambda: told or os.getppid() != parent), 0, "")
        except OSError as error:
            answer = (None, error.errno or errno.EIO, error.strerror or str(error) or "failed")
        view = memoryview(marshal.dumps(answer))
        while view:
            view = view[os.write(telling, view) :]
    except OSError:
        # Its answer cannot be told, most likely because nobody is there any more.
        pass
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(0)


def _close_all_but(kept: Collection[int]) -> None:
    """Whoever waits for the end of a pipe or socket, or for a lock, must not wait for this process."""
    before = -1
    for one in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(before + 1, one)
        before = one
