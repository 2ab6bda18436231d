"""Several processes that read one store together, and one that reads alone where they would not help.

Work is handed out in slices of directories and comes back as plain rows, the same whoever made them. The
first moments are always worked in this process: they show whether the rest is worth helpers, and whether
reading waits (a cold disk, a file server) or computes. One helper a core computes; many wait at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from typing import Any, Final

from mlruns_tui.disk.forking import cores, is_single_threaded

from .effort import Effort
from .helper import Folder, Helper, get, reap, reap_late
from .pulse import Pulse
from .tasks import Part, Row, Slice, Task, Todo, Work

MOST: Final = 32
"""Helpers at most, however long a file server takes."""
_SLICE: Final = 64
"""Directories handed out at once, at most."""
_WORTH_S: Final = 0.02
"""Less work than this is not worth a helper."""
_WAIT_S: Final = 0.02
_END_S: Final = 0.1
"""All helpers together are waited for no longer than this when they are ended."""


class Crew:
    """Does the work of a scan. ``close`` it: helpers are processes. Start it where no thread runs."""

    def __init__(self, root_fd: int, pulse: Pulse, works: dict[str, Work], processes: int | None = None) -> None:
        """``processes``: never more than so many, this one included when it is 1; None: as many as help."""
        self.troubles: list[str] = []
        """What went wrong with helpers, in words for the user. Nothing was lost by it."""
        self._root_fd = root_fd
        self._pulse = pulse
        self._works = works
        self._most = MOST if processes is None else processes
        self._may_hire = self._most > 1 and is_single_threaded()
        self._helpers: list[Helper] = []
        self._effort = Effort(min(cores(), self._most))
        self._folder = Folder(root_fd)

    def work(self, tasks: Iterator[Task], expected: int) -> Iterator[Part]:
        """All parts of all tasks, in any order. ``expected``: about how many directories there will be.

        Raises Halted when the pulse does.
        """
        todo = Todo(tasks, expected)
        # However fast the last kind of work was: this one may wait where that one did not.
        probe = 0.0 if self._helpers else _WORTH_S
        while True:
            if self._helpers:
                yield from self._hand_out(todo)
            if (one := todo.take(_SLICE)) is None:
                return
            yield self._alone(one, todo)
            probe -= self._effort.last[0]
            wanted = self._effort.wanted
            if probe <= 0 and wanted > 1 and self._may_hire and todo.left * self._effort.row_s > _WORTH_S:
                self._hire(wanted, todo.left)

    def close(self) -> None:
        """End all helpers at once; they change nothing."""
        for helper in self._helpers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(helper.pid, signal.SIGKILL)
        reap_late()
        until = time.monotonic() + _END_S
        for helper in self._helpers:
            helper.end.close()
            reap(helper.pid, until - time.monotonic())
        self._helpers.clear()
        self._folder.close()

    def _alone(self, one: Slice, todo: Todo) -> Part:
        """Do a slice in this process, or what of it takes no longer than a moment."""
        rows: list[Row] = []
        with self._effort.measured():
            try:
                fd = self._folder.open(one.task.path)
            except OSError as error:
                return Part(one.task, one.start, [], error, len(one.names))
            work = self._works[one.task.work]
            until = time.monotonic() + _WORTH_S
            for name in one.names:
                self._pulse()
                rows.append(work(fd, name, one.task.about, self._pulse))
                if time.monotonic() > until:
                    break
        self._effort.add(len(rows), *self._effort.last)
        todo.give_back([Slice(one.task, one.start + len(rows), one.names[len(rows) :])])
        return Part(one.task, one.start, rows)

    def _hand_out(self, todo: Todo) -> Iterator[Part]:
        """Keep the helpers busy until nothing is left to do, or none of them is there any more."""
        while self._helpers:
            if self._effort.wanted > len(self._helpers) and self._may_hire:
                self._hire(self._effort.wanted - len(self._helpers), todo.left)
            ready = self._feed(todo)
            if not any(helper.slices for helper in self._helpers):
                if not ready:
                    return
                continue
            self._pulse()
            waiting = {helper.end.fileno(): helper for helper in self._helpers if helper.slices}
            for fd in _readable(list(waiting)):
                helper = waiting[fd]
                try:
                    message = get(helper.end)
                except (EOFError, OSError):
                    self._lost(helper, todo)
                    continue
                yield self._part(helper, message)

    def _feed(self, todo: Todo) -> bool:
        """Give every helper that is wanted something to do; whether anything was given."""
        given = False
        active = self._helpers[: max(1, self._effort.wanted)]
        for depth in (1, 2):
            for helper in active:
                if len(helper.slices) < depth:
                    one = todo.take(min(_SLICE, max(1, todo.left // (4 * len(active)))))
                    if one is None:
                        return given
                    given = True
                    try:
                        helper.send(one)
                    except OSError:
                        self._lost(helper, todo)
                        return True
        return given

    def _part(self, helper: Helper, message: Any) -> Part:
        rows, failed, spent = message
        one = helper.slices[0]
        if failed is not None:
            helper.slices.popleft()
            return Part(one.task, one.start, [], OSError(*failed), len(one.names))
        self._effort.add(len(rows), *spent)
        part = Part(one.task, one.start, rows)
        one.start += len(rows)
        del one.names[: len(rows)]
        if not one.names:
            helper.slices.popleft()
        return part

    def _hire(self, number: int, left: int) -> None:
        """Fork more helpers, as many as are allowed and have something to do."""
        for _ in range(min(number, self._most - len(self._helpers), max(1, left))):
            helper = self._fork()
            if helper is None:
                self._may_hire = False
                return
            self._helpers.append(helper)

    def _fork(self) -> Helper | None:
        return Helper.fork(self._root_fd, self._works)

    def _lost(self, helper: Helper, todo: Todo) -> None:
        """A helper is gone: what it had is done by others."""
        self._helpers.remove(helper)
        helper.end.close()
        status = reap(helper.pid)
        how = f" (signal {os.WTERMSIG(status)})" if status is not None and os.WIFSIGNALED(status) else ""
        self.troubles.append(f"a process that helped reading was ended{how}; what it had was read again")
        todo.give_back(list(helper.slices))
        # Whatever ended it would end the next one.
        self._may_hire = False


def _readable(fds: list[int]) -> list[int]:
    # Not select(): numbers above 1023 would be refused.
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(_WAIT_S * 1000)]
