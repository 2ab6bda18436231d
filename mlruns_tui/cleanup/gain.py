"""What packing an item would gain, from samples of its largest files; and what speaks against it."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mlruns_tui.disk import look
from mlruns_tui.model.batch import ItemGain
from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.text import safe

from .archive import LEVEL, library
from .layout import open_root
from .purge import chosen_items
from .trees import my_groups, segments, why_not_packable
from .vault import looking

if TYPE_CHECKING:
    import zstandard

LARGEST = 12
"""Files of an item that are looked into …"""
FEW = 2
"""… and of a small one, whose gain is in the blocks its files do not fill."""
SMALL = 1 << 20
PROBE = 16 << 10
PROBES = 4
"""So many bytes are tried at so many places of a file."""
ENTRY = 48
"""Bytes a member's headers take, compressed."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What packing one item is expected to bring."""

    allocated_bytes: int
    """Disk space it takes now."""
    expected_bytes: int
    """Disk space its archive would take."""
    why_not: str = ""
    """Why an archive could not hold it exactly; empty when it could."""
    data_bytes: int = 0
    """What is in its files, without what they leave unused of their blocks."""
    is_unreadable: bool = False
    """Whether ``why_not`` tells of something that cannot be read."""

    @property
    def percent(self) -> int:
        """Of the space it takes; negative when an archive would be larger."""
        if not self.allocated_bytes:
            return 0
        return 100 * (self.allocated_bytes - self.expected_bytes) // self.allocated_bytes


def gain(parent_fd: int, name: str) -> Gain:
    """Look at the tree ``name`` once and try its largest files. Raises OSError."""
    top = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    weight = Weight(parent_fd, name, top)
    look.survey(parent_fd, name, witness=weight)
    return weight.gain()


class Weight:
    """What a tree weighs, from its entries as ``look.survey`` sees them."""

    def __init__(self, parent_fd: int, name: str, top: os.stat_result) -> None:
        """``top``: the status of the tree ``name`` itself."""
        self._parent_fd, self._name, self._top = parent_fd, name, top
        self._uid, self._groups = os.geteuid(), my_groups()
        self._why = why_not_packable(top, self._uid, self._groups)
        self._failures: list[str] = []
        self._error: OSError | None = None
        self._allocated, self._data, self._entries = top.st_blocks * 512, 0, 0
        self._links: dict[int, int] = {}
        self._largest: list[tuple[int, str]] = []

    def failed(self, path: str, error: OSError) -> None:
        if not path:
            self._error = error
        self._failures.append(f"{safe(path)} cannot be read ({look.words(error)})")

    def see(self, prefix: str, names: Sequence[str], seen: Sequence[os.stat_result]) -> None:
        """Entries of one directory."""
        self._entries += len(seen)
        for name, status in zip(names, seen, strict=True):
            self._why = self._why or self._why_not(prefix, name, status)
            is_file = stat.S_ISREG(status.st_mode)
            if is_file and status.st_nlink > 1:
                first = status.st_ino not in self._links
                self._links[status.st_ino] = self._links.get(status.st_ino, status.st_nlink) - 1
                if not first:
                    continue
            allocated = status.st_blocks * 512
            self._allocated += allocated
            if not is_file or not status.st_size:
                continue
            data = min(status.st_size, allocated)
            self._data += data
            if len(self._largest) < LARGEST:
                heapq.heappush(self._largest, (data, prefix + name))
            elif data >= self._largest[0][0]:
                heapq.heappushpop(self._largest, (data, prefix + name))

    def _why_not(self, prefix: str, name: str, status: os.stat_result) -> str:
        why = why_not_packable(status, self._uid, self._groups)
        if status.st_dev != self._top.st_dev:
            why = "is on another disk"
        elif name.startswith(".nfs"):
            why = "was removed but is still open somewhere"
        return why and f"{safe(prefix + name)} {why}"

    def gain(self) -> Gain:
        """Try the largest files, now that all of it was seen. Raises OSError when it could not be."""
        if self._error is not None:
            raise self._error
        why, whole = self._why, self._data
        if not why and any(self._links.values()):
            why = "one of its files has another name outside of it (a hard link)"
        expected = ENTRY * (self._entries + 1)
        tried = packed = 0
        rest = whole
        for data, path in sorted(self._largest, reverse=True)[: LARGEST if whole > SMALL else FEW]:
            if tried > whole * 9 // 10:
                break
            try:
                found = _probe(self._parent_fd, f"{self._name}/{path}")
            except OSError as error:
                self._failures.append(f"{safe(path)} cannot be read ({look.words(error)})")
                continue
            rest -= data
            packed += round(data * found)
            tried += data
        # The rest compresses like what was tried, and smaller files no worse.
        packed += rest * packed // tried if tried else 0
        unreadable = not why and bool(self._failures)
        return Gain(self._allocated, expected + packed, self._failures[0] if unreadable else why, whole, unreadable)


def _probe(parent_fd: int, path: str) -> float:
    """The share of its size some parts of a file compress to. Raises OSError."""
    above, _, last = path.rpartition("/")
    folder = look.open_path(parent_fd, above)
    try:
        fd = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        status = os.fstat(fd)
        spans = segments(fd, status) or ((0, status.st_size),)
        size = sum(length for _, length in spans)
        if size <= PROBE * PROBES:
            parts = [os.pread(fd, length, offset) for offset, length in spans if length]
        else:
            offset, length = max(spans, key=lambda span: span[1])
            step = max(length - PROBE, 0) // (PROBES - 1)
            parts = [os.pread(fd, PROBE, offset + at * step) for at in range(PROBES)]
    finally:
        os.close(fd)
    content = b"".join(parts)
    return min(1.0, len(_compressor().compress(content)) / len(content)) if content else 0.0


@cache
def _compressor() -> zstandard.ZstdCompressor:
    """One for all: making one takes longer than most files do."""
    return library()(level=LEVEL)


def gains_in_place(plan: Plan) -> tuple[ItemGain, ...]:
    """The same for the items of a plan, where they are before it is carried out. Raises UsageError (no such store),
    MlrunsError (no compressor)."""
    library()
    found: list[ItemGain] = []
    root_fd = open_root(plan.store_root)
    try:
        for item in plan.items:
            above, _, name = item.path.rpartition("/")
            try:
                parent_fd = look.open_path(root_fd, above) if above else os.dup(root_fd)
                try:
                    found.append(_told(item, gain(parent_fd, name)))
                finally:
                    os.close(parent_fd)
            except OSError as error:
                found.append(_untold(item, error))
    finally:
        os.close(root_fd)
    return tuple(found)


def _told(item: PlanItem, one: Gain) -> ItemGain:
    return ItemGain(item.key, item.name, one.allocated_bytes, one.expected_bytes, one.percent, one.why_not)


def _untold(item: PlanItem, error: OSError) -> ItemGain:
    why = f"it cannot be read ({look.words(error)})"
    return ItemGain(item.key, item.name, item.allocated_bytes, item.allocated_bytes, 0, why)


def gains_of(root: str, batch_id: str, keys: Sequence[str] | None = None) -> tuple[ItemGain, ...]:
    """The same for what a batch of the store at ``root`` keeps as trees, or its items with these keys.

    Raises UsageError (no such store, batch or key), DamagedError (its plan), MlrunsError (no compressor).
    """
    library()
    found: list[ItemGain] = []
    with looking(root) as site:
        kept = site.open_sound(batch_id)
        try:
            for n in chosen_items(kept, keys):
                item = kept.items[n]
                if kept.find(n)[0] != "backup" or item.action == "repair":
                    continue
                try:
                    place = kept.places.find(n)
                    if place is None:
                        continue
                    found.append(_told(item, gain(place[0].fd, place[0].name)))
                except OSError as error:
                    found.append(_untold(item, error))
        finally:
            kept.close()
    return tuple(found)
