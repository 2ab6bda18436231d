"""One folder with archives of one batch, each ``<name>.tar.zst`` with ``<name>.manifest`` beside it.

An archive counts from the rename that gives it its name until the one that takes it to ``dead/``. Whatever
has a name ending in ``.tmp`` or ``.unpacking`` never counted.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable

from mlruns_tui.disk import change, look

from .archive import Damaged, Manifest, first_line
from .unpack import UNPACKING

PACK = "pack"
TAR, MANIFEST, TEMPORARY = ".tar.zst", ".manifest", ".tmp"
_NAME = re.compile(r"[0-9][0-9-]{0,40}")
_MAX_FIRST_LINE = 1 << 24

Removed = Callable[[os.stat_result], None]


class Shelf:
    """An open ``pack`` folder and the ``dead`` one beside it. Closes both."""

    def __init__(self, number: int, fd: int, dead_fd: int, path: str, backup_dir: str = "") -> None:
        """``number``: 0 in the vault, else of the record that says where it is. ``path``: of the ``pack`` folder,
        relative to the store's root or absolute. ``backup_dir``: the directory somebody named, empty in the vault."""
        self.number, self.fd, self.dead_fd = number, fd, dead_fd
        self.backup_dir = backup_dir
        self._path = path

    def path(self, name: str) -> str:
        """Of an archive."""
        return f"{self._path}/{name}{TAR}"

    def found(self) -> tuple[dict[str, dict[int, str]], list[str]]:
        """By name: the items each holds with the state of their trees; and the names of those whose manifest
        cannot be read. Raises OSError."""
        found: dict[str, dict[int, str]] = {}
        broken: list[str] = []
        for name in sorted(one[: -len(TAR)] for one in look.names(self.fd) if one.endswith(TAR)):
            try:
                if not _NAME.fullmatch(name):
                    raise Damaged("not one of ours")
                found[name] = self._items(name)
            except (OSError, Damaged):
                broken.append(name)
        return found, broken

    def _items(self, name: str) -> dict[int, str]:
        fd = self._open(name + MANIFEST)
        try:
            line, at = b"", 0
            while b"\n" not in line and at < _MAX_FIRST_LINE:
                block = os.pread(fd, 1 << 16, at)
                if not block:
                    break
                line, at = line + block, at + len(block)
        finally:
            os.close(fd)
        return first_line(line.partition(b"\n")[0])

    def allocated_bytes(self, name: str) -> int:
        """Disk space of archive and manifest, 0 when that cannot be told."""
        taken = 0
        for ending in (TAR, MANIFEST):
            with contextlib.suppress(OSError):
                taken += os.stat(name + ending, dir_fd=self.fd, follow_symlinks=False).st_blocks * 512
        return taken

    def open(self, name: str) -> tuple[int, Manifest]:
        """An archive and its manifest, to read. Close both. Raises OSError, Damaged."""
        tar_fd = self._open(name + TAR)
        try:
            manifest_fd = self._open(name + MANIFEST)
            try:
                return tar_fd, Manifest(manifest_fd)
            except BaseException:
                os.close(manifest_fd)
                raise
        except BaseException:
            os.close(tar_fd)
            raise

    def _open(self, name: str) -> int:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.fd)

    def new_name(self, n: int) -> str:
        """A name for an archive whose first item is ``n``. Raises OSError."""
        taken = {*look.names(self.fd), *(look.names(self.dead_fd) if self.dead_fd >= 0 else ())}
        again = 1
        while any(one.startswith(f"{n}-{again}.") for one in taken):
            again += 1
        return f"{n}-{again}"

    def publish(self, name: str) -> None:
        """From now on the archive counts. Raises OSError."""
        change.rename(self.fd, name + MANIFEST + TEMPORARY, self.fd, name + MANIFEST)
        change.rename(self.fd, name + TAR + TEMPORARY, self.fd, name + TAR)
        change.sync(self.fd)

    def withdraw(self, name: str) -> None:
        """Remove what was written of an archive that does not count. Never raises."""
        for ending in (TAR + TEMPORARY, MANIFEST + TEMPORARY, MANIFEST):
            with contextlib.suppress(OSError):
                change.remove_file(self.fd, name + ending)

    def remove(self, name: str, removed: Removed | None = None) -> None:
        """An archive counts no more, and is deleted. Raises OSError; then it may still be there."""
        change.rename(self.fd, name + TAR, self.dead_fd, name + TAR)
        try:
            change.sync(self.dead_fd)
            change.sync(self.fd)
            self._delete(self.dead_fd, name + TAR, removed)
        except OSError:
            # It is whole still, and counts again.
            with contextlib.suppress(OSError):
                change.rename(self.dead_fd, name + TAR, self.fd, name + TAR)
            raise
        self._delete(self.fd, name + MANIFEST, removed)

    @staticmethod
    def _delete(fd: int, name: str, removed: Removed | None) -> None:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        change.remove_file(fd, name)
        if removed is not None:
            removed(status)

    def settle(self, removed: Removed | None, *, rescue: bool) -> None:
        """After a worker was killed: what never counted goes, and what was only about to be deleted counts
        again with ``rescue``, else it is deleted. Raises OSError."""
        if self.dead_fd >= 0:
            for name in look.names(self.dead_fd):
                if not name.endswith(TAR):
                    continue
                if rescue and look.exists(name[: -len(TAR)] + MANIFEST, self.fd) and not look.exists(name, self.fd):
                    change.rename(self.dead_fd, name, self.fd, name)
                    change.sync(self.fd)
                else:
                    self._delete(self.dead_fd, name, removed)
        names = set(look.names(self.fd))
        for name in names:
            orphan = name.endswith(MANIFEST) and name[: -len(MANIFEST)] + TAR not in names
            if name.endswith(TEMPORARY) or (orphan and not look.exists(name[: -len(MANIFEST)] + TAR, self.fd)):
                change.remove_file(self.fd, name)
            elif name.endswith(UNPACKING):
                with contextlib.suppress(NotADirectoryError):
                    change.remove_tree(self.fd, name)
                    continue
                change.remove_file(self.fd, name)

    @property
    def leftovers(self) -> bool:
        """Whether something was declared dead and is not all gone. Raises OSError."""
        return self.dead_fd >= 0 and any(name.endswith(TAR) for name in look.names(self.dead_fd))

    def close(self) -> None:
        for fd in (self.fd, self.dead_fd):
            if fd >= 0:
                os.close(fd)
        self.fd = self.dead_fd = -1
