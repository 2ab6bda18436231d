"""The runs of one experiment, sorted and filtered over and over: what is dear to make is made once and kept.

For lists of 100,000 runs: an order is kept when it was asked for once, the text a filter looks into is made once a
run, and the lines of a table are made as they are looked at. Orders are arrays of numbers: small, and nothing the
garbage collector walks through. Where all runs have to be gone through after a key, it is done by iterators that run
in C, and what a text lets through is put in order only as far as it is looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import compress, count, islice, repeat
from operator import attrgetter, contains, is_
from typing import overload

from mlruns_tui.model.store import Run

from .columns import kind_of
from .ordering import Order, sorted_runs
from .views import RunRow

MOST_KEPT = 16
"""Texts whose result is kept: at most five bytes a run each."""
FEW = 8
"""A longer text is looked for in what the shorter one let through where that is less than one in so many."""
_AT_ONCE = 4096
_OTHER = bytes((1, 0)) + bytes(254)
"""Turns yes into no."""


class Passed(Sequence[int]):
    """The part of an order that a filter lets through: counted at once, gone through as far as it is looked at."""

    __slots__ = ("_found", "_number", "_passes", "_rest")

    def __init__(self, order: array[int], passes: bytes) -> None:
        """``passes``: 1 for each run that is let through, 0 for the others, by its index."""
        self._passes = passes
        self._number = passes.count(1)
        self._found = array("I")
        self._rest = compress(order, map(passes.__getitem__, order))

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> array[int]: ...
    def __getitem__(self, at: int | slice) -> int | array[int]:
        if isinstance(at, slice):
            start, stop, step = at.indices(self._number)
            return self._first(stop)[start:stop:step] if step > 0 else self._first(self._number)[at]
        return self._first(at + 1 if at >= 0 else self._number)[at]

    def __iter__(self) -> Iterator[int]:
        return iter(self._first(self._number))

    def index(self, value: int, start: int = 0, stop: int | None = None) -> int:
        """Where a run stands. Raises ValueError for one that is not let through."""
        if not self._passes[value]:
            raise ValueError(value)
        looked_at, end = start, min(self._number, self._number if stop is None else stop)
        while looked_at < end:
            some = self._first(looked_at + _AT_ONCE)
            with suppress(ValueError):
                return some.index(value, looked_at, end)
            looked_at = len(some)
        raise ValueError(value)

    def _first(self, number: int) -> array[int]:
        """So many of them, or more."""
        missing = min(number, self._number) - len(self._found)
        if missing > 0:
            self._found.extend(islice(self._rest, missing))
        return self._found


class FlatRows(Sequence[RunRow]):
    """Lines of runs none of which stands under another, each made when it is looked at."""

    __slots__ = ("_order", "_runs")

    def __init__(self, runs: Sequence[Run], order: Sequence[int]) -> None:
        """``order``: indexes into ``runs``, of each run one at most."""
        self._runs, self._order = runs, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, at: int) -> RunRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[RunRow]: ...
    def __getitem__(self, at: int | slice) -> RunRow | list[RunRow]:
        if isinstance(at, slice):
            return [RunRow(self._runs[one]) for one in self._order[at]]
        return RunRow(self._runs[self._order[at]])

    def __iter__(self) -> Iterator[RunRow]:
        return (RunRow(self._runs[one]) for one in self._order)

    def place_of(self, run: Run) -> int | None:
        """Where this very value stands."""
        return self._place(next(compress(count(), map(is_, self._runs, repeat(run))), None))

    def place_of_key(self, key: str) -> int | None:
        """Where the run with this key stands; few keys have to be made for that."""
        run_id = key.rpartition("/")[2]
        named = compress(count(), map(run_id.__eq__, map(attrgetter("run_id"), self._runs)))
        return self._place(next((at for at in named if self._runs[at].key == key), None))

    def knows(self, other: FlatRows) -> bool:
        """Both are lines of the very same runs."""
        return self._runs is other._runs

    def place_in(self, other: FlatRows, at: int) -> int | None:
        """Where the run of this line stands among other lines of the same runs, without looking for it."""
        return other._place(self._order[at])

    def _place(self, index: int | None) -> int | None:
        if index is None:
            return None
        if isinstance(self._order, array):
            return _place_in(self._order, index)
        try:
            return self._order.index(index)
        except ValueError:
            return None


class Arranged:
    """What was worked out about some runs. Two threads at once may do the same work twice, no more."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self._flat: bool | None = None
        self._orders: dict[Order, array[int]] = {}
        self._texts: tuple[str, ...] | None = None
        self._found: dict[tuple[Order, str], Sequence[int]] = {}
        """What texts let through, the newest last: the next key narrows it, or takes a letter back."""
        self._passes: tuple[str, bytes] = ("", b"")
        """The last text, and for each run whether it lets it through: in another order that is the same."""

    @property
    def flat(self) -> bool:
        """None of them may stand under another."""
        if self._flat is None:
            self._flat = not any(run.parent for run in self.runs)
        return self._flat

    def is_ready(self, order: Order, text: str) -> bool:
        """Whether ``rows`` takes a moment only: no sorting, no texts to make."""
        return self._flat is True and order in self._orders and (not _words(text) or self._texts is not None)

    def prepare(self, keys: Iterable[str], now_ms: int) -> None:
        """Make ready what is likely to be asked for: sorting by these, either way round, and filtering."""
        if self.flat:
            self._prepare_texts()
            for key in keys:
                first = Order("").pressed(key)
                self._in_order(first, now_ms)
                self._in_order(first.pressed(key), now_ms)

    def rows(self, order: Order, now_ms: int, text: str, accept: Callable[[Run], bool] | None) -> FlatRows:
        """The same as ``views.run_rows`` of runs that are ``flat``, sorted by something of their own."""
        assert self.flat and not kind_of(order.key)
        found = self._filtered(order, now_ms, text)
        if accept is not None:
            found = array("I", [at for at in found if accept(self.runs[at])])
        return FlatRows(self.runs, found)

    def _prepare_texts(self) -> tuple[str, ...]:
        """What the filter looks into."""
        if self._texts is None:
            self._texts = tuple(
                [f"{run.name}\n{run.run_id}\n{run.status}\n{run.user_id}".casefold() for run in self.runs]
            )
        return self._texts

    def _in_order(self, order: Order, now_ms: int) -> array[int]:
        found = self._orders.get(order)
        if found is None:
            place = {id(run): at for at, run in enumerate(self.runs)}
            found = array("I", [place[id(run)] for run in sorted_runs(self.runs, order, now_ms)])
            self._orders[order] = found
        return found

    def _filtered(self, order: Order, now_ms: int, text: str) -> Sequence[int]:
        words = _words(text)
        if not words:
            return self._in_order(order, now_ms)
        found = self._found.pop((order, text), None)
        if found is None:
            few = None if text.startswith("!") else self._narrowed(order, text)
            if few is not None and len(few) * FEW < len(self.runs):
                texts = self._prepare_texts()
                found = array("I", [at for at in few if all(word in texts[at] for word in words)])
            else:
                found = Passed(self._in_order(order, now_ms), self._let_through(text, words))
        self._found[order, text] = found
        while len(self._found) > MOST_KEPT:
            self._found.pop(next(iter(self._found)), None)
        return found

    def _let_through(self, text: str, words: Sequence[str]) -> bytes:
        """1 for each run the text lets through, else 0, in the order of the runs: they lie so in memory, too."""
        known, passes = self._passes
        if known != text:
            texts = self._prepare_texts()
            first, *others = words
            passes = bytes(map(contains, texts, repeat(first)))
            for word in others:
                both = int.from_bytes(passes, "big") & int.from_bytes(bytes(map(contains, texts, repeat(word))), "big")
                passes = both.to_bytes(len(passes), "big")
            if text.startswith("!"):
                passes = passes.translate(_OTHER)
            self._passes = (text, passes)
        return passes

    def _narrowed(self, order: Order, text: str) -> Sequence[int] | None:
        """What a text let through that this one goes on from, letter by letter: nothing else can pass."""
        known = (self._found.get((order, text[:end])) for end in range(len(text) - 1, 0, -1))
        return next((found for found in known if found is not None), None)


def _place_in(order: array[int], index: int) -> int | None:
    """As ``index`` of an array, which makes a number of every item: bytes are searched six times as fast."""
    wanted, items = array(order.typecode, [index]).tobytes(), order.tobytes()
    found = items.find(wanted)
    while found > 0 and found % order.itemsize:
        # The end of one item and the beginning of the next.
        found = items.find(wanted, found + 1)
    return None if found < 0 else found // order.itemsize


def _words(text: str) -> list[str]:
    return text.removeprefix("!").casefold().split()
