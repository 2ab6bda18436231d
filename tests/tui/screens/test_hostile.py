"""Names nobody chose for us: on every screen nothing raises, nothing is markup, nothing reaches the terminal raw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.model.batch import ApplyEvent
from mlruns_tui.model.details import ArtifactEntry
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.tui.screens.backups import BackupsScreen
from mlruns_tui.tui.screens.details import DetailsScreen
from mlruns_tui.tui.screens.dialogs import NoticeDialog, UndoDialog
from mlruns_tui.tui.screens.for_good import DeleteDialog, PurgeDialog
from mlruns_tui.tui.screens.progress import ProgressScreen, ResultScreen
from mlruns_tui.tui.screens.review import ReviewScreen
from mlruns_tui.tui.tasks import TaskView
from mlruns_tui.workflow import changing

Check = Callable[[Any], None]


@pytest.fixture
def bad(build: Any, all_hostile: tuple[str, ...]) -> Any:
    """A plan, snapshot and batch in which every text is one of the hostile ones."""

    experiments = [build.experiment(f"1{at}", name) for at, name in enumerate(all_hostile)]
    runs = [
        build.run(one.experiment_id, one.name, run_id=name[:60], user_id=name, reason=name)
        for one, name in zip(experiments, reversed(all_hostile), strict=True)
    ]
    findings = tuple(
        Finding(name, "warns", name, name, experiment_id=run.experiment_id, run_id=run.run_id)
        for run, name in zip(runs, all_hostile, strict=True)
    )
    store = StoreInfo(all_hostile[5], all_hostile[5], "file", build.store.identity)
    items = [build.item(run, name, name) for run, name in zip(runs, all_hostile, strict=True)]
    refused = [build.refused(run, Protection("keep-tag", run.name)) for run in runs]
    told = {"messages": all_hostile, "user": all_hostile[5]}
    return SimpleNamespace(
        runs=runs,
        items=items,
        snapshot=replace(
            build.snapshot({one: [run] for one, run in zip(experiments, runs, strict=True)}),
            store=store,
            findings=findings,
        ),
        plan=build.plan(items, refused, rules=all_hostile, store_given=all_hostile[3], **told),
        batch=build.batch(
            items,
            host=all_hostile[5],
            outcomes={item.key: ("in-place", "failed", item.name) for item in items[::2]},
            **told,
        ),
        names={one.key: one.name for one in experiments},
    )


async def _look(app: Any, no_controls: Check, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        no_controls(app)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            no_controls(app)
        await app.workers.wait_for_complete()


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
async def test_review(bad: Any, bare: Any, no_controls: Check, size: tuple[int, int]) -> None:
    app = bare(ReviewScreen(bad.plan, bad.snapshot, hidden=2, filter_text="[/]\x1b"))
    await _look(app, no_controls, ("down", "enter", "down", "space", "end", "s", "enter", "end", "escape", "D"), size)


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
async def test_details(
    bad: Any,
    build: Any,
    bare: Any,
    fake_reader: Any,
    no_controls: Check,
    all_hostile: tuple[str, ...],
    size: tuple[int, int],
) -> None:
    pairs = tuple((name, name) for name in all_hostile)
    answers = {
        run.key: build.details(
            run.key,
            params=pairs,
            tags=pairs,
            metrics=tuple(build.series(name, [1.0, 2.0]) for name in (run.name, *all_hostile)),
            artifacts=tuple(ArtifactEntry(name, 1, 1, True, link=name) for name in all_hostile),
            source=run.name,
            commit=run.name,
            messages=all_hostile,
        )
        for run in bad.runs
    }
    answers[bad.runs[2].key] = MlrunsError("x", all_hostile[5], hint=all_hostile[1])
    screen = DetailsScreen(
        fake_reader(answers), bad.runs[0].key, [run.key for run in bad.runs], bad.snapshot,
        marked=lambda key: all_hostile[5], protections=lambda key: [Protection("parent", name) for name in all_hostile],
        toggle=lambda key: all_hostile[3], at_ms=build.now,
    )  # fmt: skip
    keys = ("down", *"jjjjjjjjjjjjjjjjj", "space", "right", "right", "right", "enter", "y", "Y")
    await _look(bare(screen), no_controls, keys, size)


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
async def test_backups(
    bad: Any, build: Any, bare: Any, no_controls: Check, monkeypatch: Any, size: tuple[int, int]
) -> None:
    batches = (bad.batch, replace(bad.batch, state="unfinished"), replace(bad.batch, id="\x1b[31m[/]", state="missing"))
    monkeypatch.setattr(changing, "batches", lambda root: batches)
    app = bare(BackupsScreen("/data/mlruns", experiments=bad.names, at_ms=build.now))
    await _look(app, no_controls, ("down", "down", "up", "tab", "enter", "space", "down", "space", "end", "u"), size)


async def test_progress_and_result(bad: Any, build: Any, bare: Any, fake_work: Any, no_controls: Check) -> None:
    outcomes: Any = ("failed", "skipped", "done")
    events = [
        ApplyEvent("item", "move", "\x1b[/]", at + 1, 99, 1, 1, key=item.key, name=item.name, outcome=outcomes[at % 3], error=item.reason)
        for at, item in enumerate(bad.items)
    ]  # fmt: skip
    work = fake_work(events, bad.batch, free=False)
    view = TaskView(work, bad.names)
    app = bare(ProgressScreen(view))
    async with app.run_test(size=(80, 24)) as pilot:
        view.start(app)
        work.step(len(events))
        while view.latest is None or view.latest.done < len(events):
            await pilot.pause()
        for key in ("enter", "end"):
            await pilot.press(key)
            await pilot.pause()
            no_controls(app)
        work.step(1)
        while not view.ended:
            await pilot.pause()
    await _look(bare(ResultScreen(view, "\x1b[/]")), no_controls, ("end",), (80, 24))


@pytest.mark.parametrize("kind", ["undo", "purge", "delete", "notice"])
async def test_dialogs(
    bad: Any, build: Any, bare: Any, no_controls: Check, all_hostile: tuple[str, ...], kind: str
) -> None:
    batch = replace(bad.batch, id="\x1b[31m[/]", user="[red]")
    dialog: Any = {
        "undo": lambda: UndoDialog(batch, build.now),
        "purge": lambda: PurgeDialog(batch),
        "delete": lambda: DeleteDialog(bad.plan),
        "notice": lambda: NoticeDialog("[/]\x1b", all_hostile),
    }[kind]()
    await _look(bare(dialog), no_controls, (), (80, 24))
