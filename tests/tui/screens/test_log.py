"""The log as a screen, and the question about a batch that stopped half-way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.model.batch import Batch, Operation
from mlruns_tui.tui.screens.for_good import GoOnDeletingDialog
from mlruns_tui.tui.screens.log import LogScreen, entries
from mlruns_tui.tui.screens.recover import RecoverDialog
from mlruns_tui.workflow import changing

Lines = Callable[[Any], list[str]]
SIZES = [(140, 40), (80, 24), (200, 60), (60, 16)]


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


@pytest.fixture
def batches(build: Any, usual: SimpleNamespace) -> tuple[Batch, ...]:
    """One put back an hour ago that was removed a day ago, one that stopped two hours ago, one without a journal."""
    items, now, hour = usual.plan.items, build.now, 3_600_000
    first = Operation("apply", now - 24 * hour, "alice", "gpu01", now - 24 * hour, 2, 2_000_000)
    back = Operation("restore", now - hour, "bob", "gpu02", now - hour, 2, 2_000_000)
    stopped = Operation("apply", now - 2 * hour, "carol", "gpu03", None, 1, 1_000_000, 77)
    return (
        replace(
            build.batch(items, "in-place", id="stopped", state="unfinished",
                        outcomes={items[0].key: ("moved", "done", "")}),
            history=(stopped,), open_op="apply",
        ),
        replace(build.batch(items[:2], "restored", id="back"), history=(first, back)),
        build.batch(items[:1], "moved", id="lost"),
    )  # fmt: skip


async def _settled(app: Any, pilot: Any) -> None:
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


def test_entries_are_operations_newest_first(batches: tuple[Batch, ...], build: Any) -> None:
    found = entries(batches)
    assert [one.operation.op if one.operation else "" for one in found if one.batch.id != "lost"] == [
        "restore", "apply", "apply",
    ]  # fmt: skip
    assert [one.began_ms for one in found] == sorted((one.began_ms for one in found), reverse=True)


@pytest.mark.parametrize("size", SIZES)
async def test_it_shows_who_did_what_and_the_way_back(
    batches: Any, bare: Any, lines_of: Lines, monkeypatch: Any, closed_borders: Any, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(changing, "batches", lambda root: batches)
    app = bare(LogScreen("/data/mlruns", "mlruns", experiments={}))
    async with app.run_test(size=size) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        assert "4 entries" in text
        assert "put back" in text
        closed_borders(app)
        at = next(n for n, one in enumerate(entries(batches)) if one.batch.id == "stopped")
        await pilot.press("home", *["down"] * at)
        await pilot.pause()
        if size[1] >= 24:
            text = _text(lines_of(app))
            assert "stopped half-way" in text
            assert "carol" in text
            assert "recover" in text


async def test_its_command_is_copied_where_there_is_one(batches: Any, bare: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(changing, "batches", lambda root: batches)
    app = bare(LogScreen("/data/mlruns", "mlruns", experiments={}))
    copied: list[str] = []
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        for _ in range(4):
            await pilot.press("y", "down")
    assert sorted(set(copied)) == [
        "mlruns-tui backups restore /data/mlruns lost",
        "mlruns-tui recover /data/mlruns stopped",
    ]


async def test_nothing_to_tell_and_nothing_that_can_be_told(bare: Any, lines_of: Lines, monkeypatch: Any) -> None:
    monkeypatch.setattr(changing, "batches", lambda root: ())
    app = bare(LogScreen("/data/mlruns", "mlruns"))
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "Nothing was ever removed here." in _text(lines_of(app))
        await pilot.press("y", "enter", "space", "down", "end")

        def refuse(root: str) -> Any:
            raise PermissionError("denied \x1b[31m")

        monkeypatch.setattr(changing, "batches", refuse)
        await pilot.press("r")
        await _settled(app, pilot)
        assert "The log could not be looked up: denied" in _text(lines_of(app))
        assert "\x1b" not in _text(lines_of(app))


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
async def test_names_nobody_should_trust_are_only_shown(
    batches: Any, bare: Any, no_controls: Any, all_hostile: Any, monkeypatch: Any, size: tuple[int, int]
) -> None:
    bad = tuple(
        replace(
            one,
            id=name or "x",
            user=name,
            rules=(name,),
            history=(Operation(name, one.created_ms, name, name, None, 1, 1),),
            items=tuple(replace(item, item=replace(item.item, name=name, rule=name)) for item in one.items),
        )
        for name in all_hostile
        for one in batches[:1]
    )
    monkeypatch.setattr(changing, "batches", lambda root: bad)
    app = bare(LogScreen("/data/\x1b[31m", "\x1b[31m", experiments=dict.fromkeys("12", "\x1b[/]")))
    async with app.run_test(size=size) as pilot:
        await _settled(app, pilot)
        for _ in bad:
            no_controls(app)
            await pilot.press("down", "y")
            await pilot.pause()


@pytest.mark.parametrize(("key", "answer"), [("c", "continue"), ("u", "undo"), ("a", "leave"), ("escape", None)])
async def test_the_question_names_every_way_and_escape_changes_nothing(
    batches: Any, bare: Any, build: Any, lines_of: Lines, key: str, answer: str | None
) -> None:
    app = bare(LogScreen("/nowhere", "nowhere"))
    answers: list[Any] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        app.push_screen(RecoverDialog(batches[0], build.now), answers.append)
        await pilot.pause()
        text = _text(lines_of(app))
        for words in ("stopped half-way", "1 in the backup", "4 where it was", "Go on", "Take back", "Leave as it is"):
            assert words in text, words
        await pilot.press(key)
        await _settled(app, pilot)
    assert answers == [answer]


async def test_enter_on_the_question_takes_back(batches: Any, bare: Any, build: Any) -> None:
    app = bare(LogScreen("/nowhere", "nowhere"))
    answers: list[Any] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        app.push_screen(RecoverDialog(batches[0], build.now), answers.append)
        await pilot.pause()
        await pilot.press("enter")
        await _settled(app, pilot)
    assert answers == ["undo"]


async def test_what_would_be_deleted_must_be_typed(batches: Any, bare: Any, build: Any, lines_of: Lines) -> None:
    app = bare(LogScreen("/nowhere", "nowhere"))
    answers: list[Any] = []
    doomed = replace(batches[0], open_op="purge")
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        for typed in (("2", "enter"), ("1", "enter")):
            app.push_screen(GoOnDeletingDialog(doomed), answers.append)
            await pilot.pause()
            assert "Type 1 (the items) to delete" in _text(lines_of(app))
            await pilot.press(*typed)
            await _settled(app, pilot)
    assert answers == [False, True]
