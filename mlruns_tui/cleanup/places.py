"""Where the items of one batch are kept.

In the vault's ``batches/<id>/data/<n>``; on a disk too full for that folder, beside the experiments as
``<id>-<n>.mlruns-tui.trash`` (one rename, no free block needed; MLflow passes over such names).
What is being deleted is under ``dead/<n>`` (``<id>-<n>.dead.mlruns-tui.trash``) and counts as gone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from mlruns_tui.disk import change, look
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Identity
from mlruns_tui.model.words import OWN_SUFFIX, VAULT_NAME

from .archives import Archives
from .layout import BATCHES, DATA, DEAD


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one item."""

    fd: int
    name: str
    path: str
    """Relative to the store's root."""

    @property
    def in_root(self) -> bool:
        return "/" not in self.path


class Places:
    """The places of one batch. ``folder_fd`` is its folder in the vault, None where it has none."""

    def __init__(
        self, root_fd: int, batch_id: str, folder_fd: int | None, *, cramped: bool = False, found_in: str = ""
    ) -> None:
        """``found_in``: a directory where archives on another disk may be found by now."""
        self._root_fd = root_fd
        self._id = batch_id
        self.cramped = cramped
        """Whether some items may be beside the experiments."""
        self._device: int | None = None
        self._data_fd: int | None = None
        self._dead_fd: int | None = None
        self.archives = Archives(batch_id, found_in)
        if folder_fd is not None:
            self.use(folder_fd)

    def know_store(self, planned: Identity) -> None:
        """A disk may be mounted under another device number than when the plan was made; told by the root."""
        root = os.fstat(self._root_fd)
        self._device = root.st_dev if root.st_ino == planned.inode else None

    def same(self, status: os.stat_result, identity: Identity) -> bool:
        """Whether this is the directory the plan looked at."""
        return status.st_ino == identity.inode and status.st_dev in (identity.device, self._device)

    def use(self, folder_fd: int) -> None:
        """Keep what comes from now on in this folder of the vault; a part of it that is gone holds nothing.

        Raises OSError.
        """
        self.close()
        self._data_fd = _existing(DATA, folder_fd)
        self._dead_fd = _existing(DEAD, folder_fd)
        self.archives.use(folder_fd)

    @property
    def in_vault(self) -> bool:
        return self._data_fd is not None

    def free(self, n: int) -> Slot:
        """Where item ``n`` is to be moved to."""
        return self._slots(n, DATA)[0]

    def slots(self, n: int) -> list[Slot]:
        """Everywhere item ``n`` may be kept."""
        return self._slots(n, DATA)

    def dead(self, n: int) -> Slot:
        """Where item ``n`` is deleted from: beside where it is kept, so that no rename needs a new block."""
        kept = self.find(n)
        slots = self._slots(n, DEAD)
        return slots[-1] if kept is not None and kept[0].in_root else slots[0]

    def find(self, n: int) -> tuple[Slot, os.stat_result] | None:
        """Where item ``n`` is kept now, None when it is not. Raises OSError when that cannot be told."""
        return _first(self._slots(n, DATA))

    def find_dead(self, n: int) -> tuple[Slot, os.stat_result] | None:
        """What is left of an item whose deletion was interrupted."""
        return _first(self._slots(n, DEAD))

    def half_deleted(self) -> Iterator[tuple[int, str]]:
        """Descriptor and name of everything declared dead that is not all gone. Raises OSError."""
        if self._dead_fd is not None:
            yield from ((self._dead_fd, name) for name in look.names(self._dead_fd))
        if self.cramped:
            dead = re.compile(rf"{re.escape(self._id)}-\d+\.dead{re.escape(OWN_SUFFIX)}")
            yield from ((self._root_fd, name) for name in look.names(self._root_fd) if dead.fullmatch(name))

    def out_of(self, grave: Slot, n: int) -> Slot:
        """Where item ``n`` goes back to from this grave, the other way of ``dead``."""
        slots = self._slots(n, DATA)
        return slots[-1] if grave.in_root else slots[0]

    def sync(self) -> None:
        """What was moved to or from where items are kept is on the disk. Raises OSError."""
        if self._data_fd is not None:
            change.sync(self._data_fd)
        if self.cramped:
            change.sync(self._root_fd)

    def sync_dead(self) -> None:
        """The same for where they are deleted. Raises OSError."""
        if self._dead_fd is not None:
            change.sync(self._dead_fd)

    def _slots(self, n: int, folder: str) -> list[Slot]:
        slots = []
        fd = self._data_fd if folder == DATA else self._dead_fd
        if fd is not None:
            slots.append(Slot(fd, str(n), f"{VAULT_NAME}/{BATCHES}/{self._id}/{folder}/{n}"))
        if self.cramped or fd is None:
            name = f"{self._id}-{n}{'' if folder == DATA else '.dead'}{OWN_SUFFIX}"
            slots.append(Slot(self._root_fd, name, name))
        return slots

    def close(self) -> None:
        for fd in (self._data_fd, self._dead_fd):
            if fd is not None:
                os.close(fd)
        self._data_fd = self._dead_fd = None
        self.archives.close()


def _existing(name: str, folder_fd: int) -> int | None:
    try:
        return look.open_directory(name, folder_fd)
    except FileNotFoundError:
        return None


def _first(slots: list[Slot]) -> tuple[Slot, os.stat_result] | None:
    for slot in slots:
        try:
            return slot, os.stat(slot.name, dir_fd=slot.fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
    return None
