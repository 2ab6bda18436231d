"""Following work: what is kept of it, who is told, and that nobody has to wait for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.model.batch import ApplyEvent
from mlruns_tui.model.errors import LockedError, MlrunsError
from mlruns_tui.tui.screens.progress import ProgressScreen, ResultScreen
from mlruns_tui.tui.tasks import TaskEnded, TaskProgressed, TaskView
from mlruns_tui.tui.widgets.task_words import ended_words, freed_words, left_words, summary

Lines = Callable[[Any], list[str]]


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


def _events(usual: SimpleNamespace, phase: Any = "move") -> list[ApplyEvent]:
    """Three done, one failed, one skipped."""
    items = usual.plan.items
    total = len(items)
    size = usual.plan.totals.size_bytes
    outcomes: list[Any] = ["done", "failed", "skipped", "done", "done"]
    errors = ["", "permission denied on artifacts/ (owner root)", "written to 2 s ago", "", ""]
    events = [ApplyEvent("start", phase, usual.plan.id, 0, total, 0, size)]
    for at, item in enumerate(items):
        events.append(
            ApplyEvent(
                "item", phase, usual.plan.id, at + 1, total, size * (at + 1) // total, size, at, 20,
                key=item.key, name=item.name or item.experiment_id, outcome=outcomes[at], error=errors[at],
            )
        )  # fmt: skip
    return [*events, ApplyEvent("end", phase, usual.plan.id, total, total, size, size)]


def _batch(usual: SimpleNamespace, build: Any) -> Any:
    items = usual.plan.items
    outcomes = {
        items[1].key: ("in-place", "failed", "permission denied on artifacts/ (owner root)"),
        items[2].key: ("in-place", "skipped", "written to 2 s ago"),
    }
    return build.batch(items, outcomes=outcomes)


@pytest.fixture
def names(usual: SimpleNamespace) -> dict[str, str]:
    return {usual.churn.key: "tabular-churn", usual.bert.key: "bert-sst2-sweep"}


async def _until(pilot: Any, condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        await pilot.pause()
        if condition():
            await pilot.pause()
            return
    raise AssertionError("waited in vain")


async def test_a_view_keeps_the_latest_event_the_troubles_and_the_batch(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any, names: dict[str, str]
) -> None:
    batch = _batch(usual, build)
    view = TaskView(fake_work(_events(usual), batch), names)
    app = bare()
    async with app.run_test() as pilot:
        view.start(app)
        await _until(pilot, lambda: view.ended)
        assert view.batch is batch and view.error is None
        assert view.latest is not None and view.latest.kind == "end"
        assert len(view.done_keys) == 3
        (failed,), (skipped,) = view.failed, view.skipped
        assert failed.name == "tabular-churn › depth8-lr0.10"
        assert "permission denied" in failed.error and skipped.error == "written to 2 s ago"
        assert view.elapsed_s >= 0


async def test_the_app_and_who_listens_are_told_of_progress_and_of_the_end(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any
) -> None:
    heard: list[Any] = []

    class Listening(bare):  # type: ignore[misc]
        def on_task_progressed(self, event: TaskProgressed) -> None:
            heard.append(("progressed", event.view))

        def on_task_ended(self, event: TaskEnded) -> None:
            heard.append(("ended", event.view))

    view = TaskView(fake_work(_events(usual), _batch(usual, build)))
    app = Listening()
    async with app.run_test() as pilot:
        view.start(app)
        await _until(pilot, lambda: ("ended", view) in heard)
        assert heard[-1] == ("ended", view)
        assert ("progressed", view) in heard


async def test_who_listens_only_after_the_end_still_hears_of_it_once(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any
) -> None:
    heard: list[Any] = []
    view = TaskView(fake_work([], _batch(usual, build)))
    app = bare()
    async with app.run_test(message_hook=heard.append) as pilot:
        view.start(app)
        await _until(pilot, lambda: view.ended)
        late = app.screen
        view.listen(late)
        view.listen(late)
        await pilot.pause()
        assert sum(isinstance(one, TaskEnded) for one in heard) >= 2
        assert late in view._listeners


async def test_an_error_of_the_worker_is_kept_and_said(usual: SimpleNamespace, bare: Any, fake_work: Any) -> None:
    error = LockedError("locked", "bob on gpu02 has been cleaning this store since 20:24", hint="wait for it")
    view = TaskView(fake_work([], error))
    app = bare()
    async with app.run_test() as pilot:
        view.start(app)
        await _until(pilot, lambda: view.ended)
        assert view.error is error and view.batch is None
        assert ended_words(view) == "bob on gpu02 has been cleaning this store since 20:24. wait for it"


async def test_an_unforeseen_failure_says_that_the_work_goes_on(bare: Any, fake_work: Any) -> None:
    view = TaskView(fake_work([], ValueError("not a mapping")))
    app = bare()
    async with app.run_test() as pilot:
        view.start(app)
        await _until(pilot, lambda: view.ended)
        assert view.error is not None and "it goes on by itself" in view.error.message


async def test_leaving_the_program_does_not_wait_for_the_work(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any
) -> None:
    work = fake_work(_events(usual), _batch(usual, build), free=False)
    view = TaskView(work)
    app = bare()
    async with app.run_test() as pilot:
        view.start(app)
        work.step(2)
        await _until(pilot, lambda: view.latest is not None and view.latest.done == 1)
    assert not view.ended
    work.step(20)
    view._thread.join(20)  # type: ignore[union-attr]
    assert view.ended and view.batch is not None


async def test_a_piece_of_work_ended_is_not_stopped_any_more(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any
) -> None:
    work = fake_work(_events(usual), _batch(usual, build))
    view = TaskView(work)
    app = bare()
    async with app.run_test() as pilot:
        view.start(app)
        await _until(pilot, lambda: view.ended)
        view.stop()
        assert work.stopped == 0 and not view.stopping


def test_the_time_left_follows_from_the_time_taken(usual: SimpleNamespace, build: Any, fake_work: Any) -> None:
    now = [100.0]
    view = TaskView(fake_work([], _batch(usual, build)), clock=lambda: now[0])
    assert view.left_s is None and left_words(None) == ""
    view._take(ApplyEvent("start", "move", "x", 0, 10, 0, 0))
    now[0] = 104.0
    view._take(ApplyEvent("item", "move", "x", 4, 10, 0, 0, key="k", outcome="done"))
    assert view.left_s == pytest.approx(6.0)
    assert left_words(view.left_s) == "6 s left"


async def test_the_window_shows_bar_figures_and_each_trouble_with_its_cause(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any, lines_of: Lines, names: dict[str, str]
) -> None:
    work = fake_work(_events(usual), _batch(usual, build), free=False)
    view = TaskView(work, names)
    app = bare(ProgressScreen(view))
    async with app.run_test(size=(80, 24)) as pilot:
        view.start(app)
        work.step(4)
        await _until(pilot, lambda: view.latest is not None and view.latest.done == 3)
        text = _text(lines_of(app))
        assert "applying 20270115-0800-a3f1" in text and "3 of 5" in text
        assert "✓ 1 moved   ✗ 1 failed   ◆ 1 skipped" in text
        assert "✗ tabular-churn › depth8-lr0.10" in text
        assert "permission denied on artifacts/ (owner root); left where it was" in text
        assert "this goes on without you" in text
        work.step(20)
        await _until(pilot, lambda: app.answers == [None])


@pytest.mark.parametrize("key", ["escape", "w"])
async def test_folding_the_window_away_does_not_stop_the_work(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any, key: str
) -> None:
    work = fake_work(_events(usual), _batch(usual, build), free=False)
    view = TaskView(work)
    app = bare(ProgressScreen(view))
    async with app.run_test(size=(80, 24)) as pilot:
        view.start(app)
        await pilot.pause()
        await pilot.press(key)
        assert app.answers == [None] and work.stopped == 0 and not view.ended
        work.step(20)
        await _until(pilot, lambda: view.ended)


async def test_c_asks_to_stop_once_and_says_what_is_done(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any, lines_of: Lines
) -> None:
    work = fake_work(_events(usual), _batch(usual, build), free=False)
    view = TaskView(work)
    app = bare(ProgressScreen(view))
    async with app.run_test(size=(80, 24)) as pilot:
        view.start(app)
        work.step(2)
        await _until(pilot, lambda: view.latest is not None and view.latest.done == 1)
        await pilot.press("c")
        await pilot.pause()
        assert work.stopped == 1
        assert "Stopping after this item. 1 of 5 are done." in _text(lines_of(app))
        assert "c stop" not in _text(lines_of(app))
        work.step(20)
        await _until(pilot, lambda: view.ended)


async def test_more_than_three_troubles_are_counted_and_enter_lists_them(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any, lines_of: Lines
) -> None:
    events = [ApplyEvent("start", "move", "x", 0, 9, 0, 0)]
    events += [
        ApplyEvent("item", "move", "x", at + 1, 9, 0, 0, key=f"experiment/3/run/{at}", name=f"run-{at}",
                   outcome="failed", error="permission denied")
        for at in range(7)
    ]  # fmt: skip
    work = fake_work(events, _batch(usual, build), free=False)
    view = TaskView(work)
    app = bare(ProgressScreen(view))
    async with app.run_test(size=(80, 40)) as pilot:
        view.start(app)
        work.step(8)
        await _until(pilot, lambda: view.latest is not None and view.latest.done == 7)
        assert "4 more, Enter lists them" in _text(lines_of(app))
        await pilot.press("enter", "end")
        await pilot.pause()
        text = _text(lines_of(app))
        assert "run-6" in text and "4 more" not in text
        work.step(20)
        await _until(pilot, lambda: view.ended)


async def test_the_window_of_work_that_is_over_closes_at_once(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any
) -> None:
    view = TaskView(fake_work(_events(usual), _batch(usual, build)))
    app = bare()
    async with app.run_test(size=(80, 24)) as pilot:
        view.start(app)
        await _until(pilot, lambda: view.ended)
        app.push_screen(ProgressScreen(view), app.answers.append)
        await _until(pilot, lambda: app.answers == [None])


async def _ended(view: TaskView, app: Any, pilot: Any) -> None:
    view.start(app)
    await _until(pilot, lambda: view.ended)


@pytest.mark.parametrize(
    ("key", "answer"), [("enter", None), ("escape", None), ("w", None), ("z", "undo"), ("P", "purge")]
)
async def test_the_result_names_what_failed_and_leads_on(
    usual: SimpleNamespace, build: Any, bare: Any, fake_work: Any, lines_of: Lines, names: dict[str, str],
    key: str, answer: str | None,
) -> None:  # fmt: skip
    view = TaskView(fake_work(_events(usual), _batch(usual, build)), names)
    app = bare()
    async with app.run_test(size=(80, 24)) as pilot:
        await _ended(view, app, pilot)
        app.push_screen(ResultScreen(view, "/data/mlruns"), app.answers.append)
        await pilot.pause()
        text = _text(lines_of(app))
        assert "done: 1 failed, 1 skipped" in text
        assert "2 runs and 1 experiment are in the backup" in text
        assert "✗ failed" in text and "tabular-churn › depth8-lr0.10" in text
        assert "They are where they were; the marks stay." in text
        assert "mlruns-tui undo /data/mlruns" in text and view.batch is not None and view.batch.id in text
        await pilot.press(key)
        assert app.answers == [answer]


async def test_a_result_without_a_batch_shows_the_error(bare: Any, fake_work: Any, lines_of: Lines) -> None:
    view = TaskView(
        fake_work([], MlrunsError("x", "the journal could not be written", path="/data/x", hint="free space"))
    )
    app = bare()
    async with app.run_test(size=(80, 24)) as pilot:
        await _ended(view, app, pilot)
        app.push_screen(ResultScreen(view, "/data/mlruns"), app.answers.append)
        await pilot.pause()
        text = _text(lines_of(app))
        assert "not done" in text and "the journal could not be written" in text
        assert "/data/x" in text and "free space" in text and "undo now" not in text
        await pilot.press("z")
        assert app.answers == []
        await pilot.press("enter")
        assert app.answers == [None]


def test_the_sentences_about_a_finished_batch(usual: SimpleNamespace, build: Any) -> None:
    items = usual.plan.items
    said = "4 runs and 1 experiment moved to a backup, 1.2 GB; frees nothing yet: p pack, P purge. z undo"
    assert summary(build.batch(items)) == said
    assert summary(_batch(usual, build)) == "1 of 5 items failed and stays marked. w why"
    restored = build.batch(items[:1], "restored")
    assert summary(restored, "restore") == "1 run is back, every byte and date as before."
    assert summary(build.batch(items, "restored"), "restore").startswith("4 runs and 1 experiment are back, ")
    purged = build.batch(items, "purged", freed_bytes=4_800_000_000)
    assert summary(purged, "purge", 4_790_000_000) == "4.8 GB freed; the disk says 4.8 GB."
    assert summary(purged, "purge") == "4.8 GB freed."
    assert summary(build.batch(items, "purged", backup=False, freed_bytes=7), "move") == "7 B freed."


def test_what_came_back_changed_is_said_before_what_is_as_it_was(usual: SimpleNamespace, build: Any) -> None:
    batch = build.batch(usual.plan.items, "restored")
    first, *rest = batch.items
    changed = dataclasses.replace(first, outcome="done", damaged=True, error="it is not what it was")
    said = summary(dataclasses.replace(batch, items=(changed, *rest)), "restore")
    assert said == (
        "1 run was put back, but not as before. w why 3 runs and 1 experiment are back, every byte and date as before."
    )
    alone = summary(dataclasses.replace(batch, items=(changed,)), "restore")
    assert alone == "1 run was put back, but not as before. w why"


def test_a_disk_that_shrank_meanwhile_is_explained() -> None:
    said = freed_words(4_800_000_000, 3_100_000_000)
    assert said == "4.8 GB freed; the disk says 3.1 GB: something else wrote 1.7 GB meanwhile."
    assert freed_words(4_800_000_000, -5).startswith("4.8 GB freed; the disk says 0 B: something else wrote")


def test_only_the_items_of_this_work_are_counted(usual: SimpleNamespace, build: Any) -> None:
    items = usual.plan.items
    batch = build.batch(items, "restored")
    assert summary(batch, "restore", keys={items[0].key}) == "1 run is back, every byte and date as before."
