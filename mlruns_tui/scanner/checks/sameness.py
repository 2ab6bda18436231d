"""Whether a directory is a mere copy of another one: only then may it be called one, and be offered for removal."""

from __future__ import annotations

import os
import stat

from mlruns_tui.disk import look

from .context import Store

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WHOLE = 1 << 20
"""Bytes up to which a file is compared whole; of a larger one as many, in parts from all over it."""
_PART = 1 << 16


def holds_nothing_new(path: str, original: str, store: Store) -> bool:
    """Whether every file and link below ``path`` is below ``original`` as well, under the same name and with
    the same content. Both are relative to the store. What cannot be read is new."""
    failed: list[str] = []
    above, _, name = path.rpartition("/")
    try:
        parent = look.open_path(store.fd, above) if above else os.dup(store.fd)
    except OSError:
        return False
    try:
        other = _Original(look.open_path(store.fd, original))
    except OSError:
        os.close(parent)
        return False
    try:
        for entry in look.walk(parent, name, lambda where, doing, error: failed.append(where)):
            store.pulse()
            if failed or not other.has(entry):
                return False
        return not failed
    except OSError:
        return False
    finally:
        other.close()
        os.close(parent)


class _Original:
    """The directory something may be a copy of."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._folder = ""
        self._folder_fd = os.dup(fd)

    def close(self) -> None:
        os.close(self._folder_fd)
        os.close(self._fd)

    def has(self, entry: look.Entry) -> bool:
        """Raises OSError where it has not."""
        mode = entry.status.st_mode
        if stat.S_ISDIR(mode):
            # What is in it counts; an empty one is nothing.
            return True
        folder = entry.path.rpartition("/")[0]
        if folder != self._folder:
            fresh = look.open_path(self._fd, folder) if folder else os.dup(self._fd)
            os.close(self._folder_fd)
            self._folder, self._folder_fd = folder, fresh
        there = os.stat(entry.name, dir_fd=self._folder_fd, follow_symlinks=False)
        if stat.S_IFMT(mode) != stat.S_IFMT(there.st_mode):
            return False
        if stat.S_ISLNK(mode):
            return os.readlink(entry.name, dir_fd=entry.dir_fd) == os.readlink(entry.name, dir_fd=self._folder_fd)
        if (entry.status.st_dev, entry.status.st_ino) == (there.st_dev, there.st_ino):
            return True
        if not stat.S_ISREG(mode) or entry.status.st_size != there.st_size:
            return False
        return _same_content(entry.name, entry.dir_fd, self._folder_fd, there.st_size)


def _same_content(name: str, one_fd: int, other_fd: int, size: int) -> bool:
    one = os.open(name, _OPEN, dir_fd=one_fd)
    try:
        other = os.open(name, _OPEN, dir_fd=other_fd)
        try:
            count = min(size, _WHOLE) // _PART + 1
            step = max(_PART, (size - _PART) // (count - 1)) if count > 1 else _PART
            places = [min(number * step, max(size - _PART, 0)) for number in range(count)]
            return all(os.pread(one, _PART, at) == os.pread(other, _PART, at) for at in places)
        finally:
            os.close(other)
    finally:
        os.close(one)
