"""The process that changes stores: ``python -m mlruns_tui.cleanup.worker``.

It reads one line of JSON from standard input, the request: ``{"do": "apply", "plan": {…}}`` (with ``"pack": true``
what was moved is packed next, after ``{"applied": batch}`` was written; to ``"backup_dir"`` if there is one),
``{"do": "undo", "root": …}``, ``{"do": "restore", "root", "batch", "keys", "on_conflict"}``,
``{"do": "purge", "root", "batch", "keys"}``, ``{"do": "continue", "root", "batch", "staying": {key: why}}``,
``{"do": "leave", "root", "batch"}``, ``{"do": "pack", "root", "batch", "keys", "min_gain_percent", "backup_dir"}``,
``{"do": "verify", "root", "batch", "keys"}``, each with ``lock_timeout_s`` if wanted, and with ``found_in``, a
directory where archives on another disk may be found by now. It writes lines of JSON: any
number of ``{"event": …}``, at last ``{"batch": …}`` or ``{"error": {code, message, path, hint, exit_code}}``.
Whoever started it may go away: a hang-up or a closed pipe does not stop it. SIGTERM and SIGINT do, after
the item at hand. One thread, on purpose: much to pack or to delete is shared out among forked copies of this process.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from mlruns_tui.model import codec
from mlruns_tui.model.batch import MIN_GAIN_PERCENT, ApplyEvent, Batch, OnConflict
from mlruns_tui.model.collecting import not_collecting
from mlruns_tui.model.errors import Exit, MlrunsError, UsageError
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Stop, Tell
from mlruns_tui.model.text import safe

from . import apply, goingon, pack, purge, restore, verify

EVENTS_PER_S = 20
ALWAYS_TOLD = 200
"""Events sent however fast they come: whoever listens hears of every item of a small batch."""
MAX_REQUEST = 1 << 30
_WHOLE = "whatever it had not begun to delete for good is whole, where it was or in the backup"


@dataclass(frozen=True, slots=True)
class _Options:
    lock_timeout_s: float


@dataclass(frozen=True, slots=True)
class _Gain:
    percent: int


@dataclass(frozen=True, slots=True)
class _Staying:
    why: Mapping[str, str]


class Pipe:
    """Standard output, whose reader may be slow or gone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._broken = False
        self._last = 0.0
        self._told = 0
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def tell(self, event: ApplyEvent) -> None:
        """Progress: thinned out, but every trouble. Never waits for the reader."""
        now = time.monotonic()
        routine = event.kind == "item" and event.outcome == "done" and event.done < event.total
        self._told += 1
        if routine and self._told > ALWAYS_TOLD and now - self._last < 1 / EVENTS_PER_S:
            return
        if self._broken or not self._poll.poll(0):
            return
        self._last = now
        # A line up to PIPE_BUF is written at once or not at all, where there was room a moment ago.
        line = _line({"event": codec.encode(event)})
        if len(line) <= select.PIPE_BUF:
            self._write(line)

    def finish(self, message: Mapping[str, Any]) -> None:
        """The last word; waits until it was read."""
        self._write(_line(message))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self._broken:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                self._poll.poll()
            except OSError:
                self._broken = True


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def _unheard(batch: Batch) -> None:
    pass


def carry_out(request: Mapping[str, Any], tell: Tell, stop: Stop, applied: Callable[[Batch], None] = _unheard) -> Batch:
    """Do what a request asks for. ``applied`` hears of a batch that is moved out and about to be packed. Raises
    MlrunsError, ValueError for one that cannot be understood."""
    what = request.get("do")
    timeout = codec.decode(_Options, {"lock_timeout_s": request.get("lock_timeout_s", 0)}).lock_timeout_s
    if what == "apply":
        with not_collecting():
            plan = codec.decode(Plan, request.get("plan"))
            # It stays until the end.
            gc.freeze()
        backup_dir = _directory(request, "backup_dir")
        moved = apply.apply(
            plan, tell, stop, lock_timeout_s=timeout, pack_to=backup_dir if request.get("pack") else None
        )
        if not request.get("pack") or not moved.count("moved"):
            return moved
        applied(moved)
        return pack.pack(plan.store_root, plan.id, None, MIN_GAIN_PERCENT, tell, stop, backup_dir=backup_dir)
    root, found_in = _text(request, "root"), _directory(request, "found_in")
    if what == "undo":
        return restore.undo(root, tell, stop, lock_timeout_s=timeout, staying=_staying(request), found_in=found_in)
    batch, keys = _text(request, "batch"), _keys(request)
    if what == "continue":
        return goingon.go_on(
            root, batch, _staying(request), tell, stop, applied, lock_timeout_s=timeout, found_in=found_in
        )
    if what == "leave":
        return goingon.leave(root, batch, stop, lock_timeout_s=timeout, found_in=found_in)
    if what == "restore":
        on_conflict = request.get("on_conflict", "skip")
        if on_conflict not in get_args(OnConflict):
            raise ValueError(f"on_conflict: unknown word {on_conflict!r:.80}")
        staying = _staying(request)
        return restore.restore(
            root, batch, keys, on_conflict, tell, stop, lock_timeout_s=timeout, staying=staying, found_in=found_in
        )
    if what == "purge":
        return purge.purge(root, batch, keys, tell, stop, lock_timeout_s=timeout, found_in=found_in)
    if what == "pack":
        least = codec.decode(_Gain, {"percent": request.get("min_gain_percent", MIN_GAIN_PERCENT)}).percent
        where = _directory(request, "backup_dir")
        return pack.pack(root, batch, keys, least, tell, stop, lock_timeout_s=timeout, backup_dir=where)
    if what == "verify":
        return verify.verify(root, batch, keys, tell, stop, found_in=found_in)
    raise ValueError(f"do: unknown word {what!r:.80}")


def _staying(request: Mapping[str, Any]) -> Mapping[str, str]:
    return codec.decode(_Staying, {"why": request.get("staying", {})}).why


def _directory(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name, "")
    if not isinstance(value, str) or (value and not os.path.isabs(value)):
        raise ValueError(f"{name}: not an absolute path")
    return value


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _keys(request: Mapping[str, Any]) -> list[str] | None:
    keys = request.get("keys")
    if keys is None:
        return None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("keys: not a list of texts")
    return keys


def main() -> int:
    """Serve one request. Returns the exit code: 0, or the error's."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    for name in ("SIGHUP", "SIGPIPE"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pipe = Pipe(sys.stdout.fileno())
    try:
        with not_collecting():
            request = json.loads(sys.stdin.buffer.readline(MAX_REQUEST))
        if not isinstance(request, dict):
            raise ValueError("not a mapping")
        if isinstance(request.get("root"), str):
            request["root"] = os.path.abspath(request["root"])
        # Whoever stands in a directory counts as using it; this process must not.
        os.chdir("/")
        batch = carry_out(
            request, pipe.tell, lambda: stopping, lambda moved: pipe.finish({"applied": codec.encode(moved)})
        )
    except MlrunsError as error:
        return _fail(pipe, error)
    except (ValueError, RecursionError) as error:
        said = f"the worker was asked for something it does not understand: {safe(str(error), 300)}"
        return _fail(pipe, UsageError("bad-request", said))
    except OSError as error:
        said = f"the system refused: {safe(str(error), 300)}; {_WHOLE}"
        return _fail(pipe, MlrunsError("system", said, hint="mlruns-tui backups list shows where each item is"))
    except Exception as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {safe(str(error), 300)}; {_WHOLE}"
        return _fail(pipe, MlrunsError("internal", said, hint="mlruns-tui backups list shows where each item is"))
    with not_collecting():
        pipe.finish({"batch": codec.encode(batch)})
    return int(Exit.DONE)


def _fail(pipe: Pipe, error: MlrunsError) -> int:
    pipe.finish(
        {
            "error": {
                "code": error.code,
                "message": error.message,
                "path": error.path,
                "hint": error.hint,
                "exit_code": int(error.exit_code),
            }
        }
    )
    return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main())
