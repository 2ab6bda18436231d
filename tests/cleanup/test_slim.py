"""Slimming: an empty folder stands in for a run's artifacts, so that MLflow still finds the run."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.goingon import go_on, leave
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.cleanup.verify import verify
from mlruns_tui.disk import change
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.plan import Plan, Step
from mlruns_tui.report.log import taken_words

A, B = f"1/{'a' * 32}/artifacts", f"1/{'b' * 32}/artifacts"


class Killed(BaseException):
    """As after ``kill -9``: nobody tidies up."""


def slimming(store: Any, *paths: str, backup: bool = True) -> Plan:
    plan: Plan = store.plan(*(paths or (A, B)), backup=backup)
    items = [replace(one, action="slim", steps=(*one.steps, Step("make-directory", one.path))) for one in plan.items]
    return replace(plan, items=tuple(items))


def content(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.fixture(autouse=True)
def special(store: Any) -> None:
    """The first folder is shared in a way that has to be seen."""
    folder = store.root / A
    before = folder.stat().st_mtime_ns
    os.chmod(folder, 0o2750)
    os.setxattr(folder, "user.note", b"kept")
    os.utime(folder, ns=(before, before))


@pytest.fixture
def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "this file system cannot swap two names")

    monkeypatch.setattr(change, "exchange", cannot)


@pytest.fixture(params=["exchange", "two renames"])
def either_way(request: pytest.FixtureRequest) -> str:
    if request.param == "two renames":
        request.getfixturevalue("without_exchange")
    return str(request.param)


def test_an_empty_folder_like_the_old_one_stands_in_and_undo_is_exact(
    store: Any, compare: Any, either_way: str
) -> None:
    before, was = store.manifest(), (store.root / A).stat()
    batch = apply(slimming(store))
    assert [(one.outcome, one.place, one.taken) for one in batch.items] == [("done", "moved", False)] * 2
    now = (store.root / A).stat()
    assert content(store.root / A) == content(store.root / B) == []
    assert now.st_ino != was.st_ino
    assert (now.st_mode, now.st_uid, now.st_gid, now.st_mtime_ns) == (
        was.st_mode, was.st_uid, was.st_gid, was.st_mtime_ns,
    )  # fmt: skip
    assert os.getxattr(store.root / A, "user.note") == b"kept"
    assert store.manifest()[os.path.dirname(A).encode()] == before[os.path.dirname(A).encode()]
    assert [one.outcome for one in verify(str(store.root), batch.id).items] == ["done"] * 2
    assert taken_words(batch) == ""
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []
    with pytest.raises(MlrunsError, match="was put back already"):
        undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_what_was_logged_since_is_a_conflict_and_both_are_kept(store: Any, compare: Any, tree_manifest: Any) -> None:
    before, old = store.manifest(), tree_manifest(store.root / A)
    batch = apply(slimming(store))
    (store.root / A / "since.txt").write_text("new")
    (listed,) = batches(str(store.root))
    assert [one.taken for one in listed.items] == [True, False]
    assert taken_words(listed) == "1 slimmed run has new artifacts: its old ones are whole in the backup"
    for _ in range(2):
        back = restore(str(store.root), batch.id)
        assert [one.place for one in back.items] == ["moved", "restored"]
        assert back.items[0].outcome == "skipped"
        assert back.items[0].error.startswith(f"its place is taken: {A} holds what was logged since it was slimmed")
        assert "--on-conflict swap" in back.items[0].error
        assert content(store.root / A) == ["since.txt"]
        assert tree_manifest(store.vault / "batches" / batch.id / "data" / "0") == old
    (store.root / A / "since.txt").unlink()
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_swapped_the_old_is_back_and_the_new_is_kept_and_can_be_swapped_again(
    store: Any, tree_manifest: Any, either_way: str
) -> None:
    old = tree_manifest(store.root / A)
    batch = apply(slimming(store, A))
    (store.root / A / "since.txt").write_text("new")
    back = restore(str(store.root), batch.id, None, "swap")
    assert [(one.place, one.outcome) for one in back.items] == [("restored", "done"), ("moved", "done")]
    assert tree_manifest(store.root / A) == old
    assert content(store.vault / "batches" / batch.id / "data" / "1") == ["since.txt"]
    restore(str(store.root), batch.id, None, "swap")
    assert content(store.root / A) == ["since.txt"]
    assert tree_manifest(store.vault / "batches" / batch.id / "data" / "0") == old


def test_put_aside_it_comes_in_when_the_folder_is_empty_again(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(slimming(store, A))
    (store.root / A / "since.txt").write_text("new")
    restore(str(store.root), batch.id, None, "rename")
    assert content(store.root / A) == ["since.txt"]
    assert "is taken" in restore(str(store.root), batch.id).items[0].error
    (store.root / A / "since.txt").unlink()
    assert restore(str(store.root), batch.id).items[0].outcome == "done"
    assert compare(before, store.manifest()) == []


@pytest.mark.parametrize("there", ["nothing", "a folder a repair made"])
def test_batches_of_older_versions_are_put_back_over_nothing_and_over_a_repaired_folder(
    store: Any, compare: Any, there: str
) -> None:
    before = store.manifest()
    plan = slimming(store, A)
    batch = apply(replace(plan, items=tuple(replace(one, steps=one.steps[:1]) for one in plan.items)))
    run = (store.root / A).parent
    # As the older version left it.
    (store.root / A).rmdir()
    if there != "nothing":
        (store.root / A).mkdir(0o755)
    os.utime(run, ns=(before[os.path.dirname(A).encode()][3],) * 2)
    assert batches(str(store.root))[0].items[0].place == "moved"
    assert restore(str(store.root), batch.id).items[0].outcome == "done"
    assert compare(before, store.manifest()) == []


@pytest.mark.parametrize("kind", ["file", "link", "link to a folder"])
def test_nothing_else_in_its_place_is_replaced(store: Any, kind: str, tmp_path: Path) -> None:
    batch = apply(slimming(store, A))
    place = store.root / A
    place.rmdir()
    if kind == "file":
        place.write_text("")
    else:
        place.symlink_to("nowhere" if kind == "link" else tmp_path)
    was = place.lstat()
    assert batches(str(store.root))[0].items[0].taken
    assert restore(str(store.root), batch.id).items[0].outcome == "skipped"
    assert (place.lstat().st_ino, place.lstat().st_mode) == (was.st_ino, was.st_mode)


def test_packed_and_put_back_over_the_empty_folder(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(slimming(store))
    assert pack(str(store.root), batch.id, None, 0).state == "packed"
    assert content(store.root / A) == []
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_purged_the_empty_folder_stays(store: Any, at_once: bool) -> None:
    batch = apply(slimming(store, backup=not at_once))
    if not at_once:
        purge(str(store.root), batch.id)
    (listed,) = batches(str(store.root))
    assert [(one.place, one.taken) for one in listed.items] == [("purged", False)] * 2
    assert content(store.root / A) == []
    assert stat.S_IMODE((store.root / A).stat().st_mode) == 0o2750


def test_in_a_copy_of_the_store_it_is_put_back_too(store: Any, store_class: Any, tmp_path: Path) -> None:
    old = content(store.root / A)
    batch = apply(slimming(store, A))
    copy = tmp_path / "copy"
    shutil.copytree(store.root, copy, symlinks=True)
    assert restore(str(copy), batch.id).items[0].outcome == "done"
    assert content(copy / A) == old


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("way", [leave, go_on, None])
def test_killed_before_the_exchange_the_artifacts_are_in_their_place(
    store: Any, compare: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Any, copied: bool
) -> None:
    def killed(*_: Any) -> None:
        raise Killed

    old, before = content(store.root / A), store.manifest()
    root = store.root
    plan = slimming(store, A)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(change, "exchange", killed)
        apply(plan)
    data = Path(".mlruns-tui.trash", "batches", plan.id, "data")
    assert content(root / data / "0") == []
    if copied:
        root = tmp_path / "copy"
        shutil.copytree(store.root, root, symlinks=True)
    (listed,) = batches(str(root))
    assert listed.items[0].place == "in-place"
    if way is None:
        # The next batch settles this one.
        again = replace(plan, id=f"{plan.id}b", store_root=str(root))
        if copied:
            return
        assert apply(again).items[0].outcome == "done"
    else:
        way(str(root), plan.id)
    assert not (root / data).exists() or content(root / data) in ([], ["0"])
    if way is leave:
        assert content(root / A) == old
    elif not copied:
        assert content(root / A) == []
        undo(str(root))
    if not copied:
        assert compare(before, store.manifest()) == []


@pytest.mark.parametrize("way", [leave, go_on, restore])
def test_killed_between_two_renames_the_run_gets_its_folder_when_that_is_settled(
    store: Any, compare: Any, monkeypatch: pytest.MonkeyPatch, without_exchange: None, way: Any
) -> None:
    before, rename = store.manifest(), change.rename

    def killed(source_fd: int, source: str, target_fd: int, target: str) -> None:
        if source == "0.new" and target == "artifacts":
            raise Killed
        rename(source_fd, source, target_fd, target)

    plan = slimming(store, A)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(change, "rename", killed)
        apply(plan)
    assert not (store.root / A).exists()
    assert way(str(store.root), plan.id).state != "unfinished"
    assert (store.root / A).is_dir()
    if way is not restore:
        assert content(store.root / A) == []
        undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_where_the_second_rename_fails_the_artifacts_go_back(
    store: Any, compare: Any, monkeypatch: pytest.MonkeyPatch, without_exchange: None
) -> None:
    before, rename = store.manifest(), change.rename

    def failing(source_fd: int, source: str, target_fd: int, target: str) -> None:
        if source == "0.new" and target == "artifacts":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(change, "rename", failing)
    batch = apply(slimming(store))
    assert [one.outcome for one in batch.items] == ["failed", "done"]
    assert content(store.vault / "batches" / batch.id / "data") == ["1"]
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


@pytest.mark.parametrize("logs_on", [False, True])
def test_what_was_written_to_in_that_moment_goes_back_unless_more_was_logged(
    store: Any, tree_manifest: Any, monkeypatch: pytest.MonkeyPatch, logs_on: bool
) -> None:
    exchange = change.exchange

    def written(source_fd: int, source: str, target_fd: int, target: str) -> None:
        # Through a file that was open already.
        (store.root / A / "model.bin").write_bytes(b"later")
        exchange(source_fd, source, target_fd, target)
        if logs_on:
            (store.root / A / "since.txt").write_text("new")

    monkeypatch.setattr(change, "exchange", written)
    plan = slimming(store, A)
    (item,) = apply(plan).items
    data = store.vault / "batches" / plan.id / "data" / "0"
    if logs_on:
        assert (item.outcome, item.place, item.taken) == ("failed", "moved", True)
        assert item.error == "written to meanwhile, and its place was taken at once. It stays in the backup."
        assert content(store.root / A) == ["since.txt"]
        assert (data / "model.bin").read_bytes() == b"later"
    else:
        assert (item.outcome, item.error) == ("skipped", "written to meanwhile; put back.")
        assert (store.root / A / "model.bin").read_bytes() == b"later"
        assert not data.exists()


@pytest.mark.root
def test_a_member_of_the_group_slims_the_run_of_another(store: Any, compare: Any, as_user: Any) -> None:
    for folder, _, files in os.walk(os.fsencode(store.root)):
        for name in (b"", *files):
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                before = os.stat(path)
                os.chown(path, 4_000, 65_534)
                os.chmod(path, before.st_mode | (0o2770 if not name else 0o660))
                os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    before = store.manifest()
    plan = slimming(store, A)
    assert as_user(lambda: [one.error for one in apply(plan).items]) == [""]
    now = (store.root / A).stat()
    assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (65_534, 65_534, 0o2770)
    assert content(store.root / A) == []
    assert as_user(lambda: undo(str(store.root)).state) == "restored"
    # Only the owner of a directory may put its time back.
    his = {name: before[name] for name in (b".", os.path.dirname(A).encode())}
    assert compare(before, {**store.manifest(), **his}) == []


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No folder can be made for an item until one was deleted; what was refused."""
    refused: list[str] = []
    make, remove, deleted = change.make_directory, change.remove_tree, [False]

    def full(dir_fd: int, name: str, mode: int = 0o755) -> None:
        if name in ("0", "1", "artifacts") and not deleted[0]:
            refused.append(name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        make(dir_fd, name, mode)

    def removing(*given: Any) -> None:
        remove(*given)
        deleted[0] = True

    monkeypatch.setattr(change, "make_directory", full)
    monkeypatch.setattr(change, "remove_tree", removing)
    return refused


def test_with_a_backup_a_full_disk_leaves_the_artifacts_where_they_are(
    store: Any, compare: Any, full_disk: list[str]
) -> None:
    before = store.manifest()
    batch = apply(slimming(store))
    assert {(one.outcome, one.place) for one in batch.items} == {("failed", "in-place")}
    assert (
        "no space left on the disk. It is where it was. The empty folder that takes its place needs"
        in batch.items[0].error
    )
    assert "--no-backup" in batch.items[0].error
    assert full_disk
    assert compare(before, store.manifest()) == []


def test_without_a_backup_a_full_disk_is_freed_and_the_folders_follow(store: Any, full_disk: list[str]) -> None:
    batch = apply(slimming(store, backup=False))
    assert {one.place for one in batch.items} == {"purged"}
    assert full_disk
    assert content(store.root / A) == content(store.root / B) == []
    assert batch.messages == ()


def test_killed_on_a_full_disk_the_folders_follow_when_that_is_settled(
    store: Any, full_disk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = slimming(store, backup=False)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        removing = change.remove_tree

        def killed(*given: Any) -> None:
            removing(*given)
            raise Killed

        patched.setattr(change, "remove_tree", killed)
        apply(plan)
    assert not (store.root / A).exists()
    go_on(str(store.root), plan.id)
    assert content(store.root / A) == content(store.root / B) == []
