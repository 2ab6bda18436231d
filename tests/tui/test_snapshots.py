"""What the screens look like, cell by cell: any change of a picture is looked at and meant.

After a change that is meant: ``pytest tests/tui/test_snapshots.py --snapshot-update``.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.tui.screens.findings import FindingsScreen
from mlruns_tui.tui.screens.review import ReviewScreen

NOW_MS = 1_795_000_000_000
SMALL, LARGE = (80, 24), (140, 40)
DARK, LIGHT = "mlruns-dark", "mlruns-light"
Steps = Callable[[Any], Awaitable[None]]


@pytest.fixture
def make(make_at: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Everything at one moment, on one machine."""
    clock = SimpleNamespace(**{**vars(time), "time_ns": lambda: NOW_MS * 1_000_000})
    monkeypatch.setattr("mlruns_tui.model.clock.time", clock)
    monkeypatch.setattr("mlruns_tui.workflow.deciding.plan_id", lambda now_utc, random_hex: f"{now_utc}-a3f1")
    monkeypatch.setattr("mlruns_tui.tui.flows.showing.socket", SimpleNamespace(gethostname=lambda: "gpu01"))
    monkeypatch.setenv("TZ", "UTC")
    return make_at(NOW_MS)


async def lists(it: Any) -> None:
    """As it opens."""


async def marked(it: Any) -> None:
    await it.press("o")
    await it.until(lambda: it.state.marks, "marks")
    await it.press("O", "enter")
    await it.until(lambda: len({mark.rule for mark in it.state.marks}) == 2, "marks by both rules")


async def review(it: Any) -> None:
    await marked(it)
    await it.press("d")
    await it.until(lambda: isinstance(it.app.screen, ReviewScreen), "the review")


async def help_of(it: Any) -> None:
    await it.press("?")
    await it.until(lambda: it.app.screen is not it.main, "the help")


async def filtered(it: Any) -> None:
    await it.to_runs("tabular-churn")
    await it.press("2", "slash", *"xgb")
    await it.until(lambda: it.state.run_filter == "xgb", "the filter")


async def findings(it: Any) -> None:
    await it.press("F")
    await it.until(lambda: isinstance(it.app.screen, FindingsScreen), "the findings")
    await it.until(lambda: it.state.diagnosis is not None, "looked through")


async def overview(it: Any) -> None:
    await it.press("W")
    await it.until(lambda: it.app.screen is not it.main, "the overview")


async def rules(it: Any) -> None:
    await it.press("x")
    await it.until(lambda: it.app.screen is not it.main, "the rules")


PICTURES: dict[str, tuple[Steps, tuple[int, int], str]] = {
    "lists-80-dark": (lists, SMALL, DARK),
    "lists-140-dark": (lists, LARGE, DARK),
    "lists-140-light": (lists, LARGE, LIGHT),
    "marked-80-dark": (marked, SMALL, DARK),
    "marked-140-dark": (marked, LARGE, DARK),
    "filtered-140-light": (filtered, LARGE, LIGHT),
    "review-80-dark": (review, SMALL, DARK),
    "review-140-light": (review, LARGE, LIGHT),
    "help-80-light": (help_of, SMALL, LIGHT),
    "help-140-dark": (help_of, LARGE, DARK),
    "findings-80-dark": (findings, SMALL, DARK),
    "findings-140-light": (findings, LARGE, LIGHT),
    "overview-80-light": (overview, SMALL, LIGHT),
    "overview-140-dark": (overview, LARGE, DARK),
    "rules-80-dark": (rules, SMALL, DARK),
    "rules-140-light": (rules, LARGE, LIGHT),
}


def shown(it: Any) -> str:
    return "\n".join(it.lines)


async def still(it: Any) -> None:
    """Until two looks in a row see the same."""
    before = ""
    while before != (before := shown(it)):
        await it.pilot.pause(0.05)


@pytest.fixture
def looks(snap_compare: Any, journey_of: Any) -> Callable[..., None]:
    def compare(app: Any, steps: Steps, size: tuple[int, int]) -> None:
        failed: list[BaseException] = []

        async def ready(pilot: Any) -> None:
            it = journey_of(app, pilot)
            try:
                await it.until_read()
                await steps(it)
                await still(it)
            except BaseException as error:
                # The app would run on without anybody to end it.
                failed.append(error)
                app.exit()

        same = snap_compare(app, terminal_size=size, run_before=ready)
        if failed:
            raise failed[0]
        assert same

    return compare


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did(looks: Any, app_of: Any, make: Any, name: str) -> None:
    steps, size, theme = PICTURES[name]
    looks(app_of(make.reader(), theme=theme), steps, size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80", "140"])
def test_hostile_names_look_as_they_did(looks: Any, app_of: Any, make: Any, size: tuple[int, int]) -> None:
    async def to_them(it: Any) -> None:
        await it.to_runs("hostile")

    looks(app_of(make.reader([make.hostile_snapshot()]), theme=DARK), to_them, size)
