"""How it looks at every size, in every theme, with names nobody should trust: closed borders, nothing clipped."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from mlruns_tui.model.store import RegisteredModel
from mlruns_tui.tui import render
from mlruns_tui.tui.commands import COMMANDS
from mlruns_tui.tui.signs import ASCII, UNICODE
from mlruns_tui.tui.theme import THEMES
from mlruns_tui.tui.widgets.run_columns import RunColumns
from mlruns_tui.tui.widgets.store_tree import TreeColumns

Start = Callable[..., AbstractAsyncContextManager[Any]]
SIZES = [(80, 24), (119, 30), (120, 30), (140, 40), (200, 60), (90, 52), (79, 24), (60, 16)]


def borders_are_closed(lines: list[str]) -> None:
    """Every corner has its line; every line between corners is as long as its window says."""
    assert sum(line.count("╭") for line in lines) == sum(line.count("╰") for line in lines)
    assert sum(line.count("╮") for line in lines) == sum(line.count("╯") for line in lines)
    for line in lines:
        assert line.count("╭") == line.count("╮")
        assert line.count("╰") == line.count("╯")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_at_every_size_borders_close_and_keys_are_whole(journey: Start, size: tuple[int, int]) -> None:
    async with journey(size=size) as it:
        await it.press("2", "space", "o")
        lines = it.lines
        assert [cell_len(line) for line in lines] == [size[0]] * size[1]
        borders_are_closed(lines)
        words = {command.short for command in COMMANDS if command.short}
        entries = [entry for entry in lines[-1].strip().split("   ") if entry]
        assert all(entry.split(" ")[-1] in words for entry in entries)
        assert "? help" in lines[-1]
        assert "1 run" in it.text
        assert "finished" in it.text


async def test_the_key_line_drops_quit_then_undo_then_sort(journey: Start) -> None:
    async with journey(size=(140, 24)) as it:
        assert it.lines[-1].rstrip().endswith("q quit")
        seen = []
        for width in (100, 90, 84, 60):
            await it.pilot.resize_terminal(width, 24)
            await it.until(lambda width=width: len(it.lines[-1]) == width and "help" in it.lines[-1], str(width))
            await it.pilot.pause()
            seen.append([word in it.lines[-1] for word in ("sort", "undo", "quit")])
        assert all(not quits for _, _, quits in seen)
        assert seen[-1] == [False, False, False]
        order = [sum(one) for one in seen]
        assert order == sorted(order, reverse=True)


async def test_too_small_a_window_says_so_and_marks_go_on(journey: Start) -> None:
    async with journey(size=(59, 15)) as it:
        assert [line.strip() for line in it.lines if line.strip()] == [
            "Make the window a little larger: 60×16 is the least."
        ]
        await it.press("2", "space")
        assert it.marked == {"run-1"}
        await it.pilot.resize_terminal(140, 40)
        await it.until_text("1 store", "2 runs", "3 marked")
        assert "● " in it.text


async def test_folded_the_third_panel_is_a_strip_and_a_drawer(journey: Start) -> None:
    async with journey(size=(80, 24)) as it:
        assert "Space mark   o orphaned 1   O old 30   3 all actions" in it.text
        await it.press("2", "space", "space")
        assert "● 2 runs  600 MB  d review  U clear  3 actions and marks" in it.text
        await it.press("3")
        assert "3 marked and actions" in it.text
        assert "by hand" in it.text
        top = next(at for at, line in enumerate(it.lines) if "3 marked and actions" in line)
        assert it.lines[top][40:].startswith("╭─ 3 marked and actions ─")
        drawer = [line[40:] for line in it.lines[top:-3]]
        assert drawer[0][-1] == "╮"
        assert drawer[-1][0] + drawer[-1][-1] == "╰╯"
        assert all(line[0] + line[-1] == "││" for line in drawer[1:-1])
        await it.press("3")
        assert "3 marked and actions" not in it.text
        assert it.state.panel == "runs"
        await it.press("3", "escape")
        assert "3 marked and actions" not in it.text


async def test_narrow_shows_one_panel_at_a_time(journey: Start) -> None:
    async with journey(size=(70, 24)) as it:
        assert " 1 store   2 runs   3 marked " in it.text
        assert "llm-sft-qlora" in it.text
        assert "run-1" not in it.text
        await it.press("2")
        assert "run-1" in it.text
        assert "experiments 3" not in it.text
        await it.press("3")
        assert "nothing marked" in it.text


async def test_the_zoom_gives_one_panel_the_window_and_back(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "plus")
        assert "experiments 3" not in it.text
        assert "duration" in it.text
        await it.press("underscore")
        assert "experiments 3" in it.text
        await it.press("plus", "escape")
        assert "experiments 3" in it.text


async def test_wider_windows_have_more_columns(journey: Start) -> None:
    async with journey(size=(120, 30)) as it:
        for width, words in (
            (120, "status age size"),
            (140, "status age idle size"),
            (200, "idle files duration user"),
        ):
            await it.pilot.resize_terminal(width, 30)
            await it.until(lambda width=width: len(it.lines[0]) == width, str(width))
            await it.pilot.pause()
            header = it.lines[2]
            assert all(word in header for word in words.split())
        await it.pilot.resize_terminal(120, 30)
        await it.until(lambda: len(it.lines[0]) == 120, "120")
        await it.pilot.pause()
        assert "idle" not in it.lines[2]


@pytest.mark.parametrize("width", range(8, 160))
def test_columns_never_take_more_than_there_is(width: int) -> None:
    tree = TreeColumns.of(width)
    assert width < 14 or 3 + tree.name + 2 + tree.runs + 8 + tree.bar == width
    for sort in ("size", "idle", "files", "name", "age", "status"):
        columns = RunColumns.of(width, sort).columns  # type: ignore[arg-type]
        names = [name for name, _ in columns]
        assert names[0] == "name"
        assert "size" in names
        assert width < 26 or 3 + sum(cells for _, cells in columns) == width
        assert names[0] == "name" and (width < 50 or dict(columns)["name"] >= 16)


def test_the_column_sorted_by_stays_when_others_are_dropped() -> None:
    assert "files" in dict(RunColumns.of(60, "files").columns)
    assert "files" not in dict(RunColumns.of(60, "size").columns)


async def test_sorting_moves_the_arrow_and_again_flips_it(journey: Start) -> None:
    async with journey() as it:
        await it.press("2")
        assert "size ▼" in it.lines[2]
        await it.press("n")
        assert "name ▲" in it.lines[2]
        await it.press("n")
        assert "name ▼" in it.lines[2]
        await it.press("c")
        assert "files ▼" in it.lines[2]
        await it.pilot.click("#runs", offset=(6, 1))
        await it.pilot.pause()
        assert "name ▲" in it.lines[2]


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_hostile_names_break_nothing_anywhere(journey: Start, make: Any, size: tuple[int, int]) -> None:
    async with journey(make.reader([make.hostile_snapshot()]), size=size) as it:
        it.main.change(closed=frozenset())

        def clean() -> None:
            for line in it.lines:
                assert cell_len(line) == size[0]
                assert not [one for one in line if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")], repr(line)
                assert "\u202e" not in line
                assert "This panel failed" not in line

        clean()
        for _ in it.main.store_tree.rows:
            await it.press("j")
            clean()
        await it.to_runs("hostile")
        for _ in make.hostile:
            await it.press("space")
            clean()
        assert len(it.marked) == len(make.hostile)
        await it.press("slash", *"[/]", "enter")
        clean()
        assert it.main.run_table.rows
        await it.press("escape", "3")
        clean()
        assert it.app.is_running


async def test_markup_in_names_is_shown_not_obeyed(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.hostile_snapshot()]), size=(200, 60)) as it:
        await it.to_runs("hostile")
        assert "[red]x[/red]" in it.text
        assert "x\\[y]" in it.text
        assert "\\x1b[31mx" in it.text


@pytest.mark.parametrize(
    "theme", [*(one.name for one in THEMES), "nord", "textual-light", "ansi-dark", "solarized-light"]
)
async def test_every_theme_draws_the_same_words(journey: Start, theme: str) -> None:
    async with journey(theme=theme) as it:
        await it.press("2", "space", "o")
        assert it.app.theme == theme
        assert "This panel failed" not in it.text
        borders_are_closed(it.lines)
        before = it.text
        await it.press("T")
        assert it.app.theme != theme
        assert it.lines[1:-2] == before.split("\n")[1:-2]


async def test_without_colour_everything_is_still_told_apart(
    journey: Start, monkeypatch: pytest.MonkeyPatch, app_of: Callable[..., Any]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("xgb-hist-256")
        await it.press("space", "k")
        assert it.app.no_color
        line = next(line for line in it.lines if "xgb-hist-256" in line and "✓" in line)
        assert "▌●  xgb-hist-256" in line
        strip = it.main.run_table.render_line(it.main.run_table.cursor + 1)
        assert all(segment.style is not None and segment.style.bold for segment in strip if segment.text.strip())


async def test_ascii_signs_leave_no_sign_of_ours_outside_ascii(journey: Start) -> None:
    async with journey(ascii_signs=True) as it:
        await it.press("2", "space", "o", "O")
        shown = [segment.text for strip in it.app.screen._compositor.render_strips() for segment in strip]
        filters = it.app.get_line_filters()
        assert any(type(one).__name__ == "AsciiOnly" for one in filters)
        written = "".join(shown)
        from mlruns_tui.tui.signs import ascii_text

        assert ascii_text(written).isascii()


def test_every_ascii_sign_is_as_wide_as_its_unicode_one() -> None:
    for name in UNICODE.__slots__:
        sign, plain = getattr(UNICODE, name), getattr(ASCII, name)
        assert plain.isascii(), name
        if name not in ("half_bar", "up_down", "left_right", "border"):
            assert cell_len(sign) == len(plain), name


@pytest.mark.parametrize(
    ("part", "whole", "drawn"),
    [
        (0, 100, "━━━━━"),
        (100, 100, "━━━━━"),
        (1, 100, "━━━━━"),
        (99, 100, "━━━━━"),
        (0, 50, "━━╸"),
        (0, 4, ""),
        (0, 0, ""),
    ],
)
def test_a_bar_is_linear_in_half_steps(part: int, whole: int, drawn: str) -> None:
    pieces = render.bar(part, whole, 100, 5, UNICODE)
    assert "".join(text for text, _ in pieces).rstrip() == drawn
    assert sum(len(text) for text, _ in pieces) == 5


def test_the_amber_part_of_a_bar_is_never_none_and_never_all_unless_it_is() -> None:
    def amber(part: int) -> int:
        return sum(len(text) for text, style in render.bar(part, 100, 100, 5, UNICODE) if style == render.MARK)

    assert [amber(part) for part in (0, 1, 50, 99, 100)] == [0, 1, 2, 4, 5]


async def test_without_colour_what_would_go_has_a_sign_of_its_own_in_the_bars(
    journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with journey() as it:
        # A family of six of the experiment's runs.
        await it.to_runs("tabular-churn")
        await it.to_run("grid-2026-09-12")
        await it.press("V", "1")
        assert " tabular-churn " in it.lines[5] and "805 MB ┅╸" in it.lines[5]
        assert "2.4 GB ━━━━━" in it.lines[4]
        await it.press("W")
        await it.until_text("┅┅ orphaned or old", "━━ the rest")


@pytest.mark.parametrize("theme", [*(one.name for one in THEMES), "ansi-dark", "ansi-light"])
async def test_what_would_go_has_a_colour_of_its_own(journey: Start, theme: str) -> None:
    async with journey(theme=theme) as it:
        colours = it.app.get_css_variables()
        others = {colours[name] for name in ("primary", "secondary", "success", "warning", "error", "foreground")}
        assert it.app.theme == theme
        assert colours["accent"] not in others


async def test_a_panel_that_fails_says_so_and_the_others_work(journey: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with journey() as it:
        monkeypatch.setattr(it.main.run_table, "row_pieces", lambda row, width: {}["x"])
        it.main.run_table.renew()
        await it.until_text("This panel failed: KeyError: 'x'. The rest works.")
        await it.press("1", "space")
        assert it.marked == {"llm-sft-qlora"}


async def test_empty_panels_say_why(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.press("slash", *"nothing-like-it")
        assert "Nothing matches nothing-like-it. Esc clears the filter." in it.text
        await it.press("escape", "1")
        it.main.store_tree.go_to_key("experiment/104")
        await it.until_text("No runs in empty-one. Its directory holds 800 B.", "marks it.")
        it.main.store_tree.go_to_key("stray/.ipynb_checkpoints")
        await it.until_text("is not an experiment:", "MLflow trips over.")


async def test_an_empty_panel_says_the_name_of_the_entry_the_cursor_is_on(journey: Start, make: Any) -> None:
    models = tuple(RegisteredModel(name, f"models/{name}", 1) for name in ("churn-scorer", "faces"))
    async with journey(make.reader([replace(make.snapshot, models=models)])) as it:
        it.main.moving.jump_to("model/churn-scorer")
        await it.until_text("churn-scorer, a registered model with 1 version.")
        await it.press("down")
        await it.until_text("faces, a registered model with 1 version.")


async def test_the_mouse_is_switched_where_the_driver_can(journey: Start) -> None:
    async with journey() as it:
        await it.press("M")
        assert it.main.row_text == "mouse: this terminal's cannot be switched"
        calls: list[str] = []
        driver = it.app._driver
        driver._enable_mouse_support = lambda: calls.append("on")
        driver._disable_mouse_support = lambda: calls.append("off")
        driver._mouse = True
        await it.press("M")
        assert it.main.row_text == "mouse off: the terminal selects text again"
        await it.press("M")
        assert it.main.row_text == "mouse on"
        assert calls == ["off", "on"]


async def test_copying_says_what_was_copied(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "y")
        assert it.app.clipboard == it.state.run.run_id
        await it.press("Y")
        assert it.app.clipboard == f"/data/mlruns/102/{it.state.run.run_id}"
        await it.press("1", "y")
        assert it.app.clipboard == "102"


async def test_a_parent_folds_and_opens_its_children(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("depth6-lr0.05")
        await it.press("left")
        assert it.state.run.name == "grid-2026-09-12"
        await it.press("left")
        assert "▸ grid-" in next(line for line in it.lines if " +5 " in line)
        assert "depth6-lr0.05" not in it.text
        await it.press("right")
        assert "├ depth6-lr0.05" in it.text


async def test_groups_open_and_close_and_filters_reach_the_tree(journey: Start) -> None:
    async with journey() as it:
        it.main.store_tree.go_to_key("group/trash")
        await it.pilot.pause()
        await it.press("enter")
        assert "old-one" in it.text
        await it.press("h")
        assert "old-one" not in it.text
        await it.press("slash", *"churn", "enter")
        assert "1 store  /churn" in it.text
        assert "llm-sft-qlora" not in it.text
        await it.press("escape")
        assert "llm-sft-qlora" in it.text
