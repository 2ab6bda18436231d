"""Runs sorted by what was read of them, and what a column asks a reader for."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlruns_tui.model.values import RunValues, Wanted
from mlruns_tui.triage.columns import LOST, cell_of, is_column, label_of, number_of, sorted_by_cell, wanted_of
from mlruns_tui.triage.ordering import Order
from mlruns_tui.triage.views import run_rows


@pytest.fixture
def runs(make: Any) -> Any:
    """Runs with these names, in this order."""
    return lambda *names: [make.run(run_id=name, name=name) for name in names]


def names(found: Any) -> list[str]:
    return [run.name for run in found]


def test_numbers_are_sorted_as_numbers_and_what_is_missing_comes_last_both_ways(runs: Any) -> None:
    given = runs("a", "b", "c", "d", "e", "f")
    cells = dict(zip((run.key for run in given), ("10", "9", "1e1", None, LOST, "-2"), strict=True))
    assert names(sorted_by_cell(given, cells, False)) == ["f", "b", "a", "c", "d", "e"]
    assert names(sorted_by_cell(given, cells, True)) == ["a", "c", "b", "f", "d", "e"]


def test_texts_follow_numbers_and_nan_follows_texts(runs: Any) -> None:
    given = runs("a", "b", "c", "d", "e")
    cells = {run.key: cell for run, cell in zip(given, (math.nan, "x-10", 3.0, "x-9", math.inf), strict=True)}
    assert names(sorted_by_cell(given, cells, False)) == ["c", "e", "d", "b", "a"]
    assert names(sorted_by_cell(given, cells, True)) == ["e", "c", "b", "d", "a"]


def test_what_was_not_read_is_missing_and_equal_ones_stand_by_name(runs: Any) -> None:
    given = runs("z", "run-10", "run-9", "y")
    cells = {given[1].key: 1.0, given[2].key: 1.0}
    assert names(sorted_by_cell(given, cells, True)) == ["run-9", "run-10", "y", "z"]


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1_000", None), ("infinity", None), ("nan", None), ("", None), ("0x1f", None), (" 2 ", 2.0), ("-1e-3", -0.001)],
)
def test_a_text_is_a_number_only_when_it_is_written_as_one(cell: str, number: float | None) -> None:
    assert number_of(cell) == number


def test_children_are_sorted_below_their_parent_by_value_too(make: Any) -> None:
    parent = make.run(run_id="p", name="p")
    one, two, other = (
        make.run(run_id=name, name=name, parent=up) for name, up in (("k1", "p"), ("k2", "p"), ("o", ""))
    )
    cells = {parent.key: 1.0, one.key: 5.0, two.key: 7.0, other.key: 3.0}
    rows = run_rows([parent, one, two, other], Order("metrics.x", True), 0, cells=cells)
    assert [(row.run.name, row.depth) for row in rows] == [("o", 0), ("p", 0), ("k2", 1), ("k1", 1)]


def test_a_column_asks_for_its_own_value_under_its_exact_name() -> None:
    assert wanted_of(["size", "metrics.a.b", "params.lr", "tags.a/b", "metrics.a.b"]) == Wanted(
        ("a.b",), ("lr",), ("a/b",)
    )
    values = RunValues("k", {"a.b": 0.5}, {"lr": "x" * 5000}, unreadable=frozenset({"tags.t"}))
    assert cell_of(values, "metrics.a.b") == 0.5
    assert len(str(cell_of(values, "params.lr"))) == 200
    assert cell_of(values, "params.none") is None
    assert cell_of(values, "tags.t") is LOST


def test_only_what_can_be_shown_is_a_column() -> None:
    assert [name for name in ("size", "metrics.x", "metrics.", "x.y", "name", "", "tags.a.b") if is_column(name)] == [
        "size", "metrics.x", "tags.a.b",
    ]  # fmt: skip
    assert label_of("tags.a.b") == "a.b"


def test_what_is_sorted_by_anew_begins_with_the_most_but_words_with_the_first() -> None:
    assert Order().pressed("metrics.x") == Order("metrics.x", True)
    assert Order().pressed("params.x") == Order("params.x", False)
    assert Order("metrics.x", True).pressed("metrics.x") == Order("metrics.x", False)
