"""In a window of 60 lines and more a preview of the run under the cursor stands below the table."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from rich.cells import cell_len

from mlruns_tui.model.details import MetricSeries, RunGlance
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.tui.signs import ASCII, UNICODE
from mlruns_tui.tui.widgets.run_preview import preview_lines

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlruns_tui.tui.flows.previewing.REST_S", 0.001)


def found(it: Any) -> RunGlance | None:
    return None if it.main.previewing is None else it.main.previewing.panel.found


async def shown(it: Any, name: str) -> None:
    await it.until(lambda: found(it) is not None and found(it).key == it.state.run.key, "the preview")
    await it.until(lambda: any(f" {name} " in line for line in it.lines[44:]), f"its title {name}")


async def test_it_shows_params_metrics_tags_and_the_course_of_the_run_under_the_cursor(
    journey: Start, make: Any
) -> None:
    reader = make.reader()
    async with journey(reader, size=(140, 64)) as it:
        await it.to_runs("tabular-churn")
        await shown(it, "lgbm-final-v3")
        await it.press("j")
        await shown(it, "lgbm-final-v2")
        below = "\n".join(it.lines[44:])
        assert "100 points" in below
        assert "params 20" in below
        assert "█" in below
        assert "team red" in below
        assert it.state.run.name == "lgbm-final-v2"


async def test_its_course_is_of_the_metric_that_is_sorted_by(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader, size=(140, 64)) as it:
        await it.to_runs("tabular-churn")
        await it.until(lambda: reader.glanced and reader.glanced[-1][1] == "n", "the first metric of the table")
        it.main.set_state(it.state.sorted_by("metrics.val/loss"))
        await it.until(lambda: reader.glanced[-1] == (it.state.run.key, "val/loss"), "the one sorted by")
        await it.until(lambda: found(it) is not None and found(it).metrics[0].name == "val/loss", "its course")


async def test_a_lower_window_has_none_and_reads_nothing_for_it(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader, size=(140, 59)) as it:
        await it.to_runs("tabular-churn")
        await it.press("j", "j")
        assert it.main.previewing is None
        assert reader.glanced == []
        rows = it.main.run_table.size.height
        await it.pilot.resize_terminal(140, 60)
        await shown(it, it.state.run.name)
        assert it.main.run_table.size.height == rows + 1 - 15
        asked = len(reader.glanced)
        await it.pilot.resize_terminal(140, 59)
        await it.until(lambda: it.main.run_table.size.height == rows, "the whole height")
        await it.press("j", "j")
        assert len(reader.glanced) == asked


async def test_of_runs_passed_by_nothing_is_shown_and_the_reading_is_stopped(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader, size=(140, 64)) as it:
        await it.to_runs("tabular-churn")
        await shown(it, "lgbm-final-v3")
        await it.until(lambda: it.main.previewing._stop is None, "at rest")
        reader.glance_gate.clear()
        await it.press("j")
        first = it.state.run.key
        await it.until(lambda: reader.glanced[-1][0] == first, "asked")
        await it.press("j", "j", "j")
        assert found(it) is None
        await it.until(lambda: reader.glanced[-1][0] == it.state.run.key, "the run arrived at")
        reader.glance_gate.set()
        await shown(it, it.state.run.name)
        assert not [kept for kept, _ in it.main.previewing._kept if kept == first]


async def test_a_run_that_cannot_be_read_is_said_to_be(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader, size=(140, 64)) as it:
        await it.to_runs("tabular-churn")
        await shown(it, "lgbm-final-v3")
        reader.error = MlrunsError("unreadable-run", "101/x cannot be read: permission denied")
        await it.press("j")
        await it.until_text("cannot be read: permission denied")
        reader.error = None
        await it.press("k")
        await shown(it, "lgbm-final-v3")
        assert "permission denied" not in it.text


async def test_hostile_names_stay_in_their_panel(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.hostile_snapshot()]), size=(140, 64)) as it:
        await it.to_runs("hostile")
        for _ in make.hostile:
            await it.until(lambda: found(it) is not None and found(it).key == it.state.run.key, "the preview")
            await it.pilot.pause()
            assert not [one for one in it.text if unicodedata.category(one) in ("Cc", "Cs") and one != "\n"]
            assert all(cell_len(line) == 140 and line[-1] in "│╮╯" for line in it.lines[44:62])
            await it.press("j")
        assert it.app.is_running


@pytest.mark.parametrize("width", [20, 57, 62, 99, 100, 156, 240])
@pytest.mark.parametrize("signs", [UNICODE, ASCII])
def test_its_lines_fit_whatever_is_in_them(make: Any, width: int, signs: Any) -> None:
    nothing = float("nan")
    points = tuple((at, at, value) for at, value in enumerate([nothing, 1e308, -1e308, float("inf"), 0.0]))
    names = tuple((name, name) for name in make.hostile)
    series = tuple(MetricSeries(name, 5, nothing, None, None, None, None, points) for name in make.hostile)
    full = RunGlance("k", names, names, series, (90, 18, 500), ("not all of it was read", "x" * 500))
    for one in (full, RunGlance("k"), RunGlance("k", messages=("params cannot be read",))):
        for height in (4, 13):
            lines = preview_lines(one, width, height, signs)
            assert len(lines) <= height
            assert all(line.cell_length <= width and "\n" not in line.plain for line in lines)


def test_more_than_there_is_room_for_is_counted() -> None:
    params = tuple((f"p{at}", "1") for at in range(40))
    text = "\n".join(line.plain for line in preview_lines(RunGlance("k", params, counts=(90, 0, 0)), 60, 13, UNICODE))
    assert "params 90" in text
    assert "79 more" in text or "80 more" in text
