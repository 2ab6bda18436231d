"""A training goes on in the store, through MLflow's own client, while it is cleaned, taken back and killed at random.

The trainer retries a log call that raised once, as a patient client does. Moving *experiment* directories makes
MLflow's file store raise now and then in any live client: it lists them all to find a run, one after the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.workflow.asking import plan_cleanup
from mlruns_tui.workflow.changing import start_apply, start_restore, start_undo
from mlruns_tui.workflow.reading import open_reader, read_all
from mlruns_tui.workflow.task import Task

pytestmark = pytest.mark.mlflow
SECONDS = float(os.environ.get("MLRUNS_TUI_TRAINER_SECONDS", "30"))
"""How long the default run trains; ``-m full`` trains ten times as long besides."""
REPORTED_MS = 60_000
"""For so long after its end nobody may take a run."""
OLD = 40
TRAINER = """
import json, select, sys, time
from mlflow import MlflowClient
uri, told = sys.argv[1], open(sys.argv[2], "a", buffering=1)
client = MlflowClient(uri)
def tell(**words):
    told.write(json.dumps(words) + "\\n")
def patiently(call, *arguments, **more):
    for attempt in (1, 2):
        try:
            return call(*arguments, **more) or True
        except Exception as error:
            tell(e="raised", call=call.__name__, attempt=attempt, error=f"{type(error).__name__}: {error}"[:200])
    return None
experiments = [one.experiment_id for one in client.search_experiments()]
tell(e="ready")
number = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    number += 1
    run = patiently(client.create_run, experiments[number % len(experiments)], run_name=f"live-{number}")
    if run is None:
        continue
    run_id = run.info.run_id
    tell(e="began", run=run_id)
    for step in range(8):
        value = number + step / 8
        if patiently(client.log_metric, run_id, "loss", value, step=step):
            tell(e="metric", run=run_id, step=step, value=value)
    patiently(client.log_param, run_id, "lr", "0.1")
    patiently(client.set_terminated, run_id)
    tell(e="ended", run=run_id, at_ms=time.time_ns() // 1_000_000)
tell(e="done", runs=number)
"""
MAKE = """
import sys, time
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
past = int(time.time() * 1000) - 90 * 86_400_000
for name in ("vision", "text", "audio"):
    experiment = client.create_experiment(name)
    for n in range(int(sys.argv[2])):
        run = client.create_run(experiment, start_time=past, run_name=f"{name}-{n}")
        client.log_metric(run.info.run_id, "loss", 0.5, timestamp=past, step=0)
        client.set_terminated(run.info.run_id, end_time=past + 1000)
"""
ASK = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
found = {}
for line in open(sys.argv[2]):
    said = json.loads(line)
    if said["e"] == "began":
        found[said["run"]] = [[m.step, m.value] for m in client.get_metric_history(said["run"], "loss")]
print(json.dumps(found))
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store MLflow made, of three experiments with old runs, and orphans among them."""
    root = tmp_path_factory.mktemp("trainer") / "mlruns"
    subprocess.run([sys.executable, "-c", MAKE, root.as_uri(), str(OLD)], check=True, capture_output=True)
    for number in range(12):
        (root / f"{900_000 + number}" / f"{number:032x}" / "tags").mkdir(parents=True)
        (root / f"{900_000 + number}" / f"{number:032x}" / "tags" / "left").write_text("over")
    past = time.time() - 90 * 86_400
    for folder, _, files in os.walk(root, topdown=False):
        for name in (*files, "."):
            os.utime(os.path.join(folder, name), (past, past))
    return root


class Cleaner:
    """Cleans and takes back in random order, and kills its worker now and then."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = str(root), random.Random(seed)
        self.done: Counter[str] = Counter()
        self.planned: list[tuple[int, str]] = []
        """When a plan was made (ms) and a run in it."""

    def step(self) -> None:
        if self.random.random() < 0.6:
            reader = open_reader(self.root)
            plan = plan_cleanup(reader, read_all(reader), days_old=0, orphans=True)
            self.planned += [(plan.created_ms, item.run_id) for item in plan.items if item.run_id]
            if plan.items:
                self._follow("apply", start_apply(plan))
                return
        self._follow("undo", start_undo(self.root))

    def _follow(self, what: str, task: Task) -> None:
        if self.random.random() < 0.3:
            events: Iterator[Any] = task.events()
            for _ in range(self.random.randrange(6)):
                next(events, None)
            with contextlib.suppress(ProcessLookupError):
                os.kill(task.pid, signal.SIGKILL)
                what += ", killed"
        try:
            task.result()
        except MlrunsError as error:
            assert error.code in ("worker-died", "unfinished", "nothing-to-undo"), error.message
            what += f": {error.code}"
        self.done[what] += 1

    def restore_all(self) -> None:
        for batch in batches(self.root):
            start_restore(self.root, batch.id).result()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seconds", [SECONDS, pytest.param(10 * SECONDS, marks=pytest.mark.full)])
def test_every_metric_a_trainer_logged_is_there(
    made: Path, tmp_path: Path, record_property: Any, seconds: float
) -> None:
    root, told = tmp_path / "mlruns", tmp_path / "told"
    shutil.copytree(made, root, symlinks=True)
    relocate(root, made)
    trainer = subprocess.Popen(
        [sys.executable, "-c", TRAINER, root.as_uri(), str(told)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        cleaner = Cleaner(root, 11)
        while not told.exists() or "ready" not in told.read_text():
            assert trainer.poll() is None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            cleaner.step()
            assert trainer.poll() is None, "the trainer ended"
        _, errors = trainer.communicate(b"\n", timeout=120)
    finally:
        trainer.kill()
    said = [json.loads(line) for line in told.read_text().splitlines()]
    assert trainer.returncode == 0, errors.decode()[-2000:]
    cleaner.restore_all()
    asked = subprocess.run(
        [sys.executable, "-c", ASK, root.as_uri(), str(told)], check=True, capture_output=True, text=True
    )
    found = {run: {(step, value) for step, value in history} for run, history in json.loads(asked.stdout).items()}
    twice = [one for one in said if one["e"] == "raised" and one["attempt"] == 2]
    logged = [(one["run"], one["step"], one["value"]) for one in said if one["e"] == "metric"]
    missing = [(run, step) for run, step, value in logged if (step, value) not in found.get(run, ())]
    ended = {one["run"]: one["at_ms"] for one in said if one["e"] == "ended"}
    began = {one["run"] for one in said if one["e"] == "began"}
    touched = [
        run for at_ms, run in cleaner.planned if run in began and at_ms < ended.get(run, at_ms) + REPORTED_MS - 1000
    ]
    record_property("trainer: metrics logged", len(logged))
    record_property("trainer: metrics missing", len(missing))
    record_property("trainer: its runs touched while it was in them", len(touched))
    record_property("trainer: log calls that raised", sum(one["e"] == "raised" for one in said))
    record_property("trainer: log calls that raised twice", len(twice))
    record_property("trainer: clean-ups and undos around it", sum(cleaner.done.values()))
    record_property("trainer: of these killed", sum(n for what, n in cleaner.done.items() if "killed" in what))
    assert len(logged) > 50
    assert cleaner.done["apply"] > 0
    assert cleaner.done["undo"] > 0
    assert touched == []
    assert missing == []


def relocate(root: Path, was: Path) -> None:
    """The store stands elsewhere now: what names places inside it follows, and dates stay."""
    for path in root.rglob("meta.yaml"):
        status = path.stat()
        path.write_text(path.read_text().replace(was.as_uri(), root.as_uri()))
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
