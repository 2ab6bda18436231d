"""A run at a glance: the first of its names and one metric's course, in a moment, whatever the run holds."""

from __future__ import annotations

import os
import threading

import pytest

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.scanner import glance as glance_module
from mlruns_tui.scanner.process import ReaderProcess
from mlruns_tui.scanner.store import open_store


@pytest.fixture
def one(store, run_ids):
    """A run with params, tags and two metrics: its key, and its directory."""
    store.experiment("1")
    store.run("1", 1)
    folder = store.root / "1" / run_ids(1)
    for part in ("params", "metrics/val", "tags"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "params" / "lr").write_text("0.1")
    (folder / "params" / "depth").write_text("6\x1b[31m")
    (folder / "tags" / "mlflow.user").write_text("alice")
    (folder / "tags" / "team").write_text("red")
    (folder / "metrics" / "acc").write_text("".join(f"{at} {at / 1000} {at}\n" for at in range(1000)))
    (folder / "metrics" / "val" / "loss").write_text("1 0.5 0\n2 0.25 1\n")
    return f"experiment/1/run/{run_ids(1)}", folder


def test_the_wanted_metric_comes_first_with_its_course(store, one):
    key, _ = one
    found = open_store(str(store.root)).glance(key, "val/loss")
    assert [series.name for series in found.metrics][:2] == ["val/loss", "acc"]
    assert [point[2] for point in found.metrics[0].points] == [0.5, 0.25]
    assert found.metrics[1].last == 0.999
    assert found.metrics[1].count == 1000
    assert len(found.metrics[1].points) <= 64


def test_without_the_wanted_metric_it_is_the_first_by_name(store, one):
    key, _ = one
    found = open_store(str(store.root)).glance(key, "no such")
    assert found.metrics[0].name == "acc"
    assert 100 < len(found.metrics[0].points) <= 512


def test_names_and_values_are_safe_and_mlflows_own_tags_come_last(store, one):
    key, folder = one
    os.mkfifo(folder / "params" / "pipe")
    found = open_store(str(store.root)).glance(key)
    assert found.counts[0] == 3
    assert ("lr", "0.1") in found.params
    assert not any(ord(letter) < 32 for letter in dict(found.params)["depth"])
    assert "cannot be read" in dict(found.params)["pipe"]
    tags = [name for name, _ in found.tags]
    assert tags[0] == "team"
    assert tags.index("mlflow.user") > 0


def test_a_run_that_is_gone_is_said_to_be(store, one):
    key, _ = one
    reader = open_store(str(store.root))
    with pytest.raises(MlrunsError, match="not there any more"):
        reader.glance(key[:-1] + "f")
    with pytest.raises(MlrunsError, match="names no run"):
        reader.glance("model/x")


def test_links_are_not_followed(store, one, tmp_path):
    key, folder = one
    (tmp_path / "secret").write_text("1 42 0\n")
    (folder / "metrics" / "link").symlink_to(tmp_path / "secret")
    (folder / "params" / "link").symlink_to(tmp_path / "secret")
    found = open_store(str(store.root)).glance(key, "link")
    assert found.metrics[0].last is None
    assert "cannot be read" in found.metrics[0].error
    assert "42" not in dict(found.params)["link"]


def test_thousands_of_names_cost_no_more_than_the_first_of_them(store, one, monkeypatch):
    key, folder = one
    for number in range(60):
        (folder / "params" / f"p{number:03}").write_text("x" * 2000)
    monkeypatch.setattr(glance_module, "MOST_NAMES", 50)
    found = open_store(str(store.root)).glance(key)
    assert found.counts[0] == 50
    assert len(found.params) == 40
    assert all(len(value) <= 520 for _, value in found.params)


def test_when_the_moment_is_over_what_was_read_is_told(store, one, monkeypatch):
    key, _ = one
    monkeypatch.setattr(glance_module, "MOST_S", -1.0)
    found = open_store(str(store.root)).glance(key)
    assert any("takes too long" in message for message in found.messages)


def test_a_glance_nobody_wants_any_more_ends_with_nothing(store, one):
    key, _ = one
    assert open_store(str(store.root)).glance(key, stop=lambda: True) is None


def test_the_process_tells_the_same_and_takes_a_glance_back(store, one):
    key, _ = one
    with ReaderProcess.fork(open_store(str(store.root))) as reader:
        assert reader.glance(key, "acc") == open_store(str(store.root)).glance(key, "acc")
        with pytest.raises(MlrunsError, match="not there any more"):
            reader.glance(key[:-1] + "f")
        stopped = threading.Event()
        stopped.set()
        # Told at once: it may have been read already, but it never hangs.
        assert reader.glance(key, "acc", stopped.is_set) in (None, reader.glance(key, "acc"))


def test_a_run_of_a_database_is_read_from_its_rows(store, database, run_ids):
    tables = {row[0] for row in database.connection.execute("SELECT name FROM sqlite_master")}
    if "latest_metrics" not in tables:
        database.connection.execute(
            "CREATE TABLE latest_metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan INT)"
        )
    database.experiment(1)
    run_id = database.run(1, 1)
    for step in range(5):
        row = {"run_uuid": run_id, "timestamp": step, "step": step, "is_nan": 0}
        database.insert("metrics", key="acc", value=step / 10, **row)
        database.insert("metrics", key="loss", value=-step, **row)
    for name, value in (("acc", 0.4), ("loss", -4.0)):
        database.insert("latest_metrics", key=name, value=value, run_uuid=run_id, timestamp=4, step=4, is_nan=0)
    database.insert("params", key="lr", value="0.1", run_uuid=run_id)
    database.insert("tags", key="mlflow.user", value="alice", run_uuid=run_id)
    database.insert("tags", key="team", value="red", run_uuid=run_id)
    store.write(f"1/{run_id}/artifacts/model.bin", b"x" * 7)
    reader = open_store(str(store.root))
    for _ in reader.scan():
        pass
    found = reader.glance(f"experiment/1/run/{run_id}", "loss")
    assert [(one.name, one.last, len(one.points)) for one in found.metrics] == [("loss", -4.0, 5), ("acc", 0.4, 1)]
    assert found.params == (("lr", "0.1"),)
    assert [name for name, _ in found.tags] == ["team", "mlflow.user"]
    assert found.counts == (1, 2, 2)
    with pytest.raises(MlrunsError, match="not there any more"):
        reader.glance(f"experiment/1/run/{run_ids(3)}")
