"""Making experiments with the installed MLflow: many at once, and names that were deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.mlflow
Tried = tuple[Path, dict[str, Any]]


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_eight_processes_at_once_on_a_fresh_store_get_the_same_experiment(tried: Tried, kind: str) -> None:
    race = tried[1][f"race/{kind}"]
    assert len(race["ids"]) == 8
    assert len(set(race["ids"])) == 1, race["ids"]
    assert race["names"] == ["Default", "together"]


def test_the_lock_is_beside_the_store_and_nothing_else_of_ours_is_there(tried: Tried) -> None:
    base = tried[0]
    assert sorted(path.name for path in (base / "race").iterdir()) == [".mlruns.mlruns-tui.lock", "mlruns"]
    assert sorted(path.name for path in (base / "race-sqlite").iterdir()) == [".mlflow.db.mlruns-tui.lock", "mlflow.db"]
    assert not [path for path in (base / "race" / "mlruns").rglob("*") if "mlruns-tui" in path.name]


@pytest.mark.parametrize("kind", ["file", "sqlite"])
class TestDeletedNames:
    def test_error_leaves_it_deleted_and_says_what_else_there_is(self, tried: Tried, kind: str) -> None:
        told = tried[1][f"deleted/{kind}"]
        error, code, message, hint = told["refused"]
        assert (error, code) == ("UsageError", "experiment-deleted")
        assert "nothing was made" in message
        assert "restore" in hint
        assert told["still"] == "deleted"

    def test_restore_brings_the_same_experiment_and_its_runs_back(self, tried: Tried, kind: str) -> None:
        told = tried[1][f"deleted/{kind}"]
        assert told["restored"] == told["first"]
        assert told["after_restore"] == told["run_after_restore"] == "active"

    def test_new_makes_another_one_under_the_name_and_the_old_stays_deleted(self, tried: Tried, kind: str) -> None:
        told = tried[1][f"deleted/{kind}"]
        assert told["new"] != told["first"]
        assert (told["new_name"], told["new_stage"]) == ("gone", "active")
        assert told["old_stage"] == told["old_run"] == "deleted"
        assert told["old_name"] == f"gone (deleted, id {told['first']})"

    def test_asking_again_gives_the_new_one(self, tried: Tried, kind: str) -> None:
        told = tried[1][f"deleted/{kind}"]
        assert told["again"] == told["new"]


def test_the_default_is_what_mlflow_itself_would_use(tried: Tried) -> None:
    told = tried[1]["default"]
    assert told["name"] == "by default"
    assert told["after"] == told["uri"]
    assert told["uri"].startswith(f"sqlite:///{tried[0]}/plain/")
    assert "mlflow.db" in told["files"]


def test_a_path_works_and_becomes_mlflows_current_store(tried: Tried) -> None:
    told = tried[1]["path"]
    assert told["uri"] == f"file://{tried[0]}/plain/store"
    assert told["name"] == "by path"
    assert told["is_there"]


def test_a_manager_without_a_uri_follows_what_mlflow_was_told_in_this_process(tried: Tried) -> None:
    assert tried[1]["untold"] is None
    assert tried[1]["told"] == f"file://{tried[0]}/plain/store"


def test_somebody_faster_who_knows_no_lock_does_no_harm(tried: Tried) -> None:
    told = tried[1]["faster"]
    assert told["second"] == told["first"]
    assert told["looks"] == 2


def test_an_experiment_that_cannot_be_deleted_again_is_said_to_be_active(tried: Tried) -> None:
    error, code, message, _ = tried[1]["stuck"]
    assert (error, code) == ("MlrunsError", "not-deleted-again")
    assert "it is active now, no data is lost" in message
    assert "disk on fire" in message


def test_what_mlflow_refuses_is_told_with_its_reason(tried: Tried) -> None:
    error, code, message, _ = tried[1]["empty name"]
    assert (error, code) == ("UsageError", "mlflow-refused")
    assert "name" in message
    assert tried[1]["unknown word"][:2] == ["UsageError", "usage"]


def test_a_file_store_mlflow_refuses_is_told_with_what_to_do(tried: Tried) -> None:
    error, code, _, hint = tried[1]["file store off"]
    assert (error, code) == ("UsageError", "file-store-refused")
    assert "MLFLOW_ALLOW_FILE_STORE=true" in hint
    assert tried[1]["off exists"] is False
