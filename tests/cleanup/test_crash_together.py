"""Where the work is shared out: the worker or one of its helpers killed at any call, refused any call, or outlived by
a helper that had stopped; nothing is lost, and undo brings everything back exactly.

``strace`` takes hold of one process alone (``harness/tracing.py``), so that each is hurt while the others run free.
The thresholds are lowered in the worker's process (``operations.TOGETHER``): three processes for four items.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlruns_tui.cleanup.restore import undo
from mlruns_tui.model.errors import LockedError

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_800)]
full = pytest.mark.full
WORKER = 0
WEIGHING, WRITING, LOOKING, TAKING_APART = (1, 2), (3, 4), (5, 6), (7, 8, 9)
"""Helpers of a packing in the order they are forked; of moving out there are two before it and two after it, which
only look."""
REMOVING = (1, 2, 3)
"""Helpers of a purge."""
SWEEPS = (1, 2, 3, 4)
LETS_GO = """
import fcntl, os
from mlruns_tui.cleanup import beside, removers
hire = beside.hire
def hire_unlocked(team, work):
    def unlocked(stop):
        for fd in os.listdir("/proc/self/fd"):
            try:
                fcntl.flock(int(fd), fcntl.LOCK_UN)
            except OSError:
                pass
        return work(stop)
    return hire(team, unlocked)
assert removers.hire is hire
beside.hire = removers.hire = hire_unlocked
"""
ERRORS = ["ENOSPC", "EIO", "EDQUOT", "EACCES", "ESTALE"]


def shared_out(sample: int) -> list[Any]:
    """Operations with the process that is hurt, and how many of its calls; all calls of each in ``full``."""
    hurt = [
        ("pack together", (WORKER, *WEIGHING, *WRITING, *LOOKING, *TAKING_APART)),
        ("apply together", (WORKER, *SWEEPS)),
        ("purge together", (WORKER, *REMOVING)),
    ]
    rows = [(op, one) for op, processes in hurt for one in processes]
    return [
        *(pytest.param(*row, sample, id=f"{row[0]}-{row[1]}-some") for row in rows),
        *(pytest.param(*row, 0, id=f"{row[0]}-{row[1]}-all", marks=full) for row in rows),
    ]


@pytest.mark.parametrize(("op", "followed", "sample"), shared_out(3))
def test_whichever_process_is_killed_every_item_is_whole_and_undo_is_exact(
    harness: Any, faults: Any, nothing_lost: Any, op: str, followed: int, sample: int
) -> None:
    harness.followed = followed
    nothing_lost(harness.kill_at(op, 3, faults.scattered(harness.points(op, 3), sample, followed)))


@pytest.mark.parametrize(
    ("way", "sample"),
    [("continue", 2), ("leave", 2), *(pytest.param(way, 0, marks=full) for way in ("continue", "leave"))],
)
@pytest.mark.parametrize("op", ["pack together", "purge together"])
def test_an_operation_whose_worker_was_killed_is_gone_on_with_or_left_as_it_is(
    harness: Any, faults: Any, nothing_lost: Any, op: str, way: Any, sample: int
) -> None:
    """Its helpers may still be at work when somebody decides: he gets the store after them."""
    harness.followed = WORKER
    points = harness.points(op, 3)
    nothing_lost(harness.kill_at(op, 3, faults.scattered(points, sample, len(way)), way))


@pytest.mark.parametrize(("op", "followed", "sample"), shared_out(3))
def test_whichever_process_is_refused_a_call_nothing_is_lost(
    harness: Any, faults: Any, nothing_lost: Any, op: str, followed: int, sample: int
) -> None:
    harness.followed = followed
    points = harness.points(op, 3, faults.ASKING)
    chosen = [
        (point, f"error={error}")
        for at, point in enumerate(faults.scattered(points, sample, followed))
        for error in (ERRORS if not sample else [ERRORS[(at + followed) % len(ERRORS)]])
    ]
    nothing_lost(harness.hurt_at(op, 3, chosen))


@full
@pytest.mark.parametrize("followed", [WORKER, *REMOVING])
def test_killed_among_three_hundred_items_that_go_wave_after_wave_nothing_else_is_lost(
    harness: Any, faults: Any, nothing_lost: Any, followed: int
) -> None:
    harness.followed = followed
    points = harness.points("purge together", 300)
    nothing_lost(harness.kill_at("purge together", 300, faults.scattered(points, 6, followed)))


def in_use(case: Any) -> None:
    """Whoever comes is told so, and changes nothing."""
    before = case.manifest(case.store.root)
    with pytest.raises(
        LockedError, match=r"(packing|purging) backups of this store .* \(pid \d+, which has ended"
    ) as error:
        undo(case.root)
    assert error.value.code == "locked"
    assert case.harness.helpers.differences(before, case.manifest(case.store.root)) == []


@pytest.mark.parametrize("sample", [2, pytest.param(0, marks=full)])
@pytest.mark.parametrize(
    ("op", "followed"),
    [*(("pack together", one) for one in (*WRITING, *TAKING_APART)), *(("purge together", one) for one in REMOVING)],
)
def test_a_helper_that_outlives_its_worker_has_the_store_until_it_ends(
    harness: Any, faults: Any, nothing_lost: Any, op: str, followed: int, sample: int
) -> None:
    """It is stopped after a call, and its worker killed; then it goes on, sees that it is alone, and the store is
    free."""
    harness.followed = followed
    points = faults.scattered(harness.points(op, 3), sample, followed)
    nothing_lost(tally for point in points for tally in harness.outlive(op, 3, point, in_use))


@pytest.mark.parametrize(("op", "followed"), [("pack together", TAKING_APART[0]), ("purge together", REMOVING[0])])
def test_a_helper_that_takes_a_tree_apart_removes_hardly_anything_more_alone(
    harness: Any, nothing_lost: Any, op: str, followed: int
) -> None:
    """Where a file system has no locks, nothing else would keep it from what somebody takes back. It looks whether it
    is alone after each file it removed."""
    harness.followed = followed
    nothing_lost(harness.outlive(op, 3, ("unlinkat", 3), lambda case: None))
    alone = harness.log.rpartition("--- stopped by SIGSTOP ---")[2]
    assert len(re.findall(r"unlinkat\(\d+, [^)]*, 0\)", alone)) <= 3, alone


def test_the_harness_catches_a_helper_that_lets_go_of_the_store(harness: Any) -> None:
    harness.prelude = LETS_GO
    (harness.followed, *_) = TAKING_APART
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        list(harness.outlive("pack together", 3, ("unlinkat", 3), in_use))


@pytest.mark.parametrize("followed", SWEEPS)
def test_a_helper_that_only_looks_keeps_nobody_out_when_its_worker_is_killed(
    harness: Any, nothing_lost: Any, followed: int
) -> None:
    """It is stopped before it says what it saw; meanwhile everything is taken back."""
    harness.followed = followed

    def take_back(case: Any) -> None:
        assert undo(case.root).state == "restored"

    (point,) = harness.points("apply together", 3)
    nothing_lost(harness.outlive("apply together", 3, point, take_back))
