"""Leaving items out of a plan: fewer items, other totals, and no parent without its child."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlruns_tui.model.plan import Plan, PlanTotals
from mlruns_tui.triage.plan_head import PlanRequest, totals_of
from mlruns_tui.triage.planner import make_plan, parents_of, without
from mlruns_tui.triage.protection import Options
from mlruns_tui.triage.rules import Choice


def _planned(make: Any, snapshot: Any, keys: list[str], **options: Any) -> Plan:
    chosen = {key: Choice(key, "mark", "marked") for key in keys}
    request = PlanRequest("20270115-0800-a3f1", make.NOW, "alice", "gpu01", options=Options(**options))
    return make_plan(snapshot, chosen, make.evidence(snapshot), request)


def _family(make: Any) -> Any:
    grandmother = make.run(run_id="g")
    mother = make.run(run_id="m", parent="g")
    child = make.run(run_id="c", parent="m")
    return make.snapshot([grandmother, mother, child, make.run(run_id="other")])


def test_totals_are_those_of_what_still_goes(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a"), make.run(run_id="b"), make.run("2", "c")])
    plan = _planned(make, snapshot, ["experiment/1/run/a", "experiment/1/run/b", "experiment/2"])
    left = without(plan, {"experiment/1/run/b"})
    assert [item.key for item in left.items] == ["experiment/1/run/a", "experiment/2"]
    assert left.totals == totals_of(left.items)
    assert (left.totals.runs, left.totals.experiments, left.totals.runs_inside) == (1, 1, 1)
    assert left.totals.size_bytes < plan.totals.size_bytes
    assert left.id == plan.id and left.refused == plan.refused


def test_nothing_left_out_is_the_same_plan(make: Any) -> None:
    plan = _planned(make, make.snapshot([make.run()]), ["experiment/1/run/a"])
    assert without(plan, ()) is plan
    assert without(plan, {"experiment/9"}) is plan


def test_everything_left_out_is_an_empty_plan_without_warnings(make: Any) -> None:
    plan = replace(_planned(make, make.snapshot([make.run()]), ["experiment/1/run/a"]), messages=("a warning",))
    left = without(plan, {"experiment/1/run/a"})
    assert left.empty and left.totals == PlanTotals() and left.messages == ()


def test_the_parents_of_a_run_left_out_stay_too_and_say_why(make: Any) -> None:
    snapshot = _family(make)
    keys = [run.key for run in snapshot.all_runs()]
    plan = _planned(make, snapshot, keys)
    assert len(plan.items) == 4
    left = without(plan, {"experiment/1/run/c"}, parents_of(snapshot, plan.items))
    assert [item.key for item in left.items] == ["experiment/1/run/other"]
    said = {item.key: item.protected[0] for item in left.refused}
    assert said["experiment/1/run/m"].kind == said["experiment/1/run/g"].kind == "parent"
    assert said["experiment/1/run/m"].reason == "its child run c is kept"
    assert "experiment/1/run/c" not in said


def test_a_parent_may_be_left_out_while_its_child_goes(make: Any) -> None:
    snapshot = _family(make)
    plan = _planned(make, snapshot, [run.key for run in snapshot.all_runs()])
    left = without(plan, {"experiment/1/run/g"}, parents_of(snapshot, plan.items))
    assert {item.run_id for item in left.items} == {"m", "c", "other"}


def test_where_the_protection_of_parents_is_lifted_only_the_run_itself_stays(make: Any) -> None:
    snapshot = _family(make)
    plan = _planned(make, snapshot, [run.key for run in snapshot.all_runs()], lifted=frozenset({"parent"}))
    left = without(plan, {"experiment/1/run/c"}, parents_of(snapshot, plan.items))
    assert {item.run_id for item in left.items} == {"g", "m", "other"}


def test_an_experiment_that_holds_the_parent_of_a_run_left_out_stays(make: Any) -> None:
    snapshot = make.snapshot([make.run("1", "p"), make.run("2", "c", parent="p"), make.run("3", "x")])
    plan = _planned(make, snapshot, ["experiment/1", "experiment/2"])
    assert {item.key for item in plan.items} == {"experiment/1", "experiment/2"}
    left = without(plan, {"experiment/2"}, parents_of(snapshot, plan.items))
    assert left.empty
    assert [item.key for item in left.refused] == ["experiment/1"]


def test_a_loop_of_parents_comes_to_an_end(make: Any) -> None:
    snapshot = make.snapshot([make.run(run_id="a", parent="b"), make.run(run_id="b", parent="a")])
    plan = _planned(make, snapshot, [run.key for run in snapshot.all_runs()])
    left = without(plan, {"experiment/1/run/a"}, parents_of(snapshot, plan.items))
    assert left.empty and [item.run_id for item in left.refused] == ["b"]


def test_what_is_of_no_use_without_something_left_out_is_left_out_too(make: Any) -> None:
    plan = _planned(
        make, make.snapshot([make.run(run_id=one) for one in "abcd"]), [f"experiment/1/run/{one}" for one in "abcd"]
    )
    a, b, c, d = plan.items
    plan = replace(plan, items=(a, replace(b, after=a.key), replace(c, after=b.key), d))
    assert [item.key for item in without(plan, {a.key}).items] == [d.key]
    assert [item.key for item in without(plan, {c.key}).items] == [a.key, b.key, d.key]
