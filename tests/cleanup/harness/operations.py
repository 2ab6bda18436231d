"""What a worker can be asked to do, how its store is made ready for that, and who judges."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.model import codec
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import preview_repair

from . import judging
from .judging import whole_ones
from .running import Operation, Point

if TYPE_CHECKING:
    from .cases import Case


def _apply(case: Case) -> dict[str, Any]:
    return {"do": "apply", "plan": codec.encode(case.plan)}


def _undo(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "undo", "root": case.root}


def _restore_one(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "restore", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _purge(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "purge", "root": case.root, "batch": case.plan.id}


def _purge_one(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "purge", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _packed(case: Case) -> None:
    apply(case.plan)
    batch = pack(case.root, case.plan.id, None, 0)
    assert batch.state == "packed", batch


def _pack(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "pack", "root": case.root, "batch": case.plan.id, "min_gain_percent": 0}


def _pack_elsewhere(case: Case) -> dict[str, Any]:
    return {**_pack(case), "backup_dir": str(case.elsewhere)}


def _apply_and_pack(case: Case) -> dict[str, Any]:
    return {**_apply(case), "pack": True}


def _apply_and_pack_elsewhere(case: Case) -> dict[str, Any]:
    return {**_apply(case), "pack": True, "backup_dir": str(case.elsewhere)}


def _packed_elsewhere(case: Case) -> None:
    apply(case.plan)
    assert pack(case.root, case.plan.id, backup_dir=str(case.elsewhere)).state == "packed"


def _undo_packed_elsewhere(case: Case) -> dict[str, Any]:
    _packed_elsewhere(case)
    return {"do": "undo", "root": case.root}


def _purge_one_packed_elsewhere(case: Case) -> dict[str, Any]:
    _packed_elsewhere(case)
    return {"do": "purge", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _undo_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "undo", "root": case.root}


def _restore_one_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "restore", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _purge_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "purge", "root": case.root, "batch": case.plan.id}


def _purge_one_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "purge", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _occupied(case: Case, on_conflict: str) -> dict[str, Any]:
    apply(case.plan)
    for path in case.paths:
        case.occupy(path)
    return {"do": "restore", "root": case.root, "batch": case.plan.id, "on_conflict": on_conflict}


def _swap(case: Case) -> dict[str, Any]:
    return _occupied(case, "swap")


def _aside(case: Case) -> dict[str, Any]:
    return _occupied(case, "rename")


def _taken(case: Case) -> dict[str, Any]:
    """An empty directory is in the place of each item: rename(2) would silently replace it."""
    apply(case.plan)
    for path in case.paths:
        (case.store.root / path).mkdir()
        case.present[path] = (case.store.root / path).stat().st_ino
    return {"do": "undo", "root": case.root}


def _logged_since(case: Case) -> dict[str, Any]:
    """Into the first of the slimmed runs; undo is to take back the others."""
    apply(case.plan)
    path = case.paths[0]
    (case.store.root / path / "since.txt").write_text("new")
    case.present[path] = case.manifest(case.store.root / path)
    return {"do": "undo", "root": case.root}


def _while_locked(case: Case) -> dict[str, Any]:
    """Another worker is in the store, and has been for a long time."""
    apply(case.store.plan(*case.paths))
    undo(case.root)
    for path in (case.store.vault / "lock", case.store.root):
        case.held.append(os.open(path, os.O_RDONLY))
        fcntl.flock(case.held[-1], fcntl.LOCK_EX)
    os.utime(case.store.vault / "lock", (0, 0))
    return _apply(case)


def _bring_in(case: Case) -> dict[str, Any]:
    _occupied(case, "rename")
    restore(case.root, case.plan.id, None, "rename")
    case.put_away()
    return {"do": "undo", "root": case.root}


def _verify(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return _verifying(case)


def _verify_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return _verifying(case)


def _verifying(case: Case) -> dict[str, Any]:
    case.snapshot = case.manifest(case.store.root)
    return {"do": "verify", "root": case.root, "batch": case.plan.id}


def _undo_it(case: Case) -> dict[str, Any]:
    return {"do": "undo", "root": case.root}


def plan_repair(case: Case) -> Any:
    """Everything that can be mended, or with one item only the first thing that replaces a file."""
    reader = open_reader(case.root)
    plan = preview_repair(reader, diagnose(reader, "3.17.2"), min_idle_ms=0)
    if case.count == 1:
        plan = replace(plan, items=tuple(one for one in plan.items if one.fingerprint and len(one.steps) == 2)[:1])
    return plan


def _broken(case: Case) -> None:
    """A store with every kind of damage, and more of one kind for a larger group."""
    case.store = case.harness.helpers.make_broken(case.harness.base / case.name, case.count if case.count > 3 else 0)
    case.plan = plan_repair(case)
    assert len(case.plan.items) >= case.count, case.plan.items
    # What is put into a free place has no original.
    case.paths = [one.path for one in case.plan.items if one.fingerprint]


KILLED_AT: dict[str, Point] = {
    "apply": ("renameat2", 4),  # vault, batch, the first item; the second one is not moved any more
    "undo": ("renameat2", 2),
    "swap": ("renameat2", 3),  # between exchanging a pair and putting away what was in the way
    "purge": ("unlinkat", 1),  # dead, and whole
}


def _interrupted(
    op: str, request: Callable[[Case], dict[str, Any]], point: Point | None = None
) -> Callable[[Case], dict[str, Any]]:
    """Another operation first, killed in the middle."""

    def prepare(case: Case) -> dict[str, Any]:
        case.ask(OPERATIONS[op].prepare(case))
        case.harness.kill(case, point or KILLED_AT[op])
        asked = request(case)
        if op == "purge" and asked["do"] == "undo":
            case.to_come_back = whole_ones(case)
        return asked

    return prepare


WRITTEN_MEANWHILE = """
import os
from mlruns_tui.disk import change
_rename, _written = change.rename, []
def _write_and_rename(source_fd, source, target_fd, target):
    # Between the look and the move, to the first item.
    if source == "1".zfill(32) and not _written:
        _written.append(True)
        os.utime(f"/proc/self/fd/{source_fd}/{source}/metrics/loss", ns=(10**18, 10**18))
    return _rename(source_fd, source, target_fd, target)
change.rename = _write_and_rename
"""

NO_EXCHANGE = """
from mlruns_tui.disk import change
def cannot(*_):
    raise OSError(95, "this file system cannot swap two names")
change.exchange = cannot
"""
SHORT_CALLS = """
import os
def halves(call, length):
    def short(fd, data, *rest):
        return call(fd, length(data), *rest)
    return short
os.write = halves(os.write, lambda data: data[:max(1, len(data) // 2)])
os.pwrite = halves(os.pwrite, lambda data: data[:max(1, len(data) // 2)])
os.read = halves(os.read, lambda size: max(1, size // 2))
os.pread = halves(os.pread, lambda size: max(1, size // 2))
"""
"""A disk that always takes and gives but a part: allowed, and rare enough to be forgotten."""

TOGETHER = """
from mlruns_tui.cleanup import removers, retiring
from mlruns_tui.disk import together
retiring.MANY_ENTRIES, retiring.workers = 1, lambda: 3
removers.MANY_ENTRIES, removers.MOST = 1, 3
# Who gets a tree must not depend on who was quicker.
removers.Remover.lighten = lambda self, entries: None
together.WORTH, together._SLICE_ENTRIES, together.cores = 0, 1, lambda: 3
"""
"""Three processes are worth while for the smallest work."""

BACK = ("restored", "in-place")

OPERATIONS: dict[str, Operation] = {
    "apply": Operation(_apply, judging.judge_whole, finished=("moved",)),
    "apply without backup": Operation(_apply, judging.judge_purge, finished=("purged",), destroys=True),
    "apply to what is written to": Operation(_apply, judging.judge_returned, WRITTEN_MEANWHILE),
    "apply to what is written to, not killed": Operation(_apply, judging.judge_left_in_place, WRITTEN_MEANWHILE),
    "apply under another's lock": Operation(_while_locked, judging.judge_locked),
    "undo": Operation(_undo, judging.judge_whole, finished=BACK),
    "undo where something is in the way": Operation(_taken, judging.judge_taken),
    "restore one": Operation(_restore_one, judging.judge_whole),
    "restore aside": Operation(_aside, judging.judge_aside),
    "restore what was put aside": Operation(_bring_in, judging.judge_whole),
    "swap": Operation(_swap, judging.judge_swap),
    "purge": Operation(_purge, judging.judge_purge, finished=("purged",), destroys=True),
    "purge one": Operation(_purge_one, judging.judge_purge_one, finished=("purged", "moved"), destroys=True),
    "slim": Operation(_apply, judging.judge_slim, finished=("moved",)),
    "slim in two renames": Operation(_apply, judging.judge_slim_in_two, NO_EXCHANGE, finished=("moved",)),
    "slim without backup": Operation(_apply, judging.judge_slim_for_good, finished=("purged",), destroys=True),
    "undo of slim": Operation(_undo, judging.judge_slim, finished=BACK),
    "undo of slim where something was logged since": Operation(_logged_since, judging.judge_slim_logged),
    "pack": Operation(_pack, judging.judge_packed, finished=("packed",)),
    "undo of packed": Operation(_undo_packed, judging.judge_packed, finished=BACK),
    "restore one packed": Operation(_restore_one_packed, judging.judge_packed),
    "purge packed": Operation(_purge_packed, judging.judge_purge_packed, finished=("purged",), destroys=True),
    "purge one packed": Operation(_purge_one_packed, judging.judge_purge_packed, destroys=True),
    "pack elsewhere": Operation(_pack_elsewhere, judging.judge_packed, finished=("packed",)),
    "apply and pack": Operation(_apply_and_pack, judging.judge_packed, finished=("packed",)),
    "apply and pack elsewhere": Operation(_apply_and_pack_elsewhere, judging.judge_packed, finished=("packed",)),
    "undo of packed elsewhere": Operation(_undo_packed_elsewhere, judging.judge_packed, finished=("restored",)),
    "purge one packed elsewhere": Operation(_purge_one_packed_elsewhere, judging.judge_purge_packed, destroys=True),
    "repair": Operation(_apply, judging.judge_repair, build=_broken, plan_again=plan_repair),
    "repair in two renames": Operation(
        _apply, judging.judge_repair, NO_EXCHANGE, build=_broken, plan_again=plan_repair
    ),
    "undo of a repair": Operation(_undo, judging.judge_repair, build=_broken, plan_again=plan_repair, finished=BACK),
    "undo of a repair in two renames": Operation(
        _undo, judging.judge_repair, NO_EXCHANGE, build=_broken, plan_again=plan_repair, finished=BACK
    ),
    "apply together": Operation(_apply, judging.judge_whole, TOGETHER, finished=("moved",)),
    "pack together": Operation(_pack, judging.judge_packed, TOGETHER, finished=("packed",)),
    "apply and pack together": Operation(_apply_and_pack, judging.judge_packed, TOGETHER, finished=("packed",)),
    "purge together": Operation(_purge, judging.judge_purge, TOGETHER, finished=("purged",), destroys=True),
    "verify": Operation(_verify, judging.judge_untouched),
    "verify packed": Operation(_verify_packed, judging.judge_untouched),
}
RECOVERIES: dict[str, Operation] = {
    "undo after a killed apply": Operation(_interrupted("apply", _undo_it), judging.judge_whole, finished=BACK),
    "undo after a killed undo": Operation(_interrupted("undo", _undo_it), judging.judge_whole, finished=BACK),
    "going on with a killed apply": Operation(
        _interrupted("apply", lambda case: {"do": "continue", "root": case.root, "batch": case.plan.id}),
        judging.judge_whole,
        finished=("moved",),
    ),
    "undo after a killed purge": Operation(_interrupted("purge", _undo_it), judging.judge_purge),
    "purge after a killed purge": Operation(
        _interrupted("purge", lambda case: {"do": "purge", "root": case.root, "batch": case.plan.id}, ("unlinkat", 5)),
        judging.judge_purge,
    ),
    "swap after a killed swap": Operation(
        _interrupted(
            "swap",
            lambda case: {"do": "restore", "root": case.root, "batch": case.plan.id, "on_conflict": "swap"},
        ),
        judging.judge_swap,
    ),
}
OPERATIONS.update(RECOVERIES)
