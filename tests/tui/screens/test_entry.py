"""Details of what is no run: who needs it, what is wrong in it, and the keys that help."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.findings import Finding
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.screens.entry import EntryScreen
from mlruns_tui.tui.screens.findings import FindingsScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Paths of the findings whose repair was asked for."""
    found: list[list[str]] = []
    monkeypatch.setattr(
        "mlruns_tui.tui.flows.repairing.Repairing.review", lambda self, these: found.append([one.path for one in these])
    )
    return found


@pytest.fixture
def reader(make: Any) -> Any:
    run = make.snapshot.runs["experiment/101"][0].run_id
    findings = (
        Finding("run-metric-line-unreadable", "breaks-experiment", f"101/{run}/metrics/auc", "A metric line. Searching fails.", 7, "101", run,
                "repair", "fails", "a metric line"),
        Finding("mismatch", "warns", "101/meta.yaml", "An odd key. It warns.", None, "101", what="an odd key"),
        Finding("name", "breaks-store", ".ipynb_checkpoints", "Not a name. Nothing is listed.", remedy="remove"),
        Finding("model", "silent", "models/churn-scorer/meta.yaml", "An odd model. Nothing.", remedy="none"),
    )  # fmt: skip
    return make.reader([replace(make.snapshot, findings=findings)])


async def details_of(it: Any, key: str) -> EntryScreen:
    it.main.moving.jump_to(key)
    await it.until(lambda: it.state.cursor_key == key, key)
    await it.press("i")
    screen = await it.on(EntryScreen)
    await it.pilot.pause()
    return screen  # type: ignore[no-any-return]


async def test_an_experiment_shows_who_needs_it_and_all_that_is_wrong_in_it(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await details_of(it, "experiment/101")
        for said in ("protected", "tabular-churn", "version 3 of churn-scorer", "findings 2", "breaks-experiment",
                     "metrics/auc:7", "An odd key. It warns.", "e repair"):  # fmt: skip
            assert said in it.text, said


async def test_e_repairs_only_what_is_wrong_here(journey: Start, reader: Any, asked: list[list[str]]) -> None:
    async with journey(reader) as it:
        await details_of(it, "experiment/101")
        await it.press("e")
        assert [len(one) for one in asked] == [1]
        assert asked[0][0].endswith("metrics/auc")
        await it.press("escape")
        await details_of(it, "experiment/104")
        await it.press("e")
        await it.until_toast("nothing to repair here")
        assert len(asked) == 1


async def test_an_experiment_is_marked_from_its_details(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await details_of(it, "experiment/104")
        await it.until_text("free to go: needed by nothing", "nothing wrong found here")
        await it.press("space")
        assert set(it.state.marks.by_key) == {"experiment/104"}
        await it.until_text("marked: marked by hand", "Space unmark")
        await it.press("space")
        assert not it.state.marks


async def test_strays_and_models_have_details_and_are_not_marked(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await details_of(it, "stray/.ipynb_checkpoints")
        await it.until_text("breaks-store", "Not a name.", "a directory MLflow trips over")
        await it.press("space")
        await it.until_toast("only experiments and runs are marked")
        await it.press("escape")
        await details_of(it, "model/churn-scorer")
        await it.until_text("An odd model.", "versions  2")
        assert not it.state.marks


async def test_f_goes_on_to_all_findings(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await details_of(it, "experiment/101")
        await it.press("F")
        await it.until(lambda: isinstance(it.app.screen, FindingsScreen), "all findings")


async def test_a_group_has_no_details_and_says_so(journey: Start, reader: Any) -> None:
    async with journey(reader) as it:
        await it.press("1", "home", "i")
        await it.until_text("details: this is a group")


async def test_a_run_shows_its_findings_and_e_repairs_them(
    journey: Start, reader: Any, asked: list[list[str]], make: Any
) -> None:
    run = make.snapshot.runs["experiment/101"][0]
    async with journey(reader) as it:
        it.main.moving.jump_to(run.key)
        await it.until(lambda: it.state.run is not None and it.state.run.key == run.key, "the run")
        await it.press("i")
        await it.until(lambda: isinstance(it.app.screen, DetailsScreen), "the details")
        await it.until_text("findings 1", "A metric line.", "metrics/auc:7", "e repair")
        await it.press("e")
        assert [one[0].endswith("metrics/auc") for one in asked] == [True]


async def test_a_run_and_all_below_it_are_marked_by_one_key(journey: Start, make: Any) -> None:
    """The grid of the believable store is protected by one child that is not old: all of them together may go."""
    async with journey(make.reader()) as it:
        await it.to_runs("tabular-churn")
        await it.to_run("grid-2026-09-12")
        await it.press("V")
        family = {"grid-2026-09-12"} | {one.name for one in make.snapshot.runs["experiment/101"] if one.parent}
        assert len(family) == 6
        assert it.marked == family
        await it.until_text("marked 6")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=lambda one: f"{one[0]}x{one[1]}")
async def test_at_every_size_borders_close(
    journey: Start, reader: Any, size: tuple[int, int], closed_borders: Any
) -> None:
    async with journey(reader, size=size) as it:
        await details_of(it, "experiment/101")
        closed_borders(it.app)
        assert "breaks-experiment" in it.text


async def test_hostile_names_are_only_text(journey: Start, make: Any, no_controls: Any) -> None:
    snapshot = make.hostile_snapshot()
    async with journey(make.reader([snapshot])) as it:
        for at in (0, 5, 6, 13, 16):
            await details_of(it, f"experiment/8{at}")
            no_controls(it.app)
            await it.press("escape")
