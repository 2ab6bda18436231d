"""A small file store with old runs and an orphan."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

OLD = ["a" * 32, "b" * 32]
YOUNG = "c" * 32
KEPT = "d" * 32
ORPHAN = "617283940118264051"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Experiment 1 with two old runs, an old one that is tagged to be kept and a young one, and an orphan."""
    root = tmp_path / "project" / "mlruns"
    (root / "1").mkdir(parents=True)
    (root / "1" / "meta.yaml").write_text(
        f"artifact_location: file://{root}/1\ncreation_time: 1700000000000\nexperiment_id: '1'\n"
        "last_update_time: 1700000000000\nlifecycle_stage: active\nname: vision\n"
    )
    now = time.time()
    for run_id, days in ((OLD[0], 90), (OLD[1], 60), (YOUNG, 10), (KEPT, 70)):
        run = root / "1" / run_id
        for part in ("artifacts", "metrics", "params", "tags"):
            (run / part).mkdir(parents=True)
        ended = int((now - days * 86_400) * 1000)
        (run / "artifacts" / "model.bin").write_bytes(b"x" * 9000)
        if run_id == KEPT:
            (run / "tags" / "keep").write_text("paper")
        (run / "meta.yaml").write_text(
            f"artifact_uri: file://{run}/artifacts\nend_time: {ended}\nentry_point_name: ''\nexperiment_id: '1'\n"
            f"lifecycle_stage: active\nrun_id: {run_id}\nrun_name: run-{run_id[0]}\nsource_name: ''\nsource_type: 4\n"
            f"source_version: ''\nstart_time: {ended - 1000}\nstatus: 3\ntags: []\nuser_id: alice\n"
        )
        age(run, now - days * 86_400)
    (root / ORPHAN / "tags").mkdir(parents=True)
    age(root / ORPHAN, now - 40 * 86_400)
    return root


def age(folder: Path, then: float) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


@pytest.fixture
def ids() -> dict[str, list[str]]:
    return {"old": OLD, "young": [YOUNG], "kept": [KEPT], "orphan": [ORPHAN]}
