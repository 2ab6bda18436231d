"""A signal at any call: a hang-up is passed over, the others end the worker after the item at hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

full = pytest.mark.full


@pytest.mark.parametrize(
    ("op", "signal", "sample"),
    [
        *((op, signal, 4) for op, signal in (("apply", "HUP"), ("apply", "TERM"), ("undo", "INT"), ("purge", "TERM"))),
        *(
            pytest.param(op, signal, 0, marks=full)
            for op in ("apply", "undo", "purge", "swap")
            for signal in ("HUP", "TERM", "INT")
        ),
    ],
)
def test_a_signal_at_any_call_leaves_no_item_in_halves(
    harness: Any, faults: Any, nothing_lost: Any, op: str, signal: str, sample: int
) -> None:
    points = harness.points(op, 3, faults.SERVING)
    points = faults.spread(points, sample) if sample else points
    nothing_lost(harness.hurt_at(op, 3, [(point, f"signal={signal}") for point in points], faults.SERVING))


def test_a_worker_that_was_hung_up_on_does_all_of_it_and_one_that_was_terminated_says_what_is_left(
    harness: Any, faults: Any
) -> None:
    first = next(point for point in harness.points("apply", 3, faults.SERVING) if point[0] == "mkdirat")
    ended = {}
    for signal in ("HUP", "TERM"):
        case = harness.case("apply", 3)
        code = case.strace(
            "-e",
            f"trace=?{first[0]}",
            "-e",
            f"inject={first[0]}:signal={signal}:when={first[1]}",
            driver=faults.SERVING,
        )
        assert code == 0
        batch = json.loads(case.stdout.splitlines()[-1])["batch"]
        ended[signal] = ([one["outcome"] for one in batch["items"]], batch["messages"])
        case.remove()
    assert ended["HUP"] == (["done"] * 4, [])
    assert ended["TERM"] == ([None] * 4, ["stopped: 4 items not reached, left as they were"])
