"""Runs side by side on the screen: read behind it, what differs first, everything reachable at every size."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe
from mlruns_tui.tui.screens.compare import MOST_RUNS, CompareScreen
from mlruns_tui.tui.widgets.curve_view import CurveView

Lines = Callable[[Any], list[str]]
Check = Callable[[Any], None]


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


@pytest.fixture
def shown(usual: SimpleNamespace, build: Any, bare: Any, fake_reader: Any) -> Any:
    """Makes an app that compares runs; ``logged``: per run, params and the values of val_loss."""

    def make(logged: Any = None, runs: Any = None, **options: Any) -> Any:
        runs = list(usual.runs if runs is None else runs)
        ascii_signs = options.pop("ascii_signs", False)
        answers = {}
        for at, run in enumerate(runs):
            params, losses = logged[at] if logged else ({"depth": str(at), "seed": "1337"}, [0.9, 0.5 - at / 100])
            answers[run.key] = build.details(
                run.key, params=tuple(params.items()), metrics=(build.series("val_loss", losses),)
            )
        answers.update(options.pop("answers", {}))
        reader = fake_reader(answers)
        marks: set[str] = set()
        opened: list[str] = []

        def toggle(key: str) -> str:
            marks.symmetric_difference_update({key})
            return ""

        screen = CompareScreen(
            reader,
            runs,
            marked=marks.__contains__,
            toggle=options.pop("toggle", toggle),
            open_details=opened.append,
            now_ms=build.now,
        )
        app = bare(screen, ascii_signs)
        app.reader, app.marks, app.opened, app.shown = reader, marks, opened, screen
        return app

    return make


async def _settled(app: Any, pilot: Any) -> None:
    for _ in range(500):
        await pilot.pause(0.01)
        if len(app.shown.found) == len(app.shown.runs) and any(row.kind == "metrics" for row in app.shown.compared):
            break
    else:
        raise AssertionError("the runs were never compared")
    await pilot.pause()


def _line(lines: list[str], start: str) -> str:
    return next(one for one in lines if start in one)


async def test_what_differs_stands_above_what_is_the_same(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        lines = lines_of(app)
        depth, same, seed = (
            next(at for at, one in enumerate(lines) if word in one) for word in ("depth", "the same in all 4", "seed")
        )
        assert depth < same < seed
        assert "0         " in _line(lines, "depth") and _line(lines, "depth").rstrip(" │").endswith("3")


async def test_the_best_value_has_a_sign_and_its_word(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert _line(lines_of(app), "metric  val_loss").count("*") == 1
        assert "0.4700*" in _line(lines_of(app), "metric  val_loss")
        assert "4 lgbm-final-v3  * best" in _text(lines_of(app))
        await pilot.press("b")
        await pilot.pause(0.1)
        assert "0.5000*" in _line(lines_of(app), "metric  val_loss")


async def test_two_runs_have_a_difference(shown: Any, lines_of: Lines, usual: SimpleNamespace) -> None:
    app = shown(runs=usual.runs[:2])
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "2 less 1" in _text(lines_of(app))
        assert "-0.01" in _line(lines_of(app), "metric  val_loss")
        assert "+1" in _line(lines_of(app), "param   depth")


async def test_u_leaves_only_what_differs_and_a_filter_only_what_holds_the_text(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("u")
        await pilot.pause()
        assert "seed" not in _text(lines_of(app)) and "param   depth" in _text(lines_of(app))
        await pilot.press("u", "slash", *"seed", "enter")
        await pilot.pause()
        assert "param   seed" in _text(lines_of(app)) and "param   depth" not in _text(lines_of(app))
        await pilot.press("escape")
        await pilot.pause()
        assert "param   depth" in _text(lines_of(app)) and app.screen is app.shown
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not app.shown


async def test_many_runs_scroll_sideways_and_the_keys_mean_the_one_in_view(
    shown: Any, lines_of: Lines, build: Any
) -> None:
    runs = [build.run("3", f"sweep-{at:02}") for at in range(20)]
    app = shown(runs=runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        assert "1 sweep-00" in _text(lines_of(app)[:3]) and "20 swe" not in _text(lines_of(app)[:3])
        await pilot.press(*["right"] * 25)
        await pilot.pause()
        assert "20 swe" in _text(lines_of(app)[:3]) and "run 20 of 20" in _text(lines_of(app))
        await pilot.press("space", "i")
        await pilot.pause()
        assert app.marks == {runs[19].key} and app.opened == [runs[19].key]


async def test_of_very_many_runs_the_first_are_compared_and_that_is_said(
    shown: Any, lines_of: Lines, build: Any
) -> None:
    app = shown(runs=[build.run("3", f"r{at}") for at in range(MOST_RUNS + 7)])
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert len(app.reader.asked) == MOST_RUNS
        assert f"only the first {MOST_RUNS} are compared" in _text(lines_of(app))


async def test_a_run_that_cannot_be_read_costs_its_column_only(
    shown: Any, lines_of: Lines, usual: SimpleNamespace
) -> None:
    gone = MlrunsError("no-such-run", "3/x is not there any more")
    app = shown(answers={usual.runs[1].key: gone})
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "1 run not read" in lines_of(app)[0]
        assert "…" in _line(lines_of(app), "param   depth")
        await pilot.press("right")
        await pilot.pause()
        assert "3/x is not there any more" in _text(lines_of(app))


async def test_leaving_while_runs_are_read_reads_no_more(shown: Any) -> None:
    app = shown()
    app.reader.go.clear()
    async with app.run_test(size=(140, 40)) as pilot:
        while not app.reader.asked:
            await pilot.pause(0.01)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not app.shown
        app.reader.go.set()
        await pilot.pause(0.1)
        assert len(app.reader.asked) == 1


async def test_the_curves_carry_the_numbers_of_their_runs(shown: Any, lines_of: Lines) -> None:
    logged = [({}, [0.9, 0.1 + at / 10]) for at in range(4)]
    app = shown(logged)
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        below = lines_of(app)[22:]
        legend = next(one for one in below if "1 xgb" in one and "4 lgbm" in one)
        assert "2 depth8" in legend
        plot = below[below.index(legend) + 1 :]
        for number in "1234":
            assert any(f"{number} " in one[60:] and max(one) > "⠀" for one in plot if "├" not in one)
        assert "step, linear" in _text(below)
        await pilot.press("s", "t")
        await pilot.pause()
        assert "time, log" in _text(lines_of(app))
        curve = app.screen.query_one(CurveView)
        assert curve.logarithmic and curve.by_time


async def test_in_a_small_window_c_goes_from_curves_to_values_to_large_and_back(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        assert "val_loss curves" in _text(lines_of(app)) and "side by side" in _text(lines_of(app))
        await pilot.press("c")
        await pilot.pause(0.05)
        assert "val_loss differs" in _text(lines_of(app)) and "last 0.5" in _text(lines_of(app))
        await pilot.press("c")
        await pilot.pause(0.05)
        assert "side by side" not in _text(lines_of(app)) and "val_loss curves" in _text(lines_of(app))
        await pilot.press("escape")
        await pilot.pause(0.05)
        assert "side by side" in _text(lines_of(app)) and app.screen is app.shown


async def test_a_long_value_is_cut_in_the_table_and_whole_below(shown: Any, lines_of: Lines) -> None:
    long = "first " + "x" * 300 + " last"
    app = shown([({"prompt": long}, [1.0]), *[({"prompt": "short"}, [1.0])] * 3])
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("down")
        await pilot.pause()
        assert app.shown.row.name == "prompt" or await _to(app, pilot, "prompt")
        assert "…" in _line(lines_of(app), "param   prompt")
        below = _text(lines_of(app)[21:])
        assert below.count("x") >= 300 and "last" in below


async def _to(app: Any, pilot: Any, name: str) -> bool:
    rows = app.shown.shown_rows
    at = next(at for at, one in enumerate(rows) if getattr(one, "name", "") == name)
    app.shown._rows._go(at)
    await pilot.pause()
    return bool(app.shown.row.name == name)


async def test_y_copies_the_row_and_the_table_uncut(shown: Any, usual: SimpleNamespace) -> None:
    app = shown(runs=usual.runs[:2])
    copied: list[str] = []
    app.copy_to_clipboard = copied.append
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press("y", "Y")
        await pilot.pause()
    assert copied[0] == "kind\tname\txgb-hist-256\tdepth8-lr0.10\nmetrics\tval_loss\t0.5\t0.49"
    assert copied[1].splitlines()[1] == copied[0].splitlines()[1]
    assert "params\tseed\t1337\t1337" in copied[1].splitlines()


async def test_read_only_marks_nothing(shown: Any) -> None:
    app = shown(toggle=None)
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press("space")
        await pilot.pause()
        assert not app.marks


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (140, 40), (250, 70)])
@pytest.mark.parametrize("ascii_signs", [False, True])
async def test_hostile_names_and_values_change_nothing(
    shown: Any, build: Any, all_hostile: Any, no_controls: Check, lines_of: Lines, size: Any, ascii_signs: bool
) -> None:
    runs = [build.run("3", name, run_id=f"{at:032x}") for at, name in enumerate(all_hostile)]
    answers = {}
    for at, (run, name) in enumerate(zip(runs, all_hostile, strict=True)):
        shown_name = safe(name, 512)
        answers[run.key] = build.details(
            run.key,
            params=((shown_name, shown_name), ("shared", shown_name)),
            tags=((shown_name, str(at)),),
            metrics=(build.series(shown_name, [1.0, float("nan"), float(at)]), build.series("common", [float(at)])),
        )
    app = shown(runs=runs, answers=answers, ascii_signs=ascii_signs)
    async with app.run_test(size=size) as pilot:
        await _settled(app, pilot)
        for keys in (["down"] * 5, ["right"] * 4, ["c"], ["c"], ["escape"], ["end"], ["u"]):
            await pilot.press(*keys)
            await pilot.pause()
            no_controls(app)
            assert {cell_len(one) for one in lines_of(app)} == {size[0]}
