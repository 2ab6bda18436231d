"""``backups`` and ``undo``: what is kept, and what becomes of it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ORPHAN = "617283940118264051"


@pytest.fixture
def cleaned(run: Run, store: Any) -> str:
    """Id of a batch that took four runs and an orphan."""
    batch = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    assert isinstance(batch, str)
    return batch


def test_a_store_without_backups_says_so(run: Run, store: Any) -> None:
    done = run("backups", "list", store.path)
    assert done.code == 0
    assert done.out.startswith("No backups.")
    assert run("backups", "list", store.path, "--json").json["batches"] == []


def test_batches_are_listed_and_shown(run: Run, store: Any, cleaned: str) -> None:
    listed = run("backups", "list", store.path)
    assert cleaned in listed.out
    assert "moved" in listed.out
    batch = run("backups", "list", store.path, "--json").json["batches"][0]
    assert batch["items"]["moved"] == 5
    assert batch["size_bytes"] > 20_000
    shown = run("backups", "show", store.path, cleaned)
    assert "vision-0" in shown.out
    contents = run("backups", "show", store.path, cleaned, "--json").json["batches"][0]["contents"]
    assert {item["place"] for item in contents} == {"moved"}
    assert run("backups", "show", store.path, cleaned, "--ndjson").lines == contents
    assert run("backups", "list", store.path, "--ndjson").lines == [batch]


def test_items_are_restored_by_run_id_experiment_id_or_path(run: Run, store: Any, cleaned: str) -> None:
    first, second = store.old_runs()[:2]
    done = run("backups", "restore", store.path, cleaned, first, ORPHAN, f"1/{second}", "--json")
    assert done.code == 0
    items = done.json["result"]["batches"][0]["items"]
    assert {item["run_id"] or item["experiment_id"] for item in items if item["outcome"] == "done"} == {
        first, ORPHAN, second,
    }  # fmt: skip
    assert (store.root / "1" / first / "meta.yaml").is_file()
    assert (store.root / ORPHAN).is_dir()
    assert run("backups", "list", store.path, "--json").json["batches"][0]["items"]["moved"] == 2


def test_a_batch_in_the_store_here_needs_no_path(start: Run, store: Any, cleaned: str) -> None:
    done = start("backups", "restore", cleaned, cwd=store.root.parent)
    assert done.code == 0
    assert "are back" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "name a batch"),
        (["restore"], "name a batch"),
        (["purge"], "--older-than"),
        (["restore", "20200101-0000-0000"], "there is no batch"),
        (["restore", "newest"], "is not the id of a batch"),
        (["restore", "BATCH", "nothing-like-it"], "no such item"),
        (["purge", "BATCH", "--older-than", "1d"], "either"),
    ],
)
def test_what_is_not_there_is_refused(run: Run, store: Any, cleaned: str, words: list[str], said: str) -> None:
    words = [cleaned if word == "BATCH" else word for word in words]
    done = run("backups", words[0], store.path, *words[1:], "--json")
    assert done.code == 2
    assert said in done.json["error"]["message"] + done.json["error"]["hint"]


def test_what_stands_in_the_way_is_left_alone(run: Run, store: Any, cleaned: str, tree: Callable[[Path], Any]) -> None:
    first = store.old_runs()[0]
    taken = store.root / "1" / first
    taken.mkdir()
    (taken / "mine").write_text("x")
    done = run("backups", "restore", store.path, cleaned, first, "--json")
    assert done.json["result"]["batches"][0]["items"][0]["outcome"] == "skipped"
    assert (taken / "mine").read_text() == "x"
    swapped = run("backups", "restore", store.path, cleaned, first, "--on-conflict", "swap", "--json")
    assert swapped.json["result"]["batches"][0]["items"][0]["outcome"] == "done"
    assert (taken / "meta.yaml").is_file()


class TestUndo:
    def test_it_says_what_came_back(self, run: Run, store: Any, cleaned: str) -> None:
        document = run("undo", store.path, "--json").json
        assert document["document"] == "backups"
        assert document["result"]["did"] == "restore"
        assert {item["outcome"] for item in document["result"]["batches"][0]["items"]} == {"done"}
        assert document["batches"][0]["items"]["restored"] == 5

    def test_twice_is_said_and_takes_no_older_batch(self, run: Run, store: Any) -> None:
        run("cleanup", store.path, "--force")
        run("cleanup", store.path, "--no-orphans", "--days-old", "30", "--force")
        assert run("undo", store.path).code == 0
        again = run("undo", store.path)
        assert again.code == 0
        assert len(again.err.splitlines()) == 1
        assert not (store.root / ORPHAN).exists()

    def test_without_any_batch_is_said(self, run: Run, store: Any) -> None:
        done = run("undo", store.path)
        assert done.code == 0
        assert len(done.err.splitlines()) == 1

    def test_it_needs_no_terminal_and_no_force(self, start: Run, store: Any, cleaned: str) -> None:
        assert start("undo", store.path).code == 0

    def test_a_store_left_empty_can_be_undone(self, run: Run, tmp_path: Path, make_store: Any) -> None:
        store = make_store(tmp_path / "bare" / "mlruns")
        import shutil

        for name in ("1", "2"):
            shutil.rmtree(store.root / name)
        assert run("cleanup", store.path, "--force").code == 0
        assert [path.name for path in store.root.iterdir()] == [".mlruns-tui.trash"]
        assert run("list", store.path).code == 0
        assert run("undo", store.path).code == 0
        assert (store.root / ORPHAN).is_dir()


class TestPurge:
    def test_it_asks_for_the_number_of_items(self, in_terminal: Run, store: Any, cleaned: str) -> None:
        words = ["backups", "purge", store.path, cleaned]
        for answer in ("\n", "y\n", "4\n"):
            done = in_terminal(*words, answers=(("to purge:", answer),))
            assert done.code == 2
            assert "nothing was changed" in done.out
        done = in_terminal(*words, answers=(("to purge:", "5\n"),))
        assert done.code == 0
        assert "4 runs and 1 experiment deleted for good." in done.out

    def test_without_a_terminal_it_names_the_option(self, run: Run, store: Any, cleaned: str) -> None:
        done = run("backups", "purge", store.path, cleaned)
        assert done.code == 2
        assert "add --force" in done.err
        assert run("backups", "list", store.path, "--json").json["batches"][0]["items"]["moved"] == 5

    def test_it_frees_the_space_and_says_so(self, run: Run, store: Any, cleaned: str) -> None:
        done = run("backups", "purge", store.path, cleaned, "--force", "--json")
        assert done.code == 0
        result = done.json["result"]
        assert result["did"] == "purge"
        assert result["batches"][0]["totals"]["freed_bytes"] > 20_000
        assert run("list", store.path, "--json").json["totals"]["size_bytes"] < 20_000
        again = run("backups", "purge", store.path, cleaned, "--force")
        assert again.code == 0
        assert "holds nothing any more" in again.out

    def test_some_items_of_a_batch(self, run: Run, store: Any, cleaned: str) -> None:
        run("backups", "purge", store.path, cleaned, store.old_runs()[0], "--force")
        counts = run("backups", "list", store.path, "--json").json["batches"][0]["items"]
        assert (counts["purged"], counts["moved"]) == (1, 4)
        assert run("undo", store.path, "--json").code == 0
        assert not (store.root / "1" / store.old_runs()[0]).exists()
        assert (store.root / "1" / store.old_runs()[1]).is_dir()

    def test_older_batches_go_and_younger_ones_stay(self, run: Run, store: Any, cleaned: str) -> None:
        done = run("backups", "purge", store.path, "--older-than", "30d", "--force")
        assert (done.code, done.out) == (0, "Nothing to purge.\n")
        assert run("backups", "purge", store.path, "--older-than", "30d", "--force", "--quiet").out == ""
        assert run("backups", "purge", store.path, "--older-than", "0", "--force").code == 0
        assert run("backups", "list", store.path, "--json").json["batches"][0]["items"]["purged"] == 5


def test_a_store_somebody_is_changing_is_told_with_exit_11(
    run: Run, store: Any, cleaned: str, tree: Callable[[Path], Any]
) -> None:
    before = tree(store.root)
    with open(store.root / ".mlruns-tui.trash" / "lock", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for words in (
            ["undo"], ["cleanup", "--run", f"1{2:031x}", "--force"], ["backups", "purge", "--older-than", "0", "--force"],
        ):  # fmt: skip
            done = run(*words, store.path, "--lock-timeout", "50ms")
            assert done.code == 11, done
            assert len(done.err.splitlines()) == 1
            document = run(*words, store.path, "--json")
            assert document.code == 11
            assert document.json["document"] == "error"
    assert tree(store.root) == before
    assert run("undo", store.path).code == 0
