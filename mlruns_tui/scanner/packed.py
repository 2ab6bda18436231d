"""Runs nobody looks at for the moment, in a tenth of the room: made when they are looked at.

For the process that reads for a screen: the screen has every run by then, and this one only needs them now and then.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, cast, overload

from mlruns_tui.model.quick import quick_run, quick_size
from mlruns_tui.model.store import Run, Size

_BLOCK: Final = 512
"""Runs packed together: so many are made to look at one of them."""
_NAMES: Final = Run.__match_args__
_AT_SIZE: Final = _NAMES.index("size")
_UP_TO_SIZE: Final = attrgetter(*_NAMES[:_AT_SIZE])
_SIZE_FIELDS: Final = attrgetter(*Size.__match_args__)


def size_fields(run: Run) -> tuple[int, ...] | None:
    return None if run.size is None else _SIZE_FIELDS(run.size)


def fields_of(run: Run) -> tuple[Any, ...]:
    """All fields of a run, its size as a plain tuple."""
    return *_UP_TO_SIZE(run), size_fields(run), run.trouble


def run_of_fields(fields: tuple[Any, ...]) -> Run:
    """The run again."""
    size = fields[_AT_SIZE]
    return quick_run(*fields[:_AT_SIZE], quick_size(size), fields[-1])


class PackedRuns(Sequence[Run]):
    """The runs of one experiment."""

    __slots__ = ("_blocks", "_number")

    def __init__(self, runs: Sequence[Run]) -> None:
        self._number = len(runs)
        self._blocks = [
            zlib.compress(marshal.dumps(list(map(fields_of, runs[start : start + _BLOCK]))), 1)
            for start in range(0, len(runs), _BLOCK)
        ]

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, at: int) -> Run: ...
    @overload
    def __getitem__(self, at: slice) -> list[Run]: ...
    def __getitem__(self, at: int | slice) -> Run | list[Run]:
        if isinstance(at, slice):
            return [self[one] for one in range(self._number)[at]]
        block, place = divmod(range(self._number)[at], _BLOCK)
        return run_of_fields(_unpacked(self._blocks[block])[place])

    def __iter__(self) -> Iterator[Run]:
        return map(run_of_fields, self.fields())

    def fields(self) -> Iterator[tuple[Any, ...]]:
        """The fields of each run, as of ``fields_of``."""
        return (fields for block in self._blocks for fields in _unpacked(block))


def _unpacked(block: bytes) -> list[tuple[Any, ...]]:
    return cast("list[tuple[Any, ...]]", marshal.loads(zlib.decompress(block)))


def fields_of_all(runs: Sequence[Run]) -> list[tuple[Any, ...]]:
    """``fields_of`` each of these runs."""
    return list(runs.fields() if isinstance(runs, PackedRuns) else map(fields_of, runs))
