"""Keys that arrive together, pasted or over a slow line, mean what they would mean one by one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from textual import events

from mlruns_tui.tui import shown
from mlruns_tui.tui.app import MlrunsApp
from mlruns_tui.tui.screens.review import ReviewScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]


def type_at_once(app: Any, *keys: str) -> None:
    """All keys are in the queue before the first is looked at."""
    for key in keys:
        app.post_message(events.Key({"/": "slash"}.get(key, key), key if len(key) == 1 else None))


async def test_letters_after_the_slash_are_no_commands(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.snapshot])) as it:
        await it.to_runs("tabular-churn")
        type_at_once(it.app, "2", "/", "a", "b", "d", "U", "q")
        await it.until(lambda: it.state.run_filter == "abdUq", "the filter")
        assert not it.state.marks


async def test_keys_typed_before_there_is_a_screen_wait_for_what_they_open(
    journey: Start, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_screen = MlrunsApp.get_default_screen

    def typed_at(app: MlrunsApp) -> Any:
        screen = first_screen(app)
        type_at_once(app, "/", "a", "b", "d", "U", "q")
        return screen

    monkeypatch.setattr(MlrunsApp, "get_default_screen", typed_at)
    async with journey(make.reader([make.snapshot])) as it:
        await it.until(lambda: it.state.tree_filter == "abdUq", "the filter")
        assert not it.state.marks


async def test_the_letter_after_enter_is_a_command_on_what_the_filter_shows(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.snapshot])) as it:
        await it.to_runs("tabular-churn")
        names = {run.key: run.name for runs in it.state.snapshot.runs.values() for run in runs}
        type_at_once(it.app, "2", "/", *"xgb", "enter", "a", "j", "j")
        await it.until(lambda: it.state.marks, "marks")
        assert it.state.run_filter == "xgb"
        assert all("xgb" in names[mark.key] for mark in it.state.marks)


async def test_days_are_typed_answered_and_reviewed_in_one_go(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.snapshot])) as it:
        type_at_once(it.app, "O", *"20", "enter", "d")
        await it.until(lambda: isinstance(it.app.screen, ReviewScreen), "the review")
        assert it.state.old_days == 20
        assert len(it.app.screen.plan.items) == len(it.state.marks) > 0


@pytest.mark.parametrize("number", [shown.SMALL + 1])
async def test_among_many_runs_a_command_waits_for_the_rows_and_marks_it_is_about(
    journey: Start, make: Any, number: int
) -> None:
    snapshot = make.many(number)
    async with journey(make.reader([snapshot])) as it:
        await it.to_runs(snapshot.experiments[0].name)
        runs = [run for runs in snapshot.runs.values() for run in runs]
        wanted = {run.key for run in runs if "99" in run.name + run.run_id}
        type_at_once(it.app, "2", "/", *"99", "enter", "a", "d")
        await it.until(lambda: isinstance(it.app.screen, ReviewScreen), "the review")
        assert {mark.key for mark in it.state.marks} <= wanted
        assert len(it.app.screen.plan.items) == len(it.state.marks) > 0
