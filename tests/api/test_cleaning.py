"""The Python API's clean-up: the names and shapes scripts in the field rely on."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import mlruns_tui
from mlruns_tui import MLflowExperimentManager, cleanup_mlflow_experiments, setup_mlflow_experiment_safely
from mlruns_tui.model.errors import LockedError, MlrunsError, UsageError

Ids = dict[str, list[str]]


def test_the_names_are_there_and_loaded_only_when_named() -> None:
    code = (
        "import sys, mlruns_tui\n"
        "before = set(sys.modules)\n"
        "assert 'mlruns_tui.api' not in before, before\n"
        "from mlruns_tui import MLflowExperimentManager, cleanup_mlflow_experiments, setup_mlflow_experiment_safely\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'mlflow', 'textual', 'rich', 'click', 'yaml'}, loaded\n"
        "assert {'MLflowExperimentManager', '__version__'} <= set(dir(mlruns_tui))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError):
        mlruns_tui.nothing_like_it  # noqa: B018


def test_the_version_is_the_packages_own() -> None:
    import importlib.metadata

    assert mlruns_tui.__version__ == importlib.metadata.version("mlruns-tui")


def test_signatures_are_what_scripts_call() -> None:
    def defaults(function: Callable[..., Any]) -> dict[str, Any]:
        parameters = inspect.signature(function).parameters.values()
        return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}

    assert defaults(cleanup_mlflow_experiments) == {
        "tracking_uri": None, "backup": True, "days_old": 30, "orphans": True, "min_idle": None, "dry_run": False,
        "lock_timeout": 60,
    }  # fmt: skip
    assert defaults(setup_mlflow_experiment_safely)["on_deleted"] == "restore"
    assert defaults(MLflowExperimentManager.cleanup_orphaned_experiments)["backup"] is True
    assert defaults(MLflowExperimentManager.cleanup_old_runs)["days_old"] == 30


def test_cleaning_up_returns_the_result_and_prints_nothing(
    root: Path, ids: Ids, capfd: pytest.CaptureFixture[str]
) -> None:
    result = cleanup_mlflow_experiments(str(root), backup=True, days_old=30)
    assert {item["run_id"] or item["experiment_id"] for item in result["items"]} == {*ids["old"], *ids["orphan"]}
    assert {item["outcome"] for item in result["items"]} == {"done"}
    assert result["total_deleted_experiments"] == 1
    assert result["deleted_runs_count"] == 2
    assert result["totals"]["moved_bytes"] > 0
    assert result["totals"]["freed_bytes"] == 0
    assert result["undo_command"] == f"mlruns-tui undo {root}"
    assert [item["run_id"] for item in result["refused"]] == ids["kept"]
    assert result["refused"][0]["protected"][0]["kind"] == "keep-tag"
    assert json.loads(json.dumps(result)) == result
    assert sorted(path.name for path in (root / "1").iterdir()) == sorted([*ids["young"], *ids["kept"], "meta.yaml"])
    assert capfd.readouterr() == ("", "")
    again = cleanup_mlflow_experiments(str(root))
    assert (again["batch"], again["items"], again["deleted_runs_count"]) == (None, [], 0)


def test_a_dry_run_lists_what_would_go_and_changes_nothing(root: Path, ids: Ids) -> None:
    before = sorted(root.rglob("*"))
    result = cleanup_mlflow_experiments(str(root), dry_run=True)
    assert {item["outcome"] for item in result["items"]} == {None}
    assert len(result["items"]) == 3
    assert result["deleted_runs_count"] == result["total_deleted_experiments"] == 0
    assert result["dry_run"] is True
    assert sorted(root.rglob("*")) == before


def test_without_a_backup_the_space_is_freed(root: Path) -> None:
    result = cleanup_mlflow_experiments(str(root), backup=False, orphans=False)
    assert result["totals"]["freed_bytes"] > 18_000
    assert result["undo_command"] is None
    assert result["total_deleted_experiments"] == 0


def test_the_manager_removes_orphans_or_old_runs_and_returns_their_ids(root: Path, ids: Ids) -> None:
    manager = MLflowExperimentManager(f"file://{root}")
    assert manager.cleanup_orphaned_experiments(backup=True) == ids["orphan"]
    assert (root / "1" / ids["old"][0]).is_dir()
    assert manager.cleanup_old_runs(days_old=80) == ids["old"][:1]
    assert sorted(manager.cleanup_old_runs(days_old=30)) == ids["old"][1:]
    assert manager.cleanup_old_runs() == []


def test_the_summary_is_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    MLflowExperimentManager(root).print_experiment_summary()
    told = capsys.readouterr().out
    assert "2 experiments (1 orphaned), 4 runs (0 deleted)" in told
    assert "vision" in told


@pytest.mark.parametrize("min_idle", [30 * 86_400.0, "30d", timedelta(days=30)])
def test_quiet_time_is_seconds_a_text_or_a_timedelta(root: Path, min_idle: Any) -> None:
    asked = cleanup_mlflow_experiments(str(root), days_old=None, min_idle=min_idle, dry_run=True)
    assert len(asked["items"]) == 1
    later = cleanup_mlflow_experiments(str(root), days_old=None, min_idle=60 * 86_400, dry_run=True)
    assert later["items"] == []
    assert later["refused"][0]["protected"][0]["kind"] == "too-fresh"


def test_the_default_store_is_what_mlflow_was_told(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        cleanup_mlflow_experiments(dry_run=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{root}")
    assert MLflowExperimentManager().tracking_uri == f"file://{root}"
    assert len(cleanup_mlflow_experiments(dry_run=True)["items"]) == 3
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(root.parent)
    assert len(cleanup_mlflow_experiments(dry_run=True)["items"]) == 3


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://localhost:5000", "server"),
        ("/nowhere/at/all", "no such directory"),
        ("", "empty"),
        ("databricks", "server"),
    ],
)
def test_a_store_that_cannot_be_cleaned_up_is_an_error_with_a_reason(uri: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        cleanup_mlflow_experiments(uri)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("options", [{"days_old": -1}, {"min_idle": "soon"}])
def test_nonsense_is_refused(root: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        cleanup_mlflow_experiments(str(root), **options)


def test_a_store_somebody_else_is_changing_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Task:
        def events(self) -> Any:
            return iter(())

        def result(self) -> None:
            raise LockedError("locked", "bob has been cleaning this store since 20:24")

    waits: list[float] = []

    def start_apply(plan: Any, lock_timeout_s: float) -> Task:
        waits.append(lock_timeout_s)
        return Task()

    monkeypatch.setattr("mlruns_tui.api.start_apply", start_apply)
    with pytest.raises(MlrunsError, match="since 20:24"):
        cleanup_mlflow_experiments(str(root), lock_timeout=3)
    assert waits == [3]
