"""What was found last time is shown at once, is checked behind it, and never decides anything."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlruns_tui.model.store import Progress
from mlruns_tui.scanner.store import open_store
from mlruns_tui.userdata import index
from mlruns_tui.workflow.keeping import Kept
from mlruns_tui.workflow.reading import open_reader, read_all
from mlruns_tui.workflow.starting import fork_reader

OLD_S = 1_700_000_000
RUN = "{:08x}abcdef0123456789abcdef01"


def add_run(root: Path, experiment: str, number: int) -> Path:
    run = root / experiment / RUN.format(number)
    for part in ("params", "metrics", "tags", "artifacts"):
        (run / part).mkdir(parents=True)
    (run / "metrics" / "loss").write_text("1 0.5 0\n")
    (run / "tags" / "keep").write_text("yes" if number % 3 == 0 else "no")
    (run / "meta.yaml").write_text(
        f"artifact_uri: {run.as_uri()}/artifacts\nend_time: 1700000000000\nexperiment_id: '{experiment}'\n"
        f"lifecycle_stage: active\nrun_id: {run.name}\nrun_name: run-{number}\nstart_time: 1699990000000\n"
        "status: 3\nuser_id: alice\n"
    )
    return run


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "mlruns"
    for experiment in ("1", "2"):
        (root / experiment).mkdir(parents=True)
        (root / experiment / "meta.yaml").write_text(
            f"artifact_location: {root.as_uri()}/{experiment}\nexperiment_id: '{experiment}'\n"
            f"lifecycle_stage: active\nname: experiment {experiment}\n"
        )
        for number in range(4):
            add_run(root, experiment, int(experiment) * 100 + number)
    (root / "7").mkdir()
    (root / "models" / "scorer").mkdir(parents=True)
    (root / "models" / "scorer" / "meta.yaml").write_text("name: scorer\n")
    (root / ".git" / "objects").mkdir(parents=True)
    for folder, _, names in os.walk(root, topdown=False):
        for name in (*names, ""):
            os.utime(os.path.join(folder, name), (OLD_S, OLD_S))
    return root


def index_file(store):
    (found,) = (store.parent / "cache" / "mlruns-tui" / "index").iterdir()
    return found


def plain(snapshot):
    return replace(snapshot, progress=Progress(), messages=())


def test_a_second_start_shows_everything_at_once_and_reads_it_all_the_same(store):
    fresh = read_all(open_reader(str(store)))
    snapshots = list(open_reader(str(store), kept=True).scan())
    assert plain(snapshots[-1]) == plain(fresh)
    assert snapshots[0].runs == {}
    first, *_, last = open_reader(str(store), kept=True).scan()
    assert plain(first) == plain(fresh)
    assert not first.complete
    assert last.complete
    assert plain(last) == plain(fresh)
    assert index_file(store).stat().st_mode & 0o777 == 0o600


def test_what_was_written_to_meanwhile_is_shown_old_first_and_new_in_the_end(store):
    read_all(open_reader(str(store), kept=True))
    metric = store / "1" / RUN.format(101) / "metrics" / "loss"
    metric.write_text("1 0.5 0\n" * 1000)
    first, *_, last = open_reader(str(store), kept=True).scan()
    assert last.total.size_bytes - first.total.size_bytes == 8 * 999
    assert plain(last) == plain(read_all(open_reader(str(store))))


def test_an_experiment_that_got_or_lost_runs_is_not_shown_from_memory(store):
    read_all(open_reader(str(store), kept=True))
    add_run(store, "2", 299)
    snapshots = list(open_reader(str(store), kept=True).scan())
    assert list(snapshots[0].runs) == ["experiment/1", "experiment/7"]
    assert len(snapshots[-1].runs["experiment/2"]) == 5
    for one in snapshots:
        assert len(one.runs["experiment/1"]) == 4, "it stays on the screen while it is read again"


def test_an_experiment_that_is_gone_or_new_is_so_from_the_first_listing_on(store):
    read_all(open_reader(str(store), kept=True))
    os.rename(store / "1", store.parent / "moved")
    os.rename(store / "2", store / "3")
    first, listed, *_, last = open_reader(str(store), kept=True).scan()
    assert [one.key for one in first.experiments] == ["experiment/7"]
    assert [one.key for one in listed.experiments] == ["experiment/3", "experiment/7"]
    assert plain(last) == plain(read_all(open_reader(str(store))))


def test_a_stopped_reading_says_so_and_is_not_kept(store):
    read_all(open_reader(str(store), kept=True))
    before = index_file(store).read_bytes()
    add_run(store, "2", 299)
    *_, last = open_reader(str(store), kept=True).scan(None, lambda: True)
    assert last.progress.stage == "stopped"
    assert len(last.runs["experiment/1"]) == 4
    assert index_file(store).read_bytes() == before


def test_what_was_kept_is_no_evidence(store):
    read_all(open_reader(str(store), kept=True))
    reader = open_reader(str(store), kept=True)
    scan = reader.scan()
    shown = next(scan)
    run = shown.runs["experiment/1"][1]
    os.rename(store / run.path, store.parent / "moved")
    (item,) = reader.inspect([run.key]).items.values()
    assert item.survey is None


@pytest.mark.parametrize(
    "damage", ["cut", "a piece less", "changed", "empty", "garbage", "other format", "other shape"]
)
def test_a_damaged_or_foreign_file_is_passed_over(store, damage, monkeypatch):
    read_all(open_reader(str(store), kept=True))
    file = index_file(store)
    data = file.read_bytes()
    if damage == "cut":
        file.write_bytes(data[:-1])
    elif damage == "changed":
        file.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "garbage":
        file.write_bytes(index._piece(["nothing"]))
    elif damage == "a piece less":
        last = index._piece([])
        assert data.endswith(last)
        file.write_bytes(data[: -len(last)])
    elif damage == "other format":
        monkeypatch.setattr(index, "FORMAT", 99)
    else:
        monkeypatch.setattr(index, "_SHAPE", [["run_id"]])
    snapshots = list(open_reader(str(store), kept=True).scan())
    assert snapshots[0].runs == {}
    assert snapshots[-1].complete


def test_another_store_in_the_same_place_is_not_taken_for_it(store):
    read_all(open_reader(str(store), kept=True))
    os.rename(store, store.parent / "was")
    os.mkdir(store)
    os.rename(store.parent / "was" / "1", store / "1")
    first = next(open_reader(str(store), kept=True).scan())
    assert first.runs == {}


def test_where_nothing_can_be_kept_reading_goes_on(store, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert read_all(open_reader(str(store), kept=True)).complete
    assert Kept().load(open_store(str(store)).store) is None


def test_the_screens_reader_keeps_and_shows_what_was_kept(store):
    fresh = plain(read_all(open_reader(str(store))))
    for _ in range(2):
        reader = fork_reader(str(store))()
        first, *_, last = reader.scan()
        reader.close()
        assert plain(last) == fresh
    assert plain(first) == fresh
    assert not first.complete


def test_commands_keep_nothing(store):
    read_all(open_reader(str(store)))
    assert not (store.parent / "cache").exists()
