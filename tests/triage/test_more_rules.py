"""The rules of the menu: what each asks for, and that what is protected stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.store import Size
from mlruns_tui.triage.judging import judge
from mlruns_tui.triage.more_rules import (
    AllButBest,
    AllButLast,
    Biggest,
    Broken,
    Deleted,
    Empty,
    Ended,
    Idle,
    SameArtifacts,
    StaleRunning,
)
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Rule, choose


def asked(make: Any, rule: Rule, snapshot: Any) -> list[str]:
    """Run ids, or keys of experiments, in the order they are asked for."""
    return [key.rpartition("/run/")[2] for key in choose(snapshot, [rule], make.NOW)]


def test_runs_are_asked_for_by_how_they_ended(make: Any) -> None:
    runs = [
        make.run(run_id="a", status="FAILED"),
        make.run(run_id="b", status="KILLED"),
        make.run(run_id="c"),
        make.run(run_id="d", status="FAILED", lifecycle_stage="deleted"),
        make.run(run_id="e", status="FAILED", state="malformed"),
    ]
    snapshot = make.snapshot(runs)
    assert asked(make, Ended("FAILED"), snapshot) == ["a"]
    assert asked(make, Ended("KILLED"), snapshot) == ["b"]
    assert asked(make, Deleted(), snapshot) == ["d"]


def test_idle_counts_from_the_last_write_and_unknown_sizes_are_not_idle(make: Any) -> None:
    fresh = Size(1, 1, 1, (make.NOW - make.DAY) * 1_000_000)
    runs = [make.run(run_id="a", ended=90), make.run(run_id="b", size=fresh), make.run(run_id="c", size=None)]
    assert asked(make, Idle(30), make.snapshot(runs)) == ["a"]


def test_experiments_in_the_trash_go_whole(make: Any) -> None:
    inside = make.run(experiment="7", run_id="a", place="trash", lifecycle_stage="deleted")
    trashed = make.experiment("7", place="trash", lifecycle_stage="deleted")
    assert asked(make, Deleted(), make.snapshot([inside], [trashed])) == ["trash/7"]


def test_empty_means_no_run_and_nothing_readable(make: Any) -> None:
    experiments = [make.experiment("1"), make.experiment("2"), make.experiment("3", readable_inside=2)]
    assert asked(make, Empty(), make.snapshot([make.run("1")], experiments)) == ["experiment/2"]
    unread = make.snapshot([], [replace(make.experiment("4"), size=None)])
    assert asked(make, Empty(), unread) == []


def test_the_last_of_each_experiment_stay(make: Any) -> None:
    runs = [make.run(str(1 + at % 2), f"{at}", start_time=1000 + at) for at in range(8)]
    assert asked(make, AllButLast(3), make.snapshot(runs)) == ["0", "1"]


@pytest.mark.parametrize(("end", "expected"), [("max", {"1", "2", "nan"}), ("min", {"4", "9", "nan"})])
def test_the_best_of_each_experiment_stay_and_those_without_the_metric(make: Any, end: Any, expected: set[str]) -> None:
    runs = [make.run("1", name) for name in ("4", "1", "nan", "9", "2", "none")] + [make.run("2", "5")]
    values = {run.key: float(run.run_id) for run in runs if run.run_id != "none"}
    assert set(asked(make, AllButBest(2, "acc", end, values), make.snapshot(runs))) == expected


def test_the_biggest_go_until_enough_is_together(make: Any) -> None:
    runs = [make.run(run_id=f"{size}", size=Size(size * 10**9, 1, 1, 1)) for size in (1, 5, 3, 2, 4)]
    snapshot = make.snapshot(runs)
    assert asked(make, Biggest(8 * 10**9), snapshot) == ["5", "4"]
    assert asked(make, Biggest(8 * 10**9, lambda run: run.run_id != "5"), snapshot) == ["4", "3", "2"]
    assert asked(make, Biggest(10**15), snapshot) == ["5", "4", "3", "2", "1"]


def test_broken_goes_from_an_impact_up_where_removing_helps(make: Any) -> None:
    findings = (
        Finding("a", "warns", "1/a", "m", experiment_id="1", run_id="a", remedy="remove"),
        Finding("b", "breaks-run", "1/b", "m", experiment_id="1", run_id="b", remedy="remove"),
        Finding("c", "breaks-store", "1/c", "m", experiment_id="1", run_id="c", remedy="repair"),
        Finding("d", "breaks-store", ".trash/9/meta.yaml", "m", experiment_id="9", remedy="remove"),
        Finding("e", "breaks-store", "models/x", "m", remedy="remove"),
    )
    snapshot = make.snapshot([make.run(run_id=one) for one in "abc"])
    assert asked(make, Broken("breaks-run", findings), snapshot) == ["trash/9", "b"]
    assert asked(make, Broken("warns", findings), snapshot) == ["trash/9", "b", "a"]


def silent(make: Any, days: float, **fields: Any) -> Any:
    written = Size(100, 4096, 3, int(make.NOW - days * make.DAY) * 1_000_000)
    return make.run(ended=None, size=written, **fields)


def test_a_stale_running_run_may_go_by_its_rule_and_no_other_way(make: Any) -> None:
    runs = [silent(make, 30, run_id="a"), silent(make, 2, run_id="b"), silent(make, 30, run_id="c", keep="keep=1")]
    snapshot = make.snapshot(runs)
    facts = Facts(snapshot, make.NOW, Options())
    chosen = choose(snapshot, [StaleRunning(7)], make.NOW)
    verdict = judge(facts, chosen)
    assert [key[-1] for key in verdict.goes] == ["a"]
    assert {one.kind for one in verdict.stays["experiment/1/run/c"]} == {"keep-tag"}
    by_hand = {key: replace(choice, rule="mark") for key, choice in chosen.items()}
    assert judge(facts, by_hand).goes == {}


def test_a_run_that_wakes_up_stays_although_it_was_stale(make: Any) -> None:
    """The plan judges on what it sees then: a write in between keeps it."""
    run = silent(make, 30, run_id="a")
    snapshot = make.snapshot([run])
    chosen = choose(snapshot, [StaleRunning(7)], make.NOW)
    awake = make.snapshot([replace(run, size=Size(100, 4096, 3, (make.NOW - 2 * 3_600_000) * 1_000_000))])
    verdict = judge(Facts(awake, make.NOW, Options()), chosen)
    assert verdict.goes == {}
    assert [one.kind for one in verdict.stays[run.key]] == ["running"]


def test_every_rule_has_words_and_a_name_of_its_own() -> None:
    rules: list[Rule] = [
        Idle(3), Ended("FAILED"), Ended("KILLED"), StaleRunning(7), Deleted(), Empty(), AllButLast(3),
        AllButBest(3, "acc", "max"), Biggest(10**9), Broken("warns"),
    ]  # fmt: skip
    assert len({rule.name for rule in rules}) == len(rules)
    assert len({rule.words() for rule in rules}) == len(rules)


def test_of_runs_with_the_same_artifacts_the_oldest_stays(make: Any) -> None:
    runs = [
        make.run(run_id="a", ended=10),
        make.run(run_id="b", ended=30),
        make.run(run_id="c", start_time=None),
        make.run(run_id="d", ended=50, lifecycle_stage="deleted"),
    ]
    snapshot = make.snapshot(runs)
    keys = tuple(run.key for run in runs)
    assert asked(make, SameArtifacts((keys, ("experiment/9/run/gone", keys[0]))), snapshot) == ["a", "c"]


def test_the_protected_copy_stays_beside_the_oldest(make: Any) -> None:
    runs = [
        make.run(run_id="a", ended=10, keep="keep=paper"),
        make.run(run_id="b", ended=30),
        make.run(run_id="c", ended=20),
    ]
    snapshot = make.snapshot(runs)
    rule = SameArtifacts((tuple(run.key for run in runs),))
    verdict = judge(Facts(snapshot, make.NOW, Options()), choose(snapshot, [rule], make.NOW))
    assert [key.rpartition("/")[2] for key in verdict.goes] == ["c"]
    assert [key.rpartition("/")[2] for key in verdict.stays] == ["a"]


def test_what_was_deleted_long_enough_ago_is_told_by_the_deletion(make: Any) -> None:
    day = make.DAY
    runs = [
        make.run(run_id="a", ended=90, lifecycle_stage="deleted", deleted_time=make.NOW - 5 * day),
        make.run(run_id="b", ended=90, lifecycle_stage="deleted", deleted_time=make.NOW - 50 * day),
        make.run(run_id="c", ended=90, lifecycle_stage="deleted"),
        make.run(run_id="d", ended=90, lifecycle_stage="deleted", size=None),
    ]
    trashed = [
        make.experiment("7", place="trash", lifecycle_stage="deleted", last_update_time=make.NOW - 50 * day),
        make.experiment("8", place="trash", lifecycle_stage="deleted", last_update_time=make.NOW - 5 * day),
        make.experiment("9", place="trash", lifecycle_stage="deleted", size=None),
    ]
    snapshot = make.snapshot(runs, trashed)
    assert asked(make, Deleted(30), snapshot) == ["trash/7", "b", "c"]
    assert asked(make, Deleted(), snapshot) == ["trash/7", "trash/8", "trash/9", "a", "b", "c", "d"]
