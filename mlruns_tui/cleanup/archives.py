"""The archives of one batch: ``pack/<name>.tar.zst`` in its folder, each with ``<name>.manifest`` beside it.

An archive counts from the rename that gives it its name until the one that takes it to ``dead/``. Whatever
has a name ending in ``.tmp`` or ``.unpacking`` never counted.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable

from mlruns_tui.disk import change, look
from mlruns_tui.model.words import VAULT_NAME

from .archive import Damaged, Manifest, first_line
from .layout import BATCHES, DEAD, Sharing, make_folder
from .unpack import UNPACKING

PACK = "pack"
TAR, MANIFEST, TEMPORARY = ".tar.zst", ".manifest", ".tmp"
_NAME = re.compile(r"[0-9][0-9-]{0,40}")
_MAX_FIRST_LINE = 1 << 24


class Archives:
    """What is in the ``pack`` folder of a batch. Looked up when it is asked for, then remembered."""

    def __init__(self, batch_id: str) -> None:
        self._id = batch_id
        self._folder_fd = self._pack_fd = self._dead_fd = -1
        self._found: dict[str, dict[int, str]] | None = None
        self.broken: list[str] = []
        """Names of archives whose manifest cannot be read: what they hold is not known."""

    def use(self, folder_fd: int) -> None:
        """Look into this folder of the vault. Raises OSError."""
        self.close()
        self._folder_fd = os.dup(folder_fd)
        for name in (PACK, DEAD):
            with contextlib.suppress(FileNotFoundError):
                fd = look.open_directory(name, folder_fd)
                if name == PACK:
                    self._pack_fd = fd
                else:
                    self._dead_fd = fd

    @property
    def fd(self) -> int:
        """The ``pack`` folder. Raises FileNotFoundError when there is none."""
        if self._pack_fd < 0:
            raise FileNotFoundError(2, "there is no folder for archives", self._id)
        return self._pack_fd

    def make(self, shared: Sharing) -> None:
        """Make the folder if it is missing. Raises OSError."""
        if self._folder_fd < 0:
            raise FileNotFoundError(2, "the batch has no folder in the vault", self._id)
        if self._pack_fd < 0:
            self._pack_fd = make_folder(self._folder_fd, PACK, shared.batch, shared.owner)
            change.sync(self._folder_fd)

    @property
    def found(self) -> dict[str, dict[int, str]]:
        """By name: the items each holds, with the state of their trees when they were packed."""
        if self._found is None:
            self._found = {}
            self.broken = []
            names = set(os.listdir(self._pack_fd)) if self._pack_fd >= 0 else set()
            for name in sorted(one[: -len(TAR)] for one in names if one.endswith(TAR)):
                try:
                    if not _NAME.fullmatch(name):
                        raise Damaged("not one of ours")
                    self._found[name] = self._items(name)
                except (OSError, Damaged):
                    self.broken.append(name)
        return self._found

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

    def forget(self) -> None:
        """Look again the next time."""
        self._found = None

    def holding(self, n: int) -> list[str]:
        """Names of the archives an item is in."""
        return [name for name, items in self.found.items() if n in items]

    def path(self, name: str) -> str:
        """Of the archive, relative to the store's root."""
        return f"{VAULT_NAME}/{BATCHES}/{self._id}/{PACK}/{name}{TAR}"

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
        """A name for an archive whose first item is ``n``."""
        taken = {*os.listdir(self.fd), *(os.listdir(self._dead_fd) if self._dead_fd >= 0 else ())}
        again = 1
        while any(one.startswith(f"{n}-{again}.") for one in taken):
            again += 1
        return f"{n}-{again}"

    def publish(self, name: str) -> None:
        """From now on the archive counts. Raises OSError."""
        change.rename(self.fd, name + MANIFEST + TEMPORARY, self.fd, name + MANIFEST)
        change.rename(self.fd, name + TAR + TEMPORARY, self.fd, name + TAR)
        change.sync(self.fd)
        self.forget()

    def withdraw(self, name: str) -> None:
        """Remove what was written of an archive that does not count. Never raises."""
        for ending in (TAR + TEMPORARY, MANIFEST + TEMPORARY, MANIFEST):
            with contextlib.suppress(OSError):
                change.remove_file(self.fd, name + ending)

    def remove(self, name: str, removed: Callable[[os.stat_result], None] | None = None) -> None:
        """An archive counts no more, and is deleted. Raises OSError; then it may still be there."""
        self.forget()
        change.rename(self.fd, name + TAR, self._dead_fd, name + TAR)
        change.sync(self._dead_fd)
        change.sync(self.fd)
        self._delete(self._dead_fd, name + TAR, removed)
        self._delete(self.fd, name + MANIFEST, removed)

    @staticmethod
    def _delete(fd: int, name: str, removed: Callable[[os.stat_result], None] | None) -> None:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        change.remove_file(fd, name)
        if removed is not None:
            removed(status)

    def settle(self, removed: Callable[[os.stat_result], None] | None, *, rescue: bool) -> None:
        """After a worker was killed: what never counted goes, and what was only about to be deleted counts
        again with ``rescue``, else it is deleted. Raises OSError."""
        if self._pack_fd < 0:
            return
        self.forget()
        if self._dead_fd >= 0:
            for name in os.listdir(self._dead_fd):
                if not name.endswith(TAR):
                    continue
                if rescue and look.exists(name[: -len(TAR)] + MANIFEST, self.fd) and not look.exists(name, self.fd):
                    change.rename(self._dead_fd, name, self.fd, name)
                    change.sync(self.fd)
                else:
                    self._delete(self._dead_fd, name, removed)
        names = set(os.listdir(self.fd))
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
        return self._dead_fd >= 0 and any(name.endswith(TAR) for name in os.listdir(self._dead_fd))

    def close(self) -> None:
        for fd in (self._folder_fd, self._pack_fd, self._dead_fd):
            if fd >= 0:
                os.close(fd)
        self._folder_fd = self._pack_fd = self._dead_fd = -1
        self.forget()
