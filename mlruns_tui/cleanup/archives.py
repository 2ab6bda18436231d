"""All archives of one batch: in ``pack/`` of its folder in the vault, and in the places on other disks it names.

Names tell them apart: ``0-1`` is in the vault, ``2:0-1`` in place 2.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from mlruns_tui.disk import change, look
from mlruns_tui.model.words import VAULT_NAME

from . import elsewhere
from .archive import Manifest
from .layout import BATCHES, DEAD, Sharing, make_folder
from .shelf import MANIFEST, PACK, TAR, TEMPORARY, Shelf

__all__ = ["MANIFEST", "PACK", "TAR", "TEMPORARY", "Archives"]


class Archives:
    """What is in these folders. Looked up when it is asked for, then remembered."""

    def __init__(self, batch_id: str, found_in: str = "") -> None:
        """``found_in``: a directory where archives on another disk may be found by now."""
        self._id = batch_id
        self._found_in = found_in
        self._folder_fd = self._dead_fd = -1
        self._shelves: dict[int, Shelf] = {}
        self.away: dict[int, elsewhere.Record] = {}
        """Places that are not there now."""
        self._records: dict[int, elsewhere.Record] = {}
        self._moved: set[int] = set()
        """Places that were found in another directory than the one their record names."""
        self._found: dict[str, dict[int, str]] | None = None
        self.broken: list[str] = []
        """Names of archives whose manifest cannot be read: what they hold is not known."""

    def use(self, folder_fd: int) -> None:
        """Look into this folder of the vault, and where it leads to. Raises OSError."""
        self.close()
        self._folder_fd = os.dup(folder_fd)
        with contextlib.suppress(FileNotFoundError):
            self._dead_fd = look.open_directory(DEAD, folder_fd)
        with contextlib.suppress(FileNotFoundError):
            self._add_own()
        for number, record in sorted(elsewhere.records(folder_fd).items()):
            self._take(number, record)

    def _add_own(self) -> None:
        fd = look.open_directory(PACK, self._folder_fd)
        dead_fd = os.dup(self._dead_fd) if self._dead_fd >= 0 else -1
        self._shelves[0] = Shelf(0, fd, dead_fd, f"{VAULT_NAME}/{BATCHES}/{self._id}/{PACK}")

    def _take(self, number: int, record: elsewhere.Record) -> Shelf | None:
        shelf = elsewhere.open_shelf(number, record)
        for now in elsewhere.moved_to(record, self._found_in) if shelf is None and self._found_in else ():
            shelf = elsewhere.open_shelf(number, now)
            if shelf is not None:
                record = now
                self._moved.add(number)
                break
        self._records[number] = record
        if shelf is None:
            self.away[number] = record
        else:
            self.away.pop(number, None)
            if number in self._shelves:
                self._shelves[number].close()
            self._shelves[number] = shelf
        return shelf

    def remember(self) -> None:
        """Write down which places are somewhere else by now. Raises OSError."""
        for number in list(self._moved):
            elsewhere.remember(self._folder_fd, number, self._records[number])
            self._moved.discard(number)

    def _lose(self, shelf: Shelf) -> None:
        """A place went away while it was looked at."""
        self.away[shelf.number] = self._records[shelf.number]
        self._shelves.pop(shelf.number).close()

    @property
    def fd(self) -> int:
        """The ``pack`` folder in the vault. Raises FileNotFoundError when there is none."""
        return self.own.fd

    @property
    def own(self) -> Shelf:
        """The shelf in the vault. Raises FileNotFoundError when there is none."""
        if 0 not in self._shelves:
            raise FileNotFoundError(2, "there is no folder for archives", self._id)
        return self._shelves[0]

    def make(self, shared: Sharing) -> Shelf:
        """The shelf in the vault, made if it is missing. Raises OSError."""
        if self._folder_fd < 0:
            raise FileNotFoundError(2, "the batch has no folder in the vault", self._id)
        if 0 not in self._shelves:
            os.close(make_folder(self._folder_fd, PACK, shared.batch, shared.owner))
            self._add_own()
            change.sync(self._folder_fd)
        return self._shelves[0]

    def make_elsewhere(self, dir_fd: int, path: str, root: str, shared: Sharing, in_use: set[int]) -> Shelf:
        """The shelf in another directory, found again or made. ``in_use``: places something of the batch is in.
        Raises MlrunsError when another disk is there, OSError."""
        if self._folder_fd < 0:
            raise FileNotFoundError(2, "the batch has no folder in the vault", self._id)
        away = {number: record for number, record in self.away.items() if number in in_use}
        self.remember()
        known = dict(self._records)
        number, record = elsewhere.make(self._folder_fd, self._id, root, dir_fd, path, shared, known, away)
        self.forget()
        shelf = self._take(number, record)
        if shelf is None:
            raise elsewhere.not_there(path)
        return shelf

    def is_there(self, shelf: Shelf) -> bool:
        """Whether what is written to a shelf can be found by its path."""
        return shelf.number == 0 or elsewhere.is_there(shelf, self._records[shelf.number])

    def dir_of(self, number: int) -> str:
        """The directory a place is in, as it was named; empty for the vault and what is not known."""
        return self._records[number].dir if number in self._records else ""

    @property
    def found(self) -> dict[str, dict[int, str]]:
        """By name: the items each holds, with the state of their trees when they were packed."""
        if self._found is None:
            self._found = {}
            self.broken = []
            for number, shelf in list(self._shelves.items()):
                try:
                    found, broken = shelf.found()
                except OSError:
                    if not number:
                        raise
                    self._lose(shelf)
                    continue
                self._found.update((_name(number, one), items) for one, items in found.items())
                self.broken += [_name(number, one) for one in broken]
        return self._found

    def forget(self) -> None:
        """Look again the next time."""
        self._found = None

    def holding(self, n: int) -> list[str]:
        """Names of the archives an item is in."""
        return [name for name, items in self.found.items() if n in items]

    def shelf_of(self, name: str) -> tuple[Shelf, str]:
        """Where an archive is, and its name there."""
        number, _, own = name.rpartition(":")
        return self._shelves[int(number or 0)], own

    def path(self, name: str) -> str:
        """Of the archive, relative to the store's root, or absolute where it is elsewhere."""
        shelf, own = self.shelf_of(name)
        return shelf.path(own)

    def backup_dir(self, name: str) -> str:
        """The directory somebody named for this archive; empty where it is in the vault."""
        return self.shelf_of(name)[0].backup_dir

    def allocated_bytes(self, name: str) -> int:
        """Disk space of archive and manifest, 0 when that cannot be told."""
        shelf, own = self.shelf_of(name)
        return shelf.allocated_bytes(own)

    def open(self, name: str) -> tuple[int, Manifest]:
        """An archive and its manifest, to read. Close both. Raises OSError, Damaged."""
        shelf, own = self.shelf_of(name)
        return shelf.open(own)

    def remove(
        self,
        name: str,
        removed: Callable[[os.stat_result], None] | None = None,
        deleted: Callable[[], None] = lambda: None,
    ) -> None:
        """An archive counts no more, and is deleted. ``deleted`` is called before the place of the last one goes too:
        without the place nobody can tell any more whether it is deleted or its disk is away. Raises OSError; then it
        may still be there."""
        self.forget()
        shelf, own = self.shelf_of(name)
        shelf.remove(own, removed)
        deleted()
        if shelf.number and not look.names(shelf.fd):
            with contextlib.suppress(OSError):
                elsewhere.forget(self._folder_fd, shelf, self._records[shelf.number])
                self._shelves.pop(shelf.number).close()

    def settle(self, removed: Callable[[os.stat_result], None] | None, *, rescue: bool) -> None:
        """Settle every shelf that is there, see there. Raises OSError for the one in the vault."""
        self.forget()
        for number, shelf in list(self._shelves.items()):
            try:
                shelf.settle(removed, rescue=rescue)
            except OSError:
                if not number:
                    raise
                self._lose(shelf)

    @property
    def leftovers(self) -> bool:
        """Whether something was declared dead and is not all gone. Raises OSError."""
        for number, shelf in list(self._shelves.items()):
            try:
                if shelf.leftovers:
                    return True
            except OSError:
                if not number:
                    raise
                self._lose(shelf)
        return False

    def close(self) -> None:
        for fd in (self._folder_fd, self._dead_fd):
            if fd >= 0:
                os.close(fd)
        for shelf in self._shelves.values():
            shelf.close()
        self._folder_fd = self._dead_fd = -1
        self._shelves.clear()
        self.away.clear()
        self._records.clear()
        self._moved.clear()
        self.forget()


def _name(number: int, own: str) -> str:
    return f"{number}:{own}" if number else own
