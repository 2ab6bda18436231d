"""One archive: a tar file compressed with zstd, and its manifest beside it. Written as a stream, read as one.

Nothing in an archive is interpreted: the manifest says which bytes must come next, and whatever else comes
is damage. ``zstandard`` is imported when it is needed; without it everything but archives works.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from mlruns_tui.disk import change
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe

from . import tarformat
from .members import FORMAT, Member, dump, load
from .tape import BUFFER, Tape, Torn

if TYPE_CHECKING:
    import zstandard

LEVEL = 3
STORED = -1
"""For what does not shrink: no more than copied, in the same format."""
AT_ITS_END = -1
_MANY = 8 << 20
"""Bytes from which a second thread of the compressor pays."""


class Damaged(Exception):
    """An archive or manifest that is not what was written; the text says what is wrong with it."""


def library() -> type[zstandard.ZstdCompressor]:
    """Raises MlrunsError where the compressor is not installed."""
    try:
        import zstandard
    except ImportError as error:
        raise MlrunsError(
            "no-compressor",
            f"packing needs the Python package zstandard, which cannot be loaded ({safe(str(error), 200)}); "
            "nothing was changed",
            hint="pip install zstandard; without it, tar --zstd -xf reads archives",
        ) from None
    return zstandard.ZstdCompressor


class Writer:
    """Writes archive and manifest into two open files of ours."""

    def __init__(
        self,
        tar_fd: int,
        manifest_fd: int,
        fingerprints: Mapping[int, str],
        raw_bytes: int,
        level: int = LEVEL,
        threads: int | None = None,
    ) -> None:
        """``fingerprints``: of the items that will be in it. ``raw_bytes``: about how much will come. ``threads``:
        of the compressor, None for as many as pay."""
        self._tar_fd, self._manifest_fd = tar_fd, manifest_fd
        if threads is None:
            threads = min(os.cpu_count() or 1, 4) if raw_bytes >= _MANY else 0
        self._compressor = library()(level=level, write_checksum=True, threads=threads).compressobj()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._lines: list[bytes] = []
        self._sha = hashlib.sha256()
        self.size = 0
        """Bytes of the archive so far."""
        self.sha256 = ""
        """Of the manifest, once it is closed."""
        self.has_failed = False
        """Whether one of the two could not be written to."""
        self._size_of_data = 0
        self._entries = 0
        first = {"format": FORMAT, "items": {str(n): one for n, one in fingerprints.items()}}
        self._line(json.dumps(first, separators=(",", ":")).encode("ascii") + b"\n")

    def begin(self, member: Member) -> None:
        self._put(tarformat.header(member))
        self._size_of_data = tarformat.data_size(member)

    def data(self, content: bytes) -> None:
        self._put(content)

    def end(self, member: Member) -> None:
        """The member is whole, its digest known."""
        if self._size_of_data % tarformat.BLOCK:
            self._put(tarformat.padding(self._size_of_data))
        self._entries += 1
        self._line(dump(member))

    def close(self) -> None:
        """Finish both, on the disk. Raises OSError."""
        self._put(tarformat.END)
        self._compress()
        self._write(self._compressor.flush())
        self.sha256 = self._sha.hexdigest()
        last = {"entries": self._entries, "size": self.size, "sha256": self.sha256}
        self._lines.append(json.dumps(last, separators=(",", ":")).encode("ascii") + b"\n")
        self._write_lines()
        change.sync(self._tar_fd)
        change.sync(self._manifest_fd)

    def _put(self, content: bytes) -> None:
        self._waiting.append(content)
        self._waiting_bytes += len(content)
        if self._waiting_bytes >= BUFFER:
            self._compress()

    def _compress(self) -> None:
        self._write(self._compressor.compress(b"".join(self._waiting)))
        self._waiting.clear()
        self._waiting_bytes = 0

    def _write(self, data: bytes) -> None:
        if data:
            self._write_to(self._tar_fd, data)
            self.size += len(data)

    def _write_to(self, fd: int, data: bytes) -> None:
        try:
            change.write_all(fd, data)
        except OSError:
            self.has_failed = True
            raise

    def _line(self, line: bytes) -> None:
        self._sha.update(line)
        self._lines.append(line)
        if len(self._lines) >= 4096:
            self._write_lines()

    def _write_lines(self) -> None:
        self._write_to(self._manifest_fd, b"".join(self._lines))
        self._lines.clear()


class Manifest:
    """A manifest that was read through once and is whole. Its members are read again as they are needed."""

    def __init__(self, fd: int) -> None:
        """Raises Damaged, OSError. ``fd`` must stay open; ``close`` closes it."""
        self._fd = fd
        sha = hashlib.sha256()
        before, self.entries = b"", -1
        first = b""
        for line in self._lines():
            if before:
                sha.update(before)
                self.entries += 1
            first = first or line
            before = line
        self.fingerprints = first_line(first)
        """By index of the items in it: the state of the tree that was packed."""
        try:
            last = json.loads(before)
            self.sha256 = str(last["sha256"])
            whole = self.sha256 == sha.hexdigest() and last["entries"] == self.entries
            self.size = int(last["size"])
        except (ValueError, KeyError, TypeError, RecursionError):
            whole = False
        if not whole:
            raise Damaged("its manifest is damaged or cut off")

    def close(self) -> None:
        os.close(self._fd)

    def members(self) -> Iterator[Member]:
        """In the order of the archive. Raises Damaged."""
        lines = self._lines()
        next(lines)
        try:
            for _ in range(self.entries):
                yield load(next(lines))
        except (ValueError, StopIteration) as error:
            raise Damaged(f"its manifest cannot be used: {safe(str(error), 200)}") from None

    def of_item(self, n: int) -> Iterator[Member]:
        """The members of one item."""
        return (member for member in self.members() if member.item == n)

    def _lines(self) -> Iterator[bytes]:
        # By position: two readers may be at it at once, and a copied descriptor would share theirs.
        at, rest = 0, b""
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
        while block := os.pread(self._fd, BUFFER, at):
            at += len(block)
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line + b"\n"
        if rest:
            yield rest


def first_line(line: bytes) -> dict[int, str]:
    """Items and their fingerprints from a manifest's first line. Raises Damaged."""
    try:
        data = json.loads(line)
        if data["format"] != FORMAT:
            raise Damaged(f"its format {str(data['format'])[:20]} is unknown to this version")
        return {int(n): str(one) for n, one in data["items"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Damaged("its manifest is damaged") from None


class Visitor(Protocol):
    """Who wants what comes out of an archive."""

    def begin(self, member: Member) -> None: ...

    def data(self, content: bytes) -> None: ...

    def end(self, member: Member) -> None: ...

    def give_up(self, n: int) -> None:
        """Item ``n`` is damaged: what was made of it is worth nothing."""
        ...


class _Nobody:
    def begin(self, member: Member) -> None: ...

    def data(self, content: bytes) -> None: ...

    def end(self, member: Member) -> None: ...

    def give_up(self, n: int) -> None: ...


def replay(tar_fd: int, manifest: Manifest, visitor: Visitor | None = None) -> dict[int, str]:
    """Read an archive from its first to its last byte, comparing everything with the manifest.

    Returns what is wrong with it, by index of the damaged items (``AT_ITS_END``: every item is sound, and yet
    the archive is not what was written); empty when all of it is sound. Raises
    Damaged (the manifest), OSError of the visitor's own making.
    """
    library()
    visitor = visitor or _Nobody()
    tape = Tape(tar_fd)
    problems: dict[int, str] = {}
    waiting = set(manifest.fingerprints)
    n = -1
    size = os.fstat(tar_fd).st_size
    try:
        for member in manifest.members():
            n = member.item
            if n not in manifest.fingerprints:
                raise Damaged("its manifest names an item it does not hold")
            expected = tarformat.header(member)
            if tape.take(len(expected)) != expected:
                raise Torn(f"{_inside(member)} is not where it must be")
            visitor.begin(member)
            problem = _data(tape, member, visitor)
            if problem and n not in problems:
                problems[n] = problem
                visitor.give_up(n)
            visitor.end(member)
        waiting.clear()
        if tape.take(len(tarformat.END)) != tarformat.END or tape.more():
            raise Torn("something follows its last entry")
        if size != manifest.size:
            raise Torn(f"it has {size:,} bytes instead of {manifest.size:,}")
    except Torn as error:
        if not waiting:
            # Every item was read whole; one that is damaged explains a checksum over all of them.
            return problems or {AT_ITS_END: str(error)}
        for one in _from(manifest, n):
            if one not in problems:
                problems[one] = str(error)
                visitor.give_up(one)
    return problems


def _from(manifest: Manifest, n: int) -> set[int]:
    """The items from ``n`` on: a stream that cannot be read further holds none of them."""
    order: list[int] = []
    for member in manifest.members():
        if not order or order[-1] != member.item:
            order.append(member.item)
    at = order.index(n) if n in order else 0
    return set(order[at:])


def _inside(member: Member) -> str:
    """Its path in the item, to be shown."""
    return safe(member.path.partition("/")[2]) or "its folder"


def _data(tape: Tape, member: Member, visitor: Visitor) -> str:
    """Pass a file's data on; what is wrong with them. Raises Torn."""
    if member.kind != "f":
        return ""
    left = size = tarformat.data_size(member)
    if left <= BUFFER:
        content = tape.take(left)
        visitor.data(content)
        found = hashlib.sha256(content).hexdigest()
    else:
        sha = hashlib.sha256()
        while left:
            content = tape.some(left)
            sha.update(content)
            visitor.data(content)
            left -= len(content)
        found = sha.hexdigest()
    if size and tape.take(-size % tarformat.BLOCK).strip(b"\0"):
        return f"{_inside(member)} is damaged"
    return "" if found == member.sha256 else f"{_inside(member)} is damaged: its checksum differs"
