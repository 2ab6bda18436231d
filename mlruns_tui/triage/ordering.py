"""Order and filter of lists, as values: which way round, by what, and what a typed text lets through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Run

from .rules import age_ms, idle_ms

SortKey = Literal[
    "size", "name", "age", "idle", "runs", "files", "status",
    "duration", "user", "owner", "state", "started", "ended", "id",
]  # fmt: skip
"""What lists can be sorted by besides the values of runs (``triage.columns``)."""
_LEAST_FIRST = ("name", "user", "state", "id")


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted; the other way round when pressed again."""

    key: str = "size"
    """A ``SortKey``, or the name of a column of values: ``metrics.val_loss``."""
    descending: bool = True

    def pressed(self, key: str) -> Order:
        """What is sorted by anew begins with the most; names, texts and params with the first."""
        if key == self.key:
            return replace(self, descending=not self.descending)
        return Order(key, key not in _LEAST_FIRST and not key.startswith(("params.", "tags.")))


def sorted_runs(runs: Iterable[Run], order: Order, now_ms: int) -> list[Run]:
    """Runs in an order; unknown values come last when descending, equal ones stand by name, ``a`` first.

    Names are only looked at where values are equal: a name is dear to compare, and there may be 100,000.
    """
    value = _run_value(order.key, now_ms)
    rows = sorted(runs, key=value, reverse=order.descending)
    return rows if order.key == "name" else where_equal_by_name(rows, value)


def where_equal_by_name(rows: list[Run], value: Callable[[Run], Any]) -> list[Run]:
    """Sorted rows, those of equal value by name: the same list."""
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or value(rows[end]) != value(rows[start]):
            if end - start > 1:
                rows[start:end] = sorted(rows[start:end], key=_run_name)
            start = end
    return rows


def _run_name(run: Run) -> str:
    return natural(run.name or run.run_id)


def _run_value(key: str, now_ms: int) -> Callable[[Run], Any]:
    """What runs are sorted by: numbers, -1 for unknown, or text."""

    def age(run: Run) -> int:
        found = age_ms(run, now_ms)
        return -1 if found is None else found

    if key == "name":
        return _run_name
    if key == "age":
        return age
    if key == "idle":
        return lambda run: idle_ms(run.size.newest_ns, now_ms) if run.size else -1
    if key == "files":
        return lambda run: run.size.files if run.size else -1
    if key in ("status", "state"):
        return lambda run: getattr(run, key)
    if key == "user":
        return lambda run: run.user_id.casefold()
    if key == "owner":
        return lambda run: run.owner
    if key == "id":
        return lambda run: run.run_id
    if key in ("started", "ended", "duration"):
        return _time_value(key)
    return lambda run: run.size.size_bytes if run.size else -1


def _time_value(key: str) -> Callable[[Run], int]:
    """When a run started or ended, or how long it took, in ms; -1 for unknown."""
    if key == "duration":
        return lambda run: (
            -1 if run.start_time is None or run.end_time is None else max(0, run.end_time - run.start_time)
        )
    started = key == "started"

    def of(run: Run) -> int:
        found = run.start_time if started else run.end_time
        return -1 if found is None else found

    return of


def text_filter(text: str) -> Callable[..., bool]:
    """A test for texts that hold every word of ``text``, letter case aside; ``!`` in front inverts."""
    invert = text.startswith("!")
    words = (text[1:] if invert else text).casefold().split()
    if not words:
        return lambda *texts: True

    def matches(*texts: str) -> bool:
        whole = "\n".join(texts).casefold()
        return all(word in whole for word in words) is not invert

    return matches


_DIGITS = re.compile("[0-9]+")


def natural(name: str) -> str:
    """Sort key that puts ``run-9`` before ``run-10``, a number before any other character, case aside.

    A text, not a tuple: texts are compared and thrown away without the garbage collector.
    """
    folded = name.casefold()[:200]
    return _DIGITS.sub(_number_key, folded) if not folded.isalpha() else folded


def _number_key(digits: re.Match[str]) -> str:
    number = digits.group().lstrip("0")
    return f"\0{chr(len(number) + 1)}{number}"


class _Reversed:
    """Sorts the other way round: names stay in order where the sizes before them descend."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __lt__(self, other: _Reversed) -> bool:
        return other.name < self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.name == other.name


def reversed_name(name: str) -> _Reversed:
    return _Reversed(natural(name))
