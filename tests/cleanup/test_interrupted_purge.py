"""A deletion that was killed: what it had not begun comes back, what it had is said to be gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches, show
from mlruns_tui.cleanup.verify import verify
from mlruns_tui.disk import change
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import LockedError

RUNS = [f"1/{letter * 32}" for letter in "abc"]
UNLINKS = 40
"""More than the files of the items below."""


class Killed(BaseException):
    """Nothing catches it: what runs after it is only what closes files."""


@pytest.fixture
def kill_at_unlink(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs something until it is about to remove its N-th file; whether it came so far."""

    def run(number: int, operation: Any) -> bool:
        remove, count = os.unlink, [0]

        def counted(*arguments: Any, **options: Any) -> None:
            count[0] += 1
            if count[0] >= number:
                raise Killed
            remove(*arguments, **options)

        monkeypatch.setattr(change.os, "unlink", counted)
        try:
            operation()
        except Killed:
            return True
        finally:
            monkeypatch.setattr(change.os, "unlink", remove)
        return False

    return run


def whole(store: Any, wanted: dict[str, Any], tree_manifest: Any) -> set[str]:
    """Items of which a complete copy lies anywhere in the vault or in their place, told by content alone."""
    found = [tree_manifest(path) for path in [*store.vault.glob("batches/*/d*/*"), *map(store.root.joinpath, wanted)]
             if path.exists()]  # fmt: skip
    return {path for path, tree in wanted.items() if tree in found}


def without(before: dict[bytes, Any], gone: set[str]) -> dict[bytes, Any]:
    names = tuple(os.fsencode(path) for path in gone)
    return {
        name: entry
        for name, entry in before.items()
        if name not in names and not name.startswith(tuple(one + b"/" for one in names))
    }


def check_undo(before: Any, wanted: dict[str, Any], there: set[str], batch: Batch, after: Any, compare: Any) -> None:
    gone = set(wanted) - there
    assert {one.item.path for one in batch.items if one.lost} == gone
    assert {one.item.path for one in batch.items if one.place == "restored" and one.outcome == "done"} == there
    assert compare(without(before, gone), after) == []


@pytest.mark.parametrize("backup", [False, True])
def test_killed_at_any_unlink_only_the_item_at_hand_is_lost_and_it_is_said(
    new_store: Any, tree_manifest: Any, compare: Any, kill_at_unlink: Any, backup: bool
) -> None:
    lost = set()
    for number in range(1, UNLINKS):
        store = new_store(f"s{number}")
        store.experiment("1", [path[2:] for path in RUNS])
        store.experiment("2", ["d" * 32])
        store.age()
        root, before = str(store.root), store.manifest()
        wanted = {path: tree_manifest(store.root / path) for path in (*RUNS, "2")}
        plan = store.plan(*wanted, backup=backup)
        if backup:
            apply(plan)
        operation = partial(purge, root, plan.id) if backup else partial(apply, plan)
        if not kill_at_unlink(number, operation):
            break
        there = whole(store, wanted, tree_manifest)
        begun = [path for path in store.vault.glob("batches/*/dead/*") if tree_manifest(path) not in wanted.values()]
        assert len(begun) <= 1, "one item at a time"
        if not batches(root):  # killed before anything was moved
            assert compare(before, store.manifest()) == []
            continue
        assert {one.item.path for one in batches(root)[0].items if one.place in ("moved", "in-place")} == there
        batch = undo(root)
        check_undo(before, wanted, there, batch, store.manifest(), compare)
        assert {one.place for one in show(root, batch.id).items} <= {"restored", "purged"}
        lost.add(len(wanted) - len(there))
        shutil.rmtree(store.root)
    assert lost >= {1, 2, 3, 4}


def test_an_item_declared_dead_and_not_begun_comes_back_exactly(
    store: Any, compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.manifest()
    remove = change.remove_tree

    def killed(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(change, "remove_tree", killed)
    with pytest.raises(Killed):
        apply(store.plan(*RUNS, "2", backup=False))
    assert len(list(store.vault.glob("batches/*/dead/*"))) == 4
    monkeypatch.setattr(change, "remove_tree", remove)
    batch = undo(str(store.root))
    assert [(one.place, one.outcome) for one in batch.items] == [("restored", "done")] * 4
    assert compare(before, store.manifest()) == []


@pytest.fixture
def all_dead(store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A batch whose items all died, and none was begun when the worker was killed."""
    plan = store.plan(*RUNS)
    moved = apply(plan)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(change, "remove_tree", killed)
        purge(str(store.root), plan.id)
    assert len(list(store.vault.glob("batches/*/dead/*"))) == 3
    return moved


def test_what_died_and_was_not_begun_counts_as_kept_and_is_found_whole(store: Any, all_dead: Batch) -> None:
    batch = show(str(store.root), all_dead.id)
    assert [one.place for one in batch.items] == ["moved"] * 3
    assert all((store.root / one.now_at / "meta.yaml").exists() for one in batch.items)
    assert batch.allocated_bytes == all_dead.allocated_bytes
    assert [one.outcome for one in verify(str(store.root), batch.id).items] == ["done"] * 3


def test_a_purge_of_one_item_keeps_the_others_a_killed_purge_had_not_begun(
    store: Any, all_dead: Batch, compare: Any
) -> None:
    batch = purge(str(store.root), all_dead.id, [all_dead.items[1].item.key])
    assert [one.place for one in batch.items] == ["moved", "purged", "moved"]
    assert [one.place for one in undo(str(store.root)).items] == ["restored", "purged", "restored"]


def test_what_was_begun_is_not_told_as_kept(store: Any, all_dead: Batch) -> None:
    (store.vault / "batches" / all_dead.id / "dead" / "0" / "meta.yaml").unlink()
    (store.vault / "batches" / all_dead.id / "dead" / "1" / "metrics" / "loss").unlink()
    assert [one.place for one in show(str(store.root), all_dead.id).items] == ["purged", "purged", "moved"]
    assert [one.place for one in undo(str(store.root)).items] == ["purged", "purged", "restored"]


def test_killed_by_the_system_in_a_cleanup_without_backup_the_rest_is_back_and_the_command_says_what_is_gone(
    store: Any, tree_manifest: Any, compare: Any, apply_request: Any, start_worker: Any, tmp_path: Path
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which this machine does not have")
    before = store.manifest()
    wanted = {path: tree_manifest(store.root / path) for path in (*RUNS, "2")}
    request = apply_request(store.plan(*wanted, backup=False))
    inject = "inject=unlink,unlinkat:signal=KILL:when=5"
    log = tmp_path / "log"
    start_worker(request, "strace", "-f", "-qq", "-o", str(log), "-e", inject).finish()
    assert "killed by SIGKILL" in log.read_text(errors="replace")
    there = whole(store, wanted, tree_manifest)
    assert len(there) == 3
    command = [sys.executable, "-m", "mlruns_tui", "undo", str(store.root)]
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "2 runs and 1 experiment are back, every byte and date as before." in done.stdout
    assert "1 run was deleted for good before it stopped; nothing brings it back." in done.stdout
    assert compare(without(before, set(wanted) - there), store.manifest()) == []


def test_the_command_for_json_names_the_lost_item_as_failed_and_not_as_restored(
    store: Any, kill_at_unlink: Any
) -> None:
    plan = store.plan(*RUNS, backup=False)
    assert kill_at_unlink(5, lambda: apply(plan))
    command = [sys.executable, "-m", "mlruns_tui", "undo", str(store.root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    (result,) = json.loads(done.stdout)["result"]["batches"]
    assert result["totals"]["runs"] == 2
    assert sorted(one["outcome"] for one in result["items"]) == ["done", "done", "failed"]


def test_an_undo_killed_in_its_turn_is_gone_on_with_and_the_loss_is_still_said(
    store: Any, kill_at_unlink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = store.plan(*RUNS, backup=False)
    assert kill_at_unlink(5, lambda: apply(plan))
    rename = change.rename

    def killed(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(change, "rename", killed)
    with pytest.raises(Killed):
        undo(str(store.root))
    monkeypatch.setattr(change, "rename", rename)
    batch = undo(str(store.root))
    assert sorted((one.place, one.lost) for one in batch.items) == [
        ("purged", True), ("restored", False), ("restored", False),
    ]  # fmt: skip


def test_nobody_says_that_every_item_is_whole_of_a_killed_deletion(store: Any, kill_at_unlink: Any) -> None:
    assert kill_at_unlink(5, lambda: apply(store.plan(*RUNS, backup=False)))
    with pytest.raises(LockedError) as refused:
        apply(store.plan("2"))
    assert "1 item deleted for good, the others are whole, 2 items in the backup" in refused.value.message


def test_a_later_purge_ends_what_was_killed(store: Any, kill_at_unlink: Any) -> None:
    plan = store.plan(*RUNS)
    apply(plan)
    assert kill_at_unlink(5, lambda: purge(str(store.root), plan.id))
    assert purge(str(store.root), plan.id).count("purged") == 3
    assert list(store.vault.glob("batches/*/d*/*")) == []


def test_what_was_put_aside_goes_to_its_place_once_that_is_free(store: Any, compare: Any) -> None:
    before = store.manifest()
    batch = apply(store.plan(*RUNS))
    store.run(store.root / RUNS[0])
    batch = restore(str(store.root), batch.id, None, "rename")
    assert [one.put_aside for one in batch.items] == [True, False, False]
    again = restore(str(store.root), batch.id)
    assert (again.items[0].outcome, again.items[0].put_aside) == ("skipped", True)
    assert "It stays put aside as " in again.items[0].error
    shutil.rmtree(store.root / RUNS[0])
    back = undo(str(store.root))
    assert (back.items[0].outcome, back.items[0].place, back.items[0].put_aside) == ("done", "restored", False)
    after = store.manifest()
    # The directory was written to by somebody else in between: its own time is not ours to give back.
    del before[b"1"], after[b"1"]
    assert compare(before, after) == []
    assert batches(str(store.root))[0].state == "restored"


def test_the_commands_say_where_an_item_was_put_aside_and_when_it_is_back(store: Any) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-m", "mlruns_tui", *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    batch = apply(store.plan(RUNS[0]))
    store.run(store.root / RUNS[0])
    root, name = str(store.root), f"{'a' * 32}-restored-{batch.id}.trash"
    code, said = run("backups", "restore", root, batch.id, "--on-conflict", "rename", "--quiet")
    assert (code, said) == (0, f"put aside as {name} in the store's root, because {RUNS[0]} exists\n")
    assert "put aside" in run("backups", "show", root, batch.id)[1]
    assert "Nothing was put back." in run("undo", root, "--quiet")[1]
    shutil.rmtree(store.root / RUNS[0])
    assert run("undo", root, "--quiet") == (0, "1 run is back, every byte and date as before.\n")
