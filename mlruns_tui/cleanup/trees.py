"""Reading a tree as the members of an archive, every byte of it, without following or trusting anything."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator

from mlruns_tui.disk import look
from mlruns_tui.model.text import safe

from .members import Member

CHUNK = 1 << 20
_SMALL = 128 << 10
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_PACKABLE = {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
_NO_XATTRS = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_LEFT_TO_SYSTEM = frozenset({"security.selinux"})
"""Extended attributes the system gives to a new file by itself."""


class NotPackable(Exception):
    """An entry an archive could not bring back exactly; the text says which and why."""


class Unequal(Exception):
    """An entry that is not what the manifest says; the text names it."""


Begin = Callable[[Member], None]
Data = Callable[[bytes], None]


def read_tree(parent_fd: int, name: str, n: int, begin: Begin, data: Data, *, cold: bool = False) -> Iterator[Member]:
    """The members of the tree ``name``, item ``n``. ``begin`` hears of each before its data go to ``data``;
    it comes out when its digest is known. ``cold``: from the disk, as far as the system lets us ask for that.

    Raises NotPackable, OSError.
    """
    reader = _Reader(n, begin, data, cold)
    top = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    member = reader.member(parent_fd, name, "", top)
    yield reader.read(parent_fd, name, member, top)
    if stat.S_ISDIR(top.st_mode):

        def failed(path: str, what: str, error: OSError) -> None:
            raise error

        # A directory comes right before what is in it: so tar leaves it, and sets its time, only once.
        here, below, waiting = "", list[Member](), list[Member]()
        for entry in look.walk(parent_fd, name, failed):
            above = entry.path.rpartition("/")[0]
            if above != here:
                waiting, below, here = below + waiting, [], above
                while waiting:
                    member = waiting.pop(0)
                    begin(member)
                    yield member
                    if member.path == f"{n}/{above}":
                        break
            member = reader.member(entry.dir_fd, entry.name, entry.path, entry.status)
            if member.kind == "d":
                below.append(member)
            else:
                yield reader.read(entry.dir_fd, entry.name, member, entry.status)
        for member in below + waiting:
            begin(member)
            yield member
    reader.finish()


def why_not_packable(status: os.stat_result, uid: int, groups: frozenset[int]) -> str:
    """Why an entry could not come back as it is, empty when it could. ``uid``: who would unpack it."""
    if stat.S_IFMT(status.st_mode) not in _PACKABLE:
        return "is neither a file, a folder nor a link"
    if uid and status.st_uid != uid:
        return f"belongs to {safe(look.user_name(status.st_uid))}"
    if uid and status.st_gid not in groups:
        return f"belongs to group {status.st_gid}, which is not yours"
    return ""


def my_groups() -> frozenset[int]:
    return frozenset((os.getegid(), *os.getgroups()))


class _Reader:
    def __init__(self, n: int, begin: Begin, data: Data, cold: bool) -> None:
        self._n = n
        self._begin = begin
        self._data = data
        self._cold = cold
        self._uid, self._groups = os.geteuid(), my_groups()
        self._links: dict[int, str] = {}
        self._names_left: dict[int, int] = {}
        """Of files with several names, by inode: path in the archive of the first, how many are to come."""
        self._device = -1

    def member(self, dir_fd: int, name: str, path: str, status: os.stat_result) -> Member:
        """An entry, its data not read yet. Raises NotPackable, OSError."""
        why = why_not_packable(status, self._uid, self._groups)
        if self._device not in (-1, status.st_dev):
            why = "is on another disk"
        if why:
            raise NotPackable(f"{safe(path) or 'it'} {why}")
        self._device = status.st_dev
        mode = status.st_mode
        kind = "d" if stat.S_ISDIR(mode) else "l" if stat.S_ISLNK(mode) else "f"
        member = Member(
            kind,
            f"{self._n}/{path}" if path else f"{self._n}",
            stat.S_IMODE(mode),
            status.st_uid,
            status.st_gid,
            status.st_mtime_ns,
        )
        if kind == "l":
            member.link = os.readlink(name, dir_fd=dir_fd)
        if kind != "f":
            member.xattrs = _xattrs(f"/proc/self/fd/{dir_fd}/{name}")
        return member

    def read(self, dir_fd: int, name: str, member: Member, status: os.stat_result) -> Member:
        """Announce an entry and pass its data on. Raises NotPackable, OSError."""
        if member.kind != "f":
            self._begin(member)
            return member
        if status.st_nlink > 1:
            first = self._links.get(status.st_ino)
            if first is not None:
                self._names_left[status.st_ino] -= 1
                member.kind, member.link = "h", first
                self._begin(member)
                return member
            self._links[status.st_ino] = member.path
            self._names_left[status.st_ino] = status.st_nlink - 1
        try:
            fd = os.open(name, _FILE, dir_fd=dir_fd)
        except OSError as error:
            error.filename = member.path.partition("/")[2] or name
            raise
        try:
            now = os.fstat(fd)
            if (now.st_ino, now.st_size, now.st_mtime_ns) != (status.st_ino, status.st_size, status.st_mtime_ns):
                raise NotPackable(f"{safe(member.path.partition('/')[2])} changed while it was read")
            if self._cold and hasattr(os, "posix_fadvise"):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            member.size = status.st_size
            member.xattrs = _xattrs(fd)
            member.segments = segments(fd, status)
            self._begin(member)
            member.sha256 = digest(fd, member, self._data)
        finally:
            os.close(fd)
        return member

    def finish(self) -> None:
        """Raises NotPackable when a file has a name outside: its space would not be freed, nor the tie kept."""
        for inode, path in self._links.items():
            if self._names_left[inode]:
                raise NotPackable(f"{safe(path.partition('/')[2])} has another name outside of it (a hard link)")


def _xattrs(target: int | str) -> tuple[tuple[str, bytes], ...]:
    if not hasattr(os, "listxattr"):
        return ()
    follow = isinstance(target, int)
    try:
        names = os.listxattr(target, follow_symlinks=follow)
        if not names:
            return ()
        return tuple(
            (name, os.getxattr(target, name, follow_symlinks=follow))
            for name in sorted(names)
            if name not in _LEFT_TO_SYSTEM
        )
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return ()
        raise


def segments(fd: int, status: os.stat_result) -> tuple[tuple[int, int], ...] | None:
    """Where a file has data, as offsets and lengths, an empty one at its end where that is a hole; None for a
    file without holes, or where they cannot be seen. Raises OSError."""
    size = status.st_size
    if status.st_blocks * 512 >= size or not hasattr(os, "SEEK_DATA"):
        return None
    found: list[tuple[int, int]] = []
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            if error.errno == errno.EINVAL:
                return None
            raise
        at = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        found.append((start, at - start))
    if found == [(0, size)]:
        return None
    if not found or sum(found[-1]) < size:
        found.append((size, 0))
    return tuple(found)


def digest(fd: int, member: Member, data: Data) -> str:
    """Pass a file's data on; their SHA-256. Raises OSError, NotPackable when the file is shorter than it was."""
    if member.segments is None and member.size <= _SMALL:
        content = os.pread(fd, member.size + 1, 0) if member.size else b""
        while 0 < len(content) < member.size:
            more = os.pread(fd, member.size - len(content), len(content))
            if not more:
                break
            content += more
        if len(content) != member.size:
            raise NotPackable(f"{safe(member.path.partition('/')[2])} changed while it was read")
        data(content)
        return hashlib.sha256(content).hexdigest()
    sha = hashlib.sha256()
    for offset, length in ((0, member.size),) if member.segments is None else member.segments:
        while length:
            content = os.pread(fd, min(CHUNK, length), offset)
            if not content:
                raise NotPackable(f"{safe(member.path.partition('/')[2])} changed while it was read")
            sha.update(content)
            data(content)
            offset += len(content)
            length -= len(content)
    return sha.hexdigest()


def compare(parent_fd: int, name: str, n: int, expected: Iterator[Member]) -> None:
    """Read a tree and insist that it is what the manifest says. Raises Unequal, OSError."""

    def begin(member: Member) -> None:
        pass

    def data(content: bytes) -> None:
        pass

    try:
        # An archive's order of entries is the order of names: both lists go side by side.
        for member in read_tree(parent_fd, name, n, begin, data, cold=True):
            wanted = next(expected, None)
            if wanted is None or member.path != wanted.path:
                raise Unequal(f"{safe(member.path)} should not be there")
            if member != wanted and not _differ_in_holes_only(parent_fd, name, member, wanted):
                raise Unequal(f"{safe(member.path)} came back different")
    except NotPackable as error:
        raise Unequal(str(error)) from None
    missing = next(expected, None)
    if missing is not None:
        raise Unequal(f"{safe(missing.path)} is missing")


def _differ_in_holes_only(parent_fd: int, name: str, member: Member, wanted: Member) -> bool:
    """Another file system may keep holes in other sizes: then the content decides."""
    if member.kind != "f" or not (member.segments or wanted.segments) or member.size != wanted.size:
        return False
    if (member.mode, member.uid, member.gid, member.mtime_ns, member.xattrs) != (
        wanted.mode, wanted.uid, wanted.gid, wanted.mtime_ns, wanted.xattrs,
    ):  # fmt: skip
        return False
    inside = member.path.partition("/")[2]
    folder, _, last = f"{name}/{inside}".rpartition("/") if inside else ("", "", name)
    above = look.open_path(parent_fd, folder)
    try:
        fd = os.open(last, _FILE, dir_fd=above)
    finally:
        os.close(above)
    try:
        sha = hashlib.sha256()
        at = 0
        for offset, length in (*(wanted.segments or ((0, wanted.size),)), (wanted.size, 0)):
            while at < offset:
                content = os.pread(fd, min(CHUNK, offset - at), at)
                if not content or content.strip(b"\0"):
                    return False
                at += len(content)
            while length:
                content = os.pread(fd, min(CHUNK, length), at)
                if not content:
                    return False
                sha.update(content)
                at += len(content)
                length -= len(content)
    finally:
        os.close(fd)
    return sha.hexdigest() == wanted.sha256
