"""The disk refuses one call, any one, or lies about it: nothing is lost, undo is exact, and it is said in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_800)]
full = pytest.mark.full
ERRORS = {
    "renameat2": ["EIO", "EACCES", "ENOSPC", "EDQUOT", "EXDEV", "ESTALE", "EBUSY", "ENOTEMPTY", "EINTR", "EPERM"],
    "renameat": ["EIO", "EACCES", "ENOSPC", "EDQUOT", "EXDEV", "ESTALE", "EBUSY", "ENOTEMPTY", "EINTR", "EPERM"],
    "fsync": ["EIO", "ENOSPC", "EDQUOT", "ESTALE", "EINTR", "EINVAL"],
    "syncfs": ["EIO", "ENOSPC", "EDQUOT", "ESTALE", "EINTR"],
    "write": ["ENOSPC", "EIO", "EDQUOT", "ESTALE", "EINTR"],
    "pwrite64": ["ENOSPC", "EIO", "EDQUOT", "ESTALE", "EINTR"],
    "mkdirat": ["EDQUOT", "ENOSPC", "EACCES", "EROFS", "EIO", "ESTALE"],
    "openat": ["EACCES", "ENOSPC", "EDQUOT", "EIO", "ESTALE", "EINTR"],
    "linkat": ["EXDEV", "ENOSPC", "EDQUOT", "EIO", "EACCES", "ESTALE"],
    "symlinkat": ["ENOSPC", "EDQUOT", "EIO", "EACCES", "ESTALE"],
    "fchmod": ["EPERM", "EIO"],
    "fchown": ["EPERM", "EIO"],
    "fchownat": ["EPERM", "EIO"],
    "fsetxattr": ["ENOSPC", "EDQUOT", "EOPNOTSUPP", "EIO", "EPERM"],
    "lsetxattr": ["ENOSPC", "EDQUOT", "EOPNOTSUPP", "EIO", "EPERM"],
    "fallocate": ["EDQUOT", "ENOSPC", "EOPNOTSUPP", "EIO", "EINTR"],
    "unlinkat": ["EBUSY", "EACCES", "EIO", "ENOTEMPTY", "ESTALE", "EINTR"],
    "ftruncate": ["EIO", "EDQUOT", "EINTR"],
    "utimensat": ["EPERM", "EIO", "ESTALE"],
}
FROM_THEN_ON = {
    "write": ["ENOSPC", "EIO"], "pwrite64": ["ENOSPC", "EIO"], "fsync": ["EIO"], "mkdirat": ["ENOSPC"],
    "renameat2": ["EROFS"], "unlinkat": ["EIO"],
}  # fmt: skip
LOOKING = {
    "openat": ["EIO", "EACCES", "ESTALE"], "newfstatat": ["EIO", "ESTALE"], "getdents64": ["EIO"],
    "read": ["EIO", "ESTALE", "EINTR"], "pread64": ["EIO", "ESTALE", "EINTR"],
}  # fmt: skip
OPS = [
    "apply", "apply without backup", "slim", "undo", "restore aside", "restore what was put aside", "swap", "purge", "pack",
    "slim in two renames", "undo of slim",
    "undo of packed", "restore one packed", "purge packed", "purge one packed", "repair", "undo of a repair",
    "repair in two renames", "undo of a repair in two renames",
    "pack elsewhere", "apply and pack elsewhere", "undo of packed elsewhere", "purge one packed elsewhere",
]  # fmt: skip
MORE = {"apply": 3, "pack": 3, "undo of packed": 3, "purge": 2}
"""Times as many points of these in the default run."""


def errors_at(points: list[Any], kinds: dict[str, list[str]], persistent: str = "") -> list[Any]:
    return [(point, f"error={error}{persistent}") for point in points for error in kinds.get(point[0], [])]


def some_and_all(sample: int) -> list[Any]:
    return [(op, sample * MORE.get(op, 1)) for op in OPS] + [pytest.param(op, 0, marks=full) for op in OPS]


@pytest.mark.parametrize(("op", "sample"), some_and_all(6))
def test_one_refused_call_loses_nothing(harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int) -> None:
    """All of them; or a sample that goes through the calls and through the errors."""
    points = harness.points(op, 3, faults.ASKING)
    assert {kind for kind, _ in points} <= ERRORS.keys()
    chosen = errors_at(points, ERRORS)
    if sample:
        turn = OPS.index(op)
        chosen = [
            (point, f"error={ERRORS[point[0]][(at + turn) % len(ERRORS[point[0]])]}")
            for at, point in enumerate(faults.scattered(points, sample, turn))
        ]
    nothing_lost(harness.hurt_at(op, 3, chosen))


@pytest.mark.parametrize(("op", "sample"), some_and_all(1))
def test_a_disk_that_refuses_from_some_call_on_loses_nothing(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    chosen = errors_at(harness.points(op, 3, faults.ASKING), FROM_THEN_ON, "+")
    nothing_lost(harness.hurt_at(op, 3, faults.scattered(chosen, sample, OPS.index(op))))


@pytest.mark.parametrize(("op", "sample"), [(op, 1) for op in OPS] + [pytest.param(op, 60, marks=full) for op in OPS])
def test_a_call_that_looks_and_is_refused_loses_nothing(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    """There are thousands of these calls: a sample. What cannot be looked at cannot be given its time back."""
    case = harness.case(op, 3)
    chosen = errors_at([point for point, _ in harness.looks_of(case, list(LOOKING))], LOOKING)
    case.remove()
    nothing_lost(harness.hurt_at(op, 3, faults.scattered(chosen, sample, OPS.index(op)), times=False))


@pytest.mark.parametrize(("op", "sample"), some_and_all(2))
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
    nothing_lost(harness.hurt_at(op, 3, faults.scattered(chosen, sample, OPS.index(op))))


@pytest.mark.parametrize("sample", [4, pytest.param(0, marks=full)])
@pytest.mark.parametrize("op", ["verify", "verify packed"])
def test_a_backup_that_cannot_be_read_is_not_said_to_be_whole(
    harness: Any, faults: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    """Every call that reads a backup fails once; nothing is changed by that, and no item whose bytes could not be
    read is reported as verified."""
    case = harness.case(op, 3)
    reads = [
        (point, error)
        for point, where in harness.looks_of(case, ["read", "pread64"])
        if "/data/" in where or ".tar.zst" in where
        for error in ("EIO", "ESTALE", "EINTR")
    ]
    looks = errors_at([point for point, _ in harness.looks_of(case)], LOOKING)
    case.remove()
    assert reads
    for point, error in faults.scattered(reads, sample, 0):
        nothing_lost_at = list(harness.hurt_at(op, 3, [(point, f"error={error}")]))
        said = json.loads(harness.stdout)
        # Python itself repeats an interrupted call.
        assert error == "EINTR" or isinstance(said, str) or "failed" in said, f"{point} {error}: {said}"
        nothing_lost(iter(nothing_lost_at))
    nothing_lost(harness.hurt_at(op, 3, faults.scattered(looks, sample, 1)))
