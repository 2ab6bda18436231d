"""What MLflow makes of slimmed runs: it finds them, writes to them, and has everything again after an undo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.mlflow

SCRIPT = """
import hashlib, json, os, subprocess, sys
from mlflow import MlflowClient

def ran(*words):
    return subprocess.run([sys.executable, "-m", "mlruns_tui", *words], capture_output=True, text=True)

def answer(*words):
    return json.loads(ran(*words, "--json").stdout)

def tree(top):
    found = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [one for one in folders if one != ".mlruns-tui.trash"]
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            data = hashlib.sha256(open(path, "rb").read()).hexdigest() if name in files else ""
            found[os.path.relpath(path, top)] = [status.st_mode, status.st_mtime_ns, data]
    return found

def findings():
    return sorted([one["code"], one["path"]] for one in answer("doctor", root)["findings"])

root = sys.argv[1]
client = MlflowClient(f"file://{root}")
experiment = client.create_experiment("vision")
runs = []
for n in range(2):
    run = client.create_run(experiment, run_name=f"run-{n}")
    runs.append(run.info.run_id)
    client.log_param(runs[n], "lr", 0.1 * n)
    client.log_metric(runs[n], "loss", 0.5, step=0)
    client.log_text(runs[n], "weights " * 1000, "model/weights.txt")
    client.set_terminated(runs[n])
one, two = runs
told = {"runs": runs, "experiment": experiment, "findings_before": findings(), "before": tree(root)}
slim = ["cleanup", root, "--run", one, "--run", two, "--slim", "--min-idle", "0s", "--unsafe-too-fresh", "--force"]
told["outcomes"] = [item["outcome"] for item in answer(*slim)["result"]["items"]]
told["findings"] = findings()
told["slimmed"] = sorted(os.listdir(f"{root}/{experiment}/{one}")), os.listdir(f"{root}/{experiment}/{one}/artifacts")
found = client.get_run(one)
told["run"] = [found.info.run_name, found.data.params, found.data.metrics]
told["artifacts"] = [file.path for file in client.list_artifacts(one)]
told["searched"] = sorted(run.info.run_id for run in client.search_runs([experiment]))
told["undo"] = ran("undo", root).returncode
told["after"] = tree(root)
told["again"] = [item["outcome"] for item in answer(*slim)["result"]["items"]]
client.set_tag(one, "note", "looked at")
client.log_text(one, "since", "notes/since.txt")
told["tag"] = client.get_run(one).data.tags["note"]
told["logged"] = [file.path for file in client.list_artifacts(one)]
conflict = answer("undo", root)
told["conflict"] = [[item["run_id"], item["outcome"], item["error"]] for item in conflict["result"]["batches"][0]["items"]]
told["kept"] = [tree(f"{root}/.mlruns-tui.trash/batches/{conflict['result']['batches'][0]['batch']}/data/{n}") for n in (0, 1)
                if os.path.exists(f"{root}/.mlruns-tui.trash/batches/{conflict['result']['batches'][0]['batch']}/data/{n}")]
told["in_place"] = [tree(f"{root}/{experiment}/{run}/artifacts") for run in runs]
told["listed"] = [[file.path for file in client.list_artifacts(run)] for run in runs]
print(json.dumps(told))
"""


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two runs slimmed, read, taken back, slimmed again, written to, taken back."""
    root = tmp_path_factory.mktemp("slim-mlflow") / "mlruns"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def artifacts(told: dict[str, Any], which: str, run: str) -> dict[str, Any]:
    below = f"{told['experiment']}/{run}/artifacts/"
    return {name.removeprefix(below): one for name, one in told[which].items() if name.startswith(below)}


def test_mlflow_finds_a_slimmed_run_with_everything_but_its_artifacts(told: dict[str, Any]) -> None:
    assert told["outcomes"] == ["done", "done"]
    assert told["slimmed"] == [["artifacts", "meta.yaml", "metrics", "params", "tags"], []]
    assert told["run"] == ["run-0", {"lr": "0.0"}, {"loss": 0.5}]
    assert told["artifacts"] == []
    assert told["searched"] == sorted(told["runs"])


def test_doctor_finds_nothing_new(told: dict[str, Any]) -> None:
    assert told["findings"] == told["findings_before"]


def test_undo_is_exact(told: dict[str, Any]) -> None:
    assert told["undo"] == 0
    assert told["after"] == told["before"]


def test_what_mlflow_logs_into_a_slimmed_run_stays_and_the_old_is_kept(told: dict[str, Any]) -> None:
    one, two = told["runs"]
    assert told["again"] == ["done", "done"]
    assert (told["tag"], told["logged"]) == ("looked at", ["notes"])
    outcomes = {run: (outcome, error) for run, outcome, error in told["conflict"]}
    assert outcomes[two] == ("done", None)
    assert outcomes[one][0] == "skipped"
    assert "holds what was logged since it was slimmed" in outcomes[one][1]
    assert told["kept"] == [artifacts(told, "before", one)]
    assert sorted(told["in_place"][0]) == ["notes", "notes/since.txt"]
    assert told["in_place"][1] == artifacts(told, "before", two)
    assert told["listed"] == [["notes"], ["model"]]
