"""A hundred thousand runs: nothing is done per run on the screen's own thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from mlruns_tui.triage.marks import Marks
from mlruns_tui.tui import shown
from mlruns_tui.tui.flows import showing

Start = Callable[..., AbstractAsyncContextManager[Any]]
MANY = 100_000


@asynccontextmanager
async def longest_stall(record: Callable[[str, object], None], name: str) -> AsyncIterator[None]:
    """Records the longest time the event loop did nothing else, in milliseconds."""
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            worst = max(worst, time.perf_counter() - before)
            await asyncio.sleep(0.001)

    task = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        task.cancel()
        record(name, f"{worst * 1000:.0f} ms")
        print(f"{name}: longest stall {worst * 1000:.0f} ms")


async def test_a_hundred_thousand_runs_are_shown_sorted_and_marked(
    journey: Start, make: Any, record_property: Callable[[str, object], None]
) -> None:
    snapshot = make.many(MANY)
    async with journey(make.reader([snapshot]), read=False) as it:
        async with longest_stall(record_property, "show"):
            await it.until(lambda: len(it.main.run_table.rows) == MANY, "all rows")
        async with longest_stall(record_property, "scroll"):
            await it.press("2", "G")
            assert it.main.run_table.cursor == MANY - 1
            assert f"row {MANY:,}" in it.text or it.state.reading
            await it.press("g", "pagedown", "pagedown")
        for key in "nmc":
            async with longest_stall(record_property, f"sort {key}"):
                before = it.main.run_table.rows
                await it.press(key)
                await it.until(lambda before=before: it.main.run_table.rows is not before, f"sorted {key}")
        await it.until_read()
        async with longest_stall(record_property, "mark all"):
            await it.press("a")
            await it.until(lambda: len(it.state.marks) == MANY, "all marked")
        async with longest_stall(record_property, "one more"):
            await it.press("g", "space")
            assert len(it.state.marks) == MANY - 1
            await it.until(lambda: it.main.shown.totals.runs == MANY - 1, "the totals")
        assert "99,999 runs" in it.text


async def test_rows_of_a_large_experiment_are_made_on_a_thread(
    journey: Start, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    threads: set[str] = set()
    build = shown.build

    def watched(*arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        return build(*arguments)

    monkeypatch.setattr(showing, "build", watched)
    async with journey(make.reader([make.many(shown.SMALL + 1)]), read=False) as it:
        await it.until(lambda: len(it.main.run_table.rows) == shown.SMALL + 1, "the rows")
        assert "rows" in threads
        threads.clear()
        # By age: none of the ways to sort that are made ready.
        await it.press("2", "right_square_bracket")
        await it.until(lambda: threads, "a sort")
        assert threads == {"rows"}


async def test_another_experiments_rows_never_stand_under_its_name(journey: Start, make: Any) -> None:
    async with journey(make.reader([make.many(shown.SMALL + 1)]), read=False) as it:
        await it.until(lambda: len(it.main.run_table.rows) == shown.SMALL + 1, "the rows")
        it.main.store_tree.go_to_key("experiment/8")
        await it.until(lambda: it.state.entry.name == "other", "the other")
        assert not it.main.run_table.rows
        it.main.store_tree.go_to_key("experiment/7")
        await it.until(lambda: it.state.entry.name == "big", "back")
        await it.until(lambda: len(it.main.run_table.rows) == shown.SMALL + 1, "the rows again")


def test_what_did_not_change_is_not_made_again(make: Any) -> None:
    from dataclasses import replace

    from mlruns_tui.tui.state import UiState

    state = UiState(make.snapshot)
    first = shown.build(state, make.now_ms, shown.Shown())
    state = state.on_entry(next(row for row in first.tree if row.name == "tabular-churn"))
    second = shown.build(state, make.now_ms, first)
    assert second.tree is first.tree
    assert second.badges is first.badges
    assert len(second.runs) == 32
    third = shown.build(replace(state, marks=Marks()), make.now_ms, second)
    assert third.runs is second.runs
    assert third.tree is not second.tree
    assert shown.build(state.sorted_by("name"), make.now_ms, third).tree is not third.tree


async def test_a_cursor_move_draws_only_what_it_changes(journey: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with journey() as it:
        await it.press("2", "j")
        drawn: list[object] = []
        tree = it.main.store_tree
        row_pieces = tree.row_pieces
        monkeypatch.setattr(tree, "row_pieces", lambda row, width: drawn.append(row) or row_pieces(row, width))
        table_pieces = it.main.run_table.row_pieces
        monkeypatch.setattr(
            it.main.run_table, "row_pieces", lambda row, width: drawn.append(row) or table_pieces(row, width)
        )
        await it.press("j", "j", "k")
        assert len(drawn) <= 6


async def test_another_experiment_begins_at_its_top(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.press("G", "1")
        it.main.store_tree.go_to_key("experiment/102")
        await it.until(lambda: it.state.run is not None and it.state.run.experiment_id == "102", "the other")
        assert it.main.run_table.cursor == 0
        assert it.state.run.name == "run-1"


async def test_marking_all_of_very_many_runs_is_said_and_leaves_the_screen_to_others(journey: Start, make: Any) -> None:
    import threading

    from mlruns_tui.tui import marking

    number = shown.SMALL + 1
    async with journey(make.reader([make.many(number)]), read=False) as it:
        await it.until(lambda: len(it.main.run_table.rows) == number, "the rows")
        await it.until_read()
        await it.press("2")
        rows, let_on, threads = it.main.run_table.rows, threading.Event(), set()

        class Held:
            def __len__(self) -> int:
                return len(rows)

            def __iter__(self) -> Any:
                threads.add(threading.current_thread().name)
                let_on.wait(30)
                return iter(rows)

        it.main.mark_keys._several(marking.several, Held(), it.main.run_table.key_of)
        await it.until_text("working out what may be marked")
        assert not it.state.marks
        let_on.set()
        await it.until(lambda: len(it.state.marks) == number, "all marked")
        assert threads == {"marking"}
        assert f"marked {number:,}" in it.main.row_text


def test_marks_taken_away_leave_the_others_in_their_order(make: Any) -> None:
    from mlruns_tui.triage.marks import mark_of

    runs = [make.run("1", at, make.now_ms) for at in range(4)]
    marks = Marks().add(map(mark_of, runs))
    left = marks.remove([runs[1].key, "experiment/9", runs[3].key])
    assert [mark.key for mark in left] == [runs[0].key, runs[2].key]
    assert len(marks) == 4
