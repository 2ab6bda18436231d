"""Who judges: independent of the program's journal, and of its code for looking at trees.

Before anything is taken back every item must lie complete in one place; then an undo must give the exact tree.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model.errors import MlrunsError

from .tracing import holds_something

if TYPE_CHECKING:
    from .cases import Case
    from .running import Tally


def take_back(case: Case, where: str) -> Any:
    """The newest batch, undone; None where there is nothing to undo."""
    try:
        return undo(case.root, lock_timeout_s=case.patience_s)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
        return None
    finally:
        # Whoever gets the store has it for himself.
        left = [pid for pid in case.helpers if holds_something(pid)]
        assert not left, f"{where}: {left} of the helpers {case.helpers} still have files open"


def judge_whole(case: Case, where: str, tally: Tally) -> None:
    """Every item lies whole in one place; undo gives the exact tree; nothing stands in anybody's way."""
    for path, number in case.copies_found(case.copies).items():
        if number != 1:
            tally.lost.append(f"{where}: {number} copies of {path}")
    if tally.lost:
        return
    listed = batches(case.root)
    assert len(listed) <= 1, where
    take_back(case, where)
    _compare(case, where, tally)
    if not tally.red:
        again = case.store.plan(*case.paths)
        assert apply(again).state == "moved", where


def judge_slim(case: Case, where: str, tally: Tally) -> None:
    """At every instant the run has its folder of artifacts, whole or empty."""
    for path in case.paths:
        there = case.store.root / path
        if not there.is_dir() or (list(there.iterdir()) and case.manifest(there) != case.copies[path]):
            tally.lost.append(f"{where}: {path} is neither whole nor empty")
    judge_whole(case, where, tally)
    if not tally.red and (left := list(case.store.vault.glob("batches/*/data/*.new"))):
        tally.inexact.append(f"{where}: {left}")


def judge_slim_in_two(case: Case, where: str, tally: Tally) -> None:
    """The same, once somebody has settled what was interrupted."""
    if any(one.open_op for one in batches(case.root)):
        judge_whole(case, where, tally)
    else:
        judge_slim(case, where, tally)


def judge_slim_for_good(case: Case, where: str, tally: Tally) -> None:
    """Each run has its folder, whatever became of the artifacts; what was not deleted comes back."""
    missing = [path for path in case.paths if not (case.store.root / path).is_dir()]
    if missing:
        tally.lost.append(f"{where}: {missing} gone, with the place of their artifacts")
    judge_purge(case, where, tally)


def judge_slim_logged(case: Case, where: str, tally: Tally) -> None:
    """What was logged since is where it was, the old is whole; undo is exact when the new has gone."""
    path = case.paths[0]
    if case.manifest(case.store.root / path) != case.present[path]:
        tally.lost.append(f"{where}: what was logged since into {path}")
        return
    (case.store.root / path / "since.txt").unlink()
    case.present.clear()
    judge_slim(case, where, tally)


def judge_packed(case: Case, where: str, tally: Tally) -> None:
    """Every item lies whole somewhere: a tree, or in an archive; undo gives the exact tree and leaves nothing."""
    archived = case.archived()
    for path, number in case.copies_found(case.copies).items():
        if number > 1 or not (number or path in archived):
            tally.lost.append(f"{where}: {number} copies of {path}, archived: {path in archived}")
    if tally.lost:
        return
    take_back(case, where)
    _compare(case, where, tally)
    left = [*case.store.vault.glob("batches/*/[dp]*/*"), *case.archives()]
    if left and batches(case.root)[0].history[-1].op != "restore":
        tally.inexact.append(f"{where}: undo leaves {left}")
    if not tally.red:
        assert apply(case.store.plan(*case.paths)).state == "moved", where


def judge_purge_packed(case: Case, where: str, tally: Tally) -> None:
    """What was not declared dead is whole, in an archive or as a tree; nothing is there in part."""
    dead = {one.name for one in case.store.vault.glob("batches/*/dead/*")}
    if case.elsewhere:
        dead |= {one.name for one in case.elsewhere.glob("*/*/dead/*")}
    kept = case.archived() | {path for path, number in case.copies_found(case.copies).items() if number}
    if not dead and case.op.startswith("purge one packed") and not kept >= set(case.paths[1:]):
        tally.lost.append(f"{where}: only {sorted(kept)} are kept")
    try:
        batch = undo(case.root)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
    else:
        assert batch.state != "unfinished", where
    gone = [path for path in case.paths if not (case.store.root / path).exists()]
    if set(gone) & kept or (case.op.startswith("purge one packed") and set(gone) - {case.paths[0]}):
        tally.lost.append(f"{where}: {gone} did not come back though {sorted(kept)} were kept")
    _compare(case, where, tally, gone)
    for batch in batches(case.root):
        purge(case.root, batch.id)
    if [*case.store.vault.glob("batches/*/[dp]*/*"), *case.archives()]:
        tally.inexact.append(f"{where}: a second purge leaves something")


def judge_purge_one(case: Case, where: str, tally: Tally) -> None:
    """What nobody asked to delete is whole, and comes back."""
    found = case.copies_found(case.copies)
    tally.lost += [f"{where}: {found[path]} copies of {path}" for path in case.paths[1:] if found[path] != 1]
    if not tally.lost:
        judge_purge(case, where, tally)


def judge_repair(case: Case, where: str, tally: Tally) -> None:
    """What was replaced lies whole in one place; undo is exact; then it can be mended and undone again."""
    for path, number in case.copies_found(case.copies).items():
        if number != 1:
            tally.lost.append(f"{where}: {number} copies of {path}")
    if tally.lost:
        return
    assert len(batches(case.root)) <= 1, where
    take_back(case, where)
    _compare(case, where, tally)
    if not tally.red:
        again = apply(case.operation.plan_again(case))
        assert {one.outcome for one in again.items} == {"done"}, where
        undo(case.root)
        _compare(case, f"{where}, mended and undone again", tally)
        if not case.hurt and (left := list(case.store.vault.glob("batches/*/data/*"))):
            tally.inexact.append(f"{where}: an undo leaves {left}")


def judge_untouched(case: Case, where: str, tally: Tally) -> None:
    """Nothing was changed, in the vault neither."""
    changes = case.harness.helpers.differences(case.snapshot, case.manifest(case.store.root))
    if changes:
        tally.inexact.append(f"{where}: {changes[:5]}")


def judge_returned(case: Case, where: str, tally: Tally) -> None:
    """The same, for an item somebody wrote to as it was moved: what was written is there as well."""
    mtime_ns = case.copies[case.paths[0]][b"metrics/loss"][3]
    written = case.store.root / case.paths[0] / "metrics" / "loss"
    for path in [written, *case.store.vault.glob("batches/*/data/0/metrics/loss")]:
        if path.exists():
            os.utime(path, ns=(mtime_ns, mtime_ns))
    judge_whole(case, where, tally)


def judge_left_in_place(case: Case, where: str, tally: Tally) -> None:
    """Of a run that was not killed: what was being written to is where it was."""
    if not (case.store.root / case.paths[0] / "metrics" / "loss").exists():
        tally.lost.append(f"{where}: what was being written to is gone from its place")
    judge_returned(case, where, tally)


def judge_swap(case: Case, where: str, tally: Tally) -> None:
    """Both of each pair are whole, and after it is done again as well."""
    _both_whole(case, where, tally)
    batch = restore(case.root, case.plan.id, None, "swap")
    assert batch.state != "unfinished", where
    for path in case.paths:
        # Swapping what was swapped already swaps it back: both must lie whole, one here, one there.
        if case.manifest(case.store.root / path) not in (case.copies[path], case.present[path]):
            tally.inexact.append(f"{where}: {path}")
    _both_whole(case, f"{where}, after the second swap", tally)


def judge_aside(case: Case, where: str, tally: Tally) -> None:
    """Both of each pair are whole; done again, and the places free, undo gives the exact tree."""
    _both_whole(case, where, tally)
    restore(case.root, case.plan.id, None, "rename")
    _both_whole(case, f"{where}, after it was done again", tally)
    if tally.red:
        return
    case.put_away()
    undo(case.root)
    _compare(case, where, tally)


def judge_taken(case: Case, where: str, tally: Tally) -> None:
    """What is in the way is still the same; undo is exact when it has gone."""
    for path, inode in case.present.items():
        place = case.store.root / path
        if not place.exists() or place.stat().st_ino != inode:
            tally.lost.append(f"{where}: what was in the place of {path}")
    if not tally.red:
        case.put_away()
        judge_whole(case, where, tally)


def judge_locked(case: Case, where: str, tally: Tally) -> None:
    """Nothing was done behind the other worker's back."""
    if case.harness.helpers.differences(case.before, case.store.manifest()):
        tally.inexact.append(f"{where}: the store was changed under another's lock")
    case.let_go()


def _both_whole(case: Case, where: str, tally: Tally) -> None:
    for wanted in (case.copies, case.present):
        for path, number in case.copies_found(wanted).items():
            if number != 1:
                tally.lost.append(f"{where}: {number} copies of {path}")


def judge_purge(case: Case, where: str, tally: Tally) -> None:
    """What was not declared dead is whole; nothing half deleted is where a copy is looked for."""
    trees = list(case.copies.values())
    if "slim" in case.op:
        # What stands in for artifacts, like them but empty.
        trees += [{b".": tree[b"."]} for tree in trees]
    places = list(case.store.vault.glob("batches/*/data/*"))
    if "slim" in case.op:
        # And what was about to stand in.
        places = [path for path in places if os.listdir(path)]
    for path in [*(case.store.root / path for path in case.paths), *places]:
        if path.exists() and case.manifest(path) not in trees:
            tally.lost.append(f"{where}: a part of something in {path}")
    if tally.lost:
        return
    kept = whole_ones(case)
    only_dead = [path for path, number in case.copies_found(case.copies).items() if case.dead_may_go and not number]
    tally.lost += [f"{where}: {path} was whole and is gone" for path in case.to_come_back if path not in kept]
    try:
        batch = undo(case.root)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
        if any(not (case.store.root / path).exists() for path in kept if path not in only_dead):
            tally.lost.append(f"{where}: not undone though it was whole")
    else:
        assert batch.state != "unfinished", where
    kept = [path for path in kept if path not in only_dead or (case.store.root / path).exists()]
    gone = [path for path in case.paths if path not in kept]
    _compare(case, where, tally, gone)
    for batch in batches(case.root):
        purge(case.root, batch.id)
    if list(case.store.vault.glob("batches/*/d*/*")):
        tally.inexact.append(f"{where}: a second purge leaves something")


def whole_ones(case: Case) -> list[str]:
    """Items of which there is a complete copy; one that was declared dead and not begun counts."""
    dead = [case.manifest(path) for path in case.store.vault.glob("batches/*/dead/*")]
    return [path for path, number in case.copies_found(case.copies).items() if number == 1 or case.copies[path] in dead]


def _compare(case: Case, where: str, tally: Tally, gone: Sequence[str] = ()) -> None:
    expected = {
        name: entry
        for name, entry in case.before.items()
        # An empty folder, of the same mode and time, stands in for artifacts that are gone.
        if not any(
            (name == path.encode() and "slim" not in case.op) or name.startswith(path.encode() + b"/") for path in gone
        )
    }
    found = case.store.manifest()
    if not case.times_can_be_kept:
        found = {name: (*entry[:3], expected.get(name, entry)[3], *entry[4:]) for name, entry in found.items()}
    changes = case.harness.helpers.differences(expected, found)
    if not changes and case.twin is not None and case.times_can_be_kept and not gone:
        changes = case.harness.helpers.rsync_differences(case.twin, case.store.root)
    if changes:
        tally.inexact.append(f"{where}: {changes[:5]}")
