"""One piece of work in several parts at once, each but the last in a process forked for it.

A part changes only what no other part touches, and what it answers is a value of ``marshal``. The copies share the
worker's locks: whoever waits for the store waits for them too. A part whose parent is gone is told to stop.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import marshal
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mlruns_tui.model.protocols import Stop

MOST = 4
LOOK_S = 0.05
"""How often somebody who waits for the others looks whether all are to stop."""

Job = Callable[[Stop], Any]
"""A part of the work. It is given what says whether to stop."""


class Answer:
    """What came of a part."""

    def __init__(self, value: Any = None, error: OSError | None = None) -> None:
        self._value, self._error = value, error

    def get(self) -> Any:
        """What the part answered. Raises the OSError it ended with; one of its own for a process that was killed, or
        broke off."""
        if self._error is not None:
            raise self._error
        return self._value


def workers() -> int:
    """How many parts may be at work at once: one where a copy of this process would not be safe."""
    if not hasattr(os, "fork"):
        return 1
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        return 1
    try:
        # Of threads that Python does not know.
        if len(os.listdir("/proc/self/task")) > 1:
            return 1
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST)


def together(jobs: Sequence[Job], stop: Stop) -> list[Answer]:
    """Do all of them, the last in this process; in their order what each answered.

    Raises whatever but OSError the last one raises, after the others have ended.
    """
    *others, own = jobs
    helpers: list[_Helper | None] = []
    try:
        helpers += [_Helper.fork(job, stop) for job in others]
        last = _do(own, stop)
        found: list[Answer] = []
        for job, helper in zip(others, helpers, strict=True):
            # No process could be had: it comes after the others.
            found.append(_do(job, stop) if helper is None else helper.answer(stop))
        return [*found, last]
    finally:
        for helper in helpers:
            if helper is not None:
                helper.end()


def _do(job: Job, stop: Stop) -> Answer:
    try:
        return Answer(job(stop))
    except OSError as error:
        return Answer(error=error)


class _Helper:
    """A process at work on a part."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        self._pid, self._end = pid, end
        self._ended = False

    @classmethod
    def fork(cls, job: Job, stop: Stop) -> _Helper | None:
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            return None
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            # Too many processes, or too little memory.
            ours.close()
            theirs.close()
            return None
        if pid == 0:
            ours.close()
            _work_and_exit(job, stop, parent, theirs)
        theirs.close()
        return cls(pid, ours)

    def answer(self, stop: Stop) -> Answer:
        """Wait for it."""
        parts: list[bytes] = []
        self._end.settimeout(LOOK_S)
        while True:
            if stop():
                # Again and again: a process that has just been forked forgets what came before it was ready.
                os.kill(self._pid, signal.SIGTERM)
            try:
                part = self._end.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                break
            if not part:
                break
            parts.append(part)
        os.waitpid(self._pid, 0)
        self._ended = True
        try:
            value, code, words = marshal.loads(b"".join(parts))
        except (EOFError, ValueError, TypeError):
            return Answer(error=OSError(errno.EINTR, "a process that helped ended without an answer"))
        return Answer(error=OSError(code, words)) if words else Answer(value)

    def end(self) -> None:
        """Nobody wants its answer any more."""
        if not self._ended:
            self.answer(lambda: True)
        self._end.close()


def _work_and_exit(job: Job, stop: Stop, parent: int, end: socket.socket) -> NoReturn:
    """A helper's whole life: it never returns into the code it was forked from."""
    try:
        told = False

        def tell(*_: object) -> None:
            nonlocal told
            told = True

        signal.signal(signal.SIGTERM, tell)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.disable()
        try:
            answer = (job(lambda: told or stop() or os.getppid() != parent), 0, "")
        except OSError as error:
            answer = (None, error.errno or errno.EIO, error.strerror or str(error) or "failed")
        end.sendall(marshal.dumps(answer))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(0)
