"""``backups pack``, ``backups verify`` and ``cleanup --slim``."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.workflow import changing, task

command_module = importlib.import_module("mlruns_tui.cli.backups.pack")
Run = Callable[..., Any]


@pytest.fixture
def cleaned(run: Run, store: Any) -> str:
    """Id of a batch that took four runs and an orphan."""
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    assert isinstance(batch, str)
    return batch


def archives(store: Any) -> list[Path]:
    return sorted(store.root.glob(".mlruns-tui.trash/batches/*/pack/*.tar.zst"))


def test_what_packing_would_gain_is_said_and_nothing_is_done(run: Run, store: Any, cleaned: str) -> None:
    done = run("backups", "pack", store.path, cleaned, "--dry-run")
    assert done.code == 0
    assert "5 items can be packed" in done.out
    gains = run("backups", "pack", store.path, cleaned, "--dry-run", "--json").json["gains"]
    assert len(gains) == 5
    assert all(one["packs"] and one["expected_bytes"] < one["allocated_bytes"] for one in gains)
    assert archives(store) == []


def test_without_anybody_to_ask_packing_needs_force(run: Run, store: Any, cleaned: str) -> None:
    done = run("backups", "pack", store.path, cleaned)
    assert done.code == 2
    assert "--force" in done.err
    assert archives(store) == []


def test_the_worker_loads_while_the_command_looks_and_ends_where_it_is_not_needed(
    run: Run, store: Any, cleaned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start, look = task._worker, changing.batches

    def noted() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    def looked(*arguments: Any) -> Any:
        assert started[-1].poll() is None
        return look(*arguments)

    monkeypatch.setattr(task, "_worker", noted)
    monkeypatch.setattr(command_module, "batches", looked)
    assert run("backups", "pack", store.path, cleaned, "--force").code == 0
    assert "packed already" in (again := run("backups", "pack", store.path, cleaned, "--force")).out and again.code == 0
    assert [one.poll() for one in started] == [0, -signal.SIGKILL]
    assert task._at_hand == []


def test_a_packed_batch_is_verified_and_taken_back(
    run: Run, store: Any, tree: Callable[[Path], Any], cleaned: str
) -> None:
    packed = run("backups", "pack", store.path, cleaned, "--force", "--json")
    assert packed.code == 0
    assert packed.json["result"]["did"] == "pack"
    assert packed.json["result"]["batches"][0]["totals"]["freed_bytes"] > 0
    batch = packed.json["batches"][0]
    assert (batch["state"], batch["items"]["packed"]) == ("packed", 5)
    assert batch["allocated_bytes"] < 5 * 4096 * 4
    assert "nothing differs" in run("backups", "verify", store.path).out
    again = run("backups", "pack", store.path, cleaned, "--force")
    assert (again.code, again.out) == (0, f"Nothing to pack: what batch {cleaned} holds of it is packed already.\n")
    done = run("undo", store.path)
    assert done.code == 0
    assert "4 runs and 1 experiment are back" in done.out
    assert archives(store) == []


def test_a_damaged_backup_is_named_with_exit_5(run: Run, store: Any, cleaned: str) -> None:
    run("backups", "pack", store.path, cleaned, "--force", "--quiet")
    (archive,) = archives(store)
    os.truncate(archive, archive.stat().st_size // 2)
    done = run("backups", "verify", store.path, cleaned)
    assert done.code == 5
    assert "damaged in .mlruns-tui.trash" in done.out
    answer = run("backups", "verify", store.path, "--json")
    assert answer.code == 5
    failed = [item for item in answer.json["result"]["batches"][0]["items"] if item["outcome"] == "failed"]
    assert failed
    assert all(item["error"] for item in failed)
    assert run("undo", store.path).code == 5
    assert archive.exists()


def test_a_moved_item_that_changed_in_the_backup_is_found(run: Run, store: Any, cleaned: str) -> None:
    assert run("backups", "verify", store.path, cleaned).code == 0
    loss = next(store.root.glob(".mlruns-tui.trash/batches/*/data/0/metrics/loss"))
    loss.write_text("something else")
    done = run("backups", "verify", store.path, cleaned)
    assert done.code == 5
    assert "not what it was" in done.out


@pytest.mark.parametrize("command", ["undo", "restore"])
@pytest.mark.parametrize("how", ["written", "a mode", "one more file"])
def test_what_was_changed_in_the_backup_comes_back_as_it_is_and_is_named_with_exit_5(
    run: Run, store: Any, cleaned: str, command: str, how: str
) -> None:
    folder = next(store.root.glob(".mlruns-tui.trash/batches/*/data/0"))
    loss = folder / "metrics" / "loss"
    if how == "written":
        size, then = loss.stat().st_size, loss.stat().st_mtime_ns
        loss.write_text("x" * size)
        os.utime(loss, ns=(then, then))
    elif how == "a mode":
        loss.chmod(0o600)
    else:
        (folder / "stray.txt").write_text("x")
    told = {
        "written": "content, dates, modes, owners or links in it were changed",
        "a mode": "content, dates, modes, owners or links in it were changed",
        "one more file": "files of",
    }[how]
    words = ("undo", store.path) if command == "undo" else ("backups", "restore", store.path, cleaned)
    shown = run("backups", "show", store.path, cleaned, "--ndjson").lines
    done = run(*words, "--json") if how == "a mode" else run(*words)
    assert done.code == 5, done
    if how == "a mode":
        items = done.json["result"]["batches"][0]["items"]
        assert {item["outcome"] for item in items} == {"done"}
        (error,) = [item["error"] for item in items if item["error"]]
        assert told in error
    else:
        assert "1 run was put back, but not as before:\n" in done.out, done
        assert told in done.out
        assert "3 runs and 1 experiment are back, every byte and date as before." in done.out
    assert all((store.root / item["path"]).exists() for item in shown)
    again = run("undo", store.path)
    assert (again.code, "was put back already" in again.err) == (0, True)


def test_undo_of_a_purged_batch_is_said_and_is_no_failure(run: Run, store: Any, cleaned: str) -> None:
    run("backups", "purge", store.path, cleaned, "--force")
    said = run("undo", store.path)
    assert (said.code, said.out) == (0, "")
    assert f"your newest batch {cleaned} was purged: nothing of it is left; nothing was changed" in said.err
    answer = run("undo", store.path, "--json")
    assert answer.code == 0
    assert f"{cleaned} was purged" in answer.json["messages"][0]
    assert (answer.json["batches"][0]["batch"], answer.json["batches"][0]["state"]) == (cleaned, "purged")


def test_without_backups_there_is_nothing_to_verify(run: Run, store: Any) -> None:
    done = run("backups", "verify", store.path)
    assert (done.code, done.out.strip()) == (0, "No backups, nothing to check.")


def test_slim_takes_artifacts_only_and_undo_brings_them_back(run: Run, store: Any, tree: Callable[[Path], Any]) -> None:
    before = [tree(store.root / one) for one in "12"]
    planned = run("cleanup", store.path, "--slim", "--days-old", "30", "--dry-run")
    assert "the artifacts of 4 runs go to a backup" in planned.out
    answer = run("cleanup", store.path, "--slim", "--days-old", "30", "--force", "--json").json
    assert {item["action"] for item in answer["plan"]["items"]} == {"slim"}
    assert {item["path"].rpartition("/")[2] for item in answer["plan"]["items"]} == {"artifacts"}
    for run_id in store.old_runs():
        (folder,) = store.root.glob(f"[12]/{run_id}")
        assert sorted(one.name for one in folder.iterdir()) == ["artifacts", "meta.yaml", "metrics", "params", "tags"]
        assert not list((folder / "artifacts").iterdir())
    again = run("cleanup", store.path, "--slim", "--days-old", "30", "--dry-run")
    assert "4 runs have no artifacts and are left out" in again.out + again.err
    assert run("undo", store.path).code == 0
    assert [tree(store.root / one) for one in "12"] == before


def test_slim_goes_with_runs_only(run: Run, store: Any) -> None:
    done = run("cleanup", store.path, "--slim", "--orphans")
    assert done.code == 2
    assert "--slim is about runs" in done.err


def test_artifacts_a_model_version_needs_are_not_slimmed(run: Run, store: Any) -> None:
    run_id = store.old_runs()[0]
    (folder,) = store.root.glob(f"[12]/{run_id}")
    version = store.root / "models" / "scorer" / "version-1"
    version.mkdir(parents=True)
    (version.parent / "meta.yaml").write_text("name: scorer\ncreation_timestamp: 1\nlast_updated_timestamp: 1\n")
    (version / "meta.yaml").write_text(
        f"name: scorer\nversion: 1\nrun_id: {run_id}\nsource: file://{folder}/artifacts/model\ncurrent_stage: None\n"
        "creation_timestamp: 1\nlast_updated_timestamp: 1\nstatus: READY\nuser_id: ''\ndescription: ''\n"
    )
    answer = run("cleanup", store.path, "--slim", "--days-old", "30", "--force", "--json").json
    assert run_id not in {item["run_id"] for item in answer["plan"]["items"]}
    kept = {item["run_id"]: item["protected"][0]["kind"] for item in answer["plan"]["refused"]}
    assert kept == {run_id: "model-version"}
    assert (folder / "artifacts" / "model.bin").exists()
