"""Killed at every call that changes a disk: nothing is lost, and undo brings everything back exactly.

``strace`` kills the program as it enters the N-th call of a kind, for every N of a counting run (``harness/``).
The default run takes some calls of each operation; ``-m "full and fault"`` takes all.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_800)]
full = pytest.mark.full
KILLED = {
    # operation: points of the default run with one item, and with three
    "apply": (25, 12),
    "apply without backup": (12, 8),
    "apply to what is written to": (8, 6),
    "undo": (16, 8),
    "undo where something is in the way": (3, 3),
    "restore one": (3, 4),
    "restore aside": (8, 6),
    "restore what was put aside": (8, 4),
    "swap": (10, 8),
    "purge": (16, 12),
    "purge one": (4, 6),
    "slim": (6, 8),
    "slim in two renames": (2, 6),
    "slim without backup": (0, 4),
    "undo of slim": (2, 4),
    "undo of slim where something was logged since": (0, 4),
    "pack": (10, 16),
    "undo of packed": (8, 16),
    "restore one packed": (4, 8),
    "purge packed": (3, 5),
    "purge one packed": (3, 8),
    "pack elsewhere": (6, 6),
    "apply and pack": (3, 8),
    "apply and pack elsewhere": (3, 8),
    "undo of packed elsewhere": (6, 6),
    "purge one packed elsewhere": (2, 6),
    "repair": (4, 12),
    "repair in two renames": (2, 5),
    "undo of a repair": (3, 8),
    "undo of a repair in two renames": (2, 3),
    "undo after a killed apply": (0, 5),
    "undo after a killed undo": (0, 4),
    "going on with a killed apply": (0, 5),
    "undo after a killed purge": (0, 4),
    "purge after a killed purge": (0, 5),
    "swap after a killed swap": (0, 4),
}
SETTLED = [
    "apply", "apply without backup", "slim", "pack", "purge", "purge one", "purge packed", "purge one packed", "undo",
    "slim in two renames",
    "purge one packed elsewhere", "apply and pack",
    "undo of slim", "undo of packed", "restore one", "restore one packed", "restore aside", "swap", "repair",
    "undo of a repair", "pack elsewhere", "apply and pack elsewhere", "undo of packed elsewhere",
]  # fmt: skip
"""Operations whose interruption is settled in each way."""
MANY = ["apply", "slim", "undo", "purge", "pack", "undo of packed", "purge packed", "repair", "undo of a repair"]
"""Done to three hundred items as well: more than go in one group."""


def some_and_all() -> list[Any]:
    rows: list[Any] = []
    for op, samples in KILLED.items():
        for count, sample in zip((1, 3), samples, strict=True):
            if sample:
                rows.append(pytest.param(op, count, sample, id=f"{op}-{count}-some"))
                rows.append(pytest.param(op, count, 0, id=f"{op}-{count}-all", marks=full))
    return rows


@pytest.mark.parametrize(("op", "count", "sample"), some_and_all())
def test_killed_at_a_call_every_item_is_whole_and_undo_is_exact(
    harness: Any, faults: Any, nothing_lost: Any, op: str, count: int, sample: int
) -> None:
    nothing_lost(harness.kill_at(op, count, faults.spread(harness.points(op, count), sample)))


@pytest.mark.parametrize(
    ("count", "sample"), [(3, 2), pytest.param(1, 12, marks=full), pytest.param(3, 0, marks=full)], ids=str
)
@pytest.mark.parametrize("way", ["continue", "leave"])
@pytest.mark.parametrize("op", SETTLED)
def test_what_was_killed_is_gone_on_with_or_left_as_it_is_and_nothing_is_lost(
    harness: Any, faults: Any, nothing_lost: Any, op: str, way: Any, count: int, sample: int
) -> None:
    """Gone on with, it comes to its end; left, nothing is unfinished. Undo is exact after either."""
    points = harness.points(op, count)
    # Neither the first nor the last one: where something was begun and not ended.
    points = faults.scattered(points[len(points) // 4 :], sample, SETTLED.index(op)) if sample else points
    nothing_lost(harness.kill_at(op, count, points, way))


@pytest.mark.parametrize(("firsts", "seconds"), [(1, 1), pytest.param(16, 3, marks=full)], ids=["some", "many"])
@pytest.mark.parametrize("way", ["undo", "continue", "leave"])
@pytest.mark.parametrize("op", SETTLED)
def test_killed_again_while_it_recovers_nothing_is_lost_and_undo_is_exact(
    harness: Any, faults: Any, nothing_lost: Any, op: str, way: Any, firsts: int, seconds: int
) -> None:
    """Pairs: killed anywhere, then killed anywhere in the way out of that."""
    points = harness.points(op, 3)
    chosen = faults.spread(points, firsts) if firsts > 1 else [points[len(points) * 2 // 3]]
    nothing_lost(harness.kill_twice(op, 3, way, chosen, seconds, begin=SETTLED.index(op)))


@full
@pytest.mark.parametrize(("op", "way"), [("apply", "undo"), ("apply", "continue"), ("purge", "undo"), ("undo", "undo")])
def test_killed_at_every_call_and_again_at_every_call_of_the_way_out(
    harness: Any, nothing_lost: Any, op: str, way: Any
) -> None:
    nothing_lost(harness.kill_twice(op, 1, way, harness.points(op, 1), 0))


@pytest.mark.parametrize(
    ("op", "way", "sample"),
    [
        *((op, "undo", 1) for op in ("apply", "undo", "purge", "pack")),
        *(pytest.param(op, way, 4 if way == "undo" else 2, marks=full) for op in MANY for way in ("undo", "continue")),
    ],
)
def test_killed_among_three_hundred_items_every_one_is_whole(
    harness: Any, faults: Any, nothing_lost: Any, op: str, way: Any, sample: int
) -> None:
    """More than go in one group. The calls are chosen late: the first ones are those of a single item."""
    points = harness.points(op, 300)
    points = points[len(points) // 6 :]
    nothing_lost(
        harness.kill_at(op, 300, faults.spread(points, sample) if sample > 1 else [points[-len(points) // 3]], way)
    )


@pytest.mark.parametrize(
    "op",
    [
        "apply to what is written to, not killed",
        "apply under another's lock",
        "undo where something is in the way",
        "undo of slim where something was logged since",
    ],
)
def test_what_others_do_meanwhile_is_not_overrun(harness: Any, nothing_lost: Any, op: str) -> None:
    nothing_lost(harness.unhurt(op, 3, "others at work"))


@pytest.mark.parametrize("count", [3, pytest.param(300, marks=full)])
@pytest.mark.parametrize("op", [*SETTLED, "restore what was put aside", "verify", "verify packed"])
def test_a_disk_that_takes_and_gives_but_half_of_what_it_is_asked_for_changes_nothing(
    harness: Any, faults: Any, nothing_lost: Any, op: str, count: int
) -> None:
    harness.prelude = faults.SHORT_CALLS
    nothing_lost(harness.unhurt(op, count, "short reads and writes"))
