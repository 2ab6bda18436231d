"""Small snapshots and evidence, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.evidence import Evidence, ItemEvidence, Survey, Writer
from mlruns_tui.model.store import Experiment, Identity, Progress, Reference, Run, Size, Snapshot, StoreInfo

DAY = 86_400_000
NOW = 1_795_000_000_000


class Make:
    """Builders whose defaults are a healthy, old, finished run on a quiet disk."""

    NOW = NOW
    DAY = DAY

    def run(self, experiment: str = "1", run_id: str = "a", ended: float | None = 60, **fields: Any) -> Run:
        """``ended``: days ago; None: it never ended and started 60 days ago."""
        end = None if ended is None else NOW - int(ended * DAY)
        place = fields.get("place", "root")
        path = f"{experiment}/{run_id}" if place == "root" else f".trash/{experiment}/{run_id}"
        values: dict[str, Any] = {
            "status": "FINISHED" if ended is not None else "RUNNING",
            "lifecycle_stage": "active",
            "start_time": (end or NOW - 60 * DAY) - 1000,
            "end_time": end,
            "path": path,
            "owner": 0,
            "size": Size(100, 4096, 3, (end or NOW - 60 * DAY) * 1_000_000),
        }
        return Run(experiment, run_id, **{**values, **fields})

    def experiment(self, experiment_id: str = "1", **fields: Any) -> Experiment:
        place = fields.get("place", "root")
        values: dict[str, Any] = {
            "lifecycle_stage": "active",
            "path": experiment_id if place == "root" else f".trash/{experiment_id}",
            "name": f"exp {experiment_id}",
            "owner": 0,
            "size": Size(1000, 8192, 9, (NOW - 60 * DAY) * 1_000_000),
        }
        return Experiment(experiment_id, **{**values, **fields})

    def snapshot(
        self,
        runs: Sequence[Run],
        experiments: Sequence[Experiment] = (),
        references: Sequence[Reference] = (),
        **store: Any,
    ) -> Snapshot:
        given = {one.key: one for one in experiments}
        for run in runs:
            one = self.experiment(run.experiment_id, place=run.place)
            given.setdefault(one.key, one)
        by: dict[str, tuple[Run, ...]] = dict.fromkeys(given, ())
        for run in runs:
            key = run.key.split("/run/")[0]
            by[key] += (run,)
        counted = tuple(replace(one, runs=len(by[key])) for key, one in given.items())
        info = StoreInfo("mlruns", "/data/mlruns", "file", Identity(1, 2), **store)
        return Snapshot(info, counted, by, references=tuple(references), progress=Progress("complete"))

    def survey(self, newest_days: float = 60, **fields: Any) -> Survey:
        values: dict[str, Any] = {
            "identity": Identity(1, 3),
            "fingerprint": "f",
            "size": Size(100, 4096, 3, int(NOW - newest_days * DAY) * 1_000_000),
            "entries": 5,
            "owner": 0,
            "other_owners": False,
            "trouble": (),
        }
        return Survey(**{**values, **fields})

    def evidence(self, snapshot: Snapshot, **surveys: Survey | None) -> Evidence:
        """Quiet surveys for everything; by run or experiment id another one."""
        items = {}
        for key in [one.key for one in snapshot.experiments] + [run.key for run in snapshot.all_runs()]:
            name = key.rsplit("/", 1)[-1]
            survey = surveys.get(name, self.survey())
            items[key] = ItemEvidence(key, key, survey, "" if survey else "it is not there any more")
        experiments = tuple(one.key for one in snapshot.experiments if one.place == "root" and one.state == "ok")
        return Evidence(items, snapshot.references, experiments, 0, 0, NOW * 1_000_000)

    writer = Writer(4711, "bob", "python", "/data/mlruns/1/a/metrics/loss")


@pytest.fixture
def make() -> Make:
    return Make()


Maker = Callable[[], Make]
