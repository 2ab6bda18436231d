"""Several users, and root among them: whose files they are, what is refused, and why."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError

pytestmark = pytest.mark.root
NOBODY, OTHER, GROUP = 65534, 65533, 65500
A, B, C = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32


def give(top: Path, uid: int, gid: int) -> None:
    for folder, directories, files in os.walk(os.fsencode(top)):
        os.chown(folder, uid, gid)
        for name in directories + files:
            os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)


@pytest.fixture
def nobodys(store: Any, as_user: Any) -> Any:
    """The store, belonging to an ordinary user."""
    give(store.root, NOBODY, NOBODY)
    return store


def test_root_leaves_nothing_in_anothers_store_that_locks_him_out(nobodys: Any, as_user: Any, compare: Any) -> None:
    before = nobodys.manifest()
    batch = apply(nobodys.plan(A, C))
    assert batch.uid == 0
    ours = {
        os.path.join(folder, name)
        for folder, directories, files in os.walk(nobodys.vault)
        for name in [".", *directories, *files]
        if os.lstat(os.path.join(folder, name)).st_uid != NOBODY
    }
    assert ours == set()
    assert as_user(lambda: [one.state for one in batches(str(nobodys.root))]) == ["moved"]
    assert as_user(lambda: restore(str(nobodys.root), batch.id).state) == "restored"
    assert compare(before, nobodys.manifest()) == []


def test_a_run_of_another_user_stays_and_its_owner_is_named(nobodys: Any, as_user: Any) -> None:
    give(nobodys.root / A, 0, 0)
    plan = nobodys.plan(A, C)
    batch = as_user(lambda: [(one.outcome, one.place, one.error) for one in apply(plan).items])
    assert batch == [
        ["failed", "in-place", "no permission to move it (owner root, mode 755). It is where it was."],
        ["done", "moved", ""],
    ]


def test_a_run_with_something_unreadable_inside_stays(nobodys: Any, as_user: Any) -> None:
    artifacts = nobodys.root / A / "artifacts"
    os.chown(artifacts, 0, 0)
    os.chmod(artifacts, 0o700)
    plan = nobodys.plan(A, C)
    batch = as_user(lambda: [(one.outcome, one.error) for one in apply(plan).items])
    assert batch == [
        ["skipped", "cannot be looked at: permission denied on artifacts/ (owner root). It is where it was."],
        ["done", ""],
    ]


def test_a_run_in_an_experiment_one_may_not_write_to_stays(nobodys: Any, as_user: Any) -> None:
    os.chown(nobodys.root / "1", 0, 0)
    plan = nobodys.plan(A, "2")
    batch = as_user(lambda: [(one.outcome, one.error) for one in apply(plan).items])
    assert batch[0] == ["failed", "no permission to change its parent directory (owner root). It is where it was."]
    assert batch[1] == ["done", ""]


def test_a_store_one_may_not_write_to_is_refused_whole(store: Any, as_user: Any, compare: Any) -> None:
    plan = store.plan(A)
    before = store.manifest()
    answer = as_user(lambda: apply(plan).state)
    assert answer["code"] == "no-permission"
    assert "(owner root)" in answer["message"]
    assert answer["hint"] == "ask root, or run as root"
    assert compare(before, store.manifest()) == []


def test_anothers_batch_is_seen_or_said_and_never_changed(store: Any, as_user: Any) -> None:
    batch = apply(store.plan(A))
    answer = as_user(lambda: batches(str(store.root)))
    assert answer["code"] == "unreadable-vault"
    assert "permission denied (owner root)" in answer["message"]
    assert as_user(lambda: undo(str(store.root)))["code"] == "unreadable-vault"
    assert (store.root / batch.items[0].now_at).is_dir()


@pytest.fixture
def shared(store: Any, as_user: Any) -> Any:
    """The store of a group of two: setgid and writable for the group everywhere."""
    give(store.root, NOBODY, GROUP)
    for folder, _, _ in os.walk(os.fsencode(store.root)):
        os.chmod(folder, 0o2770)
    store.age()
    return store


def test_members_of_a_group_clean_one_store_and_each_undoes_his_own(shared: Any, as_user: Any, compare: Any) -> None:
    before = shared.manifest()
    first, second = shared.plan(A), shared.plan(C)
    os.umask(0o077)
    try:
        assert as_user(lambda: apply(first).state, NOBODY, GROUP) == "moved"
        assert as_user(lambda: apply(second).state, OTHER, GROUP) == "moved"
    finally:
        os.umask(0o022)
    seen = as_user(lambda: [(one.id, one.state, one.uid) for one in batches(str(shared.root))], NOBODY, GROUP)
    assert seen == [[second.id, "moved", OTHER], [first.id, "moved", NOBODY]]
    answer = as_user(lambda: restore(str(shared.root), second.id).state, NOBODY, GROUP)
    assert answer["code"] == "no-permission"
    assert f"(made by {OTHER})" in answer["message"]
    assert as_user(lambda: undo(str(shared.root)).id, NOBODY, GROUP) == first.id
    assert as_user(lambda: undo(str(shared.root)).id, OTHER, GROUP) == second.id
    # A member may not set the time of the other's directory: only that may differ.
    changed = [one for one in compare(before, shared.manifest()) if not one.startswith("changed: b'1':")]
    assert changed == []


def test_a_planted_vault_is_refused(nobodys: Any, as_user: Any, compare: Any) -> None:
    nobodys.vault.mkdir()
    (nobodys.vault / "batches").mkdir()
    os.chown(nobodys.vault, OTHER, OTHER)
    os.chmod(nobodys.vault, 0o777)
    plan = nobodys.plan(A)
    answer = as_user(lambda: apply(plan).state)
    assert answer["code"] == "bad-vault"
    assert f"belongs to {OTHER} and anybody may write to it" in answer["message"]
    assert (nobodys.root / A).is_dir()
    os.chmod(nobodys.vault, 0o1777)
    os.chmod(nobodys.vault / "batches", 0o1777)
    assert as_user(lambda: apply(plan).state) == "moved"


def test_everybodys_store_has_everybodys_vault_with_batches_of_ones_own(store: Any, as_user: Any) -> None:
    for folder, _, _ in os.walk(os.fsencode(store.root)):
        os.chmod(folder, 0o777)
    first, second = store.plan(A), store.plan(C)
    assert as_user(lambda: apply(first).state) == "moved"
    assert as_user(lambda: apply(second).state, OTHER, OTHER) == "moved"
    seen = as_user(lambda: [(one.id, one.state) for one in batches(str(store.root))], OTHER, OTHER)
    assert sorted(seen) == sorted([[first.id, "missing"], [second.id, "moved"]])
    assert as_user(lambda: undo(str(store.root)).id, OTHER, OTHER) == second.id


def test_directories_closed_to_their_owner_move_come_back_and_are_purged(
    nobodys: Any, as_user: Any, compare: Any
) -> None:
    """Mode 500 and 000 inside: nothing hinders a move, and a purge opens them up."""
    metrics, empty = nobodys.root / A / "metrics", nobodys.root / A / "artifacts" / "empty"
    os.chmod(metrics, 0o500)
    os.chmod(empty, 0o000)
    before = nobodys.manifest()
    os.chmod(empty, 0o755)
    plan = nobodys.plan(A)
    answer = as_user(lambda: codec.encode(apply(plan)))
    assert answer["state"] == "moved"
    os.chmod(nobodys.root / answer["items"][0]["now_at"] / "artifacts" / "empty", 0o000)
    assert as_user(lambda: undo(str(nobodys.root)).state) == "restored"
    assert compare(before, nobodys.manifest()) == []
    os.chmod(empty, 0o755)
    plan = nobodys.plan(A)
    answer = as_user(lambda: codec.encode(apply(plan)))
    inside = nobodys.root / answer["items"][0]["now_at"]
    os.chmod(inside / "artifacts" / "empty", 0o000)
    (inside / "artifacts" / "closed").mkdir(mode=0o700)
    (inside / "artifacts" / "closed" / "file").write_text("x")
    give(inside / "artifacts" / "closed", NOBODY, NOBODY)
    os.chmod(inside / "artifacts" / "closed", 0o000)
    assert as_user(lambda: purge(str(nobodys.root), answer["id"]).state) == "purged"
    assert not inside.exists()


@pytest.fixture
def tmpfs() -> Iterator[Callable[[Path], None]]:
    """Mounts a small tmpfs on a directory."""
    points: list[Path] = []

    def mount(point: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root, to mount a file system")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(point)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
        points.append(point)

    yield mount
    for point in points:
        subprocess.run(["umount", str(point)], check=True)


def test_a_run_with_a_mount_inside_stays(store: Any, tmpfs: Any) -> None:
    plan = store.plan(A, C)
    tmpfs(store.root / A / "artifacts")
    batch = apply(plan)
    assert [one.outcome for one in batch.items] == ["skipped", "done"]
    assert batch.items[0].error == "artifacts is on another disk and cannot be moved whole. It is where it was."


def test_a_run_that_is_a_mount_stays(store: Any, tmpfs: Any) -> None:
    tmpfs(store.root / C)
    (store.root / C / "meta.yaml").write_text("x")
    batch = apply(store.plan(C))
    assert [(one.outcome, one.place) for one in batch.items] == [("failed", "in-place")]
    assert batch.items[0].error.endswith("It is where it was.")
    assert (store.root / C / "meta.yaml").read_text() == "x"


def test_a_vault_on_another_disk_is_refused(store: Any, tmpfs: Any) -> None:
    store.vault.mkdir()
    tmpfs(store.vault)
    (store.vault / "batches").mkdir()
    with pytest.raises(MlrunsError, match="on another disk than the store") as caught:
        apply(store.plan(A))
    assert caught.value.code == "bad-vault"
    assert (store.root / A).is_dir()


def test_an_immutable_run_stays(store: Any) -> None:
    chattr = shutil.which("chattr")
    if chattr is None or os.geteuid() != 0:
        pytest.skip("needs root and chattr")
    if subprocess.run([chattr, "+i", store.root / A], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable flag")
    try:
        batch = apply(store.plan(A, C))
    finally:
        subprocess.run([chattr, "-i", store.root / A], check=True)
    assert [one.outcome for one in batch.items] == ["failed", "done"]
    assert batch.items[0].error.startswith("the system forbids to move it (an immutable or append-only flag")
    assert batch.items[0].error.endswith("It is where it was.")
