"""A process that helps reading: forked, given slices of work over a socket, ended when it is not needed.

It changes nothing and holds nothing but the root and its socket, so it may be killed at any moment, and
ends by itself when its parent does.
"""

from __future__ import annotations

import errno
import gc
import marshal
import os
import signal
import socket
import struct
import time
from collections import deque
from typing import Any, Final, NoReturn

from mlruns_tui.disk import look

from .effort import Effort
from .pulse import Pulse
from .tasks import Row, Slice, Work

_TELL_S: Final = 0.02
"""A helper sends what it has this often, so that stopping loses next to nothing."""
_LENGTH = struct.Struct("<Q")


class Helper:
    """One process of the crew, seen from outside."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        self.pid = pid
        self.end = end
        self.slices: deque[Slice] = deque()

    def send(self, one: Slice) -> None:
        self.slices.append(one)
        put(self.end, (one.task.work, one.task.path, one.names, one.task.about))

    @classmethod
    def fork(cls, root_fd: int, works: dict[str, Work]) -> Helper | None:
        """A new helper, or None where no process may be had. Call it where no thread runs."""
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            return None
        try:
            pid = os.fork()
        except OSError:
            # Too many processes, or too little memory: those that are there go on.
            ours.close()
            theirs.close()
            return None
        if pid == 0:
            _help_and_exit(theirs, root_fd, works)
        theirs.close()
        return cls(pid, ours)


class Folder:
    """The folder opened last: slices of one task come one after the other."""

    def __init__(self, root_fd: int) -> None:
        self._root_fd = root_fd
        self._path: str | None = None
        self._fd = -1

    def open(self, path: str) -> int:
        if path != self._path:
            self.close()
            self._fd = look.open_path(self._root_fd, path)
            self._path = path
        return self._fd

    def close(self) -> None:
        if self._path is not None:
            os.close(self._fd)
            self._path = None


def put(end: socket.socket, message: Any) -> None:
    """Send a whole message. Raises OSError."""
    data = marshal.dumps(message)
    end.sendall(_LENGTH.pack(len(data)) + data)


def get(end: socket.socket) -> Any:
    """Receive a whole message. Raises EOFError, OSError."""
    (length,) = _LENGTH.unpack(_exactly(end, _LENGTH.size))
    return marshal.loads(_exactly(end, length))


def _exactly(end: socket.socket, length: int) -> bytes:
    data = end.recv(length)
    while data and len(data) < length:
        more = end.recv(length - len(data))
        if not more:
            break
        data += more
    if len(data) < length:
        raise EOFError
    return data


_late: set[int] = set()
"""Ended, but not collected yet: they hung in the kernel, or the machine was busy."""


def reap(pid: int, within_s: float = 0.1) -> int | None:
    """Collect an ended process; its status. One that takes longer is collected some other time."""
    until = time.monotonic() + within_s
    while True:
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            _late.discard(pid)
            return None
        if done:
            _late.discard(pid)
            return status
        if time.monotonic() >= until:
            _late.add(pid)
            return None
        time.sleep(0.0005)


def reap_late() -> None:
    """Collect those that took longer."""
    for pid in tuple(_late):
        reap(pid, 0)


def _help_and_exit(end: socket.socket, root_fd: int, works: dict[str, Work]) -> NoReturn:
    """A helper's whole life: it never returns into the code it was forked from."""
    try:
        # Ctrl-C in the terminal is for the parent, which ends its helpers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        gc.disable()
        _close_others({end.fileno(), root_fd})
        _serve(end, root_fd, works)
    except BaseException:
        # Nobody may see a traceback of it; the parent sees that it ended.
        pass
    finally:
        os._exit(0)


def _close_others(kept: set[int]) -> None:
    """Whoever waits for the end of a pipe or socket must not wait for this process."""
    before = 2
    for one in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(before + 1, one)
        before = one


def _serve(end: socket.socket, root_fd: int, works: dict[str, Work]) -> None:
    parent = os.getppid()
    pulse = Pulse(lambda: os.getppid() != parent)
    folder = Folder(root_fd)
    effort = Effort(1)
    while True:
        kind, path, names, about = get(end)
        try:
            fd = folder.open(path)
        except OSError as error:
            put(end, (None, (error.errno or errno.EIO, error.strerror or str(error)), None))
            continue
        work = works[kind]
        at = 0
        while at < len(names):
            rows: list[Row] = []
            with effort.measured():
                until = time.monotonic() + _TELL_S
                while at < len(names) and (not rows or time.monotonic() < until):
                    rows.append(work(fd, names[at], about, pulse))
                    at += 1
            put(end, (rows, None, effort.last))
