"""One applied plan: what became of each item, and where it is now."""

from __future__ import annotations

from typing import Literal

from .late import dataclass
from .plan import PlanItem
from .words import BatchState, ItemPlace, Outcome


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One item of a batch."""

    item: PlanItem
    place: ItemPlace
    """Looked up on the disk, not believed from the journal."""
    outcome: Outcome | None = None
    """Of the last thing done with it; None when never reached."""
    error: str = ""
    now_at: str = ""
    """Where it is, relative to the store's root (or absolute when outside); empty when gone."""
    taken: bool = False
    """It is in the backup, and something stands in its place again: a mirror's copy, a trainer's leftovers."""
    packed_bytes: int = 0
    """Its share of the disk space of the archive it is in; 0 when it is in none."""
    damaged: bool = False
    """What the backup has of it is damaged, or is not there any more; if it was put back, not as it had been."""
    backup_dir: str = ""
    """The directory outside of the store that its archive was put in; empty where that is in the vault."""
    away: bool = False
    """That directory is not there now: its disk is not mounted, or another one is."""

    @property
    def put_aside(self) -> bool:
        """Restored under another name, which MLflow passes over: its own place was taken."""
        return self.place == "restored" and self.now_at != self.item.path and self.now_at.endswith(".trash")

    @property
    def altered(self) -> bool:
        """Put back (or read) whole, but something changed in it while it was in the backup; ``error`` says what."""
        return self.damaged and self.outcome == "done"

    @property
    def lost(self) -> bool:
        """Asked back, but deleted for good by a deletion that was interrupted."""
        return self.place == "purged" and self.outcome == "failed"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that was done with a batch, as its journal tells."""

    op: str
    """``apply``, ``restore``, ``purge`` …"""
    began_ms: int
    user: str
    host: str
    ended_ms: int | None = None
    """None when it stopped half-way, or is at work now."""
    items: int = 0
    """Items it moved out, put back or deleted."""
    size_bytes: int = 0
    """Of these items, as planned."""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it is on the disk now."""

    id: str
    created_ms: int
    user: str
    host: str
    uid: int
    state: BatchState
    items: tuple[BatchItem, ...]
    backup: bool = True
    rules: tuple[str, ...] = ()
    freed_bytes: int = 0
    """Allocated bytes really unlinked by the call that returned this value; 0 when only looked at."""
    moved_bytes: int = 0
    """Allocated bytes moved by that call."""
    freed_elsewhere_bytes: int = 0
    """What that call freed on other disks, by deleting archives there; no part of ``freed_bytes``."""
    finished_ms: int | None = None
    vault: str = ""
    """Absolute path of the batch's directory."""
    messages: tuple[str, ...] = ()
    history: tuple[Operation, ...] = ()
    """Everything ever done with it, oldest first."""
    open_op: str = ""
    """The operation that was begun and not ended: it stopped half-way, or is at work now."""
    lifted: tuple[str, ...] = ()
    """Protections set aside by name when it was planned."""
    running: bool = False
    """The last of ``history`` is at work now, or on another machine and not known to have ended."""
    damage: str = ""
    """What of it cannot be used, in words; empty when all can. Without items its plan is what is damaged."""
    broken: tuple[str, ...] = ()
    """Archives of which nobody can tell what they hold, relative to the store's root."""
    other_bytes: int = 0
    """Disk space of what belongs to no item: archives nobody can read, what is half deleted."""
    to_pack: str | None = None
    """What was moved was to be packed next, and that has not begun: the directory on another disk that archives go
    to, empty for the vault; None where nothing of the kind waits."""

    def count(self, place: ItemPlace) -> int:
        return sum(one.place == place for one in self.items)

    @property
    def size_bytes(self) -> int:
        """Apparent bytes still held by the backup."""
        return sum(one.item.size_bytes for one in self.items if one.place in ("moved", "packed"))

    @property
    def allocated_bytes(self) -> int:
        """Disk space the backup takes: archives with what they were compressed to."""
        moved = sum(one.item.allocated_bytes for one in self.items if one.place == "moved")
        return moved + sum(one.packed_bytes for one in self.items) + self.other_bytes

    @property
    def elsewhere_bytes(self) -> int:
        """Of these, what archives in directories outside of the store take; those that are away count 0."""
        return sum(one.packed_bytes for one in self.items if one.backup_dir)

    @property
    def backup_dirs(self) -> tuple[str, ...]:
        """Directories outside of the store that something of it is in, in the order of its items."""
        return tuple(dict.fromkeys(one.backup_dir for one in self.items if one.backup_dir))

    @property
    def away_dirs(self) -> tuple[str, ...]:
        """Those of them that are not there now."""
        return tuple(dict.fromkeys(one.backup_dir for one in self.items if one.away))


@dataclass(frozen=True, slots=True)
class ApplyEvent:
    """Told while a batch is applied, purged or restored; each replaces the one before it.

    ``kind`` ``start`` and ``end`` frame the work; ``item`` follows each finished item.
    """

    kind: Literal["start", "item", "end"]
    phase: Literal["move", "purge", "restore", "verify", "pack"]
    batch: str
    done: int
    total: int
    bytes_done: int
    bytes_total: int
    files_done: int = 0
    files_total: int = 0
    key: str = ""
    """Of the item just finished."""
    name: str = ""
    outcome: Outcome | None = None
    error: str = ""


OnConflict = Literal["skip", "rename", "swap"]


@dataclass(frozen=True, slots=True)
class ItemGain:
    """What packing one item of a batch is expected to bring, from samples of its largest files."""

    key: str
    name: str
    allocated_bytes: int
    expected_bytes: int
    """Disk space its archive would take."""
    percent: int
    """Of the space it takes now; negative when an archive would be larger."""
    why_not: str = ""
    """Why an archive could not hold it exactly; empty when it could."""


MIN_GAIN_PERCENT = 15
"""Of the space an item takes: below this packing is not worth its time."""
