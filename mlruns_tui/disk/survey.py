"""Everything in one tree, looked at once: size, fingerprint, writers, what stands in the way.

Every item of a plan is read three times by this before it is gone, so the loop is written for speed: each
directory is opened once, held open while what is below it is read, and given to the digest in one piece.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol

from mlruns_tui.model.store import Identity, Size

from .writers import NO_OPEN_FILES, OpenFiles

if TYPE_CHECKING:
    from mlruns_tui.model.evidence import Survey, Writer

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RECORD: Final = Struct("<IQqqqII").pack
_TYPE: Final = 0o170000
_REGULAR: Final = stat.S_IFREG
_FOLDER: Final = stat.S_IFDIR
_MAX_DEPTH: Final = 80
"""Levels held open at once."""


class Witness(Protocol):
    """Who looks on, so that a tree need not be looked at twice."""

    def see(self, prefix: str, names: Sequence[str], seen: Sequence[os.stat_result]) -> None:
        """Entries of one directory; ``prefix``: its path below the top, with a slash behind."""
        ...

    def failed(self, path: str, error: OSError) -> None:
        """What is at ``path`` below the top cannot be read."""
        ...


def survey(parent_fd: int, name: str, held: OpenFiles = NO_OPEN_FILES, witness: Witness | None = None) -> Survey:
    """Look once at everything in the tree ``name``.

    The fingerprint covers name, type and mode, inode, size, mtime, ctime and owner of every entry; of
    the top directory all but its ctime, which a rename of the tree changes. Two equal fingerprints
    mean nobody wrote, replaced, renamed or chmod-ed anything inside in between.

    Raises FileNotFoundError when there is no such name, OSError when even it cannot be looked at.
    """
    top = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    look = _Surveyor(top, held, witness)
    if stat.S_ISDIR(top.st_mode):
        look.enter(parent_fd, name, "", 0)
    elif stat.S_ISLNK(top.st_mode):
        look.note("link", "")
    else:
        look.count(top)
    return look.result()


class _Surveyor:
    __slots__ = (
        "_allocated", "_bytes", "_device", "_digest", "_entries", "_files", "_held", "_inodes", "_links", "_newest",
        "_others", "_silly", "_top", "_trouble", "_trouble_path", "_uid", "_witness", "_writers",
    )  # fmt: skip

    def __init__(self, top: os.stat_result, held: OpenFiles, witness: Witness | None) -> None:
        from hashlib import blake2b

        self._top = top
        self._witness = witness
        self._device, self._uid = top.st_dev, top.st_uid
        self._held = held.writers
        self._inodes = held.inodes
        self._digest = blake2b(digest_size=20)
        self._digest.update(_RECORD(top.st_mode, top.st_ino, 0, top.st_mtime_ns, 0, top.st_uid, top.st_gid))
        self._bytes = self._allocated = self._files = self._silly = 0
        self._entries = 1
        self._newest = top.st_mtime_ns
        self._others = False
        self._links: set[int] = set()
        self._trouble: list[str] = []
        self._trouble_path = ""
        self._writers: list[Writer] = []
        if top.st_ino in self._inodes:
            self._look_for_writers([top])

    def enter(self, parent_fd: int, name: str, path: str, depth: int) -> None:
        """Everything in the directory ``name``, which is ``path`` below the top."""
        try:
            fd = os.open(name, _OPEN, dir_fd=parent_fd)
        except OSError as error:
            # Gone since it was listed: the directory it was in has another time by now.
            if not (path and isinstance(error, FileNotFoundError)):
                self._failed(path, error)
            return
        try:
            prefix = f"{path}/" if path else ""
            for below in self._list(fd, path, prefix):
                if depth < _MAX_DEPTH:
                    self.enter(fd, below, prefix + below, depth + 1)
                else:
                    self._enter_deep(fd, below, prefix + below)
        finally:
            os.close(fd)

    def _list(self, fd: int, path: str, prefix: str) -> list[str]:
        """See all entries of an open directory, in the order of their names; those that are to be entered."""
        try:
            names = os.listdir(fd)
        except OSError as error:
            self._failed(path, error)
            return []
        if not names:
            return []
        names.sort()
        all_names = "\0".join(names)
        start = os.fsencode(prefix)
        below: list[str] = []
        gone: list[str] = []
        pieces: list[bytes] = []
        seen: list[os.stat_result] = []
        inodes: list[int] = []
        look, device, owner, newest = os.lstat, self._device, self._uid, self._newest
        size_here = blocks = files = 0
        for name, raw in zip(names, os.fsencode(all_names).split(b"\0"), strict=True):
            try:
                status = look(name, dir_fd=fd)
            except OSError as error:
                gone.append(name)
                if not isinstance(error, FileNotFoundError):
                    self._failed(prefix + name, error)
                continue
            # One slice costs a quarter of what seven attributes cost.
            mode, inode, on, links, uid, gid, size = status[:7]
            changed = status.st_mtime_ns
            kind = mode & _TYPE
            if kind == _REGULAR:
                if links == 1:
                    size_here += size
                    blocks += status.st_blocks
                    files += 1
                else:
                    self.count(status)
            elif kind == _FOLDER:
                size = 0
                if on == device:
                    below.append(name)
            pieces.append(start + raw)
            pieces.append(_RECORD(mode, inode, size, changed, status.st_ctime_ns, uid, gid))
            inodes.append(inode)
            seen.append(status)
            if changed > newest:
                newest = changed
            if uid != owner:
                self._others = True
            if on != device:
                self.note("other-device", prefix + name)
        self._digest.update(b"".join(pieces))
        self._entries += len(seen)
        self._bytes += size_here
        self._allocated += blocks * 512
        self._files += files
        self._newest = newest
        if ".nfs" in all_names:
            self._silly += sum(one.startswith(".nfs") for one in names if one not in below)
        if not self._inodes.isdisjoint(inodes):
            self._look_for_writers(seen)
        if self._witness is not None:
            self._witness.see(prefix, [name for name in names if name not in gone] if gone else names, seen)
        return below

    def _enter_deep(self, fd: int, name: str, path: str) -> None:
        """The same with two descriptors at any depth."""
        from .look import walk

        def failed(inner: str, what: str, error: OSError) -> None:
            self._failed(f"{path}/{inner}" if inner else path, error)

        try:
            for entry in walk(fd, name, failed):
                self._see(entry.status, f"{path}/{entry.path}", entry.name)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._failed(path, error)

    def _see(self, status: os.stat_result, path: str, name: str) -> None:
        mode = status.st_mode
        size = 0 if stat.S_ISDIR(mode) else status.st_size
        self._digest.update(os.fsencode(path))
        self._digest.update(
            _RECORD(mode, status.st_ino, size, status.st_mtime_ns, status.st_ctime_ns, status.st_uid, status.st_gid)
        )
        self._entries += 1
        self._newest = max(self._newest, status.st_mtime_ns)
        if status.st_uid != self._uid:
            self._others = True
        if status.st_dev != self._device:
            self.note("other-device", path)
        if stat.S_ISREG(mode):
            self.count(status)
        if not stat.S_ISDIR(mode) and name.startswith(".nfs"):
            self._silly += 1
        if status.st_ino in self._inodes:
            self._look_for_writers([status])
        if self._witness is not None:
            self._witness.see(path[: len(path) - len(name)], [name], [status])

    def count(self, status: os.stat_result) -> None:
        """A file's size, once however many names it has here."""
        if status.st_nlink > 1:
            if status.st_ino in self._links:
                return
            self._links.add(status.st_ino)
        self._bytes += status.st_size
        self._allocated += status.st_blocks * 512
        self._files += 1

    def _look_for_writers(self, seen: list[os.stat_result]) -> None:
        for status in seen:
            self._writers.extend(self._held.get((status.st_dev, status.st_ino), ()))

    def _failed(self, path: str, error: OSError) -> None:
        self.note("unreadable", path)
        if self._witness is not None:
            self._witness.failed(path, error)

    def note(self, trouble: str, path: str) -> None:
        """Something that stands in the way, at ``path`` below the top."""
        if not self._trouble:
            self._trouble_path = path
        if trouble not in self._trouble:
            self._trouble.append(trouble)

    def result(self) -> Survey:
        from mlruns_tui.model.evidence import Survey

        return Survey(
            identity=Identity(self._top.st_dev, self._top.st_ino),
            fingerprint=self._digest.hexdigest(),
            size=Size(self._bytes, self._allocated, self._files, self._newest),
            entries=self._entries,
            owner=self._uid,
            other_owners=self._others,
            trouble=tuple(self._trouble),
            trouble_path=self._trouble_path,
            writers=tuple(self._writers),
            silly_renames=self._silly,
        )
