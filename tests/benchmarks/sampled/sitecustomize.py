"""Notes a thousand times a second where a Python process is, from its start to its end; forked copies too.

Python loads a module of this name by itself where it is on the path. Off unless ``SAMPLES_INTO`` names a
folder; each process writes a file there, one line a sample: the moment (``time.perf_counter``, seconds), the milliseconds
since the last one by the clock and of processor time, and the place. In no thread of its own, since a process
with two does not fork.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from types import FrameType

EVERY_S = 0.001
AT_ONCE = 20
"""Lines written together: as many are lost of a process that is killed."""


class Samples:
    """The samples of one process."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.begin()

    def begin(self) -> None:
        """Sample this process; in a copy, forget what was its parent's."""
        self._kept: list[str] = []
        self._last = time.perf_counter(), time.process_time()
        signal.setitimer(signal.ITIMER_REAL, EVERY_S, EVERY_S)

    def take(self, number: int, frame: FrameType | None) -> None:
        now = time.perf_counter(), time.process_time()
        clock, processor = (1000 * (one - other) for one, other in zip(now, self._last, strict=True))
        self._last = now
        self._kept.append(f"{now[0]:.4f} {clock:.3f} {processor:.3f} {place(frame)}\n")
        if len(self._kept) >= AT_ONCE:
            self.write()

    def end(self) -> None:
        """Before the interpreter takes its handlers away: the next signal would kill it."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.write()

    def write(self) -> None:
        kept, self._kept = self._kept, []
        # Opened anew: a helper closes what it did not open.
        with open(os.path.join(self._folder, str(os.getpid())), "a", encoding="utf-8", errors="replace") as file:
            file.writelines(kept)


def place(frame: FrameType | None) -> str:
    """``import NAME`` while a package is loaded, else the innermost function; the standard library counts as
    whoever called it."""
    inner = outer = ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "?"))
        if name == "importlib._bootstrap" and frame.f_code.co_name == "_find_and_load":
            top = str(frame.f_locals.get("name", "?")).partition(".")[0]
            if top not in sys.stdlib_module_names:
                return f"import {top}"
        elif not outer and name.partition(".")[0] not in sys.stdlib_module_names:
            outer = f"{name.removeprefix('mlruns_tui.')}.{frame.f_code.co_name}"
        inner = inner or f"{name}.{frame.f_code.co_name}"
        frame = frame.f_back
    return outer or inner


def watch(folder: str) -> None:
    samples = Samples(folder)
    signal.signal(signal.SIGALRM, samples.take)
    os.register_at_fork(after_in_child=samples.begin)
    atexit.register(samples.end)
    leave = os._exit

    def leave_and_write(status: int) -> None:
        samples.end()
        leave(status)

    os._exit = leave_and_write  # type: ignore[assignment]


if "SAMPLES_INTO" in os.environ and sys.platform == "linux":
    watch(os.environ["SAMPLES_INTO"])
