"""What packing is expected to bring, before anything is done."""

from __future__ import annotations

from .batch import MIN_GAIN_PERCENT, ItemGain
from .late import dataclass


@dataclass(frozen=True, slots=True)
class Forecast:
    """Sampled gains of some items, and where their archives are to go."""

    gains: tuple[ItemGain, ...]
    backup_dir: str = ""
    """A directory on another file system; empty: beside what they are packed from."""
    min_gain_percent: int = MIN_GAIN_PERCENT
    """Items that would gain less stay as they are; without meaning for another file system."""
    bytes_free: int = 0
    """In ``backup_dir``."""

    def packs(self, one: ItemGain) -> bool:
        """Whether this item would be packed."""
        return not one.why_not and (bool(self.backup_dir) or max(one.percent, 0) >= self.min_gain_percent)

    @property
    def able(self) -> tuple[ItemGain, ...]:
        """Items that would be packed."""
        return tuple(one for one in self.gains if self.packs(one))

    @property
    def poor(self) -> tuple[ItemGain, ...]:
        """Items that could be, but would gain too little."""
        return tuple(one for one in self.gains if not one.why_not and not self.packs(one))

    @property
    def unable(self) -> tuple[ItemGain, ...]:
        """Items an archive could not hold exactly."""
        return tuple(one for one in self.gains if one.why_not)

    @property
    def before_bytes(self) -> int:
        """Disk space of what would be packed."""
        return sum(one.allocated_bytes for one in self.able)

    @property
    def after_bytes(self) -> int:
        """Disk space its archives would take."""
        return sum(one.expected_bytes for one in self.able)

    def frees(self, one: ItemGain) -> int:
        """Bytes an item leaves free on the store's disk."""
        if not self.packs(one):
            return 0
        return one.allocated_bytes - (0 if self.backup_dir else one.expected_bytes)

    @property
    def freed_bytes(self) -> int:
        """Bytes all of it leaves free on the store's disk."""
        return sum(map(self.frees, self.gains))
