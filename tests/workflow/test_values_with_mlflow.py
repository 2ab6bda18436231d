"""The value a column shows is the one MLflow gives for the run, whatever order its points were written in."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import pytest

from mlruns_tui.model.values import Wanted
from mlruns_tui.workflow.filtering import read_values, value_names
from mlruns_tui.workflow.reading import open_reader, read_all

pytestmark = pytest.mark.mlflow

RUNS = 25
NAMES = ("val_loss", "val/acc", "train.lr", "f1 score", "step-less")
VALUES = (0.0, -0.0, 1.0, 0.25, -3.5, 1e300, 1e-300, math.inf, -math.inf, math.nan)


def test_last_values_params_and_tags_are_those_of_get_run(tmp_path: Path) -> None:
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    root, dice = tmp_path / "mlruns", random.Random(8)
    root.mkdir()
    client = MlflowClient(root.as_uri(), root.as_uri())
    experiment = client.create_experiment("judged")
    said = {}
    for _ in range(RUNS):
        run_id = client.create_run(experiment).info.run_id
        points = [
            Metric(name, dice.choice(VALUES), dice.choice((0, 5, 9, 2**40)), dice.choice((-3, 0, 0, 1, 7)))
            for name in NAMES
            for _ in range(dice.randrange(0, 6))
        ]
        dice.shuffle(points)
        params = [
            Param(name, dice.choice(("0.1", "adam", "", "두 줄"))) for name in ("lr", "opt/name") if dice.random() < 0.7
        ]
        client.log_batch(run_id, points, params, [RunTag("team", dice.choice(("red", "blue")))])
        said[run_id] = client.get_run(run_id).data

    reader = open_reader(str(root))
    keys = [run.key for run in read_all(reader).all_runs()]
    assert len(keys) == RUNS
    found = read_values(reader, keys, Wanted(NAMES, ("lr", "opt/name"), ("team",)))
    compared = 0
    for key, values in found.items():
        data = said[key.rpartition("/")[2]]
        assert not values.unreadable
        assert {name: repr(float(value)) for name, value in values.metrics.items()} == {
            name: repr(float(value)) for name, value in data.metrics.items()
        }
        assert dict(values.params) == data.params
        assert values.tags["team"] == data.tags["team"]
        compared += len(values.metrics)
    assert compared > RUNS
    names = value_names(reader, keys)
    assert set(names.metrics) == {name for data in said.values() for name in data.metrics}
    assert set(names.tags) == {name for data in said.values() for name in data.tags}
