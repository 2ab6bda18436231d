"""Runs by their keys, without a key for each."""

from __future__ import annotations

import pytest

from mlruns_tui.model.store import Run, run_key
from mlruns_tui.triage.by_key import RunsByKey

RUNS = {
    "experiment/1": (Run("1", "a"), Run("1", "b")),
    "trash/1": (Run("1", "a", "trash"),),
    "experiment/2": (),
}


def test_it_is_the_mapping_of_all_keys() -> None:
    wanted = {run.key: run for runs in RUNS.values() for run in runs}
    found = RunsByKey(RUNS)
    assert dict(found) == wanted
    assert len(found) == len(wanted) == 3
    assert list(found.values()) == list(wanted.values())


def test_the_same_ids_in_the_trash_are_others() -> None:
    found = RunsByKey(RUNS)
    assert found[run_key("trash", "1", "a")] is RUNS["trash/1"][0]
    assert found[run_key("root", "1", "a")] is RUNS["experiment/1"][0]


@pytest.mark.parametrize(
    "key",
    ["experiment/1", "experiment/1/run/c", "experiment/2/run/a", "experiment/3/run/a", "stray/x", "trash/1/run/b", ""],
)
def test_what_is_no_run_of_it_is_not_found(key: str) -> None:
    found = RunsByKey(RUNS)
    assert key not in found
    assert found.get(key) is None
