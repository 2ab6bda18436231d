"""A store in which everything that can be broken together is: every place is named, and the rest is still listed."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.workflow.reading import open_reader, read_all

pytestmark = pytest.mark.mlflow

SECONDS = 30
"""Some six hundred copies of a store in one: three seconds on an idle machine."""


@pytest.fixture
def all_at_once(oracle: Any, all_cases: list[Any], harmless: frozenset[str], tmp_path: Path) -> Any:
    """Each case in experiments of its own, renamed so that they share one root; strays and the rest beside."""
    root = tmp_path / "mlruns"
    shutil.copytree(oracle.store, root, symlinks=True)
    places: dict[str, list[str]] = {}
    for number, case in enumerate(all_cases):
        if case.name in harmless or not case.applies_to(oracle.names) or case.below:
            continue
        if case.path.split("/")[0] in ("{first}", "{second}"):
            places[case.name] = _in_experiments_of_its_own(oracle, case, number, root, tmp_path)
        elif case.path.split("/")[0] == "models" and case.path.count("/"):
            places[case.name] = _in_a_model_of_its_own(oracle, case, number, root, tmp_path)
        elif not os.path.lexists(root / case.path.format(**oracle.names)):
            case.break_it(root, oracle.names)
            places[case.name] = [case.place(oracle.names)]
    yield root, places
    for folder, folders, _ in os.walk(root):
        for name in folders:
            place = os.path.join(folder, name)
            if not os.path.islink(place):
                os.chmod(place, 0o700)


def _broken_copy(oracle: Any, case: Any, tmp_path: Path) -> Path:
    store = tmp_path / "one"
    if store.exists():
        shutil.rmtree(store)
    shutil.copytree(oracle.store, store, symlinks=True)
    case.break_it(store, oracle.names)
    return store


def _in_experiments_of_its_own(oracle: Any, case: Any, number: int, root: Path, tmp_path: Path) -> list[str]:
    """The experiments the case touched, moved in under new names; where its defect is then."""
    store = _broken_copy(oracle, case, tmp_path)
    places = []
    before = {path.name for path in oracle.store.iterdir()}
    for entry in sorted(store.iterdir()):
        if entry.name in before and entry.name not in (oracle.names["first"], oracle.names["second"]):
            continue
        name = f"c{number}x{entry.name}" if entry.name in before else f"{entry.name}"
        if os.path.lexists(root / name):
            name = f"c{number}x{entry.name}"
        os.rename(entry, root / name)
        place = case.place(oracle.names)
        if place.split("/")[0] == entry.name:
            places.append("/".join([name, *place.split("/")[1:]]))
    return places


def _in_a_model_of_its_own(oracle: Any, case: Any, number: int, root: Path, tmp_path: Path) -> list[str]:
    store = _broken_copy(oracle, case, tmp_path)
    places = []
    for entry in sorted((store / "models").iterdir()):
        name = entry.name
        if os.path.lexists(root / "models" / name):
            if name not in case.path:
                continue
            name = f"c{number}-{name}"
        os.rename(entry, root / "models" / name)
        place = case.place(oracle.names).split("/")
        if place[1] == entry.name:
            places.append("/".join(["models", name, *place[2:]]))
    return places


def test_every_place_is_named_in_bounded_time(oracle: Any, all_at_once: Any, record_property: Any) -> None:
    root, places = all_at_once
    began = time.monotonic()
    findings = oracle.doctor(root)
    took = time.monotonic() - began
    named = {one["path"] for one in findings}
    lost = {name: where for name, where in places.items() if where and not _is_named(where, named)}
    record_property("oracle", {"cases in the all-at-once store": len(places), "seconds to diagnose it (worst)": took})
    assert not lost
    assert len(places) > 250
    assert took < SECONDS


def _is_named(where: list[str], named: set[str]) -> bool:
    return any(
        one == place or one.startswith(place + "/") or place.startswith(one + "/") for place in where for one in named
    )


def test_the_rest_of_the_store_is_listed_as_if_nothing_was_wrong(oracle: Any, all_at_once: Any) -> None:
    root, _ = all_at_once
    snapshot = read_all(open_reader(str(root)))
    assert snapshot.complete
    fine = {one.experiment_id: one for one in snapshot.experiments if one.place == "root"}
    for name in ("first", "second"):
        experiment = fine[oracle.names[name]]
        assert experiment.state == "ok"
        runs = {run.run_id for run in snapshot.runs[experiment.key] if run.state == "ok"}
        expected = {"first": ("parent", "child"), "second": ("plain", "other", "deleted")}[name]
        assert {oracle.names[one] for one in expected} <= runs
