"""``f``: a filter expression, its count as it is typed, its errors under their place, and values read behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mlruns_tui.model.values import Wanted
from mlruns_tui.workflow.remembering import recall_expressions

COLUMN = Wanted(("n",))
Start = Callable[..., AbstractAsyncContextManager[Any]]


async def typed(it: Any, text: str) -> None:
    """``f`` and a text, letter by letter."""
    await it.press("f")
    await it.until(lambda: it.state.prompt == "expression", "the prompt")
    for letter in text:
        await it.pilot.press({" ": "space", "<": "less_than_sign", "(": "left_parenthesis"}.get(letter, letter))
    await it.until(lambda: it.main.expression.text == text, text)


def names(it: Any) -> list[str]:
    return [row.run.name for row in it.main.run_table.rows]


async def test_only_runs_that_match_are_in_the_table_and_only_their_experiments_in_the_tree(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await typed(it, "status in (FAILED, KILLED)")
        await it.until(lambda: set(names(it)) == {"depth8-lr0.10", "depth10-lr0.05"}, "two runs")
        await it.until_text("2 of 44 runs match, 2 here")
        await it.press("enter")
        await it.until(lambda: it.state.prompt == "", "the prompt goes")
        assert [row.name for row in it.main.store_tree.rows if row.kind == "experiment"] == ["tabular-churn"]
        await it.until_text("f status in (FAILED", "2 of 32 shown", "with a match")
        await it.press("a")
        await it.until(lambda: it.marked == {"depth8-lr0.10", "depth10-lr0.05"}, "marked")
        await it.press("escape")
        await it.until(lambda: len(names(it)) == 32, "all again")
        assert it.state.expression == ""


async def test_values_are_read_in_portions_until_all_are_known(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        await it.to_runs("llm-sft-qlora")
        await typed(it, "metrics.n >= 7 and params.lr < 1")
        await it.until(lambda: set(names(it)) == {"run-7", "run-8"}, "two runs")
        every = {run.key for run in make.snapshot.all_runs()}
        await it.until(lambda: every <= {key for keys, wanted in reader.asked if wanted.params for key in keys}, "all")
        await it.until(lambda: "reading" not in it.main.expression.note, "all read")
        first = next(keys for keys, wanted in reader.asked if wanted.params)
        assert all(key.startswith("experiment/102/") for key in first[:8])
        assert {wanted.metrics for _, wanted in reader.asked} == {("n",)}, "half a name was never read"
        assert {key for keys, wanted in reader.asked if wanted.params for key in keys} == {
            run.key for run in make.snapshot.all_runs()
        }
        before = len(reader.asked)
        await it.press("enter", "r")
        await it.until(lambda: len(reader.asked) > before and not it.state.reading, "read again with the store")
        await it.until(lambda: set(names(it)) == {"run-7", "run-8"}, "still two")


async def test_nothing_is_read_for_what_the_table_knows(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        await it.to_runs("tabular-churn")
        await typed(it, "size > 90MB and age > 30d or impact = warns")
        await it.until(lambda: names(it) == ["lgbm-final-v2"], "one run")
        assert not [wanted for _, wanted in reader.asked if wanted != COLUMN], "the table's own column aside"


async def test_an_error_stands_under_its_place_and_enter_keeps_asking(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await typed(it, "status = FAILED and parms.model = 'x'")
        await it.until_text('no field "parms"; did you mean params?')
        lines = it.lines
        at = next(number for number, line in enumerate(lines) if "parms.model" in line)
        assert lines[at].index("parms") == lines[at + 1].index("▲")
        await it.press("enter")
        assert it.state.prompt == "expression"
        assert names(it) == ["depth8-lr0.10"], "the last text that was an expression stays in force"
        await it.press("escape")
        await it.until(lambda: it.state.prompt == "" and len(names(it)) == 32, "nothing filtered")


async def test_the_arrows_bring_back_what_was_asked_before(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        for text in ("status = FAILED", "size > 1GB"):
            await typed(it, text)
            await it.press("enter")
            await it.until(lambda: it.state.prompt == "", "kept")
            await it.press("escape")
        await typed(it, "x")
        await it.press("up")
        assert it.main.expression.text == "size > 1GB"
        await it.press("up", "up")
        assert it.main.expression.text == "status = FAILED"
        await it.press("down", "down")
        assert it.main.expression.text == "x"


async def test_both_filters_work_together(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await typed(it, "age > 60d")
        await it.press("enter", "slash", *"xgb", "enter")
        await it.until(lambda: names(it) == ["xgb-hist-256", "xgb-hist-128"], "both")
        await it.press("escape")
        await it.until(lambda: it.state.run_filter == "" and it.state.expression == "age > 60d", "one left")
        await it.press("escape")
        await it.until(lambda: it.state.expression == "", "none left")


async def test_hostile_text_is_shown_and_never_acted_on(journey: Start, make: Any) -> None:
    for text in ("[red]x[/red] = 1", "run_name = '[/]'"):
        async with journey(make.reader([make.hostile_snapshot()])) as it:
            await it.to_runs("hostile")
            await it.press("f")
            it.main.expression._set(text)
            await it.pilot.pause()
            await it.until(lambda: it.main.expression.note, "something is said")
            assert text in it.text


async def test_values_that_cannot_be_read_are_said_and_match_nothing(journey: Start, make: Any) -> None:
    from mlruns_tui.model.errors import MlrunsError

    reader = make.reader()

    def refuse(keys: object, wanted: object) -> Any:
        raise MlrunsError("store-gone", "it cannot be reached")

    reader.values = refuse
    async with journey(reader) as it:
        await it.to_runs("tabular-churn")
        await typed(it, "not metrics.n > 3")
        await it.until_text("it cannot be reached", "0 of 44 runs")
        assert names(it) == []


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (60, 16)])
async def test_the_prompt_fits_every_window(journey: Start, size: tuple[int, int]) -> None:
    async with journey(size=size) as it:
        await it.to_runs("tabular-churn")
        await typed(it, "metrics.val_loss ! 0.3 and metrics.something_else_that_is_long < 3")
        await it.until(lambda: "expected a comparison" in it.main.expression.note, "an error")
        assert any("expected a comparison" in line for line in it.lines)
        assert all(len(line) <= size[0] for line in it.lines)


async def test_expressions_are_there_at_the_next_start_and_names_are_offered(journey: Start) -> None:
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await typed(it, "age > 60d")
        await it.press("enter")
        await it.until(lambda: "age > 60d" in recall_expressions(), "kept")
    async with journey() as it:
        await it.to_runs("tabular-churn")
        await it.press("f")
        await it.until(lambda: it.main.expression.history == ("age > 60d",), "called back")
        await it.press("up")
        await it.until(lambda: it.main.expression.text == "age > 60d", "the one before")
        await it.press("down")
        await it.until(lambda: it.main.expression._suggester.names.params == ("lr",), "names")
        await it.press(*"params", "full_stop", "l")
        await it.until_text("params.lr")
        await it.press("right")
        await it.until(lambda: it.main.expression.text == "params.lr", "completed")
