"""What the threads behind the screen tell it, and what its parts tell each other."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from mlruns_tui.model.store import Snapshot


class SnapshotRead(Message):
    """A scan got further. Only the newest one waiting matters."""

    def __init__(self, snapshot: Snapshot, scan: int) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.scan = scan
        """Which scan it belongs to: one that was given up may still speak."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotRead)


class ReadingEnded(Message):
    """A scan is over; ``error`` when the store could not be read on."""

    def __init__(self, scan: int, error: Exception | None = None) -> None:
        super().__init__()
        self.scan = scan
        self.error = error


class RunsChecked(Message):
    """A check looked at so many runs. Only the newest number waiting matters."""

    def __init__(self, count: int, check: int) -> None:
        super().__init__()
        self.count = count
        self.check = check
        """Which check it belongs to: one that was given up may still speak."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsChecked)


class Returned(Message):
    """Work on another thread is done; ``call`` takes its result in on the screen's own thread."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self.call = call


class RunCommand(Message):
    """Somebody (a click, the palette, the help) asks for a command."""

    def __init__(self, command_id: str) -> None:
        super().__init__()
        self.command_id = command_id
