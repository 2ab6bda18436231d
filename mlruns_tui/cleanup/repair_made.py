"""What a repair puts into a place: making it, knowing it again, and which plans of it can be carried out."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from mlruns_tui.disk import change, look
from mlruns_tui.model.plan import PlanItem, Step

NEW = "new"
"""Its name in the batch's folder until it is in its place."""
_BLOCK = 1 << 20


class Made:
    """One file or directory that a step describes."""

    def __init__(self, step: Step) -> None:
        self.step = step

    def make(self, folder: int, parent_fd: int, name: str, parent: os.stat_result) -> None:
        """What is to be put there, whole and on the disk, like its neighbours: theirs to read and write.

        Read back before it is put anywhere. Raises OSError, with nothing of it left where that can be removed."""
        uid = parent.st_uid if os.geteuid() == 0 else -1
        mode, owner, times = parent.st_mode & 0o7777, (uid, parent.st_gid), self.step.mtime_ns
        if self.step.kind == "make-directory":
            change.make_directory(folder, NEW, 0o700)
            fd = look.open_directory(NEW, folder)
            try:
                inside, _, text = self.step.content.partition("\n")
                if inside:
                    change.create_file(fd, inside, text.encode("utf-8", "surrogateescape"), mode & 0o666, owner=owner)
                    if times:
                        change.set_times(fd, inside, times)
                    change.sync(fd)
                change.share(fd, mode, owner)
            finally:
                os.close(fd)
            if not self.is_directory(NEW, folder):
                change.remove_tree(folder, NEW)
                raise OSError(errno.EIO, "the disk gave back something else than was written")
        else:
            source, mode = -1, mode & 0o666
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    mode = status.st_mode & 0o777
                    owner = (status.st_uid if uid != -1 else -1, status.st_gid)
            if self.step.kind == "drop-bytes":
                source = open_file(name, parent_fd)
            try:
                change.create_file(folder, NEW, self._content(source), mode, owner=owner)
                whole = self.is_file(folder, NEW, source)
            finally:
                if source >= 0:
                    os.close(source)
            if not whole:
                change.remove_file(folder, NEW)
                raise OSError(errno.EIO, "the disk gave back something else than was written")
        if times:
            change.set_times(folder, NEW, times)

    def _content(self, source: int) -> Iterator[bytes]:
        """Blocks of the file to be. ``source``: the original, where it is made from that."""
        if self.step.kind == "put-file":
            yield self.step.content.encode("utf-8", "surrogateescape")
            return
        at = 0
        for start, end in [*ranges(self.step.content), (1 << 62, 0)]:
            while at < start:
                block = os.pread(source, min(_BLOCK, start - at), at)
                if not block:
                    return
                yield block
                at += len(block)
            at = end

    def is_directory(self, name: str, dir_fd: int, *, beginning: bool = False) -> bool:
        """Whether it is a directory with nothing in it but what was put there."""
        inside, _, text = self.step.content.partition("\n")
        try:
            fd = look.open_directory(name, dir_fd)
        except OSError:
            return False
        try:
            found = look.names(fd)
            if not found:
                return not inside or beginning
            content = text.encode("utf-8", "surrogateescape")
            written = look.read_small(inside, fd, len(content)) if found == [inside] else None
            return written is not None and (written == content or (beginning and content.startswith(written)))
        except OSError:
            return False
        finally:
            os.close(fd)

    def is_file(self, fd: int, name: str, source: int, *, beginning: bool = False) -> bool:
        """Whether a file holds what was made (or, if that is enough, the ``beginning`` of it)."""
        try:
            reading = open_file(name, fd)
        except OSError:
            return False
        try:
            at, size = 0, os.fstat(reading).st_size
            for block in self._content(source):
                found = os.pread(reading, len(block), at)
                while len(found) < len(block) and (more := os.pread(reading, len(block) - len(found), at + len(found))):
                    found += more
                if found != block:
                    return beginning and at + len(found) == size and block.startswith(found)
                at += len(block)
            return at == size
        finally:
            os.close(reading)


def open_file(name: str, dir_fd: int) -> int:
    """A regular file, opened for reading. Raises OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise look.NotReadable(errno.EINVAL, "not a regular file", name)
    return fd


def ranges(text: str) -> list[tuple[int, int]]:
    """Bytes to leave out, ``12-30,45-60``: pairs of start and end, rising. Raises ValueError."""
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        start, _, end = part.partition("-")
        if not (start.isdecimal() and end.isdecimal()) or not int(start) < int(end) < 1 << 62:
            raise ValueError(f"not a range of bytes: {part!r:.40}")
        if found and int(start) < found[-1][1]:
            raise ValueError(f"not in order: {part!r:.40}")
        found.append((int(start), int(end)))
    return found


_PUTS = ("put-file", "make-directory", "drop-bytes")


def unsupported_repair(item: PlanItem) -> str:
    """Empty when a repair can be carried out as it stands, else what of it cannot."""
    kinds = tuple(step.kind for step in item.steps)
    known = kinds == ("move-out",) or (
        0 < len(kinds) <= 2
        and kinds[-1] in _PUTS
        and kinds[:-1] in ((), ("move-out",))
        and (kinds[-1] != "drop-bytes" or len(kinds) == 2)
    )
    if not known or any(step.path != item.path for step in item.steps):
        return f"repair ({', '.join(kinds) or 'no step'})"
    return _bad_content(item.steps[-1])


def _bad_content(step: Step) -> str:
    try:
        if step.kind == "drop-bytes":
            ranges(step.content)
        content = step.content.encode("utf-8", "surrogateescape")
        if step.kind == "make-directory" and content and len(look.split(os.fsdecode(content.split(b"\n")[0]))) != 1:
            return "repair (a directory with more than a file in it)"
    except (ValueError, OSError) as error:
        return f"repair ({error})"
    return ""
