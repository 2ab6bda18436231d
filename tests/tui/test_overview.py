"""``W``: where the space is, how old the runs are, what rules would mark, and what the disk has left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.tui.overview import EDGES, ages, column, histogram, overview_of
from mlruns_tui.tui.rule_menu import Known
from mlruns_tui.tui.screens.overview import OverviewScreen
from mlruns_tui.tui.signs import ASCII, UNICODE
from mlruns_tui.tui.widgets.overview_words import age_lines, disk_lines, space_lines
from mlruns_tui.workflow.reading import Space
from mlruns_tui.workflow.remembering import Visit, note_visit

Start = Callable[..., AbstractAsyncContextManager[Any]]
DAY_MS = 86_400_000


def view_of(make: Any, **changes: Any) -> Any:
    facts = Facts(make.snapshot, make.now_ms, Options())
    given = {"sizes_before": {}, "total_before": None, "visit_ms": None, **changes}
    return overview_of(facts, Known(facts=facts, complete=True), 30, **given)


async def opened(it: Any) -> OverviewScreen:
    await it.press("W")
    screen: OverviewScreen = await it.on(OverviewScreen)
    await it.until(lambda: screen.view, "the overview")
    await it.pilot.pause()
    return screen


async def test_everything_is_on_one_page_where_there_is_room(journey: Start) -> None:
    async with journey(size=(140, 40)) as it:
        await opened(it)
        await it.until_text("where the space is", "age of runs", "what the rules would mark", "this disk", "findings")
        text = it.text
        assert "llm-sft-qlora" in text
        assert "orphaned or old, needed by nothing" in text
        assert "breaks-store" in text
        assert "212 GB" in text
        await it.press("escape")
        await it.until(lambda: not isinstance(it.app.screen, OverviewScreen), "closed")


async def test_a_small_window_shows_one_panel_at_a_time(journey: Start) -> None:
    async with journey(size=(80, 24)) as it:
        await opened(it)
        for key, seen, hidden in (("3", "age of runs", "this disk"), ("5", "this disk", "age of runs")):
            await it.press(key)
            assert seen in it.text
            assert hidden not in it.text
            assert all(len(line) <= 80 for line in it.lines)


async def test_the_rules_menu_opens_from_it(journey: Start) -> None:
    from mlruns_tui.tui.screens.rules import RulesScreen

    async with journey() as it:
        await opened(it)
        await it.press("x")
        await it.until(lambda: isinstance(it.app.screen, RulesScreen), "the menu")


async def test_hostile_names_change_nothing(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.hostile_snapshot()]), size=(140, 40)) as it:
        await opened(it)
        assert "[red]x[/red]" in it.text
        assert "\x1b" not in it.text
        assert all(cell_len(line) <= 140 for line in it.lines)


def test_the_longest_bar_is_the_biggest_experiment_and_amber_what_would_go(make: Any) -> None:
    view = view_of(make)
    assert [row.name for row in view.rows][:3] == ["llm-sft-qlora", "617283940118273051", "tabular-churn"]
    orphan = next(row for row in view.rows if row.name == "617283940118273051")
    assert orphan.would_go == orphan.size_bytes
    assert next(row for row in view.rows if row.name == "llm-sft-qlora").would_go == 0
    lines = [one.plain for one in space_lines(view, 80, 12, UNICODE)]
    assert len(lines) == min(12, len(view.rows) + 3)
    assert not lines[-2].strip()
    assert "the rest" in lines[-1], "the words for the colours follow the bars"
    lengths = [line.count(UNICODE.bar) for line in lines[1:4]]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > 20


def test_growth_is_told_where_it_is_worth_telling(make: Any) -> None:
    sizes = {one.key: one.size.size_bytes for one in make.snapshot.experiments if one.size}
    sizes["experiment/102"] -= 500_000_000
    sizes["experiment/101"] -= 10
    view = view_of(make, sizes_before=sizes, total_before=0, visit_ms=make.now_ms - 8 * DAY_MS)
    text = "\n".join(one.plain for one in space_lines(view, 90, 12, UNICODE))
    assert "+500 MB" in text
    assert text.count("+") == 1
    said = [one.plain for one in disk_lines(view, Space(10**12, 2 * 10**12, 1, 2), 60, UNICODE, make.now_ms)]
    assert any("at the pace of the last 8 days" in line for line in said)


def test_every_run_is_in_the_column_of_its_age(make: Any) -> None:
    assert [column(days * DAY_MS) for days in EDGES] == list(range(len(EDGES)))
    assert column(DAY_MS - 1) == 0
    assert column(-5) == -1
    facts = Facts(make.snapshot, make.now_ms, Options())
    counted = sum(ages(facts))
    assert counted == sum(one.place == "root" for one in make.snapshot.all_runs())


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
@pytest.mark.parametrize(("width", "height"), [(30, 8), (55, 20), (78, 21)])
def test_the_histogram_fills_its_box_and_no_more(make: Any, signs: Any, width: int, height: int) -> None:
    drawn = age_lines(view_of(make), width, height, signs)
    assert len(drawn) <= height
    assert all(line.cell_length <= width for line in drawn)


def test_columns_of_a_histogram_are_as_tall_as_their_counts() -> None:
    lines = histogram([0, 1, 4, 8], 2, "▁▂▃▄▅▆▇█")
    assert ["".join(one) for one in lines] == ["   █", " ▂██"]
    assert histogram([0, 0], 2, "▁▂▃▄▅▆▇█") == [[" ", " "], [" ", " "]]


def test_a_visit_is_compared_with_the_one_before_it(make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first = make.snapshot
    assert note_visit(first, make.now_ms) is None
    assert note_visit(first, make.now_ms + 60_000) is None, "the same visit"
    bigger = replace(first, total=replace(first.total, size_bytes=first.total.size_bytes + 7))
    before = note_visit(bigger, make.now_ms + DAY_MS)
    assert isinstance(before, Visit)
    assert before.total_bytes == first.total.size_bytes
    again = note_visit(bigger, make.now_ms + DAY_MS + 60_000)
    assert again == before, "within an hour it is still compared with yesterday"
    assert note_visit(first, make.now_ms + 2 * DAY_MS).total_bytes == bigger.total.size_bytes
