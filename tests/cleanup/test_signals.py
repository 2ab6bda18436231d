"""A signal at any call: a hang-up is passed over, the others end the worker after the item at hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_800)]
full = pytest.mark.full
OPS = [
    "apply", "apply without backup", "slim", "undo", "restore one", "swap", "purge", "pack", "undo of packed",
    "purge one packed", "repair", "undo of a repair",
]  # fmt: skip
SIGNALS = ("HUP", "TERM", "INT", "INT+")
"""The last one: at that call and at each one after it, as of somebody who holds Ctrl-C down."""


@pytest.mark.parametrize(
    ("op", "signal", "sample"),
    [
        *((op, SIGNALS[(at + more) % 4], 2) for at, op in enumerate(OPS) for more in (0, 1)),
        *(pytest.param(op, signal, 30, marks=full) for op in OPS for signal in SIGNALS),
    ],
)
def test_a_signal_at_any_call_leaves_no_item_in_halves(
    harness: Any, faults: Any, nothing_lost: Any, op: str, signal: str, sample: int
) -> None:
    points = faults.scattered(harness.points(op, 3, faults.SERVING), sample, OPS.index(op))
    nothing_lost(harness.hurt_at(op, 3, [(point, f"signal={signal}") for point in points], faults.SERVING))


def test_a_worker_that_was_hung_up_on_does_all_of_it_and_one_that_was_terminated_says_what_is_left(
    harness: Any, faults: Any
) -> None:
    kind, number = next(point for point in harness.points("apply", 3, faults.SERVING) if point[0] == "mkdirat")
    ended = {}
    for signal in ("HUP", "TERM", "INT"):
        case = harness.case("apply", 3)
        code = harness.strace(
            case, "-e", f"trace=?{kind}", "-e", f"inject={kind}:signal={signal}:when={number}", driver=faults.SERVING
        )
        assert code == 0
        batch = json.loads(harness.stdout.splitlines()[-1])["batch"]
        ended[signal] = ([one["outcome"] for one in batch["items"]], batch["messages"])
        case.remove()
    assert ended["HUP"] == (["done"] * 4, [])
    assert ended["TERM"] == ([None] * 4, ["stopped: 4 items not reached, left as they were"])
    assert ended["INT"] == ended["TERM"]
