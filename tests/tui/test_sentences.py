"""What the fixed lines, borders and toasts say, word for word."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from textual.scrollbar import ScrollBarRender

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.store import Experiment, Progress, Snapshot
from mlruns_tui.triage.marks import Mark, Marks
from mlruns_tui.tui import render, titles
from mlruns_tui.tui.commands import BY_ID, not_now
from mlruns_tui.tui.shown import Shown, build, judge_all
from mlruns_tui.tui.signs import UNICODE, ascii_text, may_be_wide
from mlruns_tui.tui.state import UiState
from mlruns_tui.tui.widgets.findings_panel import SHORT, WORDS, FindingCount, words_of
from mlruns_tui.tui.widgets.run_columns import RunColumns
from mlruns_tui.workflow.reading import Space

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def state(make: Any) -> UiState:
    state = UiState(make.snapshot, judged=judge_all(make.snapshot, make.now_ms, 30), progress=make.snapshot.progress)
    rows = build(state, make.now_ms, Shown()).tree
    return replace(state.on_entry(next(row for row in rows if row.name == "tabular-churn")), panel="runs")


def said(state: UiState, make: Any, short: bool = False) -> str:
    return "".join(text for text, _ in render.row_pieces(state, {}, make.now_ms, UNICODE, short))


def on(state: UiState, name: str) -> UiState:
    return replace(state, run=next(run for run in state.runs or () if run.name == name))


def test_a_run_is_spelled_out_with_its_mark(state: UiState, make: Any) -> None:
    state = on(state, "xgb-hist-256")
    assert said(state, make) == "xgb-hist-256  finished 63 d ago, ran 14 min · 31.4 MB in 74 files · alice"
    mark = Mark(state.run.key, "remove", "old", "ended 63 d ago", 1, 1)  # type: ignore[union-attr]
    state = replace(state, marks=Marks({mark.key: mark}))
    assert said(state, make).endswith("alice   ● marked: old, ended 63 d ago")
    assert said(state, make, short=True) == "xgb-hist-256  finished 63 d ago · 31.4 MB   ● marked: old, ended 63 d ago"


def test_a_protected_run_says_why(state: UiState, make: Any) -> None:
    assert said(on(state, "lgbm-final-v3"), make).endswith(
        "   ◆ protected: version 3 of churn-scorer is made from this run: it would lose its origin"
    )


def test_a_parent_is_protected_by_its_unmarked_child(state: UiState, make: Any) -> None:
    assert "◆ protected: its child run depth6-lr0.10 is kept" in said(on(state, "grid-2026-09-12"), make)


def test_what_could_not_be_done_says_its_error_first(state: UiState, make: Any) -> None:
    state = on(state, "xgb-hist-256")
    key = state.run.key  # type: ignore[union-attr]
    state = replace(
        state, mark_errors={key: "permission denied"}, marks=Marks({key: Mark(key, "remove", "mark", "", 1, 1)})
    )
    assert said(state, make).endswith("   ✗ permission denied")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("617283940118273051", "orphaned: no meta.yaml · 0 runs · 1.1 GB in 40 files"),
        ("smoke-tests", "malformed: name is missing · 1 run · 10.0 MB in 75 files"),
        (".ipynb_checkpoints", "a directory MLflow trips over · 412 B"),
        ("stray", "directories that are neither experiment nor run"),
    ],
)
def test_every_kind_of_entry_is_spelled_out(state: UiState, make: Any, name: str, words: str) -> None:
    rows = build(state, make.now_ms, Shown()).tree
    state = replace(state.on_entry(next(row for row in rows if row.name == name)), panel="tree")
    assert said(state, make).startswith(f"{name}  {words}")


def test_a_stopped_reading_says_how_to_read_on(state: UiState) -> None:
    stopped = replace(state, progress=Progress("stopped", 1293, 1293, 734, 1, 1))
    assert render.ended_text(stopped) == "stopped: 734 of 1,293 runs sized. R reads on"


def test_the_border_of_the_tree_says_as_much_as_fits(state: UiState, make: Any) -> None:
    shown = build(state, make.now_ms, Shown())
    assert titles.tree_foot(state, shown, UNICODE, 46).plain == "!! 2  ! 1  ~ 1 · 6 experiments · 44 runs"
    assert titles.tree_foot(state, shown, UNICODE, 31).plain == "!! 2  ! 1  ~ 1 · 44 runs"
    assert titles.tree_foot(state, shown, UNICODE, 20).plain == "!! 2  ! 1  ~ 1"
    assert titles.tree_foot(state, shown, UNICODE, 6).plain == ""


def test_the_border_of_the_table_counts_what_a_filter_hides(state: UiState, make: Any) -> None:
    keys = [run.key for run in state.runs or ()][9:12]
    marks = Marks({key: Mark(key, "remove", "mark", "", 1, 1) for key in keys})
    state = replace(state, marks=marks, run_filter="xgb")
    shown = build(state, make.now_ms, Shown())
    assert titles.table_title(state, 60).plain == "2 runs  tabular-churn  /xgb"
    assert (
        titles.table_foot(state, shown, 0, 60, RunColumns.of(58)).plain == "2 of 32 shown · 3 marked, 1 of them hidden"
    )


def test_a_store_without_experiments_says_when_they_come(make: Any) -> None:
    empty = Snapshot(make.snapshot.store, progress=Progress("complete"))
    state = UiState(empty)
    state = state.on_entry(build(state, make.now_ms, Shown()).tree[0])
    words = "".join(text for text, _ in titles.empty_table(state, Shown(), {}))
    assert words == "No experiments here yet. MLflow writes them when a run starts."


def test_an_empty_experiment_that_must_stay_is_not_offered(make: Any) -> None:
    default = Experiment("0", name="Default", lifecycle_stage="active", path="0")
    snapshot = replace(make.snapshot, experiments=(default, *make.snapshot.experiments), runs={default.key: ()})
    state = UiState(snapshot, judged=judge_all(snapshot, make.now_ms, 30))
    rows = build(state, make.now_ms, Shown()).tree
    state = state.on_entry(next(row for row in rows if row.name == "Default"))
    assert "".join(text for text, _ in titles.empty_table(state, Shown(), {})) == "No runs in Default. "


@pytest.mark.parametrize(
    ("environ", "wide"),
    [({"LANG": "ko_KR.UTF-8"}, True), ({"LC_ALL": "C.UTF-8", "LANG": "ja_JP"}, False), ({}, False)],
)
def test_wide_signs_are_thought_of_in_some_languages(environ: dict[str, str], wide: bool) -> None:
    assert may_be_wide(environ) is wide


async def test_what_the_reading_says_of_itself_is_told_once(journey: Start, make: Any) -> None:
    snapshot = replace(make.snapshot, messages=("no database found; name it with --database",))
    async with journey(make.reader([snapshot])) as it:
        await it.until_toast("no database found; name it with --database")
        it.app.clear_notifications()
        await it.press("R")
        await it.until_read()
        assert "no database" not in it.toasts


async def test_a_batch_that_stopped_half_way_is_said(
    journey: Start, monkeypatch: pytest.MonkeyPatch, surroundings: None
) -> None:
    batch = Batch("20261109-0812-77c0", 1_794_000_000_000, "alice", "gpu01", 0, "unfinished", ())
    monkeypatch.setattr("mlruns_tui.workflow.changing.batches", lambda root: (batch,))
    async with journey() as it:
        await it.until_toast("stopped half-way. Every item is whole. b, then Enter on it")


async def test_backups_that_cannot_be_looked_up_are_said(
    journey: Start, monkeypatch: pytest.MonkeyPatch, surroundings: None
) -> None:
    def broken(root: str) -> tuple[Batch, ...]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mlruns_tui.workflow.changing.batches", broken)
    async with journey(read=False) as it:
        await it.until_toast("the backups could not be looked up: PermissionError")


async def test_the_same_error_is_said_once_until_a_key(journey: Start) -> None:
    async with journey() as it:
        for text in ("gone", "gone", "locked"):
            it.main.saying.complain(text)
        await it.until(lambda: it.toasts == "gone\nlocked", "each once")
        await it.press("j")
        await it.until(lambda: not it.toasts, "read")
        it.main.saying.complain("gone")
        await it.until(lambda: it.toasts == "gone", "said again")


async def test_a_disk_almost_full_is_not_quiet(
    journey: Start, monkeypatch: pytest.MonkeyPatch, surroundings: None
) -> None:
    space = Space(10**9, 10**12, 1, 100)
    monkeypatch.setattr("mlruns_tui.tui.flows.reading.space_of", lambda root: space)
    async with journey() as it:
        assert "1.0 GB free of 1.0 TB   inodes 99 % used" in it.lines[0]


async def test_a_click_on_an_action_or_a_key_does_it(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "space")
        actions = it.main.actions
        row = next(at for at, text in enumerate(actions.plain.split("\n")) if "clear the marks" in text)
        await it.pilot.click("#actions", offset=(4, row + 1))
        await it.pilot.pause()
        assert not it.marked
        at = it.lines[-1].index("? help")
        await it.pilot.click("#keys", offset=(at + 1, 0))
        await it.until_text("in four steps")


async def test_help_fits_a_small_window(journey: Start) -> None:
    async with journey(size=(80, 24)) as it:
        await it.press("question_mark")
        await it.until_text("in four steps")
        await it.press(*["down"] * 30)
        await it.until_text("mark all shown")
        await it.press("escape")
        assert it.app.screen is it.main


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("width", [17, 18, 30, 60])
def test_no_word_of_the_findings_panel_is_cut(number: int, width: int) -> None:
    said = [words_of(FindingCount(sign, number), width) for sign in WORDS]
    assert all(len(words) <= width for words in said)
    full = [words[number != 1] for words in WORDS.values()]
    assert said == (full if width >= 30 else list(SHORT.values()))


def test_the_ends_of_a_scroll_thumb_are_ascii_too() -> None:
    assert [ascii_text(part) for part in ScrollBarRender.VERTICAL_BARS] == [" "] * len(ScrollBarRender.VERTICAL_BARS)


def test_in_a_panel_of_marks_without_marks_space_says_where_to_go(state: UiState) -> None:
    here = replace(state, panel="marked")
    assert not_now(BY_ID["mark.toggle"], here) == "first 1 or 2: go to what is to be marked"
    marked = replace(here, marks=Marks({"experiment/101": Mark("experiment/101", "remove", "mark", "by hand", 1, 1)}))
    assert not_now(BY_ID["mark.toggle"], marked) == "Backspace takes a mark away here"
