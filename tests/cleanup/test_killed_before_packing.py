"""A clean-up that was to pack what it moves, killed before it came to that: going on does both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.goingon import go_on, leave
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError

A, C = f"1/{'a' * 32}", f"1/{'c' * 32}"


@pytest.fixture
def killed(store: Any, start_worker: Any, apply_request: Any, hold_worker: Any, monkeypatch: Any) -> Callable[..., str]:
    """A batch of two items whose worker was killed between them; its id."""

    def make(**more: Any) -> str:
        plan = store.plan(A, C)
        gate = hold_worker(2)
        worker = start_worker({**apply_request(plan), **more})
        os.kill(gate.wait(), 9)
        worker.finish()
        monkeypatch.delenv("HOLD_BEFORE")
        assert batches(str(store.root))[0].open_op == "apply"
        return str(plan.id)

    return make


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlruns_tui", *words], capture_output=True, text=True, check=False, cwd="/"
    )


def test_going_on_moves_the_rest_and_packs_all_of_it(store: Any, killed: Any, compare: Any) -> None:
    before, root = store.manifest(), str(store.root)
    batch_id = killed(pack=True)
    heard: list[Batch] = []
    batch = go_on(root, batch_id, applied=heard.append)
    assert [one.place for one in batch.items] == ["packed", "packed"], batch.messages
    assert [one.count("moved") for one in heard] == [2]
    assert batches(root)[0].to_pack is None
    assert undo(root).state == "restored"
    assert compare(before, store.manifest()) == []


def test_it_goes_to_the_directory_that_was_named(store: Any, killed: Any, other_disk: Path) -> None:
    batch = go_on(str(store.root), killed(pack=True, backup_dir=str(other_disk)))
    assert (batch.state, batch.backup_dirs) == ("packed", (str(other_disk),))


def test_it_goes_to_where_that_directory_is_by_now(store: Any, killed: Any, other_disk: Path) -> None:
    was, now = other_disk / "was", other_disk / "now"
    was.mkdir()
    batch_id = killed(pack=True, backup_dir=str(was))
    was.rename(now)
    batch = go_on(str(store.root), batch_id, found_in=str(now))
    assert (batch.state, batch.backup_dirs) == ("packed", (str(now),))


def test_without_that_directory_all_is_moved_and_what_to_do_is_said(
    store: Any, killed: Any, other_disk: Path, compare: Any
) -> None:
    before, root = store.manifest(), str(store.root)
    was = other_disk / "was"
    was.mkdir()
    batch_id = killed(pack=True, backup_dir=str(was))
    was.rmdir()
    shown = run("recover", root)
    assert shown.returncode == 11
    assert f"then packs what was moved in {was}" in shown.stdout
    done = run("recover", root, "--continue")
    assert done.returncode == 3, done.stderr
    assert "moved, but not packed" in done.stderr and f"{was} does not exist" in done.stderr
    (batch,) = batches(root)
    assert (batch.state, batch.to_pack) == ("moved", str(was))
    again = run("recover", root)
    assert again.returncode == 0
    assert f"mlruns-tui backups pack {root} {batch_id} --backup-dir {was}" in again.stdout
    was.mkdir()
    assert pack(root, batch_id, backup_dir=str(was)).state == "packed"
    assert "Nothing stopped half-way." in run("recover", root).stdout
    assert undo(root).state == "restored"
    assert compare(before, store.manifest()) == []


def test_the_command_says_what_was_moved_and_what_was_packed(store: Any, killed: Any) -> None:
    root = str(store.root)
    killed(pack=True)
    assert "; then packs what was moved" in run("recover", root).stdout
    done = run("recover", root, "--continue")
    assert done.returncode == 0, done.stderr
    assert "1 run moved to the backup" in done.stdout
    assert "2 runs packed and read back" in done.stdout
    assert batches(root)[0].state == "packed"


def test_a_clean_up_that_was_not_to_pack_does_not(store: Any, killed: Any) -> None:
    assert go_on(str(store.root), killed()).state == "moved"


def test_leaving_it_or_taking_it_back_ends_the_wish_to_pack(store: Any, killed: Any) -> None:
    root = str(store.root)
    batch_id = killed(pack=True)
    assert leave(root, batch_id).state == "moved"
    assert batches(root)[0].to_pack is None
    with pytest.raises(MlrunsError) as told:
        go_on(root, batch_id)
    assert told.value.code == "nothing-to-continue"


def test_killed_between_moving_and_packing_the_command_for_the_rest_is_said(store: Any) -> None:
    """All is moved and ended, so nothing is unfinished and nobody is kept out; what was asked for is not forgotten."""
    root = str(store.root)
    batch = apply(store.plan(A, C), pack_to="")
    (listed,) = batches(root)
    assert (listed.state, listed.open_op, listed.to_pack) == ("moved", "", "")
    said = run("recover", root)
    assert said.returncode == 0
    assert f"mlruns-tui backups pack {root} {batch.id}\n" in said.stdout
    assert run("backups", "pack", root, batch.id, "--force").returncode == 0
    assert "Nothing stopped half-way." in run("recover", root).stdout


@pytest.mark.parametrize("where", ["vault", "elsewhere"])
def test_a_packing_killed_before_it_made_its_place_goes_on_with_the_same(
    store: Any, other_disk: Path, start_worker: Any, where: str
) -> None:
    """The journal's first word on a packing names the directory: the place there is made after it."""
    root, directory = str(store.root), str(other_disk) if where == "elsewhere" else ""
    batch = apply(store.plan(A, C))
    program = (
        "import os\n"
        "from mlruns_tui.cleanup import packing, worker\n"
        "packing.make_room = lambda *_: os.kill(os.getpid(), 9)\n"
        "worker.main()\n"
    )
    request = {"do": "pack", "root": root, "batch": batch.id, "backup_dir": directory, "min_gain_percent": 0}
    worker = start_worker(request, program=("-c", program))
    assert worker.finish() == -9
    (listed,) = batches(root)
    assert (listed.state, listed.open_op) == ("unfinished", "pack")
    packed = go_on(root, batch.id)
    assert (packed.state, packed.backup_dirs) == ("packed", (directory,) if directory else ())
