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
