"""A broken entry costs one row: its reason in words, and everything else as if nothing was wrong."""

from __future__ import annotations

import os

import pytest

from mlruns_tui.scanner.store import open_store


def meta(**changes):
    values = {
        "artifact_location": "file:///x/2", "experiment_id": "'2'", "lifecycle_stage": "active", "name": "two", **changes,
    }  # fmt: skip
    return "".join(f"{key}: {value}\n" for key, value in values.items() if value is not None)


EXPERIMENTS = {
    "healthy": (meta(), "ok", ""),
    "0 bytes": ("", "malformed", "meta.yaml is empty (0 bytes)"),
    "comments only": ("# x\n", "malformed", "meta.yaml is empty (no key in it)"),
    "truncated": (meta() + "creat", "malformed", "meta.yaml cannot be parsed as YAML (line 6)"),
    "a list": ("- a\n", "malformed", "meta.yaml is not a mapping but a list"),
    "plain text": ("abc", "malformed", "meta.yaml is not a mapping but plain text"),
    "NUL bytes": ("a: \0\n", "malformed", "meta.yaml cannot be parsed as YAML (ReaderError)"),
    "not UTF-8": (b"name: \xff\n", "malformed", "meta.yaml is not UTF-8 (byte 6)"),
    "no id": (meta(experiment_id=None), "malformed", "experiment_id is missing"),
    "no name": (meta(name=None), "malformed", "name is missing"),
    "no location": (meta(artifact_location=None), "malformed", "artifact_location is missing"),
    "no stage": (meta(lifecycle_stage=None), "malformed", "lifecycle_stage is missing"),
    "another id": (meta(experiment_id="'3'"), "malformed", "experiment_id says 3, its directory is 2"),
    "a path for an id": (meta(experiment_id="../../x"), "malformed", "experiment_id says ../../x, its directory is 2"),
    "id a number": (meta(experiment_id="2"), "ok", ""),
    "id true": (meta(experiment_id="true"), "malformed", "experiment_id says True, its directory is 2"),
    "name null": (meta(name="null"), "ok", ""),
    "unknown stage": (meta(lifecycle_stage="bogus"), "ok", ""),
    "unknown keys": (meta(colour="red"), "ok", ""),
    "times that are none": (meta(creation_time=".nan", last_update_time="-5"), "ok", ""),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiments_metadata(store, read, experiment, run, name):
    content, state, reason = EXPERIMENTS[name]
    for identifier in ("1", "3"):
        store.experiment(identifier)
        store.run(identifier, int(identifier))
    store.write("2/meta.yaml", content)
    store.run("2", 2)
    store.grow_old()
    snapshot = read(store)
    found = experiment(snapshot, "2")
    assert (found.state, found.reason, found.runs) == (state, reason, 1)
    assert [run(snapshot, number).state for number in (1, 2, 3)] == ["ok"] * 3
    assert [experiment(snapshot, one).state for one in ("1", "3")] == ["ok"] * 2
    assert snapshot.complete


RUNS = {
    "healthy": ({}, "ok", "", "FINISHED"),
    "no run id": ({"run_id": "LEFT OUT"}, "malformed", "run_id is missing", "FINISHED"),
    "no experiment id": ({"experiment_id": "LEFT OUT"}, "malformed", "experiment_id is missing", "FINISHED"),
    "no start": ({"start_time": "LEFT OUT"}, "malformed", "start_time is missing", "FINISHED"),
    "start null": ({"start_time": None}, "malformed", "start_time is missing", "FINISHED"),
    "no user": ({"user_id": "LEFT OUT"}, "malformed", "user_id is missing", "FINISHED"),
    "no status": ({"status": "LEFT OUT"}, "ok", "", "RUNNING"),
    "status 99": ({"status": 99}, "malformed", "status 99 is none of MLflow's", "UNKNOWN"),
    "status a word": ({"status": "FINISHED"}, "malformed", "status FINISHED is none of MLflow's", "UNKNOWN"),
    "status null": ({"status": None}, "malformed", "status  is none of MLflow's", "UNKNOWN"),
    "status true": ({"status": "true"}, "malformed", "status True is none of MLflow's", "UNKNOWN"),
    "no stage": ({"lifecycle_stage": "LEFT OUT"}, "ok", "", "FINISHED"),
    "another stage": (
        {"lifecycle_stage": "gone"}, "malformed", "lifecycle_stage gone is neither active nor deleted", "FINISHED",
    ),
    "no uri": ({"artifact_uri": "LEFT OUT"}, "ok", "", "FINISHED"),
    "another run": ({"run_id": "abc"}, "malformed", None, "FINISHED"),
    "another experiment": (
        {"experiment_id": "77"}, "malformed", "experiment_id says 77, its directory is in 1", "FINISHED",
    ),
    "end .nan": ({"end_time": ".nan"}, "ok", "", "FINISHED"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_runs_metadata(store, read, run, run_ids, name):
    changes, state, reason, status = RUNS[name]
    store.experiment("1")
    store.run("1", 1)
    store.run("1", 2, **changes)
    store.run("1", 3)
    store.grow_old()
    snapshot = read(store)
    found = run(snapshot, 2)
    expected = f"run_id says abc, its directory is {run_ids(2)}" if reason is None else reason
    assert (found.state, found.reason, found.status) == (state, expected, status)
    assert [run(snapshot, number).state for number in (1, 3)] == ["ok"] * 2
    assert found.size.files == 5


def test_a_run_of_an_old_mlflow_that_has_run_uuid_only_is_fine(store, read, run, run_ids):
    store.experiment("1")
    path = store.run("1", 1)
    old = {
        "artifact_uri": f"{store.uri}/{path}/artifacts", "end_time": 5, "experiment_id": 1, "name": "",
        "run_uuid": run_ids(1), "source_type": 4, "start_time": 4, "status": 4, "user_id": "x",
    }  # fmt: skip
    store.write(f"{path}/meta.yaml", "".join(f"{key}: {value}\n" for key, value in old.items()))
    store.write(f"{path}/tags/mlflow.runName", "named by its tag\n")
    store.grow_old()
    found = run(read(store), 1)
    assert (found.state, found.status, found.lifecycle_stage, found.name) == (
        "ok",
        "FAILED",
        "active",
        "named by its tag",
    )
    assert (found.start_time, found.end_time) == (4, 5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1699990000000", 1699990000000), ("0x1F", 31), ("-5", None), ("1e999", None), (".inf", None), ("true", None),
     ("9" * 18, None), ("2024-01-01", None), ("'1699990000000'", None), ("1699990000000.5", 1699990000000)],
)  # fmt: skip
def test_a_time_that_cannot_be_one_is_unknown(store, read, run, value, expected):
    store.experiment("1")
    store.run("1", 1, end_time=value)
    assert run(read(store), 1).end_time == expected


SPECIAL = {
    "a directory": (lambda path: path.mkdir(), "meta.yaml is a directory"),
    "a FIFO": (lambda path: os.mkfifo(path), "meta.yaml is not a regular file"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "meta.yaml is a symbolic link"),
    "a link to good metadata": (lambda path: path.symlink_to("../3/meta.yaml"), "meta.yaml is a symbolic link"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "meta.yaml is a symbolic link"),
    "1 GB": (
        lambda path: (path.touch(), os.truncate(path, 1 << 30)),
        "meta.yaml cannot be used: 1,073,741,824 bytes are too many for this file",
    ),
}


@pytest.mark.parametrize("kind", ["experiment", "run"])
@pytest.mark.parametrize("name", SPECIAL)
def test_metadata_that_is_no_plain_file_is_malformed(store, read, experiment, run, name, kind):
    make, reason = SPECIAL[name]
    for identifier in ("1", "3"):
        store.experiment(identifier)
        store.run(identifier, int(identifier))
    path = store.root / ("1/meta.yaml" if kind == "experiment" else f"{store.run('1', 1)}/meta.yaml")
    path.unlink()
    make(path)
    snapshot = read(store)
    found = experiment(snapshot, "1") if kind == "experiment" else run(snapshot, 1)
    assert (found.state, found.reason) == ("malformed", reason)
    assert (found.trouble == ("unreadable",)) is ("link" in reason)
    assert run(snapshot, 3).state == "ok"


def test_a_socket_for_metadata_is_malformed(store, read, experiment):
    import socket

    store.folder("1")
    with socket.socket(socket.AF_UNIX) as end:
        folder = os.open(store.root / "1", os.O_RDONLY)
        end.bind(f"/proc/self/fd/{folder}/meta.yaml")
        os.close(folder)
    assert experiment(read(store), "1").state == "malformed"


def test_an_empty_meta_yaml_is_believed_only_after_a_second_look(store):
    store.experiment("1")
    path = store.run("1", 1)
    experiment_meta, run_meta = store.root / "1/meta.yaml", store.root / path / "meta.yaml"
    kept = experiment_meta.read_bytes(), run_meta.read_bytes()
    experiment_meta.write_bytes(b"")
    run_meta.write_bytes(kept[1][:50])
    last = None
    for last in open_store(str(store.root)).scan():
        assert last.experiments[0].state == "ok"
        for run in last.all_runs():
            assert run.state == "ok"
        if last.progress.stage == "sizes":
            # MLflow finishes its rewrite.
            experiment_meta.write_bytes(kept[0])
            run_meta.write_bytes(kept[1])
    (one,) = last.experiments
    (run,) = last.all_runs()
    assert (one.name, one.runs, one.readable_inside, one.size.files) == ("experiment 1", 1, 0, 6)
    assert (run.name, run.status, run.size.files) == ("run 1", "FINISHED", 5)


def test_a_reading_stopped_before_the_second_look_says_what_it_saw(store):
    store.experiment("1")
    store.write("1/meta.yaml", "")
    stages = []

    def stop():
        return "sizes" in stages

    for snapshot in open_store(str(store.root)).scan(None, stop):
        stages.append(snapshot.progress.stage)
    assert stages[-1] == "stopped"
    assert snapshot.experiments[0].state == "malformed"


@pytest.mark.parametrize(
    "value", ["0x" + "f" * 900, "1" + ":59" * 300, "9" * 900, "[1, [2]]", "{a: {b: c}}", "2024-01-01"]
)
def test_metadata_may_hold_any_kind_of_value(store, read, experiment, run, value):
    keys = ("name", "experiment_id", "artifact_location", "lifecycle_stage", "creation_time")
    store.write("1/meta.yaml", "".join(f"{key}: {value}\n" for key in keys))
    path = store.run("1", 1)
    keys = ("run_id", "experiment_id", "user_id", "start_time", "status", "run_name", "artifact_uri", "lifecycle_stage")
    store.write(f"{path}/meta.yaml", "".join(f"{key}: {value}\n" for key in keys))
    keys = ("version", "run_id", "source", "storage_location", "model_id", "current_stage")
    store.write("models/m/version-1/meta.yaml", "".join(f"{key}: {value}\n" for key in keys))
    keys = ("model_id", "name", "artifact_location", "source_run_id", "experiment_id", "lifecycle_stage")
    store.write("1/models/m-1/meta.yaml", "".join(f"{key}: {value}\n" for key in keys))
    snapshot = read(store)
    assert snapshot.complete
    assert (experiment(snapshot, "1").state, run(snapshot, 1).state) == ("malformed", "malformed")
    assert open_store(str(store.root)).details(run(snapshot, 1).key).params == (("lr", "0.1"),)


HOSTILE_NAMES = [
    b"\x1b[31mred", b"bell\x07", b"c1\xc2\x9b", b"new\nline", b"tab\there", b"bidi\xe2\x80\xae", b"zero\xe2\x80\x8bwidth",
    b"not-utf8-\xff\xfe", b"[]", b"[@click=app.quit]x", b"-rf", b"a" * 255, b"%2e%2e", b"..a", b"{}", b"$(id)", b"'\"", b" ",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_only_a_name(store, read, name):
    text = os.fsdecode(name)
    store.experiment("1")
    os.rename(store.root / store.run("1", 1), store.root / "1" / text)
    store.write(f"1/{text}/artifacts/{text}", "x")
    store.write(f"1/{text}/tags/mlflow.parentRunId", name)
    os.rename(store.root / store.run("2", 2).rpartition("/")[0], store.root / text)
    store.write(f"models/{text}/version-1/meta.yaml", "version: 1\nsource: dummy\n")
    store.grow_old()
    snapshot = read(store)
    assert snapshot.complete
    (found,) = snapshot.runs["experiment/1"]
    assert os.fsencode(found.run_id) == name
    assert os.fsencode(found.path) == b"1/" + name
    assert (found.state, found.size.files) == ("malformed", 7)
    shown = [
        found.reason,
        found.parent,
        *(one.name for one in snapshot.models),
        *(one.by for one in snapshot.references),
    ]
    shown += [*(one.reason for one in snapshot.strays), *snapshot.messages]
    assert not any(not character.isprintable() for text in shown for character in text)


def test_what_goes_while_it_is_read_is_simply_not_there(store):
    for identifier in ("1", "2"):
        store.experiment(identifier)
        for number in (1, 2):
            store.run(identifier, number + 10 * int(identifier))
    stages = open_store(str(store.root)).scan()
    next(stages)
    os.rename(store.root / "1", store.root.parent / "gone")
    os.rename(store.root / "2" / os.listdir(store.root / "2")[0], store.root.parent / "gone too")
    *_, last = stages
    assert last.complete
    assert [(one.key, one.state) for one in last.experiments] == [("experiment/2", "ok")]
    assert [(one.state, one.reason) for one in last.all_runs()] == [("ok", "")]


def test_a_run_deeper_than_python_can_recurse_is_measured(store, read, run):
    store.experiment("1")
    path = store.run("1", 1)
    folder = os.open(store.root / path / "artifacts", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    try:
        assert run(read(store), 1).size.files == 6
    finally:
        os.system(f"rm -rf '{store.root / path}'")
