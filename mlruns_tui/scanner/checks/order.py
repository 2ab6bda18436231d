"""Lists MLflow sorts and cannot: one value of another kind among them, and the whole listing raises.

The comparisons are MLflow's (``SearchExperimentsUtils``, ``SearchModelVersionUtils`` … in
``utils/search_utils.py``, 3.17): a descending key puts null last, an ascending one is compared as it is.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any


class Descending:
    """A key that sorts backwards, with null at the end."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(other.value == self.value)

    def __hash__(self) -> int:
        return 0

    def __lt__(self, other: Descending) -> bool:
        if self.value is None:
            return False
        return True if other.value is None else bool(other.value < self.value)


def unsortable(keys: Sequence[tuple[Any, ...]], usual: Sequence[str]) -> list[tuple[int, int]]:
    """Which entries keep these keys from being sorted: pairs of entry and of the part of its key.

    Empty when sorting works. Those of the less common kinds are blamed; ``usual`` is the kind MLflow
    writes for each part of a key, which settles a tie.
    """
    try:
        sorted(keys)
    except Exception:
        return _odd(keys, usual)
    return []


def _odd(keys: Sequence[tuple[Any, ...]], usual: Sequence[str]) -> list[tuple[int, int]]:
    for part in range(len(keys[0])):
        values = [key[part].value if isinstance(key[part], Descending) else key[part] for key in keys]
        ignore_null = isinstance(keys[0][part], Descending)
        kinds = [None if value is None and ignore_null else kind(value) for value in values]
        counts = Counter(one for one in kinds if one is not None)
        if len(counts) > 1 or any(one == "unordered" for one in counts):
            mine = usual[part]
            most = max(counts, key=lambda one: (one != "unordered", counts[one], one == mine))
            odd = [(number, part) for number, one in enumerate(kinds) if one not in (None, most)]
            if odd:
                return odd
    return [(len(keys) - 1, 0)]


def kind(value: Any) -> Hashable:
    """Values of one kind can be compared with each other."""
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, datetime.datetime):
        return "time with a zone" if value.tzinfo is not None else "time"
    for one in (str, datetime.date, bytes, list):
        if isinstance(value, one):
            return one.__name__
    return "null" if value is None else "unordered"
