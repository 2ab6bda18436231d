"""The main job with commands: look, clean up, check with MLflow, take it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.mlflow
def test_the_main_job_ends_where_mlflow_and_rsync_agree(
    demo: tuple[Path, Any],
    tmp_path: Path,
    json_of: Callable[..., dict[str, Any]],
    ask_mlflow: Callable[[Path], dict[str, Any]],
    differences: Callable[[Path, Path], str],
) -> None:
    root, _facts = demo
    listed = json_of("list", str(root), "--runs")
    totals = listed["totals"]
    assert (totals["experiments"], totals["orphaned_experiments"], totals["runs"]) == (17, 2, 1293)
    in_root = {run["run_id"] for run in listed["runs"] if run["place"] == "root"}
    assert len(in_root) == 1293

    dry = json_of("cleanup", str(root), "--days-old", "30", "--dry-run")
    assert dry["result"] is None
    assert differences(tmp_path / "before", root) == ""

    done = json_of("cleanup", str(root), "--days-old", "30", "--force")
    gone = {item["run_id"] for item in done["result"]["items"] if item["kind"] == "run"}
    orphans = {item["experiment_id"] for item in done["result"]["items"] if item["kind"] == "experiment"}
    assert (len(gone), len(orphans)) == (143, 2)
    assert all(item["outcome"] == "done" for item in done["result"]["items"])
    assert done["result"]["totals"]["moved_bytes"] > 0
    assert done["result"]["totals"]["freed_bytes"] == 0
    kinds = [item["protected"][0]["kind"] for item in done["plan"]["refused"]]
    assert {"model-version", "parent", "keep-tag", "running"} <= set(kinds)
    assert all(item["protected"][0]["reason"] for item in done["plan"]["refused"])

    after = json_of("list", str(root), "--runs")
    assert (after["totals"]["experiments"], after["totals"]["orphaned_experiments"]) == (15, 0)
    assert after["totals"]["runs"] == 1150
    kept = in_root - gone
    answer = ask_mlflow(root)
    assert set(answer["runs"]) == kept
    assert len(answer["runs"]) == 1150
    assert len(answer["experiments"]) == 15
    assert answer["said"] == []

    undone = json_of("undo", str(root))
    assert undone["messages"] is not None
    assert differences(tmp_path / "before", root) == ""
    assert json_of("list", str(root))["totals"] == {
        **totals,
        "backup_bytes": json_of("list", str(root))["totals"]["backup_bytes"],
    }


def test_a_second_undo_says_what_the_newest_batch_is_and_touches_no_older_one(
    demo: tuple[Path, Any], json_of: Callable[..., dict[str, Any]]
) -> None:
    root, _facts = demo
    json_of("cleanup", str(root), "--no-orphans", "--days-old", "60", "--force")
    json_of("cleanup", str(root), "--no-orphans", "--days-old", "30", "--force")
    json_of("undo", str(root))
    again = json_of("undo", str(root))
    assert "was put back already" in again["messages"][0]
    assert again["result"]["batches"] == []
    states = [batch["items"] for batch in json_of("backups", "list", str(root))["batches"]]
    assert states[0]["restored"] > 0
    assert states[1]["moved"] > 0


def test_cleaning_up_again_finds_nothing_to_do(demo: tuple[Path, Any], json_of: Callable[..., dict[str, Any]]) -> None:
    root, _facts = demo
    json_of("cleanup", str(root), "--days-old", "30", "--force")
    again = json_of("cleanup", str(root), "--days-old", "30", "--force")
    assert again["plan"]["items"] == []


def test_without_a_backup_the_space_is_really_freed(
    demo: tuple[Path, Any], json_of: Callable[..., dict[str, Any]]
) -> None:
    root, _facts = demo
    before = json_of("list", str(root))["totals"]
    done = json_of("cleanup", str(root), "--days-old", "30", "--no-backup", "--force")
    after = json_of("list", str(root))["totals"]
    freed = done["result"]["totals"]["freed_bytes"]
    assert freed > 0
    assert before["size_bytes"] - after["size_bytes"] == done["result"]["totals"]["size_bytes"]
    assert after["backup_bytes"] < 2_000_000
