"""Stores of a few files, written by hand, and their symptoms."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlruns_tui.model.findings import Symptom
from mlruns_tui.scanner.checks import check_store

EXPERIMENT = """\
artifact_location: file:///x/{id}
creation_time: 1700000000000
experiment_id: '{id}'
last_update_time: 1700000000000
lifecycle_stage: active
name: experiment {id}
"""
RUN = """\
artifact_uri: file:///x/{experiment}/{id}/artifacts
end_time: 1700000001000
experiment_id: '{experiment}'
lifecycle_stage: active
run_id: {id}
run_uuid: {id}
run_name: fine
start_time: 1700000000000
status: 3
user_id: me
"""
RUN_ID = "0a" * 16


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """One experiment ``1`` with one healthy run."""
    root = tmp_path / "mlruns"
    run = root / "1" / RUN_ID
    for folder in ("artifacts", "metrics", "params", "tags"):
        (run / folder).mkdir(parents=True)
    (root / ".trash").mkdir()
    (root / "models").mkdir()
    (root / "1" / "meta.yaml").write_text(EXPERIMENT.format(id="1"))
    (run / "meta.yaml").write_text(RUN.format(id=RUN_ID, experiment="1"))
    (run / "metrics" / "loss").write_text("1700000000000 0.5 0\n")
    (run / "params" / "lr").write_text("0.1")
    return root


@pytest.fixture
def run(store: Path) -> Path:
    return store / "1" / RUN_ID


@pytest.fixture
def symptoms(store: Path) -> Callable[[], list[Symptom]]:
    """What is wrong in the store now."""

    def look() -> list[Symptom]:
        fd = os.open(store, os.O_RDONLY)
        try:
            return [one for one in check_store(fd, os.path.realpath(store)) if one.code != "registry-present"]
        finally:
            os.close(fd)

    return look
