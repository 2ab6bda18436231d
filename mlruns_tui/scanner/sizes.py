"""How much is in a directory: one status call an entry, links never followed, hard-linked files once.

The inner loop of every scan, so it is written for speed: fewer calls and names than ``disk.look.walk``,
which takes over where a tree is absurdly deep. What is found are plain rows, made in any process.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.text import decode, safe

from .keep import KEEP_TAG, UNUSABLE
from .pulse import Pulse
from .tally import NAME_TAG, PARENT_TAG, Measured
from .tasks import Row

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_DEPTH: Final = 80
"""Levels held open at once."""
_TAGS_FOLDER: Final = "tags"
_TYPE: Final = 0o170000
_REGULAR: Final = 0o100000


def unreadable(error: OSError) -> tuple[Any, ...]:
    """The last field of the row of a run that could not be looked at."""
    return ("unreadable",), (), {}, look.words(error)


def measure(parent_fd: int, name: str, device: int, pulse: Pulse) -> Measured:
    """Everything in the directory ``name``, as one item. ``device``: the store's; others are not entered."""
    return Measured(measure_row(parent_fd, name, device, pulse))


def measure_row(parent_fd: int, name: str, device: int, pulse: Pulse) -> Row:
    """The same as the row ``Measured`` is made from."""
    item = _Item(device, pulse)
    item.enter(parent_fd, name)
    return item.row()


def measure_run_row(parent_fd: int, name: str, about: tuple[int, bool], pulse: Pulse) -> Row:
    """A run's directory, and the tags that say what protects it. ``about``: the store's device, and whether the
    tags are asked for its name, too, because its metadata gives none."""
    item = _Item(about[0], pulse)
    item.enter_run(parent_fd, name, about[1])
    return item.row()


def measure_files(fd: int, device: int, pulse: Pulse) -> tuple[Measured, list[str]]:
    """What a directory holds itself, as one item, and the names of the directories in it."""
    item = _Item(device, pulse)
    below = item.list(fd)
    return Measured(item.row()), below


def read_tag(folder_fd: int, path: str) -> str | None:
    """The text of one tag file, None where there is none. Raises OSError for one that cannot be read."""
    try:
        return decode(look.read_small(path, folder_fd))
    except FileNotFoundError:
        return None


def closed_tags_words(path: str, why: str) -> str:
    """``1/abc: its tags cannot be read (permission denied), it may be a child``."""
    return f"{safe(path)}: its tags cannot be read ({why}), it may be a child"


class _Item:
    """One tree being counted."""

    __slots__ = (
        "_allocated", "_bytes", "_closed", "_device", "_files", "_is_run", "_links", "_newest", "_owner", "_pulse",
        "_tags", "_trouble",
    )  # fmt: skip

    def __init__(self, device: int, pulse: Pulse) -> None:
        self._device = device
        self._pulse = pulse
        self._bytes = self._allocated = self._files = self._newest = 0
        self._owner = -1
        self._trouble: set[str] = set()
        self._links: dict[int, tuple[int, int, int]] = {}
        self._tags: dict[str, str] = {}
        self._closed = ""
        self._is_run = False

    def row(self) -> Row:
        extra = None
        if self._trouble or self._links or self._tags or self._closed:
            extra = (tuple(sorted(self._trouble)), tuple(self._links.values()), self._tags, self._closed)
        return self._bytes, self._allocated, self._files, self._newest, self._owner, extra

    def enter(self, parent_fd: int, name: str, depth: int = 0) -> None:
        """Count the directory ``name`` and all below it."""
        fd = self._open(parent_fd, name, depth)
        if fd is None:
            return
        try:
            if depth >= _MAX_DEPTH:
                self._deep(parent_fd, name)
                return
            for one in self.list(fd):
                self.enter(fd, one, depth + 1)
        finally:
            os.close(fd)

    def enter_run(self, parent_fd: int, name: str, wants_name: bool) -> None:
        """Count the run ``name``, and look at its tags."""
        self._is_run = True
        fd = self._open(parent_fd, name, 0)
        if fd is None:
            return
        try:
            others: list[str] = []
            below = self.list(fd, others)
            self._is_run = False
            for one in below:
                if one != _TAGS_FOLDER:
                    self.enter(fd, one, 1)
            self._is_run = True
            if _TAGS_FOLDER in below:
                self._enter_tags(fd, wants_name)
            elif _TAGS_FOLDER in others:
                # A link or a file: MLflow follows the one and fails on the other.
                self._closed = self._closed or "not a directory"
                self._tags[KEEP_TAG] = UNUSABLE
        finally:
            os.close(fd)

    def _open(self, parent_fd: int, name: str, depth: int) -> int | None:
        """A descriptor on a directory that is to be counted; what is none to count is noted."""
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=parent_fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._cannot(error)
            return None
        status = os.fstat(fd)
        if depth == 0:
            self._owner = status.st_uid
        if status.st_dev != self._device:
            self._trouble.add("other-device")
            os.close(fd)
            return None
        if status.st_mtime_ns > self._newest:
            self._newest = status.st_mtime_ns
        return fd

    def _cannot(self, error: OSError) -> None:
        self._trouble.add("unreadable")
        if self._is_run:
            self._closed = self._closed or look.words(error)

    def _enter_tags(self, run_fd: int, wants_name: bool) -> None:
        fd = self._open(run_fd, _TAGS_FOLDER, 1)
        if fd is None:
            return
        try:
            seen: list[str] = []
            below = self.list(fd, seen)
            self._is_run = False
            for one in below:
                self.enter(fd, one, 2)
            for tag in (PARENT_TAG, KEEP_TAG, NAME_TAG) if wants_name else (PARENT_TAG, KEEP_TAG):
                if tag in seen or tag in below:
                    self._read_tag(fd, tag)
        finally:
            os.close(fd)

    def _read_tag(self, fd: int, tag: str) -> None:
        try:
            value = read_tag(fd, tag)
        except OSError as error:
            if tag == KEEP_TAG:
                self._tags[tag] = UNUSABLE
            elif tag == PARENT_TAG:
                self._closed = self._closed or look.words(error)
        else:
            if value is not None:
                self._tags[tag] = value

    def list(self, fd: int, others: list[str] | None = None) -> list[str]:
        """Count what a directory holds itself; the names of its directories. ``others`` collects other names."""
        below: list[str] = []
        size = blocks = files = met = 0
        newest = self._newest
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    if not met & 0x3FF:
                        self._pulse()
                    met += 1
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.name)
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    except OSError as error:
                        self._cannot(error)
                        continue
                    at = status.st_mtime_ns
                    if at > newest:
                        newest = at
                    if others is not None:
                        others.append(entry.name)
                    # By number these fields cost a third: 0 is the mode, 3 the number of names, 6 the size.
                    if status[0] & _TYPE == _REGULAR:
                        if status[3] == 1:
                            size += status[6]
                            blocks += status.st_blocks
                            files += 1
                        else:
                            self._count_link(status)
        except OSError as error:
            self._cannot(error)
        self._bytes += size
        self._allocated += blocks * 512
        self._files += files
        if newest > self._newest:
            self._newest = newest
        return below

    def _count_link(self, status: os.stat_result) -> None:
        if status.st_ino not in self._links:
            self._links[status.st_ino] = (status.st_ino, status.st_size, status.st_blocks * 512)
            self._bytes += status.st_size
            self._allocated += status.st_blocks * 512
            self._files += 1

    def _deep(self, parent_fd: int, name: str) -> None:
        def failed(path: str, what: str, error: OSError) -> None:
            self._trouble.add("unreadable")

        try:
            for entry in look.walk(parent_fd, name, failed):
                self._pulse()
                status = entry.status
                self._newest = max(self._newest, status.st_mtime_ns)
                if status.st_dev != self._device:
                    self._trouble.add("other-device")
                elif stat.S_ISREG(status.st_mode):
                    if status.st_nlink > 1:
                        self._count_link(status)
                    else:
                        self._bytes += status.st_size
                        self._allocated += status.st_blocks * 512
                        self._files += 1
        except OSError:
            self._trouble.add("unreadable")
