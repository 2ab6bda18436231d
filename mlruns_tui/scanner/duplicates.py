"""Runs with the same artifacts: names and sizes first, then both ends of each file, then every byte.

Models of one architecture have the same names and sizes and other weights, so whole files are read only where
their beginnings and ends agree. Links are compared as text, never followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.store import StoreInfo

from .evidence import path_of
from .pulse import Halted, Pulse
from .root import open_root

CHUNK: Final = 1 << 20
END: Final = 64 << 10
"""Bytes of each end of a file that are compared before the rest is read."""
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

Tell = Callable[[Comparing], None]


def duplicates(store: StoreInfo, keys: Sequence[str], stop: Stop, tell: Tell) -> Duplicates:
    """Which of these runs have the same artifacts; runs without any are like no other.

    What was found so far when ``stop`` ends it. Raises StaleError when the store is gone.
    """
    root_fd = open_root(store)
    if root_fd is None:
        return Duplicates()
    search = _Search(root_fd, Pulse(stop), tell)
    try:
        return search.run(keys)
    finally:
        os.close(root_fd)


class _Search:
    def __init__(self, root_fd: int, pulse: Pulse, tell: Tell) -> None:
        self._root_fd = root_fd
        self._pulse = pulse
        self._tell = tell
        self._sizes: dict[str, int] = {}
        self._unread: list[str] = []
        self._listed = self._runs = self._read = self._to_read = 0

    def run(self, keys: Sequence[str]) -> Duplicates:
        found: list[tuple[str, ...]] = []
        self._runs = len(keys)
        try:
            alike = [group for group in self._split(keys, self._names) if self._sizes[group[0]]]
            self._runs += sum(map(len, alike))
            close = [group for one in alike for group in self._split(one, self._ends)]
            self._to_read = sum(self._sizes[key] for group in close for key in group)
            for group in close:
                found += map(tuple, self._split(group, self._whole))
        except Halted:
            return Duplicates(tuple(found), tuple(self._unread), stopped=True)
        return Duplicates(tuple(found), tuple(self._unread))

    def _split(self, keys: Sequence[str], digest_of: Callable[[str], bytes | None]) -> list[list[str]]:
        """Groups of two or more with the same digest; who cannot be looked at is in none."""
        groups: dict[bytes, list[str]] = {}
        for key in keys:
            self._say()
            try:
                digest = digest_of(key)
            except OSError:
                self._unread.append(key)
                continue
            if digest is not None:
                groups.setdefault(digest, []).append(key)
        return [group for group in groups.values() if len(group) > 1]

    def _say(self) -> None:
        self._pulse()
        self._tell(Comparing(self._listed, self._runs, self._read, self._to_read))

    # What of a run is compared, each stage more than the last. None: there is nothing to compare.

    def _names(self, key: str) -> bytes | None:
        self._listed += 1
        digest = blake2b(digest_size=20)
        size = 0
        for entry in self._artifacts(key):
            mode = entry.status.st_mode
            told = [os.fsencode(entry.path)]
            if stat.S_ISREG(mode):
                size += entry.status.st_size
                told += [b"file", str(entry.status.st_size).encode()]
            elif stat.S_ISLNK(mode):
                told += [b"link", os.fsencode(os.readlink(entry.name, dir_fd=entry.dir_fd))]
            elif stat.S_ISDIR(mode):
                told += [b"folder"]
            else:
                raise look.NotReadable(22, "not a regular file", entry.path)
            digest.update(b"\0".join(told) + b"\0\0")
        self._sizes[key] = size
        return digest.digest() if size else None

    def _ends(self, key: str) -> bytes | None:
        self._listed += 1
        return self._contents(key, whole=False)

    def _whole(self, key: str) -> bytes | None:
        return self._contents(key, whole=True)

    def _contents(self, key: str, *, whole: bool) -> bytes:
        digest = blake2b(digest_size=20)
        for entry in self._artifacts(key):
            if not stat.S_ISREG(entry.status.st_mode):
                continue
            fd = os.open(entry.name, _FILE, dir_fd=entry.dir_fd)
            try:
                if os.fstat(fd).st_size != entry.status.st_size:
                    raise look.NotReadable(116, "it changed while it was read", entry.path)
                size = entry.status.st_size
                for offset, length in self._pieces(size, whole):
                    data = _read(fd, length, offset)
                    digest.update(data)
                    if whole:
                        self._read += len(data)
                        self._say()
            finally:
                os.close(fd)
        return digest.digest()

    def _pieces(self, size: int, whole: bool) -> Iterator[tuple[int, int]]:
        """Offsets and lengths of what is read of a file."""
        if whole:
            yield from ((offset, min(CHUNK, size - offset)) for offset in range(0, size, CHUNK))
        elif size <= 2 * END:
            yield 0, size
        else:
            yield 0, END
            yield size - END, END

    def _artifacts(self, key: str) -> Iterator[look.Entry]:
        """Everything below the run's artifacts, in the order of names. Raises OSError for what cannot be read."""

        def unreadable(path: str, what: str, error: OSError) -> None:
            raise error

        path = path_of(key)
        if path is None or "/run/" not in key:
            return
        fd = look.open_path(self._root_fd, path)
        try:
            device = os.fstat(fd).st_dev
            try:
                for entry in look.walk(fd, "artifacts", unreadable):
                    self._pulse()
                    if entry.status.st_dev != device:
                        raise look.NotReadable(18, "on another disk", entry.path)
                    yield entry
            except FileNotFoundError as error:
                if error.filename != "artifacts":
                    raise
        finally:
            os.close(fd)


def _read(fd: int, length: int, offset: int) -> bytes:
    """Exactly so many bytes. Raises NotReadable where the file ends before."""
    data = b""
    while len(data) < length:
        more = os.pread(fd, length - len(data), offset + len(data))
        if not more:
            raise look.NotReadable(116, "it became shorter while it was read", "")
        data += more
    return data
