"""A run and all that descends from it."""

from __future__ import annotations

from typing import Any

from mlruns_tui.model.plan import Children, children_of
from mlruns_tui.triage.families import families, with_descendants
from mlruns_tui.triage.plan_head import PlanRequest
from mlruns_tui.triage.planner import make_plan
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Choice


def below(make: Any, *runs: Any, of: tuple[str, ...]) -> tuple[str, ...]:
    return with_descendants(Facts(make.snapshot(runs), make.NOW, Options()), of)


def key(run: str, experiment: str = "1") -> str:
    return f"experiment/{experiment}/run/{run}"


def test_all_generations_are_found_in_every_experiment(make: Any) -> None:
    runs = [
        make.run(run_id="grandchild", experiment="2", parent="child"),
        make.run(run_id="parent"),
        make.run(run_id="child", parent="parent"),
        make.run(run_id="other"),
        make.run(run_id="deleted", parent="parent", lifecycle_stage="deleted"),
    ]
    found = below(make, *runs, of=(key("parent"),))
    assert found[0] == key("parent")
    assert set(found[1:3]) == {key("child"), key("deleted")}
    assert found[3:] == (key("grandchild", "2"),)


def test_a_circle_of_parents_ends(make: Any) -> None:
    runs = [make.run(run_id="a", parent="b"), make.run(run_id="b", parent="a"), make.run(run_id="c", parent="c")]
    assert below(make, *runs, of=(key("a"),)) == (key("a"), key("b"))
    assert below(make, *runs, of=(key("c"),)) == (key("c"),)


def test_an_experiment_takes_only_what_descends_from_it_elsewhere(make: Any) -> None:
    runs = [
        make.run(run_id="parent"),
        make.run(run_id="child", parent="parent"),
        make.run(run_id="away", experiment="2", parent="child"),
        make.run(run_id="back", parent="away"),
        make.run(run_id="further", experiment="3", parent="back"),
    ]
    found = below(make, *runs, of=("experiment/1",))
    assert found == ("experiment/1", key("away", "2"), key("further", "3"))


def test_a_key_the_store_does_not_hold_stays_as_it_is(make: Any) -> None:
    assert below(make, make.run(run_id="a"), of=(key("gone"), key("a"))) == (key("gone"), key("a"))


def test_a_copy_of_a_child_elsewhere_goes_too(make: Any) -> None:
    runs = [
        make.run(run_id="parent"),
        make.run(run_id="child", parent="parent"),
        make.run(run_id="child", experiment="2", place="trash", parent="parent"),
    ]
    assert set(below(make, *runs, of=(key("parent"),))) == {key("parent"), key("child"), "trash/2/run/child"}


def test_a_long_line_of_descendants_takes_no_depth_of_calls(make: Any) -> None:
    runs = [make.run(run_id=str(n), parent=str(n - 1) if n else "") for n in range(5_000)]
    assert len(below(make, *runs, of=(key("0"),))) == 5_000


def fates(make: Any, *runs: Any, of: tuple[str, ...], lifted: tuple[str, ...] = ("parent",)) -> dict[str, Children]:
    snapshot = make.snapshot(runs)
    chosen = {one: Choice(one, "mark", "by hand") for one in of}
    options = Options(lifted=frozenset(lifted))
    return children_of(
        make_plan(snapshot, chosen, make.evidence(snapshot), PlanRequest("p", make.NOW, "me", "here", options=options))
    )


def test_a_plan_knows_which_children_go_and_which_stay(make: Any) -> None:
    runs = [
        make.run(run_id="parent"),
        make.run(run_id="a", parent="parent"),
        make.run(run_id="b", parent="parent"),
        make.run(run_id="c", experiment="2", parent="parent"),
        make.run(run_id="loner", experiment="2"),
    ]
    assert fates(make, *runs, of=(key("parent"), key("a"))) == {key("parent"): Children(going=1, staying=2)}
    of = (key("parent"), key("a"), key("b"), key("c", "2"))
    assert fates(make, *runs, of=of, lifted=()) == {key("parent"): Children(going=3, staying=0)}


def test_children_inside_an_experiment_that_goes_are_not_told_one_by_one(make: Any) -> None:
    runs = [
        make.run(run_id="parent"),
        make.run(run_id="inside", parent="parent"),
        make.run(run_id="away", experiment="2", parent="inside"),
        make.run(run_id="stays", experiment="3"),
    ]
    assert fates(make, *runs, of=("experiment/1",)) == {"experiment/1": Children(going=0, staying=1)}
    assert fates(make, *runs, of=("experiment/1", "experiment/2"), lifted=()) == {
        "experiment/1": Children(going=1, staying=0)
    }


def test_a_family_is_chosen_with_the_reason_of_its_head(make: Any) -> None:
    runs = [
        make.run(run_id="parent", name="grid"),
        make.run(run_id="child", parent="parent"),
        make.run(run_id="grandchild", parent="child"),
    ]
    facts = Facts(make.snapshot(runs), make.NOW, Options())
    chosen = families(facts, {key("parent"): Choice(key("parent"), "mark", "named by its id")})
    assert {one.key: (one.rule, one.reason) for one in chosen.values()} == {
        key("parent"): ("mark", "named by its id"),
        key("child"): ("mark", "descends from grid"),
        key("grandchild"): ("mark", "descends from grid"),
    }
