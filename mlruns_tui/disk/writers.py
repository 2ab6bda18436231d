"""Who has files open: other processes that write to, map, or stand in what somebody wants to move."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from mlruns_tui.model.late import dataclass

if TYPE_CHECKING:
    from mlruns_tui.model.evidence import Writer


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """What other processes hold open for writing (or stand in), by device and inode."""

    writers: dict[tuple[int, int], list[Writer]]
    unchecked: int
    """Processes whose descriptors this user may not see."""
    inodes: frozenset[int] = field(default=frozenset(), compare=False)
    """Of ``writers``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "inodes", frozenset(inode for _, inode in self.writers))


NO_OPEN_FILES = OpenFiles({}, 0)


def open_files(device: int) -> OpenFiles:
    """Files on ``device`` that any visible process has open for writing, maps shared and writable,
    or has as its working directory.

    From ``/proc`` (Linux); elsewhere empty with ``unchecked`` -1. Compared by inode, so a store seen
    through another mount is found as well.
    """
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return OpenFiles({}, -1)
    from mlruns_tui.model.evidence import Writer

    found: dict[tuple[int, int], list[Writer]] = {}
    names: dict[int, str] = {}
    unchecked = 0
    for process in processes:
        try:
            inodes = list(_held_by(process, device))
        except PermissionError:
            unchecked += 1
            continue
        except OSError:
            continue
        if inodes:
            user, command = _describe_process(process, names)
            for inode, path in inodes:
                found.setdefault((device, inode), []).append(Writer(int(process), user, command, path))
    return OpenFiles(found, unchecked)


_FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""``PROC_PID_INIT_INO`` of Linux: the namespace in which every process of a machine can be seen."""


def in_container() -> bool:
    """Whether this process sees only a part of the machine's processes. False where that cannot be told."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino != _FIRST_PID_NAMESPACE
    except OSError:
        return False


def _held_by(process: str, device: int) -> Iterator[tuple[int, str]]:
    base = f"/proc/{process}"
    for number in os.listdir(f"{base}/fd"):
        with contextlib.suppress(OSError, ValueError):
            target = os.readlink(f"{base}/fd/{number}")
            # Only a path can be a file of a store; asking the kernel for others may block.
            # /dev/shm alone of all in /dev is a place for files.
            outside = not target.startswith("/") or target.startswith(("/dev/", "/proc/", "/memfd:"))
            if outside and not target.startswith("/dev/shm/"):
                continue
            # Linux shows in the link itself how it was opened; only what may be written to is worth more.
            if os.lstat(f"{base}/fd/{number}").st_mode & 0o700 == 0o500:
                continue
            status = os.stat(f"{base}/fd/{number}")
            if status.st_dev != device or not stat.S_ISREG(status.st_mode):
                continue
            with open(f"{base}/fdinfo/{number}", encoding="ascii") as info:
                flags = next((line for line in info if line.startswith("flags:")), "flags:\t0")
            if int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY:
                yield status.st_ino, target
    with contextlib.suppress(OSError):
        status = os.stat(f"{base}/cwd")
        if status.st_dev == device:
            yield status.st_ino, os.readlink(f"{base}/cwd")
    with contextlib.suppress(OSError, ValueError), open(f"{base}/maps", "rb", buffering=0) as maps:
        if _maps_no_file_to_write(maps.fileno()):
            return
        for line in io.BufferedReader(maps):
            fields = line.split(None, 5)
            if len(fields) == 6 and fields[1][1:2] == b"w" and fields[1][3:4] == b"s" and fields[4] != b"0":
                major, minor = (int(part, 16) for part in fields[3].split(b":"))
                if os.makedev(major, minor) == device:
                    yield int(fields[4]), os.fsdecode(fields[5].strip())


_PROCMAP_QUERY = 0xC0686611
_WRITABLE, _SHARED, _NEXT, _OF_FILE = 0x02, 0x08, 0x10, 0x20


def _maps_no_file_to_write(maps_fd: int) -> bool:
    """Whether the kernel says at once that nothing in this ``/proc/<pid>/maps`` is a shared, writable file: for a
    large process a hundred times cheaper than to read it. False too where it cannot tell (Linux before 6.11).

    ``PROCMAP_QUERY`` of include/uapi/linux/fs.h: a ``struct procmap_query`` of 104 bytes, its size and the
    wanted properties first.
    """
    query = bytearray(104)
    struct.pack_into("=QQ", query, 0, len(query), _WRITABLE | _SHARED | _NEXT | _OF_FILE)
    try:
        fcntl.ioctl(maps_fd, _PROCMAP_QUERY, query)
    except OSError as error:
        return error.errno == errno.ENOENT
    return False


def _describe_process(process: str, names: dict[int, str]) -> tuple[str, str]:
    """User and command of a process; ``names`` remembers users."""
    user, command = "?", "?"
    with contextlib.suppress(OSError):
        uid = os.stat(f"/proc/{process}").st_uid
        user = names.get(uid) or names.setdefault(uid, user_name(uid))
    with contextlib.suppress(OSError):
        fd = os.open(f"/proc/{process}/comm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            command = os.read(fd, 64).decode(errors="replace").strip()
        finally:
            os.close(fd)
    return user, command


def user_name(uid: int) -> str:
    """Login name of a user id, or the number as text."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
