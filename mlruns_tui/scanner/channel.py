"""Whole messages between two processes: length-prefixed pickles over a socket pair."""

from __future__ import annotations

import contextlib
import pickle
import select
import socket
import struct
import threading
from typing import Any

_LENGTH = struct.Struct("<Q")


class Channel:
    """Whole messages over a socket. Sending is safe from several threads."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()

    def send(self, message: object) -> None:
        """Raises OSError when the other side is gone."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._sending:
            self._end.sendall(_LENGTH.pack(len(data)))
            self._end.sendall(data)

    def receive(self) -> Any:
        """The next message. Raises EOFError, OSError when the other side is gone."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return pickle.loads(self._exactly(length))

    def _exactly(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            number = self._end.recv_into(view)
            if not number:
                raise EOFError
            view = view[number:]
        return data

    def waiting(self, timeout_s: float = 0) -> bool:
        """Whether there is something to receive, the end included."""
        return bool(select.select([self._end], [], [], timeout_s)[0])

    def close(self) -> None:
        # Wakes a thread that is receiving, which closing alone does not.
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()
