"""Details of a run: read in a thread, shown whole at every size, stepped through without waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding, Symptom
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import RegisteredModel
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.widgets.curve_view import CurveView
from mlruns_tui.tui.widgets.row_list import RowList

Lines = Callable[[Any], list[str]]
NEEDED = Protection("model-version", "version 2 of churn-scorer is made from this run")


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


@pytest.fixture
def shown(usual: SimpleNamespace, build: Any, bare: Any, fake_reader: Any) -> Any:
    """Makes an app that shows details of the usual runs; keeps reader and marks at hand."""

    def make(at: int = 0, **options: Any) -> Any:
        runs = usual.runs
        answers = options.pop("answers", {run.key: build.details(run.key) for run in runs})
        reader = fake_reader(answers)
        marks: dict[str, str] = {}

        def toggle(key: str) -> str:
            if key in marks:
                del marks[key]
                return ""
            marks[key] = "marked by hand"
            return ""

        screen = DetailsScreen(
            reader,
            runs[at].key,
            [run.key for run in runs],
            options.pop("snapshot", usual.snapshot),
            marked=lambda key: marks.get(key, ""),
            protections=options.pop("protections", lambda key: (NEEDED,) if key == runs[3].key else ()),
            toggle=options.pop("toggle", toggle),
            at_ms=build.now,
            **options,
        )
        app = bare(screen)
        app.reader, app.marks = reader, marks
        return app

    return make


async def _settled(app: Any, pilot: Any) -> None:
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


async def test_the_first_line_answers_whether_it_may_go(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "free to go: finished 63 d ago, ran 1 h, quiet, needed by nothing" in lines_of(app)[1]
        await pilot.press("space")
        await pilot.pause()
        assert "● marked: marked by hand" in lines_of(app)[1]
        await pilot.press("j", "j", "j")
        await pilot.pause()
        assert "◆ protected  version 2 of churn-scorer is made from this run" in lines_of(app)[1]


async def test_all_panels_show_what_was_read(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        for words in ("tabular-churn › xgb-hist-256", "run 1 of 4", "31.4 MB in 7 files", "train_lgbm.py", "4f9b2ce",
                      "params 2", "learning_rate", "metrics 2", "val_auc", "0.9387", "artifacts 3 files", "model/",
                      "tags 1", "growth", "◇ nothing points here", "ran 1:28:06"):  # fmt: skip
            assert words in text, words


async def test_before_it_is_read_every_unknown_is_a_dot_and_the_run_itself_is_shown(
    shown: Any, lines_of: Lines
) -> None:
    app = shown()
    app.reader.go.clear()
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        text = _text(lines_of(app))
        assert "params …" in text and "source   …" in text and "31.4 MB in 7 files" in text
        app.reader.go.set()
        await _settled(app, pilot)
        assert "params 2" in _text(lines_of(app))


async def test_who_steps_fast_reads_only_the_run_arrived_at(
    shown: Any, usual: SimpleNamespace, lines_of: Lines
) -> None:
    app = shown()
    app.reader.go.clear()
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        await pilot.press("j", "j", "j", "k")
        app.reader.go.set()
        while app.screen._loading:
            await _settled(app, pilot)
        assert app.reader.asked == [usual.runs[0].key, usual.runs[2].key]
        assert app.screen.key == usual.runs[2].key
        assert "params 2" in _text(lines_of(app)) and "run 3 of 4" in _text(lines_of(app))


async def test_j_and_k_stop_at_the_ends(shown: Any, usual: SimpleNamespace) -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("k")
        assert app.screen.key == usual.runs[0].key
        await pilot.press("j", "j", "j", "j", "j")
        assert app.screen.key == usual.runs[3].key
        await _settled(app, pilot)


async def test_an_error_is_shown_in_the_panel_and_the_rest_stays(
    shown: Any, usual: SimpleNamespace, lines_of: Lines
) -> None:
    error = MlrunsError("gone", "this run is not there any more", hint="R reads again")
    app = shown(answers=dict.fromkeys([run.key for run in usual.runs], error))
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        assert "this run is not there any more R reads again" in text and "not read" in text
        assert "31.4 MB in 7 files" in text


async def test_an_unforeseen_error_of_the_reader_is_shown_too(shown: Any, lines_of: Lines) -> None:
    app = shown(answers={})
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "this run could not be read: KeyError" in _text(lines_of(app))


async def test_the_arrows_choose_the_metric_whose_curve_is_drawn(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "─ val_auc ─" in _text(lines_of(app)) and "best 0.9387 at step 2" in _text(lines_of(app))
        await pilot.press("down")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "─ val_loss ─" in text and "best 0.2000 at step 2" in text


async def test_the_chosen_metric_stays_chosen_in_the_next_run(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("down", "j")
        await _settled(app, pilot)
        assert "─ val_loss ─" in _text(lines_of(app))


async def test_s_t_and_b_change_scale_axis_and_what_is_best(shown: Any, lines_of: Lines) -> None:
    turned: set[str] = set()
    app = shown(turned=turned)
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "step, linear" in _text(lines_of(app))
        await pilot.press("s", "t")
        await pilot.pause()
        assert "time, log" in _text(lines_of(app))
        await pilot.press("b")
        await pilot.pause()
        assert turned == {"val_auc"}
        assert "best 0.6000 at step 0" in _text(lines_of(app))
        assert app.screen.query_one(CurveView).lowest_is_best is True


async def test_enter_opens_a_folder_of_artifacts(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        app.screen.query_one("#artifacts", RowList).focus()
        assert "model.lgb" not in _text(lines_of(app))
        await pilot.press("enter")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "model.lgb" in text and text.index("model.lgb") < text.index("conda.yaml")


async def test_in_a_small_window_the_arrows_go_through_the_tabs(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        assert "─ metrics 2 ─" in _text(lines_of(app))
        for key, words in (("right", "learning_rate"), ("right", "report.json"), ("right", "growth"), ("right", "findings"),
                           ("right", "findings")):  # fmt: skip
            await pilot.press(key)
            await pilot.pause()
            assert words in _text(lines_of(app)[3:]), words
        await pilot.press("left", "left", "left", "left", "left", "left")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "─ run ─" in text and "─ needed by ─" in text


async def test_a_tab_opens_by_a_click(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.click("#tabs", offset=(27, 0))
        await pilot.pause()
        assert "learning_rate" in _text(lines_of(app))


async def test_tab_reaches_every_panel_with_more_to_see(shown: Any) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        reached = set()
        for _ in range(10):
            reached.add(app.screen.focused.id)
            await pilot.press("tab")
        assert {"metrics", "params", "artifacts", "tags", "run", "needed"} <= reached


async def test_who_needs_the_run_is_named_with_its_alias(shown: Any, usual: SimpleNamespace, lines_of: Lines) -> None:
    models = (RegisteredModel("churn-scorer", "models/c", 2, aliases=(("champion-prev", "2"),)),)
    app = shown(3, snapshot=replace(usual.snapshot, models=models))
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        assert "version 2 of churn-scorer is" in text and "alias champion-prev" in text
        assert "nothing else points here" in text


async def test_findings_of_the_run_are_shown(shown: Any, usual: SimpleNamespace, lines_of: Lines) -> None:
    run = usual.runs[0]
    finding = Finding(
        "x", "breaks-run", "3/x", "opening it raises", experiment_id="3", run_id=run.run_id, remedy="repair"
    )
    app = shown(snapshot=replace(usual.snapshot, findings=(finding,)))
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        assert "! breaks-run" in text and "opening it raises" in text and "remedy: repair" in text
        await pilot.press("j")
        await _settled(app, pilot)
        assert "breaks-run" not in _text(lines_of(app))


async def test_nothing_is_called_free_to_go_that_cannot_be_read(
    shown: Any, usual: SimpleNamespace, lines_of: Lines
) -> None:
    gone = MlrunsError("unreadable", "/data/mlruns cannot be reached (stale file handle)")
    app = shown(answers={run.key: gone for run in usual.runs})
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert lines_of(app)[1].strip() == f"cannot be told now: {gone.message}"


async def test_of_a_store_that_is_away_nothing_is_called_free_to_go(shown: Any, lines_of: Lines) -> None:
    app = shown(unreachable=lambda: "no such directory")
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "cannot be told now: no such directory" in lines_of(app)[1]


async def test_read_only_marks_nothing_and_says_so(shown: Any, lines_of: Lines) -> None:
    app = shown(toggle=None)
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "Space" not in lines_of(app)[-1]
        await pilot.press("space")
        await pilot.pause()
        assert any("read-only" in str(one.message) for one in app._notifications)


async def test_y_copies_the_id_and_Y_the_path(shown: Any, usual: SimpleNamespace) -> None:
    app = shown()
    copied: list[str] = []
    app.copy_to_clipboard = copied.append
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("y", "Y")
        assert copied == [usual.runs[0].run_id, f"/data/mlruns/{usual.runs[0].path}"]


@pytest.mark.parametrize("key", ["escape", "i"])
async def test_the_way_back(shown: Any, key: str) -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press(key)
        assert app.answers == [None]


async def test_a_run_that_is_gone_from_the_snapshot_is_said_to_be(shown: Any, build: Any, lines_of: Lines) -> None:
    app = shown(snapshot=build.snapshot({}))
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        assert "not in the store any more" in lines_of(app)[1]


async def test_a_run_without_metrics_says_so(shown: Any, usual: SimpleNamespace, build: Any, lines_of: Lines) -> None:
    empty = {run.key: build.details(run.key, metrics=(), params=(), tags=(), artifacts=()) for run in usual.runs}
    app = shown(answers=empty)
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        assert "No metrics were logged." in _text(lines_of(app))


async def test_enter_keeps_a_metric_in_the_frame_and_escape_goes_back_to_one(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(140, 40)) as pilot:
        await _settled(app, pilot)
        await pilot.press("enter", "down")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "2 metrics" in text and "1 val_auc  2 val_loss" in text
        assert "1 val_auc " in text and "2 val_loss" in text
        # The next run shows the same metrics together.
        await pilot.press("j")
        await _settled(app, pilot)
        assert "2 metrics" in _text(lines_of(app))
        await pilot.press("s", "t")
        await pilot.pause()
        assert "time, log" in _text(lines_of(app))
        await pilot.press("escape")
        await pilot.pause()
        assert "2 metrics" not in _text(lines_of(app)) and isinstance(app.screen, DetailsScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, DetailsScreen)


async def test_enter_twice_leaves_one_metric(shown: Any, lines_of: Lines) -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await _settled(app, pilot)
        await pilot.press("enter", "enter", "down")
        await pilot.pause()
        assert "2 metrics" not in _text(lines_of(app))
        assert app.screen.query_one(CurveView).axis_words in _text(lines_of(app))


async def test_what_this_run_shows_by_itself_is_found_without_a_check_of_the_store(
    shown: Any, usual: SimpleNamespace, build: Any, lines_of: Lines
) -> None:
    run = usual.runs[0]
    bad = Symptom("run-metric-line-unreadable", f"{run.path}/metrics/loss", 7, run.experiment_id, run.run_id)
    read = replace(build.details(run.key), symptoms=(bad,), referring=("3 traces recorded in this run",))
    app = shown(answers={run.key: replace(read, unchecked_processes=2)}, repair=lambda found: None)
    async with app.run_test(size=(140, 60)) as pilot:
        await _settled(app, pilot)
        text = _text(lines_of(app))
        assert "metrics/loss:7" in text
        assert "Metric line MLflow cannot read" in text
        assert "3 traces recorded in this run" in text
        assert "2 processes of other users" in text
        assert "repair" in text
