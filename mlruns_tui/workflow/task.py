"""Work in the worker: started, followed, asked to stop.

The worker is a process in a session of its own: it outlives a closed screen or a lost connection.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlruns_tui.model import errors
from mlruns_tui.model.batch import ApplyEvent, Batch
from mlruns_tui.model.codec import decode
from mlruns_tui.model.collecting import not_collecting
from mlruns_tui.model.errors import MlrunsError


class Task:
    """One piece of work in the worker. Iterate ``events`` from one thread, then ask for ``result``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._batch: Batch | None = None
        self.applied: Batch | None = None
        """What was moved out, where it is packed next."""
        self._error: MlrunsError | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self) -> Iterator[ApplyEvent]:
        """Progress until the worker ends; blocks while it works."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with not_collecting():
                event = self._told(line)
            if event is not None:
                yield event
        self._process.wait()

    def _told(self, line: bytes) -> ApplyEvent | None:
        """Take in what the worker says; its progress is for whoever follows."""
        try:
            message = json.loads(line)
        except ValueError:
            return None
        if "event" in message:
            return decode(ApplyEvent, message["event"])
        if "batch" in message:
            self._batch = decode(Batch, message["batch"])
        elif "applied" in message:
            self.applied = decode(Batch, message["applied"])
        elif "error" in message:
            self._error = _error(message["error"])
        return None

    def result(self) -> Batch:
        """What became of it. Raises the worker's MlrunsError, or one that says it died and what to do."""
        for _ in self.events():
            pass
        if self._error is not None:
            raise self._error
        if self._batch is None:
            raise MlrunsError(
                "worker-died",
                f"the worker ended without a word (exit {self._process.returncode}); whatever it had not "
                "begun to delete for good is whole, where it was or in the backup",
                hint="mlruns-tui recover shows where each item is, goes on with it or takes it back",
            )
        return self._batch

    def stop(self) -> None:
        """Finish the item at hand, then stop."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)


_at_hand: list[subprocess.Popen[bytes]] = []
"""A worker that was not asked for anything yet."""


@contextmanager
def worker_at_hand() -> Iterator[None]:
    """A worker loads while the caller still looks at what to ask it for; one that is not asked for anything ends."""
    _at_hand.append(_worker())
    try:
        yield
    finally:
        while _at_hand:
            unneeded = _at_hand.pop()
            unneeded.kill()
            unneeded.communicate()


def _worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlruns_tui.cleanup.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def start(request: Mapping[str, Any]) -> Task:
    """Have the worker do what a request asks for (see ``cleanup.worker``)."""
    process = _at_hand.pop() if _at_hand else _worker()
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        process.stdin.close()
    except BrokenPipeError:
        pass
    return Task(process)


_KINDS = {
    int(errors.Exit.USAGE): errors.UsageError,
    int(errors.Exit.STALE): errors.StaleError,
    int(errors.Exit.LOCKED): errors.LockedError,
    int(errors.Exit.DAMAGED): errors.DamagedError,
}


def _error(data: Mapping[str, Any]) -> MlrunsError:
    kind = _KINDS.get(data.get("exit_code", 1), MlrunsError)
    return kind(
        str(data.get("code", "failed")),
        str(data.get("message", "")),
        path=str(data.get("path", "")),
        hint=str(data.get("hint", "")),
    )
