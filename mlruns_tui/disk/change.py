"""Every call of the program that alters a disk.

Nothing else in the package creates, renames, writes or removes a file (a test holds it to that), so
what can happen to somebody's data can be read here. All names are relative to directory descriptors.
Nothing is ever replaced: a name that exists already is an error, except in the calls that say otherwise.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Callable
from functools import cache
from typing import Any

from .look import open_directory

_NOREPLACE, _EXCHANGE = 1, 2


@cache
def _renameat2() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    return getattr(libc, "renameat2", None)


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


def publish(dir_fd: int, temporary: str, name: str) -> None:
    """Make a finished temporary file visible under ``name``, replacing an older one of ours."""
    os.replace(temporary, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)


def make_directory(dir_fd: int, name: str, mode: int = 0o755) -> None:
    """A new directory with exactly ``mode`` where the umask allows it. Raises FileExistsError."""
    os.mkdir(name, mode, dir_fd=dir_fd)


def create_file(dir_fd: int, name: str, data: bytes, mode: int = 0o644, *, sync: bool = True) -> None:
    """A new file holding ``data``, on the disk when this returns (unless ``sync`` is False).

    On an error what was written is removed again. Raises FileExistsError, OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, mode, dir_fd=dir_fd)
    try:
        write_all(fd, data)
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


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however many calls it takes. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync(fd: int) -> None:
    """What was written to ``fd`` (a file or a directory) is on the disk. An error is never retried:
    after a failed fsync the kernel may have dropped the data and would report success."""
    os.fsync(fd)


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


def make_link(dir_fd: int, target: str, name: str) -> None:
    """A symbolic link holding the text ``target``."""
    os.symlink(target, name, dir_fd=dir_fd)


def take_lock(dir_fd: int, name: str, mode: int = 0o644) -> int | None:
    """A descriptor that holds the lock file ``name`` until closed, or None when another process has it.

    ``flock``, not ``lockf``: a POSIX lock vanishes when the process closes any descriptor of the file.
    The file is never removed (two holders would follow), and a file replaced meanwhile is not ours.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        fd = os.open(name, flags, mode, dir_fd=dir_fd)
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


def remove_tree(dir_fd: int, name: str, removed: Callable[[os.stat_result], None] | None = None) -> None:
    """Remove the directory ``name`` and everything in it, files first.

    Iterative with two descriptors at any depth; links are removed, never followed; nothing on another
    device is touched. ``removed`` hears the status of each file whose last link went. Directories
    without write permission are opened up if they are ours. The first error ends it with OSError,
    leaving the rest; calling again goes on.
    """
    fd = open_directory(name, dir_fd)
    device = os.fstat(fd).st_dev
    above: list[tuple[str, int, int]] = []
    here = name
    try:
        while True:
            child = _clear(fd, device, removed)
            if child is not None:
                status = os.fstat(fd)
                above.append((here, status.st_dev, status.st_ino))
                below = open_directory(child, fd)
                os.close(fd)
                fd, here = below, child
                continue
            if not above:
                break
            gone = here
            here, parent_device, parent_inode = above.pop()
            parent = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = parent
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) != (parent_device, parent_inode):
                raise OSError(errno.ESTALE, "the directory was moved while it was removed", gone)
            os.rmdir(gone, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=dir_fd)


def _clear(fd: int, device: int, removed: Callable[[os.stat_result], None] | None) -> str | None:
    """Unlink what can be unlinked in ``fd``; the name of a directory to empty first, or None."""
    opened_up = False
    for entry in os.listdir(fd):
        status = os.stat(entry, dir_fd=fd, follow_symlinks=False)
        if status.st_dev != device:
            raise OSError(errno.EXDEV, "something is mounted inside", entry)
        for attempt in (1, 2):
            try:
                if stat.S_ISDIR(status.st_mode):
                    try:
                        os.rmdir(entry, dir_fd=fd)
                    except OSError as error:
                        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                            _open_up(fd, entry, status)
                            return entry
                        raise
                else:
                    os.unlink(entry, dir_fd=fd)
                    if removed and status.st_nlink == 1:
                        removed(status)
                break
            except PermissionError:
                if attempt == 2 or opened_up or os.fstat(fd).st_uid != os.geteuid():
                    raise
                os.fchmod(fd, os.fstat(fd).st_mode & 0o7777 | 0o700)
                opened_up = True
    return None


def _open_up(fd: int, entry: str, status: os.stat_result) -> None:
    if status.st_mode & 0o700 != 0o700 and status.st_uid == os.geteuid() != 0:
        os.chmod(entry, status.st_mode & 0o7777 | 0o700, dir_fd=fd)
