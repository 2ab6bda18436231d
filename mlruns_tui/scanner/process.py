"""A reader in a process of its own, so that reading never holds up a screen.

Forked before anything heavy is imported. Both ends speak length-prefixed pickles over a socket pair; the
child serves requests while it scans, each time the scan asks whether to stop. It ends when its parent
does, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import queue
import select
import signal
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, Final, NoReturn

from mlruns_tui.model.details import RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.evidence import Evidence
from mlruns_tui.model.protocols import Reader, Stop, never
from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.model.text import safe

from .deltas import Assembler, Delta, difference

_LENGTH = struct.Struct("<Q")
_ASK_STOP_S: Final = 0.05
"""How often a waiting scan asks its caller whether to stop."""
_CLOSE_S: Final = 1.0
"""How long a child is given to end by itself."""
_DEAD: Final = object()


class _Channel:
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


class ReaderProcess:
    """The client's end: the same promises as the reader it was forked from, kept by the child.

    ``scan`` is for one thread at a time; ``inspect`` and ``details`` may be called from others meanwhile.
    Everything raises MlrunsError ``reader-gone`` when the child is no more.
    """

    def __init__(self, channel: _Channel, pid: int, store: StoreInfo) -> None:
        self._channel = channel
        self._pid = pid
        self._store = store
        self._answers: dict[int, queue.SimpleQueue[Any]] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._dead = False
        self._reaped = False
        self._thread = threading.Thread(target=self._receive, name="reader answers", daemon=True)
        self._thread.start()

    @classmethod
    def fork(cls, reader: Reader) -> ReaderProcess:
        """A process that reads with ``reader``. Call it before threads or Textual exist."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _serve_and_exit(reader, _Channel(theirs))
        theirs.close()
        return cls(_Channel(ours), pid, reader.store)

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def store(self) -> StoreInfo:
        return self._store

    def scan(self, previous: Snapshot | None = None, stop: Stop = never) -> Iterator[Snapshot]:
        """See ``model.protocols.Reader``; the child compares with its own newest scan, not ``previous``.

        Blocks between snapshots; leaving the loop early stops the child's scan.
        """
        number, answers = self._ask("scan", None)
        assembler = Assembler()
        stopping = finished = False
        try:
            while True:
                if not stopping and stop():
                    stopping = True
                    self._tell("stop", number)
                try:
                    answer = answers.get(timeout=_ASK_STOP_S)
                except queue.Empty:
                    continue
                kind, value = self._checked(answer)
                if kind == "end":
                    finished = True
                    return
                snapshot = assembler.take(value)
                self._store = snapshot.store
                yield snapshot
        finally:
            if not finished and not stopping:
                self._tell("stop", number)
            self._forget(number)

    def inspect(self, keys: Sequence[str]) -> Evidence:
        return self._request("inspect", list(keys))  # type: ignore[no-any-return]

    def details(self, key: str) -> RunDetails:
        return self._request("details", key)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the child. May be called twice."""
        self._tell("close", 0)
        until = monotonic() + _CLOSE_S
        while not self._reap(os.WNOHANG) and monotonic() < until:
            self._thread.join(0.01)
        if not self._reaped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._reap(0)
        self._channel.close()

    def __enter__(self) -> ReaderProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _request(self, kind: str, argument: object) -> Any:
        number, answers = self._ask(kind, argument)
        try:
            return self._checked(answers.get())[1]
        finally:
            self._forget(number)

    def _ask(self, kind: str, argument: object) -> tuple[int, queue.SimpleQueue[Any]]:
        with self._lock:
            if self._dead:
                raise self._gone()
            self._next += 1
            number = self._next
            answers = self._answers[number] = queue.SimpleQueue()
        try:
            self._channel.send((kind, number, argument))
        except OSError:
            self._forget(number)
            raise self._gone() from None
        return number, answers

    def _tell(self, kind: str, number: int) -> None:
        with contextlib.suppress(OSError):
            self._channel.send((kind, number, None))

    def _forget(self, number: int) -> None:
        with self._lock:
            self._answers.pop(number, None)

    def _checked(self, answer: Any) -> tuple[str, Any]:
        if answer is _DEAD:
            raise self._gone()
        kind, value = answer
        if kind == "error":
            raise value
        return kind, value

    def _gone(self) -> MlrunsError:
        return MlrunsError(
            "reader-gone",
            "the process that reads the store has ended; nothing was changed",
            path=self._store.root,
            hint="open the store again",
        )

    def _receive(self) -> None:
        """Hand each answer to whoever waits for it, until the child is gone."""
        try:
            while True:
                number, kind, value = self._channel.receive()
                with self._lock:
                    answers = self._answers.get(number)
                if answers is not None:
                    answers.put((kind, value))
        except (EOFError, OSError):
            pass
        finally:
            with self._lock:
                self._dead = True
                waiting = list(self._answers.values())
            for answers in waiting:
                answers.put(_DEAD)

    def _reap(self, how: int) -> bool:
        if not self._reaped:
            try:
                self._reaped = os.waitpid(self._pid, how)[0] != 0
            except ChildProcessError:
                self._reaped = True
        return self._reaped


def _serve_and_exit(reader: Reader, channel: _Channel) -> NoReturn:
    """The child's whole life. It never returns into the parent's code, nor runs its exit handlers."""
    status = 1
    try:
        # Ctrl-C in the terminal is the parent's to answer; it will tell.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        # What the parent made before stays shared memory and is never looked through.
        gc.freeze()
        _Server(reader, channel).run()
        status = 0
    except (EOFError, OSError):
        status = 0
    finally:
        os._exit(status)


class _Closed(Exception):
    """The parent wants the child to end."""


class _Server:
    """Answers one request after the other; those that come during a scan, in the middle of it."""

    def __init__(self, reader: Reader, channel: _Channel) -> None:
        self._reader = reader
        self._channel = channel
        self._scanning = 0
        """Number of the scan that is going on."""
        self._stop = False
        self._later: list[tuple[str, int, Any]] = []
        self._last: Snapshot | None = None

    def run(self) -> None:
        """Until the parent closes or goes away."""
        with contextlib.suppress(_Closed):
            while True:
                self._handle(self._later.pop(0) if self._later else self._channel.receive())

    def _handle(self, message: tuple[str, int, Any]) -> None:
        kind, number, argument = message
        if kind == "close":
            raise _Closed
        if kind == "stop":
            self._stop = self._stop or number == self._scanning
            for one in [one for one in self._later if one[1] == number]:
                self._later.remove(one)
                self._channel.send((number, "end", None))
        elif kind == "scan":
            if self._scanning:
                self._later.append(message)
            else:
                self._answer(number, "end", lambda: self._scan(number))
        elif kind == "inspect":
            self._answer(number, "value", lambda: self._reader.inspect(argument))
        elif kind == "details":
            self._answer(number, "value", lambda: self._reader.details(argument))

    def _answer(self, number: int, kind: str, work: Any) -> None:
        try:
            value = work()
        except MlrunsError as error:
            kind, value = "error", error
        except (_Closed, EOFError, BrokenPipeError, ConnectionError):
            raise
        except Exception as error:
            message = f"reading failed: {type(error).__name__}: {safe(str(error), 300)}; nothing was changed"
            kind, value = "error", MlrunsError("reader-failed", message, path=self._reader.store.root)
        self._channel.send((number, kind, value))

    def _scan(self, number: int) -> None:
        self._scanning, self._stop = number, False
        sent: Snapshot | None = None
        try:
            for snapshot in self._reader.scan(self._last, self._asked):
                delta: Delta = difference(sent, snapshot)
                sent = snapshot
                self._channel.send((number, "delta", delta))
                self._asked()
        finally:
            self._scanning = 0
            self._last = sent or self._last

    def _asked(self) -> bool:
        """Serve what came meanwhile; whether the scan is to stop."""
        while self._channel.waiting():
            self._handle(self._channel.receive())
        return self._stop
