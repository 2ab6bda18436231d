"""Where something is: free space, kind of file system, and whether this user may move it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys

from mlruns_tui.model.late import dataclass

from .writers import user_name


@dataclass(frozen=True, slots=True)
class Space:
    """What a file system has left for this user, in bytes and inodes."""

    bytes_free: int
    bytes_total: int
    inodes_free: int
    inodes_total: int


def space(path: str | int) -> Space:
    """Free space where ``path`` (or a descriptor) is. Raises OSError."""
    found = os.statvfs(path)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, found.f_favail, found.f_files)


_NETWORK = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "afs", "9p", "sshfs", "fuse.")


def file_system(path: str) -> tuple[str, bool]:
    """Type of the file system at ``path`` (``ext4``), and whether other hosts may write to it.

    From ``/proc/self/mountinfo``; ``("", False)`` where that is missing.
    """
    real = os.path.realpath(path)
    best, kind = "", ""
    with (
        contextlib.suppress(OSError),
        open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines,
    ):
        for line in lines:
            left, _, right = line.partition(" - ")
            point = left.split(" ")[4].replace("\\040", " ").replace("\\134", "\\")
            inside = real == point or real.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, right.split(" ")[0]
    return kind, kind.startswith(_NETWORK)


def keeps_order(fd: int) -> bool:
    """Whether renames and removals in the file system of an open directory reach its disk in the order in which they
    were made, as a journal of all names keeps it. False where that is not known.

    After a power cut then no later one of them is there without all earlier ones.
    """
    kind = file_system(f"/proc/self/fd/{fd}")[0]
    if kind not in ("ext3", "ext4"):
        return kind in ("xfs", "tmpfs")
    device = os.fstat(fd).st_dev
    block = os.path.basename(os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
    # Such a file system may be made without a journal; the kernel lists those that have one.
    with contextlib.suppress(OSError):
        return any(name.startswith(f"{block}-") for name in os.listdir("/proc/fs/jbd2"))
    return False


def _is_fixed(parent_fd: int, name: str) -> bool:
    """Whether a directory has the immutable or append-only flag (Linux, include/uapi/linux/fs.h)."""
    get_flags, immutable, append_only = 0x80086601, 0x10, 0x20
    with contextlib.suppress(OSError):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd)
        try:
            found = fcntl.ioctl(fd, get_flags, b"\0" * 8)
            return bool(int.from_bytes(found[:4], sys.byteorder) & (immutable | append_only))
        finally:
            os.close(fd)
    return False


def why_not_movable(parent_fd: int, name: str, status: os.stat_result) -> str:
    """Empty when this user may rename the directory ``name`` into another one, else why not.

    Moving a directory writes to its parent (entry) and to itself (its ``..``); in a sticky parent only
    the owner of either may move it.
    """
    uid = os.geteuid()
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=parent_fd, effective_ids=True):
        parent = os.fstat(parent_fd)
        return f"no permission to change its parent directory (owner {user_name(parent.st_uid)})"
    if stat.S_ISDIR(status.st_mode) and not os.access(name, os.W_OK, dir_fd=parent_fd, effective_ids=True):
        if _is_fixed(parent_fd, name):
            return "the system forbids to move it (an immutable or append-only flag: see lsattr)"
        return f"no permission to move it (owner {user_name(status.st_uid)}, mode {status.st_mode & 0o7777:o})"
    parent = os.fstat(parent_fd)
    if parent.st_mode & stat.S_ISVTX and uid not in (0, status.st_uid, parent.st_uid):
        return f"its parent directory is sticky and it belongs to {user_name(status.st_uid)}"
    return ""
