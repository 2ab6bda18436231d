"""Questions: the harmless answer is one key away, the harmful one must be meant."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Input

from mlruns_tui.tui.screens.dialogs import NoticeDialog, QuitDialog, UndoDialog
from mlruns_tui.tui.screens.for_good import DeleteDialog, PurgeDialog
from mlruns_tui.tui.widgets.buttons import ButtonRow

Lines = Callable[[Any], list[str]]


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [(("enter",), True), (("y",), True), (("right", "enter"), False), (("n",), False), (("escape",), False),
     (("right", "left", "enter"), True)],
)  # fmt: skip
async def test_undo_puts_back_by_default(
    usual: SimpleNamespace, build: Any, bare: Any, keys: tuple[str, ...], answer: bool
) -> None:
    app = bare(UndoDialog(build.batch(usual.plan.items), build.now))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen.focused, ButtonRow)
        await pilot.press(*keys)
        assert app.answers == [answer]


async def test_undo_says_what_when_and_how_much(usual: SimpleNamespace, build: Any, bare: Any, lines_of: Lines) -> None:
    app = bare(UndoDialog(build.batch(usual.plan.items), build.now))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        assert "Put back batch 20270115-0800-a3f1 (8 d ago, alice)?" in text
        assert "4 runs and 1 experiment, 1.2 GB." in text


@pytest.mark.parametrize(
    ("place", "word"), [("purged", "5 items were purged"), ("restored", "5 items are back already")]
)
async def test_of_a_batch_that_holds_nothing_undo_only_says_so(
    usual: SimpleNamespace, build: Any, bare: Any, lines_of: Lines, place: str, word: str
) -> None:
    app = bare(UndoDialog(build.batch(usual.plan.items, place), build.now))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert word in _text(lines_of(app))
        await pilot.press("y", "enter")
        assert app.answers == [False]


async def test_an_unfinished_batch_without_anything_to_move_can_still_be_settled(
    usual: SimpleNamespace, build: Any, bare: Any, lines_of: Lines
) -> None:
    app = bare(UndoDialog(build.batch(usual.plan.items, "in-place", state="unfinished"), build.now))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Nothing of it has to be moved" in _text(lines_of(app))
        await pilot.press("enter")
        assert app.answers == [True]


@pytest.mark.parametrize(
    ("keys", "answer"),
    [(("enter",), False), (("4", "enter"), False), (("5", "0", "enter"), False), (("x", "5", "x", "enter"), True),
     (("5", "enter"), True), (("5", "tab", "enter"), True), (("5", "escape"), False),
     (("5", "tab", "left", "enter"), False), (("tab", "right", "enter"), False), (("tab", "y", "n"), False)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["delete", "purge"])
async def test_only_the_right_number_deletes(
    usual: SimpleNamespace, build: Any, bare: Any, kind: str, keys: tuple[str, ...], answer: bool
) -> None:
    dialog = DeleteDialog(usual.plan) if kind == "delete" else PurgeDialog(build.batch(usual.plan.items))
    app = bare(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen.focused, Input)
        await pilot.press(*keys)
        assert app.answers == [answer]


async def test_the_button_that_is_drawn_as_chosen_is_what_enter_does(
    usual: SimpleNamespace, bare: Any, lines_of: Lines
) -> None:
    app = bare(DeleteDialog(usual.plan))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "▸ Keep them ◂" in _text(lines_of(app))
        await pilot.press("5")
        await pilot.pause()
        assert "▸ Delete 5 items ◂" in _text(lines_of(app))
        await pilot.press("backspace")
        await pilot.pause()
        assert "▸ Keep them ◂" in _text(lines_of(app))


async def test_the_number_may_be_typed_with_its_comma(build: Any, bare: Any) -> None:
    items = [build.item(build.run("3", f"r{at}", run_id=f"{at:032x}")) for at in range(1_024)]
    app = bare(DeleteDialog(build.plan(items)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*"1,024", "enter")
        assert app.answers == [True]


@pytest.mark.parametrize(("keys", "answer"), [(("enter",), True), (("right", "enter"), False), (("escape",), False)])
async def test_quitting_during_work_asks_and_says_that_it_goes_on(
    bare: Any, lines_of: Lines, keys: tuple[str, ...], answer: bool
) -> None:
    app = bare(QuitDialog("clean-up", 88, 145))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "The clean-up goes on without this window (88 of 145). Quit?" in _text(lines_of(app))
        await pilot.press(*keys)
        assert app.answers == [answer]


async def test_a_notice_closes_with_any_of_its_keys(bare: Any) -> None:
    for key in ("enter", "escape"):
        app = bare(NoticeDialog("not done", ["The store is locked."], danger=True))
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press(key)
            assert app.answers == [False]


async def test_a_click_presses_a_button(usual: SimpleNamespace, build: Any, bare: Any) -> None:
    app = bare(UndoDialog(build.batch(usual.plan.items), build.now))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click("#buttons", offset=(3, 0))
        assert app.answers == [True]
