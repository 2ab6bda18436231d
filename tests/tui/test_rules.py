"""``x``: every rule with what it would mark, before it marks; nothing protected is among it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mlruns_tui.report.words import size_text
from mlruns_tui.tui.rule_menu import ENTRIES
from mlruns_tui.tui.screens import rules as rules_screen
from mlruns_tui.tui.screens.rules import RulesScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(autouse=True)
def numbers_of_no_other_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_screen, "_remembered", {})


async def opened(it: Any, wanted: str = "") -> RulesScreen:
    """The menu with all its figures, its cursor on a line."""
    await it.press("x")
    menu: RulesScreen = await it.on(RulesScreen)
    # Artifacts are compared only when somebody asks.
    await it.until(lambda: len(menu.figures) == len(ENTRIES) - 1, "all figures")
    if wanted:
        at = next(at for at, one in enumerate(menu.entries) if one.id == wanted)
        await it.press(*["down"] * at)
    return menu


async def test_the_menu_counts_and_marks_what_may_go(journey: Start) -> None:
    async with journey() as it:
        menu = await opened(it, "failed")
        counted = menu.figures["failed"][1]
        assert (counted.items, counted.kept) == (1, 0)
        row = next(line for line in it.lines if "failed" in line and "MB" in line)
        assert "40.9 MB" in row
        await it.press("enter")
        await it.until(lambda: it.marked == {"depth8-lr0.10"}, "one run")
        mark = next(iter(it.state.marks))
        assert (mark.rule, mark.reason) == ("failed", "failed")
        assert "failed" in it.text


async def test_several_rules_count_what_they_share_once(journey: Start) -> None:
    async with journey() as it:
        menu = await opened(it, "old")
        await it.press("space", "space")
        assert menu.chosen == {"old", "idle"}
        old, idle = menu.figures["old"][1], menu.figures["idle"][1]
        together = len(old.keys | idle.keys)
        assert f"chosen together: {together} items" in it.text
        await it.press("enter")
        await it.until(lambda: len(it.state.marks) == together, "all of them")
        assert {mark.key for mark in it.state.marks} == old.keys | idle.keys


async def test_the_number_changes_by_arrow_and_digit_and_the_figures_follow(journey: Start) -> None:
    async with journey() as it:
        menu = await opened(it, "old")
        before = menu.figures["old"][1].items
        await it.press("right")
        assert "ended over [60] d ago" in it.text
        await it.until(lambda: menu.figures["old"][0].number == 60, "figures for 60")
        assert menu.figures["old"][1].items < before
        await it.press("4", "5")
        assert "ended over [45] d ago" in it.text
        await it.press("backspace")
        assert "ended over [4] d ago" in it.text
        await it.until(lambda: menu.figures["old"][0].number == 4, "figures for 4")
        await it.press("enter")
        await it.until(lambda: it.state.old_days == 4 and it.state.marks, "marked")


async def test_the_best_by_a_metric_stay(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        menu = await opened(it, "all-but-best")
        await it.until(lambda: menu.known.values, "values")
        await it.until_text("by n, highest first")
        await it.until(lambda: "all-but-best" in menu.figures and not menu._busy, "figures")
        await it.press("enter")
        await it.until(lambda: it.state.marks, "marked")
        kept = {run.name for run in make.snapshot.runs["experiment/102"]} - it.marked
        assert kept == {"run-6", "run-7", "run-8"}
        assert not {"lgbm-final-v3", "lgbm-final-v2", "catboost-gpu-retry"} & it.marked


async def test_nothing_protected_is_marked_by_any_rule(journey: Start) -> None:
    async with journey() as it:
        await opened(it)
        await it.press(*["space"] * len(ENTRIES), "enter")
        await it.until(lambda: it.state.marks, "marked")
        assert not {"lgbm-final-v3", "lgbm-final-v2"} & it.marked
        assert "experiment/837465019283746512" not in {mark.key for mark in it.state.marks}


async def test_the_biggest_say_when_less_than_asked_for_can_be_reached(journey: Start) -> None:
    async with journey() as it:
        menu = await opened(it, "biggest")
        reached = menu.figures["biggest"][1].size_bytes
        assert 2 * 10**9 < reached < 10 * 10**9
        await it.until_text(f"reach {size_text(reached)}")
        assert f"only {size_text(reached)} of 10.0 GB can be reached" in it.text
        await it.press("2")
        await it.until(lambda: menu.figures["biggest"][0].number == 2, "its figures")
        await it.pilot.pause()
        assert "reach" not in it.text


async def test_esc_marks_nothing(journey: Start) -> None:
    async with journey() as it:
        await opened(it, "failed")
        await it.press("space", "escape")
        await it.until(lambda: not isinstance(it.app.screen, RulesScreen), "closed")
        assert not it.state.marks


async def test_orphans_wait_for_the_whole_store(journey: Start, make: Any) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until(lambda: it.state.snapshot.runs, "some runs")
        await it.press("x")
        await it.until(lambda: isinstance(it.app.screen, RulesScreen), "the menu")
        await it.until_text("orphaned: once all is read")
        reader.let_on(2)


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (60, 16)])
async def test_the_menu_fits_every_window(journey: Start, size: tuple[int, int]) -> None:
    async with journey(size=size) as it:
        await opened(it)
        assert all(len(line) <= size[0] for line in it.lines)
        assert "kept back" in it.text
        assert "Esc" in it.text


def _alike(make: Any, *names: str) -> tuple[str, ...]:
    return tuple(run.key for name in names for run in make.snapshot.all_runs() if run.name == name)


async def test_duplicates_are_read_when_asked_and_the_oldest_and_the_protected_stay(journey: Start, make: Any) -> None:
    reader = make.reader()
    # lgbm-final-v2 is protected; of the others xgb-hist-128 and xgb-hist-256 are as old, the key decides.
    reader.alike = (
        _alike(make, "sweep-13", "sweep-30", "sweep-20", "lgbm-final-v2"),
        _alike(make, "depth6-lr0.10", "depth6-lr0.05"),
    )
    async with journey(reader) as it:
        menu = await opened(it, "duplicates")
        assert "Enter reads artifacts to find them" in it.text and not reader.compared
        await it.press("enter")
        await it.until_text("34 % of 1.0 kB read, Esc stops")
        assert "experiment/105" not in " ".join(reader.compared[0]) and len(reader.compared[0]) >= 40
        reader.compare_gate.set()
        await it.until_text("6 runs in 2 groups of the same artifacts; of each the oldest stays")
        await it.until(lambda: "duplicates" in menu.figures, "figures")
        counted = menu.figures["duplicates"][1]
        assert (counted.items, counted.kept) == (4, 0)
        await it.press("enter")
        await it.until(lambda: len(it.state.marks) == 4, "marked")
        assert it.marked == {"sweep-13", "sweep-20", "sweep-30", "depth6-lr0.05"}
        assert {mark.reason for mark in it.state.marks if mark.name == "sweep-13"} == {
            "same artifacts as lgbm-final-v2, the oldest of 4"
        }
        # Known until the store is read again.
        await it.press("x")
        await it.until_text("duplicates: the same artifacts")
        assert len(reader.compared) == 1


async def test_esc_stops_the_comparison_first_and_leaves_after(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        menu = await opened(it, "duplicates")
        await it.press("enter")
        await it.until_text("Esc stops")
        await it.press("escape")
        await it.until_text("stopped; Enter reads again")
        assert it.app.screen is menu
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "back")
        assert not it.state.marks


async def test_no_duplicates_is_said(journey: Start, make: Any) -> None:
    reader = make.reader()
    reader.compare_gate.set()
    async with journey(reader, size=(80, 24)) as it:
        await opened(it, "duplicates")
        await it.press("enter")
        await it.until_text("no two runs have the same artifacts")
