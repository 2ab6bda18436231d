"""Packed runs are the runs they were made from."""

from __future__ import annotations

from typing import Any

import pytest

from mlruns_tui.model.store import Identity, Run, Size, Snapshot, StoreInfo
from mlruns_tui.scanner.packed import PackedRuns, packed
from mlruns_tui.scanner.store import open_store


def run(at: int) -> Run:
    size = Size(at, at * 512, 3, 1_700_000_000_000_000_000 + at) if at % 3 else None
    return Run(
        "7",
        f"{at:032x}",
        name=f"이름-{at}\udcff",
        status="FAILED",
        start_time=at,
        path=f"7/{at:032x}\udcfe",
        size=size,
        trouble=("link",) if at % 5 == 0 else (),
    )


@pytest.mark.parametrize("number", [0, 1, 511, 512, 513, 1300])
def test_all_runs_come_back_in_order(number: int) -> None:
    runs = tuple(map(run, range(number)))
    small = PackedRuns(runs)
    assert len(small) == number
    assert tuple(small) == runs


def test_one_run_is_looked_at_by_its_place() -> None:
    runs = tuple(map(run, range(1100)))
    small = PackedRuns(runs)
    assert [small[at] for at in (0, 511, 512, 1099, -1)] == [runs[at] for at in (0, 511, 512, 1099, -1)]
    assert small[510:514] == list(runs[510:514])
    with pytest.raises(IndexError):
        small[1100]


def test_a_packed_snapshot_says_the_same() -> None:
    runs = tuple(map(run, range(700)))
    snapshot = Snapshot(StoreInfo("x", "/x", "file", Identity(1, 2)), runs={"experiment/7": runs}, messages=("hello",))
    small = packed(snapshot)
    assert small.all_runs() == runs
    assert (small.store, small.messages, list(small.runs)) == (snapshot.store, ("hello",), ["experiment/7"])


def test_a_reader_that_shrank_answers_as_before(store: Any) -> None:
    for experiment in ("1", "2"):
        store.experiment(experiment)
        for number in (1, 2, 3):
            store.run(experiment, number + 10 * int(experiment))
    store.grow_old()
    reader = open_store(str(store.root))
    *_, snapshot = reader.scan()
    keys = [run.key for run in snapshot.all_runs()]
    before = (reader.inspect(keys), [reader.details(key) for key in keys])
    reader.shrink()
    after = (reader.inspect(keys), [reader.details(key) for key in keys])
    assert len(keys) == 6
    assert (after[0].items, after[0].references) == (before[0].items, before[0].references)
    assert after[1] == before[1]
    assert list(reader.scan())[-1].runs == snapshot.runs
