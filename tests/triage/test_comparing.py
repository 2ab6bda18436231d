"""Runs side by side as values: what differs, what is best, what is found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlruns_tui.model.details import MetricSeries, RunDetails
from mlruns_tui.triage.comparing import Compared, compare, difference, matches

NAN, INF = float("nan"), float("inf")


def _series(name: str, last: float) -> MetricSeries:
    return MetricSeries(name, 1, last, last, last, 0, 0, ((0, 0, last),))


def _run(params: dict[str, str], metrics: dict[str, float], tags: dict[str, str] | None = None) -> RunDetails:
    series = tuple(_series(name, value) for name, value in metrics.items())
    return RunDetails("experiment/1/run/a", tuple(params.items()), tuple((tags or {}).items()), series, (), "")


def _lowest(name: str) -> bool | None:
    return None if name == "lr" else "loss" in name


def _rows(*runs: RunDetails | None, about: Sequence[tuple[str, Sequence[str]]] = ()) -> dict[str, Compared]:
    return {row.name: row for row in compare(runs, about, _lowest)}


def test_what_differs_comes_first_metrics_before_params_before_tags() -> None:
    one = _run({"depth": "6", "seed": "1"}, {"lr": 0.1, "auc": 0.9, "same": 1.0}, {"team": "a", "host": "h"})
    other = _run({"depth": "8", "seed": "1"}, {"lr": 0.2, "auc": 0.8, "same": 1.0}, {"team": "b", "host": "h"})
    rows = compare([one, other], [("status", ["finished", "failed"])], _lowest)
    assert [row.name for row in rows] == ["auc", "lr", "depth", "status", "team", "same", "seed", "host"]
    assert [row.differs for row in rows] == [True] * 5 + [False] * 3


def test_what_one_run_lacks_differs_and_an_empty_text_is_not_missing() -> None:
    rows = _rows(_run({"a": "", "b": "1"}, {}), _run({"a": ""}, {}))
    assert not rows["a"].differs
    assert rows["b"].differs and rows["b"].texts == ("1", None)


def test_a_run_that_is_not_read_makes_nothing_different() -> None:
    rows = _rows(_run({"a": "1"}, {"loss": 2.0}), None, _run({"a": "1"}, {"loss": 2.0}))
    assert not any(row.differs for row in rows.values())
    assert rows["a"].texts == ("1", None, "1")


def test_nan_is_like_nan_and_not_like_a_number() -> None:
    assert not _rows(_run({}, {"loss": NAN}), _run({}, {"loss": NAN}))["loss"].differs
    assert _rows(_run({}, {"loss": NAN}), _run({}, {"loss": 1.0}))["loss"].differs


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("loss", [0.3, 0.1, 0.2], {1}),
        ("auc", [0.3, 0.1, 0.3], {0, 2}),
        ("auc", [0.3, 0.3, 0.3], set()),
        ("loss", [NAN, 0.5, 0.7], {1}),
        ("loss", [NAN, 0.5, NAN], set()),
        ("auc", [INF, 1.0, -INF], {0}),
        ("lr", [1.0, 2.0, 3.0], set()),
    ],
)
def test_the_best_are_those_nobody_beats_where_there_is_a_better(
    name: str, values: list[float], best: set[int]
) -> None:
    assert _rows(*(_run({}, {name: value}) for value in values))[name].best == best


def test_the_difference_is_the_second_less_the_first_for_metrics_and_numeric_params() -> None:
    rows = _rows(_run({"n": "4", "kind": "x"}, {"auc": 0.5}), _run({"n": "6", "kind": "y"}, {"auc": 0.75}))
    assert difference(rows["auc"]) == 0.25
    assert difference(rows["n"]) == 2
    assert difference(rows["kind"]) is None


@pytest.mark.parametrize("texts", [("1_000", "2"), (" 1", "2"), ("one", "2"), ("", "2")])
def test_a_param_that_is_not_a_number_everywhere_has_no_difference(texts: tuple[str, str]) -> None:
    rows = _rows(*(_run({"n": text}, {}) for text in texts))
    assert difference(rows["n"]) is None and rows["n"].numbers == (None, None)


def test_infinite_less_infinite_is_no_difference() -> None:
    assert difference(_rows(_run({}, {"a": INF}), _run({}, {"a": INF}))["a"]) is None


def test_a_filter_looks_into_names_and_values_and_turns_round() -> None:
    row = _rows(_run({"Optimizer": "adamW"}, {}), _run({"Optimizer": "sgd"}, {}))["Optimizer"]
    assert matches(row, "optim") and matches(row, "ADAM") and matches(row, "") and matches(row, "!lion")
    assert not matches(row, "lion") and not matches(row, "!sgd")
