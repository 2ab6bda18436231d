"""``=`` from the main screen: which runs are compared, and what marking there does here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mlruns_tui.tui.screens.compare import CompareScreen
from mlruns_tui.tui.screens.details import DetailsScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]


async def _comparing(it: Any) -> CompareScreen:
    screen: CompareScreen = await it.on(CompareScreen)
    await it.until(lambda: len(screen.found) == len(screen.runs), "all runs read")
    return screen


async def test_marked_runs_are_compared_in_the_order_they_were_marked(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        for name in ("xgb-hist-256", "depth6-lr0.10"):
            await it.to_run(name)
            await it.press("space")
        await it.press("equals_sign")
        screen = await _comparing(it)
        assert [run.name for run in screen.runs] == ["xgb-hist-256", "depth6-lr0.10"]
        await it.press("space")
        assert [mark.name for mark in it.state.marks] == ["depth6-lr0.10"]
        await it.press("i")
        await it.until(lambda: isinstance(it.app.screen, DetailsScreen), "details")
        await it.press("escape", "escape")
        await it.until(lambda: it.app.screen is it.main, "back")


async def test_a_range_is_compared_before_marks(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("xgb-hist-256")
        await it.press("space")
        await it.to_run("sweep-13")
        await it.press("v", "down", "down", "equals_sign")
        screen = await _comparing(it)
        assert [run.name for run in screen.runs] == ["sweep-13", "sweep-14", "sweep-15"]
        assert it.main.run_table.range_from is None


async def test_one_marked_run_is_compared_with_the_one_under_the_cursor(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("xgb-hist-256")
        await it.press("space")
        await it.to_run("sweep-20")
        await it.press("equals_sign")
        assert [run.name for run in (await _comparing(it)).runs] == ["xgb-hist-256", "sweep-20"]


async def test_nothing_to_compare_is_said(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.press("equals_sign")
        assert "compare: mark two runs first" in it.main.row_text
        await it.press("v", "equals_sign")
        assert "one run is nothing to compare" in it.main.row_text
        assert it.app.screen is it.main
