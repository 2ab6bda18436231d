"""Following the worker from a command: progress, and Ctrl-C as a wish to stop after the item at hand.

A second Ctrl-C leaves the worker to itself and says what goes on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mlruns_tui.model.batch import ApplyEvent, Batch
from mlruns_tui.model.errors import Exit, MlrunsError
from mlruns_tui.report.words import size_text
from mlruns_tui.workflow.changing import follow
from mlruns_tui.workflow.task import Task

from .console import Progress, tell

_DOING = {
    "move": "moving to a backup",
    "purge": "deleting for good",
    "restore": "putting back",
    "verify": "verifying",
    "pack": "packing",
}


_STOPPING = b"\nmlruns-tui: stopping after the item at hand; Ctrl-C again leaves it to do that by itself\n"


class Interruption:
    """Whether somebody pressed Ctrl-C (or asked us to end) while the worker was at it."""

    def __init__(self) -> None:
        self.happened = False


class LeftBehind(MlrunsError):
    """Ctrl-C twice: the command ends before the worker does."""

    exit_code = Exit.INTERRUPTED

    def __init__(self, pid: int) -> None:
        super().__init__(
            "interrupted",
            f"left the work to itself: its process {pid} finishes the item at hand and then stops; the rest is where "
            "it was",
            hint="mlruns-tui log shows what was done, mlruns-tui undo takes it back",
        )


@contextmanager
def stopping(task: Task, *, quiet: bool = False) -> Iterator[Interruption]:
    """While inside, SIGINT and SIGTERM ask the worker to stop instead of ending us. A hang-up ends us alone.

    Raises LeftBehind for the second of them.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if interruption.happened:
            raise LeftBehind(task.pid)
        interruption.happened = True
        task.stop()
        if not quiet:
            # Not through a stream: this may have come in the middle of a write to it.
            with contextlib.suppress(OSError):
                os.write(2, _STOPPING)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finish(task: Task, *, quiet: bool = False) -> tuple[Batch, bool]:
    """What became of the work, and whether it was interrupted. Raises the worker's MlrunsError."""
    progress = Progress(not quiet)

    def show(event: ApplyEvent) -> None:
        told = "  stopping after this item" if interruption.happened else ""
        much = f"{size_text(event.bytes_done)} of {size_text(event.bytes_total)}"
        progress.show(f"{_DOING[event.phase]}  {event.done:,} of {event.total:,}, {much}{told}")

    try:
        with stopping(task, quiet=quiet) as interruption:
            batch = follow(task, show)
    finally:
        progress.end()
    if interruption.happened and not quiet:
        tell("mlruns-tui: interrupted; what was done is said, the rest is where it was")
    return batch, interruption.happened
