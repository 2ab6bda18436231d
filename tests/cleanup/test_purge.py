"""Deleting backups for good."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import dying
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import show
from mlruns_tui.disk import change, place

A, B, C = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folders the disk is asked for, in their order."""
    names: list[str] = []
    sync = change.sync

    def noted(fd: int) -> None:
        names.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        sync(fd)

    monkeypatch.setattr(change, "sync", noted)
    return names


def places(batch: Any) -> list[str]:
    return [one.place for one in batch.items]


def test_a_purged_batch_holds_nothing_and_says_what_it_freed(store: Any, compare: Any) -> None:
    batch = apply(store.plan(A, C))
    rest = store.manifest()
    purged = purge(str(store.root), batch.id)
    assert purged.state == "purged"
    assert purged.freed_bytes == batch.allocated_bytes > 0
    assert show(str(store.root), batch.id).state == "purged"
    assert (show(str(store.root), batch.id).size_bytes, show(str(store.root), batch.id).freed_bytes) == (0, 0)
    assert compare(rest, store.manifest()) == []


def test_links_out_of_an_item_are_removed_and_never_followed(store: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    os.symlink(outside, store.root / C / "artifacts" / "out")
    os.symlink("../../../../../outside", store.root / C / "artifacts" / "up")
    batch = apply(store.plan(C))
    purge(str(store.root), batch.id)
    assert (outside / "precious").read_text() == "keep"


def test_single_items_are_purged_by_key_and_the_others_stay(store: Any, compare: Any) -> None:
    before = store.manifest()
    plan = store.plan(A, C)
    batch = apply(plan)
    batch = purge(str(store.root), batch.id, [plan.items[0].key])
    assert places(batch) == ["purged", "moved"]
    assert batch.state == "partly"
    assert undo(str(store.root)).items[1].place == "restored"
    left = {name: entry for name, entry in before.items() if not name.startswith(A.encode())}
    assert compare(left, store.manifest()) == []


def test_purging_again_changes_nothing(store: Any) -> None:
    batch = apply(store.plan(A))
    purge(str(store.root), batch.id)
    again = purge(str(store.root), batch.id)
    assert (again.freed_bytes, again.messages) == (0, ("nothing of it is in the backup any more",))


def test_what_somebody_writes_to_in_the_backup_is_not_purged(store: Any, open_for_writing: Any) -> None:
    batch = apply(store.plan(A, C))
    open_for_writing(store.root / batch.items[0].now_at / "metrics" / "loss")
    batch = purge(str(store.root), batch.id)
    assert places(batch) == ["moved", "purged"]
    assert batch.items[0].outcome == "skipped"
    assert batch.items[0].error.endswith("It stays in the backup.")


def test_a_half_deleted_item_is_never_a_copy_and_the_next_purge_ends_it(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = apply(store.plan(A, C))
    remove = os.unlink
    count = [0]

    def fails_at_third(*arguments: Any, **options: Any) -> None:
        count[0] += 1
        if count[0] == 3:
            raise OSError(16, "Device or resource busy")
        remove(*arguments, **options)

    monkeypatch.setattr(change.os, "unlink", fails_at_third)
    batch = purge(str(store.root), batch.id)
    assert places(batch) == ["purged", "purged"]
    assert [one.outcome for one in batch.items] == ["failed", "done"]
    assert batch.items[0].error == "device or resource busy. It is gone in part; the next purge deletes the rest."
    assert os.listdir(store.vault / "batches" / batch.id / "dead") == ["0"]
    monkeypatch.undo()
    again = purge(str(store.root), batch.id)
    assert again.freed_bytes > 0
    assert os.listdir(store.vault / "batches" / batch.id / "dead") == []


def test_a_stop_between_groups_keeps_the_rest(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dying, "MAX_ITEMS", 1)
    batch = apply(store.plan(A, B, C))
    told: list[str] = []
    batch = purge(
        str(store.root), batch.id, None, lambda event: told.append(event.kind), lambda: told.count("item") == 1
    )
    assert places(batch) == ["purged", "moved", "moved"]


def test_an_item_whose_death_the_disk_did_not_take_is_in_the_backup_again(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    before = store.manifest()
    monkeypatch.setattr(place, "keeps_order", lambda fd: False)
    batch = apply(store.plan(A))
    sync = change.sync

    def failing(fd: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/dead"):
            raise OSError(5, "Input/output error")
        sync(fd)

    monkeypatch.setattr(change, "sync", failing)
    batch = purge(str(store.root), batch.id)
    assert [(one.outcome, one.place) for one in batch.items] == [("failed", "moved")]
    assert batch.items[0].error == "input/output error. It stays in the backup."
    assert batch.freed_bytes == 0
    monkeypatch.setattr(change, "sync", sync)
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_an_item_nothing_could_be_removed_from_is_in_the_backup_again(
    store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    before = store.manifest()
    batch = apply(store.plan(A))

    def busy(*_: Any, **__: Any) -> None:
        raise OSError(16, "Device or resource busy")

    with monkeypatch.context() as patched:
        patched.setattr(change.os, "unlink", busy)
        patched.setattr(change.os, "rmdir", busy)
        batch = purge(str(store.root), batch.id)
    assert batch.items[0].error == "device or resource busy. It stays in the backup."
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_where_the_disk_keeps_the_order_it_is_asked_once_for_a_group_else_before_anything_of_a_wave_goes(
    store: Any, monkeypatch: pytest.MonkeyPatch, synced: list[str]
) -> None:
    monkeypatch.setattr(dying, "GROUP_S", float("inf"))
    remove = change.remove_tree
    monkeypatch.setattr(change, "remove_tree", lambda *rest: (synced.append("removed"), remove(*rest)))
    asked = {}
    for in_order in (True, False):
        monkeypatch.setattr(place, "keeps_order", lambda fd, known=in_order: known)
        path = {True: (A, B), False: ("2", C)}[in_order]
        batch = apply(store.plan(*path))
        synced.clear()
        assert purge(str(store.root), batch.id).state == "purged"
        asked[in_order] = [name for name in synced if name in ("dead", "data", "removed")]
    assert asked[True] == ["removed", "removed", "dead", "data"]
    assert asked[False] == ["dead", "data", "removed", "removed"]


def test_where_the_disk_does_not_say_that_it_keeps_a_deletion_that_is_said_of_each_item(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "keeps_order", lambda fd: True)
    batch = apply(store.plan(A, C))
    sync = change.sync

    def failing(fd: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/dead"):
            raise OSError(5, "Input/output error")
        sync(fd)

    with monkeypatch.context() as patched:
        patched.setattr(change, "sync", failing)
        batch = purge(str(store.root), batch.id)
    assert [(one.outcome, one.place) for one in batch.items] == [("failed", "purged")] * 2
    assert batch.items[0].error.startswith("input/output error. It was deleted, but the disk did not say")
    assert batch.freed_bytes > 0


def test_a_stop_within_a_group_keeps_the_rest_and_undo_brings_it_back(store: Any) -> None:
    batch = apply(store.plan(A, B, C))
    folder = store.vault / "batches" / batch.id
    batch = purge(
        str(store.root), batch.id, stop=lambda: not any((folder / place / "0").exists() for place in ("data", "dead"))
    )
    assert places(batch) == ["purged", "moved", "moved"]
    assert places(show(str(store.root), batch.id)) == ["purged", "moved", "moved"]
    assert places(undo(str(store.root))) == ["purged", "restored", "restored"]


def test_an_item_of_which_a_part_is_gone_is_never_put_back_as_if_it_were_whole(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = apply(store.plan(A, C))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(change, "rename", killed)
        purge(str(store.root), batch.id)
    # As a disk may have it after a power cut that lost the rename, and not what came after it.
    (store.vault / "batches" / batch.id / "data" / "0" / "metrics" / "loss").unlink()
    back = undo(str(store.root))
    assert [one.damaged for one in back.items] == [True, False]
    assert "It was put back as it is; look at it before you rely on it." in back.items[0].error
