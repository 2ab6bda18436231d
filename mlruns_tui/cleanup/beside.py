"""One piece of work in several parts at once, each but the last in a process forked for it.

A part changes only what no other part touches, and what it answers is a value of ``marshal``. The copies share the
worker's locks: whoever waits for the store waits for them too. A part whose parent is gone is told to stop. The
journal is the worker's: no part writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlruns_tui.disk.forking import cores, is_single_threaded
from mlruns_tui.disk.helpers import Helper, Work, hire
from mlruns_tui.model.protocols import Stop

MOST = 4


class Answer:
    """What came of a part."""

    def __init__(self, value: Any = None, error: OSError | None = None) -> None:
        self._value, self._error = value, error

    def get(self) -> Any:
        """What the part answered. Raises the OSError it ended with; one of its own for a process that was killed, or
        broke off."""
        if self._error is not None:
            raise self._error
        return self._value


def workers() -> int:
    """How many parts may be at work at once: one where a copy of this process would not be safe."""
    return min(cores(), MOST) if is_single_threaded() else 1


def together(jobs: Sequence[Work], stop: Stop) -> list[Answer]:
    """Do all of them, the last in this process; in their order what each answered.

    Raises whatever but OSError the last one raises, after the others have ended.
    """
    *others, own = jobs
    team: list[Helper] = []
    try:
        helpers = [hire(team, job) for job in others]
        last = _do(own, stop)
        found: list[Answer] = []
        for job, helper in zip(others, helpers, strict=True):
            # No process could be had: it comes after the others.
            found.append(_do(job if helper is None else helper.answer, stop))
        return [*found, last]
    finally:
        for helper in team:
            helper.end()


def _do(job: Work, stop: Stop) -> Answer:
    try:
        return Answer(job(stop))
    except OSError as error:
        return Answer(error=error)
