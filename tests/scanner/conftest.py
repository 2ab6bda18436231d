"""Stores made by hand, in the exact format MLflow writes, for tests that need every detail."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.protocols import Stop, never
from mlruns_tui.model.store import Experiment, Run, Snapshot
from mlruns_tui.scanner.store import open_store

OLD_S = 1_700_000_000
"""When everything a builder makes was last touched: long ago."""
START_MS = 1_699_990_000_000


def run_id(number: int) -> str:
    """A run id, different for every number."""
    return f"{number:08x}" + "abcdef0123456789abcdef01"


def yaml(values: dict[str, Any]) -> str:
    """One scalar a line, as MLflow's dumper does for these values."""

    def scalar(key: str, value: Any) -> str:
        if value is None:
            return "null"
        if value == []:
            return "[]"
        if value == "" or (key.endswith("id") and str(value).isdigit()):
            return f"'{value}'"
        return str(value)

    return "".join(f"{key}: {scalar(key, values[key])}\n" for key in sorted(values))


class Builder:
    """Makes a file store below ``root``. Everything is old until ``touch``-ed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    @property
    def uri(self) -> str:
        return f"file://{self.root}"

    def write(self, path: str, content: str | bytes = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def folder(self, path: str) -> Path:
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def experiment(self, identifier: str = "1", place: str = "", **changes: Any) -> str:
        """An experiment's directory and metadata; a value of None leaves a key out. Its path."""
        values = {
            "artifact_location": f"{self.uri}/{identifier}",
            "creation_time": START_MS,
            "experiment_id": identifier,
            "last_update_time": START_MS,
            "lifecycle_stage": "deleted" if place else "active",
            "name": f"experiment {identifier}",
            **changes,
        }
        path = f"{place}/{identifier}" if place else identifier
        self.write(f"{path}/meta.yaml", yaml({key: one for key, one in values.items() if one is not None}))
        return path

    def run(self, experiment: str = "1", number: int = 1, **changes: Any) -> str:
        """A run with a metric, a param, tags and an artifact. Its path below the root."""
        identifier = changes.pop("id", run_id(number))
        tags = changes.pop("tags", {})
        path = f"{experiment}/{identifier}"
        values = {
            "artifact_uri": f"{self.uri}/{experiment.split('/')[-1]}/{identifier}/artifacts",
            "end_time": START_MS + 1000,
            "entry_point_name": "",
            "experiment_id": experiment.split("/")[-1],
            "lifecycle_stage": "active",
            "run_id": identifier,
            "run_name": f"run {number}",
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "start_time": START_MS,
            "status": 3,
            "tags": [],
            "user_id": "alice",
            **changes,
        }
        kept = {key: one for key, one in values.items() if one != "LEFT OUT"}
        self.write(f"{path}/meta.yaml", yaml(kept))
        self.write(f"{path}/metrics/loss", f"{START_MS} 0.5 0\n{START_MS + 10} 0.25 1\n")
        self.write(f"{path}/params/lr", "0.1")
        self.write(f"{path}/tags/mlflow.user", "alice")
        for key, value in tags.items():
            self.write(f"{path}/tags/{key}", value)
        self.write(f"{path}/artifacts/model.bin", b"x" * 100)
        return path

    def logged_model(self, experiment: str, number: int = 1, **changes: Any) -> str:
        identifier = f"m-{run_id(number)}"
        path = f"{experiment}/models/{identifier}"
        values = {
            "artifact_location": f"{self.uri}/{experiment}/models/{identifier}/artifacts",
            "creation_timestamp": START_MS,
            "experiment_id": experiment.split("/")[-1],
            "last_updated_timestamp": START_MS,
            "model_id": identifier,
            "model_type": None,
            "name": f"model {number}",
            "source_run_id": None,
            "status": 2,
            "status_message": None,
            **changes,
        }
        self.write(f"{path}/meta.yaml", yaml(values))
        self.write(f"{path}/artifacts/MLmodel", "flavors: {}\n")
        return identifier

    def version(self, name: str = "scorer", number: int = 1, **changes: Any) -> None:
        values = {
            "creation_timestamp": START_MS,
            "current_stage": "None",
            "description": None,
            "last_updated_timestamp": START_MS,
            "name": name,
            "run_id": None,
            "run_link": None,
            "source": "dummy-source",
            "status": "READY",
            "status_message": None,
            "storage_location": "dummy-source",
            "user_id": None,
            "version": number,
            **changes,
        }
        self.write(f"models/{name}/version-{number}/meta.yaml", yaml(values))
        if not (self.root / f"models/{name}/meta.yaml").exists():
            meta = {"creation_timestamp": START_MS, "last_updated_timestamp": START_MS, "name": name}
            self.write(f"models/{name}/meta.yaml", yaml(meta))

    def grow_old(self) -> None:
        """Give everything an old modification time, as if made long ago."""
        for folder, folders, files in os.walk(self.root.parent, topdown=False):
            for name in (*files, *folders):
                os.utime(os.path.join(folder, name), (OLD_S, OLD_S), follow_symlinks=False)


SCHEMA = """
CREATE TABLE alembic_version (version_num VARCHAR(32));
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT,
    lifecycle_stage TEXT, creation_time BIGINT, last_update_time BIGINT);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT,
    end_time BIGINT, deleted_time BIGINT, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE tags ("key" TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY ("key", run_uuid));
CREATE TABLE params ("key" TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY ("key", run_uuid));
CREATE TABLE metrics ("key" TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
CREATE TABLE experiment_tags ("key" TEXT, value TEXT, experiment_id INTEGER);
CREATE TABLE trace_info (request_id TEXT PRIMARY KEY, experiment_id INTEGER);
CREATE TABLE trace_tags ("key" TEXT, value TEXT, request_id TEXT, PRIMARY KEY ("key", request_id));
CREATE TABLE logged_models (model_id TEXT PRIMARY KEY, experiment_id INTEGER, name TEXT,
    artifact_location TEXT, lifecycle_stage TEXT, source_run_id TEXT);
CREATE TABLE registered_models (name TEXT PRIMARY KEY);
CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER);
CREATE TABLE model_versions (name TEXT, version INTEGER, current_stage TEXT, source TEXT, run_id TEXT,
    storage_location TEXT);
"""


class Database:
    """An MLflow database with the tables and columns that matter here."""

    def __init__(self, path: Path, root: str, schema: str = SCHEMA) -> None:
        self.path = path
        self.root = root
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript(schema)

    def insert(self, table: str, **values: Any) -> None:
        columns = ", ".join(f'"{key}"' for key in values)
        marks = ", ".join("?" * len(values))
        self.connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))

    def experiment(self, number: int, **changes: Any) -> None:
        values = {
            "experiment_id": number,
            "name": f"sql {number}",
            "artifact_location": f"{self.root}/{number}",
            "lifecycle_stage": "active",
            "creation_time": START_MS,
            "last_update_time": START_MS,
            **changes,
        }
        self.insert("experiments", **values)

    def run(self, experiment: int, number: int, **changes: Any) -> str:
        identifier = run_id(number)
        values = {
            "run_uuid": identifier,
            "name": f"sql run {number}",
            "user_id": "bob",
            "status": "FINISHED",
            "start_time": START_MS,
            "end_time": START_MS + 1000,
            "lifecycle_stage": "active",
            "artifact_uri": f"{self.root}/{experiment}/{identifier}/artifacts",
            "experiment_id": experiment,
            **changes,
        }
        self.insert("runs", **values)
        return identifier

    def close(self) -> None:
        self.connection.close()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory holds no database that could be found."""
    folder = tmp_path / "somewhere else"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def store(tmp_path: Path) -> Builder:
    """An empty store in a project directory of its own."""
    return Builder(tmp_path / "project" / "mlruns")


@pytest.fixture
def database(store: Builder) -> Iterator[Database]:
    """A database beside the store, whose artifacts go into it."""
    made = Database(store.root.parent / "mlflow.db", str(store.root))
    yield made
    made.close()


Read = Callable[..., Snapshot]


@pytest.fixture
def read() -> Read:
    """Open a store and read it to the end."""

    def read_it(target: object, database: str | None = None, stop: Stop = never) -> Snapshot:
        given = str(target.root) if isinstance(target, Builder) else str(target)
        snapshots = list(open_store(given, database).scan(None, stop))
        return snapshots[-1]

    return read_it


@pytest.fixture
def experiment() -> Callable[[Snapshot, str], Experiment]:
    """The experiment with a key, which must be there."""

    def find(snapshot: Snapshot, key: str) -> Experiment:
        found = snapshot.experiment(key if "/" in key else f"experiment/{key}")
        assert found is not None, [one.key for one in snapshot.experiments]
        return found

    return find


@pytest.fixture
def run() -> Callable[[Snapshot, int | str], Run]:
    """The run with a number (or id), which must be there once."""

    def find(snapshot: Snapshot, number: int | str) -> Run:
        identifier = run_id(number) if isinstance(number, int) else number
        found = [one for one in snapshot.all_runs() if one.run_id == identifier]
        assert len(found) == 1, [one.key for one in snapshot.all_runs()]
        return found[0]

    return find


@pytest.fixture
def run_ids() -> Callable[[int], str]:
    return run_id


@pytest.fixture
def make_database() -> Callable[..., Database]:
    return Database


@pytest.fixture
def make_store() -> Callable[[Path], Builder]:
    return Builder


@contextmanager
def _as_somebody() -> Iterator[None]:
    """Without the rights of root, for whom every door is open."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def as_somebody() -> Callable[[], Any]:
    return _as_somebody


@pytest.fixture
def open_project() -> Iterator[Path]:
    """A directory every user may enter (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="scanner-"))
    folder.chmod(0o755)
    yield folder
    for path, folders, _ in os.walk(folder):
        for name in folders:
            os.chmod(os.path.join(path, name), 0o755)
    shutil.rmtree(folder)


@pytest.fixture
def now_s() -> float:
    return time.time()
