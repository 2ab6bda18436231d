"""How much is in a directory: one status call an entry, links never followed, hard-linked files once.

The inner loop of every scan, so it is written for speed: fewer calls and names than ``disk.look.walk``,
which takes over where a tree is absurdly deep.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from mlruns_tui.disk import look
from mlruns_tui.model.store import Size
from mlruns_tui.model.text import decode, safe

from .keep import KEEP_TAG, UNUSABLE, keeps
from .pulse import Pulse

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_DEPTH = 80
"""Levels held open at once."""
_PARENT_TAG = "mlflow.parentRunId"
_TAGS = (_PARENT_TAG, KEEP_TAG, "mlflow.runName")
_TAGS_FOLDER = "tags"


@dataclass(slots=True)
class Tally:
    """A sum being made."""

    size_bytes: int = 0
    allocated_bytes: int = 0
    files: int = 0
    newest_ns: int = 0
    trouble: set[str] = field(default_factory=set)
    """``unreadable`` or ``other-device``: what kept some of it from being counted."""
    owner: int = -1

    def size(self) -> Size:
        return Size(self.size_bytes, self.allocated_bytes, self.files, self.newest_ns)

    def add(self, other: Tally) -> None:
        self.size_bytes += other.size_bytes
        self.allocated_bytes += other.allocated_bytes
        self.files += other.files
        self.newest_ns = max(self.newest_ns, other.newest_ns)
        self.trouble |= other.trouble

    def less(self, other: Tally) -> Tally:
        """A new tally without what ``other`` counted twice."""
        return Tally(
            self.size_bytes - other.size_bytes,
            self.allocated_bytes - other.allocated_bytes,
            self.files - other.files,
            self.newest_ns,
            self.trouble,
            self.owner,
        )


class Ledger:
    """Files with more than one name: each is counted once in an item, once in its container, once in all.

    Sums of items count a file shared by two of them twice; ``container_twice`` and ``store_twice`` are
    what must be taken off again.
    """

    __slots__ = ("_container", "_item", "_store", "container_twice", "device", "store_twice")

    def __init__(self, device: int) -> None:
        self.device = device
        self._item: set[int] = set()
        self._container: set[int] = set()
        self._store: set[int] = set()
        self.container_twice = Tally()
        self.store_twice = Tally()

    def begin_container(self) -> None:
        self._container = set()
        self.container_twice = Tally()

    def begin_item(self) -> None:
        if self._item:
            self._item = set()

    def is_new(self, status: os.stat_result) -> bool:
        """Whether the item being measured has not counted this file yet."""
        inode = status.st_ino
        if inode in self._item:
            return False
        self._item.add(inode)
        for seen, twice in ((self._container, self.container_twice), (self._store, self.store_twice)):
            if inode in seen:
                twice.size_bytes += status.st_size
                twice.allocated_bytes += status.st_blocks * 512
                twice.files += 1
            seen.add(inode)
        return True


def measure(parent_fd: int, name: str, ledger: Ledger, pulse: Pulse) -> Tally:
    """Everything in the directory ``name``, as one item."""
    ledger.begin_item()
    tally = Tally()
    _enter(parent_fd, name, tally, ledger, pulse, 0)
    return tally


@dataclass(slots=True)
class RunMeasure:
    """A run's size, and the few tags looked at on the way."""

    tally: Tally
    tags: dict[str, str]
    """Of ``mlflow.parentRunId``, ``keep`` and ``mlflow.runName``, those that are there; raw text."""
    closed: list[OSError]
    """Why it cannot be told which parent it names; empty when it can."""

    @property
    def parent(self) -> str:
        return safe(self.tags.get(_TAGS[0], "").strip(), 256)

    @property
    def keep(self) -> str:
        return keeps(self.tags[KEEP_TAG]) if KEEP_TAG in self.tags else ""

    @property
    def name(self) -> str:
        return safe(self.tags.get(_TAGS[2], "").strip())


def measure_run(folder_fd: int, name: str, ledger: Ledger, pulse: Pulse) -> RunMeasure:
    """A run's directory, and the tags that say what protects it."""
    ledger.begin_item()
    tally = Tally()
    tags: dict[str, str] = {}
    closed: list[OSError] = []
    _enter(folder_fd, name, tally, ledger, pulse, 0, tags, closed)
    return RunMeasure(tally, tags, closed)


def read_tag(folder_fd: int, path: str) -> str | None:
    """The text of one tag file, None where there is none. Raises OSError for one that cannot be read."""
    try:
        return decode(look.read_small(path, folder_fd))
    except FileNotFoundError:
        return None


def closed_tags_words(path: str, error: OSError) -> str:
    """``1/abc: its tags cannot be read (permission denied), it may be a child``."""
    return f"{safe(path)}: its tags cannot be read ({look.words(error)}), it may be a child"


def _enter(
    parent_fd: int,
    name: str,
    tally: Tally,
    ledger: Ledger,
    pulse: Pulse,
    depth: int,
    tags: dict[str, str] | None = None,
    closed: list[OSError] | None = None,
) -> None:
    """Count the directory ``name``; with ``tags`` and ``closed`` it is a run, whose tags are wanted."""
    try:
        fd = os.open(name, _DIRECTORY, dir_fd=parent_fd)
    except FileNotFoundError:
        return
    except OSError as error:
        tally.trouble.add("unreadable")
        if closed is not None:
            closed.append(error)
        return
    try:
        status = os.fstat(fd)
        if depth == 0:
            tally.owner = status.st_uid
        if status.st_dev != ledger.device:
            tally.trouble.add("other-device")
            return
        if status.st_mtime_ns > tally.newest_ns:
            tally.newest_ns = status.st_mtime_ns
        if depth >= _MAX_DEPTH:
            _deep(parent_fd, name, tally, ledger, pulse)
            return
        if tags is None or closed is None:
            for one in _list(fd, tally, ledger, pulse):
                _enter(fd, one, tally, ledger, pulse, depth + 1)
            return
        others: list[str] = []
        for one in _list(fd, tally, ledger, pulse, others, closed):
            if one == _TAGS_FOLDER:
                _enter_tags(fd, one, tally, ledger, pulse, tags, closed)
            else:
                _enter(fd, one, tally, ledger, pulse, 1)
        if _TAGS_FOLDER in others:
            # A link or a file: MLflow follows the one and fails on the other.
            closed.append(look.NotReadable(20, "not a directory", _TAGS_FOLDER))
            tags[KEEP_TAG] = UNUSABLE
    finally:
        os.close(fd)


def _enter_tags(
    fd: int, name: str, tally: Tally, ledger: Ledger, pulse: Pulse, tags: dict[str, str], closed: list[OSError]
) -> None:
    try:
        tags_fd = os.open(name, _DIRECTORY, dir_fd=fd)
    except FileNotFoundError:
        return
    except OSError as error:
        tally.trouble.add("unreadable")
        closed.append(error)
        return
    try:
        status = os.fstat(tags_fd)
        if status.st_dev != ledger.device:
            tally.trouble.add("other-device")
            return
        tally.newest_ns = max(tally.newest_ns, status.st_mtime_ns)
        seen: list[str] = []
        below = _list(tags_fd, tally, ledger, pulse, seen, closed)
        for one in below:
            _enter(tags_fd, one, tally, ledger, pulse, 2)
        for tag in _TAGS:
            if tag not in seen and tag not in below:
                continue
            try:
                value = read_tag(tags_fd, tag)
            except OSError as error:
                if tag == KEEP_TAG:
                    tags[tag] = UNUSABLE
                elif tag == _PARENT_TAG:
                    closed.append(error)
            else:
                if value is not None:
                    tags[tag] = value
    finally:
        os.close(tags_fd)


def _list(
    fd: int,
    tally: Tally,
    ledger: Ledger,
    pulse: Pulse,
    seen: list[str] | None = None,
    closed: list[OSError] | None = None,
) -> list[str]:
    """Count what a directory holds itself; the names of its directories. ``seen`` collects other names,
    ``closed`` why it could not be listed."""
    below: list[str] = []
    size = blocks = files = met = 0
    newest = tally.newest_ns
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                if not met & 0x3FF:
                    pulse()
                met += 1
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    tally.trouble.add("unreadable")
                    if closed is not None:
                        closed.append(error)
                    continue
                if status.st_mtime_ns > newest:
                    newest = status.st_mtime_ns
                if seen is not None:
                    seen.append(entry.name)
                if status.st_mode & 0o170000 == 0o100000 and (status.st_nlink == 1 or ledger.is_new(status)):
                    size += status.st_size
                    blocks += status.st_blocks
                    files += 1
    except OSError as error:
        tally.trouble.add("unreadable")
        if closed is not None:
            closed.append(error)
    tally.size_bytes += size
    tally.allocated_bytes += blocks * 512
    tally.files += files
    tally.newest_ns = newest
    return below


def measure_files(fd: int, ledger: Ledger, pulse: Pulse) -> tuple[Tally, list[str]]:
    """What a directory holds itself, as one item, and the names of the directories in it."""
    ledger.begin_item()
    tally = Tally()
    return tally, _list(fd, tally, ledger, pulse)


def _deep(parent_fd: int, name: str, tally: Tally, ledger: Ledger, pulse: Pulse) -> None:
    def failed(path: str, what: str, error: OSError) -> None:
        tally.trouble.add("unreadable")

    try:
        for entry in look.walk(parent_fd, name, failed):
            pulse()
            status = entry.status
            tally.newest_ns = max(tally.newest_ns, status.st_mtime_ns)
            if status.st_dev != ledger.device:
                tally.trouble.add("other-device")
            elif stat.S_ISREG(status.st_mode) and (status.st_nlink == 1 or ledger.is_new(status)):
                tally.size_bytes += status.st_size
                tally.allocated_bytes += status.st_blocks * 512
                tally.files += 1
    except OSError:
        tally.trouble.add("unreadable")
