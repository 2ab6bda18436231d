"""The screen while the store is read: live, usable at once, stoppable, and quiet under the user's fingers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.errors import MlrunsError, StaleError
from mlruns_tui.model.store import Progress, Snapshot

Start = Callable[..., AbstractAsyncContextManager[Any]]


async def test_rows_arrive_while_reading_and_unknown_is_not_nought(journey: Start, make: Any) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        await it.until_text("reading")
        reader.let_on()
        await it.until_text("run-5", "43 %", "46 runs found · 20 sized · 1,400 files", "Esc stop")
        line = next(line for line in it.lines if "run-5" in line)
        # Age, idle and size; a column of a metric may stand there by now, not read either.
        assert re.search(r" \d+d +… +…", line), it.text
        assert " 0 B" not in it.text
        reader.let_on()
        await it.until(lambda: it.state.snapshot.complete, "all read")
        reader.let_on()
        await it.until_text("read in 11.2 s: 6 experiments, 44 runs, 4.5 GB in 3,096 files. 4 findings")


async def test_without_an_estimate_only_counts_run(journey: Start, make: Any) -> None:
    early = replace(make.partly, progress=Progress("runs", 46, 12, 0, 0, 500))
    reader = make.reader([early, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until_text("46 runs found · 12 read")
        assert "%" not in it.main.row_text
        assert "left" not in it.main.row_text


async def test_sizes_that_grow_have_a_plus(journey: Start, make: Any) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until_text("1.2 GB+")


async def test_marking_works_while_reading_and_old_says_what_is_unread(journey: Start, make: Any) -> None:
    early = replace(make.partly, progress=replace(make.partly.progress, runs_read=40))
    reader = make.reader([early, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until(lambda: it.state.judged is not None and it.state.runs, "judged")
        await it.press("2", "space")
        assert it.marked == {"run-1"}
        await it.press("O", "enter")
        assert it.main.row_text.endswith("6 runs not read yet")


async def test_orphaned_asked_for_too_early_is_done_once_all_is_read(journey: Start, make: Any) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until_text("tabular-churn")
        await it.press("o")
        assert it.main.row_text == "mark orphaned: once all is read; it is done then"
        assert not it.marked
        reader.let_on(2)
        await it.until(lambda: len(it.state.marks) == 1, "the mark")
        assert [mark.key for mark in it.state.marks] == ["experiment/617283940118273051"]


async def test_escape_stops_and_keeps_what_is_read(journey: Start, make: Any) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until_text("tabular-churn")
        await it.press("escape")
        await it.until(lambda: not it.state.reading, "stopped")
        assert it.main.row_text == "stopped: 20 of 46 runs sized. R reads on"
        assert "tabular-churn" in it.text
        assert reader.stopped == 1
        await it.press("o")
        assert "only once all is read: R reads on" in it.main.row_text


async def test_reading_again_tells_the_reader_what_is_known_and_all_again_does_not(journey: Start, make: Any) -> None:
    given: list[Snapshot | None] = []
    reader = make.reader()
    scan = reader.scan
    reader.scan = lambda previous=None, stop=None: given.append(previous) or scan(previous, stop)
    async with journey(reader) as it:
        await it.press("r")
        await it.until_read()
        await it.press("R")
        await it.until_read()
        assert [one is None for one in given] == [True, False, True]


async def test_a_scan_given_up_for_another_speaks_no_more(journey: Start, make: Any) -> None:
    other = replace(make.snapshot, experiments=make.snapshot.experiments[:1])
    reader = make.reader([make.snapshot], [other])
    async with journey(reader) as it:
        first = it.main.reading._scan
        await it.press("R")
        await it.until_read()
        it.main.reading.take(make.snapshot, first)
        await it.pilot.pause()
        assert len(it.state.snapshot.experiments) == 1


async def test_the_cursor_stays_at_the_top_until_a_key_is_pressed_then_on_its_item(journey: Start, make: Any) -> None:
    first = make.partly
    grown = tuple(
        replace(one, size=replace(one.size, size_bytes=10**12)) if one.name == "empty-one" else one
        for one in make.snapshot.experiments
    )
    again = replace(make.snapshot, experiments=grown)
    reader = make.reader([first, make.snapshot, again], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until(lambda: it.state.entry is not None and it.state.entry.name == "llm-sft-qlora", "the top")
        reader.let_on()
        await it.until(lambda: it.state.snapshot is make.snapshot, "the second")
        await it.press("down")
        assert it.state.entry.name == "tabular-churn"
        before = it.main.store_tree.cursor
        reader.let_on()
        await it.until(lambda: it.state.snapshot is again, "the third")
        assert it.state.entry.name == "tabular-churn"
        assert it.main.store_tree.cursor == before + 1


async def test_lists_keep_still_for_a_moment_after_a_key(
    journey: Start, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make.reader([make.partly, make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        reader.let_on()
        await it.until_text("tabular-churn")
        monkeypatch.setattr("mlruns_tui.tui.flows.reading.QUIET_S", 3600.0)
        await it.press("j")
        reader.let_on(2)
        await it.until(lambda: it.state.progress.stage == "complete", "the progress")
        await it.pilot.pause()
        assert it.state.snapshot is make.partly
        assert it.state.reading


async def test_a_store_that_went_away_is_said_and_what_was_read_stays(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        reader.error = StaleError("stale", "stale file handle", path="/data/mlruns")
        await it.press("R")
        await it.until_text(" not there ", "/data/mlruns cannot be read on (stale file handle")
        assert "tabular-churn" in it.text
        reader.error = None
        await it.press("R")
        await it.until(lambda: " not there " not in it.text, "there again")


async def test_a_store_that_went_away_is_named_once_and_the_way_out_is_on_the_line(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        reader.error = StaleError("stale", "/data/mlruns is not there any more", path="/data/mlruns")
        await it.press("R")
        await it.until_text(
            "/data/mlruns cannot be read on (is not there any more). What you see is from before. R tries"
        )


async def test_an_error_nobody_expected_in_the_reader_is_said(journey: Start, make: Any) -> None:
    reader = make.reader()
    reader.error = MlrunsError("odd", "the reader process ended", hint="R starts it again")
    async with journey(reader, read=False) as it:
        await it.until_text("the reader process ended; R starts it again")


async def test_a_group_in_which_something_breaks_the_store_opens_by_itself(journey: Start, make: Any) -> None:
    trashed = replace(make.snapshot.findings[0], path=".trash/105/meta.yaml", experiment_id="105")
    async with journey(make.reader([replace(make.snapshot, findings=(trashed,))])) as it:
        await it.until_text("▾ trash 1", "old-one")


async def test_the_screen_draws_while_the_reader_says_nothing(journey: Start, make: Any) -> None:
    reader = make.reader([make.snapshot], held=True)
    async with journey(reader, read=False) as it:
        await it.until_text("1 store", "nothing marked", "? help")
        await it.press("question_mark")
        await it.until_text("in four steps")


async def test_leaving_does_not_wait_for_a_reader_that_hangs(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        reader.inspect_gate.clear()
        await it.press("2", "space", "d")
        await it.until(lambda: reader.inspected, "the look")
        await it.press("q")
        await it.until(lambda: not it.app.is_running, "left")
        assert any(thread.name == "plan" for thread in threading.enumerate())
        reader.inspect_gate.set()


async def test_an_empty_store_says_so(journey: Start, make: Any) -> None:
    empty = Snapshot(make.snapshot.store, progress=Progress("complete"))
    async with journey(make.reader([empty])) as it:
        it.main.change(closed=frozenset())
        await it.until_text("experiments 0")
        await it.press("d", "space", "a", "2", "space", "i", "y")
        assert it.app.is_running
