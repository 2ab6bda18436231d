"""Every command of the table does what it says, by its key and by the palette, or says why it cannot."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.store import Snapshot
from mlruns_tui.triage.marks import Marks
from mlruns_tui.tui import commands
from mlruns_tui.tui.commands import COMMANDS, Command, always
from mlruns_tui.tui.state import UiState

Start = Callable[..., AbstractAsyncContextManager[Any]]
Sees = Callable[[Any, UiState], object]
"""What is there afterwards that was not before: the journey, and the state before."""
PARENT = "grid-2026-09-12"


@dataclass(frozen=True)
class Does:
    """What a command does, from the third run of an experiment with nested runs on."""

    sees: Sees
    keys: tuple[str, ...] = ()
    """Pressed before, to come where there is something to do."""


def at(number: int) -> Sees:
    return lambda it, before: it.main.run_table.cursor == number


def panel(name: str) -> Sees:
    return lambda it, before: it.state.panel == name and it.app.focused is it.main.list_of(name)


def opens(name: str) -> Sees:
    return lambda it, before: type(it.app.screen).__name__ == name


def sorts(key: str) -> Sees:
    return lambda it, before: it.state.run_order.key == key and it.state.run_order != before.run_order


def marked(*names: str) -> Sees:
    return lambda it, before: it.marked == set(names)


def says(text: str) -> Sees:
    return lambda it, before: text in it.main.row_text


DOES: dict[str, Does] = {
    "move.up": Does(at(1)),
    "move.down": Does(at(3)),
    "move.left": Does(lambda it, before: it.state.folded),
    "move.right": Does(lambda it, before: not it.state.folded and "├" in it.text, ("left",)),
    "move.first": Does(at(0)),
    "move.last": Does(at(31)),
    "move.half_down": Does(lambda it, before: 10 < it.main.run_table.cursor < 31),
    "move.half_up": Does(lambda it, before: 0 < it.main.run_table.cursor < 31, ("G",)),
    "move.page_down": Does(lambda it, before: it.main.run_table.cursor > 20),
    "move.page_up": Does(lambda it, before: it.main.run_table.cursor < 10, ("G",)),
    "panel.tree": Does(panel("tree")),
    "panel.runs": Does(panel("runs"), ("1",)),
    "panel.marked": Does(panel("marked")),
    "panel.findings": Does(panel("findings")),
    "panel.next": Does(panel("marked")),
    "panel.previous": Does(panel("tree")),
    "zoom.in": Does(lambda it, before: it.state.zoomed and "1 store" not in it.text),
    "zoom.out": Does(lambda it, before: not it.state.zoomed and "1 store" in it.text, ("plus",)),
    "open": Does(opens("DetailsScreen")),
    "mark.toggle": Does(marked("depth6-lr0.10"), ("j",)),
    "mark.range": Does(lambda it, before: it.state.anchor and it.main.run_table.range_from == 2),
    "mark.range_down": Does(lambda it, before: len(it.main.run_table.selected) == 2),
    "mark.range_up": Does(lambda it, before: len(it.main.run_table.selected) == 2),
    "mark.all": Does(lambda it, before: len(it.state.marks) > 20),
    "mark.family": Does(lambda it, before: len(it.state.marks) == 6),
    "mark.invert": Does(lambda it, before: "xgb-hist-256" not in it.marked and len(it.marked) > 20,
                        (*["j"] * 7, "space")),
    "mark.clear": Does(marked(), ("j", "space")),
    "mark.back": Does(marked("depth6-lr0.10"), ("j", "space", "U")),
    "mark.orphaned": Does(lambda it, before: {mark.rule for mark in it.state.marks} == {"orphaned"}),
    "mark.old": Does(lambda it, before: it.state.prompt == "days" and "mark runs that ended" in it.text),
    "mark.rules": Does(opens("RulesScreen")),
    "mark.drop_line": Does(marked(), ("j", "space", "3")),
    "look.filter": Does(lambda it, before: it.state.prompt == "filter" and it.main.filter.region),
    "look.expression": Does(lambda it, before: it.state.prompt == "expression" and it.main.expression.region),
    "look.compare": Does(lambda it, before: it.app.screen is not it.main, ("j", "space", "space")),
    "look.overview": Does(opens("OverviewScreen")),
    "look.details": Does(opens("DetailsScreen")),
    "look.findings": Does(opens("FindingsScreen")),
    "sort.size": Does(sorts("size")),
    "sort.name": Does(sorts("name")),
    "sort.written": Does(sorts("idle")),
    "sort.files": Does(sorts("files")),
    "sort.previous_column": Does(sorts("idle")),
    "sort.next_column": Does(lambda it, before: it.state.run_order.key not in ("size", "idle", "name")),
    "columns": Does(opens("ColumnsScreen")),
    "columns.left": Does(lambda it, before: not it.state.shift, ("greater_than_sign",)),
    "columns.right": Does(lambda it, before: it.state.shift == 1 and "status" not in it.lines[2]),
    "review": Does(opens("ReviewScreen"), ("j", "space")),
    "review.no_backup": Does(lambda it, before: opens("ReviewScreen")(it, before) and "for good" in it.text,
                             ("j", "space")),
    "slim": Does(lambda it, before: opens("ReviewScreen")(it, before) and "artifacts" in it.text, ("j", "space")),
    "backups": Does(opens("BackupsScreen")),
    "log": Does(opens("LogScreen")),
    "read.again": Does(lambda it, before: it.main.reader_started > 1),
    "read.all": Does(lambda it, before: it.main.reader_started > 1),
    "copy.id": Does(lambda it, before: it.app.clipboard == before.run.run_id),
    "copy.path": Does(lambda it, before: it.app.clipboard.endswith(before.run.path)),
    "export": Does(opens("ExportScreen")),
    "mouse": Does(says("mouse")),
    "theme": Does(lambda it, before: it.app.theme == "mlruns-dark" or says("theme ")(it, before)),
    "palette": Does(opens("Palette")),
    "help": Does(opens("HelpScreen")),
    "back": Does(lambda it, before: not it.state.zoomed and it.app.is_running, ("plus",)),
    "quit": Does(lambda it, before: it.app.return_value is not None),
}  # fmt: skip

ELSEWHERE = {
    "undo": "journeys/test_in_a_terminal.py::test_mark_review_apply_and_take_it_back",
    "repair": "journeys/test_repair_in_a_terminal.py",
    "pack": "tui/screens/test_backups_on_disk.py",
    "purge": "tui/screens/test_backups_on_disk.py",
    "task": "tui/test_changing.py",
}
"""Commands whose effect needs a store on a disk, or work that goes on: the tests that end there."""
NOT_IN_THE_PALETTE = {"palette"}
"""It is open already."""


def test_every_command_is_done_by_a_test() -> None:
    assert {one.id for one in COMMANDS} == DOES.keys() | ELSEWHERE.keys()
    assert not DOES.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("command", ELSEWHERE)
def test_the_test_that_does_it_elsewhere_is_there_and_presses_its_key(command: str) -> None:
    file, _, name = ELSEWHERE[command].partition("::")
    source = (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
    tests = [one for one in ast.walk(ast.parse(source)) if getattr(one, "name", "").startswith("test_")]
    here = [one for one in tests if not name or getattr(one, "name", "") == name]
    key = commands.keys_of(commands.BY_ID[command], {})[0]
    said = {one.value for test in here for one in ast.walk(test) if isinstance(one, ast.Constant)}
    assert key in said, f"{file} never presses {key}"


def test_every_command_has_a_key_a_title_and_a_line_in_the_help() -> None:
    for one in COMMANDS:
        assert commands.keys_of(one, {}), f"{one.id} has no key"
        assert one.title and one.help, one.id


async def back_to_the_start(it: Any, first: UiState) -> UiState:
    """The main screen as it was, the cursor on a parent of nested runs."""
    while it.app.screen is not it.main:
        it.app.pop_screen()
        await it.pilot.pause()
    it.main.expressing.clear()
    it.main.set_state(replace(first, snapshot=it.state.snapshot, judged=it.state.judged, diagnosis=it.state.diagnosis))
    it.main.run_table.set_anchor(None)
    it.main.run_table.go(2)
    it.main.focus_panel()
    await it.until(lambda: it.state.run is not None and it.state.run.name == PARENT, "the start")
    await it.pilot.pause()
    state: UiState = it.state
    return state


async def by_key(it: Any, command: Command) -> None:
    await it.press(commands.keys_of(command, {})[0])


async def by_palette(it: Any, command: Command) -> None:
    """Typed, chosen, run: as the palette lists it."""
    await it.press("ctrl+p")
    await it.until(lambda: type(it.app.screen).__name__ == "Palette", "the palette")
    palette = it.app.screen
    provider = next(one for one in await _providers(palette))
    title = command.title.rstrip("…")
    hits = [hit async for hit in provider.search(title) if hit.text == command.title]
    assert hits, f"{title} is not in the palette"
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.main, "the palette is closed")
    hits[0].command()
    await it.pilot.pause()


async def _providers(palette: Any) -> list[Any]:
    from mlruns_tui.tui.palette import StoreCommands

    main = palette.app.main
    provider = StoreCommands(main)
    await provider.startup()
    return [provider]


@pytest.mark.parametrize("way", [by_key, pytest.param(by_palette, marks=pytest.mark.full)], ids=["key", "palette"])
@pytest.mark.parametrize("group", ["move", "mark", "look", "act", "rest"])
async def test_every_command_does_what_it_says(
    journey: Start, make: Any, group: str, way: Callable[[Any, Command], Awaitable[None]]
) -> None:
    reader = make.reader()
    async with journey(reader, size=(140, 40)) as it:
        type(it.main).reader_started = property(lambda self: reader.started)
        await it.to_runs("tabular-churn")
        await it.until(lambda: it.state.first_metrics and not it.main.columns._busy, "the columns")
        await it.to_run(PARENT)
        first = replace(it.state, marks=Marks(), reading=False, task="")
        chosen = [one for one in COMMANDS if one.group == group and one.id in DOES]
        if way is by_palette:
            chosen = [one for one in chosen if one.id not in NOT_IN_THE_PALETTE]
        for command in sorted(chosen, key=lambda one: one.id == "quit"):
            does = DOES[command.id]
            await back_to_the_start(it, first)
            await it.press(*does.keys)
            before = it.state
            assert command.enabled(before) is None, command.id
            reader.started = 1
            it.app.theme = "mlruns-light"
            await way(it, command)
            await it.until(lambda does=does, before=before: does.sees(it, before), f"{command.id} did it")


async def test_the_palette_finds_every_command_by_its_title(journey: Start) -> None:
    from mlruns_tui.tui.palette import StoreCommands

    async with journey() as it:
        provider = StoreCommands(it.main)
        await provider.startup()
        for command in COMMANDS:
            found = [hit async for hit in provider.search(command.title.rstrip("…"))]
            assert command.title in [hit.text for hit in found], command.id
        assert len([hit async for hit in provider.discover()]) == len(COMMANDS)


OFF: dict[str, Callable[[UiState], UiState]] = {
    "empty": lambda state: replace(state, snapshot=Snapshot(state.snapshot.store), entry=None, run=None),
    "tree": lambda state: replace(state, panel="tree", entry=None),
    "findings": lambda state: replace(state, panel="findings"),
    "as it is": lambda state: state,
    "reading": lambda state: replace(state, reading=True),
    "read-only": lambda state: replace(state, read_only=True),
}
"""States in which something cannot be done."""


async def test_a_command_that_cannot_be_done_says_why_by_key_and_in_the_palette(
    journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlruns_tui.tui.flows.saying.MOVED_S", 0.5)
    async with journey() as it:
        from mlruns_tui.tui.palette import StoreCommands

        base = it.state
        for command in COMMANDS:
            if command.enabled is always:
                continue
            off = [state for change in OFF.values() if command.enabled(state := change(base)) is not None]
            assert off, f"nothing switches {command.id} off"
            it.main.state = off[0]
            reason = command.enabled(off[0])
            it.main.run_command(command.id)
            assert reason is not None
            assert reason in it.main.row_text, command.id
            words = next(one.words for one in StoreCommands(it.main)._offers(it.main) if one.title == command.title)
            assert words == f"not now: {reason}"
            it.main.state = base
