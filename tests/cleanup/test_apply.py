"""Carrying out a plan: what moves, what stays and why, and that undo is exact."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import apply as applying
from mlruns_tui.cleanup import steps
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.disk import change
from mlruns_tui.model.batch import ApplyEvent
from mlruns_tui.model.errors import StaleError, UsageError
from mlruns_tui.model.plan import Step
from mlruns_tui.model.store import Identity

A, B, C, D = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32, "2/" + "d" * 32


def outcomes(batch: Any) -> list[tuple[str | None, str]]:
    return [(one.outcome, one.place) for one in batch.items]


def test_items_move_whole_into_the_vault(store: Any, tree_manifest: Any) -> None:
    trees = [tree_manifest(store.root / path) for path in (A, C, "2")]
    batch = apply(store.plan(A, C, "2"))
    assert outcomes(batch) == [("done", "moved")] * 3
    assert batch.state == "moved"
    assert [tree_manifest(store.root / one.now_at) for one in batch.items] == trees
    assert not any((store.root / path).exists() for path in (A, C, "2"))
    assert batch.moved_bytes == sum(one.item.allocated_bytes for one in batch.items)
    assert batch.freed_bytes == 0
    assert (os.stat(store.root / batch.items[0].now_at).st_ino) == batch.items[0].item.identity.inode


def test_undo_gives_the_exact_tree(store: Any, compare: Any, rsync_differences: Any, tmp_path: Path) -> None:
    before, twin = store.manifest(), store.twin(tmp_path / "twin")
    apply(store.plan(A, B, C, "2"))
    assert rsync_differences(twin, store.root) != []
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []
    assert rsync_differences(twin, store.root) == []


def test_directories_items_leave_keep_their_times(store: Any) -> None:
    times = [os.stat(store.root / name).st_mtime_ns for name in (".", "1")]
    apply(store.plan(A, "2"))
    assert [os.stat(store.root / name).st_mtime_ns for name in (".", "1")] == times


def test_a_directory_somebody_else_changed_meanwhile_keeps_the_new_time(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    do = steps.MoveOut.do

    def and_a_new_run(self: Any, ground: Any) -> Any:
        slot = do(self, ground)
        (store.root / "1" / "new").mkdir()
        return slot

    monkeypatch.setattr(steps.MoveOut, "do", and_a_new_run)
    before = os.stat(store.root / "1").st_mtime_ns
    apply(store.plan(A))
    assert os.stat(store.root / "1").st_mtime_ns != before


def test_progress_is_told_item_by_item(store: Any) -> None:
    events: list[ApplyEvent] = []
    plan = store.plan(A, C)
    apply(plan, events.append)
    assert [(one.kind, one.done, one.total) for one in events] == [
        ("start", 0, 2), ("item", 1, 2), ("item", 2, 2), ("end", 2, 2),
    ]  # fmt: skip
    assert events[1].key == plan.items[0].key
    assert events[-1].bytes_done == events[-1].bytes_total == plan.totals.size_bytes
    assert {one.phase for one in events} == {"move"}


def test_an_item_that_is_gone_is_skipped_and_the_others_go_on(store: Any) -> None:
    plan = store.plan(A, C)
    shutil.rmtree(store.root / A)
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place"), ("done", "moved")]
    assert batch.items[0].error == "gone since the plan was made. Nothing was done to it."


def test_an_item_written_to_since_the_plan_is_skipped(store: Any) -> None:
    plan = store.plan(A, C)
    with open(store.root / A / "metrics" / "loss", "a") as file:
        file.write("3 0.1 2\n")
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place"), ("done", "moved")]
    assert batch.items[0].error.startswith("written to ")
    assert batch.items[0].error.endswith(" s ago. It is where it was.")
    assert (store.root / A).is_dir()


@pytest.mark.parametrize(
    "change",
    [
        lambda run: os.chmod(run / "meta.yaml", 0o600),
        lambda run: os.rename(run / "meta.yaml", run / "meta.yml"),
        lambda run: os.utime(run / "meta.yaml", ns=(1, 1)),
        lambda run: os.unlink(run / "tags" / "mlflow.runName"),
    ],
    ids=["mode", "name", "time", "missing"],
)
def test_an_item_changed_in_any_way_since_the_plan_is_skipped(store: Any, change: Any) -> None:
    plan = store.plan(C)
    change(store.root / C)
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place")]
    assert batch.items[0].error.endswith("It is where it was.")


def test_an_item_replaced_by_an_equal_copy_is_skipped(store: Any) -> None:
    plan = store.plan(C)
    subprocess.run(["cp", "-a", store.root / C, store.root / "copy"], check=True)
    shutil.rmtree(store.root / C)
    os.rename(store.root / "copy", store.root / C)
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place")]
    assert batch.items[0].error == "replaced by another since the plan was made. It is where it was."


def test_an_item_replaced_by_a_link_is_skipped_and_the_target_untouched(
    store: Any, tmp_path: Path, tree_manifest: Any
) -> None:
    plan = store.plan(C)
    shutil.move(store.root / C, tmp_path / "away")
    os.symlink(tmp_path / "away", store.root / C)
    before = tree_manifest(tmp_path / "away")
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place")]
    assert tree_manifest(tmp_path / "away") == before
    assert os.readlink(store.root / C) == str(tmp_path / "away")


def test_an_experiment_swapped_for_a_link_is_not_followed(store: Any, tmp_path: Path) -> None:
    plan = store.plan(C)
    shutil.move(store.root / "1", tmp_path / "one")
    os.symlink(tmp_path / "one", store.root / "1")
    batch = apply(plan)
    assert [one.outcome for one in batch.items] != ["done"]
    assert (tmp_path / "one" / ("c" * 32)).is_dir()


def test_an_item_somebody_has_open_for_writing_is_skipped(store: Any, open_for_writing: Any) -> None:
    # Opened before the plan and never written to: nothing in the tree shows it.
    process = open_for_writing(store.root / A / "metrics" / "loss")
    batch = apply(store.plan(A, C))
    assert outcomes(batch) == [("skipped", "in-place"), ("done", "moved")]
    assert batch.items[0].error.startswith("being written to by python")
    assert f"(pid {process.pid}," in batch.items[0].error


def test_an_item_written_to_between_look_and_move_is_put_back(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    do = steps.MoveOut.do
    plan = store.plan(A, C)

    def write_first(self: Any, ground: Any) -> Any:
        if self.item.path == A:
            with open(store.root / A / "metrics" / "loss", "a") as file:
                file.write("3 0.1 2\n")
            self_before.update(store.manifest())
        return do(self, ground)

    self_before: dict[Any, Any] = {}
    monkeypatch.setattr(steps.MoveOut, "do", write_first)
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place"), ("done", "moved")]
    assert batch.items[0].error == "written to meanwhile; put back."
    undo(str(store.root))
    assert compare(self_before, store.manifest()) == []


def test_an_item_opened_for_writing_between_look_and_move_is_put_back(
    store: Any, monkeypatch: pytest.MonkeyPatch, open_for_writing: Any
) -> None:
    do = steps.MoveOut.do
    plan = store.plan(A)

    def open_first(self: Any, ground: Any) -> Any:
        opened.append(open_for_writing(store.root / A / "metrics" / "loss"))
        return do(self, ground)

    opened: list[Any] = []
    monkeypatch.setattr(steps.MoveOut, "do", open_first)
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place")]
    assert batch.items[0].error == "written to meanwhile; put back."
    opened[0].stdin.write(b"still here\n")
    opened[0].stdin.flush()
    assert opened[0].stdout.readline() == b"written\n"
    assert (store.root / A / "metrics" / "loss").read_text().endswith("still here\n")


def test_an_item_that_cannot_go_back_because_its_place_was_taken_is_in_the_backup(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    do = steps.MoveOut.do
    plan = store.plan(C)

    def write_and_take(self: Any, ground: Any) -> Any:
        (store.root / C / "late").write_text("written late")
        slot = do(self, ground)
        (store.root / C / "artifacts").mkdir(parents=True)
        return slot

    monkeypatch.setattr(steps.MoveOut, "do", write_and_take)
    batch = apply(plan)
    assert outcomes(batch) == [("failed", "moved")]
    assert batch.items[0].error == "written to meanwhile, and its place was taken at once. It stays in the backup."
    assert (store.root / batch.items[0].now_at / "late").read_text() == "written late"
    assert [one.place for one in batches(str(store.root))[0].items] == ["moved"]


def test_an_item_that_vanishes_between_look_and_move_is_skipped(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    do = steps.MoveOut.do

    def remove_first(self: Any, ground: Any) -> Any:
        shutil.rmtree(store.root / A)
        return do(self, ground)

    monkeypatch.setattr(steps.MoveOut, "do", remove_first)
    batch = apply(store.plan(A))
    assert outcomes(batch) == [("skipped", "in-place")]


def test_a_batch_that_moved_nothing_is_not_kept(store: Any, compare: Any) -> None:
    plan = store.plan(A)
    os.utime(store.root / A / "meta.yaml", ns=(5, 5))
    before = store.manifest()
    batch = apply(plan)
    assert outcomes(batch) == [("skipped", "in-place")]
    assert batches(str(store.root)) == ()
    assert os.listdir(store.vault / "batches") == []
    assert compare(before, store.manifest()) == []


def test_a_plan_for_another_store_is_stale(store: Any, compare: Any) -> None:
    plan = store.plan(A)
    plan = dataclasses.replace(plan, store_identity=Identity(plan.store_identity.device, plan.store_identity.inode + 1))
    before = store.manifest()
    with pytest.raises(StaleError) as caught:
        apply(plan)
    assert caught.value.code == "other-store"
    assert compare(before, store.manifest()) == []
    assert not store.vault.exists()


def test_a_store_whose_place_another_directory_took_is_stale(store: Any) -> None:
    plan = store.plan(A)
    os.rename(store.root, store.root.with_name("old"))
    subprocess.run(["cp", "-a", store.root.with_name("old"), store.root], check=True)
    with pytest.raises(StaleError):
        apply(plan)


def test_a_plan_is_used_once(store: Any) -> None:
    plan = store.plan(A)
    apply(plan)
    undo(str(store.root))
    with pytest.raises(StaleError) as caught:
        apply(plan)
    assert caught.value.code == "plan-used"
    assert (store.root / A).is_dir()


@pytest.mark.parametrize(
    "path",
    ["", "..", "../mlruns/1", "1/../2", "/etc", "1//x", "1/", "./1", "1/\0", ".mlruns-tui.trash", ".mlruns-tui.trash/batches",
     "1/x.mlruns-tui.trash", "20261122-0000-0000-3.mlruns-tui.trash", "1/\ud800"],
)  # fmt: skip
def test_a_plan_that_leads_out_of_the_store_or_into_the_backups_is_refused_whole(
    store: Any, path: str, compare: Any
) -> None:
    plan = store.plan(A, C)
    bad = dataclasses.replace(plan.items[1], path=path, steps=(Step("move-out", path),))
    before = store.manifest()
    with pytest.raises(UsageError) as caught:
        apply(dataclasses.replace(plan, items=(plan.items[0], bad)))
    assert caught.value.code == "bad-plan"
    assert compare(before, store.manifest()) == []
    assert not store.vault.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "slim"},
        {"steps": (Step("erase-rows", A),)},
        {"steps": (Step("move-out", "2"),)},
        {"steps": ()},
        {"steps": (Step("move-out", A), Step("make-directory", A))},
    ],
)
def test_a_plan_with_steps_this_version_cannot_do_is_refused_whole(store: Any, wrong: dict[str, Any]) -> None:
    plan = store.plan(A)
    with pytest.raises(UsageError) as caught:
        apply(dataclasses.replace(plan, items=(dataclasses.replace(plan.items[0], **wrong),)))
    assert caught.value.code == "bad-plan"
    assert (store.root / A).is_dir()
    assert not store.vault.exists()


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "x.new", "x" * 100])
def test_a_plan_whose_name_is_no_name_is_refused(store: Any, name: str) -> None:
    with pytest.raises(UsageError):
        apply(dataclasses.replace(store.plan(A), id=name))


def test_stop_ends_after_the_item_at_hand_and_the_rest_has_no_outcome(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    do = steps.MoveOut.do
    moved: list[str] = []

    def counted(self: Any, ground: Any) -> Any:
        moved.append(self.item.path)
        return do(self, ground)

    monkeypatch.setattr(steps.MoveOut, "do", counted)
    before = store.manifest()
    batch = apply(store.plan(A, B, C), stop=lambda: len(moved) == 1)
    assert outcomes(batch) == [("done", "moved"), (None, "in-place"), (None, "in-place")]
    assert batch.state == "moved"
    assert batch.messages == ("stopped: 2 items not reached, left as they were",)
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_a_stop_before_the_first_item_leaves_no_batch(store: Any) -> None:
    batch = apply(store.plan(A), stop=lambda: True)
    assert outcomes(batch) == [(None, "in-place")]
    assert batches(str(store.root)) == ()


def test_many_items_go_in_several_groups(store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any) -> None:
    monkeypatch.setattr(applying, "MAX_GROUP", 2)
    monkeypatch.setattr(applying, "MAX_PARENTS", 1)
    before = store.manifest()
    batch = apply(store.plan(A, B, C, D))
    assert outcomes(batch) == [("done", "moved")] * 4
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_without_backup_the_items_are_deleted_and_what_that_freed_is_counted(store: Any, compare: Any) -> None:
    # One link of this file is outside the item: deleting the item frees nothing of it.
    os.link(store.root / A / "artifacts" / "model.bin", store.root / "1" / "kept.bin")
    before = store.manifest()
    plan = store.plan(A, C, backup=False)
    events: list[ApplyEvent] = []
    batch = apply(plan, events.append)
    assert outcomes(batch) == [("done", "purged")] * 2
    assert batch.state == "purged"
    model = os.stat(store.root / "1" / "kept.bin")
    assert model.st_nlink == 1
    assert batch.freed_bytes == sum(item.allocated_bytes for item in plan.items) - model.st_blocks * 512
    assert {one.phase for one in events} == {"move", "purge"}
    assert (events[0].kind, events[-1].kind) == ("start", "end")
    assert list((store.vault / "batches" / batch.id).glob("d*/*")) == []
    gone = (A.encode(), C.encode())
    left = {name: entry for name, entry in before.items() if not name.startswith(gone)}
    after = store.manifest()
    for name in (b"1/kept.bin",):
        left[name], after[name] = left[name][:8], after[name][:8]  # its twins are gone
    assert compare(left, after) == []


def test_without_backup_a_stop_keeps_what_was_moved(store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any) -> None:
    do = steps.MoveOut.do
    moved: list[str] = []

    def counted(self: Any, ground: Any) -> Any:
        moved.append(self.item.path)
        return do(self, ground)

    monkeypatch.setattr(steps.MoveOut, "do", counted)
    before = store.manifest()
    batch = apply(store.plan(A, C, backup=False), stop=lambda: len(moved) == 1)
    assert outcomes(batch) == [("done", "moved"), (None, "in-place")]
    assert any("were not deleted" in said for said in batch.messages)
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_items_in_mlflows_trash_move_as_well(store: Any, compare: Any) -> None:
    os.mkdir(store.root / ".trash")
    os.rename(store.root / "2", store.root / ".trash" / "2")
    before = store.manifest()
    batch = apply(store.plan(".trash/2"))
    assert outcomes(batch) == [("done", "moved")]
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_names_that_are_not_utf8_move_and_come_back(store: Any, compare: Any) -> None:
    name = os.fsdecode(b"\xff\xfe odd \x1b[31m")
    store.run(store.root / "1" / name, rich=True)
    before = store.manifest()
    batch = apply(store.plan(f"1/{name}"))
    assert outcomes(batch) == [("done", "moved")]
    (listed,) = batches(str(store.root))
    assert listed.items[0].item.path == f"1/{name}"
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


@pytest.fixture
def deep_run(store: Any) -> Iterator[str]:
    """A run with four thousand directories, one in the other."""
    deep = os.open(store.root / C, os.O_RDONLY)
    for _ in range(4_000):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    yield C
    subprocess.run(["rm", "-rf", store.root], check=True)  # Python's own rmtree gives up on such depths


def test_a_run_four_thousand_directories_deep_moves_is_purged_and_comes_back(store: Any, deep_run: str) -> None:
    plan = store.plan(deep_run)
    assert plan.items[0].entries > 4_000
    batch = apply(plan)
    assert outcomes(batch) == [("done", "moved")]
    assert undo(str(store.root)).state == "restored"
    batch = apply(store.plan(deep_run))
    assert purge(str(store.root), batch.id).state == "purged"


def test_two_batches_are_undone_newest_first_one_at_a_time(store: Any, compare: Any) -> None:
    before = store.manifest()
    first = apply(store.plan(A))
    second = apply(store.plan(C))
    assert [one.id for one in batches(str(store.root))] == [second.id, first.id]
    assert undo(str(store.root)).id == second.id
    assert restore(str(store.root), first.id).state == "restored"
    assert compare(before, store.manifest()) == []


def test_an_error_of_the_journals_disk_stops_the_rest_and_loses_nothing(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    from mlruns_tui.disk import change

    monkeypatch.setattr(applying, "MAX_GROUP", 1)
    sync, count = change.sync, [0]

    def failing(fd: int) -> None:
        count[0] += os.readlink(f"/proc/self/fd/{fd}").endswith("/journal")
        if count[0] == 3:
            raise OSError(5, "Input/output error")
        sync(fd)

    before = store.manifest()
    monkeypatch.setattr(change, "sync", failing)
    batch = apply(store.plan(A, B, C))
    assert outcomes(batch) == [("done", "moved"), ("failed", "in-place"), ("failed", "in-place")]
    assert "input/output error" in batch.items[1].error
    monkeypatch.setattr(change, "sync", sync)
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_an_error_of_the_disk_below_the_items_is_told_and_loses_nothing(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    from mlruns_tui.disk import change

    sync = change.sync

    def failing(fd: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/data"):
            raise OSError(5, "Input/output error")
        sync(fd)

    before = store.manifest()
    monkeypatch.setattr(change, "sync", failing)
    batch = apply(store.plan(A, C))
    assert outcomes(batch) == [("failed", "moved")] * 2
    assert batch.items[0].error == "moved, but the disk reported: input/output error. It is in the backup."
    monkeypatch.setattr(change, "sync", sync)
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_a_directory_that_cannot_be_looked_at_after_a_move_does_not_make_it_undone(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    before = store.manifest()
    plan = store.plan(A, B)
    rename, fstat, failing = change.rename, os.fstat, [False]

    def moved(*names: Any) -> None:
        rename(*names)
        failing[0] = names[1] == "a" * 32

    def refused(fd: int) -> os.stat_result:
        if failing[0]:
            failing[0] = False
            raise OSError(116, "Stale file handle")
        return fstat(fd)

    with monkeypatch.context() as patched:
        patched.setattr(change, "rename", moved)
        patched.setattr(os, "fstat", refused)
        batch = apply(plan)
    assert not failing[0]
    assert [(one.outcome, one.place) for one in batch.items] == [("done", "moved")] * 2
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []
