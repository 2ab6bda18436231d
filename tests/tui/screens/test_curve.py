"""Curves and sparklines, as pure functions and as the lines of a panel."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.tui.signs import ASCII, UNICODE
from mlruns_tui.tui.widgets.curve import draw, draw_several, sparkline, tick_text, ticks
from mlruns_tui.tui.widgets.curve_view import curve_lines
from mlruns_tui.tui.widgets.metric_list import best_of, lowest_is_best
from mlruns_tui.tui.widgets.several_curves import MOST_CURVES, several_lines

NAN, INF = float("nan"), float("inf")


def _dots(row: str) -> int:
    return sum(bin(ord(cell) - 0x2800).count("1") for cell in row if cell != " ")


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    curve = draw([(0, 0), (10, 10)], 4, 2)
    assert curve is not None
    assert curve.rows == ("  ⡠⠊", "⡠⠊  ")
    assert (curve.low, curve.high, curve.left, curve.right, curve.drawn) == (0, 10, 0, 10, 2)


def test_equal_values_lie_in_the_middle() -> None:
    curve = draw([(0, 5), (1, 5), (2, 5)], 3, 3)
    assert curve is not None
    assert [bool(row.strip()) for row in curve.rows] == [False, True, False]


def test_one_point_is_one_dot() -> None:
    curve = draw([(7, 0.5)], 5, 5)
    assert curve is not None and sum(_dots(row) for row in curve.rows) == 1


@pytest.mark.parametrize("points", [[], [(0, NAN)], [(0, INF), (1, -INF)]])
def test_without_a_number_there_is_no_curve(points: list[tuple[float, float]]) -> None:
    assert draw(points, 10, 5) is None


def test_what_is_not_a_number_is_left_out_counted_and_not_bridged() -> None:
    curve = draw([(0, 1), (1, NAN), (2, INF), (9, 1)], 10, 1)
    assert curve is not None
    assert (curve.drawn, curve.left_out) == (2, 2)
    assert sum(_dots(row) for row in curve.rows) == 2


def test_a_logarithmic_scale_leaves_out_what_is_not_above_zero() -> None:
    curve = draw([(0, 0.0), (1, -3.0), (2, 1.0), (3, 100.0)], 10, 5, logarithmic=True)
    assert curve is not None
    assert curve.left_out == 2 and curve.low == pytest.approx(1) and curve.high == pytest.approx(100)
    assert draw([(0, 0.0)], 10, 5, logarithmic=True) is None


def test_decades_are_evenly_spaced_on_a_logarithmic_scale() -> None:
    assert ticks(1, 100, 3, logarithmic=True) == pytest.approx([100, 10, 1])
    assert ticks(0, 1, 5) == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert ticks(3, 3, 5) == [3]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(width=64), st.floats(width=64)), max_size=40),
    st.integers(1, 30),
    st.integers(1, 12),
    st.booleans(),
)
def test_whatever_was_logged_is_drawn_within_its_cells(
    points: list[tuple[float, float]], width: int, height: int, logarithmic: bool
) -> None:
    points.sort(key=lambda point: (math.isnan(point[0]), point[0]))
    curve = draw(points, width, height, logarithmic)
    if curve is None:
        return
    assert len(curve.rows) == height and all(len(row) == width for row in curve.rows)
    assert 0 <= curve.column(curve.left) <= curve.column(curve.right) < width
    assert curve.drawn + curve.left_out == len(points)


@settings(max_examples=150, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_labels_of_the_axis_stay_short(low: float, high: float) -> None:
    low, high = sorted((low, high))
    for value in ticks(low, high, 5):
        assert len(tick_text(value, low, high)) <= 7


def test_a_sparkline_follows_the_values() -> None:
    heights = UNICODE.columns[:6]
    assert sparkline([0, 1, 2, 3, 4, 5], 6, heights) == "▁▂▃▄▅▆"
    assert sparkline(list(range(600)), 6, heights) == "▁▂▃▄▅▆"
    assert sparkline([1, 1], 6, heights) == "▁▁"
    assert sparkline([1, NAN, 3], 3, heights) == "▁ ▆"
    assert sparkline([], 6, heights) == sparkline([NAN], 6, heights) == ""
    assert len(sparkline([1e308, -1e308, 1e308], 3, heights)) == 3


@pytest.mark.parametrize(
    ("name", "lowest"),
    [("val_loss", True), ("train/loss", True), ("valLoss", True), ("rmse", True), ("eval-wer", True), ("val_auc", False), ("accuracy", False),
     ("gloss", True), ("lr", None), ("grad_norm", None), ("learning_rate", None), ("epoch_s", None), ("system/gpu_0_memory", None), ("", False)],
)  # fmt: skip
def test_which_value_is_best_follows_from_the_name(name: str, lowest: bool | None) -> None:
    assert lowest_is_best(name) is lowest


def test_what_is_best_can_be_turned_round() -> None:
    assert lowest_is_best("val_loss", {"val_loss"}) is False
    assert lowest_is_best("val_auc", {"val_auc"}) is True
    assert lowest_is_best("lr", {"lr"}) is True


def test_best_value_and_its_step(build: Any) -> None:
    series = build.series("x", [3.0, 1.0, 2.0])
    assert best_of(series, True) == (1.0, 1)
    assert best_of(series, False) == (3.0, 0)
    assert best_of(series, None) == (None, None)


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
@pytest.mark.parametrize(("width", "height"), [(46, 17), (57, 24), (30, 8), (20, 5)])
@pytest.mark.parametrize("by_time", [False, True])
def test_the_panel_is_filled_and_never_overflows(
    build: Any, signs: Any, width: int, height: int, by_time: bool
) -> None:
    series = build.series("val_auc", [0.62 + at / 1000 for at in range(300)])
    lines = curve_lines(series, width, height, signs, by_time=by_time, lowest_is_best=False)
    assert len(lines) == height
    assert all(cell_len(one.plain) <= width for one in lines)
    if signs is ASCII:
        assert all(one.plain.replace("…", ".").isascii() for one in lines)


def test_the_best_step_is_marked_on_the_axis_and_named_below_it(build: Any) -> None:
    series = build.series("val_auc", [0.1, 0.9, *[0.5] * 98])
    lines = [one.plain for one in curve_lines(series, 60, 20, UNICODE, lowest_is_best=False)]
    assert "best 0.9000 at step 1" in lines[0]
    assert "┴" in lines[-2] and "best 1" in lines[-1] and "99" in lines[-1]


def test_time_is_counted_from_the_first_point(build: Any) -> None:
    series = build.series("val_auc", [0.1] * 3661)
    lines = curve_lines(series, 60, 20, UNICODE, by_time=True)
    assert "0:00" in lines[-1].plain and "1:01:00" in lines[-1].plain


def test_points_out_of_order_are_drawn_in_order(build: Any) -> None:
    from dataclasses import replace

    series = build.series("x", [float(at) for at in range(50)])
    shuffled = replace(series, points=tuple(sorted(series.points, key=lambda point: point[0] % 7)))
    ordered = curve_lines(series, 60, 20, UNICODE)
    assert [one.plain for one in curve_lines(shuffled, 60, 20, UNICODE)] == [one.plain for one in ordered]


def test_points_left_out_are_said(build: Any) -> None:
    series = build.series("x", [NAN, 1.0, 2.0])
    assert "1 point left out: not a number" in curve_lines(series, 60, 20, UNICODE)[0].plain
    zero = build.series("x", [0.0, 1.0, 2.0])
    assert "1 point left out: not above 0" in curve_lines(zero, 60, 20, UNICODE, logarithmic=True)[0].plain
    nothing = "\n".join(one.plain for one in curve_lines(build.series("x", [NAN]), 60, 20, UNICODE))
    assert "no value is a number" in nothing


def test_a_metric_never_logged_and_one_not_readable_say_so(build: Any) -> None:
    assert [one.plain for one in curve_lines(build.series("x", []), 60, 20, UNICODE)] == ["never logged"]
    lines = curve_lines(build.series("x", [1.0], error="line 3: not a number"), 60, 20, UNICODE)
    assert "line 3: not a number" in lines[-1].plain


def _series(points: list[tuple[int, int, float]]) -> MetricSeries:
    return MetricSeries("m", len(points), points[-1][2] if points else None, None, None, None, None, tuple(points))


ODD = st.sampled_from([NAN, INF, -INF, 1e308, -1e308, 5e-324, 0.0, -1.0]) | st.floats(width=64)
PLACES = st.sampled_from([0, -1, 2**62, -(2**62)]) | st.integers(-5, 5)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(PLACES, PLACES, ODD), max_size=12), min_size=1, max_size=MOST_CURVES + 3),
    st.integers(1, 90),
    st.integers(1, 20),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_several_curves_of_anything_stay_within_their_panel(
    many: list[list[tuple[int, int, float]]], width: int, height: int, logarithmic: bool, by_time: bool, one_clock: bool
) -> None:
    curves = [(at, f"run-{at}", _series(points)) for at, points in enumerate(many, 1)]
    for signs in (UNICODE, ASCII):
        lines = several_lines(
            curves, width, height, signs, logarithmic=logarithmic, by_time=by_time, one_clock=one_clock
        )
        if width >= 24:
            assert all(cell_len(one.plain) <= width for one in lines)


@settings(deadline=None)
@given(
    st.lists(st.tuples(PLACES, PLACES, ODD), max_size=20),
    st.integers(24, 90),
    st.integers(4, 20),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, True, False]),
)
def test_one_curve_of_anything_stays_within_its_panel(
    points: list[tuple[int, int, float]], width: int, height: int, logarithmic: bool, by_time: bool, lowest: bool | None
) -> None:
    finite = [point for point in points if math.isfinite(point[2])]
    low = min(finite, key=lambda point: point[2], default=None)
    high = max(finite, key=lambda point: point[2], default=None)
    series = MetricSeries(
        "m", len(points), points[-1][2] if points else None,
        low and low[2], high and high[2], low and low[0], high and high[0], tuple(points),
    )  # fmt: skip
    lines = curve_lines(series, width, height, UNICODE, logarithmic=logarithmic, by_time=by_time, lowest_is_best=lowest)
    assert all(cell_len(one.plain) <= width for one in lines)


def test_curves_in_one_frame_share_their_axes_and_know_their_cells() -> None:
    plot = draw_several([[(0, 0), (10, 0)], [(0, 10), (5, 10)], [(3, NAN)]], 10, 4)
    assert plot is not None
    assert (plot.low, plot.high, plot.left, plot.right, plot.drawn, plot.left_out) == (0, 10, 0, 10, 4, 1)
    assert set(plot.owners[0]) == {1, -1} and set(plot.owners[3]) == {0}
    assert plot.ends == ((3, 9), (0, 5), None)


def test_every_curve_has_its_number_also_where_they_end_together() -> None:
    curves = [(at, f"r{at}", _series([(0, 0, 1.0), (9, 0, 1.0)])) for at in range(1, 6)]
    lines = [one.plain for one in several_lines(curves, 60, 14, UNICODE)][1:-2]
    assert sorted(one.rstrip()[-1] for one in lines if one.rstrip()[-1:].isdigit()) == ["1", "2", "3", "4", "5"]


def test_curves_that_are_not_drawn_are_counted() -> None:
    curves = [(at, f"r{at}", _series([(0, 0, 1.0)])) for at in range(1, MOST_CURVES + 4)]
    assert several_lines(curves, 80, 10, UNICODE)[0].plain.startswith("3 more not drawn")


@pytest.mark.parametrize(("points", "words"), [([(0, 0, -1.0)], "no value above 0"), ([], "never logged")])
def test_without_a_point_several_curves_say_why(points: list[tuple[int, int, float]], words: str) -> None:
    lines = several_lines([(1, "a", _series(points))] * 2, 60, 10, UNICODE, logarithmic=True)
    assert words in "".join(one.plain for one in lines)
