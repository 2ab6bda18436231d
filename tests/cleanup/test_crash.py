"""Killed at every call that changes a disk: nothing is lost, and undo brings everything back exactly.

``strace`` kills the program as it enters the N-th call of a kind, for every N of a counting run (``harness.py``).
The default run takes every call of the shorter operations and some of each other one; ``-m full`` takes all.
"""

from __future__ import annotations

from typing import Any

import pytest

full = pytest.mark.full
PART = 25
"""Points of one test, so that tests can share processors."""
KILLED = [
    # operation, items, points of the default run, tests the whole of it is cut into
    ("apply", 1, 49, 2),
    ("apply", 3, 8, 3),
    ("apply without backup", 1, 24, 4),
    ("apply without backup", 3, 4, 7),
    ("apply to what is written to", 1, 12, 3),
    ("apply to what is written to", 3, 4, 3),
    ("undo", 1, 16, 1),
    ("undo", 3, 8, 1),
    ("undo where something is in the way", 1, 4, 1),
    ("restore one", 1, 4, 1),
    ("restore one", 3, 4, 1),
    ("restore aside", 1, 17, 1),
    ("restore aside", 3, 4, 2),
    ("restore what was put aside", 1, 18, 1),
    ("restore what was put aside", 3, 4, 1),
    ("swap", 1, 22, 1),
    ("swap", 3, 4, 2),
    ("purge", 1, 36, 2),
    ("purge", 3, 8, 4),
    ("slim", 1, 5, 2),
    ("slim", 3, 3, 3),
    ("undo of slim", 3, 4, 1),
    ("pack", 1, 12, 2),
    ("pack", 3, 6, 4),
    ("undo of packed", 1, 10, 3),
    ("undo of packed", 3, 6, 6),
    ("restore one packed", 3, 5, 3),
    ("purge packed", 3, 6, 1),
    ("purge one packed", 3, 8, 2),
]
RECOVERING = [
    ("undo after a killed apply", 3, 8, 1),
    ("undo after a killed undo", 3, 5, 1),
    ("undo after a killed purge", 3, 6, 1),
    ("purge after a killed purge", 3, 6, 3),
    ("swap after a killed swap", 3, 5, 2),
]


def whole_and_sampled() -> list[Any]:
    """One test with a sample of each; and for ``full`` all of it, in parts."""
    rows: list[Any] = []
    for op, count, sample, parts in KILLED + RECOVERING:
        if sample > PART:
            rows += [pytest.param(op, count, sample, part, 2, id=f"{op}-{count}-{part + 1} of 2") for part in (0, 1)]
        else:
            rows.append(pytest.param(op, count, sample, 0, 1, id=f"{op}-{count}-{sample} calls"))
        rows += [
            pytest.param(op, count, 0, part, parts, id=f"{op}-{count}-every call-{part}", marks=full)
            for part in range(parts)
        ]
    return rows


@pytest.mark.parametrize(("op", "count", "sample", "part", "parts"), whole_and_sampled())
def test_killed_at_a_call_every_item_is_whole_and_undo_is_exact(
    harness: Any, faults: Any, nothing_lost: Any, op: str, count: int, sample: int, part: int, parts: int
) -> None:
    points = harness.points(op, count)
    if sample:
        points = faults.spread(points, sample)
    nothing_lost(harness.kill_at(op, count, points[part::parts]))


@pytest.mark.parametrize("sample", [3, pytest.param(12, marks=full)])
@pytest.mark.parametrize("op", ["apply", "undo", "purge"])
def test_killed_among_three_hundred_items_every_one_is_whole(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    """More than go in one group. The calls are chosen late: the first ones are those of a single item."""
    points = harness.points(op, 300)
    nothing_lost(harness.kill_at(op, 300, faults.spread(points[len(points) // 6 :], sample)))


@pytest.mark.parametrize(
    ("firsts", "seconds", "part", "parts"),
    [pytest.param(6, 2, 0, 1, id="some"), *(pytest.param(54, 5, n, 8, id=f"all-{n}", marks=full) for n in range(8))],
)
def test_killed_again_while_it_recovers_nothing_is_lost_and_undo_is_exact(
    harness: Any, faults: Any, nothing_lost: Any, firsts: int, seconds: int, part: int, parts: int
) -> None:
    """Pairs: an apply killed anywhere, then its undo killed anywhere."""
    points = faults.spread(harness.points("apply", 3), firsts)[part::parts]

    def pairs() -> Any:
        for at, first in enumerate(points):
            for second in faults.spread(again(first), seconds + at % 2):
                case, tally = harness.case("apply", 3), faults.Tally(tried=1)
                harness.kill(case, first)
                ask_for_undo(case)
                harness.kill(case, second)
                faults.judge_whole(case, f"apply killed at {first}, its undo at {second}", tally)
                case.remove()
                yield tally

    def again(first: Any) -> Any:
        case = harness.case("apply", 3)
        harness.kill(case, first)
        ask_for_undo(case)
        found = [point for point, _ in harness.changes_of(case, faults.ASKING)]
        case.remove()
        return found

    def ask_for_undo(case: Any) -> None:
        case.file.write_text(faults.json.dumps({"do": "undo", "root": case.root}))

    nothing_lost(pairs())


@pytest.mark.parametrize(
    "op",
    [
        "apply to what is written to, not killed",
        "apply under another's lock",
        "undo where something is in the way",
    ],
)
def test_what_others_do_meanwhile_is_not_overrun(harness: Any, nothing_lost: Any, op: str) -> None:
    nothing_lost(harness.unhurt(op, 3))
