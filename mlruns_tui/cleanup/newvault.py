"""How the vault comes into being, keeps a little space for a full disk, and is rid of what was never born.

Whatever is made appears by one rename when it is whole; a killed worker leaves at most something under a
name of its own, which ``sweep`` removes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time

from mlruns_tui.disk import change, look
from mlruns_tui.model.words import OWN_SUFFIX, VAULT_NAME

from .layout import (
    BATCHES,
    DATA,
    DEAD,
    FORMAT,
    INDEX,
    LOCK,
    RESERVE,
    SAME_MOMENT_NS,
    UNBORN,
    Sharing,
    Vault,
    index,
    make_folder,
    open_vault,
    put_back_time,
    sharing,
)

_A_WHILE_NS = 5_000_000_000
"""Longest time from making an unborn vault to its last change, as far as one worker takes."""
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
the n-th item (from 0) is in batches/<id>/data/<n>. Move it back with mv -T, which also
replaces the empty artifacts folder a slimmed run has (without -T, rmdir that first).

Mirrors that delete at the target (rsync --delete, DVC, backup scripts) must leave {VAULT_NAME} out.
"""


def create_vault(root: str, root_fd: int) -> Vault:
    """Make the vault: filled under another name, then visible by one rename.

    One that a killed worker left unborn is gone on with. The root's own time is put back; its name and
    index know it, should we be killed. Raises OSError; then nothing is left.
    """
    shared = sharing(root_fd)
    found = unborn_vault(root_fd)
    name, before = found or (_new_name(root_fd), os.fstat(root_fd).st_mtime_ns)
    try:
        if found is None:
            os.close(make_folder(root_fd, name, shared.vault, shared.owner))
        ours = os.fstat(root_fd).st_mtime_ns
        fd = look.open_directory(name, root_fd)
        try:
            _fill(fd, shared, root, root_fd, before)
            change.sync(fd)
            now = os.fstat(root_fd).st_mtime_ns
            before = before if now == ours else now
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


def _new_name(root_fd: int) -> str:
    return f"new-{os.fstat(root_fd).st_mtime_ns}-{os.urandom(4).hex()}{OWN_SUFFIX}"


def unborn_vault(root_fd: int) -> tuple[str, int] | None:
    """A vault a killed worker of ours never finished: its name, and the time the root should have."""
    for name in look.names(root_fd):
        match = _UNBORN_VAULT.fullmatch(name)
        if match is None:
            continue
        with contextlib.suppress(OSError):
            fd = look.open_directory(name, root_fd)
            try:
                status, now = os.fstat(fd), os.fstat(root_fd).st_mtime_ns
                if status.st_uid in _our_ids(root_fd):
                    made = index(fd).get("root_made_ns")
                    ours = made == now if made is not None else 0 <= status.st_ctime_ns - now < _A_WHILE_NS
                    return name, int(match[1]) if ours else now
            finally:
                os.close(fd)
    return None


def _our_ids(root_fd: int) -> set[int]:
    """Whose leftovers are ours: root gives what it makes to the store's owner."""
    return {os.geteuid(), os.fstat(root_fd).st_uid} if os.geteuid() == 0 else {os.geteuid()}


def _mend(root_fd: int, shared: Sharing) -> None:
    """A vault is there but nothing could be kept in it: somebody removed its folder of batches."""
    fd = look.open_directory(VAULT_NAME, root_fd)
    try:
        with contextlib.suppress(FileExistsError):
            os.close(make_folder(fd, BATCHES, shared.vault, shared.owner))
    finally:
        os.close(fd)


def _fill(fd: int, shared: Sharing, root: str, root_fd: int, root_mtime_ns: int) -> None:
    status = os.fstat(root_fd)
    about = {
        "format": FORMAT,
        "store": root,
        "device": status.st_dev,
        "inode": status.st_ino,
        "created_ms": time.time_ns() // 1_000_000,
        "root_mtime_ns": root_mtime_ns,
        "root_made_ns": status.st_mtime_ns,
    }
    text = json.dumps(about).encode("ascii")
    if "root_mtime_ns" not in index(fd):
        with contextlib.suppress(FileNotFoundError):
            change.remove_file(fd, INDEX)
    # First of all: whoever goes on with it must know the root's time. On a disk too full the folder alone must do.
    _add(fd, INDEX, text, shared, sync=True)
    with contextlib.suppress(FileExistsError):
        os.close(make_folder(fd, BATCHES, shared.vault, shared.owner))
    with contextlib.suppress(FileExistsError):
        change.create_file(fd, LOCK, b"", shared.file, sync=False, owner=shared.owner)
    _add(fd, "README", _README.encode(), shared)
    _add(fd, ".gitignore", b"*\n", shared)
    if not look.exists(RESERVE, fd):
        _make_reserve(fd, shared)


def _add(fd: int, name: str, data: bytes, shared: Sharing, *, sync: bool = False) -> None:
    """A file of the vault that it can do without."""
    with contextlib.suppress(OSError):
        change.create_file(fd, name, data, shared.file, sync=sync, owner=shared.owner)


def _make_reserve(fd: int, shared: Sharing) -> None:
    for size in _RESERVE_SIZES:
        try:
            change.create_file(fd, RESERVE, b"", shared.file, sync=False, owner=shared.owner)
            file_fd = change.open_append(fd, RESERVE)
        except OSError:
            return
        try:
            if change.reserve_space(file_fd, size):
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


def sweep(root_fd: int, vault: Vault) -> None:
    """Remove what a killed worker of ours left unborn: it never held an item. Under the lock only."""
    created = index(vault.fd).get("root_mtime_ns")
    status = os.fstat(root_fd)
    if isinstance(created, int) and 0 <= os.fstat(vault.fd).st_ctime_ns - status.st_mtime_ns < SAME_MOMENT_NS:
        put_back_time(root_fd, created, status.st_mtime_ns)
    other = unborn_vault(root_fd)
    if other is not None:
        _sweep_unborn_vault(root_fd, *other)
    for name in look.names(vault.batches_fd):
        if name.endswith(UNBORN):
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=vault.batches_fd, follow_symlinks=False)
                if status.st_uid in _our_ids(root_fd) and stat.S_ISDIR(status.st_mode):
                    remove_unborn(vault.batches_fd, name)


def _sweep_unborn_vault(root_fd: int, name: str, root_mtime_ns: int) -> None:
    """A second vault that lost the race for the name."""
    with contextlib.suppress(OSError):
        fd = look.open_directory(name, root_fd)
        try:
            with contextlib.suppress(FileNotFoundError):
                change.remove_directory(fd, BATCHES)
        finally:
            os.close(fd)
        change.remove_tree(root_fd, name)
        put_back_time(root_fd, root_mtime_ns, os.fstat(root_fd).st_mtime_ns)


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
