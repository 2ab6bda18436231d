"""The figures of the commands about backups are those of the disk, whatever was done with a batch before."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def cleaned(run: Run, store: Any) -> str:
    """Id of a batch that took four runs and an orphan, with something in each that does not compress."""
    for at, run_id in enumerate(store.old_runs()):
        folder = store.root / run_id[0] / run_id
        (folder / "artifacts" / "noise.bin").write_bytes(os.urandom(40_000 + 30_000 * at))
        store.age(folder, 60)
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    assert isinstance(batch, str)
    return batch


def folder(store: Any, batch: str) -> Path:
    return Path(store.root) / ".mlruns-tui.trash" / "batches" / batch


def taken(path: Path) -> int:
    """Disk space of the files below a folder."""
    return sum(one.lstat().st_blocks * 512 for one in path.rglob("*") if not one.is_dir())


def on_disk(run: Run, store: Any) -> int:
    size = run("backups", "list", store.path, "--json").json["batches"][0]["allocated_bytes"]
    assert isinstance(size, int)
    return size


def packed(run: Run, store: Any, batch: str) -> None:
    assert run("backups", "pack", store.path, batch, "--min-gain", "0", "--force").code == 0
    assert len(list(folder(store, batch).glob("pack/*.tar.zst"))) == 1


def test_what_a_purged_item_frees_of_an_archive_is_what_the_disk_got_back(run: Run, store: Any, cleaned: str) -> None:
    packed(run, store, cleaned)
    before = taken(folder(store, cleaned) / "pack")
    assert on_disk(run, store) == before
    done = run("backups", "purge", store.path, cleaned, store.old_runs()[0], "--force", "--json")
    after = taken(folder(store, cleaned) / "pack")
    assert 0 < after < before
    assert done.json["result"]["batches"][0]["totals"]["freed_bytes"] == before - after
    assert on_disk(run, store) == after


def test_after_a_part_went_back_the_rest_takes_all_of_the_archive(run: Run, store: Any, cleaned: str) -> None:
    packed(run, store, cleaned)
    whole = on_disk(run, store)
    assert run("backups", "restore", store.path, cleaned, *store.old_runs()[:3]).code == 0
    assert on_disk(run, store) == taken(folder(store, cleaned) / "pack") == whole
    assert run("undo", store.path).code == 0
    assert on_disk(run, store) == taken(folder(store, cleaned) / "pack") == 0


def test_what_a_question_says_it_frees_is_what_it_frees(run: Run, store: Any, cleaned: str) -> None:
    packed(run, store, cleaned)
    before = taken(folder(store, cleaned) / "pack")
    asked = run("backups", "purge", store.path, cleaned)
    assert asked.code == 2
    from mlruns_tui.report.words import size_text

    held = run("backups", "list", store.path, "--json").json["batches"][0]["size_bytes"]
    assert f"4 runs and 1 experiment (held {size_text(held)}, frees {size_text(before)} on disk) would be" in asked.err
    done = run("backups", "purge", store.path, cleaned, "--force", "--json")
    assert done.json["result"]["batches"][0]["totals"]["freed_bytes"] == before


class TestAfterASwap:
    """Two items of one key: the run that came back, and what was in its place."""

    @pytest.fixture
    def swapped(self, run: Run, store: Any, cleaned: str) -> str:
        first = store.old_runs()[0]
        new = store.run("1", first, "newcomer", 50)
        (new / "artifacts" / "big.bin").write_bytes(os.urandom(100_000))
        done = run("backups", "restore", store.path, cleaned, first, "--on-conflict", "swap", "--json")
        assert [one["outcome"] for one in done.json["result"]["batches"][0]["items"]] == ["done"]
        return cleaned

    def test_purging_by_id_deletes_what_the_backup_has_and_nothing_else(
        self, run: Run, store: Any, swapped: str
    ) -> None:
        first = store.old_runs()[0]
        before = taken(folder(store, swapped) / "data")
        done = run("backups", "purge", store.path, swapped, first, "--force", "--json")
        (result,) = done.json["result"]["batches"]
        assert [one["outcome"] for one in result["items"]] == ["done"]
        assert result["totals"]["runs"] == 1
        assert result["totals"]["freed_bytes"] == before - taken(folder(store, swapped) / "data")
        assert (store.root / "1" / first / "artifacts" / "noise.bin").stat().st_size == 40_000

    def test_packing_by_id_reports_one_item(self, run: Run, store: Any, swapped: str) -> None:
        first = store.old_runs()[0]
        done = run("backups", "pack", store.path, swapped, first, "--min-gain", "0", "--force", "--json")
        (result,) = done.json["result"]["batches"]
        assert [one["outcome"] for one in result["items"]] == ["done"]
        assert result["totals"]["freed_bytes"] >= 0
        assert run("backups", "pack", store.path, swapped, first, "--min-gain", "0", "--force").code == 0

    def test_swapping_back_and_undo_agree_with_the_disk(self, run: Run, store: Any, swapped: str) -> None:
        first = store.old_runs()[0]
        for size in (None, 40_000):
            done = run("backups", "restore", store.path, swapped, first, "--on-conflict", "swap", "--json")
            assert [one["outcome"] for one in done.json["result"]["batches"][0]["items"]] == ["done"]
            noise = store.root / "1" / first / "artifacts" / "noise.bin"
            assert (noise.stat().st_size if noise.exists() else None) == size
        undone = run("undo", store.path, "--json")
        outcomes = sorted(str(one["outcome"]) for one in undone.json["result"]["batches"][0]["items"])
        assert outcomes == ["done"] * 4 + ["skipped"]
        assert undone.code == 0


def test_packing_that_gains_nothing_says_that_it_takes_more(run: Run, store: Any, cleaned: str) -> None:
    from mlruns_tui.report.plan_text import freed_sentence

    assert freed_sentence(-4096, 0) == "It takes 4.1 kB more than before."
    before = on_disk(run, store)
    done = run("backups", "pack", store.path, cleaned, store.old_runs()[3], "--min-gain", "0", "--force", "--json")
    freed = done.json["result"]["batches"][0]["totals"]["freed_bytes"]
    assert freed == max(0, before - on_disk(run, store))


def test_a_repair_is_not_packed_and_that_is_said(run: Run, store: Any) -> None:
    (store.root / "1" / "meta.yaml").unlink()
    assert run("repair", store.path, "--force").code == 0
    batch = run("backups", "list", store.path, "--json").json["batches"][0]["batch"]
    done = run("backups", "pack", store.path, batch, "--force")
    assert done.code == 0
    said = f"Nothing to pack: batch {batch} is a repair, and what that set aside is small and stays as it is.\n"
    assert done.out == said
