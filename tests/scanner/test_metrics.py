"""Metric files: the last value is MLflow's wherever it is shown, and few points stand for a million."""

from __future__ import annotations

import math
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mlruns_tui.scanner.metrics import MAX_POINTS, read_metric
from mlruns_tui.scanner.values import _last_value

LINES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["0.5", "nan", "inf", "-inf", "1e308", "-2", "0.25"]),
        st.integers(-1, 2) | st.none(),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def _read(folder: Path, text: str) -> object:
    (folder / "m").write_text(text)
    fd = os.open(folder, os.O_RDONLY)
    try:
        return read_metric("m", "m", fd)[0]
    finally:
        os.close(fd)


@settings(max_examples=200, deadline=None)
@given(lines=LINES)
def test_details_and_filters_agree_on_the_last_value(tmp_path_factory: object, lines: list[tuple]) -> None:
    folder = tmp_path_factory.getbasetemp() / "metric"  # type: ignore[attr-defined]
    folder.mkdir(exist_ok=True)
    text = ""
    for time, value, step, dataset in lines:
        text += f"{time} {value}" + ("" if step is None else f" {step}" + (" data digest" if dataset else "")) + "\n"
    series = _read(folder, text)
    fd = os.open(folder, os.O_RDONLY)
    try:
        wanted = _last_value("m", fd)
    finally:
        os.close(fd)
    last = series.last  # type: ignore[attr-defined]
    assert last == wanted or (math.isnan(last) and math.isnan(wanted))


def test_of_a_million_points_the_extremes_and_both_ends_are_kept(tmp_path: Path) -> None:
    peak = {400_000: 9.0, 700_001: -9.0}
    text = "".join(f"{1_000_000 - at} {peak.get(at, at % 7 / 7)} {at * 7919 % 1_000_003}\n" for at in range(1_000_000))
    series = _read(tmp_path, text)
    assert series.count == 1_000_000 and len(series.points) <= MAX_POINTS  # type: ignore[attr-defined]
    values = {value for _, _, value in series.points}  # type: ignore[attr-defined]
    assert {9.0, -9.0} <= values and (series.highest, series.lowest) == (9.0, -9.0)  # type: ignore[attr-defined]
