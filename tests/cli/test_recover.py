"""``recover``: a worker killed in the middle of its work, seen, gone on with, taken back, and left."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
CLEANUP = ("cleanup", "--days-old", "30", "--force")


@pytest.fixture
def original(store: Any, tree: Callable[[Path], Any]) -> dict[str, bytes]:
    """Every file of the store as it was."""
    return contents(store.root)


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".mlruns-tui.trash" not in path.parts
    }


@pytest.fixture
def kill(command: list[str], store: Any, hold_worker: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Starts a command and kills its worker before its N-th change; workers after that go on."""

    def killed(words: Sequence[str], before: int, *more: str) -> None:
        held = hold_worker(before)
        arguments = [*command, *words, store.path, *more]
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.kill(held.wait(), signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        monkeypatch.delenv("HOLD_BEFORE")
        assert process.returncode == 1, said
        assert b"Traceback" not in said
        assert b"recover" in said

    return killed


def places(run: Run, store: Any) -> dict[str, int]:
    counts = run("backups", "list", store.path, "--json").json["batches"][0]["items"]
    return {place: number for place, number in counts.items() if number}


def test_what_was_killed_is_seen_at_the_next_start_and_nothing_happens_by_itself(
    run: Run, store: Any, kill: Any, tree: Any
) -> None:
    kill(CLEANUP, 3)
    before = tree(store.root)
    listed = run("list", store.path)
    assert f"stopped half-way; mlruns-tui recover {store.path}" in listed.err
    shown = run("recover", store.path)
    assert shown.code == 11
    assert "clean-up of" in shown.out
    assert "stopped half-way" in shown.out
    assert "2 in the backup" in shown.out
    assert "3 where it was" in shown.out
    for way in ("--continue", "--undo", "--leave"):
        assert way in shown.out
    document = run("recover", store.path, "--json")
    assert document.code == 11
    batch = document.json["batches"][0]
    assert (batch["operation"], batch["at_work"]) == ("apply", False)
    assert [one["way"] for one in batch["choices"]] == ["continue", "undo", "leave"]
    assert sorted(item["place"] for item in batch["contents"]) == ["in-place"] * 3 + ["moved"] * 2
    refused = run("cleanup", store.path, "--force")
    assert refused.code == 11
    assert "mlruns-tui recover" in refused.err
    assert tree(store.root) == before


def test_going_on_finishes_the_batch_and_undo_takes_all_of_it_back(
    run: Run, store: Any, original: Any, kill: Any
) -> None:
    kill(CLEANUP, 3)
    done = run("recover", store.path, "--continue")
    assert (done.code, done.err) == (0, "")
    assert "2 runs and 1 experiment moved to the backup" in done.out
    assert places(run, store) == {"moved": 5}
    assert not (store.root / "1" / store.old_runs()[0]).exists()
    assert run("recover", store.path).code == 0
    assert run("undo", store.path).code == 0
    assert contents(store.root) == original


def test_taking_it_back_restores_every_byte(run: Run, store: Any, original: Any, kill: Any) -> None:
    kill(CLEANUP, 3)
    done = run("recover", store.path, "--undo", "--json")
    assert done.code == 0
    result = done.json["result"]
    assert result["did"] == "undo"
    assert [item["outcome"] for item in result["batches"][0]["items"]] == ["done"] * 2
    assert contents(store.root) == original
    assert run("recover", store.path).out == "Nothing stopped half-way.\n"
    assert run(*CLEANUP, store.path).code == 0


def test_leaving_it_closes_the_batch_with_every_item_where_it_is(
    run: Run, store: Any, original: Any, kill: Any
) -> None:
    kill(CLEANUP, 3)
    before = contents(store.root)
    assert run("recover", store.path, "--leave").code == 0
    assert contents(store.root) == before
    assert places(run, store) == {"moved": 2, "in_place": 3}
    assert run("undo", store.path).code == 0
    assert contents(store.root) == original


def test_what_is_needed_by_now_stays_when_it_goes_on(run: Run, store: Any, kill: Any) -> None:
    kill(CLEANUP, 3)
    left = [run_id for run_id in store.old_runs() if (store.root / run_id[0] / run_id).exists()]
    needed, changed = (store.root / run_id[0] / run_id for run_id in left)
    version = store.root / "models" / "scorer" / "version-1"
    version.mkdir(parents=True)
    (version.parent / "meta.yaml").write_text(
        "creation_timestamp: 1700000000000\ndescription: null\nlast_updated_timestamp: 1700000000000\nname: scorer\n"
    )
    (version / "meta.yaml").write_text(
        f"creation_timestamp: 1700000000000\ncurrent_stage: None\nlast_updated_timestamp: 1700000000000\nname: scorer\n"
        f"run_id: {needed.name}\nsource: file://{needed}/artifacts\nstatus: READY\nversion: 1\n"
    )
    (changed / "metrics" / "loss").write_text("1 2 3\n")
    done = run("recover", store.path, "--continue", "--json")
    items = {item["run_id"]: item for item in done.json["result"]["batches"][0]["items"]}
    assert items[needed.name]["outcome"] == "skipped"
    assert "needed by now" in items[needed.name]["error"]
    assert items[changed.name]["outcome"] == "skipped"
    assert needed.is_dir()
    assert changed.is_dir()
    assert items[None]["outcome"] == "done"


def test_a_killed_undo_goes_on_or_is_left(run: Run, store: Any, original: Any, kill: Any) -> None:
    assert run(*CLEANUP, store.path).code == 0
    kill(("undo",), 3)
    shown = run("recover", store.path)
    assert shown.code == 11
    assert "restore of" in shown.out
    done = run("recover", store.path, "--continue")
    assert done.code == 0
    assert "back" in done.out
    assert contents(store.root) == original


def test_a_killed_restore_of_some_items_goes_on_with_those_only(run: Run, store: Any, kill: Any) -> None:
    assert run(*CLEANUP, store.path).code == 0
    batch = run("backups", "list", store.path, "--json").json["batches"][0]["batch"]
    first, second, *_ = store.old_runs()
    kill(("backups", "restore"), 2, batch, first, second)
    assert run("recover", store.path, "--continue").code == 0
    assert (store.root / first[0] / first).is_dir()
    assert (store.root / second[0] / second).is_dir()
    assert places(run, store) == {"restored": 2, "moved": 3}


def test_a_killed_purge_deletes_the_rest_only_when_that_is_confirmed(run: Run, store: Any, kill: Any) -> None:
    assert run(*CLEANUP, store.path).code == 0
    kill(("backups", "purge", "--older-than", "0", "--force"), 3)
    shown = run("recover", store.path)
    assert shown.code == 11
    assert "purge of" in shown.out
    assert "deleted for good" in shown.out
    refused = run("recover", store.path, "--continue")
    assert refused.code == 2
    assert "add --force" in refused.err
    assert run("recover", store.path, "--continue", "--force").code == 0
    assert places(run, store) == {"purged": 5}


def test_a_killed_purge_gives_back_what_is_whole(run: Run, store: Any, original: Any, kill: Any) -> None:
    assert run(*CLEANUP, store.path).code == 0
    kill(("backups", "purge", "--older-than", "0", "--force"), 3)
    done = run("recover", store.path, "--undo")
    counts = places(run, store)
    assert counts["restored"] >= 2
    assert counts["restored"] + counts["purged"] == 5
    assert "deleted for good before it stopped" in done.out + done.err
    now = contents(store.root)
    assert all(original[path] == data for path, data in now.items())


def test_a_killed_clean_up_without_backup_asks_again_before_it_deletes(run: Run, store: Any, kill: Any) -> None:
    kill((*CLEANUP, "--no-backup"), 3)
    assert run("recover", store.path, "--continue").code == 2
    done = run("recover", store.path, "--continue", "--force")
    assert done.code == 0, done
    assert "deleted for good" in done.out
    assert places(run, store) == {"purged": 5}
    for run_id in store.old_runs():
        assert not (store.root / run_id[0] / run_id).exists()


@pytest.mark.parametrize("way", ["--continue", "--undo", "--leave"])
def test_without_anything_unfinished_nothing_is_done(run: Run, store: Any, tree: Any, way: str) -> None:
    assert run(*CLEANUP, store.path).code == 0
    before = tree(store.root)
    done = run("recover", store.path, way)
    assert done.code == 2
    assert "nothing of yours stopped half-way" in done.err
    assert tree(store.root) == before
    assert run("recover", store.path, "20200101-0000-0000", way).code == 2


def test_killed_again_while_it_goes_on_nothing_is_lost(run: Run, store: Any, original: Any, kill: Any) -> None:
    kill(CLEANUP, 2)
    kill(("recover", "--continue"), 2)
    assert places(run, store) == {"moved": 2, "in_place": 3}
    kill(("recover", "--undo"), 2)
    assert places(run, store)["moved"] == 1
    assert run("recover", store.path, "--continue").code == 0
    assert contents(store.root) == original


@pytest.mark.parametrize("way", ["--continue", "--undo"])
def test_a_killed_packing_goes_on_or_back(run: Run, store: Any, original: Any, kill: Any, way: str) -> None:
    assert run(*CLEANUP, store.path).code == 0
    batch = run("backups", "list", store.path, "--json").json["batches"][0]["batch"]
    kill(("backups", "pack", "--force"), 2, batch)
    shown = run("recover", store.path)
    assert shown.code == 11
    assert "packing of" in shown.out
    assert "5 packed in the backup" in shown.out
    assert "--continue" in shown.out
    done = run("recover", store.path, way)
    assert done.code == 0, done
    assert run("recover", store.path).code == 0
    if way == "--continue":
        assert places(run, store) == {"packed": 5}
        assert run("undo", store.path).code == 0
    assert contents(store.root) == original


@pytest.mark.parametrize("ways", [("--undo", "--leave"), ("--continue", "--undo"), ("--leave", "--continue", "--undo")])
def test_two_ways_at_once_are_refused(run: Run, store: Any, kill: Any, tree: Any, ways: tuple[str, ...]) -> None:
    kill(CLEANUP, 3)
    before = tree(store.root)
    done = run("recover", store.path, *ways)
    assert done.code == 2
    assert "exclude each other; nothing was changed" in done.err
    assert all(way in done.err for way in ways)
    assert tree(store.root) == before


def test_the_remedy_a_refused_clean_up_names_is_a_command_that_works(run: Run, store: Any, kill: Any) -> None:
    kill(CLEANUP, 3)
    refused = run("cleanup", store.path, "--days-old", "30", "--force")
    assert refused.code == 11
    remedies = [part for part in refused.err.split("(") if part.startswith("mlruns-tui ")]
    remedy = remedies[0].partition(" puts it back")[0]
    assert run(*shlex.split(remedy)[1:]).code == 0
    assert run("recover", store.path).code == 0
