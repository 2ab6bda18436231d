"""The review: what is shown, what is left out, and that nothing is done by accident."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Input

from mlruns_tui.disk.look import Space
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Stray
from mlruns_tui.tui.screens.review import ReviewAnswer, ReviewScreen
from mlruns_tui.tui.widgets.buttons import ButtonRow
from mlruns_tui.tui.widgets.row_list import RowList

Lines = Callable[[Any], list[str]]
SPACE = Space(212_000_000_000, 2_000_000_000_000, 100, 200)


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


async def test_cancel_has_the_focus_and_enter_on_it_does_nothing(usual: SimpleNamespace, bare: Any) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen.focused, ButtonRow)
        assert app.screen.focused.chosen == "cancel"
        await pilot.press("enter")
        assert app.answers == [None]


async def test_escape_does_nothing(usual: SimpleNamespace, bare: Any) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("escape")
        assert app.answers == [None]


@pytest.mark.parametrize("keys", [("right", "enter"), ("m",), ("tab", "m"), ("down", "down", "m")])
async def test_the_second_button_and_its_key_give_the_plan_that_was_shown(
    usual: SimpleNamespace, bare: Any, keys: tuple[str, ...]
) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        assert app.answers == [ReviewAnswer(usual.plan)]


async def test_a_click_on_the_second_button_applies(usual: SimpleNamespace, bare: Any) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.click("#buttons", offset=(25, 1))
        assert app.answers == [ReviewAnswer(usual.plan)]


async def test_enter_on_the_list_opens_a_row_and_does_not_apply(
    usual: SimpleNamespace, bare: Any, lines_of: Lines
) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "xgb-hist-256" not in _text(lines_of(app))
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert app.answers == []
        assert "xgb-hist-256" in _text(lines_of(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "xgb-hist-256" not in _text(lines_of(app))


async def test_space_leaves_one_out_and_every_figure_follows(
    usual: SimpleNamespace, bare: Any, lines_of: Lines
) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        before = _text(lines_of(app))
        assert "goes 5 items" in before and "Move 5 items to a backup" in before and "4 runs and 1 experiment" in before
        await pilot.press("down", "space")
        await pilot.pause()
        after = _text(lines_of(app))
        assert "goes 4 items" in after and "Move 4 items to a backup" in after
        assert "4 runs go to a backup: 93.3 MB" in after
        assert "left out" in after
        await pilot.press("m")
        (answer,) = app.answers
        assert [item.key for item in answer.plan.items] == [item.key for item in usual.plan.items[:4]]
        assert answer.plan.totals.experiments == 0
        assert answer.plan.totals.size_bytes == sum(item.size_bytes for item in answer.plan.items)


async def test_space_again_takes_it_in_again(usual: SimpleNamespace, bare: Any) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.press("down", "space", "up", "space", "m")
        assert app.answers == [ReviewAnswer(usual.plan)]


async def test_space_on_an_experiment_leaves_out_all_its_runs(usual: SimpleNamespace, bare: Any) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        rows = app.screen.query_one("#goes", RowList)
        at = next(at for at, row in enumerate(rows.rows) if row.group.key == usual.churn.key)
        await pilot.press(*["down"] * (at + 1), "space", "m")
        (answer,) = app.answers
        assert {item.experiment_id for item in answer.plan.items} == {
            usual.bert.experiment_id,
            usual.orphan.experiment_id,
        }


async def test_when_all_is_left_out_the_button_is_off_and_says_why(
    usual: SimpleNamespace, bare: Any, lines_of: Lines
) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "space", "space", "space")
        await pilot.pause()
        assert "Nothing to move: all of it is left out" in _text(lines_of(app))
        await pilot.press("m", "tab", "tab", "right", "enter")
        assert all(answer is None for answer in app.answers)


async def test_a_parent_whose_child_is_left_out_stays_and_the_screen_says_so(
    build: Any, bare: Any, lines_of: Lines
) -> None:
    experiment = build.experiment("3", "grid", runs=2)
    parent = build.run("3", "the-parent", size_bytes=9_000_000)
    child = build.run("3", "the-child", parent=parent.run_id, size_bytes=5_000_000)
    plan = build.plan([build.item(parent), build.item(child)])
    app = bare(ReviewScreen(plan, build.snapshot({experiment: [parent, child]})))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.press("down", "down", "down", "space")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "its child is kept" in text
        assert "child runs kept" in text
        assert "Nothing to move" in text


async def test_nothing_can_go_says_that_all_are_protected(
    usual: SimpleNamespace, build: Any, bare: Any, lines_of: Lines
) -> None:
    app = bare(ReviewScreen(build.plan([], usual.plan.refused), usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Nothing to move: all 2 are protected" in _text(lines_of(app))
        await pilot.press("right", "enter")
        assert app.answers == [None]


async def test_without_a_backup_the_number_must_be_typed(usual: SimpleNamespace, bare: Any, lines_of: Lines) -> None:
    plan = replace(usual.plan, backup=False)
    app = bare(ReviewScreen(plan, usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        assert "goes for good 5 items" in text and "Delete 5 items" in text
        await pilot.press("right", "enter")
        await pilot.pause()
        assert isinstance(app.screen.focused, Input)
        await pilot.press("4", "enter")
        await pilot.pause()
        assert app.answers == []
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("5", "enter")
        await pilot.pause()
        assert app.answers == [ReviewAnswer(plan)]


async def test_D_turns_the_backup_off_and_on(usual: SimpleNamespace, bare: Any, lines_of: Lines) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.press("right", "D")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "deleted for good" in text and "Nothing brings them back" in text and "none is made" in text
        assert app.screen.query_one(ButtonRow).chosen == "cancel"
        await pilot.press("D", "m")
        assert app.answers == [ReviewAnswer(usual.plan)]


async def test_what_stays_is_shown_by_reason_and_one_by_one(usual: SimpleNamespace, bare: Any, lines_of: Lines) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        assert "may be running" in text and "registered model" in text and "saint-s" not in text
        await pilot.press("s", "enter")
        await pilot.pause()
        assert "◆ saint-s" in _text(lines_of(app))


async def test_in_a_small_window_s_shows_what_stays_in_place_of_the_list(
    usual: SimpleNamespace, bare: Any, lines_of: Lines
) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "stays 2 items" in text and "goes 5 items" not in text
        await pilot.press("escape")
        await pilot.pause()
        assert "goes 5 items" in _text(lines_of(app)) and app.answers == []


async def test_what_happens_is_said_in_the_fixed_order(usual: SimpleNamespace, bare: Any, lines_of: Lines) -> None:
    plan = replace(usual.plan, messages=("3 processes could not be checked",))
    app = bare(ReviewScreen(plan, usual.snapshot, space=SPACE))
    async with app.run_test(size=(140, 50)) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        order = [
            "now    ",
            "after purge",
            plan.id,
            "212 GB free",
            "takes ",
            "hidden ",
            "writers ",
            "mlruns-tui undo",
            "3 processes",
        ]
        places = [text.index(word) for word in order]
        assert places == sorted(places)
        assert "0 B" in text and "no filter is on" in text


async def test_items_a_filter_hides_are_counted(usual: SimpleNamespace, bare: Any, lines_of: Lines) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot, hidden=3, filter_text="lgbm"))
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.pause()
        assert "3 of the 5 are hidden by the filter /lgbm" in _text(lines_of(app))


async def test_the_first_review_of_a_store_says_that_mirrors_must_exclude_the_backups(
    usual: SimpleNamespace, bare: Any, lines_of: Lines
) -> None:
    later = replace(usual.snapshot, strays=(Stray(".mlruns-tui.trash", "own", "our backups"),))
    for snapshot, said in ((usual.snapshot, True), (later, False)):
        app = bare(ReviewScreen(usual.plan, snapshot))
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert ("rsync --delete" in _text(lines_of(app))) is said


async def test_the_words_of_the_rules_are_explained(usual: SimpleNamespace, bare: Any, lines_of: Lines) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        assert "orphaned means: no meta.yaml" in text
        assert "old      means: ended over 30 d ago, active, and needed by nothing." in text


async def test_live_writers_among_what_stays_are_said(
    usual: SimpleNamespace, build: Any, bare: Any, lines_of: Lines
) -> None:
    refused = build.refused(usual.runs[3], Protection("open-by-writer", "in use by python (pid 7, bob)"))
    app = bare(ReviewScreen(build.plan(usual.plan.items, [refused]), usual.snapshot))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert "1  is being written to and left alone" in _text(lines_of(app))


async def test_ten_thousand_items_are_drawn_as_fast_as_ten(build: Any, bare: Any, lines_of: Lines) -> None:
    experiment = build.experiment("3", "big", runs=10_000)
    runs = [build.run("3", f"run-{at}", run_id=f"{at:032x}") for at in range(10_000)]
    plan = build.plan([build.item(run) for run in runs])
    app = bare(ReviewScreen(plan, build.snapshot({experiment: runs})))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.press("down", "enter", "end")
        await pilot.pause()
        rows = app.screen.query_one("#goes", RowList)
        assert len(rows.rows) == 10_001 and rows.cursor == 10_000
        assert "run-9999" in _text(lines_of(app))
        await pilot.press("space")
        await pilot.pause()
        assert "goes 9,999 items" in _text(lines_of(app))


@pytest.mark.parametrize("size", [(140, 44), (80, 24)])
async def test_the_backup_is_named_where_it_will_be(
    usual: SimpleNamespace, bare: Any, lines_of: Lines, size: tuple[int, int]
) -> None:
    app = bare(ReviewScreen(usual.plan, usual.snapshot))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert f".mlruns-tui.trash/batches/{usual.plan.id}" in "\n".join(lines_of(app))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_that_more_is_freed_than_the_files_are_long_has_its_reason(
    usual: SimpleNamespace, bare: Any, lines_of: Lines, size: tuple[int, int]
) -> None:
    totals = replace(usual.plan.totals, allocated_bytes=3 * usual.plan.totals.size_bytes)
    app = bare(ReviewScreen(replace(usual.plan, totals=totals), usual.snapshot))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        assert "3.6 GB" in text and ", whole blocks" in text
