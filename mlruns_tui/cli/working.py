"""Following the worker from a command: progress, and Ctrl-C as a wish to stop after the item at hand."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mlruns_tui.model.batch import ApplyEvent, Batch
from mlruns_tui.report.words import size_text
from mlruns_tui.workflow.changing import Task, follow

from .console import Progress, tell

_DOING = {
    "move": "moving to a backup",
    "purge": "deleting for good",
    "restore": "putting back",
    "verify": "verifying",
    "pack": "packing",
}


class Interruption:
    """Whether somebody pressed Ctrl-C (or asked us to end) while the worker was at it."""

    def __init__(self) -> None:
        self.happened = False


@contextmanager
def stopping(task: Task) -> Iterator[Interruption]:
    """While inside, SIGINT and SIGTERM ask the worker to stop instead of ending us. A hang-up ends us alone."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def stop(number: int, frame: FrameType | None) -> None:
        interruption.happened = True
        task.stop()

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
        with stopping(task) as interruption:
            batch = follow(task, show)
    finally:
        progress.end()
    if interruption.happened and not quiet:
        tell("mlruns-tui: interrupted; what was done is said, the rest is where it was")
    return batch, interruption.happened
