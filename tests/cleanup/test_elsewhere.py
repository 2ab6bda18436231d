"""Packing to another file system: the archive is there and was read back before anything leaves the store, what it
is on is recognised, and everything that can be done with a backup can be done with it there."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import elsewhere, makearchive, worker
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.cleanup.verify import verify
from mlruns_tui.disk import change, look
from mlruns_tui.model import codec
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError, UsageError

A, B = "1/" + "a" * 32, "1/" + "b" * 32


def packed_to(store: Any, where: Path, *paths: str) -> Batch:
    """These items, moved out and packed there."""
    batch = apply(store.plan(*(paths or (A, B))))
    return pack(str(store.root), batch.id, backup_dir=str(where))


def outcomes(batch: Batch) -> list[tuple[Any, str]]:
    return [(one.outcome, one.place) for one in batch.items]


def archives_in(where: Path) -> list[Path]:
    return sorted(where.rglob("*.tar.zst"))


def test_archives_are_there_and_nothing_of_the_items_is_left_in_the_store(
    store: Any, other_disk: Path, compare: Any
) -> None:
    before = store.manifest()
    batch = packed_to(store, other_disk)
    assert (batch.state, batch.backup_dirs, batch.away_dirs) == ("packed", (str(other_disk),), ())
    assert batch.freed_bytes == sum(one.item.allocated_bytes for one in batch.items) > 0
    assert batch.elsewhere_bytes == batch.allocated_bytes > 0
    (archive,) = archives_in(other_disk)
    assert batch.items[0].now_at == str(archive)
    assert not list(store.vault.glob("batches/*/data/*"))
    assert not list(store.vault.glob("batches/*/dead/*"))
    assert not list(store.vault.rglob("*.tar.zst"))
    assert undo(str(store.root)).state == "restored"
    assert not compare(before, store.manifest())
    assert not list(other_disk.iterdir()), "nothing is left on the other disk"
    assert not list(store.vault.rglob("place-*"))


def test_what_does_not_shrink_goes_too_and_is_only_copied(store: Any, other_disk: Path) -> None:
    weights = random.Random(1).randbytes(1 << 20)
    (store.root / A / "artifacts" / "weights").write_bytes(weights)
    store.age()
    batch = packed_to(store, other_disk, A)
    assert outcomes(batch) == [("done", "packed")]
    (archive,) = archives_in(other_disk)
    assert len(weights) < archive.stat().st_size < len(weights) + 20_000
    listed = subprocess.run(["tar", "--zstd", "-xOf", archive, "0/artifacts/weights"], check=True, capture_output=True)
    assert listed.stdout == weights


def test_what_shrinks_is_compressed(store: Any, other_disk: Path) -> None:
    (store.root / A / "artifacts" / "log").write_bytes(b"step 1 loss 0.5\n" * 65_536)
    store.age()
    packed_to(store, other_disk, A)
    (archive,) = archives_in(other_disk)
    assert archive.stat().st_size < 100_000


def test_only_its_user_sees_what_is_there(store: Any, other_disk: Path) -> None:
    os.chmod(store.root, 0o700)
    packed_to(store, other_disk)
    (mine,) = other_disk.iterdir()
    assert mine.name == f"mlruns-tui-{look.user_name(os.geteuid())}"
    for path in mine.rglob("*"):
        assert not path.stat().st_mode & 0o077, path
    assert mine.stat().st_mode & 0o777 == 0o700


def test_a_group_that_shares_the_store_shares_what_is_there(store: Any, other_disk: Path) -> None:
    os.chmod(store.root, 0o2775)
    packed_to(store, other_disk)
    (mine,) = other_disk.iterdir()
    assert mine.stat().st_mode & 0o7777 == 0o2750
    (archive,) = archives_in(other_disk)
    assert archive.stat().st_mode & 0o777 == 0o640


def test_everything_backups_can_do_they_do_there(store: Any, other_disk: Path, compare: Any) -> None:
    before, root = store.manifest(), str(store.root)
    batch = packed_to(store, other_disk)
    assert outcomes(verify(root, batch.id)) == [("done", "packed"), ("done", "packed")]
    one = restore(root, batch.id, [batch.items[0].item.key])
    assert [each.place for each in one.items] == ["restored", "packed"]
    (archive,) = archives_in(other_disk)
    archive.write_bytes(archive.read_bytes()[:-9] + b"\0" * 9)
    assert [each.outcome for each in verify(root, batch.id).items if each.place == "packed"] == ["failed"]
    gone = purge(root, batch.id)
    assert [each.place for each in gone.items] == ["restored", "purged"]
    assert not list(other_disk.iterdir())
    assert {B.encode()} <= {name.split(b"/artifacts")[0] for name in before.keys() - store.manifest().keys()}


def test_one_of_several_in_an_archive_can_be_purged(store: Any, other_disk: Path) -> None:
    root = str(store.root)
    batch = packed_to(store, other_disk)
    part = purge(root, batch.id, [batch.items[0].item.key])
    assert [one.place for one in part.items] == ["purged", "packed"]
    assert undo(root).items[1].place == "restored"
    assert not list(other_disk.iterdir())


# A disk that is not there.


@pytest.fixture
def unplug(other_disk: Path) -> Iterator[Callable[[bool], None]]:
    """Takes the other disk away, leaving an empty mount point or (False) nothing; called again brings it back."""
    hidden = other_disk.with_name(other_disk.name + "-hidden")

    def switch(empty: bool = True) -> None:
        if hidden.exists():
            if other_disk.exists():
                other_disk.rmdir()
            hidden.rename(other_disk)
            return
        other_disk.rename(hidden)
        if empty:
            other_disk.mkdir()

    yield switch
    if hidden.exists():
        switch()


@pytest.mark.parametrize("empty", [True, False], ids=["an empty mount point", "no mount point"])
def test_without_its_disk_everything_says_so_and_changes_nothing(
    store: Any, other_disk: Path, unplug: Any, compare: Any, empty: bool
) -> None:
    before, root = store.manifest(), str(store.root)
    batch = packed_to(store, other_disk)
    unplug(empty)
    vault = sorted(store.vault.rglob("*"))
    (listed,) = batches(root)
    assert (listed.state, listed.away_dirs, listed.count("packed")) == ("packed", (str(other_disk),), 2)
    for take_back in (partial(undo, root), partial(restore, root, batch.id)):
        with pytest.raises(MlrunsError) as told:
            take_back()
        assert told.value.code == "backup-away"
        assert str(other_disk) in told.value.message and "not there now" in told.value.message
        assert "mount" in told.value.hint
    for checked in (verify(root, batch.id), purge(root, batch.id)):
        assert outcomes(checked) == [("failed", "packed")] * 2
        assert "not there now" in checked.items[0].error
    assert sorted(store.vault.rglob("*")) == vault
    unplug()
    assert outcomes(verify(root, batch.id)) == [("done", "packed")] * 2
    assert undo(root).state == "restored"
    assert not compare(before, store.manifest())


def test_another_disk_in_its_place_is_not_taken_for_it(store: Any, other_disk: Path, unplug: Any) -> None:
    root = str(store.root)
    batch = packed_to(store, other_disk, A)
    unplug()
    shutil.copytree(other_disk.with_name(other_disk.name + "-hidden"), other_disk, dirs_exist_ok=True)
    (marker,) = other_disk.rglob("batch.json")
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "id": "0" * 32}))
    assert batches(root)[0].away_dirs == (str(other_disk),)
    assert purge(root, batch.id).items[0].outcome == "failed"
    assert archives_in(other_disk)
    shutil.rmtree(other_disk)
    other_disk.mkdir()
    second = apply(store.plan(B))
    packed = pack(root, second.id, backup_dir=str(other_disk))
    assert packed.state == "packed", "another batch may be put there"
    shutil.rmtree(other_disk)
    unplug()


def test_the_rest_of_a_batch_is_not_packed_to_what_replaced_its_disk(store: Any, other_disk: Path, unplug: Any) -> None:
    root = str(store.root)
    batch = apply(store.plan(A, B))
    pack(root, batch.id, [batch.items[0].item.key], backup_dir=str(other_disk))
    unplug()
    with pytest.raises(MlrunsError) as told:
        pack(root, batch.id, backup_dir=str(other_disk))
    assert told.value.code == "backup-away"
    assert not list(other_disk.iterdir())
    assert [one.place for one in batches(root)[0].items] == ["packed", "moved"]
    part = undo(root)
    assert [(one.outcome, one.place) for one in part.items] == [("failed", "packed"), ("done", "restored")]
    unplug()
    assert undo(root).state == "restored"


def test_a_batch_may_be_in_two_directories(store: Any, other_disk: Path, compare: Any) -> None:
    before, root = store.manifest(), str(store.root)
    one, two = other_disk / "one", other_disk / "two"
    one.mkdir()
    two.mkdir()
    batch = apply(store.plan(A, B, "2"))
    keys = [each.item.key for each in batch.items]
    pack(root, batch.id, keys[:1], backup_dir=str(one))
    pack(root, batch.id, keys[1:2], backup_dir=str(two))
    last = pack(root, batch.id, None, 0)
    assert [each.backup_dir for each in last.items] == [str(one), str(two), ""]
    assert pack(root, batch.id, backup_dir=str(two)).messages == ("nothing of it is left to pack",)
    shutil.move(two, other_disk / "hidden")
    assert [each.away for each in batches(root)[0].items] == [False, True, False]
    assert [each.outcome for each in purge(root, batch.id, keys[1:2]).items][1] == "failed"
    shutil.move(other_disk / "hidden", two)
    assert undo(root).state == "restored"
    assert not compare(before, store.manifest())
    assert not list(one.iterdir()) and not list(two.iterdir())


def test_two_stores_may_have_batches_of_one_name_there(store: Any, new_store: Any, other_disk: Path) -> None:
    other = new_store("other")
    other.experiment("1", ["e" * 32])
    other.age()
    for one, path in ((store, A), (other, "1/" + "e" * 32)):
        apply(one.plan(path, plan_id="20261122-2026-a3f1"))
        pack(str(one.root), "20261122-2026-a3f1", backup_dir=str(other_disk))
    assert len(archives_in(other_disk)) == 2
    assert undo(str(store.root)).state == "restored"
    assert [one.outcome for one in verify(str(other.root), "20261122-2026-a3f1").items] == ["done"]


# Directories that will not do.


def test_a_directory_that_will_not_do_is_refused_before_anything_is_changed(
    store: Any, other_disk: Path, tmp_path: Path
) -> None:
    root = str(store.root)
    batch = apply(store.plan(A))
    file, link = other_disk / "file", other_disk / "link"
    file.touch()
    link.symlink_to(other_disk)
    inside = store.root / "1"
    vault = sorted(store.vault.rglob("*"))
    for bad, why in (
        (other_disk / "nothing", "does not exist"),
        (file, "not a directory"),
        (link, "is a link"),
        (inside, "inside the store"),
        (store.vault, "inside the store"),
        (store.root, "inside the store"),
        (tmp_path, "same file system"),
    ):
        with pytest.raises(UsageError) as told:
            pack(root, batch.id, backup_dir=str(bad))
        assert told.value.code == "bad-backup-dir", bad
        assert why in told.value.message and "nothing was changed" in told.value.message, told.value.message
        assert sorted(store.vault.rglob("*")) == vault, bad
        assert batches(root)[0].state == "moved"
    assert undo(root).state == "restored"


def test_a_disk_that_takes_nothing_leaves_no_trace_in_the_store(store: Any) -> None:
    batch = apply(store.plan(A))
    with pytest.raises(MlrunsError) as told:
        pack(str(store.root), batch.id, backup_dir="/proc")
    assert "no folder for archives could be made as /proc/mlruns-tui-" in told.value.message
    assert not list(store.vault.rglob("place-*"))
    assert undo(str(store.root)).state == "restored"


def test_somebody_elses_folder_in_our_place_is_not_used(store: Any, other_disk: Path) -> None:
    batch = apply(store.plan(A))
    planted = other_disk / f"mlruns-tui-{look.user_name(os.geteuid())}"
    planted.mkdir()
    os.chmod(planted, 0o777)
    with pytest.raises(MlrunsError) as told:
        pack(str(store.root), batch.id, backup_dir=str(other_disk))
    assert "anybody may write" in told.value.message
    assert not list(planted.iterdir())
    planted.rmdir()
    planted.symlink_to(other_disk.parent)
    with pytest.raises(MlrunsError):
        pack(str(store.root), batch.id, backup_dir=str(other_disk))
    assert undo(str(store.root)).state == "restored"


def test_a_record_somebody_edited_leads_nowhere(store: Any, other_disk: Path) -> None:
    root = str(store.root)
    batch = packed_to(store, other_disk, A)
    (record,) = store.vault.glob("batches/*/place-1.json")
    told = record.read_text()
    for edited in ("", "{", "[]", told.replace('"format":1', '"format":2'), told.replace("mlruns-tui-", "../"),
                   told.replace(str(other_disk), "relative"), told.replace(str(other_disk), "/")):  # fmt: skip
        record.write_text(edited)
        (listed,) = batches(root)
        assert listed.items[0].place in ("packed", "missing")
        assert purge(root, batch.id).items[0].place != "purged"
    record.write_text(told)
    assert undo(root).state == "restored"


def test_a_record_that_was_never_written_stands_in_nobodys_way(store: Any, other_disk: Path, compare: Any) -> None:
    """Its worker was killed between making the file and writing to it."""
    before, root = store.manifest(), str(store.root)
    batch = apply(store.plan(A))
    (store.vault / "batches" / batch.id / "place-1.json").touch()
    assert pack(root, batch.id, backup_dir=str(other_disk)).state == "packed"
    assert undo(root).state == "restored"
    assert compare(before, store.manifest()) == []


# Trouble while it is packed.


def test_a_disk_taken_away_while_it_is_packed_costs_nothing(
    store: Any, other_disk: Path, unplug: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    before, root = store.manifest(), str(store.root)
    made = makearchive.from_trees

    def made_then_unplugged(*args: Any, **more: Any) -> str:
        name = made(*args, **more)
        unplug()
        return name

    monkeypatch.setattr(makearchive, "from_trees", made_then_unplugged)
    batch = packed_to(store, other_disk)
    assert outcomes(batch) == [("failed", "moved")] * 2
    assert "is not there any more" in batch.items[0].error
    monkeypatch.undo()
    unplug()
    again = pack(root, batch.id, backup_dir=str(other_disk))
    assert outcomes(again) == [("done", "packed")] * 2
    assert len(archives_in(other_disk)) == 1
    assert undo(root).state == "restored"
    assert not compare(before, store.manifest())


def test_a_directory_removed_while_it_is_packed_costs_nothing(
    store: Any, other_disk: Path, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    before, root = store.manifest(), str(store.root)
    made = makearchive.from_trees

    def removed_then_made(*args: Any, **more: Any) -> str:
        shutil.rmtree(other_disk)
        return made(*args, **more)

    monkeypatch.setattr(makearchive, "from_trees", removed_then_made)
    batch = packed_to(store, other_disk)
    assert outcomes(batch) == [("failed", "moved")] * 2
    assert "is not there any more" in batch.items[0].error
    assert undo(root).state == "restored"
    assert not compare(before, store.manifest())


def test_a_disk_that_gives_back_something_else_keeps_nothing(
    store: Any, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = change.write_all

    def lying(fd: int, data: bytes) -> None:
        written = os.readlink(f"/proc/self/fd/{fd}")
        write(fd, data[:-1] + bytes([data[-1] ^ 1]) if ".tar.zst" in written else data)

    monkeypatch.setattr(change, "write_all", lying)
    batch = packed_to(store, other_disk)
    assert outcomes(batch) == [("failed", "moved")] * 2
    assert "could not be read back" in batch.items[0].error
    assert not archives_in(other_disk)


@pytest.mark.root
def test_a_disk_that_gets_full_takes_what_it_can_and_the_rest_stays(
    new_store: Any, tmp_path: Path, compare: Any
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system")
    point = tmp_path / "small"
    point.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(point)], check=False)
    if done.returncode:
        pytest.skip("cannot mount a file system here")
    try:
        store = new_store("mlruns")
        runs = [f"{n:032x}" for n in range(1, 5)]
        store.experiment("1", runs)
        for size, run in zip((50_000, 200_000, 3_000_000, 4_000_000), runs, strict=True):
            (store.root / "1" / run / "artifacts" / "weights").write_bytes(random.Random(size).randbytes(size))
        store.age()
        before = store.manifest()
        batch = packed_to(store, point, *(f"1/{run}" for run in runs))
        assert outcomes(batch) == [("done", "packed")] * 2 + [("failed", "moved")] * 2
        assert f"no room for its archive in {point}" in batch.items[2].error
        assert "Make room there" in batch.items[3].error
        assert undo(str(store.root)).state == "restored"
        assert not compare(before, store.manifest())
    finally:
        subprocess.run(["umount", str(point)], check=True)


def test_names_and_trees_of_every_kind_come_back_and_three_hundred_small_runs(
    new_store: Any, other_disk: Path, compare: Any, record_property: Any
) -> None:
    store = new_store("mlruns")
    runs = [f"{n:032x}" for n in range(1, 301)]
    store.experiment("1")
    for at, run in enumerate(runs):
        store.run(store.root / "1" / run, rich=at % 50 == 0)
    store.age()
    before = store.manifest()
    odd = other_disk / os.fsdecode(b"b\xffackup \xe2\x82\xac\n[x]")
    odd.mkdir()
    batch = packed_to(store, odd, *(f"1/{run}" for run in runs))
    assert batch.count("packed") == 300
    assert len(archives_in(odd)) < 10
    assert batches(str(store.root))[0].backup_dirs == (str(odd),)
    assert undo(str(store.root)).state == "restored"
    assert not compare(before, store.manifest())
    record_property("runs packed to another disk and restored exactly", 300)


def test_links_that_leave_an_item_keep_it_in_the_store(store: Any, other_disk: Path) -> None:
    os.link(store.root / A / "meta.yaml", store.root / B / "shared")
    store.age()
    batch = packed_to(store, other_disk, A)
    assert outcomes(batch) == [("skipped", "moved")]
    assert "hard link" in batch.items[0].error


def test_what_was_moved_is_packed_by_the_same_request(store: Any, other_disk: Path) -> None:
    heard: list[Batch] = []
    request = {"do": "apply", "plan": codec.encode(store.plan(A, B)), "pack": True, "backup_dir": str(other_disk)}
    batch = worker.carry_out(request, lambda event: None, lambda: False, heard.append)
    assert [one.state for one in heard] == ["moved"]
    assert batch.state == "packed"
    assert archives_in(other_disk)


def test_a_packing_that_was_killed_goes_on_where_it_was_meant_to(store: Any, other_disk: Path) -> None:
    from mlruns_tui.cleanup.goingon import go_on

    root = str(store.root)
    batch = apply(store.plan(A, B))
    # As a worker leaves it that is killed after its last archive.
    pack(root, batch.id, [batch.items[0].item.key], backup_dir=str(other_disk))
    journal = Path(batch.vault) / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert lines[-1].endswith(b'"e":"end","op":"pack"}\n')
    journal.write_bytes(b"".join(lines[:-1]))
    assert batches(root)[0].state == "unfinished"
    after = go_on(root, batch.id)
    assert after.items[0].backup_dir == str(other_disk)
    assert undo(root).state == "restored"


def test_every_place_that_is_remembered_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    odd = elsewhere.Record(1, "0" * 32, "/mnt/" + os.fsdecode(b"\xff\n"), "mlruns-tui-me/20261122-2026-a3f1")
    (tmp_path / "place-1.json").write_text(codec.dumps(odd))
    (tmp_path / "place-2.json").symlink_to("place-1.json")
    (tmp_path / "place-x.json").write_text(codec.dumps(odd))
    assert elsewhere.records(fd) == {1: odd}
    os.close(fd)


@pytest.mark.root
def test_an_ordinary_user_packs_to_a_folder_of_his_own_and_takes_back(
    store: Any, other_disk: Path, as_user: Callable[..., Any], compare: Any
) -> None:
    for path in (store.root, *store.root.rglob("*"), other_disk):
        os.lchown(path, 65534, 65534)
    before = store.manifest()
    os.chmod(other_disk, 0o755)

    def pack_and_look() -> list[Any]:
        batch = packed_to(store, other_disk)
        (mine,) = other_disk.iterdir()
        return [batch.id, batch.state, mine.stat().st_uid, verify(str(store.root), batch.id).items[0].outcome]

    batch_id, *told = as_user(pack_and_look)
    assert told == ["packed", 65534, "done"]
    os.chown(other_disk, 0, 0)
    refused = as_user(lambda: _refusal(store, other_disk))
    assert "is not yours to write to (owner root)" in refused
    os.chown(other_disk, 65534, 65534)
    assert as_user(lambda: restore(str(store.root), batch_id).state) == "restored"
    assert not compare(before, store.manifest())


def _refusal(store: Any, where: Path) -> str:
    try:
        packed_to(store, where, "2")
    except MlrunsError as error:
        undo(str(store.root))
        return error.message
    return ""
