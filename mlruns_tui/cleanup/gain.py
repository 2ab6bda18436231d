"""What packing an item would gain, from samples of its largest files; and what speaks against it."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from mlruns_tui.disk import look
from mlruns_tui.model.batch import ItemGain
from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.text import safe

from .archive import LEVEL, library
from .layout import open_root
from .purge import chosen_items
from .trees import my_groups, segments, why_not_packable
from .vault import looking

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

    @property
    def percent(self) -> int:
        """Of the space it takes; negative when an archive would be larger."""
        if not self.allocated_bytes:
            return 0
        return 100 * (self.allocated_bytes - self.expected_bytes) // self.allocated_bytes


def gain(parent_fd: int, name: str) -> Gain:
    """Walk the tree ``name`` once and try its largest files. Raises OSError."""
    uid, groups = os.geteuid(), my_groups()
    allocated = small = entries = 0
    links: dict[int, int] = {}
    largest: list[tuple[int, str]] = []
    top = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    why = why_not_packable(top, uid, groups)
    failures: list[str] = []

    def failed(path: str, what: str, error: OSError) -> None:
        failures.append(f"{safe(path)} cannot be read ({look.words(error)})")

    for entry in look.walk(parent_fd, name, failed) if stat.S_ISDIR(top.st_mode) else ():
        status = entry.status
        entries += 1
        if not why:
            why = why_not_packable(status, uid, groups)
            if status.st_dev != top.st_dev:
                why = "is on another disk"
            elif entry.name.startswith(".nfs"):
                why = "was removed but is still open somewhere"
            if why:
                why = f"{safe(entry.path)} {why}"
        allocated += 0 if status.st_nlink > 1 and status.st_ino in links else status.st_blocks * 512
        if not stat.S_ISREG(status.st_mode):
            continue
        if status.st_nlink > 1:
            first = status.st_ino not in links
            links[status.st_ino] = links.get(status.st_ino, status.st_nlink) - 1
            if not first:
                continue
        data = min(status.st_size, status.st_blocks * 512)
        small += data
        if status.st_size > 0:
            (heapq.heappush if len(largest) < LARGEST else heapq.heappushpop)(largest, (data, entry.path))
    if not why and any(links.values()):
        why = "one of its files has another name outside of it (a hard link)"
    expected = ENTRY * (entries + 1)
    tried = 0
    packed = 0
    whole = small
    for data, path in sorted(largest, reverse=True)[: LARGEST if small > SMALL else FEW]:
        if tried > whole * 9 // 10:
            break
        try:
            found = _probe(parent_fd, f"{name}/{path}")
        except OSError as error:
            failures.append(f"{safe(path)} cannot be read ({look.words(error)})")
            continue
        small -= data
        packed += round(data * found)
        tried += data
    # The rest compresses like what was tried, and smaller files no worse.
    rest = small * packed // tried if tried else 0
    return Gain(
        allocated + top.st_blocks * 512, expected + packed + rest, why or (failures[0] if failures else ""), whole
    )


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
    return min(1.0, len(library()(level=LEVEL).compress(content)) / len(content)) if content else 0.0


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
