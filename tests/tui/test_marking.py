"""Marks: what Space, ranges, rules and all-shown mark, what is refused, and that marks follow items, not lines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.triage.marks import Marks
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.tui import marking
from mlruns_tui.tui.widgets.prompts import STEPS

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def facts(make: Any) -> Facts:
    return Facts(make.snapshot, make.now_ms, Options())


def named(facts: Facts, name: str) -> Any:
    return next(run for run in facts.runs.values() if run.name == name)


# Purely.


def test_a_family_is_marked_when_all_of_it_is_chosen(facts: Facts) -> None:
    family = [named(facts, "grid-2026-09-12"), *(run for run in facts.runs.values() if run.parent)]
    result = marking.several(facts, Marks(), [run.key for run in family])
    assert set(result.added.by_key) == {run.key for run in family}


def test_a_parent_alone_is_refused_because_of_its_child(facts: Facts) -> None:
    result = marking.toggled(facts, Marks(), named(facts, "grid-2026-09-12"))
    assert result.refused is not None
    assert result.refused.kind == "parent"
    assert "its child run" in result.said


def test_a_parent_may_follow_its_marked_children(facts: Facts) -> None:
    children = marking.several(facts, Marks(), [run.key for run in facts.runs.values() if run.parent])
    assert marking.toggled(facts, children.on(Marks()), named(facts, "grid-2026-09-12")).refused is None


def test_the_last_numbered_experiment_is_refused(make: Any) -> None:
    only = replace(make.snapshot, experiments=(make.snapshot.experiments[3],))
    facts = Facts(only, make.now_ms, Options())
    result = marking.toggled(facts, Marks(), facts.experiments["experiment/104"])
    assert result.refused is not None
    assert result.refused.kind == "last-experiment"


def test_marking_twice_takes_the_mark_away(facts: Facts) -> None:
    run = named(facts, "xgb-hist-128")
    marks = marking.toggled(facts, Marks(), run).on(Marks())
    assert run.key in marks
    assert run.key not in marking.toggled(facts, marks, run).on(marks)


def test_a_run_in_a_marked_experiment_is_not_marked_twice(facts: Facts) -> None:
    marks = marking.toggled(facts, Marks(), facts.experiments["experiment/102"]).on(Marks())
    run = next(run for run in facts.runs.values() if run.experiment_id == "102")
    result = marking.toggled(facts, marks, run)
    assert not result.added
    assert "whole experiment is marked" in result.said


def test_figures_of_a_rule_are_what_it_marks(facts: Facts) -> None:
    rule = marking.old(60)
    figures = marking.rule_figures(facts, rule)
    marked = marking.by_rules(facts, Marks(), [rule]).added
    assert figures.keys == set(marked.by_key)
    assert figures.items == len(marked)
    assert figures.size_bytes == sum(mark.size_bytes or 0 for mark in marked)
    assert figures.kept > 0


def test_inverting_twice_gives_the_same_marks(facts: Facts) -> None:
    keys = [run.key for run in facts.runs.values() if run.experiment_id == "102"]
    some = marking.several(facts, Marks(), keys[:3]).on(Marks())
    once = marking.inverted(facts, some, keys).on(some)
    assert set(once.by_key) == set(keys[3:])
    assert set(marking.inverted(facts, once, keys).on(once).by_key) == set(keys[:3])


# By keys.


async def test_space_marks_and_goes_down(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "space", "space")
        assert it.marked == {"run-1", "run-2"}
        assert it.main.run_table.cursor == 2
        assert "2 runs" in it.text
        assert "600 MB in 148 files" in it.text


async def test_marks_survive_sort_filter_and_another_reading(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("xgb-hist-256")
        await it.press("space")
        for keys in (["n"], ["s", "s"], ["m"], ["c"], ["slash", *"lgbm", "enter"], ["escape"], ["R"]):
            await it.press(*keys)
            assert it.marked == {"xgb-hist-256"}
        await it.until_read()
        assert it.marked == {"xgb-hist-256"}
        assert "● xgb-hist-256" in it.text.replace("●  ", "● ")


async def test_the_cursor_stays_on_its_run_when_the_list_is_sorted(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("xgb-hist-128")
        before = it.main.run_table.cursor
        await it.press("n")
        assert it.state.run.name == "xgb-hist-128"
        assert it.main.run_table.cursor != before
        await it.press("space")
        assert it.marked == {"xgb-hist-128"}


async def test_a_protected_run_is_refused_with_the_reason(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.to_run("lgbm-final-v2")
        await it.press("space")
        assert not it.marked
        assert it.main.row_text.startswith("◆ not marked: version 2 of churn-scorer is made from this run")
        assert it.state.run.name == "lgbm-final-v2"
        await it.press("j", "k")
        assert "◆ protected: version 2 of churn-scorer is made from this run" in it.main.row_text


async def test_space_in_the_tree_marks_the_experiment_itself(journey: Start) -> None:
    async with journey() as it:
        await it.press("space")
        assert [mark.key for mark in it.state.marks] == ["experiment/102"]
        assert "1 experiment" in it.text
        assert "2.4 GB in 593 files" in it.text


async def test_space_on_a_group_or_a_stray_says_why_not(journey: Start) -> None:
    async with journey() as it:
        for key in ("group/experiments", "stray/.ipynb_checkpoints"):
            it.main.store_tree.go_to_key(key)
            await it.until(lambda key=key: it.state.entry.key == key, key)
            await it.press("space")
            assert not it.marked
            assert "only experiments and runs are marked" in it.main.row_text


async def test_a_range_is_marked_from_v_to_v(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "j", "v", "j", "j")
        assert not it.marked
        assert "v ends the range" in it.text
        await it.press("v")
        assert it.marked == {"run-2", "run-3", "run-4"}
        assert it.state.anchor == ""


async def test_a_range_upwards_and_with_shift_is_the_same(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "j", "j", "j", "shift+up", "shift+up", "space")
        assert it.marked == {"run-2", "run-3", "run-4"}


async def test_escape_drops_a_range(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "v", "j", "escape", "j")
        assert it.main.run_table.range_from is None
        await it.press("space")
        assert it.marked == {"run-3"}


async def test_a_range_keeps_its_protected_rows_out_and_says_so(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.press("g", "v", "G", "v")
        assert "lgbm-final-v3" not in it.marked
        assert "xgb-hist-256" in it.marked
        assert "3 kept: " in it.main.row_text


async def test_all_shown_means_what_the_filter_lets_through(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.press("slash", *"xgb", "enter", "a")
        assert it.marked == {"xgb-hist-256", "xgb-hist-128"}
        await it.press("A")
        assert not it.marked


async def test_clearing_says_how_many(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "a", "U")
        assert not it.marked
        assert it.main.row_text == "8 marks cleared   u puts them back"
        await it.press("u")
        assert len(it.marked) == 8
        assert it.main.row_text == "8 marks, as before"
        await it.press("u")
        assert not it.marked, "and forth again"


async def test_u_takes_back_the_last_marking_whichever_it_was(journey: Start) -> None:
    async with journey() as it:
        await it.press("u")
        assert it.main.row_text == "take back the last marking: no mark was changed yet"
        await it.press("2", "space", "space")
        marked = it.marked
        await it.press("A")
        assert it.marked != marked
        await it.press("u")
        assert it.marked == marked
        it.main.say("")
        await it.press("U", "r")
        await it.until_read()
        await it.press("u")
        assert it.marked == marked, "reading again is no marking"


async def test_what_is_gone_meanwhile_is_not_marked_again(journey: Start, make: Any) -> None:
    churn = make.snapshot.runs["experiment/102"]
    later = replace(make.snapshot, runs={**make.snapshot.runs, "experiment/102": churn[1:]})
    async with journey(make.reader([make.snapshot], [later])) as it:
        await it.to_runs("llm-sft-qlora")
        await it.press("a", "U", "R")
        await it.until(lambda: it.state.snapshot is later and it.state.judged.facts.snapshot is later, "read again")
        await it.press("u")
        assert {mark.key for mark in it.state.marks} == {run.key for run in churn[1:]}
        assert it.main.row_text == "7 marks, as before; 1 item not there any more"


async def test_orphaned_marks_those_that_may_go_and_counts_the_kept(journey: Start) -> None:
    async with journey() as it:
        await it.press("o")
        assert [mark.key for mark in it.state.marks] == ["experiment/617283940118273051"]
        assert "marked 1; 1 kept: holds 3 readable runs" in it.main.row_text


async def test_the_question_for_days_follows_each_change(journey: Start) -> None:
    async with journey() as it:
        await it.press("O")
        assert "mark runs that ended more than [30] days ago" in it.text
        first = it.main.days.figures_text
        assert first.endswith("3 kept back: needed")
        await it.press("right")
        assert it.main.days.days == STEPS[STEPS.index(30) + 1] == 60
        await it.press("left", "left")
        assert it.main.days.days == 14
        await it.press("4", "5")
        assert it.main.days.days == 45
        assert it.main.days.figures_text != first
        await it.press("backspace")
        assert it.main.days.days == 4
        await it.press("escape")
        assert it.state.prompt == ""
        assert not it.marked


async def test_the_question_for_days_marks_what_its_figures_say(journey: Start) -> None:
    async with journey() as it:
        await it.press("O", "6", "0")
        said = it.main.days.figures_text
        await it.press("enter")
        assert said.startswith(f"{len(it.marked)} runs")
        assert {mark.rule for mark in it.state.marks} == {"old"}
        assert "kept: " in it.main.row_text
        assert it.state.old_days == 60


async def test_letters_do_nothing_else_while_days_are_asked(journey: Start) -> None:
    async with journey() as it:
        await it.press("O", "q", "d", "U", "question_mark", "space", "tab")
        assert it.state.prompt == "days"
        assert it.app.screen is it.main
        assert it.app.is_running


async def test_a_line_of_the_marks_is_unmarked_with_backspace(journey: Start) -> None:
    async with journey() as it:
        await it.press("o", "O", "enter", "3")
        await it.until(lambda: it.main.marked.current is not None and it.main.marked.current.kind == "rule", "a line")
        rule, before = it.main.marked.current.key, it.state.marks
        await it.until(lambda: "Backspace takes these marks away   u marks as they were before" in it.main.row_text)
        await it.press("backspace")
        assert rule not in {mark.rule for mark in it.state.marks}
        assert it.state.marks
        assert it.main.row_text.endswith("taken away   u puts them back")
        await it.press("u")
        assert it.state.marks.by_key == before.by_key


async def test_a_click_on_the_place_of_the_mark_marks(journey: Start) -> None:
    async with journey() as it:
        await it.pilot.click("#runs", offset=(2, 4))
        await it.pilot.pause()
        assert it.marked == {"run-3"}
        assert it.state.panel == "runs"


async def test_marks_come_back_at_the_next_visit(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "space", "space")
        await it.press("q")
        await it.until(lambda: not it.app.is_running, "left")
        assert it.app.return_value == 2
    async with journey() as it:
        await it.until(lambda: it.marked == {"run-1", "run-2"}, "the marks")


async def test_marks_whose_items_are_gone_are_said_to_be(journey: Start, make: Any) -> None:
    async with journey() as it:
        await it.press("2", "space", "space", "q")
        await it.until(lambda: not it.app.is_running, "left")
    key = "experiment/102"
    gone = replace(make.snapshot, runs={**make.snapshot.runs, key: make.snapshot.runs[key][1:]})
    async with journey(make.reader([gone])) as it:
        await it.until_text("1 marked item is gone since the last visit. 1 item stays marked")
        assert it.marked == {"run-2"}
