"""Runs that were sorted and filtered before give the same lines as runs that were not."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlruns_tui.model.store import Size
from mlruns_tui.triage.arranged import Arranged, FlatRows
from mlruns_tui.triage.ordering import Order
from mlruns_tui.triage.views import run_rows

ORDERS = st.builds(Order, st.sampled_from(("size", "name", "idle", "files", "age", "status", "user")), st.booleans())
TEXTS = st.text(st.sampled_from("ab1! \u00df"), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    named=st.lists(st.tuples(st.text(st.sampled_from("abA1ß "), max_size=4), st.integers(0, 3)), max_size=12),
    asked=st.lists(st.tuples(ORDERS, TEXTS), min_size=1, max_size=12),
    prepared=st.booleans(),
)
def test_lines_are_those_of_runs_sorted_anew(
    make: Any, named: list[tuple[str, int]], asked: list[tuple[Order, str]], prepared: bool
) -> None:
    runs = tuple(
        replace(make.run(run_id=f"{at:02d}"), name=name, size=Size(size, 0, size, size))
        for at, (name, size) in enumerate(named)
    )
    arranged = Arranged(runs)
    if prepared:
        arranged.prepare(("size", "name"), make.NOW)
    for order, text in asked:
        # Letter by letter and back again, as it is typed.
        for typed in [text[:end] for end in [*range(len(text) + 1), *range(len(text), -1, -1)]]:
            rows = arranged.rows(order, make.NOW, typed, None)
            wanted = run_rows(runs, order, make.NOW, typed)
            assert list(rows) == wanted
            assert rows[:] == wanted
            assert len(rows) == len(wanted)
            for at, row in enumerate(wanted):
                assert rows.place_of(row.run) == at
                assert rows.place_of_key(row.run.key) == at


def test_a_run_that_is_not_shown_has_no_place(make: Any) -> None:
    one, other = make.run(run_id="a", name="one"), make.run(run_id="b", name="other")
    rows = Arranged((one, other)).rows(Order(), make.NOW, "other", None)
    assert rows.place_of(one) is None
    assert rows.place_of_key(one.key) is None
    assert rows.place_of(replace(other)) is None
    assert rows.place_of_key(other.key) == 0
    assert rows.place_of_key("experiment/9/run/b") is None
    with pytest.raises(IndexError):
        rows[1]


def test_only_what_was_prepared_is_there_at_once(make: Any) -> None:
    arranged = Arranged((make.run(run_id="a"),))
    assert not arranged.is_ready(Order(), "")
    arranged.prepare(("size",), make.NOW)
    assert arranged.is_ready(Order("size", True), "a")
    assert arranged.is_ready(Order("size", False), "!b")
    assert not arranged.is_ready(Order("name", False), "")


def test_where_one_run_stands_under_another_the_lines_are_laid_out_anew(make: Any) -> None:
    arranged = Arranged((make.run(run_id="a"), make.run(run_id="b", parent="a")))
    arranged.prepare(("size",), make.NOW)
    assert not arranged.flat
    assert not arranged.is_ready(Order("size", True), "")


def test_what_passes_a_filter_is_put_in_order_as_far_as_it_is_looked_at(make: Any) -> None:
    number = 9_000
    runs = tuple(make.run(run_id=f"{at:05d}", name=f"n{at * 7919 % number:05d}") for at in range(number))
    arranged = Arranged(runs)
    for text in ("5", "!5", "1 2", "55 5", "none"):
        for order in (Order("name", True), Order("id", False)):
            wanted = run_rows(runs, order, make.NOW, text)
            rows = Arranged(runs).rows(order, make.NOW, text, None)
            assert len(rows) == len(wanted)
            assert rows[:3] == wanted[:3]
            places = [0, len(wanted) // 2, len(wanted) - 1] if wanted else []
            assert [rows.place_of(wanted[at].run) for at in places] == places
            assert rows[-3:] == wanted[-3:]
            assert rows[5:100:7] == wanted[5:100:7]
            assert rows[::-1] == wanted[::-1]
            assert list(rows) == wanted
            assert list(arranged.rows(order, make.NOW, text, None)) == wanted


def test_a_line_is_followed_among_other_lines_of_the_same_runs(make: Any) -> None:
    runs = tuple(make.run(run_id=f"{at:02d}", name=f"n{9 - at}") for at in range(10))
    arranged = Arranged(runs)
    up, down = (arranged.rows(Order("name", way), make.NOW, "", None) for way in (False, True))
    few = arranged.rows(Order("name", False), make.NOW, "n7", None)
    assert up.knows(down)
    assert not up.knows(Arranged(tuple(runs[:])[:5]).rows(Order(), make.NOW, "", None))
    assert up.place_in(down, 3) == 6
    assert up.place_in(few, 7) == 0
    assert up.place_in(few, 3) is None


def test_the_end_of_one_number_and_the_beginning_of_the_next_are_no_place() -> None:
    # In memory 256 ends, and 0 begins, as 1 is written.
    rows = FlatRows((), array("I", [256, 0, 1]))
    assert FlatRows((), array("I", [1])).place_in(rows, 0) == 2
    assert FlatRows((), array("I", [0])).place_in(rows, 0) == 1
    assert FlatRows((), array("I", [65_536])).place_in(rows, 0) is None
