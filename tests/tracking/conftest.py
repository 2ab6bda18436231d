"""One process that imports MLflow once and tries everything these tests ask about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import contextlib, json, os, sys
import mlflow
import mlflow.store.tracking.file_store, mlflow.store.tracking.sqlalchemy_store
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient
from mlruns_tui import setup_mlflow_experiment_safely
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.tracking import experiments

base = sys.argv[1]
said = {}

def attempt(name, *arguments, **options):
    try:
        return setup_mlflow_experiment_safely(name, *arguments, **options)
    except MlrunsError as error:
        return [type(error).__name__, error.code, error.message, error.hint]

def race(uri, processes=8):
    answers, answer = os.pipe()
    gate, opened = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if not child:
            os.close(opened)
            os.read(gate, 1)
            result = attempt("together", uri)
            os.write(answer, (json.dumps(result) + "\\n").encode())
            os._exit(0)
        children.append(child)
    os.close(answer), os.close(gate), os.close(opened)
    with os.fdopen(answers) as lines:
        results = [json.loads(line) for line in lines]
    for child in children:
        os.waitpid(child, 0)
    names = [one.name for one in MlflowClient(uri).search_experiments(view_type=ViewType.ALL)]
    return {"ids": results, "names": sorted(names)}

def deleted(uri):
    client = MlflowClient(uri)
    first = attempt("gone", uri)
    run = client.create_run(first).info.run_id
    client.delete_experiment(first)
    refused = attempt("gone", uri, on_deleted="error")
    still = client.get_experiment(first).lifecycle_stage
    restored = attempt("gone", uri)
    after_restore = client.get_experiment(first).lifecycle_stage
    run_after_restore = client.get_run(run).info.lifecycle_stage
    client.delete_experiment(first)
    new = attempt("gone", uri, on_deleted="new")
    again = attempt("gone", uri, on_deleted="new")
    old, made = client.get_experiment(first), client.get_experiment(new)
    return {
        "first": first, "refused": refused, "still": still, "restored": restored, "after_restore": after_restore,
        "run_after_restore": run_after_restore, "new": new, "again": again, "new_name": made.name,
        "new_stage": made.lifecycle_stage, "old_name": old.name, "old_stage": old.lifecycle_stage,
        "old_run": client.get_run(run).info.lifecycle_stage,
    }

for kind, uri in (("file", "file://%s/race/mlruns"), ("sqlite", "sqlite:///%s/race-sqlite/mlflow.db")):
    said["race", kind] = race(uri % base)
for kind, uri in (("file", "file://%s/deleted/mlruns"), ("sqlite", "sqlite:///%s/deleted-sqlite/mlflow.db")):
    said["deleted", kind] = deleted(uri % base)

said["empty name"] = attempt("", f"file://{base}/names/mlruns")
said["unknown word"] = attempt("x", f"file://{base}/names/mlruns", on_deleted="maybe")

os.makedirs(f"{base}/plain")
os.chdir(f"{base}/plain")
mlflow.set_tracking_uri(None)
os.environ.pop("MLFLOW_TRACKING_URI", None)
expected = mlflow.get_tracking_uri()
made = attempt("by default")
said["default"] = {
    "name": MlflowClient(expected).get_experiment(made).name, "uri": expected, "after": mlflow.get_tracking_uri(),
    "files": sorted(os.listdir(".")),
}
from mlruns_tui import MLflowExperimentManager
said["untold"] = MLflowExperimentManager().tracking_uri
named = attempt("by path", "store")
said["told"] = MLflowExperimentManager().tracking_uri
said["path"] = {
    "uri": mlflow.get_tracking_uri(), "name": mlflow.get_experiment(named).name, "is_there": os.path.isdir("store"),
}

# Somebody who does not know our lock is faster: MLflow says the name is taken after we saw it free.
uri = f"file://{base}/faster/mlruns"
first = attempt("faster", uri)
looks = []
real = MlflowClient.get_experiment_by_name
def late(self, name):
    looks.append(name)
    return None if len(looks) == 1 else real(self, name)
MlflowClient.get_experiment_by_name = late
said["faster"] = {"first": first, "second": attempt("faster", uri), "looks": len(looks)}
MlflowClient.get_experiment_by_name = real

# The deleted experiment cannot be deleted again after its name was freed.
uri = f"file://{base}/stuck/mlruns"
client = MlflowClient(uri)
stuck = attempt("stuck", uri)
client.delete_experiment(stuck)
real = MlflowClient.delete_experiment
def broken(self, experiment_id):
    raise OSError("disk on fire")
MlflowClient.delete_experiment = broken
said["stuck"] = attempt("stuck", uri, on_deleted="new")
MlflowClient.delete_experiment = real

os.environ.pop("MLFLOW_ALLOW_FILE_STORE")
said["file store off"] = attempt("x", f"file://{base}/off/mlruns")
said["off exists"] = os.path.exists(f"{base}/off/mlruns")
print(json.dumps({"/".join(key) if isinstance(key, tuple) else key: value for key, value in said.items()}))
"""


@pytest.fixture(scope="session")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Where it was tried, and what MLflow and we answered."""
    base = tmp_path_factory.mktemp("tracking")
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(base / "runtime"), "MLFLOW_ALLOW_FILE_STORE": "true"}
    (base / "runtime").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(base)],
        capture_output=True, text=True, check=False, env=environment, cwd=base,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return base, json.loads(done.stdout.splitlines()[-1])
