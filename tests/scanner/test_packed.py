"""Packed runs are the runs they were made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.store import Run, Size
from mlruns_tui.scanner import draft, scan
from mlruns_tui.scanner.deltas import Assembler, difference
from mlruns_tui.scanner.packed import PackedRuns, fields_of_all, run_of_fields
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


def test_a_run_is_its_fields() -> None:
    runs = tuple(map(run, range(70)))
    assert fields_of_all(PackedRuns(runs)) == fields_of_all(runs)
    assert tuple(map(run_of_fields, fields_of_all(runs))) == runs


@pytest.mark.parametrize("few", [0, 2, 64])
def test_a_reader_that_packs_finds_and_answers_the_same(store: Any, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "_FEW", few)
    for experiment in ("1", "2", "3"):
        store.experiment(experiment)
        for number in range(int(experiment)):
            store.run(experiment, number + 10 * int(experiment))
    store.run("2", 40, status=1)
    store.run("3", 50, experiment_id="2")
    (store.root / "1" / "stranger").mkdir()
    store.grow_old()
    plain, small = open_store(str(store.root)), open_store(str(store.root))
    small.small = True
    wanted, found = list(plain.scan()), list(small.scan())
    assert any(isinstance(one, PackedRuns) for one in found[-1].runs.values()) == (few < 64)
    unpacked = replace(found[-1], runs={key: tuple(runs) for key, runs in found[-1].runs.items()})
    elapsed = replace(unpacked.progress, elapsed_ms=wanted[-1].progress.elapsed_ms)
    assert replace(unpacked, progress=elapsed) == wanted[-1]
    keys = [run.key for run in wanted[-1].all_runs()]
    one, other = plain.inspect(keys), small.inspect(keys)
    assert (other.items, other.references) == (one.items, one.references)
    assert [small.details(key) for key in keys] == [plain.details(key) for key in keys]


@pytest.mark.parametrize("few", [0, 64])
def test_what_is_told_of_a_packing_scan_adds_up_to_it(store: Any, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "_FEW", few)
    monkeypatch.setattr(scan, "TELL_EVERY_S", 0.0)
    for experiment in ("1", "2"):
        store.experiment(experiment)
        for number in (1, 2, 3):
            store.run(experiment, number + 10 * int(experiment))
    store.grow_old()
    reader, assembler = open_store(str(store.root)), Assembler()
    reader.small = True
    sent, told, times = None, None, 0
    for snapshot in reader.scan():
        delta = difference(sent, snapshot)
        times += sum(map(len, delta.runs.values()))
        told, sent = assembler.take(delta), snapshot
        assert told.all_runs() == snapshot.all_runs()
    assert told is not None and len(told.all_runs()) == 6
    # Whole runs travel once: what changes later is told of each by itself.
    assert times == 6
