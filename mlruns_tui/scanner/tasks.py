"""Work on many directories, cut into slices that one process after the other does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .pulse import Pulse

Row = tuple[Any, ...]
"""What one directory turned out to be; only what ``marshal`` takes."""
Work = Callable[[int, str, Any, Pulse], Row]
"""``work(folder_fd, name, about, pulse)``: looks at one directory. Never raises OSError."""


@dataclass(slots=True)
class Task:
    """Directories in one folder that are all looked at in the same way."""

    work: str
    """Name of one of the crew's kinds of work."""
    path: str
    """The folder, relative to the root."""
    names: list[str]
    about: Any = None
    """What the work needs to know besides; only what ``marshal`` takes."""
    owner: Any = None
    """Whoever asked for it; stays in this process."""


@dataclass(slots=True)
class Part:
    """Some rows of a task: those of ``task.names[start : start + len(rows)]``."""

    task: Task
    start: int
    rows: list[Row]
    error: OSError | None = None
    """Why the folder cannot be opened; then there are no rows, for none of the task's names from ``start`` on
    that were in this slice, of which there were ``missed``."""
    missed: int = 0


@dataclass(slots=True)
class Slice:
    task: Task
    start: int
    names: list[str]


class Todo:
    """What is left to do, cut into slices as they are asked for."""

    def __init__(self, tasks: Iterator[Task], expected: int) -> None:
        self._tasks = tasks
        self._again: list[Slice] = []
        self._current: Task | None = None
        self._at = 0
        self.left = expected
        """About so many directories."""

    def take(self, most: int) -> Slice | None:
        if self._again:
            one = self._again.pop()
            self.left = max(0, self.left - len(one.names))
            return one
        while self._current is None or self._at >= len(self._current.names):
            self._current, self._at = next(self._tasks, None), 0
            if self._current is None:
                self.left = 0
                return None
        names = self._current.names[self._at : self._at + most]
        one = Slice(self._current, self._at, names)
        self._at += len(names)
        self.left = max(self.left - len(names), len(self._current.names) - self._at)
        return one

    def give_back(self, slices: list[Slice]) -> None:
        for one in slices:
            if one.names:
                self._again.append(one)
                self.left += len(one.names)
