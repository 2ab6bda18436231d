"""The bytes of a tar archive, made from what is known of its members: POSIX 2001 (pax), as GNU tar reads it.

A header is a pure function of its member. Whoever reads one of our archives makes the header that must be
there and compares, so that nothing in an archive is ever interpreted. Written out because the standard
library's ``tarfile`` neither writes holes nor extended attributes, and takes ten times as long.

Formats: POSIX.1-2017 ``pax``; ``SCHILY.xattr.*`` (star) for extended attributes; ``GNU.sparse.*`` version 1.0
(the map of a file with holes stands before its data) from the manual of GNU tar.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from zlib import adler32

from .members import Member

BLOCK = 512
END = b"\0" * (2 * BLOCK + (1 << 20))
"""Two blocks of zeros end an archive; more of them keep the last item out of the compressor's last block,
which cannot be had when its checksum is wrong."""
_MAX_OCTAL = 0o77777777777
_MAX_ID = 0o7777777
_TEN_DIGITS = 1_000_000_000
_TYPES = {"d": b"5", "f": b"0", "l": b"2", "h": b"1"}
_NOBODY = b"\0" * 64
"""Names of user and group are left out: the numbers count."""


def padding(size: int) -> bytes:
    """What follows ``size`` bytes of data up to the next block."""
    return b"\0" * (-size % BLOCK)


def sparse_map(member: Member) -> bytes:
    """The map that stands before the data of a file with holes; nothing for other members."""
    if member.segments is None:
        return b""
    numbers = [len(member.segments), *(number for segment in member.segments for number in segment)]
    text = b"".join(b"%d\n" % number for number in numbers)
    return text + padding(len(text))


def data_size(member: Member) -> int:
    """Bytes of a file's content in the archive: without its holes."""
    if member.kind != "f":
        return 0
    return member.size if member.segments is None else sum(length for _, length in member.segments)


def header(member: Member) -> bytes:
    """Everything before a member's data: extended header if needed, header, map of a file with holes."""
    if member.segments is None and not member.xattrs and not member.link and member.path.isascii():
        name = member.path.encode("ascii") + (b"/" if member.kind == "d" else b"")
        seconds, nanoseconds = divmod(member.mtime_ns, 1_000_000_000)
        size = member.size if member.kind == "f" else 0
        if (
            len(name) <= 100 and nanoseconds and _TEN_DIGITS <= seconds <= _MAX_OCTAL
            and size <= _MAX_OCTAL and member.uid <= _MAX_ID and member.gid <= _MAX_ID
        ):  # fmt: skip
            # Nearly all of them: nothing is special but the time, whose record has always this length.
            time = b"30 mtime=%d.%09d\n" % (seconds, nanoseconds)
            return (
                _extended(len(time))
                + time.ljust(BLOCK, b"\0")
                + _block(name, member.mode, member.uid, member.gid, size, seconds, _TYPES[member.kind], b"")
            )
    return any_header(member)


def any_header(member: Member) -> bytes:
    """The same for whatever member."""
    name = os.fsencode(member.path) + (b"/" if member.kind == "d" else b"")
    link = os.fsencode(member.link)
    seconds, nanoseconds = divmod(member.mtime_ns, 1_000_000_000)
    size = data_size(member)
    known: list[tuple[bytes, bytes]] = []
    holes = sparse_map(member)
    if member.segments is not None:
        size += len(holes)
        known += [
            (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", name), (b"GNU.sparse.realsize", b"%d" % member.size),
        ]  # fmt: skip
    elif len(name) > 100:
        known.append((b"path", name))
    if len(link) > 100:
        known.append((b"linkpath", link))
    if known and not (_is_plain(name) and _is_plain(link)):
        known.insert(0, (b"hdrcharset", b"BINARY"))
    if nanoseconds or not 0 <= seconds <= _MAX_OCTAL:
        known.append((b"mtime", _decimal(member.mtime_ns)))
    if size > _MAX_OCTAL:
        known.append((b"size", b"%d" % size))
    if member.uid > _MAX_ID:
        known.append((b"uid", b"%d" % member.uid))
    if member.gid > _MAX_ID:
        known.append((b"gid", b"%d" % member.gid))
    known += [(b"SCHILY.xattr." + os.fsencode(key), value) for key, value in member.xattrs]
    before = b""
    if known:
        text = b"".join(_record(key, value) for key, value in known)
        before = _extended(len(text)) + text + padding(len(text))
    return (
        before
        + _block(
            name[:100], member.mode, min(member.uid, _MAX_ID), min(member.gid, _MAX_ID), min(size, _MAX_OCTAL),
            min(max(seconds, 0), _MAX_OCTAL), _TYPES[member.kind], link[:100],
        )
        + holes
    )  # fmt: skip


def _is_plain(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decimal(nanoseconds: int) -> bytes:
    """Seconds with nine decimals; before 1970 as well."""
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    return b"%s%d.%09d" % (b"-" if nanoseconds < 0 else b"", seconds, rest)


def _record(key: bytes, value: bytes) -> bytes:
    """``length key=value\\n``, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(b"%d" % rest)
    length = rest + len(b"%d" % length)
    return b"%d %s=%s\n" % (length, key, value)


@cache
def _rest(kind: bytes, link: bytes) -> tuple[bytes, int]:
    """What follows the checksum of a header, to the end of its block, and its sum."""
    rest = b"%s%sustar\00000%s0000000\0000000000\0" % (kind, link.ljust(100, b"\0"), _NOBODY)
    return rest.ljust(BLOCK - 156, b"\0"), sum(rest) + 8 * 32


@lru_cache(64)
def _owned(mode: int, uid: int, gid: int) -> bytes:
    return b"%07o\0%07o\0%07o\0" % (mode, uid, gid)


def _block(name: bytes, mode: int, uid: int, gid: int, size: int, mtime: int, kind: bytes, link: bytes) -> bytes:
    start = b"%s%s%011o\0%011o\0" % (name.ljust(100, b"\0"), _owned(mode, uid, gid), size, mtime)
    rest, total = _rest(kind, link) if not link else _rest.__wrapped__(kind, link)
    # Adler-32's lower half is one more than the sum of the bytes, as long as that is below 65,521: it is here.
    return b"%s%06o\0 %s" % (start, (adler32(start) & 0xFFFF) - 1 + total, rest)


@lru_cache(256)
def _extended(size: int) -> bytes:
    """The header of an extended header with so many bytes."""
    return _block(b"PaxHeaders/0", 0o644, 0, 0, size, 0, b"x", b"")
