"""Moving out the artifacts of a run: an empty directory takes their place in the same moment.

MLflow (from 3.8 on) calls a run without its ``artifacts/`` not found: nothing of it can be read or logged. So the
directory that stands in is made in the item's place in the backup first, like the one it is to replace, and the
two change names in one step. Which of both lies there is told by identity, as everywhere. Where names cannot be
exchanged it waits as ``<n>.new`` and follows by a second rename, after a crash by whoever settles the batch.

Going back is one rename over the directory that stands in: the system refuses it where anything is inside.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from mlruns_tui.disk import change, look
from mlruns_tui.model.words import OWN_SUFFIX

from .places import Slot
from .steps import Ground, MoveOut, Where

_NEW = ".new"
_COPIED_ATTRIBUTES = ("user.", "system.posix_acl_")


class Slim(MoveOut):
    """The artifacts of a run, and the empty directory that is there without them."""

    # Doing.

    def do(self, ground: Ground) -> Slot:
        """Raises OSError, with nothing changed but an empty directory of the backup, where not even that goes."""
        slot = ground.places.free(self.n)
        parent_fd, name = ground.parents.of(self.item.path)
        try:
            self._make(ground, slot, parent_fd, name)
        except FileExistsError:
            self.tidy(ground)
            self._make(ground, slot, parent_fd, name)
        try:
            self._exchange(ground, slot, parent_fd, name)
        except OSError:
            with contextlib.suppress(OSError):
                self.tidy(ground)
            raise
        return slot

    def do_bare(self, ground: Ground) -> Slot:
        """Only move them out, where there is no room for a directory: ``fill_in`` must follow. Raises OSError, with
        nothing changed."""
        return super().do(ground)

    def _make(self, ground: Ground, slot: Slot, parent_fd: int, name: str) -> None:
        """An empty directory in the slot: mode, owner, ACL and time of the one it stands in for."""
        like = look.open_directory(name, parent_fd)
        try:
            self._about_to_change(ground, slot, own=False)
            change.make_directory(slot.fd, slot.name, 0o700)
            self._changed(ground, slot, own=False)
            try:
                _make_like(slot.fd, slot.name, like)
            except OSError:
                with contextlib.suppress(OSError):
                    self._drop(ground, slot, slot.name)
                raise
        finally:
            os.close(like)

    def _exchange(self, ground: Ground, slot: Slot, parent_fd: int, name: str) -> None:
        self._about_to_change(ground, slot)
        try:
            change.exchange(slot.fd, slot.name, parent_fd, name)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            try:
                self._in_two(slot, parent_fd, name)
            except OSError:
                self._changed(ground, slot)
                raise
        self._changed(ground, slot)

    @staticmethod
    def _in_two(slot: Slot, parent_fd: int, name: str) -> None:
        """Where the system cannot exchange names: out of the way, then into the place."""
        waiting = _waiting(slot)
        change.rename(slot.fd, slot.name, slot.fd, waiting)
        change.rename(parent_fd, name, slot.fd, slot.name)
        try:
            change.rename(slot.fd, waiting, parent_fd, name)
        except FileExistsError:
            # Somebody logs into the run just now: then it has one already.
            with contextlib.suppress(OSError):
                change.remove_directory(slot.fd, waiting)
        except OSError:
            change.rename(slot.fd, slot.name, parent_fd, name)
            raise

    # Taking back.

    def undo(self, ground: Ground) -> None:
        """Over the empty directory, or to where nothing is. Raises OSError, with nothing changed; FileExistsError
        when something was logged there since."""
        where, slot, _ = self.find(ground)
        found = ground.places.find(self.n)
        if found is None or (where != "backup" and self._stands_in(found[0])):
            raise FileNotFoundError(errno.ENOENT, "not in the backup", self.item.path)
        slot = found[0]
        parent_fd, name = ground.parents.of(self.item.path)
        self._about_to_change(ground, slot)
        change.replace_empty(slot.fd, slot.name, parent_fd, name)
        self._changed(ground, slot)

    # After a crash.

    def find(self, ground: Ground) -> tuple[Where, Slot | None, os.stat_result | None]:
        where, slot, status = super().find(ground)
        if where != "backup" or slot is None or status is None:
            return where, slot, status
        if ground.places.same(status, self.item.identity) or not self._stands_in(slot):
            return where, slot, status
        # Of a copied store, or of one whose artifacts somebody removed in the middle of it.
        here = self._here(ground)
        return ("neither", None, None) if here is None else ("origin", None, here)

    def tidy(self, ground: Ground) -> None:
        """Bring a directory that waits into its place if that is free, and remove it where it is of no use. Nothing
        of the store's is removed. Raises OSError."""
        for slot in ground.places.slots(self.n):
            if look.exists(_waiting(slot), slot.fd):
                parent_fd, name = ground.parents.of(self.item.path)
                if self.find(ground)[0] == "backup" and not look.exists(name, parent_fd):
                    self._about_to_change(ground, slot)
                    change.rename(slot.fd, _waiting(slot), parent_fd, name)
                    self._changed(ground, slot)
                    change.sync(parent_fd)
                else:
                    self._drop(ground, slot, _waiting(slot))
        found = ground.places.find(self.n)
        if found is not None and self.find(ground)[0] != "backup":
            self._drop(ground, found[0], found[0].name)
        ground.parents.put_back()

    def fill_in(self, ground: Ground) -> None:
        """Make the directory where the run is without one by now. Raises OSError."""
        parent_fd, name = ground.parents.of(self.item.path)
        if look.exists(name, parent_fd):
            return
        kept = ground.places.find(self.n)
        ground.parents.about_to_change(self.parent)
        like = look.open_directory(kept[0].name, kept[0].fd) if kept is not None else os.dup(parent_fd)
        try:
            change.make_directory(parent_fd, name, os.fstat(like).st_mode & 0o777)
            with contextlib.suppress(OSError):
                _make_like(parent_fd, name, like)
        finally:
            os.close(like)
        ground.parents.changed(self.parent)
        change.sync(parent_fd)
        ground.parents.put_back()

    def moments(self, ground: Ground) -> list[int]:
        """When what stands in, or is about to, last got another name, in ns. Raises OSError."""
        here = self._here(ground)
        found = [] if here is None else [here.st_ctime_ns]
        for slot in ground.places.slots(self.n):
            for name in (slot.name, _waiting(slot)):
                with contextlib.suppress(FileNotFoundError):
                    found.append(os.stat(name, dir_fd=slot.fd, follow_symlinks=False).st_ctime_ns)
        return found

    def _here(self, ground: Ground) -> os.stat_result | None:
        try:
            parent_fd, name = ground.parents.of(self.item.path)
            return os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        except OSError:
            return None

    def _stands_in(self, slot: Slot) -> bool:
        """Whether what lies in the slot is empty though the artifacts were not."""
        return self.item.entries > 1 and is_empty(slot.fd, slot.name)

    def _drop(self, ground: Ground, slot: Slot, name: str) -> None:
        """Remove an empty directory of ours. Raises OSError, also where something is in it."""
        self._about_to_change(ground, slot, own=False)
        change.remove_directory(slot.fd, name)
        self._changed(ground, slot, own=False)

    def _about_to_change(self, ground: Ground, slot: Slot, *, own: bool = True) -> None:
        for path in self._touched(slot, own):
            ground.parents.about_to_change(path)

    def _changed(self, ground: Ground, slot: Slot, *, own: bool = True) -> None:
        for path in self._touched(slot, own):
            ground.parents.changed(path)

    def _touched(self, slot: Slot, own: bool) -> set[str]:
        return ({self.parent} if own else set()) | ({""} if slot.in_root else set())


def is_empty(dir_fd: int, name: str) -> bool:
    """Whether this is a directory with nothing in it, as far as can be seen; a link never is."""
    try:
        fd = look.open_directory(name, dir_fd)
    except OSError:
        return False
    try:
        return not look.names(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def _waiting(slot: Slot) -> str:
    """Name of the directory that is to follow, beside the slot; beside experiments one MLflow passes over."""
    if slot.in_root:
        return f"{slot.name.removesuffix(OWN_SUFFIX)}{_NEW}{OWN_SUFFIX}"
    return f"{slot.name}{_NEW}"


def _make_like(dir_fd: int, name: str, like: int) -> None:
    """Give a new directory the owner, attributes, mode and time of an open one. Raises OSError."""
    status = os.fstat(like)
    fd = look.open_directory(name, dir_fd)
    try:
        # Only root can give a directory away: another's is ours then, of the same group.
        uid = status.st_uid if os.geteuid() == 0 else -1
        mode = stat.S_IMODE(status.st_mode)
        change.share(fd, mode, (uid, status.st_gid))
        ours = os.fstat(fd)
        try:
            change.finish(fd, ours.st_uid, ours.st_gid, _attributes(like), mode, status.st_mtime_ns)
        except OSError:
            # A file system that will not take an attribute back.
            change.finish(fd, ours.st_uid, ours.st_gid, (), mode, status.st_mtime_ns)
    finally:
        os.close(fd)


def _attributes(fd: int) -> list[tuple[str, bytes]]:
    """Access lists and what users noted."""
    if not hasattr(os, "listxattr"):
        return []
    try:
        return [(name, os.getxattr(fd, name)) for name in os.listxattr(fd) if name.startswith(_COPIED_ATTRIBUTES)]
    except OSError:
        return []
