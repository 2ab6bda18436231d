"""What measuring a tree gave, and sums of it in which a file with many names counts once."""

from __future__ import annotations

from typing import Any, Final

from mlruns_tui.model.store import Size
from mlruns_tui.model.text import safe

from .keep import KEEP_TAG, keeps
from .tasks import Row

PARENT_TAG: Final = "mlflow.parentRunId"
NAME_TAG: Final = "mlflow.runName"


class Measured:
    """What a tree takes, and of a run the few tags looked at on the way."""

    __slots__ = ("allocated_bytes", "closed", "files", "links", "newest_ns", "owner", "size_bytes", "tags", "trouble")

    def __init__(self, row: Row) -> None:
        extra: tuple[Any, ...] | None
        self.size_bytes, self.allocated_bytes, self.files, self.newest_ns, self.owner, extra = row
        self.trouble: tuple[str, ...]
        """``unreadable`` or ``other-device``: what kept some of it from being counted."""
        self.links: tuple[tuple[int, int, int], ...]
        """Of each file in it that has more names: inode, bytes, allocated bytes."""
        self.tags: dict[str, str]
        """Of ``mlflow.parentRunId``, ``keep`` and ``mlflow.runName``, those that were looked for and are
        there; raw text."""
        self.closed: str
        """Why it cannot be told which parent it names, in words; empty when it can."""
        self.trouble, self.links, self.tags, self.closed = extra or _NOTHING_ELSE

    def size(self) -> Size:
        return Size(self.size_bytes, self.allocated_bytes, self.files, self.newest_ns)

    @property
    def parent(self) -> str:
        return safe(self.tags.get(PARENT_TAG, "").strip(), 256)

    @property
    def keep(self) -> str:
        return keeps(self.tags[KEEP_TAG]) if KEEP_TAG in self.tags else ""

    @property
    def name(self) -> str:
        return safe(self.tags.get(NAME_TAG, "").strip())


_NOTHING_ELSE: Final[tuple[Any, ...]] = ((), (), {}, "")


class Ledger:
    """A sum of items in which every file counts once, however many names it has and whoever met it."""

    __slots__ = ("_seen", "allocated_bytes", "files", "newest_ns", "size_bytes", "trouble")

    def __init__(self) -> None:
        self.size_bytes = self.allocated_bytes = self.files = self.newest_ns = 0
        self.trouble: set[str] = set()
        self._seen: set[int] = set()

    def add_plain(self, size_bytes: int, allocated_bytes: int, files: int, newest_ns: int) -> None:
        """Count what has no file with more names in it and met no trouble; the newest of it."""
        self.size_bytes += size_bytes
        self.allocated_bytes += allocated_bytes
        self.files += files
        self.newest_ns = max(self.newest_ns, newest_ns)

    def add(self, one: Measured) -> None:
        self.size_bytes += one.size_bytes
        self.allocated_bytes += one.allocated_bytes
        self.files += one.files
        if one.newest_ns > self.newest_ns:
            self.newest_ns = one.newest_ns
        if one.trouble:
            self.trouble.update(one.trouble)
        if not one.links:
            return
        for inode, size_bytes, allocated_bytes in one.links:
            if inode in self._seen:
                self.size_bytes -= size_bytes
                self.allocated_bytes -= allocated_bytes
                self.files -= 1
            self._seen.add(inode)

    def size(self) -> Size:
        return Size(self.size_bytes, self.allocated_bytes, self.files, self.newest_ns)
