"""Archives on a disk that is mounted elsewhere by now, or that somebody moved: found when somebody says where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.goingon import go_on
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.cleanup.verify import verify
from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError

A, B = "1/" + "a" * 32, "1/" + "b" * 32
Moved = Callable[..., tuple[Batch, Path]]


@pytest.fixture
def moved(store: Any, other_disk: Path) -> Moved:
    """Two runs packed to ``was`` on another disk, which is ``now`` by now."""

    def make(*paths: str) -> tuple[Batch, Path]:
        was, now = other_disk / "was", other_disk / "now"
        was.mkdir()
        batch = apply(store.plan(*(paths or (A, B))))
        packed = pack(str(store.root), batch.id, backup_dir=str(was))
        was.rename(now)
        return packed, now

    return make


def test_where_they_were_is_said_and_how_to_say_where_they_are(store: Any, moved: Moved) -> None:
    batch, now = moved()
    with pytest.raises(MlrunsError) as told:
        undo(str(store.root))
    assert str(now.with_name("was")) in told.value.message
    assert "--backup-dir DIR" in told.value.hint
    (failed, _) = verify(str(store.root), batch.id).items
    assert "--backup-dir DIR" in failed.error


@pytest.mark.parametrize("below", ["", "the user's folder", "the batch's folder"])
def test_undo_brings_everything_back_from_where_somebody_says(
    store: Any, moved: Moved, compare: Any, below: str
) -> None:
    before = store.manifest()
    batch, now = moved()
    user = now / f"mlruns-tui-{look.user_name(os.geteuid())}"
    said = {"": now, "the user's folder": user, "the batch's folder": user / batch.id}[below]
    assert undo(str(store.root), found_in=str(said)).state == "restored"
    assert compare(before, store.manifest()) == []
    assert not list(now.iterdir())
    assert not list(store.vault.rglob("place-*"))


def test_only_looking_changes_nothing_and_is_asked_each_time(store: Any, moved: Moved, tree_manifest: Any) -> None:
    batch, now = moved()
    root, before = str(store.root), tree_manifest(store.vault)
    (listed,) = batches(root, str(now))
    assert (listed.away_dirs, listed.backup_dirs) == ((), (str(now),))
    assert [one.outcome for one in verify(root, batch.id, found_in=str(now)).items] == ["done", "done"]
    assert tree_manifest(store.vault) == before
    assert batches(root)[0].away_dirs == (str(now.with_name("was")),)


def test_whatever_changes_the_batch_remembers_where_it_is(store: Any, moved: Moved, compare: Any) -> None:
    before = store.manifest()
    batch, now = moved()
    root = str(store.root)
    one = restore(root, batch.id, [batch.items[0].item.key], found_in=str(now))
    assert [each.place for each in one.items] == ["restored", "packed"]
    (listed,) = batches(root)
    assert (listed.away_dirs, listed.backup_dirs) == ((), (str(now),))
    assert not list(store.vault.rglob("*.tmp"))
    assert undo(root).state == "restored"
    assert compare(before, store.manifest()) == []


def test_the_rest_of_a_batch_is_packed_beside_what_was_moved(store: Any, other_disk: Path, compare: Any) -> None:
    before, root = store.manifest(), str(store.root)
    was, now = other_disk / "was", other_disk / "now"
    was.mkdir()
    batch = apply(store.plan(A, B))
    pack(root, batch.id, [batch.items[0].item.key], backup_dir=str(was))
    was.rename(now)
    packed = pack(root, batch.id, backup_dir=str(now))
    assert (packed.state, packed.backup_dirs) == ("packed", (str(now),))
    assert len(list(now.glob("*/*"))) == 1, "one folder for the batch"
    assert undo(root).state == "restored"
    assert compare(before, store.manifest()) == []


def test_another_batchs_folder_is_not_taken_for_it(store: Any, moved: Moved) -> None:
    """Of the same name, from another store or an older copy: the id in it decides."""
    batch, now = moved()
    (marker,) = now.rglob("batch.json")
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "id": "0" * 32}))
    with pytest.raises(MlrunsError) as told:
        undo(str(store.root), found_in=str(now))
    assert told.value.code == "backup-away"
    assert purge(str(store.root), batch.id, found_in=str(now)).items[0].outcome == "failed"
    assert list(now.rglob("*.tar.zst"))


def test_of_two_copies_the_one_at_the_old_place_counts(store: Any, moved: Moved) -> None:
    _, now = moved()
    was = now.with_name("was")
    shutil.copytree(now, was)
    assert undo(str(store.root), found_in=str(now)).state == "restored"
    assert not list(was.iterdir())
    assert list(now.rglob("*.tar.zst")), "a copy nobody knows of is left alone"


def test_a_packing_that_was_killed_goes_on_where_its_disk_is_by_now(
    store: Any, other_disk: Path, start_worker: Any, hold_worker: Any, monkeypatch: Any, compare: Any
) -> None:
    before, root = store.manifest(), str(store.root)
    was, now = other_disk / "was", other_disk / "now"
    was.mkdir()
    batch = apply(store.plan(A, B))
    # Both are in an archive, and the first tree is about to be taken apart.
    gate = hold_worker(1)
    worker = start_worker({"do": "pack", "root": root, "batch": batch.id, "backup_dir": str(was)})
    os.kill(gate.wait(), 9)
    worker.finish()
    monkeypatch.delenv("HOLD_BEFORE")
    was.rename(now)
    with pytest.raises(MlrunsError) as told:
        go_on(root, batch.id)
    assert told.value.code == "backup-away"
    assert go_on(root, batch.id, found_in=str(now)).state == "packed"
    assert undo(root).state == "restored"
    assert compare(before, store.manifest()) == []


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlruns_tui", *words], capture_output=True, text=True, check=False, cwd="/"
    )


def test_the_commands_take_it(store: Any, moved: Moved, compare: Any, tmp_path: Path) -> None:
    before, root = store.manifest(), str(store.root)
    batch, now = moved()
    here = ("--backup-dir", str(now))
    assert "not there now" in run("backups", "list", root).stdout
    assert "not there now" not in run("backups", "list", root, *here).stdout
    assert str(now) in run("backups", "show", root, batch.id, *here).stdout
    assert run("backups", "verify", root).returncode == 5
    assert run("backups", "verify", root, *here).returncode == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    for command in (("undo", root), ("backups", "restore", root, batch.id), ("backups", "purge", root, batch.id)):
        wrong = run(*command, "--backup-dir", str(empty))
        assert wrong.returncode == 2
        assert f"no archives of this store are in {empty}; nothing was changed" in wrong.stderr
    gone = run("backups", "purge", root, batch.id, A, *here, "--force", "--json")
    assert gone.returncode == 0, gone.stderr
    totals = json.loads(gone.stdout)["result"]["batches"][0]["totals"]
    assert totals["freed_bytes"] == 0
    assert run("undo", root).returncode == 0, "it is known by now"
    gone_names = before.keys() - store.manifest().keys()
    assert gone_names == {name for name in before if name.startswith(A.encode())}


def test_what_a_purge_frees_on_another_disk_is_counted_apart(store: Any, other_disk: Path) -> None:
    batch = apply(store.plan(A, B))
    packed = pack(str(store.root), batch.id, backup_dir=str(other_disk))
    taken = packed.elsewhere_bytes
    gone = run("backups", "purge", str(store.root), batch.id, "--force", "--json")
    totals = json.loads(gone.stdout)["result"]["batches"][0]["totals"]
    assert (totals["freed_bytes"], totals["freed_elsewhere_bytes"]) == (0, taken)
    assert taken > 0
