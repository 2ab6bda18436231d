"""Making trees again from an archive, under temporary names, and reading them back before they count."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection

from mlruns_tui.disk import change, look
from mlruns_tui.model.text import safe

from .archive import Manifest, replay
from .members import Member
from .trees import Unequal, compare

UNPACKING = ".unpacking"
"""Ending of a tree's name until it was read back."""


def unpack(tar_fd: int, manifest: Manifest, into_fd: int, wanted: Collection[int]) -> dict[int, str]:
    """Make the items ``wanted`` as ``<n>.unpacking`` in a directory; why not, by index of those that could not.

    Those are removed again, the others are on the disk, read back and compared. Raises OSError (no space …)
    with all of them removed, Damaged.
    """
    maker = _Maker(into_fd, frozenset(wanted))
    try:
        problems = {n: why for n, why in replay(tar_fd, manifest, maker).items() if n in wanted}
        maker.close()
        change.sync_file_system(into_fd)
        for n in wanted:
            if n not in problems:
                try:
                    compare(into_fd, f"{n}{UNPACKING}", n, manifest.of_item(n))
                except Unequal as error:
                    problems[n] = f"{safe(str(error))} when it was unpacked and read back"
        for n in problems:
            discard(into_fd, n)
    except BaseException:
        maker.close(quietly=True)
        for n in wanted:
            with contextlib.suppress(OSError):
                discard(into_fd, n)
        raise
    return problems


def discard(into_fd: int, n: int) -> None:
    """Remove what was made of an item so far, if anything. Raises OSError."""
    name = f"{n}{UNPACKING}"
    with contextlib.suppress(FileNotFoundError):
        try:
            change.remove_tree(into_fd, name)
        except NotADirectoryError:
            change.remove_file(into_fd, name)


class _Maker:
    """Makes what comes out of an archive. Nothing is followed: directories are opened one by one from ours."""

    def __init__(self, into_fd: int, wanted: frozenset[int]) -> None:
        self._into_fd = into_fd
        self._wanted = wanted
        self._given_up: set[int] = set()
        self._parent = ("", -1)
        self._file_fd = -1
        self._at = 0
        self._left: list[list[int]] = []
        self._folders: list[Member] = []

    def begin(self, member: Member) -> None:
        if not self._is_wanted(member):
            return
        if self._folders and self._folders[0].item != member.item:
            self._finish_folders()
        parent_fd, name = self._place(member.path)
        if member.kind == "d":
            change.make_directory(parent_fd, name, 0o700)
            self._folders.append(member)
        elif member.kind == "l":
            change.make_link(parent_fd, member.link, name)
            change.finish_link(parent_fd, name, member.uid, member.gid, member.xattrs, member.mtime_ns)
        elif member.kind == "h":
            first_fd = look.open_path(self._into_fd, self._real(member.link.rpartition("/")[0]))
            try:
                change.add_name(first_fd, member.link.rpartition("/")[2], parent_fd, name)
            finally:
                os.close(first_fd)
        else:
            self._file_fd = change.create_open(parent_fd, name)
            spans = ((0, member.size),) if member.segments is None else member.segments
            self._left = [list(one) for one in spans]

    def data(self, content: bytes) -> None:
        if self._file_fd < 0:
            return
        view = memoryview(content)
        while view:
            offset, length = self._left[0]
            part = view[:length]
            change.write_at(self._file_fd, bytes(part) if len(part) < len(content) else content, offset)
            view = view[len(part) :]
            if len(part) == length:
                self._left.pop(0)
            else:
                self._left[0] = [offset + len(part), length - len(part)]

    def end(self, member: Member) -> None:
        if self._file_fd < 0:
            return
        try:
            if member.segments is not None:
                change.set_size(self._file_fd, member.size)
            change.finish(self._file_fd, member.uid, member.gid, member.xattrs, member.mode, member.mtime_ns)
        finally:
            os.close(self._file_fd)
            self._file_fd = -1

    def give_up(self, n: int) -> None:
        self._given_up.add(n)

    def close(self, *, quietly: bool = False) -> None:
        """Finish the directories, once everything in them is made. Raises OSError unless ``quietly``."""
        try:
            if not quietly:
                self._finish_folders()
        finally:
            for fd in (self._file_fd, self._parent[1]):
                if fd >= 0:
                    os.close(fd)
            self._file_fd, self._parent = -1, ("", -1)

    def _is_wanted(self, member: Member) -> bool:
        return member.item in self._wanted and member.item not in self._given_up

    def _real(self, path: str) -> str:
        """Where a path of the archive is made."""
        top, _, rest = path.partition("/")
        return f"{top}{UNPACKING}/{rest}" if rest else f"{top}{UNPACKING}"

    def _place(self, path: str) -> tuple[int, str]:
        above, _, name = path.rpartition("/")
        if not above:
            return self._into_fd, f"{name}{UNPACKING}"
        if self._parent[0] != above:
            fd = look.open_path(self._into_fd, self._real(above))
            if self._parent[1] >= 0:
                os.close(self._parent[1])
            self._parent = (above, fd)
        return self._parent[1], name

    def _finish_folders(self) -> None:
        """Times and modes, the deepest first: whatever is made in a directory changes its time."""
        for member in reversed(self._folders):
            if member.item in self._given_up:
                continue
            fd = look.open_path(self._into_fd, self._real(member.path))
            try:
                change.finish(fd, member.uid, member.gid, member.xattrs, member.mode, member.mtime_ns)
            finally:
                os.close(fd)
        self._folders.clear()
