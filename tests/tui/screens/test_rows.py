"""Rows of the lists as values: groups, folds, trees, and the list widget that draws them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.screen import Screen

from mlruns_tui.model.details import ArtifactEntry
from mlruns_tui.tui.signs import ASCII, UNICODE
from mlruns_tui.tui.widgets.artifact_list import artifact_rows, paint_artifact
from mlruns_tui.tui.widgets.batch_list import kept_rows, paint_batch, paint_kept
from mlruns_tui.tui.widgets.buttons import ButtonRow, Choice
from mlruns_tui.tui.widgets.cells import cut, fit, fit_right, line, wrap
from mlruns_tui.tui.widgets.lines import key_words
from mlruns_tui.tui.widgets.plan_list import GoesPainter, Names, first_shown, groups_of, rows_of
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.tui.widgets.stays_list import stays_by_kind, stays_one_by_one


def test_items_are_grouped_by_experiment_largest_first(usual: SimpleNamespace) -> None:
    groups = groups_of(usual.plan, Names.of(usual.plan, usual.snapshot), usual.snapshot.runs)
    assert [(group.name, group.whole, len(group.items), group.of_runs) for group in groups] == [
        ("617283940118264051", True, 1, 0),
        ("tabular-churn", False, 2, 4),
        ("bert-sst2-sweep", False, 2, 2),
    ]
    assert [item.name for item in groups[1].items] == ["depth8-lr0.10", "xgb-hist-256"]


def test_rows_show_as_many_runs_as_are_open_and_count_the_rest(usual: SimpleNamespace) -> None:
    groups = groups_of(usual.plan, Names(), {})
    kinds = [row.kind for row in rows_of(groups, {usual.churn.key: 1})]
    assert kinds == ["whole", "group", "run", "more", "group"]
    assert [row.kind for row in rows_of(groups, {usual.churn.key: 2})] == ["whole", "group", "run", "run", "group"]


@pytest.mark.parametrize("lines", range(1, 30))
def test_what_is_open_at_first_fits(usual: SimpleNamespace, build: Any, lines: int) -> None:
    items = [build.item(build.run(str(at % 4), f"run-{at}", run_id=f"{at:032x}")) for at in range(40)]
    groups = groups_of(build.plan(items), Names(), {})
    assert len(rows_of(groups, first_shown(groups, lines))) <= max(lines, len(groups))


def test_every_row_has_the_same_width_at_every_width(usual: SimpleNamespace) -> None:
    names = Names.of(usual.plan, usual.snapshot)
    groups = groups_of(usual.plan, names, usual.snapshot.runs)
    opened = {group.key: 9 for group in groups}
    painter = GoesPainter(UNICODE, names, {usual.runs[0].key}, {usual.runs[1].key}, opened)
    for width in (60, 76, 80, 100, 140):
        assert {cell_len(painter(row, width).plain) for row in rows_of(groups, opened)} == {
            cell_len(painter.header(width).plain)
        }


def test_stays_are_counted_by_their_first_protection(usual: SimpleNamespace) -> None:
    rows = stays_by_kind(usual.plan.refused * 2)
    assert [(row.count, row.what) for row in rows] == [(2, "may be running"), (2, "registered model")]
    single = stays_one_by_one(usual.plan.refused, {usual.churn.key: "tabular-churn"})
    assert [(row.what, row.place) for row in single] == [
        ("saint-s", "tabular-churn"),
        ("lgbm-final-v3", "tabular-churn"),
    ]


def test_artifacts_hang_below_their_folders_largest_first() -> None:
    entries = (
        ArtifactEntry("a.txt", 5, 1, False),
        ArtifactEntry("model", 100, 2, True),
        ArtifactEntry("model/deep", 90, 1, True),
        ArtifactEntry("model/deep/w.bin", 90, 1, False),
        ArtifactEntry("model/x", 10, 1, False),
        ArtifactEntry("lost/y", 7, 1, False),
    )
    closed = artifact_rows(entries, ())
    assert [row.name for row in closed] == ["model", "lost/y", "a.txt"]
    rows = artifact_rows(entries, {"model", "model/deep"})
    assert [(row.name, row.depth) for row in rows[:4]] == [("model", 0), ("deep", 1), ("w.bin", 2), ("x", 1)]
    assert all(cell_len(paint_artifact(row, 40, UNICODE).plain) == 40 - 1 for row in rows)


def test_a_link_among_the_artifacts_shows_where_it_points() -> None:
    row = artifact_rows((ArtifactEntry("l", 0, 1, False, link="/etc/passwd"),), ())[0]
    assert "l -> /etc/passwd" in paint_artifact(row, 60, UNICODE).plain


def test_contents_of_a_batch_are_grouped_and_opened(usual: SimpleNamespace, build: Any) -> None:
    batch = build.batch(usual.plan.items)
    names = {usual.churn.key: "tabular-churn"}
    assert [row.name for row in kept_rows(batch, (), names)] == ["617283940118264051", "tabular-churn", "4"]
    rows = kept_rows(batch, {usual.churn.key}, names)
    assert [row.inside for row in rows] == [False, False, True, True, False]
    assert all(cell_len(paint_kept(row, 49, {usual.runs[0].key}, UNICODE).plain) <= 49 for row in rows)


@pytest.mark.parametrize("state", ["moved", "packed", "partly", "unfinished", "restored", "purged", "missing"])
def test_a_batch_fits_its_line_in_every_state(usual: SimpleNamespace, build: Any, state: Any) -> None:
    batch = build.batch(usual.plan.items, state=state, user="a-very-long-user-name")
    for width in (60, 76, 84, 120):
        for signs in (UNICODE, ASCII):
            text = paint_batch(batch, width, build.now, signs).plain
            assert cell_len(text) <= width and state in text


def test_cells_are_counted_not_characters() -> None:
    assert fit("이탈예측-최종-수정2", 10) == "이탈예…정2"
    assert fit_right("한", 4) == "  한"
    assert cut("a sentence that is long", 10) == "a sentenc…"
    assert cut("short", 8) == "short   "
    assert wrap("one two three", 7) == ["one two", "three"]
    assert all(cell_len(one) <= 7 for one in wrap("한국어와中文と日本語 x" * 3, 7))
    for width in range(12):
        for text in ("", "abc", "한국어와中文", "\x1b[31m", "x" * 99):
            assert cell_len(fit(text, width)) == cell_len(fit_right(text, width)) == cell_len(cut(text, width)) == width


def test_foreign_text_is_never_markup() -> None:
    assert line(["[red]x[/red]", ("[/]", "bold")]).plain == "[red]x[/red][/]"


def test_keys_are_dropped_from_the_end_but_never_the_last() -> None:
    keys = [("Enter", "press"), ("Tab", "lists"), ("m", "move them"), ("Esc", "back")]
    assert key_words(keys, 80).plain == "Enter press   Tab lists   m move them   Esc back"
    assert key_words(keys, 36).plain == "Enter press   Tab lists   Esc back"
    assert key_words(keys, 5).plain == "Esc back"


class _Lists(Screen[None]):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.moved: list[Any] = []
        self.chosen: list[Any] = []

    def compose(self) -> ComposeResult:
        rows = [f"row {at}" for at in range(self.number)]
        yield RowList[str](
            lambda row, width: line([row]), rows, header=lambda width: line(["head"]),
            tail=lambda width: [line(["the tail"])], id="rows",
        )  # fmt: skip

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        self.moved.append(event.row)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.chosen.append(event.row)


@pytest.mark.parametrize(
    ("keys", "at"),
    [(("down",), 1), (("j", "j", "k"), 1), (("end",), 99), (("G", "g"), 0), (("pagedown",), 7), (("ctrl+d",), 4),
     (("end", "pageup"), 92), (("up",), 0), (("end", "down"), 99)],
)  # fmt: skip
async def test_the_cursor_moves_and_stays_in_sight(bare: Any, lines_of: Any, keys: tuple[str, ...], at: int) -> None:
    app = bare(_Lists(100))
    async with app.run_test(size=(30, 9)) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        rows = app.screen.query_one(RowList)
        assert rows.cursor == at
        assert any(one.startswith(f"▌row {at} ") for one in lines_of(app)), lines_of(app)
        assert lines_of(app)[0].startswith(" head")


async def test_past_the_last_row_the_explanation_comes_into_sight(bare: Any, lines_of: Any) -> None:
    app = bare(_Lists(100))
    async with app.run_test(size=(30, 9)) as pilot:
        await pilot.pause()
        await pilot.press("G")
        await pilot.pause()
        assert any("the tail" in one for one in lines_of(app))


async def test_a_click_moves_a_double_click_opens(bare: Any) -> None:
    app = bare(_Lists(5))
    async with app.run_test(size=(30, 9)) as pilot:
        await pilot.pause()
        await pilot.click("#rows", offset=(4, 3))
        assert app.screen.query_one(RowList).cursor == 2 and app.screen.chosen == []
        await pilot.click("#rows", offset=(4, 3), times=2)
        assert app.screen.chosen == ["row 2"]
        await pilot.click("#rows", offset=(4, 8))
        assert app.screen.query_one(RowList).cursor == 2


async def test_an_empty_list_takes_every_key(bare: Any) -> None:
    app = bare(_Lists(0))
    async with app.run_test(size=(30, 9)) as pilot:
        await pilot.pause()
        await pilot.press("down", "up", "enter", "space", "end", "g", "pagedown")
        assert app.screen.chosen == [] and app.screen.query_one(RowList).current is None


class _Buttons(Screen[None]):
    def __init__(self, choices: list[Choice]) -> None:
        super().__init__()
        self.choices = choices
        self.pressed: list[str] = []

    def compose(self) -> ComposeResult:
        yield ButtonRow(self.choices, id="row")

    def on_button_row_pressed(self, event: ButtonRow.Pressed) -> None:
        self.pressed.append(event.choice)


async def test_a_button_that_is_off_is_passed_over_and_never_pressed(bare: Any) -> None:
    app = bare(_Buttons([Choice("a", "A"), Choice("b", "B", enabled=False), Choice("c", "C", "danger")]))
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        app.screen.query_one(ButtonRow).focus()
        await pilot.press("right", "enter", "right", "enter", "left", "enter")
        assert app.screen.pressed == ["c", "c", "a"]
        await pilot.click("#row", offset=(13, 0))
        assert app.screen.pressed == ["c", "c", "a"]
        assert app.screen.query_one(ButtonRow).press("b") is False
