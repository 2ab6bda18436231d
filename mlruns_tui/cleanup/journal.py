"""The journal of one batch: what was meant, and what came of it, in the order it happened.

One record a line: CRC-32 of the rest in eight hex digits, a space, one JSON object with ``seq`` (rising)
and ``e`` (what happened). It explains and never decides: where an item is, is looked up on the disk.
A line that is torn, damaged or out of order is passed over.

Records: ``begin`` {op, uid, user, host, pid, boot, started, number, only: [index] where it is not about
all, gain: percent an item must gain to be packed, dir: on another disk where archives go, pack: {gain, dir} where
what is moved is to be packed next}, ``times`` {dirs: [[path, inode, mtime_ns]]}, ``moving``
``restoring`` ``purging`` {n: [index]} before a change, ``moved`` ``restored`` ``purged`` {n: [index]},
``packed`` ``kept`` (not retired after all) {n: [index], to: number of the place where that is not the vault},
``to`` {place: number} where the packing that was begun puts archives, ``unpacked`` {n: index, device, inode,
fingerprint: of its new tree}, ``aside`` {n: index, to: path}, ``skipped`` ``failed``
{n: index, why: text} after it, ``end`` {op}.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlruns_tui.disk import change, look
from mlruns_tui.model.batch import MIN_GAIN_PERCENT

from .say import NO_ROOM

MAX_JOURNAL = 1 << 30


def line(record: Mapping[str, Any]) -> bytes:
    """A record as it stands in the file."""
    data = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(data), data)


def parse(data: bytes) -> list[dict[str, Any]]:
    """The sound records, in order."""
    records: list[dict[str, Any]] = []
    last = 0
    for text in data.split(b"\n")[:-1]:  # what follows the last newline was never finished
        try:
            if int(text[:8], 16) != zlib.crc32(text[9:]) or text[8:9] != b" ":
                continue
            record = json.loads(text[9:])
            sequence = record["seq"]
            if isinstance(record["e"], str) and type(sequence) is int and sequence > last:
                records.append(record)
                last = sequence
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return records


@dataclass(slots=True)
class Told:
    """One operation on the batch."""

    op: str
    began_ms: int
    user: str
    host: str
    pid: int
    boot: str = ""
    started: str = ""
    """Of the process ``pid``, which tell it from a later one of that number."""
    ended_ms: int | None = None
    done: set[int] = field(default_factory=set)
    """Indexes of the items it was done with."""


_DONE_BY = {
    "apply": ("moved", "purged"), "restore": ("restored", "aside"), "purge": ("purged",), "pack": ("packed",),
}  # fmt: skip
"""Events that say an operation did its work on an item."""


@dataclass(slots=True)
class History:
    """What a journal tells, folded together."""

    last_seq: int = 0
    number: int = 0
    """Rises with each batch of a store: the order of batches, whatever the clock did."""
    uid: int = -1
    began_ms: int = 0
    open_op: str = ""
    """``apply``, ``restore``, ``purge`` that was begun and not ended."""
    finished_ms: int | None = None
    items: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By index: the last word on it (``moving``, ``moved``, ``skipped`` …) and why, or where to."""
    asides: dict[int, str] = field(default_factory=dict)
    """By index: where it was restored to under another name, relative to the root."""
    left: set[int] = field(default_factory=set)
    """Those that were moved out at some time."""
    condemned: set[int] = field(default_factory=set)
    """Those whose deletion was meant since something last ended."""
    times: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By directory the open operation changes: its inode and the time it should have."""
    packed: set[int] = field(default_factory=set)
    """Those whose tree was retired for an archive."""
    elsewhere: dict[int, int] = field(default_factory=dict)
    """By index, of those: the place on another disk their archive was put in."""
    place: int = 0
    """Where the open operation puts archives; 0: in the vault."""
    min_gain_percent: int = MIN_GAIN_PERCENT
    """What an item must gain of its space for the open operation to pack it."""
    backup_dir: str = ""
    """The directory on another disk that the open operation was told to put archives in."""
    to_pack: tuple[int, str] | None = None
    """What was moved is to be packed next, and that has not begun: the least gain in percent, and the directory on
    another disk (empty: the vault)."""
    unpacked: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    """By index: device, inode and fingerprint of the tree that was made again from an archive."""
    only: frozenset[int] | None = None
    """Items the open operation was asked for; None for all of them."""
    operations: list[Told] = field(default_factory=list)
    """Oldest first."""


def fold(records: list[dict[str, Any]]) -> History:
    """What the records say together; whatever is not as this program writes it is passed over."""
    told = History()
    for record in records:
        try:
            learn(told, record)
        except (KeyError, TypeError, ValueError):
            continue
    return told


def learn(told: History, record: Mapping[str, Any]) -> None:
    """Fold one more record in. Raises KeyError, TypeError, ValueError for one this program does not write."""
    told.last_seq = record["seq"]
    event = record["e"]
    if event == "begin":
        told.open_op = str(record["op"])
        if not told.began_ms:
            told.began_ms, told.uid, told.number = int(record["at"]), int(record["uid"]), int(record["number"])
        only = record.get("only")
        told.only = None if only is None else frozenset(int(n) for n in only)
        told.place = 0
        told.min_gain_percent = int(record.get("gain", MIN_GAIN_PERCENT))
        told.backup_dir = str(record.get("dir", ""))
        pack = record.get("pack")
        told.to_pack = None if pack is None else (int(pack["gain"]), str(pack["dir"]))
        user, host = str(record.get("user", "")), str(record.get("host", ""))
        boot, started = str(record.get("boot", "")), str(record.get("started", ""))
        pid = int(record.get("pid", 0))
        told.operations.append(Told(told.open_op, int(record["at"]), user, host, pid, boot, started))
    elif event == "end":
        told.open_op = ""
        told.finished_ms = int(record["at"])
        told.times.clear()
        told.condemned.clear()
        if told.operations:
            told.operations[-1].ended_ms = told.finished_ms
    elif event == "times":
        for path, inode, mtime_ns in record["dirs"]:
            told.times[str(path)] = (int(inode), int(mtime_ns))
    elif event in ("skipped", "failed"):
        told.items[int(record["n"])] = (event, str(record["why"]))
    elif event == "aside":
        told.items[int(record["n"])] = ("restored", str(record["to"]))
        told.asides[int(record["n"])] = str(record["to"])
    elif event == "unpacked":
        n = int(record["n"])
        told.unpacked[n] = (int(record["device"]), int(record["inode"]), str(record["fingerprint"]))
        told.packed.discard(n)
        told.elsewhere.pop(n, None)
    elif event in ("packed", "kept"):
        # Packing is no new word on an item but for this: where it went and what for stays said.
        (told.packed.update if event == "packed" else told.packed.difference_update)(int(n) for n in record["n"])
        for n in record["n"]:
            told.elsewhere.pop(int(n), None)
            if event == "packed" and record.get("to"):
                told.elsewhere[int(n)] = int(record["to"])
    elif event == "to":
        told.place = int(record["place"])
    elif event in ("moving", "moved", "restoring", "restored", "purging", "purged"):
        for n in record["n"]:
            told.items[int(n)] = (event, "")
            if event in ("moved", "purging", "restoring"):
                told.left.add(int(n))
            if event == "purging":
                told.condemned.add(int(n))

    _count(told, event, record)


def _count(told: History, event: str, record: Mapping[str, Any]) -> None:
    """Note the items of a record with the operation it belongs to."""
    if told.operations and event in _DONE_BY.get(told.operations[-1].op, ()):
        n = record["n"]
        told.operations[-1].done.update(map(int, n if isinstance(n, list) else [n]))


def read(record_fd: int) -> History:
    """The history of a batch; an empty one when there is no journal. Raises OSError when it cannot be read."""
    try:
        size = os.stat("journal", dir_fd=record_fd, follow_symlinks=False).st_size
        return fold(parse(look.read_small("journal", record_fd, min(max(size, 1) * 2, MAX_JOURNAL))))
    except FileNotFoundError:
        return History()


class Journal:
    """Writes one journal. Without a descriptor it only keeps what was said (no disk will take it)."""

    def __init__(self, fd: int | None, last_seq: int = 0, *, torn: bool = False) -> None:
        self._fd = fd
        self._sequence = last_seq
        self._waiting: list[bytes] = []
        self._torn = torn

    @classmethod
    def open(cls, record_fd: int, last_seq: int, mode: int = 0o600) -> Journal:
        """Go on with a journal (or begin one). Raises OSError."""
        fd = change.open_append(record_fd, "journal", mode)
        size = os.fstat(fd).st_size
        torn = False
        if size:
            reading = os.open("journal", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=record_fd)
            torn = os.pread(reading, 1, size - 1) != b"\n"
            os.close(reading)
        return cls(fd, last_seq, torn=torn)

    def add(self, event: str, **fields: Any) -> dict[str, Any]:
        """Say something; ``commit`` writes it."""
        self._sequence += 1
        record = {"seq": self._sequence, "at": time.time_ns() // 1_000_000, "e": event, **fields}
        self._waiting.append(line(record))
        return record

    def commit(self) -> bool:
        """Everything said so far is on the disk. False when the disk is full: it is kept for later.

        Raises OSError for any other trouble (never retried: see ``change.sync``).
        """
        if self._fd is None or not self._waiting:
            return self._fd is not None
        data = (b"\n" if self._torn else b"") + b"".join(self._waiting)
        try:
            # Until the write is known to be whole, what follows starts on a line of its own.
            self._torn = True
            change.write_all(self._fd, data)
            self._torn = False
            self._waiting.clear()
            change.sync(self._fd)
        except OSError as error:
            if error.errno in NO_ROOM:
                return False
            raise
        return True

    @property
    def behind(self) -> bool:
        """Whether something could not be written."""
        return bool(self._waiting)

    def reserve(self, size: int) -> None:
        """Make sure of ``size`` bytes for what will be said. Raises OSError when the disk is too full."""
        if self._fd is not None:
            change.reserve_space(self._fd, os.fstat(self._fd).st_size + size)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
