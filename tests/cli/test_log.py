"""``log``: every batch ever made in a store, whatever became of it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
ORPHAN = "617283940118264051"


@pytest.fixture
def two_batches(run: Run, store: Any) -> tuple[str, str]:
    """Ids of the batch of an orphan, put back since, and of the one of four runs, purged since."""
    first = run("cleanup", store.path, "--force", "--json").json["result"]["batch"]
    assert run("undo", store.path).code == 0
    second = run("cleanup", store.path, "--days-old", "30", "--no-orphans", "--force", "--json").json["result"]["batch"]
    assert run("backups", "purge", store.path, second, "--force").code == 0
    return first, second


def test_a_store_nobody_cleaned_says_so(run: Run, store: Any) -> None:
    done = run("log", store.path)
    assert (done.code, done.out) == (0, "Nothing was ever removed here with mlruns-tui.\n")
    assert run("log", store.path, "--json").json["batches"] == []
    assert not (store.root / ".mlruns-tui.trash").exists()


def test_what_was_put_back_or_purged_is_still_told(run: Run, store: Any, two_batches: tuple[str, str]) -> None:
    document = run("log", store.path, "--json").json
    newest, oldest = document["batches"]
    assert (oldest["batch"], newest["batch"]) == two_batches
    assert [one["op"] for one in oldest["operations"]] == ["apply", "restore"]
    assert [one["op"] for one in newest["operations"]] == ["apply", "purge"]
    for batch, items in ((oldest, 1), (newest, 4)):
        for one in batch["operations"]:
            assert one["items"] == items
            assert one["host"] == socket.gethostname()
            assert one["user"] in (getpass.getuser(), str(os.geteuid()))
            assert one["ended"] >= one["began"]
        assert batch["get_back"] is None
    assert oldest["contents"][0]["rule"] == "orphaned"
    assert {item["run_id"] for item in newest["contents"]} == set(store.old_runs())
    text = run("log", store.path).out
    assert text.index(two_batches[1]) < text.index(two_batches[0])
    assert "nothing brings it back" in text
    assert "put back: 1 item" in text


def test_the_command_it_names_brings_it_back(run: Run, store: Any) -> None:
    run("cleanup", store.path, "--force")
    command = run("log", store.path, "--json").json["batches"][0]["get_back"]
    assert command.startswith("mlruns-tui backups restore ")
    assert run(*command.split()[1:]).code == 0
    assert (store.root / ORPHAN).is_dir()
    assert run("log", store.path, "--json").json["batches"][0]["get_back"] is None


def test_only_the_newest_are_told_when_asked_for(run: Run, store: Any, two_batches: tuple[str, str]) -> None:
    lines = run("log", store.path, "--ndjson").lines
    assert [one["batch"] for one in lines] == list(reversed(two_batches))
    assert [one["batch"] for one in run("log", store.path, "--last", "1", "--ndjson").lines] == [two_batches[1]]
    assert run("log", store.path, "--last", "0").code == 2


def test_a_run_that_is_there_again_is_reported_and_not_taken_for_restored(run: Run, store: Any) -> None:
    run("cleanup", store.path, "--days-old", "30", "--force")
    ghost = store.root / "1" / store.old_runs()[0] / "artifacts"
    ghost.mkdir(parents=True)
    (ghost / "late.bin").write_text("written by a trainer that did not know")
    batch = run("log", store.path, "--json").json["batches"][0]
    assert (batch["taken"], batch["items"]["moved"], batch["items"]["restored"]) == (1, 5, 0)
    assert "1 removed item is at its place again" in run("log", store.path).out
    done = run("undo", store.path, "--json")
    assert done.json["batches"][0]["items"]["restored"] == 4
    skipped = [item for item in done.json["result"]["batches"][0]["items"] if item["outcome"] == "skipped"]
    assert [item["run_id"] for item in skipped] == [store.old_runs()[0]]
    assert (ghost / "late.bin").is_file()


def test_names_cannot_act_on_the_terminal(run: Run, store: Any) -> None:
    store.experiment("3", "'\\e[31mred'")
    evil = os.fsdecode(b"4\xff\x1b[2J")
    (store.root / evil / ("a" * 32) / "tags").mkdir(parents=True)
    store.age(store.root / evil, 40)
    run("cleanup", store.path, "--force")
    assert "\x1b" not in run("log", store.path).out
    assert run("log", store.path, "--json").code == 0
