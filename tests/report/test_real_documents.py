"""What the commands really print is as their schemas say."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cli import main

Check = Callable[[dict[str, Any]], None]
DAY_S = 86_400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An old run, one that is running, a malformed one, a malformed experiment, an orphan, one in the trash."""
    root = tmp_path / "mlruns"
    old = time.time() - 60 * DAY_S
    for experiment, text in (
        ("1", "name: one\nlifecycle_stage: active\n"),
        ("2", "{"),
        (".trash/3", "name: three\nlifecycle_stage: deleted\n"),
    ):
        (root / experiment).mkdir(parents=True)
        number = experiment[-1]
        (root / experiment / "meta.yaml").write_text(
            f"artifact_location: file://{root}/{number}\nexperiment_id: '{number}'\n{text}" if text != "{" else text
        )
    for run_id, status, end in (("a" * 32, 3, int(old * 1000)), ("b" * 32, 1, "null"), ("c" * 32, 99, "null")):
        run = root / "1" / run_id
        for part in ("artifacts", "metrics", "params", "tags"):
            (run / part).mkdir(parents=True)
        (run / "meta.yaml").write_text(
            f"artifact_uri: file://{run}/artifacts\nend_time: {end}\nexperiment_id: '1'\nlifecycle_stage: active\n"
            f"run_id: {run_id}\nrun_name: run\nstart_time: {int(old * 1000) - 1}\nstatus: {status}\nuser_id: me\n"
        )
    (root / "617283940118264051" / "tags").mkdir(parents=True)
    for path in (*root.rglob("*"), root):
        os.utime(path, (old, old))
    return root


@pytest.fixture
def document(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def of(*words: str) -> dict[str, Any]:
        main([*words, "--json"])
        found = json.loads(capsys.readouterr().out)
        assert isinstance(found, dict)
        return found

    return of


def test_every_command_keeps_to_its_schema(root: Path, document: Callable[..., dict[str, Any]], check: Check) -> None:
    store = str(root)
    listed = document("list", store, "--runs")
    assert {one["state"] for one in listed["experiments"]} >= {"ok", "malformed", "orphaned"}
    assert {one["place"] for one in listed["experiments"]} == {"root", "trash"}
    said = [
        listed,
        document("cleanup", store, "--days-old", "30", "--dry-run"),
        document("cleanup", store, "--days-old", "30"),
        document("cleanup", store, "--days-old", "30", "--force"),
        document("backups", "list", store),
        document("backups", "restore", store, "20200101-0000-0000"),
        document("undo", store),
        document("undo", store),
        document("cleanup", store, "--no-backup", "--force"),
        document("list", "/nowhere"),
    ]
    assert [one["document"] for one in said] == [
        "list", "cleanup", "error", "cleanup", "backups", "error", "backups", "backups", "cleanup", "error",
    ]  # fmt: skip
    for one in said:
        check(one)
