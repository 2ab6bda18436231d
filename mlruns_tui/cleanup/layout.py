"""The vault's folders: their names, whose they are, how they come into being.

``<root>/.mlruns-tui.trash/`` holds ``README``, ``.gitignore``, ``vault.json``, ``lock``, ``reserve`` and
``batches/<id>/`` with ``plan.json``, ``journal``, ``data/<n>``, ``dead/<n>`` and, once packed, ``pack/``.
Vault, batches folder and lock take the store's group bits, so that its members share them; each batch
belongs to its user.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat

from mlruns_tui.disk import change, look
from mlruns_tui.model.errors import MlrunsError, StaleError, UsageError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Identity
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import VAULT_NAME

from .say import NO_ROOM

FORMAT = 1
BATCHES, DATA, DEAD = "batches", "data", "dead"
PLAN, JOURNAL, LOCK, RESERVE, INDEX = "plan.json", "journal", "lock", "reserve", "vault.json"
UNBORN = ".new"
"""Ending of a batch's folder until its plan was written, read back and compared."""
SAME_MOMENT_NS = 20_000_000
"""Two times this close in the same file system's clock come from one system call of ours."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Modes and owner of what is made in a store, taken from its root directory."""

    vault: int
    file: int
    batch: int
    batch_file: int
    owner: tuple[int, int]
    """User and group id, -1 where ours stays."""
    inherited: int
    """The setgid bit where the store has it."""


@dataclass(frozen=True, slots=True)
class Vault:
    """An open vault."""

    path: str
    fd: int
    batches_fd: int

    def close(self) -> None:
        os.close(self.batches_fd)
        os.close(self.fd)


def open_root(root: str, expected: Identity | None = None) -> int:
    """A descriptor on the store's root. Raises UsageError when it is not there, StaleError when it is
    another directory than the expected one."""
    try:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        message = f"the store cannot be opened: {look.words(error)}; nothing was changed"
        raise UsageError("no-such-store", message, path=safe(root)) from None
    status = os.fstat(fd)
    if expected is not None and (status.st_dev, status.st_ino) != (expected.device, expected.inode):
        os.close(fd)
        raise StaleError(
            "other-store",
            "another directory is in the store's place than when the plan was made; nothing was changed",
            path=safe(root),
            hint="read the store again and make a new plan",
        )
    return fd


def sharing(root_fd: int, uid: int = 0) -> Sharing:
    """How the store is shared: members of its group share the vault, nobody else sees a batch.

    Root working in another user's store, or (``uid``) in another user's batch, leaves nothing behind that locks him
    out.
    """
    root = os.fstat(root_fd)
    group, anybody = root.st_mode & 0o070, bool(root.st_mode & stat.S_IWOTH)
    inherited = root.st_mode & stat.S_ISGID
    uid = uid or root.st_uid
    as_owner = os.geteuid() == 0 and uid != 0
    return Sharing(
        vault=0o700 | group | inherited | (0o1007 if anybody else 0),
        file=0o600 | (group & 0o060) | (0o006 if anybody else 0),
        batch=0o700 | (group & 0o050) | inherited,
        batch_file=0o600 | (group & 0o040),
        owner=(uid if as_owner else -1, root.st_gid if as_owner or group & 0o020 else -1),
        inherited=inherited,
    )


def make_folder(parent_fd: int, name: str, mode: int, owner: tuple[int, int]) -> int:
    """A new folder of ours, open. Raises OSError; then nothing is left."""
    change.make_directory(parent_fd, name, mode & 0o700)
    try:
        fd = look.open_directory(name, parent_fd)
    except OSError:
        change.remove_directory(parent_fd, name)
        raise
    try:
        change.share(fd, mode, owner)
    except BaseException:
        os.close(fd)
        change.remove_directory(parent_fd, name)
        raise
    return fd


def open_vault(root: str, root_fd: int) -> Vault | None:
    """The store's vault, to look into; None when there is none.

    Raises MlrunsError when it is a link or cannot be read.
    """
    path = os.path.join(root, VAULT_NAME)
    try:
        status = os.stat(VAULT_NAME, dir_fd=root_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise MlrunsError(
            "bad-vault",
            f"the backups' folder is {kind}; nothing was read or changed",
            path=safe(path),
            hint="move it away and run this again",
        )
    fd = -1
    try:
        fd = look.open_directory(VAULT_NAME, root_fd)
        return Vault(path, fd, look.open_directory(BATCHES, fd))
    except FileNotFoundError:
        os.close(fd)
        return None
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        owner = safe(look.user_name(status.st_uid))
        raise MlrunsError(
            "unreadable-vault",
            f"the backups of this store cannot be read: {look.words(error)} (owner {owner}); nothing was changed",
            path=safe(path),
            hint=f"ask {owner}, or run as root",
        ) from None


def check_vault(vault: Vault, root_fd: int) -> None:
    """Refuse to write to a vault somebody may have planted, on another disk, or newer than this program.

    Raises MlrunsError.
    """
    status, root = os.fstat(vault.fd), os.fstat(root_fd)
    foreign = status.st_uid not in (os.geteuid(), 0, root.st_uid)
    if foreign and status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise MlrunsError(
            "bad-vault",
            f"the backups' folder belongs to {safe(look.user_name(status.st_uid))} and anybody may write to it; "
            "nothing was changed",
            path=safe(vault.path),
            hint="look at what is in it, then chmod o-w it or move it away",
        )
    if status.st_dev != root.st_dev:
        raise MlrunsError(
            "bad-vault",
            "the backups' folder is on another disk than the store, so nothing can be moved there whole; "
            "nothing was changed",
            path=safe(vault.path),
        )
    version = index(vault.fd).get("format", FORMAT)
    if version != FORMAT:
        raise MlrunsError(
            "newer-vault",
            f"the backups were made by a newer mlruns-tui (format {str(version)[:20]}); nothing was changed",
            path=safe(vault.path),
            hint="update mlruns-tui",
        )


def index(vault_fd: int) -> dict[str, object]:
    """What ``vault.json`` says; empty when it is missing or damaged (it is not needed)."""
    try:
        data = json.loads(look.read_small(INDEX, vault_fd))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def put_back_time(fd: int, before_ns: int, ours_ns: int) -> None:
    """Give a directory the time it had before our change, unless somebody else changed it since."""
    status = os.fstat(fd)
    if status.st_mtime_ns == ours_ns != before_ns:
        # Only its owner may set a directory's time; a member of the group cannot, and that is all.
        with contextlib.suppress(PermissionError):
            change.set_directory_mtime(fd, before_ns, status.st_atime_ns)


def no_room(error: OSError) -> bool:
    """Whether an error means a full disk, quota or inode table."""
    return error.errno in NO_ROOM
