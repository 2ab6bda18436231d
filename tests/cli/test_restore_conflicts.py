"""A removed experiment whose name somebody used again, and one whose place is taken: never overwritten, asked about."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from mlruns_tui.triage.rules import Choice
from mlruns_tui.workflow.changing import start_apply
from mlruns_tui.workflow.deciding import plan_marks
from mlruns_tui.workflow.reading import open_reader, read_all

Run = Callable[..., Any]


@pytest.fixture
def removed(store: Any) -> str:
    """Id of a batch of the whole experiment 2, called ``text``."""
    store.age(store.root / "2", 5)
    reader = open_reader(store.path)
    chosen = {"experiment/2": Choice("experiment/2", "mark", "marked by hand")}
    plan = plan_marks(reader, read_all(reader), chosen, rules=[], words=["marked"])
    assert [one.key for one in plan.items] == ["experiment/2"], plan.refused
    assert start_apply(plan).result().state == "moved"
    assert not (store.root / "2").exists()
    return plan.id


def outcome(document: Any) -> tuple[str, str]:
    (item,) = document.json["result"]["batches"][0]["items"]
    return item["outcome"], item["error"] or ""


def test_an_experiment_whose_name_is_used_again_stays_and_the_other_is_named(
    run: Run, store: Any, removed: str
) -> None:
    store.experiment("7", "text")
    for words in (("undo", store.path), ("backups", "restore", store.path, removed)):
        done = run(*words, "--json")
        result, why = outcome(done)
        assert (done.code, result) == (0, "skipped")
        assert "its name is taken: experiment 7 is called text by now" in why
        assert "It stays in the backup" in why
        assert not (store.root / "2").exists()
    swapped = run("backups", "restore", store.path, removed, "--on-conflict", "swap", "--json")
    assert outcome(swapped)[0] == "skipped"
    assert (store.root / "7" / "meta.yaml").is_file()


def test_it_can_be_put_aside_and_comes_back_once_the_name_is_free(run: Run, store: Any, removed: str) -> None:
    store.experiment("7", "text")
    done = run("backups", "restore", store.path, removed, "--on-conflict", "rename", "--json")
    assert outcome(done)[0] == "done"
    assert not (store.root / "2").exists()
    (aside,) = store.root.glob("2-restored-*.trash")
    assert (aside / "meta.yaml").is_file()
    shutil.rmtree(store.root / "7")
    assert run("backups", "restore", store.path, removed).code == 0
    assert (store.root / "2" / "meta.yaml").is_file()
    assert not aside.exists()


@pytest.mark.parametrize(("name", "lifecycle"), [("text", "deleted"), ("other", "active"), ("Text", "active")])
def test_a_name_that_is_not_in_use_is_no_hindrance(
    run: Run, store: Any, removed: str, name: str, lifecycle: str
) -> None:
    store.experiment("7", name)
    meta = store.root / "7" / "meta.yaml"
    meta.write_text(meta.read_text().replace("active", lifecycle))
    assert outcome(run("undo", store.path, "--json"))[0] == "done"
    assert (store.root / "2" / "meta.yaml").is_file()


def test_an_experiment_whose_id_exists_again_stays_until_told_what_to_do(run: Run, store: Any, removed: str) -> None:
    store.experiment("2", "another")
    result, why = outcome(run("undo", store.path, "--json"))
    assert result == "skipped"
    assert "its place is taken: 2 exists again" in why
    swapped = run("backups", "restore", store.path, removed, "--on-conflict", "swap", "--json")
    assert swapped.code == 0
    assert "name: text" in (store.root / "2" / "meta.yaml").read_text()
    contents = run("backups", "show", store.path, removed, "--json").json["batches"][0]["contents"]
    assert sorted(item["place"] for item in contents) == ["moved", "restored"]


def test_broken_metadata_beside_it_is_no_hindrance(run: Run, store: Any, removed: str) -> None:
    (store.root / "8").mkdir()
    (store.root / "8" / "meta.yaml").write_bytes(b"\xff\x00{")
    (store.root / "9").mkdir()
    assert outcome(run("undo", store.path, "--json"))[0] == "done"


def test_artifacts_whose_run_went_to_another_backup_name_that_run_and_a_command_that_works(
    run: Run, store: Any, tree: Any
) -> None:
    before = [tree(store.root / one) for one in "12"]
    slimmed = run("cleanup", store.path, "--slim", "--days-old", "30", "--force", "--json").json["result"]["batch"]
    gone = run("cleanup", store.path, "--days-old", "30", "--force", "--json").json["result"]["batch"]
    done = run("backups", "restore", store.path, slimmed, "--json")
    assert done.code == 0
    errors = [item["error"] for item in done.json["result"]["batches"][0]["items"]]
    assert len(errors) == 4
    for run_id, error in zip(store.old_runs(), sorted(errors), strict=True):
        assert error.startswith(f"its run {run_id[0]}/{run_id} is in the backup {gone}. It stays in the backup.")
    _, _, remedy = errors[0].partition("Restore that first: ")
    assert run(*shlex.split(remedy)[1:]).code == 0
    assert run("backups", "restore", store.path, slimmed).code == 0
    assert [tree(store.root / one) for one in "12"] == before


def test_artifacts_whose_run_is_gone_for_good_say_that_the_run_is_needed(run: Run, store: Any) -> None:
    slimmed = run("cleanup", store.path, "--slim", "--days-old", "30", "--force", "--json").json["result"]["batch"]
    shutil.rmtree(store.root / "1" / store.old_runs()[0])
    done = run("backups", "restore", store.path, slimmed, "--json")
    errors = [item["error"] for item in done.json["result"]["batches"][0]["items"] if item["error"]]
    run_id = store.old_runs()[0]
    assert errors == [f"its directory 1/{run_id} is gone. It stays in the backup. Restore its run first, then this."]
