"""Named values are read as MLflow reads them, out of nothing but the run they are asked of."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.values import DatasetUse, RunValues, Wanted
from mlruns_tui.scanner.process import ReaderProcess
from mlruns_tui.scanner.store import open_store
from mlruns_tui.scanner.values import MAX_METRIC

ALL = Wanted(
    ("loss", "val/acc", "nan", "gone"), ("lr", "a/b"), ("note", "mlflow.user"), datasets=True, artifact_uri=True
)


def values_of(root: Path, key: str, wanted: Wanted) -> RunValues:
    reader = open_store(str(root))
    list(reader.scan())
    return reader.values([key], wanted)[0]


def test_the_last_value_is_the_one_of_the_highest_step(store: Any) -> None:
    store.experiment()
    path = store.run()
    store.write(f"{path}/metrics/loss", "5 0.5 1\n9 0.9 0\n1 0.1 2\n2 0.2 2\n2 0.3 2\n")
    store.write(f"{path}/metrics/val/acc", "7 0.7\n8 0.8\n")
    store.write(f"{path}/metrics/nan", "7 nan 0\n")
    store.write(f"{path}/params/a/b", "two\nlines ")
    store.write(f"{path}/tags/note", "모델")
    found = values_of(store.root, "experiment/1/run/" + path.split("/")[1], ALL)
    assert found.metrics["loss"] == 0.3
    assert found.metrics["val/acc"] == 0.8
    assert math.isnan(found.metrics["nan"])
    assert "gone" not in found.metrics
    assert found.params == {"lr": "0.1", "a/b": "two\nlines "}
    assert found.tags == {"note": "모델", "mlflow.user": "alice"}
    assert found.artifact_uri is not None
    assert found.artifact_uri.endswith("/artifacts")
    assert found.unreadable == frozenset()


def test_datasets_are_those_the_experiment_still_has(store: Any) -> None:
    store.experiment()
    path = store.run()
    meta = "source_type: DATASET\nsource_id: {}\ndestination_type: RUN\ndestination_id: x\ntags: {}\n"
    store.write("1/datasets/d1/meta.yaml", "name: mnist\ndigest: abc\n")
    store.write(f"{path}/inputs/i1/meta.yaml", meta.format("d1", "\n  mlflow.data.context: train\n  other: x"))
    store.write(f"{path}/inputs/i2/meta.yaml", meta.format("../../secret", "{}"))
    store.write(f"{path}/inputs/i3/meta.yaml", meta.format("m1", "{}").replace("DATASET", "MODEL"))
    found = values_of(store.root, "experiment/1/run/" + path.split("/")[1], Wanted(datasets=True))
    assert found.datasets == (DatasetUse("mnist", "abc", ("train",)),)
    assert not found.unreadable


def test_what_is_there_and_cannot_be_read_is_said_to_be_so(store: Any) -> None:
    store.experiment()
    path = store.run()
    store.write(f"{path}/metrics/broken", "1 0.5 0\nnonsense\n")
    store.write(f"{path}/metrics/empty", "")
    store.write(f"{path}/metrics/folder/inside", "1 1 1\n")
    store.write(f"{path}/params/latin", b"\xff\xfe")
    (store.root / path / "params/link").symlink_to("/etc/passwd")
    with open(store.root / path / "metrics/huge", "wb") as file:
        file.truncate(MAX_METRIC + 1)
    (store.root / path / "tags/pipe").parent.mkdir(exist_ok=True)
    os.mkfifo(store.root / path / "tags/pipe")
    wanted = Wanted(("broken", "empty", "folder", "huge"), ("latin", "link", "lr"), ("pipe",))
    found = values_of(store.root, "experiment/1/run/" + path.split("/")[1], wanted)
    assert found.metrics == {}
    assert found.params == {"lr": "0.1"}
    assert found.unreadable == {
        "metrics.broken", "metrics.empty", "metrics.huge", "params.latin", "params.link", "tags.pipe",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["../meta.yaml", "/etc/passwd", "..", ".", "", "a//b", "a/../../meta.yaml", "x\0y", "n" * 300, "lr/below"]
)
def test_no_name_leads_out_of_its_place(store: Any, name: str) -> None:
    store.experiment()
    path = store.run()
    key = "experiment/1/run/" + path.split("/")[1]
    found = values_of(store.root, key, Wanted((name,), (name,), (name,)))
    assert found == RunValues(key)


def test_nothing_is_known_of_a_run_that_is_not_there(store: Any) -> None:
    store.experiment()
    store.run()
    found = values_of(store.root, "experiment/1/run/" + "f" * 32, Wanted(("loss",)))
    assert found.unreadable >= {"metrics.loss"}
    outside = values_of(store.root, "experiment/../../etc/run/x", Wanted(("loss",)))
    assert outside.unreadable >= {"metrics.loss"}


def test_a_database_answers_for_its_runs(store_and_database: Any) -> None:
    root, database, run_id = store_and_database
    with ReaderProcess.fork(open_store(str(root), f"sqlite:///{database}")) as reader:
        snapshot = list(reader.scan())[-1]
        key = next(run.key for run in snapshot.all_runs() if run.run_id == run_id)
        (found,) = reader.values([key], ALL)
        assert found.key == key
        assert found.metrics["loss"] == 0.25
        assert math.isnan(found.metrics["nan"])
        assert math.isinf(found.metrics["val/acc"])
        assert found.params == {"lr": "0.1"}
        assert found.tags == {"note": "hello"}
        assert found.datasets == (DatasetUse("mnist", "abc", ("train",)),)
        assert found.artifact_uri == "/elsewhere/artifacts"
        names = reader.names([key])
        assert (names.metrics, names.params, names.tags) == (("loss", "nan", "val/acc"), ("lr",), ("note",))


@pytest.fixture
def store_and_database(store: Any, tmp_path: Path) -> Any:
    import sqlite3

    run_id = "0123456789abcdef" * 2
    store.folder(f"1/{run_id}/artifacts")
    path = tmp_path / "mlflow.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        f"""
        CREATE TABLE alembic_version (version_num TEXT);
        CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT,
            lifecycle_stage TEXT, creation_time BIGINT, last_update_time BIGINT);
        CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT,
            end_time BIGINT, deleted_time BIGINT, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
        CREATE TABLE tags ("key" TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE params ("key" TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE metrics ("key" TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
        CREATE TABLE latest_metrics ("key" TEXT, value FLOAT, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT);
        CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT);
        CREATE TABLE datasets (dataset_uuid TEXT, experiment_id INTEGER, name TEXT, digest TEXT);
        CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT);
        INSERT INTO experiments VALUES (1, 'one', '{store.root}/1', 'active', 1, 1);
        INSERT INTO runs VALUES ('{run_id}', 'r', 'u', 'FINISHED', 1, 2, NULL, 'active', '/elsewhere/artifacts', 1);
        INSERT INTO latest_metrics VALUES ('loss', 0.25, 1, 1, 0, '{run_id}'), ('nan', 0, 1, 1, 1, '{run_id}'),
            ('val/acc', 1.7976931348623157e308, 1, 1, 0, '{run_id}'), ('loss', 9, 1, 1, 0, 'other');
        INSERT INTO params VALUES ('lr', '0.1', '{run_id}');
        INSERT INTO tags VALUES ('note', 'hello', '{run_id}');
        INSERT INTO inputs VALUES ('i', 'DATASET', 'd', 'RUN', '{run_id}');
        INSERT INTO datasets VALUES ('d', 1, 'mnist', 'abc');
        INSERT INTO input_tags VALUES ('i', 'mlflow.data.context', 'train'), ('i', 'x', 'y');
        """
    )
    connection.close()
    return store.root, path, run_id


def test_names_are_gathered_safe_to_show(store: Any) -> None:
    store.experiment()
    path = store.run()
    store.write(f"{path}/metrics/deep/er", "1 1 1\n")
    store.write(f"{path}/tags/\x1b[31mred", "x")
    reader = open_store(str(store.root))
    list(reader.scan())
    names = reader.names(["experiment/1/run/" + path.split("/")[1]])
    assert names.metrics == ("deep/er", "loss")
    assert names.params == ("lr",)
    assert names.tags == ("\\x1b[31mred", "mlflow.user")


def test_an_answer_covers_the_first_runs_and_at_least_one(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store.experiment()
    keys = ["experiment/1/run/" + store.run(number=number).split("/")[1] for number in range(5)]
    reader = open_store(str(store.root))
    list(reader.scan())
    assert [one.key for one in reader.values(keys, ALL)] == keys
    monkeypatch.setattr("mlruns_tui.scanner.values.ANSWER_S", -1.0)
    assert [one.key for one in reader.values(keys, ALL)] == keys[:1]


def test_a_name_that_is_shown_otherwise_is_asked_for_as_it_is(store: Any) -> None:
    store.experiment()
    path = store.run()
    for name in ("\x1b[31mred", "\udcff", "x" * 255):
        store.write(f"{path}/metrics/{name}", "7 0.5 1\n")
    key = "experiment/1/run/" + path.split("/")[1]
    reader = open_store(str(store.root))
    list(reader.scan())
    names = reader.names([key])
    assert "\\x1b[31mred" in names.metrics
    assert "\\xff" in names.metrics
    exact = tuple(names.exact.get(f"metrics.{name}", name) for name in names.metrics)
    assert {"\x1b[31mred", "\udcff", "x" * 255} <= set(exact)
    assert set(reader.values([key], Wanted(exact))[0].metrics) == set(exact)
