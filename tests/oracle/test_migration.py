"""A store on which ``mlflow migrate-filestore`` fails goes through after what doctor names was repaired or cleared
out: the real command, and every run has its experiment."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.mlflow

SAMPLE = 29
_METADATA = ("/meta.yaml", "/trace_info.yaml")


def entry(root: Path, path: str) -> Path:
    """What a clean-up of a finding takes away: the entry a metadata file is about, else the file."""
    for ending in _METADATA:
        path = path.removesuffix(ending)
    return root / path


def migrate(store: Path, target: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "mlflow",
            "migrate-filestore",
            "--source",
            str(store),
            "--target",
            f"sqlite:///{target}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"},
    )


@pytest.mark.parametrize("step", [SAMPLE, pytest.param(1, marks=[pytest.mark.full, pytest.mark.timeout(1_800)])])
def test_after_repair_and_clean_up_of_what_doctor_names_the_migration_goes_through(
    oracle: Any,
    all_cases: list[Any],
    harmless: frozenset[str],
    merging: Any,
    tmp_path: Path,
    step: int,
    record_property: Any,
) -> None:
    if not oracle.migrates:
        pytest.skip("needs an MLflow with migrate-filestore")
    cases = [
        case
        for case in all_cases
        if case.name not in harmless
        and case.applies_to(oracle.names)
        and not case.below
        and ": a link to" not in case.name
    ][::step]
    root = tmp_path / "mlruns"
    merging.merge(cases, oracle.store, oracle.names, root, tmp_path)
    try:
        named = [one for one in oracle.doctor(root) if one["migration"] != "ok"]
        assert named
        broken = migrate(root, tmp_path / "broken.db", tmp_path)
        assert "Migration completed successfully" not in broken.stdout or broken.returncode
        repaired = oracle.repair(root, rename=True)
        cleared = 0
        for _ in range(4):
            left = [one for one in oracle.doctor(root) if one["migration"] != "ok"]
            if not left:
                break
            for path in {entry(root, one["path"]) for one in left}:
                if path.is_dir() and not path.is_symlink():
                    merging.open_up(path)
                    path.chmod(0o700)
                    shutil.rmtree(path)
                elif os.path.lexists(path):
                    path.unlink()
                cleared += 1
        record_property("stands in the way of a migration", len(named))
        record_property("repairs for a migration", sum(len(batch["items"]) for batch in repaired["batches"]))
        record_property("entries cleared for a migration", cleared)
        target = tmp_path / "migrated.db"
        done = migrate(root, target, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        with sqlite3.connect(target) as connection:
            lost = connection.execute(
                "SELECT run_uuid FROM runs WHERE experiment_id NOT IN (SELECT experiment_id FROM experiments)"
            ).fetchall()
            runs = {row[0] for row in connection.execute("SELECT run_uuid FROM runs")}
        assert lost == []
        assert {oracle.names[one] for one in ("parent", "child", "plain", "other", "deleted")} <= runs
        assert len(runs) > 2 * len(cases)
    finally:
        merging.open_up(tmp_path)
