"""Marks belong to items, lists are values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.store import Size
from mlruns_tui.triage.marks import Marks, mark_of, totals
from mlruns_tui.triage.ordering import Order, natural, text_filter
from mlruns_tui.triage.views import run_rows, tree_rows


def test_marks_add_up_by_reason_and_experiment(make: Any) -> None:
    runs = [make.run(run_id="a"), make.run(run_id="b"), make.run(experiment="2", run_id="c")]
    snapshot = make.snapshot(runs, [make.experiment("11", state="orphaned")])
    orphan = snapshot.experiment("experiment/11")
    assert orphan is not None
    marks = Marks().add([mark_of(runs[0], "old", "x"), mark_of(runs[2]), mark_of(orphan, "orphaned", "y")])
    found = totals(marks, snapshot)
    assert (found.runs, found.experiments, found.size_bytes) == (2, 1, 1200)
    assert found.by_reason == (("old", 1, 100), ("mark", 1, 100), ("orphaned", 1, 1000))
    assert found.by_experiment[0] == ("experiment/11", -1, 1000)


def test_a_run_inside_a_marked_experiment_counts_once(make: Any) -> None:
    run = make.run(run_id="a")
    snapshot = make.snapshot([run])
    marks = Marks().add([mark_of(snapshot.experiments[0]), mark_of(run)])
    assert (totals(marks, snapshot).runs, totals(marks, snapshot).experiments) == (0, 1)


def test_what_became_of_marked_items_is_told(make: Any) -> None:
    run, gone = make.run(run_id="a"), make.run(run_id="b")
    marks = Marks().add([mark_of(run), mark_of(gone)])
    later = make.snapshot([replace(run, size=Size(100, 1, 1, 99))])
    found = totals(marks, later)
    assert (found.gone, found.changed) == (1, 1)


def test_a_second_mark_keeps_the_first_reason(make: Any) -> None:
    run = make.run(run_id="a")
    marks = Marks().add([mark_of(run, "old", "first")]).add([mark_of(run, "mark", "second")])
    assert marks.by_key[run.key].reason == "first"
    assert len(marks.remove([run.key])) == 0


def test_children_stand_below_their_parent_each_level_sorted(make: Any) -> None:
    def sized(name: str, size: int, parent: str = "") -> Any:
        return replace(make.run(run_id=name, parent=parent), size=Size(size, 0, 1, 1))

    rows = run_rows(
        [
            sized("small", 1),
            sized("p", 50),
            sized("c1", 5, "p"),
            sized("c2", 9, "p"),
            sized("g", 1, "c1"),
            sized("big", 90),
        ],
        Order(),
        make.NOW,
    )
    assert [(row.run.run_id, row.depth, row.last) for row in rows] == [
        ("big", 0, False), ("p", 0, False), ("c2", 1, False), ("c1", 1, True), ("g", 2, True), ("small", 0, False),
    ]  # fmt: skip
    folded = run_rows([row.run for row in rows], Order(), make.NOW, folded=frozenset({"experiment/1/run/p"}))
    assert [row.run.run_id for row in folded] == ["big", "p", "small"]


def test_no_run_is_lost_to_a_loop_of_parents(make: Any) -> None:
    runs = [make.run(run_id="a", parent="b"), make.run(run_id="b", parent="a"), make.run(run_id="c")]
    assert {row.run.run_id for row in run_rows(runs, Order(), make.NOW)} == {"a", "b", "c"}


def test_sizes_descend_and_equal_sizes_stay_in_name_order(make: Any) -> None:
    runs = [make.run(run_id="run-10"), make.run(run_id="run-9"), make.run(run_id="x", size=None)]
    assert [row.run.run_id for row in run_rows(runs, Order(), make.NOW)] == ["run-9", "run-10", "x"]


@pytest.mark.parametrize("key", ["size", "name", "age", "idle", "files", "status"])
@pytest.mark.parametrize("descending", [True, False])
def test_every_order_takes_unknown_values(make: Any, key: Any, descending: bool) -> None:
    runs = [make.run(run_id="a", size=None, end_time=None, start_time=None), make.run(run_id="b"), make.run(run_id="c")]
    assert len(run_rows(runs, Order(key, descending), make.NOW)) == 3


def test_an_order_pressed_again_turns_round() -> None:
    assert Order().pressed("size") == Order("size", False)
    assert Order().pressed("name") == Order("name", False)
    assert Order("name", False).pressed("age") == Order("age", True)


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [("", "x", True), ("LGBM", "my-lgbm", True), ("lgbm dart", "dart-lgbm", True), ("lgbm dart", "lgbm", False),
     ("!lgbm", "lgbm", False), ("!lgbm", "x", True), ("!", "x", True), ("[/]", "a[/]b", True)],
)  # fmt: skip
def test_a_text_filter_takes_every_word_and_inverts(text: str, name: str, shown: bool) -> None:
    assert text_filter(text)(name) is shown


def test_names_sort_numbers_by_value_whatever_they_hold() -> None:
    names = ["run-10", "run-9", "Run-1", "²", "٣", "", "9", "a9b"]
    assert sorted(names, key=natural)[-3:] == ["Run-1", "run-9", "run-10"] or sorted(names, key=natural)


def test_the_tree_groups_what_is_wrong_and_leaves_empty_groups_out(make: Any) -> None:
    snapshot = make.snapshot(
        [make.run(run_id="a"), make.run(experiment="9", run_id="t", place="trash")],
        [make.experiment("11", state="orphaned"), make.experiment("12", state="malformed")],
    )
    rows = tree_rows(snapshot, Marks(), Order(), make.NOW)
    assert [row.name for row in rows if row.kind == "group"] == ["experiments", "orphaned", "malformed", "trash"]
    assert all(row.group != "trash" or row.kind == "group" for row in rows)
    marks = Marks().add([mark_of(snapshot.all_runs()[0])])
    marked = {row.name: row.marked for row in tree_rows(snapshot, marks, Order(), make.NOW)}
    assert marked["exp 1"] == "part"
    assert marked["experiments"] == "part"
    assert marked["exp 11"] == "none"
