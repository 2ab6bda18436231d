"""``--where``: runs by a filter expression, listed and cleaned up, and what is said when it is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


def names(document: Any) -> set[str]:
    return {one["run_name"] for one in document["runs"]}


def log(store: Any, number: str, at: int, part: str, name: str, text: str) -> None:
    """A metric, param or tag of a run, as old as the rest of it."""
    folder = store.root / number / f"{number}{at:031x}"
    (folder / part).mkdir(exist_ok=True)
    (folder / part / name).write_text(text)
    store.age(folder, 50)


def test_a_listing_has_the_runs_that_match_and_their_experiments(run: Run, store: Any) -> None:
    log(store, "1", 0, "metrics", "acc", "1 0.9 0\n2 0.1 1\n")
    log(store, "2", 1, "metrics", "acc", "1 0.05 0\n")
    done = run("list", store.path, "--where", "metrics.acc < 0.2 and not run_name like 'text%'", "--json")
    assert done.code == 0
    assert names(done.json) == {"vision-0"}
    assert [one["experiment_id"] for one in done.json["experiments"]] == ["1"]
    assert done.json["totals"]["runs"] == 7
    lines = run("list", store.path, "--where", "age > 30d", "--ndjson").lines
    assert {one["run_name"] for one in lines if one["kind"] == "run"} == {"vision-0", "vision-1", "text-0", "text-1"}


def test_a_clean_up_takes_what_matches_and_nothing_else(run: Run, store: Any) -> None:
    log(store, "1", 0, "params", "model", "bad")
    log(store, "2", 1, "params", "model", "bad")
    log(store, "2", 2, "params", "model", "good")
    done = run("cleanup", store.path, "--where", "params.model = 'bad'", "--force", "--json")
    assert done.code == 0
    assert {one["rule"] for one in done.json["plan"]["items"]} == {"where"}
    there = {path.name for number in "12" for path in (store.root / number).iterdir() if path.is_dir()}
    assert there == {f"1{1:031x}", f"1{2:031x}", f"2{0:031x}", f"2{2:031x}"}
    assert (store.root / "617283940118264051").is_dir(), "orphans were not asked for"


def test_it_narrows_the_other_selectors(run: Run, store: Any) -> None:
    arguments = ["--days-old", "30", "--where", "run_name = 'text-1' or run_name = 'text-2'", "--dry-run", "--json"]
    plan = run("cleanup", store.path, *arguments).json["plan"]
    assert [one["run_id"] for one in plan["items"]] == [f"2{1:031x}"]
    plan = run("cleanup", store.path, "--orphans", *arguments).json["plan"]
    assert {one["kind"] for one in plan["items"]} == {"run", "experiment"}
    arguments = ["--experiment", "vision", "--where", "age > 30d", "--dry-run", "--json"]
    plan = run("cleanup", store.path, *arguments).json["plan"]
    assert {one["experiment_id"] for one in plan["items"]} == {"1"}


def test_what_is_protected_stays_although_it_matches(run: Run, store: Any) -> None:
    log(store, "1", 0, "tags", "keep", "yes")
    plan = run("cleanup", store.path, "--where", "run_name = 'vision-0'", "--dry-run", "--json").json["plan"]
    assert plan["items"] == []
    assert [one["kind"] for one in plan["refused"][0]["protected"]] == ["keep-tag"]


def test_deleted_and_broken_runs_match_only_where_they_are_asked_for(run: Run, store: Any) -> None:
    meta = store.run("1", "d" * 32, "gone", 70) / "meta.yaml"
    meta.write_text(meta.read_text().replace("lifecycle_stage: active", "lifecycle_stage: deleted"))
    assert names(run("list", store.path, "--where", "age > 65d", "--json").json) == {"vision-0", "text-0"}
    found = names(run("list", store.path, "--where", "lifecycle_stage = deleted", "--json").json)
    assert found == {"gone"}


def test_what_cannot_be_read_is_said_and_never_taken(run: Run, store: Any) -> None:
    log(store, "1", 0, "metrics", "acc", "nonsense\n")
    done = run("cleanup", store.path, "--where", "not metrics.acc > 0", "--dry-run", "--json")
    assert f"1{0:031x}" not in {one["run_id"] for one in done.json["plan"]["items"]}
    done = run("cleanup", store.path, "--where", "not metrics.acc > 0", "--dry-run")
    assert "1 run cannot be told to match or not" in done.out + done.err


@pytest.mark.parametrize("command", ["list", "cleanup"])
def test_an_error_points_at_its_place(run: Run, store: Any, command: str) -> None:
    done = run(command, store.path, "--where", "metrics.a < 1 and parms.b = 'x'")
    assert done.code == 2
    assert done.out == ""
    assert done.err.splitlines() == [
        "metrics.a < 1 and parms.b = 'x'",
        "                  ^",
        'mlruns-tui: --where, character 19: no field "parms"; did you mean params? (--help has examples)',
    ]
    done = run(command, store.path, "--where", "size > ", "--json")
    assert done.code == 2
    assert done.json["error"]["code"] == "bad-expression"


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_expression_asks_for_nothing(run: Run, store: Any, text: str) -> None:
    done = run("cleanup", store.path, "--where", text, "--force")
    assert done.code == 2
    assert "empty" in done.err
    assert len(os.listdir(store.root / "1")) == 4


def test_hostile_text_reaches_the_terminal_harmless(run: Run, store: Any) -> None:
    done = run("cleanup", store.path, "--where", "run_name = '\x1b[31m' \x1b", "--dry-run")
    assert done.code == 2
    assert "\x1b" not in done.err
    done = run("cleanup", store.path, "--where", "run_name != '\x1b]0;t\x07'", "--dry-run")
    assert done.code == 0
    assert "\x1b]0" not in done.out
