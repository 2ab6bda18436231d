"""One worker at a time in a store: two kernel locks, and a text that says who has them.

The root directory itself is locked (that needs no file, so it works on a full disk) and the vault's
``lock`` (that works on NFS, where directories cannot be locked). The kernel lets go of both when the
worker ends, however it ends; no lock is ever broken by age, and the file is never removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable

from mlruns_tui.disk import change, look
from mlruns_tui.model.errors import Exit, LockedError, MlrunsError, UsageError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.text import safe

from .layout import LOCK, Vault, sharing
from .say import clock

_POLL_S = 0.1
_LEAST_S = 0.2
"""Tried so long even by those who would not wait: whoever asks for the holder takes the lock for a moment."""
_DOING = {"apply": "cleaning", "restore": "restoring in", "purge": "purging backups of", "pack": "packing backups of"}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote the lock's text last. Only believed for messages."""

    user: str
    host: str
    pid: int
    op: str
    batch: str
    since_ms: int
    boot: str
    started: str

    def words(self) -> str:
        """``bob on gpu02 has been cleaning this store since 20:24``."""
        doing = _DOING.get(self.op, "changing")
        return f"{self.user} on {self.host} has been {doing} this store since {clock(self.since_ms)}"

    def alive(self) -> bool | None:
        """Whether that process still runs; None when it is (or was) on another host."""
        if self.host != safe(socket.gethostname(), 100):
            return None
        return self.boot == boot_id() and bool(self.started) and self.started == started(self.pid)


def _named(who: Holder) -> str:
    # Its helpers have the locks until they have ended; and on a full disk the text is of the holder before.
    gone = bool(who.started) and who.alive() is False
    ended = ", which has ended: a process it left, or somebody else, still has the store" if gone else ""
    return f"{who.words()} (pid {who.pid}{ended})"


def boot_id() -> str:
    """Changes with every start of this machine; empty where the system does not tell."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
    return ""


def started(pid: int) -> str:
    """When a process started, in ticks since boot: tells it from a later one of the same number."""
    with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[19].decode("ascii")
    return ""


def holder(vault_fd: int) -> Holder | None:
    """What the lock's text says, None when there is none to read."""
    try:
        data = json.loads(look.read_small(LOCK, vault_fd, 4096))
        return Holder(
            user=safe(str(data["user"]), 100),
            host=safe(str(data["host"]), 100),
            pid=int(data["pid"]),
            op=safe(str(data["op"]), 20),
            batch=safe(str(data["batch"]), 100),
            since_ms=min(int(data["since_ms"]), 1 << 52),
            boot=str(data["boot"]),
            started=str(data["started"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def is_held(directory_fd: int, vault_fd: int | None) -> bool:
    """Whether some process, on this host or another, holds the store now.

    Asking takes the lock for a moment, shared: workers that start try more than once.
    """
    for fd, name in ((directory_fd, "."), (vault_fd, LOCK)):
        if fd is None:
            continue
        with contextlib.suppress(OSError):
            asking = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            try:
                fcntl.flock(asking, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(asking)
    return False


class Locks:
    """What a worker holds of one store, until closed."""

    def __init__(self, timeout_s: float, stop: Stop) -> None:
        self._deadline = time.monotonic() + max(timeout_s, _LEAST_S)
        self._stop = stop
        self._fd: int | None = None

    def take_root(self, root_fd: int, vault_fd: int | None) -> None:
        """Lock the root directory. Raises LockedError when somebody keeps it."""
        self._wait(lambda: change.lock_directory(root_fd), vault_fd)

    def take_vault(self, vault: Vault, root_fd: int) -> str:
        """Lock the vault. Returns a sentence where the file system has no locks, else nothing.

        Raises LockedError when somebody keeps it, MlrunsError when the lock cannot be opened.
        """
        try:
            self._wait(lambda: self._take(vault, root_fd), vault.fd)
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                return "this file system has no locks: nobody else may clean this store meanwhile"
            if error.errno == errno.EROFS:
                raise UsageError(
                    "read-only-store",
                    "the store cannot be changed: its file system is mounted read-only; nothing was changed",
                    path=safe(vault.path),
                    hint="mlruns-tui log and backups list work all the same",
                ) from None
            owner = safe(look.user_name(os.fstat(vault.fd).st_uid))
            raise MlrunsError(
                "no-permission",
                f"the backups' folder cannot be used: {look.words(error)} on its lock (owner {owner}); "
                "nothing was changed",
                path=safe(vault.path),
                hint=f"ask {owner} to share the store with your group, or run as root",
            ) from None
        return ""

    def _take(self, vault: Vault, root_fd: int) -> bool:
        self._fd = change.take_lock(vault.fd, LOCK, sharing(root_fd).file)
        return self._fd is not None

    def _wait(self, take: Callable[[], bool], vault_fd: int | None) -> None:
        while not take():
            if self._stop():
                error = MlrunsError("interrupted", "stopped while waiting for the store; nothing was changed")
                error.exit_code = Exit.INTERRUPTED
                raise error
            if time.monotonic() >= self._deadline:
                who = holder(vault_fd) if vault_fd is not None else None
                raise LockedError(
                    "locked",
                    f"{_named(who) if who else 'another process is changing this store'}; nothing was changed",
                    hint="wait until it is done, or give --lock-timeout SECONDS",
                )
            time.sleep(_POLL_S)

    def tell(self, op: str, batch: str) -> None:
        """Write into the lock who holds it, for the others' messages."""
        if self._fd is None:
            return
        text = {
            "user": look.user_name(os.geteuid()),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "op": op,
            "batch": batch,
            "since_ms": time.time_ns() // 1_000_000,
            "boot": boot_id(),
            "started": started(os.getpid()),
        }
        # On a full disk the lock holds without its text.
        with contextlib.suppress(OSError):
            change.overwrite(self._fd, json.dumps(text).encode("ascii"))

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
