"""Reading begins before anything else: while the screen is still being loaded, the store is being read.

The process is forked with next to nothing imported, opens the store itself, and scans it at once. What it
finds waits in its socket until somebody asks for the first scan.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from mlruns_tui.model.errors import MlrunsError

from .channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from .keeping import Keeper
    from .process import ReaderProcess

_NICE = 5
FIRST = -1
"""Number of the scan nobody asked for."""


class Starting:
    """A reader process that is opening its store."""

    def __init__(self, channel: Channel, pid: int) -> None:
        self._channel = channel
        self._pid = pid

    @classmethod
    def fork(
        cls, target: str | None, database: str | None = None, keeper: Callable[[], Keeper] | None = None
    ) -> Starting:
        """``keeper`` is called in the new process. Call it before threads or Textual exist. Raises OSError where
        no process may be had."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _open_and_serve(target, database, keeper, Channel(theirs))
        theirs.close()
        channel = Channel(ours)
        channel.send(("scan", FIRST, None))
        return cls(channel, pid)

    def opened(self) -> ReaderProcess:
        """Wait until the store is open. Raises UsageError when there is none."""
        from .begun import Begun

        try:
            answer = self._channel.receive()
        except (EOFError, OSError):
            answer = MlrunsError("reader-gone", "the process that reads the store has ended; nothing was changed")
        if not isinstance(answer, MlrunsError):
            return Begun(self._channel, self._pid, answer)
        self._channel.close()
        os.waitpid(self._pid, 0)
        raise answer


def _open_and_serve(
    target: str | None, database: str | None, keeper: Callable[[], Keeper] | None, channel: Channel
) -> None:
    try:
        from .serving import serve_and_exit
        from .store import open_store

        try:
            reader = open_store(target, database, keeper() if keeper is not None else None)
        except MlrunsError as error:
            channel.send(error)
            os._exit(0)
        channel.send(reader.store)
        reader.small = True
        # Once the screen has something to show, it comes first, and whoever trains on this machine.
        serve_and_exit(reader, channel, lambda: os.nice(_NICE))
    finally:
        # Never back into the parent's code.
        os._exit(1)
