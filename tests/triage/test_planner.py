"""A plan says what goes, in what order, and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlruns_tui.model.codec import dumps, loads
from mlruns_tui.model.plan import Plan
from mlruns_tui.triage.plan_head import PlanRequest
from mlruns_tui.triage.planner import kept_back, make_plan
from mlruns_tui.triage.protection import Options
from mlruns_tui.triage.rules import Choice, Old, Orphaned, choose


def plan_of(make: Any, snapshot: Any, evidence: Any = None, rules: Any = (Old(30), Orphaned())) -> Plan:
    request = PlanRequest("20261122-2026-a3f1", make.NOW, "alice", "gpu01")
    return make_plan(snapshot, choose(snapshot, rules, make.NOW), evidence or make.evidence(snapshot), request)


def test_runs_come_before_experiments_and_every_item_moves_out(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="b"), make.run(run_id="a")], [make.experiment("0999", state="orphaned")])
    plan = plan_of(make, snapshot)
    assert [item.path for item in plan.items] == ["1/a", "1/b", "0999"]
    assert all(item.steps[0].kind == "move-out" and item.steps[0].path == item.path for item in plan.items)
    assert (plan.totals.runs, plan.totals.experiments, plan.totals.size_bytes) == (2, 1, 300)


def test_an_orphan_says_how_long_it_was_quiet(make: Any) -> None:
    snapshot = make.snapshot([], [make.experiment("11", state="orphaned")])
    assert "quiet for 60 d" in plan_of(make, snapshot).items[0].reason


def test_what_was_seen_is_in_the_plan_for_the_worker_to_compare(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a")])
    item = plan_of(make, snapshot).items[0]
    assert (item.fingerprint, item.identity.inode, item.files) == ("f", 3, 3)


def test_a_chosen_item_the_snapshot_does_not_know_is_refused_not_dropped(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a")])
    request = PlanRequest("p", make.NOW, "alice", "gpu01")
    chosen = {"experiment/9/run/x": Choice("experiment/9/run/x", "mark", "")}
    plan = make_plan(snapshot, chosen, make.evidence(snapshot), request)
    assert plan.empty
    assert plan.refused[0].run_id == "x"
    assert "not there" in plan.refused[0].protected[0].reason


def test_every_choice_is_either_an_item_or_refused(make: Any) -> None:
    snapshot = make.snapshot(
        [make.run(run_id="a"), make.run(run_id="b", keep="keep=1"), make.run(run_id="c", ended=None)]
    )
    plan = plan_of(make, snapshot)
    assert {one.key for one in plan.items} | {one.key for one in plan.refused} == set(
        choose(snapshot, [Old(30)], make.NOW)
    )


def test_processes_that_could_not_be_checked_are_said(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a")])
    evidence = replace(make.evidence(snapshot), unchecked_processes=7)
    assert any("7 processes" in message for message in plan_of(make, snapshot, evidence).messages)


def test_writers_nobody_here_can_see_are_said(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a")])
    quiet = make.evidence(snapshot)
    assert plan_of(make, snapshot, quiet).messages == ()
    (contained,) = plan_of(make, snapshot, replace(quiet, in_container=True)).messages
    assert contained == "programs outside of this container cannot be seen; status and quiet time decide"
    (elsewhere,) = plan_of(make, snapshot, replace(quiet, unchecked_processes=-1)).messages
    assert elsewhere == "open files cannot be checked on this system; status and quiet time decide"
    remote = make.snapshot([make.run(run_id="a")], network=True, file_system="nfs4")
    (network,) = plan_of(make, remote, make.evidence(remote)).messages
    assert network == (
        "the store is on a network file system (nfs4): programs on other hosts cannot be seen; "
        "status and quiet time decide"
    )


def test_live_training_is_said_when_an_experiment_moves(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="live", ended=None)], [make.experiment("11", state="orphaned")])
    evidence = replace(make.evidence(snapshot), live_runs=("experiment/1/run/live",))
    assert any("training is going on" in message for message in plan_of(make, snapshot, evidence).messages)


def test_a_plan_survives_being_written_and_read(make: Any) -> None:
    odd = make.run(run_id="a\udcff", name="[/] x")
    plan = plan_of(make, make.snapshot([odd, make.run(run_id="k", keep="keep=1")]))
    assert plan.items
    assert plan.refused
    assert loads(Plan, dumps(plan)) == plan


def test_what_a_rule_asked_for_and_marking_left_out_is_told_with_its_reason(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a"), make.run(run_id="b", keep="keep=1"), make.run(run_id="c")])
    asked = choose(snapshot, [Old(30)], make.NOW)
    marked = {"experiment/1/run/a": asked["experiment/1/run/a"]}
    kept = kept_back(snapshot, asked, marked, make.NOW, Options())
    # Run c was unmarked by hand: it is neither marked nor protected, so nothing is said of it.
    assert [(item.run_id, item.protected[0].kind) for item in kept] == [("b", "keep-tag")]


def test_what_could_not_be_read_is_said_with_the_plan(make: Any) -> None:
    snapshot = replace(make.snapshot([make.run(run_id="a")]), messages=("models/ cannot be read",))
    assert "models/ cannot be read" in plan_of(make, snapshot).messages
