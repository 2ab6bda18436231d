"""Lists put their lines together themselves: the same cells and styles as Textual's own way, and painted at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from rich.segment import Segment
from textual.geometry import Region
from textual.scroll_view import ScrollView

from mlruns_tui.tui.widgets.framed import Framed, Lines

Start = Callable[..., AbstractAsyncContextManager[Any]]


def by_textual(widget: Framed) -> list[list[Segment]]:
    """Every line as Textual puts it together, from nothing kept."""
    widget._styles_cache.clear()
    region = Region(0, 0, *widget.outer_size)
    return [list(Segment.simplify(strip)) for strip in ScrollView.render_lines(widget, region)]


def by_itself(widget: Framed) -> list[list[Segment]]:
    return [list(Segment.simplify(strip)) for strip in widget.render_lines(Region(0, 0, *widget.outer_size))]


async def settled(it: Any) -> None:
    """The column of a metric that shows itself is read."""
    table = it.main.run_table
    read = it.main.columns.cells.get
    await it.until(lambda: all(read("metrics.n", run.key)[0] for run in table.runs_on_screen), "the metric")
    await it.pilot.pause()


@pytest.mark.parametrize(
    ("size", "theme"),
    [((140, 40), ""), ((80, 24), "ansi-dark"), ((60, 16), "textual-light"), ((140, 40), "ansi-light")],
)
async def test_lines_are_those_textual_would_draw(journey: Start, size: tuple[int, int], theme: str) -> None:
    async with journey(size=size) as it:
        if theme:
            it.app.theme = theme
        await it.to_runs("tabular-churn")
        for keys in (("j", "space"), ("v", "j", "j"), ("escape", "s", "G"), ("1", "j"), ("plus",), ("3",)):
            await it.press(*keys)
            seen = [one for one in it.main._lists.values() if one in it.main._compositor.visible_widgets]
            assert seen
            for widget in seen:
                assert by_itself(widget) == by_textual(widget)


async def test_a_part_of_the_lines_is_cut_out_of_the_whole_ones(journey: Start) -> None:
    async with journey() as it:
        table = it.main.run_table
        part = Region(5, 3, 20, 4)
        assert [strip.text for strip in table.render_lines(part)] == [
            strip.text for strip in ScrollView.render_lines(table, part)
        ]


async def test_a_mark_is_painted_before_the_sidebar_is_worked_out(
    journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await settled(it)
        await it.press("j", "j", "j")
        sign = it.main.signs.remove
        row = next(at for at, line in enumerate(it.lines) if it.state.run.name in line)
        assert sign not in it.lines[row]
        painted: list[str] = []
        display = type(it.app)._display

        def seen(app: Any, screen: Any, update: Any) -> None:
            if isinstance(update, Lines):
                painted.append("".join(strip.text for _, y, strip in update.lines if y == row))
            display(app, screen, update)

        show = type(it.main.marked).show
        worked_out: list[int] = []
        monkeypatch.setattr(type(it.app), "_display", seen)
        monkeypatch.setattr(
            type(it.main.marked),
            "show",
            lambda *given, **named: worked_out.append(len(painted)) or show(*given, **named),
        )
        await it.press("space")
        assert sign in painted[0]
        assert worked_out[0] == 1


async def test_another_title_draws_one_line_of_the_list(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        table = it.main.run_table
        await settled(it)
        kept = dict(table._whole)
        assert len(kept) == table.outer_size.height
        await it.press("j")
        assert "row 2" in it.text
        height = table.outer_size.height
        other = {y for y in range(height) if table._whole[y] is not kept[y]}
        # The two rows the cursor went between, and the border that tells where it is.
        assert other == {2, 3, height - 1}


async def test_rows_that_all_fit_or_no_longer_do_change_the_scrollbar(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.many(200)])) as it:
        await it.to_runs("big")
        table = it.main.run_table
        assert table.show_vertical_scrollbar
        await it.press("slash", *"run-199")
        await it.until(lambda: len(table.rows) == 1, "one row")
        await it.until(lambda: not table.show_vertical_scrollbar, "no scrollbar")
        await it.press("escape")
        await it.until(lambda: len(table.rows) == 200, "all rows")
        await it.until(lambda: table.show_vertical_scrollbar and table.max_scroll_y > 100, "a scrollbar")
        await it.press("slash", *"run-1", "enter", "G")
        await it.until(lambda: len(table.rows) == 111, "what matches")
        await it.until(lambda: table.virtual_size.height == 112, "its height")
        assert table.scroll_y == table.max_scroll_y == 112 - table.container_size.height


async def test_the_borders_say_what_they_have_room_for_after_a_zoom(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await settled(it)
        tree = it.main.store_tree
        before = str(tree.border_subtitle)
        assert "runs" in before
        await it.press("plus")
        await it.until(lambda: it.main.run_table.size.width > 100, "the zoom")
        await it.press("underscore")
        await it.until(lambda: it.main.run_table.size.width < 100, "all panels")
        await it.until(lambda: str(tree.border_subtitle) == before, "the foot as before")
