"""A store in which everything that can be broken together is: every place is named, and the rest is still listed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.tui.app import MlrunsApp
from mlruns_tui.tui.screens.findings import FindingsScreen
from mlruns_tui.tui.screens.repair import RepairScreen
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader, read_all

pytestmark = pytest.mark.mlflow

SECONDS = 60
"""Of processor time, for some four hundred broken stores in one; it takes four."""
PATIENCE_S = 280
"""How long a loaded machine may take until it gave that much."""


@pytest.fixture
def all_at_once(
    oracle: Any, all_cases: list[Any], harmless: frozenset[str], merging: Any, tmp_path: Path
) -> Iterator[tuple[Path, dict[str, list[str]]]]:
    """The store, and where in it each case is."""
    # A link names a place in the store it was made for; a parent's name is given to the whole store.
    cases = [
        case
        for case in all_cases
        if case.name not in harmless
        and case.applies_to(oracle.names)
        and not case.below
        and " a link to " not in case.name
    ]
    root = tmp_path / "mlruns"
    places = merging.merge(cases, oracle.store, oracle.names, root, tmp_path)
    oracle.settle(root)
    yield root, places
    merging.open_up(tmp_path)


def test_every_place_is_named_in_bounded_time(oracle: Any, all_at_once: Any, record_property: Any) -> None:
    root, places = all_at_once
    findings, took = oracle.diagnosis(root)
    named = {one["path"] for one in findings}
    lost = {name: where for name, where in places.items() if not _is_named(where, named)}
    record_property("cases in the all-at-once store", len(places))
    record_property("seconds of processor time to diagnose the all-at-once store (worst)", took)
    assert not lost
    assert len(places) > 300
    assert took < SECONDS


def test_the_commands_end_as_they_should(
    all_at_once: Any, ordinary_user: list[str], command: list[str], tmp_path: Path
) -> None:
    root, places = all_at_once

    def run(*words: str) -> Any:
        done = subprocess.run(
            [*ordinary_user, *command, *words, "--json"], capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_S,
            check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    code, document = run("doctor", os.fspath(root))
    assert code == 10
    assert document["summary"]["breaks-store"] > 20
    code, document = run("list", os.fspath(root), "--runs")
    assert code == 0
    assert len(document["experiments"]) > len(places) / 4
    code, document = run("cleanup", os.fspath(root), "--dry-run")
    assert code == 0
    assert document["dry_run"]


def _is_named(where: list[str], named: set[str]) -> bool:
    return any(
        one == place or one.startswith(place + "/") or place.startswith(one + "/") for place in where for one in named
    )


def test_the_rest_of_the_store_is_listed_as_if_nothing_was_wrong(oracle: Any, all_at_once: Any) -> None:
    root, _ = all_at_once
    snapshot = read_all(open_reader(str(root)))
    assert snapshot.complete
    fine = {one.experiment_id: one for one in snapshot.experiments if one.place == "root"}
    for name, expected in (("first", ("parent", "child")), ("second", ("plain", "other", "deleted"))):
        experiment = fine[oracle.names[name]]
        assert experiment.state == "ok"
        runs = {run.run_id for run in snapshot.runs[experiment.key] if run.state == "ok"}
        assert runs == {oracle.names[one] for one in expected}


async def test_the_screen_opens_lists_every_finding_and_shows_the_rest(
    oracle: Any, all_at_once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deep checks behind the screen, a walk through the list, a look at repairing all of it: nothing changes."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setattr("mlruns_tui.tui.flows.reading.QUIET_S", 0.0)
    root, _ = all_at_once
    before = _times(root)
    # Not what the oracle's own user was told: this process may be allowed to read more.
    expected = {one.path for one in diagnose(open_reader(str(root)))}
    assert len(expected) > 300
    app = MlrunsApp(open_reader(str(root)))

    async def until(seen: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < end, f"never: {what}, in {app.screen}"
            await pilot.pause(0.02)

    async with app.run_test(size=(140, 40)) as pilot:
        assert app.main is not None
        main = app.main
        await until(lambda: main.state.diagnosis is not None, "the first check")
        fine = {one.experiment_id for one in main.state.snapshot.experiments if one.state == "ok"}
        assert {oracle.names["first"], oracle.names["second"]} <= fine
        await pilot.press("F")
        await until(lambda: main.state.diagnosis is not None and main.state.diagnosis.contents, "the deep check")
        screen = app.screen
        assert isinstance(screen, FindingsScreen)
        assert {one.path for row in screen._rows for one in row.findings} == expected
        for _ in range(12):
            await pilot.press("pagedown")
        await pilot.press("m", "m", "a", "e")
        await until(lambda: isinstance(app.screen, RepairScreen), "what a repair would do")
        assert isinstance(app.screen, RepairScreen)
        assert len(app.screen.plan.items) + len(app.screen.plan.refused) > 100
        await pilot.press("escape", "escape")
        await until(lambda: app.screen is main, "the main screen")
        main.moving.jump(f"experiment/{oracle.names['second']}", "")
        await pilot.press("2")
        names = {oracle.names[one] for one in ("plain", "other", "deleted")}
        await until(lambda: {row.run.run_id for row in main.shown.runs} >= names, "the healthy runs")
        await until(lambda: not main.state.checking, "the end of the check")
    assert _times(root) == before


def _times(root: Path) -> dict[str, tuple[int, int]]:
    """When everything that can be listed was changed last."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[path] = (status.st_mtime_ns, status.st_ctime_ns)
    return found
