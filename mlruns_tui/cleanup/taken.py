"""Disk space a batch takes: of each archived item, and of what belongs to no item."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlruns_tui.disk import look
from mlruns_tui.model.batch import BatchItem

if TYPE_CHECKING:
    from .kept import Kept


class Taken:
    """One look at a batch; ask a new one after a change."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._shares: dict[str, dict[int, int]] = {}
        """By archive: the disk space of each of the items it has the only copy of."""

    def packed_bytes(self, n: int) -> int:
        """Share of item ``n`` of the disk space of the archive that has its only copy; 0 without one.

        Those who are in the store again take none: what is left in an archive takes all of it. Raises OSError.
        """
        kept = self._kept
        name = kept.archive(n)
        if not name:
            return 0
        if name not in self._shares:
            whole = kept.places.archives.allocated_bytes(name)
            together = sorted(
                m for m in kept.places.archives.found[name] if m in kept.items and kept.archive(m) == name
            )
            weights = [kept.items[m].size_bytes + 512 * kept.items[m].entries for m in together]
            total = sum(weights) or 1
            parts = [whole * weight // total for weight in weights]
            # Together they are all of it, to the byte.
            parts[0] += whole - sum(parts)
            self._shares[name] = dict(zip(together, parts, strict=True))
        return self._shares[name].get(n, 0)

    def other_bytes(self, items: Iterable[BatchItem]) -> int:
        """Disk space of what none of these items takes: archives nobody can read or needs, what is half deleted."""
        places = self._kept.places
        archives = places.archives
        items = list(items)
        whole = {one.now_at.rpartition("/")[2] for one in items if one.place == "moved"}
        taken = sum(archives.allocated_bytes(name) for name in (*archives.found, *archives.broken))
        taken -= sum(one.packed_bytes for one in items)
        with contextlib.suppress(OSError):
            for folder_fd, name in places.half_deleted():
                if name not in whole:
                    taken += look.survey(folder_fd, name).size.allocated_bytes
        return max(taken, 0)
