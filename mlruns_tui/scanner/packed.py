"""What is kept of a scan that somebody else has by now: every run still, in a tenth of the room."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, cast, overload

from mlruns_tui.model.store import Run, Snapshot

from .deltas import fields_of, run_of_fields

_BLOCK: Final = 512
"""Runs packed together: so many are made to look at one of them."""


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
        return (run_of_fields(fields) for block in self._blocks for fields in _unpacked(block))


def _unpacked(block: bytes) -> list[tuple[Any, ...]]:
    return cast("list[tuple[Any, ...]]", marshal.loads(zlib.decompress(block)))


def packed(snapshot: Snapshot) -> Snapshot:
    """The same, its runs as ``PackedRuns``: for whoever goes through them and holds none of them."""
    runs = {key: PackedRuns(inside) for key, inside in snapshot.runs.items()}
    return replace(snapshot, runs=cast("dict[str, tuple[Run, ...]]", runs))
