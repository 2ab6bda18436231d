"""One sweep over many trees, with one process a core.

A helper is forked for one sweep, reads, tells what it saw, and is gone before the sweep returns: whoever
changes something never does so beside one, and a lock is never held by one. It changes nothing, so it may die at
any moment; what it had is looked at again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import pairwise
from struct import Struct
from typing import Any, Final

from mlruns_tui.model.protocols import Stop, never

from .forking import cores, is_single_threaded
from .helpers import Helper, hire

WORTH: Final = 6_000
"""Entries below which a sweep takes less time than a helper needs to come and go."""
MOST: Final = 8
_SLICES: Final = 1_000
"""At most so many pieces of work: their numbers must fit into a pipe of one page."""
_SLICE_ENTRIES: Final = 400
_NUMBER = Struct("<I")


def is_worth_sharing(entries: int) -> bool:
    """Whether more than one process would look at so many files and directories."""
    return entries >= WORTH and cores() > 1 and is_single_threaded()


def share(
    work: Callable[[int], Any],
    weights: Sequence[int],
    fds: Collection[int],
    *,
    until: float = float("inf"),
    stop: Stop = never,
) -> list[Any]:
    """``[work(0), work(1), …]``, one for each of the ``weights`` (about how many entries it looks at).

    ``work`` only reads, by the descriptors ``fds`` alone, and returns what ``marshal`` takes. After ``until`` (of
    ``time.monotonic``), or when told to ``stop``, nothing more is begun: then only the first results are there, of
    the first piece of work at least (none after a stop). What ``work`` raises is raised.
    """
    bounds = _bounds(weights)
    pieces = [range(start, end) for start, end in pairwise(bounds)]
    if len(pieces) < 2 or not is_worth_sharing(sum(weights)):
        return _alone(work, pieces, until, stop)
    try:
        numbers, writing = os.pipe()
    except OSError:
        return _alone(work, pieces, until, stop)
    try:
        os.write(writing, b"".join(map(_NUMBER.pack, range(len(pieces)))))
    finally:
        os.close(writing)
    team: list[Helper] = []

    def help_out(told: Stop) -> list[tuple[int, list[Any]]]:
        done: list[tuple[int, list[Any]]] = []
        # Whatever it is, the parent meets it in the same piece of work.
        with suppress(Exception):
            while time.monotonic() < until and (at := _take(numbers)) is not None:
                rows = []
                for n in pieces[at]:
                    if told():
                        return done
                    rows.append(work(n))
                done.append((at, rows))
        return done

    try:
        for _ in range(min(cores(), MOST, len(pieces)) - 1):
            if hire(team, help_out, {numbers, *fds}) is None:
                break
        done: dict[int, list[Any]] = {}
        while not stop() and (not done or time.monotonic() < until) and (at := _take(numbers)) is not None:
            done[at] = [work(n) for n in pieces[at]]
        # What nobody has taken by now, nobody shall take.
        first_left = len(pieces) if (at := _take(numbers)) is None else at
        while _take(numbers) is not None:
            pass
        for helper in team:
            # What one has not told is done here.
            with suppress(OSError):
                done.update(helper.answer())
        for at in range(first_left):
            if at not in done:
                done[at] = [work(n) for n in pieces[at]]
        return [one for at in range(first_left) for one in done[at]]
    finally:
        os.close(numbers)
        for helper in team:
            helper.kill()


def _alone(work: Callable[[int], Any], pieces: Sequence[range], until: float, stop: Stop) -> list[Any]:
    done: list[Any] = []
    for piece in pieces:
        if stop() or (done and time.monotonic() >= until):
            break
        done += [work(n) for n in piece]
    return done


def _bounds(weights: Sequence[int]) -> list[int]:
    """Where each piece of the work begins, and where the last one ends."""
    most = max(_SLICE_ENTRIES, -(-sum(weights) // _SLICES))
    bounds, here = [0], 0
    for n, weight in enumerate(weights):
        here += max(1, weight)
        if here >= most:
            bounds.append(n + 1)
            here = 0
    if here:
        bounds.append(len(weights))
    return bounds


def _take(numbers: int) -> int | None:
    """The number of a piece of work nobody has taken; None when all are."""
    taken = os.read(numbers, _NUMBER.size)
    return _NUMBER.unpack(taken)[0] if taken else None
