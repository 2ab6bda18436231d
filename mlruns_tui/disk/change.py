"""Every call of the program that alters a disk.

Nothing else in the package creates, renames, writes or removes a file (a test holds it to that), so
what can happen to somebody's data can be read here. All names are relative to directory descriptors.
Nothing is ever replaced: a name that exists already is an error, except in the calls that say otherwise.

Long because all of it has to stand in one place.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .look import open_directory

_NOREPLACE, _EXCHANGE = 1, 2
_FALLOC_KEEP_SIZE = 1


@cache
def _renameat2() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    return getattr(libc, "renameat2", None)


@cache
def _fallocate() -> Any:
    call = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return call


def _rename_with_flags(source_fd: int, source: str, target_fd: int, target: str, flags: int) -> bool:
    """False when the kernel or file system does not know the flag."""
    call = _renameat2()
    if call is None:
        return False
    if call(source_fd, os.fsencode(source), target_fd, os.fsencode(target), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(code, os.strerror(code), source, None, target)


def rename(source_fd: int, source: str, target_fd: int, target: str) -> None:
    """Move ``source`` to ``target``, which must not exist. Raises OSError; FileExistsError if it does."""
    if _rename_with_flags(source_fd, source, target_fd, target, _NOREPLACE):
        return
    # Without RENAME_NOREPLACE: rename(2) refuses a non-empty directory, and an empty one is seen here.
    try:
        os.stat(target, dir_fd=target_fd, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)


def exchange(source_fd: int, source: str, target_fd: int, target: str) -> None:
    """Swap two existing names in one step. Raises OSError (EOPNOTSUPP where the system cannot)."""
    if not _rename_with_flags(source_fd, source, target_fd, target, _EXCHANGE):
        raise OSError(errno.EOPNOTSUPP, "this file system cannot swap two names", source)


def replace_empty(source_fd: int, source: str, target_fd: int, target: str) -> None:
    """Move the directory ``source`` to ``target``, which is an empty directory or nothing, in one step.

    Raises OSError, with nothing changed; FileExistsError when ``target`` is anything else.
    """
    try:
        os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        raise


def publish(dir_fd: int, temporary: str, name: str) -> None:
    """Make a finished temporary file visible under ``name``, replacing an older one of ours."""
    os.replace(temporary, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)


def make_directory(dir_fd: int, name: str, mode: int = 0o755) -> None:
    """A new directory with ``mode`` where the umask allows it. Raises FileExistsError."""
    os.mkdir(name, mode, dir_fd=dir_fd)


def make_directories(path: str, mode: int = 0o755) -> int:
    """A descriptor on the directory ``path``, made with its missing parents. Raises OSError."""
    os.makedirs(path, mode, exist_ok=True)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def create_file(
    dir_fd: int,
    name: str,
    data: bytes | Iterable[bytes],
    mode: int = 0o644,
    *,
    sync: bool = True,
    owner: tuple[int, int] | None = None,
) -> None:
    """A new file holding ``data`` (or these pieces), on the disk when this returns (unless ``sync`` is False).

    ``owner`` (user and group id, -1 for unchanged) also makes the mode exact, whatever the umask. On
    an error what was written is removed again. Raises FileExistsError, OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, mode, dir_fd=dir_fd)
    try:
        if owner is not None:
            share(fd, mode, owner)
        for piece in [data] if isinstance(data, bytes) else data:
            write_all(fd, piece)
        if sync:
            os.fsync(fd)
    except BaseException:
        os.unlink(name, dir_fd=dir_fd)
        raise
    finally:
        os.close(fd)


def open_append(dir_fd: int, name: str, mode: int = 0o644) -> int:
    """A descriptor that appends to ``name``, created when missing; never through a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, mode, dir_fd=dir_fd)


def create_open(dir_fd: int, name: str, mode: int = 0o600) -> int:
    """A descriptor to write and read a new, empty file. Raises FileExistsError, OSError."""
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=dir_fd)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write every byte from there on. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def set_size(fd: int, size: int) -> None:
    """Cut a file, or let a hole follow its data."""
    os.ftruncate(fd, size)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however many calls it takes. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync(fd: int) -> None:
    """What was written to ``fd`` (a file or a directory) is on the disk. An error is never retried:
    after a failed fsync the kernel may have dropped the data and would report success. Some network file
    systems cannot sync a directory and write its entries at once; they say EINVAL."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise


def reserve_space(fd: int, size: int, *, keep_size: bool = True) -> bool:
    """Allocate ``size`` bytes of disk to an open file, so that writing them later cannot fail.

    With ``keep_size`` the file looks no longer. False where the system cannot (then nothing is
    promised). Raises OSError (ENOSPC, EDQUOT) when there is no room.
    """
    call = _fallocate()
    if call is None:
        return False
    if call(fd, _FALLOC_KEEP_SIZE if keep_size else 0, 0, size) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSPC, errno.EDQUOT):
        raise OSError(code, os.strerror(code))
    return False


def remove_file(dir_fd: int, name: str) -> None:
    os.unlink(name, dir_fd=dir_fd)


def remove_directory(dir_fd: int, name: str) -> None:
    """Remove an empty directory."""
    os.rmdir(name, dir_fd=dir_fd)


def set_times(dir_fd: int, name: str, mtime_ns: int, atime_ns: int | None = None) -> None:
    """Set modification (and access) time, of a link itself too."""
    times = (mtime_ns if atime_ns is None else atime_ns, mtime_ns)
    os.utime(name, ns=times, dir_fd=dir_fd, follow_symlinks=False)


def set_directory_mtime(fd: int, mtime_ns: int, atime_ns: int) -> None:
    """Put back the time a directory had before we changed an entry in it."""
    os.utime(fd, ns=(atime_ns, mtime_ns))


def set_mode(fd: int, mode: int) -> None:
    os.fchmod(fd, mode)


def set_owner(fd: int, uid: int, gid: int) -> None:
    os.fchown(fd, uid, gid)


def share(fd: int, mode: int, owner: tuple[int, int]) -> None:
    """Give an open file or directory of ours this owner (-1: unchanged) and exactly this mode.

    A group this user is not in is left as it is; only root can give files away, and must succeed.
    """
    status = os.fstat(fd)
    uid, gid = (
        new if new not in (-1, old) else -1 for new, old in zip(owner, (status.st_uid, status.st_gid), strict=True)
    )
    if (uid, gid) != (-1, -1):
        try:
            os.fchown(fd, uid, gid)
        except PermissionError:
            if uid != -1:
                raise
    if status.st_mode & 0o7777 != mode or uid != -1 or gid != -1:
        os.fchmod(fd, mode)


def finish(fd: int, uid: int, gid: int, xattrs: Iterable[tuple[str, bytes]], mode: int, mtime_ns: int) -> None:
    """Owner, extended attributes, mode and time of an open file or directory of ours, in the order in which
    none undoes another. Raises OSError."""
    status = os.fstat(fd)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.fchown(fd, uid, gid)
    if hasattr(os, "setxattr"):
        for key, value in xattrs:
            os.setxattr(fd, key, value)
    os.fchmod(fd, mode)
    os.utime(fd, ns=(mtime_ns, mtime_ns))


def finish_link(dir_fd: int, name: str, uid: int, gid: int, xattrs: Iterable[tuple[str, bytes]], mtime_ns: int) -> None:
    """The same for a symbolic link of ours, which has no mode."""
    status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.chown(name, uid, gid, dir_fd=dir_fd, follow_symlinks=False)
    for key, value in xattrs:
        os.setxattr(f"/proc/self/fd/{dir_fd}/{name}", key, value, follow_symlinks=False)
    os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=dir_fd, follow_symlinks=False)


def add_name(from_fd: int, existing: str, dir_fd: int, name: str) -> None:
    """One more name for a file (a hard link). Raises FileExistsError, OSError."""
    os.link(existing, name, src_dir_fd=from_fd, dst_dir_fd=dir_fd, follow_symlinks=False)


@cache
def _syncfs() -> Any:
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def sync_file_system(fd: int) -> None:
    """Everything written to the file system of ``fd`` is on the disk: for many small files at once.
    Raises OSError where the system tells of a failure."""
    call = _syncfs()
    if call is None:
        os.sync()
    elif call(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def make_link(dir_fd: int, target: str, name: str) -> None:
    """A symbolic link holding the text ``target``."""
    os.symlink(target, name, dir_fd=dir_fd)


def lock_directory(fd: int) -> bool:
    """Lock an open directory until it is closed. False when another process has it; True as well where
    the file system cannot lock directories (NFS)."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def take_lock(dir_fd: int, name: str, mode: int = 0o644) -> int | None:
    """A descriptor that holds the lock file ``name`` until closed, or None when another process has it.

    ``flock``, not ``lockf``: a POSIX lock vanishes when the process closes any descriptor of the file.
    The file is never removed (two holders would follow), and a file replaced meanwhile is not ours.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            fd = os.open(name, flags, dir_fd=dir_fd)
        except FileNotFoundError:
            # Not at once with O_CREAT: in a sticky directory Linux refuses that for another user's file.
            fd = os.open(name, flags | os.O_CREAT, mode, dir_fd=dir_fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours, there = os.fstat(fd), os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        except BlockingIOError:
            os.close(fd)
            return None
        except FileNotFoundError:
            os.close(fd)
            continue
        except BaseException:
            os.close(fd)
            raise
        if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):
            return fd
        os.close(fd)


def overwrite(fd: int, data: bytes) -> None:
    """Replace the content of a small open file of ours (the lock's text)."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, data, 0)


@dataclass(slots=True)
class _Level:
    name: str
    identity: tuple[int, int]
    entries: list[tuple[str, bool]]
    """Still to remove: name, and whether it is a directory."""


def remove_tree(dir_fd: int, name: str, removed: Callable[[os.stat_result], None] | None = None) -> None:
    """Remove the directory ``name`` and everything in it, files first.

    Iterative with two descriptors at any depth; links are removed, never followed; nothing on another
    device is touched. ``removed`` hears the status each file had before this name of it went. Directories
    without permission for their owner are opened up if they are ours. The first error ends it with
    OSError, leaving the rest; calling again goes on.
    """
    fd = _enter(dir_fd, name)
    try:
        device = os.fstat(fd).st_dev
        levels = [_level(fd, name, device)]
        while True:
            child = _clear(fd, levels[-1], removed)
            if child is not None:
                below = _enter(fd, child)
                os.close(fd)
                fd = below
                levels.append(_level(fd, child, device))
                continue
            gone = levels.pop()
            if not levels:
                break
            above = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = above
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) != levels[-1].identity:
                raise OSError(errno.ESTALE, "the directory was moved while it was removed", gone.name)
            _insist(fd, os.rmdir, gone.name)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=dir_fd)


def _level(fd: int, name: str, device: int) -> _Level:
    status = os.fstat(fd)
    if status.st_dev != device:
        raise OSError(errno.EXDEV, "something is mounted inside", name)
    with os.scandir(fd) as found:
        entries = [(one.name, one.is_dir(follow_symlinks=False)) for one in found]
    # Taken from the end, so that the directory itself soon tells that something of it is gone.
    entries.sort(key=lambda entry: not entry[1])
    return _Level(name, (status.st_dev, status.st_ino), entries)


def _clear(fd: int, level: _Level, removed: Callable[[os.stat_result], None] | None) -> str | None:
    """Unlink what can be unlinked in ``fd``; the name of a directory to empty first, or None."""
    while level.entries:
        entry, is_directory = level.entries.pop()
        try:
            if is_directory:
                try:
                    _insist(fd, os.rmdir, entry)
                except OSError as error:
                    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                        return entry
                    raise
                continue
            status = os.stat(entry, dir_fd=fd, follow_symlinks=False)
            _insist(fd, os.unlink, entry)
        except FileNotFoundError:
            continue
        if removed:
            removed(status)
    return None


def _insist(fd: int, call: Callable[..., None], entry: str) -> None:
    """``call`` an entry of ``fd``; when the directory forbids it and is ours, permit it and call again."""
    try:
        call(entry, dir_fd=fd)
    except PermissionError:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid() or status.st_mode & 0o700 == 0o700:
            raise
        os.fchmod(fd, status.st_mode & 0o7777 | 0o700)
        call(entry, dir_fd=fd)


def _enter(dir_fd: int, name: str) -> int:
    """Open a directory; one of ours without permission for its owner gets it."""
    try:
        fd = open_directory(name, dir_fd)
    except PermissionError:
        path_only = getattr(os, "O_PATH", None)
        if path_only is None:
            raise
        # By descriptor: a name could be swapped for a link to somebody's directory in between.
        handle = os.open(name, path_only | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
        try:
            status = os.fstat(handle)
            if status.st_uid != os.geteuid():
                raise
            os.chmod(f"/proc/self/fd/{handle}", status.st_mode & 0o7777 | 0o700)
        finally:
            os.close(handle)
        fd = open_directory(name, dir_fd)
    status = os.fstat(fd)
    if status.st_mode & 0o700 != 0o700 and status.st_uid == os.geteuid() != 0:
        os.fchmod(fd, status.st_mode & 0o7777 | 0o700)
    return fd
