"""What MLflow itself sees of a clean-up: the rest unchanged, nothing of the backups, everything again after undo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.restore import restore, undo

pytestmark = pytest.mark.mlflow
MAKE = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
for name in ("kept", "cleaned", "gone"):
    experiment = client.create_experiment(name)
    for n in range(2):
        run = client.create_run(experiment, run_name=f"{name}-{n}")
        client.log_param(run.info.run_id, "lr", 0.1 * n)
        for step in range(3):
            client.log_metric(run.info.run_id, "loss", 1 / (step + 1), step=step)
        client.log_text(run.info.run_id, "weights", "model.txt")
        client.set_terminated(run.info.run_id)
"""
ASK = """
import json, logging, sys
logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
seen = {}
for experiment in client.search_experiments(view_type=3):
    runs = client.search_runs([experiment.experiment_id], run_view_type=3)
    seen[experiment.name] = {
        run.info.run_id: [
            run.info.run_name, run.data.params, [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, "loss")],
            [file.path for file in client.list_artifacts(run.info.run_id)], client.get_run(run.info.run_id).info.status,
        ]
        for run in runs
    }
print(json.dumps(seen))
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store MLflow made."""
    root = tmp_path_factory.mktemp("mlflow") / "mlruns"
    subprocess.run([sys.executable, "-c", MAKE, root.as_uri()], check=True, capture_output=True)
    return root


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[Path], dict[str, Any]]:
    """What MLflow reads of a copy of a store; anything it warns about fails the test."""

    def look(root: Path) -> dict[str, Any]:
        copy = tmp_path / "asked" / "mlruns"
        shutil.copytree(root, copy, symlinks=True)
        done = subprocess.run([sys.executable, "-c", ASK, copy.as_uri()], check=True, capture_output=True, text=True)
        shutil.rmtree(copy.parent)
        said = [line for line in done.stderr.splitlines() if "WARNING" in line and "alformed" in line]
        assert said == []
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return look


def test_mlflow_sees_the_rest_while_items_are_away_and_everything_again_after_undo(
    made: Path, store_class: Any, ask: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    root = tmp_path / "mlruns"
    shutil.copytree(made, root, symlinks=True)
    before = ask(root)
    assert {name: len(runs) for name, runs in before.items()} == {"Default": 0, "kept": 2, "cleaned": 2, "gone": 2}
    store = store_class.__new__(store_class)
    store.root, store._plans = root, 0
    paths = {
        (root / path).parent.name + "/" + (root / path).name: path
        for path in (os.path.relpath(one.parent, root) for one in root.glob("*/*/meta.yaml"))
    }
    run_id = sorted(before["cleaned"])[0]
    run = next(path for path in paths.values() if path.endswith(run_id))
    gone = next(os.path.dirname(path) for path in paths.values() if path.rpartition("/")[2] in before["gone"])
    batch = apply(store.plan(run, gone))
    assert batch.state == "moved"
    rest = {
        name: {key: value for key, value in runs.items() if key != run_id}
        for name, runs in before.items()
        if name != "gone"
    }
    assert ask(root) == rest
    # A ghost in the run's place: put aside, the backup's copy is out of MLflow's sight as well.
    (root / run / "artifacts").mkdir(parents=True)
    aside = restore(str(root), batch.id, [batch.items[0].item.key], "rename")
    assert aside.items[0].now_at.endswith(".trash")
    assert ask(root) == rest
    shutil.rmtree(root / run)
    assert undo(str(root)).state == "restored"
    assert ask(root) == before


def test_mlflow_does_not_see_what_a_full_disk_left_beside_the_experiments(
    made: Path, ask: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    root = tmp_path / "mlruns"
    shutil.copytree(made, root, symlinks=True)
    before = ask(root)
    name = next(one.parent.name for one in root.glob("*/meta.yaml") if "name: gone" in one.read_text())
    os.rename(root / name, root / "20261122-2026-a3f1-0.mlruns-tui.trash")
    (root / "20261122-2026-a3f1-1.dead.mlruns-tui.trash").mkdir()
    (root / "new-1700000000000000000-0123abcd.mlruns-tui.trash").mkdir()
    assert ask(root) == {key: value for key, value in before.items() if key != "gone"}
