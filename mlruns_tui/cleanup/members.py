"""What an archive holds, entry by entry: the manifest that stands beside it, and against which it is read.

A manifest is lines of JSON. The first: ``{"format": 1, "items": {"<n>": fingerprint}}``; then one list an
entry, in the order of the archive, directories before what is in them; the last: ``{"entries", "size"``
(bytes of the archive file)``, "sha256"`` (of the lines before)``}``.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

FORMAT = 1
KINDS = ("d", "f", "l", "h")
_PLAIN = re.compile(r"[0-9]+(?:/(?!\.{0,2}(?:/|\Z))[^/\0]+)*")
"""A path that cannot lead out of its item: no part is empty, ``.`` or ``..``."""
_quoted = json.encoder.encode_basestring_ascii


@dataclass(slots=True)
class Member:
    """One entry."""

    kind: str
    """``d`` directory, ``f`` file, ``l`` symbolic link, ``h`` another name of a file before it."""
    path: str
    """``<n>`` or ``<n>/…``: index of the item, path inside it."""
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int = 0
    """Of a file, holes included."""
    link: str = ""
    """Text of a symbolic link; path of the first name of the file."""
    xattrs: tuple[tuple[str, bytes], ...] = ()
    segments: tuple[tuple[int, int], ...] | None = None
    """Where a file with holes has data, as offsets and lengths; None for one without."""
    sha256: str = ""
    """Hex digest of a file's data, without its holes."""

    @property
    def item(self) -> int:
        """Index of the item it belongs to."""
        return int(self.path.partition("/")[0])


def dump(member: Member) -> bytes:
    """Its line."""
    if not member.xattrs and member.segments is None:
        # Nearly all of them.
        return (
            f'["{member.kind}",{_quoted(member.path)},{member.mode},{member.uid},{member.gid},{member.mtime_ns},'
            f'{member.size},{_quoted(member.link)},[],null,"{member.sha256}"]\n'
        ).encode("ascii")
    return any_line(member)


def any_line(member: Member) -> bytes:
    """The same for whatever member."""
    fields: list[Any] = [
        member.kind, member.path, member.mode, member.uid, member.gid, member.mtime_ns, member.size, member.link,
        [[name, base64.b64encode(value).decode("ascii")] for name, value in member.xattrs],
        member.segments, member.sha256,
    ]  # fmt: skip
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


def load(line: bytes) -> Member:
    """The member of a line. Raises ValueError for one this program would not have written."""
    try:
        kind, path, mode, uid, gid, mtime_ns, size, link, xattrs, segments, sha256 = json.loads(line.decode("ascii"))
        if not (type(mode) is type(uid) is type(gid) is type(size) is type(mtime_ns) is int):
            raise ValueError("a number is missing")
        if min(mode, uid, gid, size) < 0:
            raise ValueError("a number is missing")
        if not (type(kind) is type(path) is type(link) is type(sha256) is str) or kind not in KINDS:
            raise ValueError("a text is missing")
        if _PLAIN.fullmatch(path) is None:
            raise ValueError("it belongs to no item, or leads out of it")
        if kind == "h" and (_PLAIN.fullmatch(link) is None or link.partition("/")[0] != path.partition("/")[0]):
            raise ValueError("its first name is in another item")
        pairs = tuple((str(name), base64.b64decode(value, validate=True)) for name, value in xattrs) if xattrs else ()
        holes = None if segments is None else _segments(segments, size)
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return Member(kind, path, mode, uid, gid, mtime_ns, size, link, pairs, holes, sha256)


def _segments(data: Any, size: int) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    end = 0
    for offset, length in data:
        if type(offset) is not int or type(length) is not int or offset < end or length < 0:
            raise ValueError("its holes overlap")
        end = offset + length
        found.append((offset, length))
    if end > size:
        raise ValueError("its data are longer than itself")
    return tuple(found)
