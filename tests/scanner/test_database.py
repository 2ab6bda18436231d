"""MLflow's own database: read without a trace, and every directory it may own is left alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlruns_tui.model.protocols import never
from mlruns_tui.scanner import database, sqlite
from mlruns_tui.scanner.pulse import Halted, Pulse


def strays(snapshot):
    return {one.path: one.kind for one in snapshot.strays}


def test_experiments_and_runs_come_from_the_tables(store, database, read, experiment, run, run_ids):
    database.experiment(0, name="Default")
    database.experiment(1, name="main")
    database.experiment(2, name="gone", lifecycle_stage="deleted")
    database.run(1, 1, status="RUNNING", end_time=None)
    database.run(1, 2, lifecycle_stage="deleted", deleted_time=1_700_000_000_000)
    database.run(2, 3, status="FAILED")
    database.insert("tags", key="mlflow.parentRunId", value=run_ids(1), run_uuid=run_ids(2))
    database.insert("tags", key="keep", value="yes", run_uuid=run_ids(2))
    database.insert("experiment_tags", key="keep", value="", experiment_id=2)
    store.write(f"1/{run_ids(1)}/artifacts/weights.bin", b"x" * 50)
    store.grow_old()
    snapshot = read(store)
    assert (snapshot.store.kind, snapshot.store.database) == ("database", str(database.path))
    shown = [(one.key, one.name, one.record, one.state, one.path, one.runs) for one in snapshot.experiments]
    assert shown == [
        ("experiment/0", "Default", "database", "ok", "", 0),
        ("experiment/1", "main", "database", "ok", "1", 2),
        ("experiment/2", "gone", "database", "ok", "", 1),
    ]
    assert experiment(snapshot, "2").lifecycle_stage == "deleted"
    assert experiment(snapshot, "2").keep == "keep="
    assert experiment(snapshot, "1").size.size_bytes == 50
    one, two, three = (run(snapshot, number) for number in (1, 2, 3))
    assert (one.status, one.path, one.size.size_bytes, one.record) == ("RUNNING", f"1/{run_ids(1)}", 50, "database")
    assert (two.lifecycle_stage, two.deleted_time, two.parent, two.keep) == (
        "deleted", 1_700_000_000_000, run_ids(1), "keep=yes",
    )  # fmt: skip
    assert (three.path, three.size.files, three.user_id, three.name) == ("", 0, "bob", "sql run 3")
    assert snapshot.progress.runs_sized == snapshot.progress.runs_read == 3
    assert strays(snapshot) == {}


def test_a_row_claims_its_directory_by_id_wherever_its_uris_point(store, database, read, experiment, run_ids):
    database.experiment(1, artifact_location="mlflow-artifacts:/1")
    database.run(1, 1, artifact_uri=f"mlflow-artifacts:/1/{run_ids(1)}/artifacts")
    store.write(f"1/{run_ids(1)}/artifacts/weights.bin", "x")
    store.grow_old()
    snapshot = read(store)
    assert snapshot.store.kind == "database"
    assert (experiment(snapshot, "1").record, experiment(snapshot, "1").runs) == ("database", 1)


@pytest.mark.parametrize("what", ["run", "model", "trace", "trace place", "uri"])
def test_a_directory_under_any_name_is_claimed_by_what_it_holds(store, database, read, run_ids, what):
    database.experiment(1, artifact_location="s3://bucket/1")
    elsewhere = {"artifact_uri": "s3://bucket/1/x/artifacts"}
    database.run(1, 1, **(elsewhere if what != "uri" else {"artifact_uri": f"{store.root}/777/deep/artifacts"}))
    if what == "run":
        store.write(f"777/{run_ids(1)}/artifacts/weights.bin", "x")
    elif what == "model":
        database.insert("logged_models", model_id="m-1", experiment_id=1, name="m", artifact_location="s3://b/m")
        store.write("777/models/m-1/artifacts/MLmodel", "x")
    elif what == "trace":
        database.insert("trace_info", request_id="tr-1", experiment_id=1)
        store.write("777/traces/tr-1/artifacts/traces.json", "x")
    elif what == "trace place":
        value = f"{store.root}/777/traces/tr-1/artifacts"
        database.insert("trace_tags", key="mlflow.artifactLocation", value=value, request_id="tr-1")
        store.write("777/traces/tr-9/artifacts/traces.json", "x")
    else:
        store.write("777/deep/artifacts/weights.bin", "x")
    store.grow_old()
    assert strays(read(store)) == {"777": "claimed"}


def test_a_custom_location_in_the_store_is_claimed_by_its_experiment(store, database, read):
    database.experiment(1)
    database.experiment(2, artifact_location=f"file://{store.root}/777")
    store.write("777/x/artifacts/weights.bin", "x")
    store.grow_old()
    snapshot = read(store)
    assert strays(snapshot) == {"777": "claimed"}
    assert "experiment sql 2 of mlflow.db keeps files here" in snapshot.strays[0].reason


def test_a_moved_projects_database_still_owns_its_root(store, make_database, read, run_ids, experiment):
    database = make_database(store.root.parent / "mlflow.db", "/data/original/mlruns")
    database.experiment(1)
    database.run(1, 1)
    database.experiment(2, artifact_location="/data/original/mlruns/777")
    database.close()
    store.write(f"1/{run_ids(1)}/artifacts/weights.bin", "x")
    store.write("777/x/artifacts/weights.bin", "x")
    store.grow_old()
    snapshot = read(store)
    assert snapshot.store.kind == "database"
    assert experiment(snapshot, "1").path == "1"
    assert strays(snapshot) == {"777": "claimed"}


def test_what_no_row_names_is_left_behind_and_not_offered(store, database, read, experiment, run, run_ids):
    database.experiment(1)
    database.run(1, 1)
    store.write(f"1/{run_ids(1)}/artifacts/a", "x")
    store.write(f"1/{run_ids(2)}/artifacts/a", "x")
    store.folder(f"1/{run_ids(3)}")
    store.write(f"9/{run_ids(4)}/artifacts/a", "x")
    store.folder(f"8/{run_ids(5)}")
    store.grow_old()
    snapshot = read(store)
    reason = "left behind: no row of mlflow.db names it"
    assert (run(snapshot, 2).state, run(snapshot, 2).reason) == ("unclaimed", reason)
    assert run(snapshot, 3).state == "malformed"
    assert (experiment(snapshot, "9").state, experiment(snapshot, "9").reason) == ("unclaimed", reason)
    assert experiment(snapshot, "8").state == "orphaned"


def test_a_migrated_store_belongs_to_both_and_loses_nothing(store, database, read, experiment, run, run_ids):
    number = 123456789012345678
    store.experiment(str(number))
    store.run(str(number), 1)
    database.experiment(number)
    database.run(number, 1)
    database.run(number, 2)
    store.write(f"{number}/{run_ids(2)}/artifacts/since", "x")
    store.grow_old()
    snapshot = read(store)
    assert snapshot.store.kind == "mixed"
    assert len(snapshot.experiments) == 1
    assert (experiment(snapshot, str(number)).record, experiment(snapshot, str(number)).runs) == ("file", 2)
    assert [run(snapshot, one).record for one in (1, 2)] == ["file", "database"]
    claims = {one.target for one in snapshot.references if one.kind == "claim"}
    assert claims == {str(number), f"{number}/{run_ids(1)}"}
    assert {one.by_path for one in snapshot.references} == {str(database.path)}


def test_a_moved_migrated_store_keeps_its_runs_by_their_ids(store, make_database, read, run_ids):
    database = make_database(store.root.parent / "mlflow.db", "/data/original/mlruns")
    database.experiment(5)
    database.run(5, 1)
    database.close()
    store.experiment("5", artifact_location="/data/original/mlruns/5")
    store.run("5", 1, artifact_uri=f"/data/original/mlruns/5/{run_ids(1)}/artifacts")
    store.grow_old()
    claims = [one.target for one in read(store).references if one.kind == "claim"]
    assert claims == [f"5/{run_ids(1)}"]


def test_a_database_of_another_store_keeps_no_file_experiment(store, make_database, read, experiment):
    database = make_database(store.root.parent / "mlflow.db", "/srv/elsewhere")
    for number in (0, 1):
        database.experiment(number)
    database.close()
    for identifier in ("0", "1"):
        store.experiment(identifier)
        store.run(identifier, int(identifier))
    store.run("2", 2)
    store.grow_old()
    snapshot = read(store)
    assert (snapshot.store.kind, snapshot.store.database) == ("file", "")
    assert snapshot.references == ()
    assert experiment(snapshot, "2").state == "orphaned"


def test_sixteen_file_experiments_and_sql_ones_live_side_by_side(store, database, read, experiment, run_ids):
    store.experiment("123456789012345678")
    store.run("123456789012345678", 1)
    database.experiment(1)
    database.run(1, 2)
    store.write(f"1/{run_ids(2)}/artifacts/a", "x")
    store.run("7", 3)
    store.grow_old()
    snapshot = read(store)
    assert snapshot.store.kind == "mixed"
    assert {one.key: (one.record, one.state) for one in snapshot.experiments} == {
        "experiment/1": ("database", "ok"),
        "experiment/7": ("file", "orphaned"),
        "experiment/123456789012345678": ("file", "ok"),
    }


def test_references_come_from_the_tables_too(store, database, read, run_ids):
    database.experiment(1)
    for number in (1, 2, 3):
        database.run(1, number)
    place = f"{store.root}/1/models/m-1/artifacts"
    database.insert(
        "logged_models", model_id="m-1", experiment_id=1, name="net", artifact_location=place, source_run_id=run_ids(1)
    )
    database.insert(
        "logged_models",
        model_id="m-2",
        experiment_id=1,
        name="old",
        source_run_id=run_ids(2),
        lifecycle_stage="deleted",
    )
    database.insert("registered_models", name="scorer")
    database.insert("registered_model_aliases", name="scorer", alias="champion", version=1)
    rows = [(1, "None", "models:/m-1", run_ids(1), place), (2, "Deleted_Internal", "x", run_ids(3), place)]
    for version, stage, source, run, storage in rows:
        database.insert(
            "model_versions", name="scorer", version=version, current_stage=stage, source=source, run_id=run,
            storage_location=storage,
        )  # fmt: skip
    store.write("1/models/m-1/artifacts/MLmodel", "x")
    store.grow_old()
    snapshot = read(store)
    found = {(one.kind, one.target_kind, one.target, one.by, one.destroys) for one in snapshot.references}
    assert found == {
        ("logged-model", "run", run_ids(1), "logged model net", False),
        ("model-version", "run", run_ids(1), "version 1 of scorer (alias champion)", False),
        ("model-version", "logged-model", "m-1", "version 1 of scorer (alias champion)", True),
        ("model-version", "experiment", "1", "version 1 of scorer (alias champion)", True),
    }
    assert {one.by_path for one in snapshot.references} == {str(database.path)}
    assert [(one.name, one.versions, one.aliases) for one in snapshot.models] == [("scorer", 2, (("champion", "1"),))]


def test_a_database_of_an_old_version_lacks_columns_and_tables(store, make_database, read, run, run_ids):
    schema = """
    CREATE TABLE alembic_version (v); CREATE TABLE experiments (experiment_id INTEGER, name, artifact_location,
    lifecycle_stage); CREATE TABLE runs (run_uuid, name, status, start_time, end_time, lifecycle_stage,
    artifact_uri, experiment_id, user_id); CREATE TABLE tags ("key", value, run_uuid);
    """
    database = make_database(store.root.parent / "mlflow.db", str(store.root), schema)
    place = f"{store.root}/1"
    database.insert("experiments", experiment_id=1, name="old", artifact_location=place, lifecycle_stage="active")
    uri = f"{place}/{run_ids(1)}/artifacts"
    database.insert("runs", run_uuid=run_ids(1), name="", status="FINISHED", experiment_id=1, artifact_uri=uri)
    database.insert("tags", key="mlflow.runName", value="by tag", run_uuid=run_ids(1))
    database.close()
    assert (run(read(store), 1).name, run(read(store), 1).status) == ("by tag", "FINISHED")


# --- where a database may stand ---------------------------------------------------------------------


@pytest.mark.parametrize("place", ["beside", "inside", "here", "environment", "given", "another name"])
def test_the_database_is_found(store, make_database, read, tmp_path, monkeypatch, place):
    paths = {
        "beside": store.root.parent / "mlflow.db",
        "inside": store.root / "mlruns.db",
        "here": Path.cwd() / "tracking.sqlite",
        "environment": tmp_path / "far" / "away.db",
        "given": tmp_path / "far" / "away.db",
        "another name": store.root.parent / "a.sqlite3",
    }
    paths[place].parent.mkdir(exist_ok=True)
    database = make_database(paths[place], str(store.root))
    database.experiment(1)
    database.close()
    if place == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{paths[place]}")
    snapshot = read(store, f"sqlite:///{paths[place]}" if place == "given" else None)
    assert snapshot.store.database == str(paths[place])
    assert [one.name for one in snapshot.experiments] == ["sql 1"]


def test_a_server_named_by_the_environment_is_not_asked(store, read, monkeypatch):
    store.experiment("1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:1")
    assert read(store).messages == ()


def test_a_database_that_cannot_be_read_yet_makes_everything_without_metadata_stay(store, read, experiment, run_ids):
    store.experiment("1")
    store.run("1", 1)
    store.folder(f"1/{run_ids(2)}")
    store.run("7", 3)
    store.folder("8")
    store.grow_old()
    snapshot = read(store, "postgresql://user:secret@gpu01/mlflow")
    assert [experiment(snapshot, one).state for one in ("1", "7", "8")] == ["ok", "unclaimed", "unclaimed"]
    assert snapshot.store.database == "postgresql://user:…@gpu01/mlflow"
    assert snapshot.messages[0].startswith("postgresql://user:…@gpu01/mlflow cannot be read yet")
    assert "secret" not in str(snapshot)
    assert snapshot.store.kind == "mixed"


@pytest.mark.parametrize("damage", ["corrupt", "cut", "text", "empty", "half made", "locked"])
def test_a_database_beside_the_store_that_cannot_be_read_makes_orphans_stay(
    store, make_database, read, experiment, damage, monkeypatch
):
    monkeypatch.setattr(sqlite, "WAIT_S", 0.2)
    path = store.root.parent / "mlflow.db"
    database = make_database(path, str(store.root))
    database.experiment(1)
    if damage == "locked":
        database.connection.execute("BEGIN EXCLUSIVE")
    else:
        database.close()
    data = path.read_bytes()
    if damage == "corrupt":
        path.write_bytes(data[:100] + b"\xff" * 4000 + data[4100:])
    elif damage == "cut":
        path.write_bytes(data[:5000])
    elif damage == "text":
        path.write_text("not a database")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "half made":
        path.unlink()
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE alembic_version (x)")
        connection.close()
    store.experiment("1")
    store.run("7", 1)
    store.grow_old()
    snapshot = read(store)
    assert experiment(snapshot, "7").state == "unclaimed"
    assert len(snapshot.messages) == 1
    assert snapshot.messages[0].startswith(f"{path} ")
    assert snapshot.complete
    if damage == "locked":
        database.connection.execute("ROLLBACK")
    database.close()


def test_foreign_databases_beside_a_store_mean_nothing(store, read, experiment):
    store.run("7", 1)
    connection = sqlite3.connect(store.root.parent / "songs.db")
    connection.execute("CREATE TABLE songs (x)")
    connection.close()
    (store.root.parent / "thumbs.db").write_text("no database at all")
    store.grow_old()
    snapshot = read(store)
    assert (experiment(snapshot, "7").state, snapshot.messages) == ("orphaned", ())


def test_a_foreign_database_in_use_holds_nothing_up(store, read, experiment):
    store.run("7", 1)
    songs = sqlite3.connect(store.root.parent / "songs.db", isolation_level=None)
    songs.execute("CREATE TABLE songs (x)")
    songs.execute("BEGIN EXCLUSIVE")
    store.grow_old()
    began = time.monotonic()
    assert experiment(read(store), "7").state == "orphaned"
    assert time.monotonic() - began < 1
    songs.close()


def test_names_that_are_no_text_are_no_ids(store, database, read, run_ids):
    database.experiment(1)
    store.write("1/a", "x")
    name = os.fsdecode(b"tr-\xff")
    store.write(f"777/traces/{name}/artifacts/traces.json", "x")
    store.write(f"778/{name}/artifacts/x", "x")
    store.write(f"777/models/{name}/artifacts/x", "x")
    store.grow_old()
    assert read(store).complete


def test_a_second_database_claims_what_the_first_does_not(store, database, make_database, read):
    database.experiment(1)
    other = make_database(store.root.parent / "other.db", str(store.root))
    other.experiment(9, artifact_location=f"{store.root}/777")
    other.close()
    store.write("777/x/artifacts/a", "x")
    store.grow_old()
    assert strays(read(store)) == {"777": "claimed"}


# --- reading without a trace ------------------------------------------------------------------------


def journal_modes(path: Path, mode: str) -> sqlite3.Connection | None:
    """Bring a database into one of the states a reader may meet; a writer that must stay open, if any."""
    connection = sqlite3.connect(path, isolation_level=None)
    if mode == "rollback":
        connection.close()
        return None
    assert connection.execute("PRAGMA journal_mode = wal").fetchone() == ("wal",)
    connection.execute("INSERT INTO experiments (experiment_id, name) VALUES (99, 'in the log')")
    if mode == "wal, closed":
        connection.close()
        assert not os.path.exists(f"{path}-wal")
        return None
    if mode == "wal, open":
        return connection
    # As a crash or a plain copy leaves it: the log without its index.
    copied = {name: (path.parent / name).read_bytes() for name in (path.name, f"{path.name}-wal")}
    connection.close()
    for name, data in copied.items():
        (path.parent / name).write_bytes(data)
    return None


needs_logs = pytest.mark.skipif(not sqlite.READS_LOGS, reason="needs Python 3.11")
MODES = [
    "rollback",
    "wal, closed",
    pytest.param("wal, open", marks=needs_logs),
    pytest.param("wal, left behind", marks=needs_logs),
]


@pytest.mark.parametrize("mode", MODES)
def test_reading_leaves_no_trace_beside_the_database(store, make_database, read, mode, strace, tmp_path):
    path = store.root.parent / "mlflow.db"
    database = make_database(path, str(store.root))
    database.experiment(1)
    database.run(1, 1)
    database.close()
    store.experiment("5")
    store.run("5", 5)
    store.folder("6")
    writer = journal_modes(path, mode)
    store.grow_old()
    project = store.root.parent

    def state():
        found = {}
        for folder, folders, files in os.walk(project):
            for name in (*files, *folders, "."):
                status = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (
                    status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns,
                )  # fmt: skip
        return found

    before = state()
    script = (
        "import sys; from mlruns_tui.scanner.store import open_store\n"
        "reader = open_store(sys.argv[1]); *_, last = reader.scan()\n"
        "reader.inspect([one.key for one in (*last.experiments, *last.all_runs())])\n"
        "[reader.details(run.key) for run in last.all_runs()]\n"
        "print(*(one.name for one in last.experiments), sep='|')\n"
    )
    trace = tmp_path / "trace"
    command = [strace, "-f", "-qq", "-y", "-s", "300", "-o", str(trace), sys.executable, "-c", script, str(store.root)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    names = done.stdout.strip().split("|")
    assert ("in the log" in names) is (mode != "rollback")
    assert {"sql 1", "experiment 5"} <= set(names)
    assert state() == before
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text(errors="replace").splitlines()]
    calls = [call for call in calls if str(project) in call]
    assert any(call.startswith("openat") and "meta.yaml" in call for call in calls)
    writing = ("rename", "unlink", "rmdir", "mkdir", "link", "symlink", "chmod", "fchmod", "chown", "fchown", "utime",
               "futime", "truncate", "ftruncate", "write", "pwrite", "creat", "setxattr", "fallocate", "fsync", "mknod")  # fmt: skip
    bad = [call for call in calls if call.startswith(writing)]
    bad += [
        call
        for call in calls
        if call.startswith("open") and any(flag in call for flag in ("O_WRONLY", "O_RDWR", "O_CREAT"))
    ]
    assert bad == []
    if writer is not None:
        writer.close()


@pytest.mark.parametrize("mode", MODES)
def test_committed_rows_are_seen_and_others_are_not(store, make_database, mode):
    path = store.root.parent / "mlflow.db"
    database = make_database(path, str(store.root))
    for number in range(3000):
        database.insert("experiments", experiment_id=number + 1000, name=f"row {number}" * 20)
    database.close()
    writer = journal_modes(path, mode)
    if writer is not None:
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        writer.execute("DELETE FROM experiments WHERE experiment_id = 1000")
        writer.execute("BEGIN")
        writer.execute("DELETE FROM experiments")
    with sqlite.opened(str(path), Pulse(never)) as reading:
        rows = list(reading.table("experiments", ["experiment_id", "name", "not a column"]))
        assert reading.rows("PRAGMA integrity_check") == [("ok",)]
    assert len(rows) == {"rollback": 3000, "wal, open": 3000}.get(mode, 3001)
    assert rows[-1][2] is None
    if writer is not None:
        writer.execute("ROLLBACK")
        writer.close()


def test_a_python_that_cannot_read_a_log_says_so_and_calls_nothing_orphaned(
    store, make_database, read, experiment, monkeypatch
):
    path = store.root.parent / "mlflow.db"
    make_database(path, str(store.root)).close()
    store.folder("6")
    writer = journal_modes(path, "wal, open")
    monkeypatch.setattr(sqlite, "READS_LOGS", False)
    snapshot = read(store)
    assert any("needs Python 3.11" in line for line in snapshot.messages)
    assert experiment(snapshot, "6").state == "unclaimed"
    if writer is not None:
        writer.close()


@needs_logs
def test_a_log_torn_in_the_middle_of_a_commit_counts_up_to_the_one_before(store, make_database):
    path = store.root.parent / "mlflow.db"
    make_database(path, str(store.root)).close()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = wal")
    ends = []
    for number in range(5):
        writer.execute("INSERT INTO experiments (experiment_id, name) VALUES (?, ?)", (number, "x" * 9000))
        ends.append(os.path.getsize(f"{path}-wal"))
    copy = path.parent / "copy.db"
    log = Path(f"{path}-wal").read_bytes()
    torn = bytearray(log)
    torn[ends[3] - 100] ^= 0xFF
    for content, expected in ((log, 5), (log[: ends[3] - 10], 3), (bytes(torn), 3), (b"", 0), (log[:40], 0)):
        shutil.copy(path, copy)
        Path(f"{copy}-wal").write_bytes(content)
        with sqlite.opened(str(copy), Pulse(never)) as reading:
            assert reading.rows("SELECT count(*) FROM experiments") == [(expected,)]
    writer.close()


def test_a_writer_in_the_middle_never_shows_half_a_commit(store, make_database):
    """Two rows are always written together; a reader sees both or neither, in either journal mode."""
    path = store.root.parent / "mlflow.db"
    make_database(path, str(store.root)).close()
    done = threading.Event()

    def write() -> None:
        writer = sqlite3.connect(path, isolation_level=None, timeout=20)
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("PRAGMA wal_autocheckpoint = 5")
        for number in range(0, 4000, 2):
            if done.is_set():
                break
            writer.execute("BEGIN")
            for one in (number, number + 1):
                writer.execute("INSERT INTO experiments (experiment_id, name) VALUES (?, ?)", (one, "x" * 3000))
            writer.execute("COMMIT")
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    seen = set()
    try:
        while thread.is_alive() and len(seen) < 40:
            try:
                with sqlite.opened(str(path), Pulse(never)) as reading:
                    ((number,),) = reading.rows("SELECT count(*) FROM experiments")
                    ((sound,),) = reading.rows("PRAGMA integrity_check")
            except sqlite.Unreadable:
                continue
            assert number % 2 == 0
            assert sound == "ok"
            seen.add(number)
    finally:
        done.set()
        thread.join()
    assert len(seen) > 1


@needs_logs
def test_a_database_that_is_opened_by_a_writer_while_it_is_read_is_read_again(store, make_database):
    path = store.root.parent / "mlflow.db"
    make_database(path, str(store.root)).close()
    journal_modes(path, "wal, closed")
    writers = []

    def ask(reading):
        if not writers:
            writers.append(sqlite3.connect(path, isolation_level=None))
            writers[0].execute("INSERT INTO experiments (experiment_id) VALUES (100)")
        return reading.rows("SELECT experiment_id FROM experiments ORDER BY 1")

    assert database._patiently(str(path), Pulse(never), ask) == [(99,), (100,)]
    writers[0].close()


def test_a_locked_database_is_waited_for_but_not_forever(store, database, monkeypatch):
    monkeypatch.setattr(sqlite, "WAIT_S", 0.3)
    database.connection.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with (
        sqlite.opened(str(database.path), Pulse(never)) as reading,
        pytest.raises(sqlite.Unreadable, match="database is locked"),
    ):
        reading.rows("SELECT 1 FROM runs")
    assert 0.3 <= time.monotonic() - began < 3
    database.connection.execute("ROLLBACK")
    with sqlite.opened(str(database.path), Pulse(never)) as reading:
        assert reading.rows("SELECT count(*) FROM runs") == [(0,)]


def test_waiting_for_a_lock_can_be_stopped(database):
    database.connection.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with (
        sqlite.opened(str(database.path), Pulse(lambda: time.monotonic() > began + 0.1)) as reading,
        pytest.raises(Halted),
    ):
        reading.rows("SELECT 1 FROM runs")
    assert time.monotonic() - began < 0.3
    database.connection.execute("ROLLBACK")


def test_a_long_statement_can_be_stopped(database):
    began = time.monotonic()
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with (
        sqlite.opened(str(database.path), Pulse(lambda: time.monotonic() > began + 0.1)) as reading,
        pytest.raises(Halted),
    ):
        reading.rows(endless)
    assert time.monotonic() - began < 0.3


def test_a_journal_a_crash_left_behind_is_not_rolled_back_by_us(store, make_database, read, experiment):
    path = store.root.parent / "mlflow.db"
    make_database(path, str(store.root)).close()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    for number in range(200):
        writer.execute("INSERT INTO experiments (experiment_id, name) VALUES (?, ?)", (number, "x" * 5000))
    crashed = store.root.parent.parent / "crashed"
    crashed.mkdir()
    for name in ("mlflow.db", "mlflow.db-journal"):
        shutil.copy(path.parent / name, crashed / name)
    writer.execute("ROLLBACK")
    writer.close()
    os.rename(store.root, crashed / "mlruns")
    (crashed / "mlruns" / "7").mkdir()
    os.utime(crashed / "mlruns" / "7", (1, 1))
    before = {name: (crashed / name).read_bytes() for name in ("mlflow.db", "mlflow.db-journal")}
    snapshot = read(crashed / "mlruns")
    assert experiment(snapshot, "7").state == "unclaimed"
    assert len(snapshot.messages) == 1
    assert {name: (crashed / name).read_bytes() for name in before} == before
