"""A reader in a process of its own, so that reading never holds up a screen.

Forked before anything heavy is imported. Both ends speak length-prefixed pickles over a socket pair; the
child serves requests while it scans, each time the scan asks whether to stop. It ends when its parent
does, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader, Stop, never, unheard, unseen
from mlruns_tui.model.store import Snapshot, StoreInfo

from .channel import Channel
from .deltas import Assembler

if TYPE_CHECKING:
    from mlruns_tui.model.details import ArtifactPreview, RunDetails, RunGlance
    from mlruns_tui.model.duplicates import Comparing, Duplicates
    from mlruns_tui.model.evidence import Evidence
    from mlruns_tui.model.findings import Symptom
    from mlruns_tui.model.mending import Look
    from mlruns_tui.model.mending import Wanted as Broken
    from mlruns_tui.model.values import RunValues, ValueNames, Wanted

_ASK_STOP_S: Final = 0.05
"""How often a waiting scan asks its caller whether to stop."""
_CLOSE_S: Final = 1.0
"""How long a child is given to end by itself."""
_DEAD: Final = object()
_NOT_THE_LAST: Final = ("delta", "so far")
"""Kinds of answers that are followed by others."""


class ReaderProcess:
    """The client's end: the same promises as the reader it was forked from, kept by the child.

    ``scan`` and ``symptoms`` are for one thread at a time, and the second waits for the first to end;
    ``inspect``, ``details`` and ``glance`` may be called from others meanwhile.
    Everything raises MlrunsError ``reader-gone`` when the child is no more.
    """

    def __init__(self, channel: Channel, pid: int, store: StoreInfo) -> None:
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
            from .serving import serve_and_exit

            ours.close()
            serve_and_exit(reader, Channel(theirs))
        theirs.close()
        return cls(Channel(ours), pid, reader.store)

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def store(self) -> StoreInfo:
        return self._store

    def scan(self, previous: Snapshot | None = None, stop: Stop = never) -> Iterator[Snapshot]:
        """See ``model.protocols.Reader``; nothing is shared with ``previous``, the child has let go of it.

        Blocks between snapshots; leaving the loop early stops the child's scan.
        """
        assembler = Assembler()
        with contextlib.closing(self._answers_to("scan", None, stop)) as answers:
            for kind, value in answers:
                if kind == "end":
                    return
                snapshot = assembler.take(value)
                self._store = snapshot.store
                yield snapshot

    def inspect(self, keys: Sequence[str]) -> Evidence:
        return self._request("inspect", list(keys))  # type: ignore[no-any-return]

    def details(self, key: str) -> RunDetails:
        return self._request("details", key)  # type: ignore[no-any-return]

    def glance(self, key: str, metric: str = "", stop: Stop = never) -> RunGlance | None:
        """See ``model.protocols.Reader``."""
        return next((value for _, value in self._answers_to("glance", (key, metric), stop)), None)

    def preview(self, key: str, artifact: str) -> ArtifactPreview:
        return self._request("preview", (key, artifact))  # type: ignore[no-any-return]

    def symptoms(
        self,
        leave_out: Collection[str] = (),
        *,
        contents: bool = True,
        unsaid: Collection[str] = (),
        stop: Stop = never,
        tell: Callable[[int], None] = unheard,
    ) -> tuple[Symptom, ...]:
        """See ``model.protocols.Reader``."""
        for kind, value in self._answers_to("symptoms", (tuple(leave_out), contents, frozenset(unsaid)), stop):
            if kind != "so far":
                return value or ()
            tell(value)
        return ()

    def duplicates(
        self, keys: Sequence[str], *, stop: Stop = never, tell: Callable[[Comparing], None] = unseen
    ) -> Duplicates:
        """See ``model.protocols.Reader``."""
        from mlruns_tui.model.duplicates import Duplicates

        for kind, value in self._answers_to("duplicates", list(keys), stop):
            if kind != "so far":
                return value or Duplicates(stopped=True)
            tell(value)
        return Duplicates(stopped=True)

    def values(self, keys: Sequence[str], wanted: Wanted) -> tuple[RunValues, ...]:
        return self._request("values", (list(keys), wanted))  # type: ignore[no-any-return]

    def names(self, keys: Sequence[str]) -> ValueNames:
        return self._request("names", list(keys))  # type: ignore[no-any-return]

    def look_at(self, places: Sequence[Broken], brief: bool = False) -> Look:
        return self._request("look_at", (tuple(places), brief))  # type: ignore[no-any-return]

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

    def _answers_to(self, kind: str, argument: object, stop: Stop) -> Generator[tuple[str, Any], None, None]:
        """What the child says to a request that takes its time. It is told when ``stop`` says so, or when
        nobody listens to the end any more."""
        number, answers = self._ask(kind, argument)
        stopping = finished = False
        try:
            while not finished:
                if not stopping and stop():
                    stopping = True
                    self._tell("stop", number)
                try:
                    answer = answers.get(timeout=_ASK_STOP_S)
                except queue.Empty:
                    continue
                finished = answer is _DEAD or answer[0] not in _NOT_THE_LAST
                yield self._checked(answer)
        finally:
            if not finished and not stopping:
                self._tell("stop", number)
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
