"""Putting back: whole batches, single items, taken places, missing experiments."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import conflict
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.session import changing
from mlruns_tui.cleanup.vault import batches, show
from mlruns_tui.disk import change
from mlruns_tui.model import codec
from mlruns_tui.model.batch import ApplyEvent
from mlruns_tui.model.errors import MlrunsError, UsageError

A, B, C, D = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32, "2/" + "d" * 32


def outcomes(batch: Any) -> list[tuple[str | None, str]]:
    return [(one.outcome, one.place) for one in batch.items]


def test_one_item_is_put_back_by_its_key(store: Any, tree_manifest: Any) -> None:
    tree = tree_manifest(store.root / C)
    plan = store.plan(A, C)
    batch = apply(plan)
    batch = restore(str(store.root), batch.id, [plan.items[1].key])
    assert outcomes(batch) == [("done", "moved"), ("done", "restored")]
    assert batch.state == "partly"
    assert batch.items[1].now_at == C
    assert tree_manifest(store.root / C) == tree
    assert not (store.root / A).exists()


def test_an_unknown_key_is_refused_and_nothing_changes(store: Any) -> None:
    batch = apply(store.plan(A))
    with pytest.raises(UsageError) as caught:
        restore(str(store.root), batch.id, ["experiment/1/run/none"])
    assert caught.value.code == "no-such-item"
    assert show(str(store.root), batch.id).state == "moved"


@pytest.mark.parametrize("name", ["20261122-0000-0000", "..", "../../1", "", "a/b"])
def test_an_unknown_batch_is_refused(store: Any, name: str) -> None:
    apply(store.plan(A))
    for call in (restore, purge, show):
        with pytest.raises(UsageError) as caught:
            call(str(store.root), name)
        assert caught.value.code == "no-such-batch"


def test_putting_back_twice_changes_nothing(store: Any, compare: Any) -> None:
    batch = apply(store.plan(A))
    restore(str(store.root), batch.id)
    before = store.manifest()
    journal = (store.vault / "batches" / batch.id / "journal").read_bytes()
    again = restore(str(store.root), batch.id)
    assert again.messages == ("nothing of it is in the backup any more",)
    assert compare(before, store.manifest()) == []
    assert (store.vault / "batches" / batch.id / "journal").read_bytes() == journal


def test_a_taken_place_is_left_alone_and_the_backup_kept(store: Any, tree_manifest: Any, compare: Any) -> None:
    batch = apply(store.plan(A, C))
    (store.root / C / "artifacts").mkdir(parents=True)
    present = tree_manifest(store.root / C)
    batch = undo(str(store.root))
    assert outcomes(batch) == [("done", "restored"), ("skipped", "moved")]
    assert batch.items[1].error == f"its place is taken: {C} exists again. It stays in the backup."
    assert compare(present, tree_manifest(store.root / C)) == []


def test_an_empty_directory_in_the_place_is_not_replaced(store: Any) -> None:
    apply(store.plan(C))
    (store.root / C).mkdir()
    inode = os.stat(store.root / C).st_ino
    assert outcomes(undo(str(store.root))) == [("skipped", "moved")]
    assert os.stat(store.root / C).st_ino == inode


@pytest.mark.parametrize("exchange", [True, False], ids=["one step", "two steps"])
def test_swap_puts_it_back_and_keeps_what_was_there(
    store: Any, tree_manifest: Any, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:

        def cannot(*_: Any) -> None:
            raise OSError(95, "this file system cannot swap two names")

        monkeypatch.setattr(change, "exchange", cannot)
    ours = tree_manifest(store.root / C)
    batch = apply(store.plan(A, C))
    store.run(store.root / C)
    (store.root / C / "ghost").write_text("written by a trainer that went on")
    theirs = tree_manifest(store.root / C)
    key = batch.items[1].item.key
    batch = restore(str(store.root), batch.id, [key], "swap")
    assert tree_manifest(store.root / C) == ours
    assert (
        outcomes(batch) == [("done", "moved"), ("done", "restored"), (None, "moved")]
        or outcomes(batch)[2][1] == "moved"
    )
    added = batch.items[2]
    assert (added.item.key, added.item.path, added.item.rule) == (key, C, "swap")
    assert tree_manifest(store.root / added.now_at) == theirs
    # And back again: the same two, in each other's place, no third one.
    batch = restore(str(store.root), batch.id, [key], "swap")
    assert tree_manifest(store.root / C) == theirs
    assert [one.place for one in batch.items] == ["moved", "moved", "restored"]
    assert tree_manifest(store.root / batch.items[1].now_at) == ours


def test_swap_leaves_alone_what_somebody_writes_to(store: Any, open_for_writing: Any, tree_manifest: Any) -> None:
    batch = apply(store.plan(C))
    store.run(store.root / C)
    open_for_writing(store.root / C / "metrics" / "loss")
    present = tree_manifest(store.root / C)
    batch = restore(str(store.root), batch.id, None, "swap")
    assert outcomes(batch) == [("skipped", "moved")]
    assert "is being written to by python" in batch.items[0].error
    assert tree_manifest(store.root / C) == present


def test_a_swap_that_fails_half_way_is_taken_back(
    store: Any, tree_manifest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = apply(store.plan(C))
    kept = tree_manifest(store.root / batch.items[0].now_at)
    store.run(store.root / C)
    present = tree_manifest(store.root / C)

    def fails(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    rename = change.rename
    exchange = change.exchange

    def exchange_then_fail(*names: Any) -> None:
        exchange(*names)
        monkeypatch.setattr(change, "rename", fails)

    monkeypatch.setattr(change, "exchange", exchange_then_fail)
    batch = restore(str(store.root), batch.id, None, "swap")
    monkeypatch.setattr(change, "rename", rename)
    assert batch.items[0].place == "moved"
    assert batch.items[0].outcome == "failed"
    assert tree_manifest(store.root / C) == present
    assert tree_manifest(store.root / show(str(store.root), batch.id).items[0].now_at) == kept


def test_rename_puts_it_where_mlflow_does_not_look(store: Any, tree_manifest: Any, compare: Any) -> None:
    ours = tree_manifest(store.root / C)
    batch = apply(store.plan(C))
    store.run(store.root / C)
    before = store.manifest()
    batch = restore(str(store.root), batch.id, None, "rename")
    name = f"{'c' * 32}-restored-{batch.id}.trash"
    assert outcomes(batch) == [("done", "restored")]
    assert batch.items[0].now_at == name
    assert tree_manifest(store.root / name) == ours
    (listed,) = batches(str(store.root))
    assert (listed.state, listed.items[0].now_at) == ("restored", name)
    after = {path: entry for path, entry in store.manifest().items() if not path.startswith(name.encode())}
    assert compare(before, after) == []


def test_rename_finds_a_free_name_and_shortens_a_long_one(store: Any) -> None:
    long = "1/" + "é" * 120
    store.run(store.root / long)
    batch = apply(store.plan(long))
    store.run(store.root / long)
    batch = restore(str(store.root), batch.id, None, "rename")
    now_at = batch.items[0].now_at
    assert len(os.fsencode(now_at)) <= 255
    assert now_at.endswith(f"-restored-{batch.id}.trash")
    assert (store.root / now_at / "meta.yaml").is_file()


def test_a_name_taken_meanwhile_for_what_is_put_aside_is_passed_over(store: Any) -> None:
    batch = apply(store.plan(C))
    store.run(store.root / C)
    (store.root / f"{'c' * 32}-restored-{batch.id}.trash").mkdir()
    batch = restore(str(store.root), batch.id, None, "rename")
    assert batch.items[0].now_at == f"{'c' * 32}-restored-{batch.id}-2.trash"


def test_a_run_whose_experiment_is_in_mlflows_trash_stays_and_the_way_is_said(store: Any) -> None:
    apply(store.plan(C))
    (store.root / ".trash").mkdir()
    os.rename(store.root / "1", store.root / ".trash" / "1")
    batch = undo(str(store.root))
    assert outcomes(batch) == [("skipped", "moved")]
    assert "its experiment 1 is in MLflow's trash" in batch.items[0].error
    assert "mlflow experiments restore --experiment-id 1" in batch.items[0].error
    assert not (store.root / "1").exists()


def test_a_run_whose_experiment_is_in_another_backup_stays_and_names_it(store: Any, compare: Any) -> None:
    before = store.manifest()
    first = apply(store.plan(C))
    second = apply(store.plan("1"))
    batch = restore(str(store.root), first.id)
    assert outcomes(batch) == [("skipped", "moved")]
    assert f"its experiment 1 is in the backup {second.id}." in batch.items[0].error
    assert batch.items[0].error.endswith(f"mlruns-tui backups restore {store.root} {second.id}")
    undo(str(store.root))
    restore(str(store.root), first.id)
    assert compare(before, store.manifest()) == []


def test_a_run_whose_experiment_is_gone_stays_and_no_bare_experiment_is_made(store: Any) -> None:
    apply(store.plan(D))
    shutil.rmtree(store.root / "2")
    batch = undo(str(store.root))
    assert outcomes(batch) == [("skipped", "moved")]
    assert batch.items[0].error.startswith("its directory 2 is gone. It stays in the backup.")
    assert not (store.root / "2").exists()


def test_an_experiment_that_is_a_link_now_is_not_followed(store: Any, tmp_path: Path) -> None:
    apply(store.plan(C))
    shutil.move(store.root / "1", tmp_path / "one")
    os.symlink(tmp_path / "one", store.root / "1")
    assert outcomes(undo(str(store.root))) == [("skipped", "moved")]
    assert not (tmp_path / "one" / ("c" * 32)).exists()


@pytest.mark.parametrize("chosen", ["all", "the run alone"])
def test_an_experiment_of_the_same_batch_goes_back_before_its_runs(store: Any, compare: Any, chosen: str) -> None:
    before = store.manifest()
    plan = store.plan(D)
    batch = apply(plan)
    folder = store.vault / "batches" / batch.id
    document = json.loads((folder / "plan.json").read_text())
    document["plan"]["items"].append(codec.encode(store.item("2")))
    (folder / "plan.json").write_text(json.dumps(document))
    root_time = os.stat(store.root).st_mtime_ns
    os.rename(store.root / "2", folder / "data" / "1")
    os.utime(store.root, ns=(root_time, root_time))
    batch = restore(str(store.root), batch.id, None if chosen == "all" else [plan.items[0].key])
    assert outcomes(batch) == [("done", "restored")] * 2
    assert compare(before, store.manifest()) == []


def test_undo_with_nothing_ever_done_says_so_and_makes_nothing(store: Any, compare: Any) -> None:
    before = store.manifest()
    with pytest.raises(MlrunsError) as caught:
        undo(str(store.root))
    assert caught.value.code == "nothing-to-undo"
    assert compare(before, store.manifest()) == []
    assert not store.vault.exists()


def test_undo_never_takes_an_older_batch(store: Any) -> None:
    first = apply(store.plan(A))
    second = apply(store.plan(C))
    undo(str(store.root))
    with pytest.raises(MlrunsError) as caught:
        undo(str(store.root))
    assert (caught.value.code, f"{second.id} was put back already" in caught.value.message) == ("nothing-to-undo", True)
    third = apply(store.plan(C))
    purge(str(store.root), third.id)
    with pytest.raises(MlrunsError) as caught:
        undo(str(store.root))
    assert f"{third.id} was purged" in caught.value.message
    assert show(str(store.root), first.id).state == "moved"


def test_undo_takes_the_newest_batch_even_if_the_clock_went_back(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(store.plan(A))
    plan = store.plan(C)
    late = apply(dataclasses.replace(plan, created_ms=plan.created_ms - 86_400_000, id="20261121-0000-0000"))
    assert batches(str(store.root))[0].id == late.id
    assert undo(str(store.root)).id == late.id


def test_a_stop_keeps_the_rest_in_the_backup(store: Any, compare: Any) -> None:
    before = store.manifest()
    apply(store.plan(A, C))
    batch = undo(str(store.root), stop=lambda: True)
    assert [one.place for one in batch.items] == ["moved", "moved"]
    assert batch.messages == ("stopped: 2 items still in the backup",)
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_progress_of_a_restore_is_told(store: Any) -> None:
    apply(store.plan(A, C))
    events: list[ApplyEvent] = []
    undo(str(store.root), events.append)
    assert [(one.kind, one.phase, one.done) for one in events] == [
        ("start", "restore", 0), ("item", "restore", 1), ("item", "restore", 2), ("end", "restore", 2),
    ]  # fmt: skip


def test_a_store_that_was_copied_with_its_backups_can_put_them_back(
    store: Any, rsync_differences: Any, tmp_path: Path
) -> None:
    twin = store.twin(tmp_path / "twin")
    batch = apply(store.plan(A, "2"))
    copy = store.twin(tmp_path / "copy")
    (listed,) = batches(str(copy))
    assert listed.state == "moved"
    assert restore(str(copy), batch.id).state == "restored"
    assert rsync_differences(twin, copy) == []
    assert show(str(store.root), batch.id).state == "moved"


def test_a_backup_is_put_back_by_hand_as_its_readme_says(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(store.plan(A, "2"))
    assert "batches/<id>/data/<n>" in (store.vault / "README").read_text()
    for n, one in enumerate(batch.items):
        subprocess.run(
            ["mv", store.vault / "batches" / batch.id / "data" / str(n), store.root / one.item.path], check=True
        )
    assert show(str(store.root), batch.id).state == "restored"
    with pytest.raises(MlrunsError):
        undo(str(store.root))
    assert [name for name in before if name not in store.manifest()] == []


def test_putting_aside_needs_the_item_in_the_backup(store: Any) -> None:
    batch = apply(store.plan(C))
    undo(str(store.root))
    with changing(str(store.root), "restore") as session:
        kept = session.site.open_sound(batch.id)
        for call in (conflict.put_aside, conflict.swap):
            with pytest.raises(FileNotFoundError):
                call(session, kept, 0)
        kept.close()


def test_on_a_full_disk_nothing_is_put_aside_that_nobody_could_find_again(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    before = store.manifest()
    batch = apply(store.plan(A))
    place = store.root / A
    place.mkdir()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(change, "write_all", full)
        one = restore(str(store.root), batch.id, None, "rename").items[0]
    assert (one.outcome, one.place) == ("failed", "moved")
    assert one.error == "no space left on the disk. It stays in the backup."
    place.rmdir()
    os.utime(store.root / "1", ns=(before[b"1"][3],) * 2)
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_what_was_put_aside_is_found_without_the_journal(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(store.plan(A, C))
    (store.root / A).mkdir()
    restore(str(store.root), batch.id, None, "rename")
    journal = next(store.vault.glob("batches/*/journal"))
    journal.write_bytes(b"".join(line for line in journal.read_bytes().splitlines(True) if b'"aside"' not in line))
    (store.root / A).rmdir()
    assert undo(str(store.root)).items[0].now_at == A
    os.utime(store.root / "1", ns=(before[b"1"][3],) * 2)
    assert compare(before, store.manifest()) == []


@pytest.mark.parametrize("way", ["swap", "rename", "from aside"])
def test_what_was_changed_in_the_backup_is_told_whichever_way_it_comes_back(store: Any, way: str) -> None:
    root = str(store.root)
    batch = apply(store.plan(A, C))
    store.run(store.root / C)
    if way == "from aside":
        restore(root, batch.id, on_conflict="rename")
        shutil.rmtree(store.root / C)
        (changed,) = store.root.glob("*.trash/meta.yaml")
    else:
        changed = store.root / batch.items[1].now_at / "meta.yaml"
    changed.write_text("changed")
    batch = restore(root, batch.id, on_conflict="rename" if way == "rename" else "swap")
    told = {one.item.path: (one.outcome, one.altered, one.error) for one in batch.items if one.place == "restored"}
    assert told[C][:2] == ("done", True)
    assert "it is not what it was when it was moved" in told[C][2]
    assert told[A][1:] == (False, "")


def test_a_tree_out_of_an_archive_is_compared_where_somebody_could_get_at_it(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacked, then killed: it lies in the backup like one that was never packed."""
    root = str(store.root)
    batch = apply(store.plan(A, C))
    pack(root, batch.id, min_gain_percent=0)
    whole = restore(root, batch.id, [batch.items[0].item.key])
    assert [(one.place, one.altered) for one in whole.items] == [("restored", False), ("packed", False)]

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mlruns_tui.cleanup.steps.MoveOut.undo", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(root, batch.id)
    tree = store.root / ".mlruns-tui.trash" / "batches" / batch.id / "data" / "1"
    (tree / "meta.yaml").write_text("changed")
    batch = undo(root)
    assert [(one.place, one.altered) for one in batch.items] == [("restored", False), ("restored", True)]
