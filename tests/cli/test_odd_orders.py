"""The commands about backups in any order: the figures they say are those of the disk, and a damaged part is found."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
STEPS = 14


@pytest.fixture
def filled(store: Any) -> Any:
    """The store with something in each old run that does not compress."""
    chance = random.Random(7)
    for run_id in store.old_runs():
        folder = store.root / run_id[0] / run_id
        (folder / "artifacts" / "noise.bin").write_bytes(chance.randbytes(chance.randrange(1, 150_000)))
        store.age(folder, 60)
    return store


def vault(store: Any) -> Path:
    return Path(store.root) / ".mlruns-tui.trash" / "batches"


def taken(store: Any, batch: str) -> int:
    """Disk space of what a batch keeps, as ``du`` counts it."""
    parts = (path for part in ("data", "pack", "dead") for path in (vault(store) / batch / part).rglob("*"))
    return sum(one.lstat().st_blocks * 512 for one in parts if not one.is_dir())


def listed(run: Run, store: Any) -> dict[str, Any]:
    return {one["batch"]: one for one in run("backups", "list", store.path, "--json").json["batches"]}


def next_command(chance: random.Random, run: Run, store: Any) -> tuple[str, ...]:
    """Something a user might type now, likely or not."""
    clean = ("cleanup", store.path, "--days-old", "30", "--min-idle", "0s", "--force")
    batches = list(listed(run, store))
    kind = chance.choice(["clean", "restore", "restore", "pack", "pack", "purge", "undo"]) if batches else "clean"
    if kind == "clean":
        more = [(), ("--no-orphans",), ("--slim",), ("--experiment", "vision"), ("--no-backup", "--experiment", "text")]
        return (*clean, *chance.choice(more))
    if kind == "undo":
        return ("undo", store.path)
    batch = chance.choice(batches)
    keys = [one["key"] for one in run("backups", "show", store.path, batch, "--ndjson").lines]
    some = [chance.choice(keys)] if chance.random() < 0.6 else []
    more = ("--on-conflict", chance.choice(["skip", "rename", "swap"])) if kind == "restore" else ("--force",)
    return ("backups", kind, store.path, batch, *some, *more, *(("--min-gain", "0") if kind == "pack" else ()))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 25))])
def test_in_any_order_every_figure_is_the_disks(
    run: Run, filled: Any, seed: int, record_property: Callable[[str, object], None]
) -> None:
    store, chance = filled, random.Random(seed)
    for _ in range(STEPS):
        if chance.random() < 0.3:
            # A trainer, or a mirror, puts something where a run was.
            run_id = chance.choice(store.old_runs())
            if not (store.root / run_id[0] / run_id).exists():
                store.run(run_id[0], run_id, "newcomer", 50)
        command = next_command(chance, run, store)
        before = {batch: (one["items"], taken(store, batch)) for batch, one in listed(run, store).items()}
        done = run(*command, "--json")
        assert done.code == 0, (command, done)
        after = listed(run, store)
        for batch, one in after.items():
            assert one["allocated_bytes"] == taken(store, batch), (command, one)
            assert one["damage"] is None
        for result in (done.json.get("result") or {}).get("batches", []):
            counts, held = before[result["batch"]]
            did = {"purge": "purged", "pack": "packed"}.get(done.json["result"]["did"])
            if did:
                changed = sum(item["outcome"] == "done" for item in result["items"])
                assert after[result["batch"]]["items"][did] - counts[did] == changed, (command, result)
                assert result["totals"]["freed_bytes"] == max(0, held - taken(store, result["batch"])), (
                    command,
                    result,
                )
        assert run("backups", "verify", store.path, "--quiet").code == 0, command
    record_property("commands in odd orders whose figures were compared with the disk", STEPS)


@pytest.mark.parametrize(
    ("packed", "what"),
    [(False, "plan.json"), (False, "journal"), (True, "journal"), (False, "a tree"), (True, "pack/*.manifest"),
     (True, "pack/*.tar.zst")],
)  # fmt: skip
def test_one_flipped_bit_is_found_by_verify_and_never_put_back_as_sound(
    run: Run, filled: Any, packed: bool, what: str
) -> None:
    store = filled
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    if packed:
        run("backups", "pack", store.path, batch, "--min-gain", "0", "--force")
    pattern = "data/*/artifacts/noise.bin" if what == "a tree" else what
    path = sorted((vault(store) / batch).glob(pattern))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    verified = run("backups", "verify", store.path, "--json")
    if what == "journal":
        # It explains and never decides.
        assert verified.code == 0
        assert run("undo", store.path).code == 0
        return
    assert verified.code == 5, verified
    undone = run("undo", store.path)
    assert undone.code == 5
    if what == "a tree":
        # Put back as it is: nothing else is left of it.
        assert "1 run was put back, but not as before:\n" in undone.out, undone
        assert "3 runs and 1 experiment are back, every byte and date as before." in undone.out, undone


def test_a_batch_folder_renamed_by_hand_is_said_to_be_damaged_and_put_back_by_its_name(run: Run, filled: Any) -> None:
    store = filled
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    os.rename(vault(store) / batch, vault(store) / "20200101-0000-abcd")
    for words in (("undo", store.path), ("backups", "restore", store.path, "20200101-0000-abcd")):
        done = run(*words)
        assert done.code == 5, done
        assert "its plan cannot be used" in done.err
    assert run("backups", "list", store.path, "--json").code == 0
    assert run("backups", "restore", store.path, batch).code == 2
    os.rename(vault(store) / "20200101-0000-abcd", vault(store) / batch)
    assert run("undo", store.path).code == 0


@pytest.mark.parametrize("older_first", [True, False])
def test_two_batches_of_the_same_run_come_back_in_either_order_without_loss(
    run: Run, filled: Any, older_first: bool
) -> None:
    store = filled
    run_id = store.old_runs()[0]
    batches = []
    for name in ("first", "second"):
        if batches:
            store.run("1", run_id, name, 60)
        done = run("cleanup", store.path, "--days-old", "30", "--run", run_id, "--force", "--json")
        batches.append(done.json["result"]["batch"])
    first, second = batches if older_first else reversed(batches)
    assert run("backups", "restore", store.path, first).code == 0
    mine = (store.root / "1" / run_id / "meta.yaml").read_text()
    skipped = run("backups", "restore", store.path, second, "--json")
    assert [item["outcome"] for item in skipped.json["result"]["batches"][0]["items"]] == ["skipped"]
    assert (store.root / "1" / run_id / "meta.yaml").read_text() == mine
    swapped = run("backups", "restore", store.path, second, "--on-conflict", "swap", "--json")
    assert [item["outcome"] for item in swapped.json["result"]["batches"][0]["items"]] == ["done"]
    assert (store.root / "1" / run_id / "meta.yaml").read_text() != mine
    (kept,) = vault(store).glob("*/data/*/meta.yaml")
    assert kept.read_text() == mine
    assert run("backups", "verify", store.path).code == 0
