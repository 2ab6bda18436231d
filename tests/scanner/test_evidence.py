"""What a plan is made of is read afresh, from the pinned root, and never through a link."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mlruns_tui.disk import look
from mlruns_tui.model.errors import StaleError
from mlruns_tui.scanner.store import open_store


@pytest.fixture
def reader(store):
    store.experiment("1")
    store.run("1", 1)
    store.run("1", 2)
    store.experiment("2")
    store.grow_old()
    return open_store(str(store.root))


def test_each_item_is_surveyed_as_the_disk_room_does_it(store, reader, run_ids):
    key = f"experiment/1/run/{run_ids(1)}"
    evidence = reader.inspect([key, "experiment/1"])
    fd = os.open(store.root, os.O_RDONLY)
    folder = os.open(store.root / "1", os.O_RDONLY)
    held = look.open_files(reader.store.identity.device)
    assert evidence.items[key].survey == look.survey(folder, run_ids(1), held)
    assert evidence.items["experiment/1"].survey == look.survey(fd, "1", held)
    assert (evidence.items[key].path, evidence.items[key].movable) == (f"1/{run_ids(1)}", "")
    assert evidence.user == os.geteuid()
    assert evidence.file_experiments == ("experiment/1", "experiment/2")
    for one in (fd, folder):
        os.close(one)


def test_what_is_gone_or_was_never_there_comes_back_with_an_error(store, reader, run_ids):
    for _ in reader.scan():
        pass
    os.rename(store.root / "1" / run_ids(1), store.root / "1" / "moved")
    gone = f"experiment/1/run/{run_ids(1)}"
    keys = [gone, "experiment/77", "trash/1", "nonsense", "experiment/", "experiment/1/run/", ""]
    evidence = reader.inspect(keys)
    assert {key: item.survey for key, item in evidence.items.items()} == dict.fromkeys(keys)
    assert evidence.items[gone].error == "it is not there any more"
    assert {evidence.items[key].error for key in keys[3:]} == {"no such item"}


@pytest.mark.parametrize(
    "key", ["experiment/..", "experiment/../x", "stray/../../etc", "experiment/1/run/../..", "stray//etc"]
)
def test_no_key_leads_out_of_the_store(reader, key):
    (item,) = reader.inspect([key]).items.values()
    assert item.survey is None
    assert item.error.startswith("cannot be looked at: not a plain path")


def test_a_directory_swapped_for_a_link_is_not_gone_through(store, reader, run_ids, tmp_path):
    (tmp_path / "elsewhere" / run_ids(1)).mkdir(parents=True)
    os.rename(store.root / "1", store.root.parent / "kept")
    (store.root / "1").symlink_to(tmp_path / "elsewhere")
    evidence = reader.inspect([f"experiment/1/run/{run_ids(1)}", "experiment/1"])
    assert evidence.items[f"experiment/1/run/{run_ids(1)}"].survey is None
    assert evidence.items["experiment/1"].survey.trouble == ("link",)


def test_another_root_is_stale(store, reader):
    os.rename(store.root, store.root.parent / "was")
    store.folder("1")
    with pytest.raises(StaleError):
        reader.inspect(["experiment/1"])


def test_references_are_read_again(store, reader, run_ids):
    before = list(reader.scan())[-1]
    assert before.references == ()
    store.run("2", 3, tags={"mlflow.parentRunId": run_ids(1)})
    store.version(run_id=run_ids(2))
    store.logged_model("2", 1, source_run_id=run_ids(2), name="net")
    store.experiment("3", artifact_location=f"{store.uri}/1/elsewhere")
    evidence = reader.inspect([])
    assert {(one.kind, one.target) for one in evidence.references} == {
        ("parent", run_ids(1)),
        ("model-version", run_ids(2)),
        ("logged-model", run_ids(2)),
        ("claim", "1/elsewhere"),
    }


def test_fresh_references_are_those_of_a_scan_when_nothing_changed(store, read, run_ids):
    store.experiment("1")
    store.experiment("2", artifact_location=f"{store.uri}/777")
    path = store.run("1", 1)
    store.run("1", 2, tags={"mlflow.parentRunId": run_ids(1)}, artifact_uri=f"{store.uri}/{path}/artifacts/in")
    store.run("2", 3, artifact_uri=f"{store.uri}/777/x/artifacts")
    store.write("777/x/artifacts/a", "x")
    store.version(source=f"{store.uri}/{path}/artifacts/model")
    store.logged_model("1", 1, source_run_id=run_ids(1))
    scanned = open_store(str(store.root))
    last = list(scanned.scan())[-1]
    assert {one.kind for one in last.references} == {"claim", "parent", "model-version", "logged-model"}
    assert set(scanned.inspect([]).references) == set(last.references)
    never_scanned = open_store(str(store.root)).inspect([])
    assert {one.target for one in never_scanned.references} == {one.target for one in last.references}


def test_what_a_database_said_counts_when_it_cannot_be_read_now(store, database, run_ids, monkeypatch):
    from mlruns_tui.scanner import sqlite

    database.experiment(1)
    database.run(1, 1)
    database.insert("model_versions", name="m", version=1, current_stage="None", source="x", run_id=run_ids(1))
    store.folder(f"1/{run_ids(1)}")
    reader = open_store(str(store.root))
    before = list(reader.scan())[-1].references
    assert [one.kind for one in before] == ["model-version"]
    assert set(reader.inspect([]).references) == set(before)
    monkeypatch.setattr(sqlite, "WAIT_S", 0.1)
    database.connection.execute("BEGIN EXCLUSIVE")
    assert set(reader.inspect([]).references) == set(before)
    database.connection.execute("ROLLBACK")


def test_who_writes_is_seen_in_the_item_and_among_the_live_runs(store, reader, run_ids):
    for _ in reader.scan():
        pass
    code = (
        "import os, sys\n"
        "file = open(sys.argv[1], 'a'); os.chdir(sys.argv[2])\n"
        "print('open', flush=True); sys.stdin.read()\n"
    )
    metric = store.root / "1" / run_ids(1) / "metrics" / "loss"
    standing = store.root / "1" / run_ids(2) / "artifacts"
    trainer = subprocess.Popen(
        [sys.executable, "-c", code, str(metric), str(standing)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert trainer.stdout.readline() == b"open\n"
        keys = [f"experiment/1/run/{run_ids(number)}" for number in (1, 2)]
        evidence = reader.inspect([*keys, "experiment/2"])
    finally:
        trainer.communicate()
    writers = {key: {one.pid for one in item.survey.writers} for key, item in evidence.items.items()}
    assert writers == {keys[0]: {trainer.pid}, keys[1]: {trainer.pid}, "experiment/2": set()}
    assert evidence.live_runs == (keys[0],)


def test_why_an_item_cannot_be_moved_is_said(open_project, make_store, as_somebody, run_ids):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    store.run("1", 1)
    if os.geteuid() != 0:
        os.chmod(store.root / "1", 0o555)
    reader = open_store(str(store.root))
    with as_somebody():
        (item,) = reader.inspect([f"experiment/1/run/{run_ids(1)}"]).items.values()
    os.chmod(store.root / "1", 0o755)
    assert item.movable.startswith("no permission to change its parent directory")


def test_a_run_without_a_directory_has_nothing_to_look_at(store, database, run_ids):
    database.experiment(1)
    database.run(1, 1)
    evidence = open_store(str(store.root)).inspect([f"experiment/1/run/{run_ids(1)}"])
    assert next(iter(evidence.items.values())).error == "it is not there any more"
