"""Which store somebody means, and a sentence for everything that is none. Nothing is ever created."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from mlruns_tui.model.errors import Exit, StaleError, UsageError
from mlruns_tui.scanner.store import open_store


def everything(folder: Path):
    return sorted(str(path) for path in folder.rglob("*"))


def refused(target, code, message, hint="", database=None):
    with pytest.raises(UsageError) as raised:
        open_store(target, database)
    assert (raised.value.code, raised.value.message, raised.value.hint) == (code, message, hint)
    assert raised.value.exit_code == Exit.USAGE


NOT_A_STORE = "is not an MLflow store: no experiment in it (looked for meta.yaml, mlflow.db and run directories)"


def test_a_store_is_opened_by_its_directory(store):
    store.experiment("1")
    info = open_store(str(store.root)).store
    status = os.stat(store.root)
    assert (info.given, info.root, info.kind, info.database) == (str(store.root), str(store.root), "file", "")
    assert (info.identity.device, info.identity.inode) == (status.st_dev, status.st_ino)
    assert info.file_system
    assert info.network is False


@pytest.mark.parametrize("written", ["{}", "{}/", "file://{}", "file:{}", "file://localhost{}"])
def test_however_the_directory_is_written(store, written):
    store.experiment("1")
    assert open_store(written.format(store.root)).store.root == str(store.root)


def test_a_project_directory_holds_a_store(store, monkeypatch):
    store.experiment("1")
    assert open_store(str(store.root.parent)).store.root == str(store.root)
    monkeypatch.chdir(store.root.parent)
    info = open_store(None).store
    assert (info.given, info.root) == ("./mlruns", str(store.root))
    assert open_store(".").store.root == str(store.root)
    assert open_store("mlruns").store.root == str(store.root)


def test_without_argument_mlruns_comes_before_the_database_and_that_before_mlartifacts(store, database, monkeypatch):
    project = store.root.parent
    monkeypatch.chdir(project)
    store.experiment("1")
    (project / "mlartifacts").mkdir()
    assert open_store(None).store.given == "./mlruns"
    os.rename(store.root, project / "moved")
    info = open_store(None).store
    assert (info.given, info.root) == ("./mlflow.db", str(project / "mlartifacts"))
    assert info.database == str(project / "mlflow.db")
    database.close()
    os.unlink(project / "mlflow.db")
    assert open_store(None).store.given == "./mlartifacts"
    (project / "mlartifacts").rmdir()
    refused(
        None, "no-such-store", "no store here (looked for ./mlruns, ./mlflow.db and ./mlartifacts)",
        "name one: mlruns-tui PATH",
    )  # fmt: skip


@pytest.mark.parametrize("written", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///{}?timeout=5"])
def test_a_database_is_opened_with_the_artifacts_beside_it(store, database, written):
    database.experiment(1)
    info = open_store(written.format(database.path)).store
    assert (info.root, info.database, info.kind) == (str(store.root), str(database.path), "database")


def test_a_relative_database_uri_is_relative_to_here(store, database, monkeypatch):
    monkeypatch.chdir(store.root.parent)
    assert open_store("sqlite:///mlflow.db").store.root == str(store.root)


def test_of_two_roots_beside_a_database_the_one_it_owns_is_taken(store, make_database, make_store):
    project = store.root.parent
    served = make_store(project / "mlartifacts")
    served.folder("1/artifacts-of-something")
    database = make_database(project / "mlflow.db", "mlflow-artifacts:")
    database.experiment(1, artifact_location="mlflow-artifacts:/1")
    database.close()
    assert open_store(str(project / "mlflow.db")).store.root == str(served.root)


def test_a_database_never_sends_us_to_a_directory_its_rows_name(tmp_path, make_database, read):
    (tmp_path / "home").mkdir()
    database = make_database(tmp_path / "mlflow.db", str(tmp_path / "home"))
    database.experiment(1)
    database.run(1, 1)
    database.close()
    snapshot = read(tmp_path / "mlflow.db")
    assert snapshot.store.root == str(tmp_path / "mlruns")
    assert [one.name for one in snapshot.experiments] == ["sql 1"]
    assert [one.size.files for one in snapshot.all_runs()] == [0]
    assert snapshot.complete
    assert not (tmp_path / "mlruns").exists()


def test_a_database_inside_its_own_root(store, make_database, read):
    database = make_database(store.root / "mlflow.db", str(store.root))
    database.experiment(1)
    database.close()
    assert open_store(str(store.root / "mlflow.db")).store.root == str(store.root)
    snapshot = read(store)
    assert (snapshot.store.database, snapshot.total.files) == (str(store.root / "mlflow.db"), 1)


def test_a_root_that_is_a_link_is_resolved_once_and_pinned(store, tmp_path):
    store.experiment("1")
    (tmp_path / "link").symlink_to(store.root)
    reader = open_store(str(tmp_path / "link"))
    assert (reader.store.given, reader.store.root) == (str(tmp_path / "link"), str(store.root))
    (tmp_path / "link").unlink()
    assert list(reader.scan())[-1].complete


def test_another_directory_in_the_place_of_the_root_is_not_read(store):
    store.experiment("1")
    reader = open_store(str(store.root))
    os.rename(store.root, store.root.parent / "was")
    with pytest.raises(StaleError) as raised:
        list(reader.scan())
    assert raised.value.code == "store-gone"
    store.folder("1")
    with pytest.raises(StaleError) as raised:
        list(reader.scan())
    assert raised.value.code == "store-replaced"
    assert raised.value.exit_code == Exit.STALE


def test_a_wrong_name_is_said_with_the_right_one_beside_it(store, monkeypatch):
    monkeypatch.chdir(store.root.parent)
    refused("./mlrun", "no-such-store", "./mlrun: no such directory", "did you mean ./mlruns?")
    refused("mlrunss/", "no-such-store", "mlrunss/: no such directory", "did you mean mlruns?")
    refused("zzz", "no-such-store", "zzz: no such directory")
    refused("no/where/mlruns", "no-such-store", "no/where/mlruns: no such directory")
    refused("", "no-such-store", "an empty path names no store")
    refused("sqlite:///gone.db", "no-such-store", "sqlite:///gone.db: no such database")
    refused("a\0b", "unreadable-store", "a\\x00b cannot be read: not a path")
    refused("mlruns", "no-such-store", "other.db: no such database", database="other.db")
    assert everything(store.root.parent) == [str(store.root)]


def test_a_file_is_no_store(tmp_path):
    for name, content in (("x.txt", b"x"), ("empty", b""), ("y.db", b"SQLite format 3"), ("mlruns", b"")):
        (tmp_path / name).write_bytes(content)
        refused(str(tmp_path / name), "not-a-store", f"{tmp_path}/{name} is a file, not a store")
    refused(f"{tmp_path}/x.txt/y", "no-such-store", f"{tmp_path}/x.txt/y: no such directory")
    (tmp_path / "file.db").write_text("no database")
    refused(f"sqlite:///{tmp_path}/file.db", "not-a-store", f"sqlite:///{tmp_path}/file.db is not an SQLite database")


def test_what_is_no_store_is_refused_and_nothing_is_created(tmp_path, monkeypatch):
    empty, repository, photos, recipes = (tmp_path / name for name in ("empty", "repository", "photos", "recipes"))
    for folder in (empty, repository / ".git", repository / "src", photos / "2024", photos / "summer", recipes / "r"):
        folder.mkdir(parents=True)
    (recipes / "r" / "meta.yaml").write_text("package:\n  name: conda\n")
    (photos / "2024" / "x.jpg").write_text("x")
    before = everything(tmp_path)
    for folder in (empty, repository, photos, recipes):
        refused(str(folder), "not-a-store", f"{folder} {NOT_A_STORE}")
    refused("/", "not-a-store", f"/ {NOT_A_STORE}")
    monkeypatch.setenv("HOME", str(photos))
    refused(str(photos), "not-a-store", f"{photos} {NOT_A_STORE}")
    assert everything(tmp_path) == before


def test_a_home_or_repository_full_of_numbers_is_refused_all_the_same(tmp_path, monkeypatch):
    for name in ("home", "repository"):
        (tmp_path / name / "123").mkdir(parents=True)
    assert open_store(str(tmp_path / "home")).store.root == str(tmp_path / "home")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "repository" / ".git").mkdir()
    for name in ("home", "repository"):
        refused(str(tmp_path / name), "not-a-store", f"{tmp_path}/{name} {NOT_A_STORE}")


def test_a_store_kept_in_git_is_a_store(make_store, tmp_path):
    store = make_store(tmp_path / "tracked")
    store.experiment("1")
    store.folder(".git/objects")
    assert open_store(str(store.root)).store.kind == "file"


@pytest.mark.parametrize("what", ["mlruns", "mlartifacts", "only trash", "only 0", "runs without metadata"])
def test_an_empty_but_real_store_is_one(make_store, tmp_path, run_ids, what, read):
    store = make_store(tmp_path / (what if what.startswith("ml") else "root"))
    if what == "only trash":
        store.folder(".trash")
    elif what == "only 0":
        store.folder("0")
    elif what == "runs without metadata":
        store.write(f"anything/{run_ids(1)}/artifacts/x", "x")
    snapshot = read(store)
    assert snapshot.complete
    assert len(snapshot.experiments) == (what in ("only 0", "runs without metadata"))


@pytest.mark.parametrize(
    "uri", ["http://localhost:5000", "https://host/x", "databricks", "databricks://profile", "s3://bucket/mlruns"]
)
def test_a_server_is_refused_with_a_sentence(uri):
    refused(
        uri, "remote-store", f"{uri}: a server's store can only be opened where its files are",
        "name the artifact directory or the database file on the server's machine",
    )  # fmt: skip


def test_a_database_of_another_kind_is_refused_without_its_password():
    refused(
        "postgresql://u:secret@host/db", "remote-store", "postgresql://u:…@host/db: such a database cannot be read yet",
        "name the directory of its artifacts, and this database with --database",
    )  # fmt: skip


def test_a_closed_directory_is_said(open_project, make_store, as_somebody):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    store.root.chmod(0)
    with as_somebody():
        refused(str(store.root), "unreadable-store", f"{store.root} cannot be read: permission denied")
        refused(str(open_project), "unreadable-store", f"{open_project}/mlruns cannot be read: permission denied")


def test_a_named_database_that_is_foreign_keeps_everything(store, read, experiment, tmp_path):
    store.experiment("1")
    store.folder("7")
    store.grow_old()
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()
    snapshot = read(store, str(tmp_path / "other.db"))
    assert experiment(snapshot, "7").state == "unclaimed"
    assert f"{tmp_path}/other.db is not an MLflow database" in snapshot.messages[0]
    assert read(store).experiment("experiment/7").state == "orphaned"
