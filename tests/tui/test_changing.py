"""From marks to a review, to the worker and back: nothing blocks, nothing is lost, every end is said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.batch import ApplyEvent, Batch, BatchItem
from mlruns_tui.model.errors import LockedError, MlrunsError
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.words import BatchState
from mlruns_tui.tui.screens.dialogs import QuitDialog, UndoDialog
from mlruns_tui.tui.screens.progress import ProgressScreen, ResultScreen
from mlruns_tui.tui.screens.review import ReviewAnswer, ReviewScreen

Start = Callable[..., AbstractAsyncContextManager[Any]]


class FakeWork:
    """Work in a worker: tells its events when let, then what came of it."""

    def __init__(self, batch: Batch, phase: str = "move", error: MlrunsError | None = None) -> None:
        self.batch, self.phase, self.error = batch, phase, error
        self.gate = threading.Event()
        self.stopped = False

    def events(self) -> Iterator[ApplyEvent]:
        items = self.batch.items
        total = sum(one.item.size_bytes for one in items)
        yield ApplyEvent("start", self.phase, self.batch.id, 0, len(items), 0, total)  # type: ignore[arg-type]
        self.gate.wait(30)
        for at, one in enumerate(items, 1):
            yield ApplyEvent(
                "item", self.phase, self.batch.id, at, len(items), total, total,  # type: ignore[arg-type]
                key=one.item.key, name=one.item.name, outcome=one.outcome, error=one.error,
            )  # fmt: skip

    def result(self) -> Batch:
        if self.error is not None:
            raise self.error
        return self.batch

    def stop(self) -> None:
        self.stopped = True


def batch_of(plan: Plan, failed: str = "", state: BatchState = "moved") -> Batch:
    items = tuple(
        BatchItem(one, "in-place", "failed", "permission denied; it is where it was")
        if failed and one.name == failed
        else BatchItem(one, "moved", "done")
        for one in plan.items
    )
    return Batch(plan.id, plan.created_ms, plan.user, plan.host, 0, state, items)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The worker's side: what was started, with which plan, and the batches it left."""

    class Worker:
        def __init__(self) -> None:
            self.plans: list[Plan] = []
            self.work: list[FakeWork] = []
            self.failed = ""
            self.error: MlrunsError | None = None
            self.batches: tuple[Batch, ...] = ()
            self.undone = 0

        def apply(self, plan: Plan, lock_timeout_s: float = 0) -> FakeWork:
            self.plans.append(plan)
            self.work.append(FakeWork(batch_of(plan, self.failed), error=self.error))
            return self.work[-1]

        def undo(self, root: str, lock_timeout_s: float = 0) -> FakeWork:
            self.undone += 1
            items = tuple(replace(one, place="restored") for one in self.batches[0].items)
            self.work.append(FakeWork(replace(self.batches[0], state="restored", items=items), "restore"))
            return self.work[-1]

    found = Worker()
    monkeypatch.setattr("mlruns_tui.workflow.changing.start_apply", found.apply)
    monkeypatch.setattr("mlruns_tui.workflow.changing.start_undo", found.undo)
    return found


async def review(it: Any, key: str = "d") -> ReviewScreen:
    await it.press("2", "space", "space", key)
    return await it.on(ReviewScreen)  # type: ignore[no-any-return]


async def apply(it: Any, worker: Any) -> FakeWork:
    screen = await review(it)
    screen.dismiss(ReviewAnswer(screen.plan))
    await it.until(lambda: worker.work, "the worker")
    await it.until(lambda: isinstance(it.app.screen, ProgressScreen), "the progress")
    return worker.work[-1]  # type: ignore[no-any-return]


async def test_the_review_shows_the_plan_of_the_marks(journey: Start, make: Any, surroundings: None) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        screen = await review(it)
        assert {item.name for item in screen.plan.items} == {"run-1", "run-2"}
        assert screen.plan.backup
        assert screen.plan.rules == ("marked by hand",)
        assert [set(keys) for keys in reader.inspected] == [{mark.key for mark in it.state.marks}]


async def test_without_backup_is_another_plan(journey: Start) -> None:
    async with journey() as it:
        assert not (await review(it, "D")).plan.backup


async def test_going_back_from_the_review_keeps_the_marks(journey: Start, worker: Any) -> None:
    async with journey() as it:
        await review(it)
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "back")
        assert it.marked == {"run-1", "run-2"}
        assert not worker.plans


async def test_keys_work_while_the_items_are_looked_at_and_escape_gives_up(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        reader.inspect_gate.clear()
        await it.press("2", "space", "d")
        assert it.main.row_text == "looking at 1 marked item afresh   Esc gives up"
        await it.press("j", "d")
        assert it.state.planning
        await it.press("escape")
        assert not it.state.planning
        reader.inspect_gate.set()
        await it.press("j")
        assert it.app.screen is it.main
        assert it.marked == {"run-1"}


async def test_a_key_meant_for_the_review_does_nothing_elsewhere(journey: Start, make: Any) -> None:
    reader = make.reader()
    async with journey(reader) as it:
        reader.inspect_gate.clear()
        await it.press("2", "space", "d")
        for key, title in (("enter", "open"), ("space", "mark this row"), ("b", "backups"), ("x", "more rules")):
            await it.press(key)
            said = f"{title}: wait for the review, Esc gives it up"
            await it.until(lambda said=said: it.main.row_text == said, "why not")
        assert it.app.screen is it.main
        reader.inspect_gate.set()
        await it.until(lambda: isinstance(it.app.screen, ReviewScreen), "the review")
        assert it.marked == {"run-1"}


async def test_what_a_filter_hides_is_told_to_the_review(journey: Start) -> None:
    async with journey() as it:
        await it.press("2", "space", "space", "slash", *"run-2", "enter")
        assert "1 of 8 shown · 2 marked, 1 of them hidden" in it.text
        await it.press("d")
        assert (await it.on(ReviewScreen))._hidden == 1


async def test_a_plan_that_cannot_be_made_says_why_and_changes_nothing(journey: Start, make: Any) -> None:
    reader = make.reader()

    def gone(keys: object) -> None:
        raise MlrunsError("gone", "the store is not there any more", hint="R tries again")

    reader.inspect = gone
    async with journey(reader) as it:
        await it.press("2", "space", "d")
        await it.until_toast("no plan could be made: the store is not there any more; R tries again")
        assert it.marked == {"run-1"}
        assert not it.state.planning


async def test_what_was_done_loses_its_mark_and_the_store_is_read_again(journey: Start, make: Any, worker: Any) -> None:
    key = "experiment/102"
    after = replace(make.snapshot, runs={**make.snapshot.runs, key: make.snapshot.runs[key][2:]})
    reader = make.reader([make.snapshot], [after])
    async with journey(reader) as it:
        work = await apply(it, worker)
        assert it.state.task
        work.gate.set()
        await it.until(lambda: not it.state.task, "the end")
        assert not it.state.marks
        await it.until(lambda: reader.started == 2 and not it.state.reading, "read again")
        await it.until_toast("2 runs moved to a backup, 600 MB; frees nothing yet: p pack, P purge. z undo")
        assert "run-1 " not in it.text
        assert it.app.screen is it.main


async def test_what_failed_stays_marked_with_its_error(journey: Start, worker: Any) -> None:
    worker.failed = "run-2"
    async with journey() as it:
        (await apply(it, worker)).gate.set()
        await it.until(lambda: isinstance(it.app.screen, ResultScreen), "the result")
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main and not it.state.reading, "back")
        assert it.marked == {"run-2"}
        await it.to_run("run-2")
        await it.press("k", "j")
        assert "✗ permission denied; it is where it was" in it.main.row_text
        assert "1 could not be done" in it.text


async def test_folded_work_shows_in_the_row_line_and_w_opens_it(journey: Start, worker: Any) -> None:
    async with journey() as it:
        work = await apply(it, worker)
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "folded")
        await it.until_text("applying", "0 of 2", "w open, hide")
        await it.press("z")
        assert "wait: the clean-up goes on" in it.main.row_text
        await it.press("w")
        await it.until(lambda: isinstance(it.app.screen, ProgressScreen), "opened again")
        work.gate.set()
        await it.until(lambda: not it.state.task, "the end")


async def test_leaving_while_work_goes_on_asks_first(journey: Start, worker: Any) -> None:
    async with journey() as it:
        work = await apply(it, worker)
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.main, "folded")
        await it.press("q")
        await it.until(lambda: isinstance(it.app.screen, QuitDialog), "the question")
        assert "The clean-up goes on without this window (0 of 2). Quit?" in it.text
        await it.press("n")
        await it.until(lambda: it.app.screen is it.main, "stayed")
        work.gate.set()
        await it.until(lambda: not it.state.task, "the end")


async def test_a_worker_that_is_locked_out_says_so_and_keeps_the_marks(journey: Start, worker: Any) -> None:
    worker.error = LockedError("locked", "bob on gpu02 has been cleaning this store since 20:24")
    async with journey() as it:
        (await apply(it, worker)).gate.set()
        await it.until_text("bob on gpu02")
        assert it.marked == {"run-1", "run-2"}
        assert not it.state.task


async def test_a_worker_that_cannot_start_is_said(journey: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(plan: Plan) -> None:
        raise OSError("Resource temporarily unavailable")

    monkeypatch.setattr("mlruns_tui.workflow.changing.start_apply", cannot)
    async with journey() as it:
        screen = await review(it)
        screen.dismiss(ReviewAnswer(screen.plan))
        await it.until_toast("the worker could not be started")
        assert not it.state.task
        assert it.marked == {"run-1", "run-2"}


async def test_undo_asks_and_puts_back_my_newest_batch(
    journey: Start, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journey() as it:
        plan = (await review(it)).plan
        await it.press("escape")
        worker.batches = (replace(batch_of(plan), uid=it.state.user_id),)
        monkeypatch.setattr("mlruns_tui.workflow.changing.batches", lambda root: worker.batches)
        it.main.reading.look_around()
        await it.until(lambda: it.state.batches, "the batches")
        assert "undo the last batch" in it.text
        await it.press("z")
        await it.until(lambda: isinstance(it.app.screen, UndoDialog), "the question")
        await it.press("enter")
        await it.until(lambda: worker.undone == 1, "the undo")
        worker.work[-1].gate.set()
        await it.until_toast("2 runs are back")
        assert it.marked == {"run-1", "run-2"}


async def test_read_only_offers_no_change(journey: Start) -> None:
    async with journey(read_only=True) as it:
        assert " read-only " in it.lines[0]
        await it.press("2", "space", "d")
        assert it.main.row_text == "review and apply: opened read-only"
        assert it.text.count("opened read-only") >= 2
