"""The vault's folders: their names, whose they are, how they come into being.

``<root>/.mlruns-tui.trash/`` holds ``README``, ``.gitignore``, ``vault.json``, ``lock``, ``reserve`` and
``batches/<id>/`` with ``plan.json``, ``journal``, ``data/<n>`` and ``dead/<n>``. Vault, batches folder and
lock take the store's group bits, so that its members share them; each batch belongs to its user.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
from dataclasses import dataclass

from mlruns_tui.disk import change, look
from mlruns_tui.model.errors import MlrunsError, StaleError, UsageError
from mlruns_tui.model.store import Identity
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import OWN_SUFFIX, VAULT_NAME

from .say import NO_ROOM

FORMAT = 1
BATCHES, DATA, DEAD = "batches", "data", "dead"
PLAN, JOURNAL, LOCK, RESERVE, INDEX = "plan.json", "journal", "lock", "reserve", "vault.json"
UNBORN = ".new"
"""Ending of a batch's folder until its plan was written, read back and compared."""
SAME_MOMENT_NS = 20_000_000
"""Two times this close in the same file system's clock come from one system call of ours."""
_RESERVE_SIZES = (1 << 20, 64 << 10)
_UNBORN_VAULT = re.compile(r"new-(-?\d+)-[0-9a-f]{8}" + re.escape(OWN_SUFFIX))

_README = f"""Backups made by mlruns-tui
==========================

What was cleaned out of the MLflow store above is here, whole, until it is purged.
MLflow does not look into folders whose names end in ".trash".

    mlruns-tui backups list STORE        what is here
    mlruns-tui undo STORE                put the newest batch back
    mlruns-tui backups purge STORE ID    delete a batch for good

Without the program: batches/<id>/plan.json names for each item its place in the store ("path");
the n-th item (from 0) is in batches/<id>/data/<n>. Move it back with mv.

Mirrors that delete at the target (rsync --delete, DVC, backup scripts) must leave {VAULT_NAME} out.
"""


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


def sharing(root_fd: int) -> Sharing:
    """How the store is shared: members of its group share the vault, nobody else sees a batch.

    Root working in another user's store leaves nothing behind that locks the owner out.
    """
    root = os.fstat(root_fd)
    group, anybody = root.st_mode & 0o070, bool(root.st_mode & stat.S_IWOTH)
    inherited = root.st_mode & stat.S_ISGID
    as_owner = os.geteuid() == 0 and root.st_uid != 0
    return Sharing(
        vault=0o700 | group | inherited | (0o1007 if anybody else 0),
        file=0o600 | (group & 0o060) | (0o006 if anybody else 0),
        batch=0o700 | (group & 0o050) | inherited,
        batch_file=0o600 | (group & 0o040),
        owner=(root.st_uid if as_owner else -1, root.st_gid if as_owner or group & 0o020 else -1),
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


def create_vault(root: str, root_fd: int) -> Vault:
    """Make the vault: filled under another name, then visible by one rename.

    The root's own time is put back; should we be killed first, ``sweep`` does it. Raises OSError;
    then nothing is left.
    """
    shared = sharing(root_fd)
    before = os.fstat(root_fd).st_mtime_ns
    name = f"new-{before}-{os.urandom(4).hex()}{OWN_SUFFIX}"
    try:
        fd = make_folder(root_fd, name, shared.vault, shared.owner)
        try:
            _fill(fd, shared, root, root_fd, before)
            change.sync(fd)
            change.rename(root_fd, name, root_fd, VAULT_NAME)
        except BaseException as error:
            change.remove_tree(root_fd, name)
            if not isinstance(error, FileExistsError):
                raise
            _mend(root_fd, shared)
        finally:
            os.close(fd)
    finally:
        put_back_time(root_fd, before, os.fstat(root_fd).st_mtime_ns)
    change.sync(root_fd)
    vault = open_vault(root, root_fd)
    if vault is None:
        raise FileNotFoundError(2, "the backups' folder vanished while it was made", VAULT_NAME)
    return vault


def _mend(root_fd: int, shared: Sharing) -> None:
    """A vault is there but nothing could be kept in it: somebody removed its folder of batches."""
    fd = look.open_directory(VAULT_NAME, root_fd)
    try:
        with contextlib.suppress(FileExistsError):
            os.close(make_folder(fd, BATCHES, shared.vault, shared.owner))
    finally:
        os.close(fd)


def _fill(fd: int, shared: Sharing, root: str, root_fd: int, root_mtime_ns: int) -> None:
    os.close(make_folder(fd, BATCHES, shared.vault, shared.owner))
    change.create_file(fd, LOCK, b"", shared.file, sync=False, owner=shared.owner)
    status = os.fstat(root_fd)
    about = {
        "format": FORMAT,
        "store": root,
        "device": status.st_dev,
        "inode": status.st_ino,
        "created_ms": time.time_ns() // 1_000_000,
        "root_mtime_ns": root_mtime_ns,
    }
    # On a disk this full the folder alone must do.
    with contextlib.suppress(OSError):
        change.create_file(fd, INDEX, json.dumps(about).encode("ascii"), shared.file, owner=shared.owner)
        change.create_file(fd, "README", _README.encode(), shared.file, sync=False, owner=shared.owner)
        change.create_file(fd, ".gitignore", b"*\n", shared.file, sync=False, owner=shared.owner)
        _make_reserve(fd, shared)


def _make_reserve(fd: int, shared: Sharing) -> None:
    for size in _RESERVE_SIZES:
        try:
            change.create_file(fd, RESERVE, b"", shared.file, sync=False, owner=shared.owner)
            file_fd = change.open_append(fd, RESERVE)
        except OSError:
            return
        try:
            if change.reserve_space(file_fd, size, keep_size=False):
                return
        except OSError:
            pass
        finally:
            os.close(file_fd)
        change.remove_file(fd, RESERVE)


def release_reserve(vault: Vault) -> bool:
    """Give up the space kept for a full disk. False when there is none, or it is not ours to remove."""
    try:
        change.remove_file(vault.fd, RESERVE)
        change.sync(vault.fd)
    except OSError:
        return False
    return True


def renew_reserve(vault: Vault, root_fd: int) -> None:
    """Keep space for the next full disk, where it was used up and there is room again."""
    if not look.exists(RESERVE, vault.fd):
        with contextlib.suppress(OSError):
            _make_reserve(vault.fd, sharing(root_fd))


def put_back_time(fd: int, before_ns: int, ours_ns: int) -> None:
    """Give a directory the time it had before our change, unless somebody else changed it since."""
    status = os.fstat(fd)
    if status.st_mtime_ns == ours_ns != before_ns:
        # Only its owner may set a directory's time; a member of the group cannot, and that is all.
        with contextlib.suppress(PermissionError):
            change.set_directory_mtime(fd, before_ns, status.st_atime_ns)


def sweep(root_fd: int, vault: Vault | None) -> None:
    """Remove what a killed worker of ours left unborn: it never held an item. Under the lock only."""
    uids = {os.geteuid(), os.fstat(root_fd).st_uid} if os.geteuid() == 0 else {os.geteuid()}
    for name in os.listdir(root_fd):
        match = _UNBORN_VAULT.fullmatch(name)
        if match is None:
            continue
        with contextlib.suppress(OSError):
            _sweep_unborn_vault(root_fd, name, int(match[1]), uids)
    if vault is None:
        return
    created = index(vault.fd).get("root_mtime_ns")
    status = os.fstat(root_fd)
    if isinstance(created, int) and 0 <= os.fstat(vault.fd).st_ctime_ns - status.st_mtime_ns < SAME_MOMENT_NS:
        put_back_time(root_fd, created, status.st_mtime_ns)
    for name in os.listdir(vault.batches_fd):
        if name.endswith(UNBORN):
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=vault.batches_fd, follow_symlinks=False)
                if status.st_uid in uids and stat.S_ISDIR(status.st_mode):
                    remove_unborn(vault.batches_fd, name)


def _sweep_unborn_vault(root_fd: int, name: str, root_mtime_ns: int, uids: set[int]) -> None:
    status = os.stat(name, dir_fd=root_fd, follow_symlinks=False)
    if status.st_uid not in uids or not stat.S_ISDIR(status.st_mode):
        return
    with contextlib.suppress(FileNotFoundError):
        batches_fd = look.open_path(root_fd, f"{name}/{BATCHES}")
        try:
            if os.listdir(batches_fd):
                return
        finally:
            os.close(batches_fd)
    found = os.fstat(root_fd).st_mtime_ns
    made_by_us = 0 <= status.st_ctime_ns - found < 5_000_000_000
    change.remove_tree(root_fd, name)
    put_back_time(root_fd, root_mtime_ns if made_by_us else found, os.fstat(root_fd).st_mtime_ns)


def remove_unborn(parent_fd: int, name: str) -> None:
    """Remove a batch's folder that holds no item. Raises OSError, also when it does hold one."""
    fd = look.open_directory(name, parent_fd)
    try:
        for folder in (DATA, DEAD):
            with contextlib.suppress(FileNotFoundError):
                change.remove_directory(fd, folder)
    finally:
        os.close(fd)
    change.remove_tree(parent_fd, name)


def no_room(error: OSError) -> bool:
    """Whether an error means a full disk, quota or inode table."""
    return error.errno in NO_ROOM
