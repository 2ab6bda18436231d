"""A server many people share: group stores, accounts without a name, a home that is not there, root beside them.

Needs root only to become other users by setuid, as in a plain container; no namespaces.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import steps
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.goingon import go_on
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.cleanup.verify import verify
from mlruns_tui.triage.protection import Options
from mlruns_tui.triage.rules import Choice
from mlruns_tui.workflow.deciding import plan_choices, plan_marks
from mlruns_tui.workflow.reading import open_reader, read_all

pytestmark = pytest.mark.root
ALICE, BOB, SERVICE, GROUP = 61001, 61002, 61003, 61500
A, B, C = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32


def give(top: Path, uid: int, gid: int) -> None:
    for folder, directories, files in os.walk(os.fsencode(top)):
        for name in [b".", *directories, *files]:
            os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)


@pytest.fixture
def shared(store: Any, as_user: Any) -> Any:
    """A setgid store of a group: the experiments belong to it, run a to alice and run c to bob (umask 002)."""
    give(store.root, 0, GROUP)
    give(store.root / A, ALICE, GROUP)
    give(store.root / C, BOB, GROUP)
    for folder, _, _ in os.walk(os.fsencode(store.root)):
        os.chmod(folder, 0o2775)
    store.age()
    return store


@pytest.fixture
def umask_022() -> Any:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_whoever_comes_first_locks_nobody_out_of_his_own_runs(shared: Any, as_user: Any, umask_022: Any) -> None:
    """The vault must not be private to the first: it takes the store's group bits whatever the umask."""
    first, second = shared.plan(A), shared.plan(C)
    assert as_user(lambda: apply(first).state, ALICE, GROUP) == "moved"
    assert as_user(lambda: apply(second).state, BOB, GROUP) == "moved"
    for name in (".", "batches", "lock"):
        status = (shared.vault / name).stat()
        assert status.st_gid == GROUP
        assert status.st_mode & stat.S_IWGRP, name
    seen = as_user(lambda: sorted((one.id, one.uid, one.state) for one in batches(str(shared.root))), BOB, GROUP)
    assert seen == sorted([[first.id, ALICE, "moved"], [second.id, BOB, "moved"]])
    assert as_user(lambda: undo(str(shared.root)).id, BOB, GROUP) == second.id
    assert as_user(lambda: undo(str(shared.root)).id, ALICE, GROUP) == first.id


def test_nobody_purges_or_goes_on_with_anothers_batch_by_accident(shared: Any, as_user: Any, umask_022: Any) -> None:
    plan = shared.plan(A)
    as_user(lambda: apply(plan).state, ALICE, GROUP)
    for call in (
        lambda: purge(str(shared.root), plan.id).state,
        lambda: restore(str(shared.root), plan.id).state,
        lambda: go_on(str(shared.root), plan.id).state,
    ):
        answer = as_user(call, BOB, GROUP)
        assert answer["code"] in ("no-permission", "nothing-to-continue"), answer
    assert as_user(lambda: undo(str(shared.root)).id, BOB, GROUP)["code"] == "nothing-to-undo"
    (batch,) = batches(str(shared.root))
    assert (batch.state, batch.uid) == ("moved", ALICE)
    assert as_user(lambda: undo(str(shared.root)).state, ALICE, GROUP) == "restored"


def stop_in(plan: Any) -> str:
    """Apply a plan and die after its first item, as after ``kill -9``."""
    moved = steps.MoveOut.do
    done: list[int] = []

    def dying(self: Any, ground: Any) -> Any:
        if done:
            os._exit(9)
        done.append(1)
        return moved(self, ground)

    steps.MoveOut.do = dying  # type: ignore[method-assign]
    return str(apply(plan).state)


def in_child(function: Callable[[], Any], uid: int, gid: int) -> int:
    """Run it as this user in a process that may die; its exit code."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        try:
            function()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_what_was_killed_is_its_makers_to_settle_and_stops_nobody_else(
    shared: Any, as_user: Any, umask_022: Any
) -> None:
    give(shared.root / B, ALICE, GROUP)
    shared.age()
    plan = shared.plan(A, B)
    assert in_child(lambda: stop_in(plan), ALICE, GROUP) == 9
    second = shared.plan(C)
    told = as_user(lambda: list(apply(second).messages), BOB, GROUP)
    assert any(plan.id in message and "settles it" in message for message in told)
    assert as_user(lambda: go_on(str(shared.root), plan.id).state, BOB, GROUP)["code"] == "no-permission"
    assert as_user(lambda: apply(shared.plan("2")).state, ALICE, GROUP)["code"] == "unfinished"
    assert as_user(lambda: go_on(str(shared.root), plan.id).state, ALICE, GROUP) == "moved"
    assert as_user(lambda: undo(str(shared.root)).count("restored"), ALICE, GROUP) == 2


def plan_of(shared: Any, *keys: str, lifted: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a plan for these marks says, as this process's user."""
    reader = open_reader(str(shared.root))
    chosen = {key: Choice(key, "mark", "marked") for key in keys}
    snapshot = read_all(reader)
    if lifted:
        plan = plan_choices(reader, snapshot, chosen, options=Options(lifted=frozenset(lifted)))
    else:
        plan = plan_marks(reader, snapshot, chosen, rules=[], words=[])
    return {
        "goes": sorted(one.key for one in plan.items),
        "stays": {one.key: [f"{why.kind}: {why.reason}" for why in one.protected] for one in plan.refused},
    }


def test_a_run_of_another_stays_and_that_is_said_before_anything_starts(
    shared: Any, as_user: Any, umask_022: Any
) -> None:
    """Mode 755 and another's: no member of the group could move it, also where he lifts what may be lifted."""
    for folder, _, _ in os.walk(os.fsencode(shared.root / A)):
        os.chmod(folder, 0o755)
    shared.age()
    key = "experiment/1/run/" + "a" * 32
    plan_of(shared, key)  # everything is imported while this interpreter's files can be reached
    for lifted in ((), ("other-owner", "too-fresh", "running")):
        told = as_user(lambda lifted=lifted: plan_of(shared, key, lifted=lifted), BOB, GROUP)
        assert told["goes"] == [], told
        assert any(str(ALICE) in why for why in told["stays"][key]), told
    assert not shared.vault.exists()


def test_an_account_without_a_name_or_a_home_cleans_and_takes_back(
    shared: Any, as_user: Any, umask_022: Any, compare: Any
) -> None:
    """A container's user: no entry in passwd, HOME is not there, nothing of his is writable but the store."""
    give(shared.root, SERVICE, SERVICE)
    shared.age()
    before = shared.manifest()
    plan = shared.plan(A, C)

    def work() -> list[Any]:
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME"):
            os.environ.pop(name, None)
        os.environ["HOME"] = "/nonexistent"
        done = apply(plan)
        (listed,) = batches(str(shared.root))
        return [done.state, listed.uid, listed.history[0].user, undo(str(shared.root)).state]

    assert as_user(work, SERVICE, SERVICE) == ["moved", SERVICE, str(SERVICE), "restored"]
    assert compare(before, shared.manifest()) == []


def test_what_root_packs_to_another_disk_its_owner_takes_back(
    shared: Any, as_user: Any, other_disk: Path, umask_022: Any, compare: Any
) -> None:
    """Whoever did not make the archives must be able to see that they are his batch's."""
    os.chmod(other_disk, 0o1777)
    os.chown(shared.root / "1", ALICE, GROUP)
    before, root = shared.manifest(), str(shared.root)
    plan = shared.plan(A)
    assert as_user(lambda: apply(plan).state, ALICE, GROUP) == "moved"
    assert pack(root, plan.id, backup_dir=str(other_disk)).state == "packed"
    for path in other_disk.rglob("*"):
        assert path.stat().st_uid == ALICE, path
    assert as_user(lambda: [one.outcome for one in verify(root, plan.id).items], ALICE, GROUP) == ["done"]
    was, now = other_disk / "was", other_disk / "now"
    was.mkdir(mode=0o1777)
    os.chmod(was, 0o1777)
    assert as_user(lambda: undo(root).state, ALICE, GROUP) == "restored"
    assert compare(before, shared.manifest()) == []
    again = shared.plan(A)
    assert as_user(lambda: apply(again).state, ALICE, GROUP) == "moved"
    assert pack(root, again.id, backup_dir=str(was)).state == "packed"
    was.rename(now)
    # Root has the new place written down, in a file that stays its owner's.
    assert restore(root, again.id, [], found_in=str(now)).state == "packed"
    assert as_user(lambda: undo(root, found_in=str(now)).state, ALICE, GROUP) == "restored"
    assert compare(before, shared.manifest()) == []


def test_root_cleans_for_a_member_who_takes_his_run_back_himself(shared: Any, as_user: Any, umask_022: Any) -> None:
    give(shared.root, ALICE, GROUP)
    shared.age()
    batch = apply(shared.plan(A))
    assert batch.uid == 0
    assert as_user(lambda: restore(str(shared.root), batch.id).state, ALICE, GROUP) == "restored"
    assert (shared.root / A / "meta.yaml").is_file()
