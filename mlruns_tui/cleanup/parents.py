"""The directories items are moved out of and back into: opened once, their own times put back.

A move changes its directories' modification times, which MLflow does not read but people, backups and
``rsync`` do. They are put back as long as the last change was ours.
"""

from __future__ import annotations

import contextlib
import os

from mlruns_tui.disk import change, look

from .layout import put_back_time

_UNKNOWN = -1
MAX_OPEN = 96
"""Directories kept open that are only looked at."""


class Parents:
    """Open parent directories by path relative to the root (``""``: the root itself)."""

    def __init__(self, root_fd: int) -> None:
        self._root_fd = root_fd
        self._open: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self._ours: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._open)

    def fd(self, path: str) -> int:
        """Its descriptor, never through a link. Raises OSError."""
        found = self._open.get(path)
        if found is None:
            found = look.open_path(self._root_fd, path)
            if len(self._open) >= MAX_OPEN:
                self._forget()
            self._open[path] = found
        return found

    def _forget(self) -> None:
        for path in [one for one in self._open if one not in self._kept and one not in self._ours]:
            os.close(self._open.pop(path))

    def of(self, path: str) -> tuple[int, str]:
        """Parent's descriptor and last name of an item's path. Raises OSError."""
        parent, _, name = path.rpartition("/")
        return self.fd(parent), name

    def times(self, paths: set[str]) -> list[list[str | int]]:
        """For the journal: path, inode and the time it has before our changes. Notes it too."""
        found: list[list[str | int]] = []
        for path in sorted(paths):
            with contextlib.suppress(OSError):
                status = os.fstat(self.fd(path))
                self._kept[path] = status.st_mtime_ns
                found.append([path, status.st_ino, status.st_mtime_ns])
        return found

    def about_to_change(self, path: str) -> None:
        """Note the time to put back; a change by somebody else since we looked counts."""
        now = os.fstat(self.fd(path)).st_mtime_ns
        if now not in (self._kept.get(path), self._ours.get(path)) and self._ours.get(path) != _UNKNOWN:
            self._kept[path] = now

    def changed(self, path: str) -> None:
        """We just changed an entry in it. Never raises: that is done, whatever can be seen of it."""
        try:
            self._ours[path] = os.fstat(self.fd(path)).st_mtime_ns
        except OSError:
            self._ours[path] = _UNKNOWN

    def put_back(self) -> None:
        """Give each changed directory its own time again, unless somebody else changed it meanwhile."""
        for path, ours in self._ours.items():
            if path in self._kept:
                put_back_time(self.fd(path), self._kept[path], ours)

    def sync(self) -> None:
        """Our changes to their entries are on the disk. Raises OSError."""
        for path in self._ours:
            change.sync(self.fd(path))

    def close(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()
        self._kept.clear()
        self._ours.clear()
