"""One command table: everything about keys comes from it, and a command that is off says why."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.command import CommandList

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.store import Snapshot
from mlruns_tui.triage.marks import Mark, Marks
from mlruns_tui.tui import commands
from mlruns_tui.tui.app import MlrunsApp, run_app
from mlruns_tui.tui.commands import BY_ID, COMMANDS
from mlruns_tui.tui.palette import ONLY_MAIN, StoreCommands
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.screens.main import MainScreen
from mlruns_tui.tui.screens.review import ReviewScreen
from mlruns_tui.tui.state import UiState

Start = Callable[..., AbstractAsyncContextManager[Any]]
ONE_MARK = Marks({"experiment/101/run/a": Mark("experiment/101/run/a", "remove", "mark", "by hand", 1, 1)})


@pytest.fixture
def state(make: Any) -> UiState:
    return UiState(make.snapshot, user_id=1000)


def batch(state: str, uid: int = 1000) -> Batch:
    return Batch("20261114-0812-77c0", 0, "alice", "gpu01", uid, state, ())  # type: ignore[arg-type]


def test_no_key_belongs_to_two_commands() -> None:
    keys = Counter(key for command in COMMANDS for key in commands.keys_of(command, {}))
    assert [key for key, count in keys.items() if count > 1] == []


def test_ids_are_unique_and_every_command_has_words() -> None:
    assert len(BY_ID) == len(COMMANDS)
    assert all(command.title and command.help for command in COMMANDS)


def test_keys_of_the_house_are_bound() -> None:
    keys = {key for command in COMMANDS for key in commands.keys_of(command, {})}
    asked = "down j up k left h right l space v a A U o O d D z slash s n m c r R i b y Y 1 2 3 tab plus underscore"
    assert set(asked.split()) <= keys
    assert {"ctrl+p", "colon", "question_mark", "f1", "q", "escape", "T", "M", "w"} <= keys


def test_escape_never_quits() -> None:
    assert "escape" not in commands.keys_of(BY_ID["quit"], {})


@pytest.mark.parametrize(
    ("command", "fields", "reason"),
    [
        ("review", {}, "nothing marked"),
        ("review", {"marks": ONE_MARK}, None),
        ("review", {"marks": ONE_MARK, "read_only": True}, "opened read-only"),
        ("review", {"marks": ONE_MARK, "task": "the clean-up goes on"}, "wait: the clean-up goes on"),
        ("mark.clear", {}, "nothing marked"),
        ("undo", {}, "looking for backups"),
        ("undo", {"batches": ()}, "nothing to take back"),
        ("undo", {"batches": (batch("moved"),)}, None),
        ("undo", {"batches": (batch("moved"),), "read_only": True}, "opened read-only"),
        ("undo", {"batches": (batch("moved", uid=7),)}, "nothing to take back"),
        ("undo", {"batches": (batch("purged"), batch("moved"))}, "the last batch was purged: nothing is left of it"),
        ("undo", {"batches": (batch("restored"), batch("moved"))}, "the last batch is back already"),
        ("task", {}, "nothing is running"),
        ("read.all", {"reading": True}, "reading already: Esc stops it"),
        ("look.details", {}, "no run under the cursor"),
        ("mark.toggle", {}, "only experiments and runs are marked"),
    ],
)
def test_a_command_says_whether_it_can_be_done(
    state: UiState, command: str, fields: dict[str, Any], reason: str | None
) -> None:
    assert BY_ID[command].enabled(replace(state, **fields)) == reason


def test_orphaned_waits_until_all_is_read(make: Any, state: UiState) -> None:
    reading = replace(state, snapshot=make.partly, reading=True)
    assert BY_ID["mark.orphaned"].enabled(reading) == "once all is read"
    assert "R reads on" in str(BY_ID["mark.orphaned"].enabled(replace(reading, reading=False)))


def test_old_needs_one_run_to_be_read(state: UiState) -> None:
    assert BY_ID["mark.old"].enabled(state) is None
    assert BY_ID["mark.old"].enabled(replace(state, snapshot=Snapshot(state.snapshot.store))) == "no runs read yet"


def test_every_command_is_in_exactly_one_line_of_the_help() -> None:
    found = [one.id for group in ("move", "mark", "act", "look", "rest") for _, _, there in commands.help_lines(group, {})
             for one in there]  # type: ignore[arg-type]  # fmt: skip
    assert sorted(found) == sorted(BY_ID)


def test_keys_with_one_meaning_share_a_line_of_the_help() -> None:
    lines = {text: keys for keys, text, _ in commands.help_lines("look", {})}
    assert lines["sort: size name written files"] == "s n m c"
    assert {text: keys for keys, text, _ in commands.help_lines("move", {})}["one row"] == "↑ ↓  k j"


def test_a_users_own_keys_are_shown_instead_of_ours() -> None:
    own = {"mark.toggle": "t", "review": ""}
    assert commands.first_key("mark.toggle", own) == "t"
    assert commands.first_key("review", own) == ""
    assert ("t", "mark", ("mark.toggle",), 90) in commands.key_line(own)


def test_ascii_signs_name_the_arrows() -> None:
    assert commands.first_key("move.up", {}, ascii_only=True) == "up"


async def test_every_command_has_something_that_does_it(journey: Start) -> None:
    async with journey() as it:
        assert it.main.handlers.keys() == BY_ID.keys()


def test_every_command_is_bound_by_its_id() -> None:
    assert {binding.id for binding in MainScreen.BINDINGS} == BY_ID.keys()


async def test_a_command_that_is_off_says_the_reason_in_the_row_line(journey: Start) -> None:
    async with journey() as it:
        await it.press("d")
        assert it.main.row_text == "review and apply: nothing marked"
        assert "d  review and apply…" in it.text
        assert "nothing to take back" in it.text


async def test_a_remapped_key_works_and_the_old_one_does_not(journey: Start) -> None:
    async with journey(keymap={"mark.toggle": "t"}) as it:
        await it.press("2", "space")
        assert not it.marked
        await it.press("t")
        assert it.marked == {"run-1"}
        assert "t mark" in it.lines[-1]


async def test_a_command_that_breaks_leaves_the_screen_working(journey: Start) -> None:
    async with journey() as it:

        def broken() -> None:
            raise KeyError("x")

        it.main.handlers["theme"] = broken
        await it.press("T")
        await it.until_toast("next theme failed: KeyError")
        await it.press("2", "space")
        assert it.marked == {"run-1"}


async def test_the_palette_runs_a_command_and_says_why_another_is_off(journey: Start) -> None:
    async with journey() as it:
        await it.press("colon")
        await it.until_text("not now: nothing marked")
        await it.press(*"go to the runs")
        await it.until(lambda: "go to the runs" in it.text)
        await it.press("enter")
        await it.until(lambda: it.app.screen is it.main and it.state.panel == "runs", "panel 2")


async def test_the_palette_goes_to_a_run_by_name(journey: Start) -> None:
    async with journey() as it:
        await it.press("ctrl+p")
        await it.press(*"xgb-hist-128")
        await it.until_text("go to run")
        await it.press("down", "enter")
        await it.until(lambda: it.state.run is not None and it.state.run.name == "xgb-hist-128", "the run")
        assert it.state.panel == "runs"


# How a screen is opened, its class, and a command of its own.
OVER = {
    "details": (("i",), "DetailsScreen", "lowest or highest is best"),
    "compare": (("space", "space", "equals_sign"), "CompareScreen", "only what differs"),
    "findings": (("F",), "FindingsScreen", "only what stops a migration"),
    "backups": (("b",), "BackupsScreen", "look again"),
    "log": (("L",), "LogScreen", "copy the command"),
    "overview": (("W",), "OverviewScreen", ""),
    "review": (("space", "space", "d"), "ReviewScreen", "with or without a backup"),
}


@pytest.mark.parametrize("name", OVER)
async def test_over_every_screen_the_palette_has_its_own_commands_all_others_and_every_run(
    journey: Start, name: str
) -> None:
    keys, kind, own = OVER[name]
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("sweep-13")
        await it.press(*keys)
        await it.until(lambda: type(it.app.screen).__name__ == kind and it.app.screen.is_mounted, kind)
        over = it.app.screen
        for opener in ("ctrl+p", "colon"):
            await it.press(opener)
            await it.until_text("Search for commands…")
            offered = {hit.text async for hit in StoreCommands(over).discover()}
            assert own in offered or not own
            keys_here = {key for key, binding in over._bindings if binding.description}
            for command in commands.COMMANDS:
                there = command.title in offered or keys_here.intersection(commands.keys_of(command, {}))
                assert there or command.id.startswith(ONLY_MAIN), command.id
            await it.press("escape")
            await it.until(lambda: it.app.screen is over, "the screen again")
        await it.press("ctrl+p", *"xgb-hist-128")
        await it.until_text("go to run  xgb-hist-128")
        await it.press("down", "enter")
        await it.until(lambda: it.app.screen is it.main, "the main screen")
        await it.until(lambda: it.state.run is not None and it.state.run.name == "xgb-hist-128", "the run")


async def test_a_screens_own_command_from_the_palette_is_done_there(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("sweep-13")
        await it.press("space", "space", "d")
        review = await it.on(ReviewScreen)
        await it.press("colon", *"with or without")
        await it.until_text("on this screen")
        await it.press("down", "enter")
        await it.until(lambda: not review.plan.backup, "without a backup")
        assert it.app.screen is review


async def test_a_command_of_the_table_leaves_the_screens_over_the_main_one_first(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("sweep-13")
        await it.press("space", "space", "equals_sign")
        await it.until(lambda: type(it.app.screen).__name__ == "CompareScreen", "compare")
        await it.press("i")
        await it.on(DetailsScreen)
        await it.press("ctrl+p", *"clear the marks")
        await it.until_text("clear the marks  U")
        await it.press("down", "enter")
        await it.until(lambda: it.app.screen is it.main and not it.state.marks, "done on the main screen")


async def test_enter_on_the_name_of_a_run_never_runs_a_command_with_those_letters_somewhere(
    journey: Start, make: Any
) -> None:
    experiment = make.snapshot.experiments[0]
    runs = dict(make.snapshot.runs)
    named = replace(runs[experiment.key][0], name="mistral-7b")
    runs[experiment.key] = (named, *runs[experiment.key][1:])
    async with journey(make.reader([replace(make.snapshot, runs=runs)])) as it:
        await it.press("2", "colon")
        await it.press(*"mistral")
        await it.until_text("go to run  mistral-7b", "mark with descendants")
        await it.press("enter")
        await it.until(lambda: it.app.screen is it.main and it.state.run == named, "the run")
        assert not it.state.marks


async def test_help_lists_the_keys_searches_them_and_runs_one(journey: Start) -> None:
    async with journey() as it:
        await it.press("question_mark")
        await it.until_text("in four steps", "mark old (asks days, 30)")
        await it.press(*"zoom this")
        await it.until_text("zoom.in")
        assert "mark orphaned" not in it.text
        await it.press("enter")
        await it.until(lambda: it.app.screen is it.main and it.state.zoomed, "the zoom")
        await it.press("f1", "escape")
        await it.until(lambda: it.app.screen is it.main, "back")


@pytest.mark.parametrize("waits", range(6))
async def test_the_palette_may_be_left_before_it_is_drawn(journey: Start, waits: int) -> None:
    async with journey() as it:
        for opened in (events.Key("colon", ":"), events.Key("ctrl+p", None)):
            it.app.post_message(opened)
            for _ in range(waits):
                await asyncio.sleep(0)
            it.app.post_message(events.Key("escape", None))
            await it.press("escape")
            await it.until(lambda: it.app.screen is it.main, "the palette is gone")
        await it.press("colon")
        await it.until_text("not now: nothing marked")
    assert it.app.return_code in (None, 0)


@pytest.mark.parametrize("leaves", [False, True])
def test_a_screen_that_broke_ends_with_1(
    make: Any, surroundings: None, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    async def fail(pilot: Any) -> None:
        async def broken() -> None:
            raise RuntimeError("broken")

        pilot.app.run_worker(broken())
        while pilot.app.return_code is None:
            await asyncio.sleep(0)
        if leaves:
            pilot.app.exit(0)

    run = MlrunsApp.run
    monkeypatch.setattr(MlrunsApp, "run", lambda self, **more: run(self, headless=True, auto_pilot=fail))
    monkeypatch.setattr(MlrunsApp, "_print_error_renderables", lambda self: None)
    assert run_app(make.reader()) == 1


def test_a_screen_that_was_left_ends_with_0(make: Any, surroundings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave(pilot: Any) -> None:
        pilot.app.exit(0)

    run = MlrunsApp.run
    monkeypatch.setattr(MlrunsApp, "run", lambda self, **more: run(self, headless=True, auto_pilot=leave))
    assert run_app(make.reader()) == 0


async def test_a_search_that_starts_after_the_palettes_list_is_gone_does_no_harm(journey: Start) -> None:
    async with journey() as it:
        await it.press("colon")
        await it.until_text("not now: nothing marked")
        palette = it.app.screen
        await palette.query_one(CommandList).remove()
        palette._gather_commands("zoom")
        await it.app.workers.wait_for_complete()
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "the palette is gone")
    assert it.app.return_code in (None, 0)
