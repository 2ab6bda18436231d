"""The disk refuses one call, any one, or lies about it: nothing is lost, undo is exact, and it is said in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

full = pytest.mark.full
ERRORS = {
    "renameat2": ["EIO", "EACCES", "ENOSPC", "EDQUOT", "EXDEV", "ESTALE", "EBUSY", "ENOTEMPTY", "EINTR", "EPERM"],
    "fsync": ["EIO", "ENOSPC", "EDQUOT", "ESTALE", "EINTR", "EINVAL"],
    "write": ["ENOSPC", "EIO", "EDQUOT", "ESTALE", "EINTR"],
    "pwrite64": ["ENOSPC", "EIO", "EDQUOT", "EINTR"],
    "mkdirat": ["EDQUOT", "ENOSPC", "EACCES", "EROFS", "EIO", "ESTALE"],
    "openat": ["EACCES", "ENOSPC", "EDQUOT", "EIO", "ESTALE", "EINTR"],
    "fchmod": ["EPERM", "EIO"],
    "fchown": ["EPERM", "EIO"],
    "fallocate": ["EDQUOT", "ENOSPC", "EOPNOTSUPP", "EIO", "EINTR"],
    "unlinkat": ["EBUSY", "EACCES", "EIO", "ENOTEMPTY", "ESTALE", "EINTR"],
    "ftruncate": ["EIO", "EINTR"],
    "utimensat": ["EPERM", "EIO", "ESTALE"],
}
LOOKING = {"openat": ["EIO", "EACCES", "ESTALE"], "newfstatat": ["EIO", "ESTALE"], "getdents64": ["EIO"]}
OPS = ["apply", "apply without backup", "undo", "restore aside", "restore what was put aside", "swap", "purge"]


def errors_at(points: list[Any], kinds: dict[str, list[str]], persistent: str = "") -> list[Any]:
    return [(point, f"error={error}{persistent}") for point in points for error in kinds.get(point[0], [])]


@pytest.mark.parametrize(("op", "sample"), [("apply", 30), ("undo", 12), ("purge", 16), ("swap", 10)])
def test_one_refused_call_loses_nothing(harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int) -> None:
    """A sample that goes through the calls and through the errors."""
    points = harness.points(op, 3, faults.ASKING)
    chosen = [
        (point, f"error={ERRORS[point[0]][at % len(ERRORS[point[0]])]}")
        for at, point in enumerate(faults.spread(points, sample))
        if point[0] in ERRORS
    ]
    nothing_lost(harness.hurt_at(op, 3, chosen))


@full
@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("op", OPS)
def test_any_refused_call_loses_nothing(harness: Any, faults: Any, nothing_lost: Any, op: str, part: int) -> None:
    points = harness.points(op, 3, faults.ASKING)
    assert {kind for kind, _ in points} <= ERRORS.keys()
    nothing_lost(harness.hurt_at(op, 3, errors_at(points, ERRORS)[part::6]))


@pytest.mark.parametrize(
    ("op", "sample"), [pytest.param(op, 0, marks=full) for op in OPS] + [("apply", 5), ("undo", 3)]
)
def test_a_disk_that_refuses_from_some_call_on_loses_nothing(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    kinds = {"write": ["ENOSPC", "EIO"], "fsync": ["EIO"], "mkdirat": ["ENOSPC"], "renameat2": ["EROFS"]}
    chosen = errors_at(harness.points(op, 3, faults.ASKING), kinds, "+")
    nothing_lost(harness.hurt_at(op, 3, faults.spread(chosen, sample) if sample else chosen))


@pytest.mark.parametrize(
    ("op", "sample"), [pytest.param(op, 150, marks=full) for op in OPS] + [("apply", 6), ("undo", 3)]
)
def test_a_call_that_looks_and_is_refused_loses_nothing(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    """There are thousands of these calls: a sample. What cannot be looked at cannot be given its time back."""
    case = harness.case(op, 3)
    chosen = errors_at(harness.looks_of(case), LOOKING)
    case.remove()
    nothing_lost(harness.hurt_at(op, 3, faults.spread(chosen, sample), times=False))


@pytest.mark.parametrize(
    ("op", "sample"), [pytest.param(op, 0, marks=full) for op in OPS] + [("apply", 10), ("undo", 4), ("purge", 4)]
)
def test_a_disk_that_only_says_it_wrote_loses_nothing(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    """The call is not made and all of it, or the half of it, is reported as written."""
    case = harness.case(op, 3)
    chosen = [
        (point, f"retval={size}")
        for point, written in harness.changes_of(case, faults.ASKING)
        if point[0] in ("write", "pwrite64") and written > 0
        for size in (written, max(written // 2, 1))
    ]
    case.remove()
    assert chosen
    nothing_lost(harness.hurt_at(op, 3, faults.spread(chosen, sample) if sample else chosen))
