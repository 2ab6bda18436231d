"""Looking at files without changing, following or trusting them.

Everything is relative to directory descriptors and opened with ``O_NOFOLLOW``, unless a caller asks to
``follow``: a name that is swapped for a link between two calls is refused, not followed. Nothing here
raises for what it finds inside a tree; what could not be looked at is reported in the value. Long because
every way of looking is here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Identity

from .place import Space, file_system, space, why_not_movable
from .survey import survey
from .surveys import of_row, row_of, surveys
from .together import is_worth_sharing, share
from .writers import NO_OPEN_FILES, OpenFiles, in_container, open_files, user_name

__all__ = [
    "MAX_SMALL", "NO_OPEN_FILES", "Entry", "NotReadable", "OpenFiles", "Space", "exists", "file_system", "identity",
    "in_container", "is_worth_sharing", "of_row", "open_directory", "open_files", "open_path", "read_head",
    "read_small", "row_of", "share", "space", "split", "survey", "surveys", "user_name", "walk", "why_not_movable",
    "words",
]  # fmt: skip

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY_BEHIND = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FILE_BEHIND = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
MAX_SMALL = 1 << 20
"""Bytes of the largest file ``read_small`` takes; MLflow's metadata files are under 10 KiB."""


class NotReadable(OSError):
    """A file that is not a plain, small, readable file; ``strerror`` says why in words."""


def open_directory(name: str, dir_fd: int | None = None, *, follow: bool = False) -> int:
    """A descriptor on a directory that is not a link, unless to ``follow`` one. Raises OSError."""
    if follow:
        return os.open(name, _DIRECTORY_BEHIND, dir_fd=dir_fd)
    return os.open(name, _DIRECTORY, dir_fd=dir_fd)


def _open_file(name: str, dir_fd: int | None, *, follow: bool) -> int:
    if follow:
        return os.open(name, _FILE_BEHIND, dir_fd=dir_fd)
    return os.open(name, _FILE, dir_fd=dir_fd)


def open_path(root_fd: int, path: str) -> int:
    """A descriptor on the directory ``path`` below ``root_fd``, component by component.

    No component may be a link, ``..`` or empty. Raises OSError.
    """
    # Not a duplicate: that would share the lock the root may have, with whoever is left this one.
    fd = open_directory(".", root_fd)
    try:
        for part in split(path):
            below = open_directory(part, fd)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd


def split(path: str) -> list[str]:
    """The components of a path below a root. Raises NotReadable for one that could lead out of it."""
    parts = path.split("/") if path else []
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise NotReadable(22, "not a plain path below the store", path)
    return parts


def read_small(name: str, dir_fd: int | None = None, limit: int = MAX_SMALL, *, follow: bool = False) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes.

    A link (unless to ``follow`` one), device, FIFO, directory or larger file raises NotReadable at once (it
    is never read or waited for); anything else that goes wrong raises OSError.
    """
    try:
        fd = _open_file(name, dir_fd, follow=follow)
    except OSError as error:
        if error.errno == 40:  # ELOOP: a link, which O_NOFOLLOW refuses
            raise NotReadable(40, "a symbolic link", name) from None
        if error.errno == 6:  # ENXIO: a socket, or a FIFO nobody reads
            raise NotReadable(6, "not a regular file", name) from None
        raise
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise NotReadable(21, "a directory", name)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadable(22, "not a regular file", name)
        if status.st_size > limit:
            raise NotReadable(27, f"{status.st_size:,} bytes are too many for this file", name)
        # One byte more than there should be: then what comes is all of it, without a second call.
        data = os.read(fd, status.st_size + 1)
        # A bad block or a network file system may end a read early; only reading nothing is the end.
        while len(data) < status.st_size and (more := os.read(fd, status.st_size + 1 - len(data))):
            data += more
        while status.st_size < len(data) <= limit:
            more = os.read(fd, limit + 1 - len(data))
            if not more:
                break
            data += more
        if len(data) > limit:
            raise NotReadable(27, "it grew while it was read", name)
        return data
    finally:
        os.close(fd)


def read_head(
    name: str, dir_fd: int | None = None, limit: int = MAX_SMALL, *, follow: bool = False
) -> tuple[bytes, int]:
    """The first ``limit`` bytes of a regular file, and its size in bytes. Raises as ``read_small``."""
    try:
        fd = _open_file(name, dir_fd, follow=follow)
    except OSError as error:
        if error.errno == 40:  # ELOOP: a link, which O_NOFOLLOW refuses
            raise NotReadable(40, "a symbolic link", name) from None
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadable(22, "not a regular file", name)
        data = b""
        while len(data) < limit and (more := os.read(fd, limit - len(data))):
            data += more
        return data, status.st_size
    finally:
        os.close(fd)


def identity(name: str, dir_fd: int | None = None) -> Identity:
    """Device and inode of ``name`` itself, links not followed. Raises OSError."""
    status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    return Identity(status.st_dev, status.st_ino)


def exists(name: str, dir_fd: int | None = None) -> bool:
    """Whether something of any kind has this name. Raises OSError when that cannot be told."""
    try:
        os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry met by ``walk``; ``name`` is relative to ``dir_fd``, which is valid until the next step."""

    dir_fd: int
    name: str
    path: str
    """Relative to the top, ``/`` between parts."""
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class _Level:
    identity: tuple[int, int]
    path: str
    subdirectories: list[str]


def walk(
    parent_fd: int,
    name: str,
    on_error: Callable[[str, str, OSError], None] | None = None,
    enter: Callable[[Entry], bool] | None = None,
    *,
    follow: bool = False,
) -> Iterator[Entry]:
    """Every entry below the directory ``name`` (not the top itself), each directory's entries in name order.

    Needs two descriptors at any depth: going up is by ``..``, whose identity is checked. Links are
    entries, never followed (to ``follow`` is about the top alone); directories on another device are entries,
    never entered. ``enter`` may refuse a directory. ``on_error(path, what, error)`` hears of what could not
    be read.
    """
    fd = open_directory(name, parent_fd, follow=follow)
    try:
        top = os.fstat(fd)
        stack: list[_Level] = []
        path = ""
        while True:
            below: list[str] = []
            prefix = f"{path}/" if path else ""
            for entry in _entries(fd, path, on_error):
                child = prefix + entry
                try:
                    status = os.stat(entry, dir_fd=fd, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if on_error:
                        on_error(child, "stat", error)
                    continue
                met = Entry(fd, entry, child, status)
                yield met
                if stat.S_ISDIR(status.st_mode) and status.st_dev == top.st_dev and (enter is None or enter(met)):
                    below.append(entry)
            below.reverse()
            here = os.fstat(fd)
            stack.append(_Level((here.st_dev, here.st_ino), path, below))
            while stack:
                level = stack[-1]
                if not level.subdirectories:
                    stack.pop()
                    if not stack:
                        return
                    fd = _go_up(fd, stack[-1])
                    continue
                child_name = level.subdirectories.pop()
                path = f"{level.path}/{child_name}" if level.path else child_name
                try:
                    child_fd = open_directory(child_name, fd)
                except OSError as error:
                    if on_error and not isinstance(error, FileNotFoundError):
                        on_error(path, "open", error)
                    continue
                os.close(fd)
                fd = child_fd
                break
    finally:
        os.close(fd)


def names(fd: int) -> list[str]:
    """What is in an open directory now. Raises OSError.

    Rewound first: of a directory that was opened before, btrfs (Linux 6.5 and later) lists what was in it when it was
    opened or last rewound.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    return os.listdir(fd)


def _entries(fd: int, path: str, on_error: Callable[[str, str, OSError], None] | None) -> list[str]:
    try:
        return sorted(os.listdir(fd))
    except OSError as error:
        if on_error:
            on_error(path, "list", error)
        return []


def _go_up(fd: int, level: _Level) -> int:
    above = os.open("..", _DIRECTORY, dir_fd=fd)
    status = os.fstat(above)
    if (status.st_dev, status.st_ino) != level.identity:
        os.close(above)
        raise NotReadable(116, "the directory was moved while it was read", level.path)
    os.close(fd)
    return above


def words(error: OSError) -> str:
    """An operating system error in a few lower-case words."""
    return (error.strerror or str(error)).lower()
