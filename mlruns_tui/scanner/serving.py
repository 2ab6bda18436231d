"""The child's end of a reader process: answers requests, also in the middle of a scan."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mlruns_tui.model.duplicates import Duplicates
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.text import safe

from .channel import Channel
from .deltas import difference
from .giving_back import give_back

if TYPE_CHECKING:
    from mlruns_tui.model.details import RunGlance
    from mlruns_tui.model.findings import Symptom

_TELL_EVERY_S: Final = 0.1
_MANY_RUNS: Final = 10_000
"""What fewer leave behind is not worth a look."""


def serve_and_exit(reader: Reader, channel: Channel, begun: Callable[[], object] | None = None) -> NoReturn:
    """The child's whole life. It never returns into the parent's code, nor runs its exit handlers. ``begun`` is
    called once, when the first snapshot was sent."""
    status = 1
    try:
        # Ctrl-C in the terminal is the parent's to answer; it will tell.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        # What the parent made before stays shared memory and is never looked through.
        gc.freeze()
        _Server(reader, channel, begun).run()
        status = 0
    except (EOFError, OSError):
        status = 0
    finally:
        os._exit(status)


class _Closed(Exception):
    """The parent wants the child to end."""


class _Server:
    """Answers one request after the other; those that come during a scan, in the middle of it."""

    def __init__(self, reader: Reader, channel: Channel, begun: Callable[[], object] | None) -> None:
        self._reader = reader
        self._channel = channel
        self._begun = begun
        self._busy = 0
        """Number of the scan or check that is going on."""
        self._stop = False
        self._glancing = 0
        """Number of the glance at a run that is going on."""
        self._unwanted = False
        """It is to end: the user looks elsewhere by now."""
        self._later: list[tuple[str, int, Any]] = []
        self._runs = 0
        """As many as the last scan found."""

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
            self._stop = self._stop or number == self._busy
            self._unwanted = self._unwanted or number == self._glancing
            for one in [one for one in self._later if one[1] == number]:
                self._later.remove(one)
                self._channel.send((number, "end", None))
        elif kind in ("scan", "symptoms", "duplicates") and (self._busy or self._glancing):
            self._later.append(message)
        elif kind == "scan":
            self._answer(number, "end", lambda: self._scan(number))
        elif kind == "symptoms":
            self._answer(number, "value", lambda: self._symptoms(number, *argument))
        elif kind == "duplicates":
            self._answer(number, "value", lambda: self._duplicates(number, argument))
        elif kind == "inspect":
            self._answer(number, "value", lambda: self._reader.inspect(argument))
        elif kind == "details":
            self._answer(number, "value", lambda: self._reader.details(argument))
        elif kind == "glance":
            self._answer(number, "value", lambda: self._glance(number, *argument))
        elif kind == "preview":
            self._answer(number, "value", lambda: self._reader.preview(*argument))
        elif kind == "values":
            self._answer(number, "value", lambda: self._reader.values(*argument))
        elif kind == "names":
            self._answer(number, "value", lambda: self._reader.names(argument))
        elif kind == "look_at":
            self._answer(number, "value", lambda: self._reader.look_at(*argument))

    def _answer(self, number: int, kind: str, work: Callable[[], Any]) -> None:
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
        self._busy, self._stop = number, False
        sent: Snapshot | None = None
        stage = ""
        try:
            for snapshot in self._reader.scan(None, self._asked):
                delta = difference(sent, snapshot)
                sent = snapshot
                self._channel.send((number, "delta", delta))
                if self._begun is not None:
                    begun, self._begun = self._begun, None
                    begun()
                if stage != (stage := snapshot.progress.stage):
                    self._runs = snapshot.progress.runs_found
                    self._give_back()
                self._asked()
        finally:
            self._busy = 0

    def _give_back(self) -> None:
        if self._runs >= _MANY_RUNS:
            give_back()

    def _symptoms(
        self, number: int, leave_out: Collection[str], contents: bool, unsaid: Collection[str]
    ) -> tuple[Symptom, ...]:
        self._busy, self._stop = number, False
        try:
            return self._reader.symptoms(
                leave_out, contents=contents, unsaid=unsaid, stop=self._asked, tell=self._teller(number)
            )
        finally:
            self._busy = 0
            self._give_back()

    def _duplicates(self, number: int, keys: Sequence[str]) -> Duplicates:
        self._busy, self._stop = number, False
        try:
            return self._reader.duplicates(keys, stop=self._asked, tell=self._teller(number))
        finally:
            self._busy = 0

    def _glance(self, number: int, key: str, metric: str) -> RunGlance | None:
        """Whatever else is asked meanwhile is answered in the middle of it."""
        before, self._glancing, self._unwanted = self._glancing, number, False
        try:
            return self._reader.glance(key, metric, self._elsewhere)
        finally:
            self._glancing = before

    def _elsewhere(self) -> bool:
        """Serve what came meanwhile; whether nobody waits for the glance any more."""
        while self._channel.waiting():
            self._handle(self._channel.receive())
        return self._unwanted

    def _teller(self, number: int) -> Callable[[Any], None]:
        """Tells how far a request is, not too often."""
        told = monotonic()

        def tell(progress: Any) -> None:
            nonlocal told
            if monotonic() - told >= _TELL_EVERY_S:
                told = monotonic()
                self._channel.send((number, "so far", progress))

        return tell

    def _asked(self) -> bool:
        """Serve what came meanwhile; whether the scan is to stop."""
        while self._channel.waiting():
            self._handle(self._channel.receive())
        return self._stop
