"""What deleting frees, counted as it goes."""

from __future__ import annotations

import os
from collections.abc import Iterable

Names = tuple[int, int, int, int, int]
"""Of a file with several names: device, inode, the most names it was seen to have, how many went, allocated bytes."""


class Freed:
    """Allocated bytes of the files whose last name went. It hears of each name that goes, with the file's status
    right before."""

    def __init__(self) -> None:
        self.bytes = 0
        self.elsewhere = 0
        """Of archives on other disks, which whoever deletes them adds."""
        self._names: dict[tuple[int, int], tuple[int, int, int]] = {}

    def __call__(self, status: os.stat_result) -> None:
        size = status.st_blocks * 512
        if status.st_nlink <= 1:
            self.bytes += size
        else:
            self._went(status.st_dev, status.st_ino, status.st_nlink, 1, size)

    def _went(self, device: int, inode: int, most: int, gone: int, size: int) -> None:
        most_before, gone_before, _ = self._names.get((device, inode), (0, 0, 0))
        most, gone = max(most, most_before), gone + gone_before
        self._names[device, inode] = (most, gone, size)
        # As many went as there ever were, and nobody saw the last one as the last: two went at once.
        self.bytes += size * ((gone == most) - (0 < gone_before == most_before))

    def names(self) -> list[Names]:
        """Of the files that had other names when one of theirs went, for whoever counts together."""
        return [(*file, *counts) for file, counts in self._names.items()]

    def also(self, names: Iterable[Names]) -> None:
        """Those another process took, which told of its ``bytes`` already."""
        for device, inode, most, gone, size in names:
            self._went(device, inode, most, gone, size)
