"""A program in a pseudo-terminal, watched as a user sees it: whole frames, and the text on the screen.

The terminal says that it knows synchronized output (mode 2026), so Textual brackets every frame, and the
moment a frame ends is known exactly. Only what Textual writes is understood: moves, text, colours (which are
passed over).
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rich.cells import cell_len

_SEQUENCE = re.compile(
    rb"\x1b\[(?P<csi>[0-?]*)[ -/]*(?P<final>[@-~])"
    rb"|\x1b\](?:[^\x07\x1b]|\x1b[^\\])*(?:\x07|\x1b\\)"
    rb"|\x1b[PX^_](?:[^\x1b]|\x1b[^\\])*\x1b\\"
    rb"|\x1b(?![\[\]PX^_])[ -/]*[0-~]"
)
_ASKS_SYNC = b"\x1b[?2026$p"
_KNOWS_SYNC = b"\x1b[?2026;2$y"
_FRAME_ENDS = b"\x1b[?2026l"


class TooSlow(Exception):
    """What was waited for did not appear; the message shows the end of what did."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: when its last byte was read (``time.perf_counter``), and the screen's lines after it."""

    at: float
    lines: tuple[str, ...]


class Canvas:
    """The characters of a screen."""

    def __init__(self, columns: int, lines: int) -> None:
        self._columns = columns
        self._cells = [[" "] * columns for _ in range(lines)]
        self._x = self._y = 0
        self._rest = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple("".join(line) for line in self._cells)

    def feed(self, data: bytes) -> None:
        """Any piece of output: a sequence or character cut in two is finished by the next piece."""
        data = self._rest + data
        at = 0
        for found in _SEQUENCE.finditer(data):
            self._text(data[at : found.start()])
            at = found.end()
            if found["final"] == b"H":
                self._go(found["csi"])
            elif found["final"] == b"J" and found["csi"] == b"2":
                self._cells = [[" "] * self._columns for _ in self._cells]
        begun = data.find(b"\x1b", at)
        end = len(data) if begun < 0 else begun
        self._text(data[at:end])
        self._rest = data[end:]

    def _go(self, where: bytes) -> None:
        line, _, column = where.partition(b";")
        self._y, self._x = int(line or 1) - 1, int(column or 1) - 1

    def _text(self, data: bytes) -> None:
        for character in self._decoder.decode(data):
            if character == "\n":
                self._y, self._x = self._y + 1, 0
            elif character == "\r":
                self._x = 0
            elif character >= " ":
                width = cell_len(character)
                if 0 <= self._y < len(self._cells) and self._x < self._columns:
                    line = self._cells[self._y]
                    line[self._x] = character
                    for x in range(self._x + 1, min(self._x + width, self._columns)):
                        line[x] = ""
                self._x += width


class Terminal:
    """Starts a program at once. Use as a context: what still runs at the end is killed."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 140, lines: int = 40
    ) -> None:
        self._canvas = Canvas(columns, lines)
        self._rest = b""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.started = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:
            _become(command, environment, slave)
        os.close(slave)
        os.set_blocking(master, False)
        self._fd = master
        self._read_at = self.started
        self._ended = False

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self._fd)

    def press(self, keys: bytes) -> float:
        """Type; the moment it was typed."""
        at = time.perf_counter()
        os.write(self._fd, keys)
        return at

    def frame(self, timeout: float) -> Frame | None:
        """The next whole frame, None when none ends in so many seconds."""
        until = time.perf_counter() + timeout
        while True:
            end = self._rest.find(_FRAME_ENDS)
            if end >= 0:
                data, self._rest = self._rest[:end], self._rest[end + len(_FRAME_ENDS) :]
                return self._shown(data)
            if not self._wait(until):
                return None

    def until(self, shown: Callable[[Frame], bool], timeout: float = 60) -> Frame:
        """The first moment at which ``shown``, in a whole frame or in pieces of one. Raises TooSlow."""
        until = time.perf_counter() + timeout
        while self._wait(until):
            data, self._rest = self._rest, b""
            frame = self._shown(data)
            if shown(frame):
                return frame
        lines = [line.strip() for line in self._canvas.lines if line.strip()]
        why = "the program ended" if self._ended else f"not in {timeout:.0f} s"
        raise TooSlow(f"{why}; last seen: {' / '.join(lines[-6:])[:400]}")

    def _wait(self, until: float) -> bool:
        """Read what comes; False when nothing comes in time or will ever come."""
        left = until - time.perf_counter()
        if left <= 0 or self._ended:
            return False
        if select.select([self._fd], [], [], left)[0]:
            self._read()
        return True

    def _shown(self, data: bytes) -> Frame:
        self._canvas.feed(data)
        return Frame(self._read_at, self._canvas.lines)

    def now(self) -> Frame:
        """The screen as it stands, with what came so far."""
        return Frame(self._read_at, self._canvas.lines)

    def quiet(self, seconds: float, timeout: float = 60) -> None:
        """Return when nothing was painted for so long."""
        limit = time.perf_counter() + timeout
        while time.perf_counter() < limit:
            if self.frame(seconds) is None:
                return

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._read_at = time.perf_counter()
            if not data:
                self._ended = True
                return
            if _ASKS_SYNC in data:
                os.write(self._fd, _KNOWS_SYNC)
            self._rest += data
            if _FRAME_ENDS in data:
                return


def _become(command: Sequence[str], environment: Mapping[str, str], slave: int) -> None:
    """In the child: the terminal's session, then the program."""
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        os.execvpe(command[0], list(command), dict(environment))
    finally:
        os._exit(127)
