"""Every screen at small, middle and large sizes, in both sign sets: frames closed, every line as wide as the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.model.findings import Finding
from mlruns_tui.tui.screens.backups import BackupsScreen
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.screens.for_good import PurgeDialog
from mlruns_tui.tui.screens.progress import ProgressScreen, ResultScreen
from mlruns_tui.tui.screens.review import ReviewScreen
from mlruns_tui.tui.tasks import TaskView
from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.workflow import changing

Lines = Callable[[Any], list[str]]
Check = Callable[[Any], None]
SIZES = [(60, 16), (80, 24), (100, 30), (120, 30), (140, 40), (200, 60)]
KINDS = ["review", "details", "backups", "purge", "progress", "result"]


@pytest.fixture
def made(
    usual: SimpleNamespace, build: Any, fake_reader: Any, fake_work: Any, monkeypatch: Any
) -> Callable[[str], Any]:
    plan = replace(usual.plan, messages=("3 processes of other users could not be checked for open files",))
    batch = build.batch(plan.items)
    stopped = build.batch(plan.items, "in-place", id="20260101-0000-0000", state="unfinished")
    monkeypatch.setattr(changing, "batches", lambda root: (batch, stopped))
    run = usual.runs[0]
    finding = Finding("x", "warns", "3/x", "its dataset is gone", experiment_id="3", run_id=run.run_id)

    def make(kind: str) -> Any:
        if kind == "review":
            return ReviewScreen(plan, usual.snapshot, hidden=2, filter_text="lgbm")
        if kind == "details":
            reader = fake_reader({one.key: build.details(one.key) for one in usual.runs})
            snapshot = replace(usual.snapshot, findings=(finding,))
            return DetailsScreen(
                reader, run.key, [one.key for one in usual.runs], snapshot,
                marked=lambda key: "", protections=lambda key: (), toggle=lambda key: "", at_ms=build.now,
            )  # fmt: skip
        if kind == "backups":
            return BackupsScreen("/data/mlruns", at_ms=build.now)
        if kind == "purge":
            return PurgeDialog(batch)
        view = TaskView(fake_work([], batch))
        if kind == "progress":
            return ProgressScreen(view)
        view.batch, view.ended = batch, True
        return ResultScreen(view, "/data/mlruns")

    return make


async def _settled(app: Any, pilot: Any) -> None:
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("kind", KINDS)
async def test_frames_are_closed_at_every_size_also_when_it_changes(
    made: Callable[[str], Any], bare: Any, closed_borders: Check, lines_of: Lines, kind: str
) -> None:
    app = bare(made(kind))
    async with app.run_test(size=SIZES[0]) as pilot:
        for size in (*SIZES, *reversed(SIZES)):
            await pilot.resize_terminal(*size)
            await _settled(app, pilot)
            closed_borders(app)
            text = "\n".join(lines_of(app))
            assert "Esc" in text or "Enter" in text or "Keep it" in text, size


@pytest.mark.parametrize("kind", KINDS)
async def test_in_ascii_no_other_sign_is_drawn(
    made: Callable[[str], Any], bare: Any, lines_of: Lines, kind: str
) -> None:
    app = bare(made(kind), True)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        strange = {one for row in lines_of(app) for one in row if not one.isascii()}
        assert strange <= set("…–·›█▄▀▁▂▃▅▆▇▌▐"), strange


@pytest.mark.parametrize("kind", KINDS)
async def test_every_theme_draws_every_screen(
    made: Callable[[str], Any], bare: Any, closed_borders: Check, kind: str
) -> None:
    app = bare(made(kind))
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        for theme in ("mlruns-light", "mlruns-blue-orange", "textual-dark", "ansi-dark"):
            app.theme = theme
            await _settled(app, pilot)
            closed_borders(app)


async def test_a_key_pressed_twice_at_once_leaves_only_one_screen(made: Callable[[str], Any], bare: Any) -> None:
    app = bare(made("review"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        row = app.screen.query_one(ButtonRow)
        assert isinstance(row.choices[0], Choice)
        row.press("cancel")
        row.press("cancel")
        await pilot.pause()
        assert app.answers == [None] and len(app.screen_stack) == 1
