"""The lock around making an experiment, and where tracking URIs point. Nothing here needs MLflow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlruns_tui.model.errors import LockedError, MlrunsError
from mlruns_tui.model.tracking_uri import address
from mlruns_tui.userdata.creation_lock import creation_lock, lock_places


@pytest.mark.parametrize(
    ("uri", "kind", "path"),
    [
        ("./mlruns", "files", "./mlruns"),
        ("file:./mlruns", "files", "./mlruns"),
        ("file:///data/my%20runs", "files", "/data/my runs"),
        ("file://localhost/data/mlruns", "files", "/data/mlruns"),
        ("sqlite:///mlflow.db", "database", "mlflow.db"),
        ("sqlite:////data/mlflow.db?timeout=3", "database", "/data/mlflow.db"),
        ("sqlite+pysqlite:////data/mlflow.db", "database", "/data/mlflow.db"),
        ("sqlite:///:memory:", "database", ""),
        ("sqlite://", "database", ""),
        ("mlflow.db", "database", "mlflow.db"),
        ("postgresql+psycopg2://user@host/db", "database", ""),
        ("http://localhost:5000", "remote", ""),
        ("databricks", "remote", ""),
        ("databricks://profile", "remote", ""),
        ("uc:http://localhost", "remote", ""),
    ],
)
def test_a_tracking_uri_points_where_mlflow_takes_it(uri: str, kind: str, path: str) -> None:
    where = address(uri)
    assert (where.kind, where.path) == (kind, path)


def test_every_spelling_of_a_store_has_the_same_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "mlruns")
    spellings = ["mlruns", "./mlruns/", "file:mlruns", f"file://{tmp_path}/mlruns", f"{tmp_path}/x/../mlruns", "linked"]
    assert {tuple(lock_places(uri)) for uri in spellings} == {tuple(lock_places("mlruns"))}
    assert lock_places("mlruns")[0] == (str(tmp_path), ".mlruns.mlruns-tui.lock")
    assert lock_places("mlruns") != lock_places("sqlite:///mlruns.db")


def test_a_second_process_waits_no_longer_than_asked(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/mlruns"
    with creation_lock(uri, 0):
        child = os.fork()
        if not child:
            try:
                with creation_lock(uri, 0.05):
                    os._exit(1)
            except LockedError as error:
                os._exit(0 if error.exit_code == 11 and error.hint else 2)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with creation_lock(uri, 0):
        pass


def test_who_waits_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    ready, done = os.pipe()
    with creation_lock(uri, 0):
        child = os.fork()
        if not child:
            try:
                os.write(done, b"x")
                with creation_lock(uri, 30):
                    os._exit(0)
            finally:
                os._exit(1)
        os.read(ready, 1)
    # The child was forked with our lock open, and gets it all the same.
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_where_nothing_can_be_written_beside_the_store_the_lock_is_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    # Not even root can make a file there.
    with creation_lock("file:///proc/mlruns", 0):
        assert [path.name for path in tmp_path.iterdir()] == [lock_places("file:///proc/mlruns")[1][1]]
        with pytest.raises(LockedError), creation_lock("file:///proc/mlruns", 0):
            pass


def test_without_any_place_for_a_lock_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(MlrunsError) as caught, creation_lock("file:///proc/mlruns", 0):
        pass
    assert caught.value.code == "no-lock"


def test_a_link_in_the_locks_place_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    victim = tmp_path / "victim"
    (tmp_path / ".mlruns.mlruns-tui.lock").symlink_to(victim)
    with creation_lock(str(tmp_path / "mlruns"), 0):
        assert not victim.exists()
