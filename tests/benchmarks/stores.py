"""Stores to measure on: written here, without MLflow, in the format of its file store (3.17).

``full`` runs look like real ones: 12 params, 8 metrics of 20 to 100 lines, 6 tags, 5 artifacts, meta.yaml, in
6 directories (its own included): 38 entries. ``thin`` runs have 5 files in 5 directories, so that 100,000 of
them fit on a small disk. Every run is active, FINISHED, ended 40 days or more ago, and its files are that old.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

DAY_MS = 86_400_000
Shape = Literal["full", "thin"]
FORMAT = 3
"""Kept stores of another number are written again."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which store: so many runs spread over so many experiments."""

    runs: int
    experiments: int
    shape: Shape = "full"
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Store:
    """A store on a disk."""

    root: Path
    names: tuple[str, ...]
    """Names of its experiments."""
    runs: int

    @property
    def experiments(self) -> list[Path]:
        return sorted(path for path in self.root.iterdir() if path.name.isdigit())


def experiment_name(at: int) -> str:
    return f"exp-{at:04d}"


def write(root: Path, recipe: Recipe) -> Store:
    """Write a store into the new directory ``root``, with one process a core."""
    root.mkdir(parents=True)
    (root / ".trash").mkdir()
    now_ms = time.time_ns() // 1_000_000
    jobs = [(root, recipe, at, now_ms) for at in range(recipe.experiments)]
    if recipe.runs < 500:
        for job in jobs:
            _write_experiment(job)
    else:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("fork")) as pool:
            for _ in pool.map(_write_experiment, jobs):
                pass
    return Store(root, tuple(experiment_name(at) for at in range(recipe.experiments)), recipe.runs)


def write_seed(root: Path) -> Store:
    """The demo store: seventeen experiments, 1,293 runs, two orphans, models, a trash."""
    from mlruns_tui.demo.store import write_demo

    root.parent.mkdir(parents=True, exist_ok=True)
    demo = write_demo(str(root))
    runs = len(demo.run_paths)
    return Store(root, tuple(demo.experiment_ids), runs)


def make(folder: Path, name: str, recipe: Recipe | None) -> Store:
    """The store ``name`` in ``folder``, kept from before if it is the same one; ``None`` is the demo store."""
    root, stamp = folder / name, folder / f"{name}.made"
    wanted = f"{FORMAT} {asdict(recipe) if recipe else 'demo'}"
    if root.exists() and not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(root)
    if root.exists():
        if recipe is None:
            return Store(root, _demo_names(root), 1293)
        return Store(root, tuple(experiment_name(at) for at in range(recipe.experiments)), recipe.runs)
    stamp.unlink(missing_ok=True)
    store = write(root, recipe) if recipe else write_seed(root)
    stamp.write_text(wanted)
    return store


def _demo_names(root: Path) -> tuple[str, ...]:
    found = []
    for meta in root.glob("[0-9]*/meta.yaml"):
        lines = meta.read_text(errors="replace").splitlines()
        found += [line[len("name: ") :].strip("'\"") for line in lines if line.startswith("name: ")]
    return tuple(found)


def experiment_id(at: int) -> str:
    return str(100_000_000_000_000_000 + at * 7_919) if at else "0"


def _write_experiment(job: tuple[Path, Recipe, int, int]) -> None:
    root, recipe, at, now_ms = job
    chance = random.Random(f"{recipe.seed} {at}")
    identifier = experiment_id(at)
    top = root / identifier
    top.mkdir()
    created = now_ms - 400 * DAY_MS
    (top / "meta.yaml").write_text(
        f"artifact_location: {root.as_uri()}/{identifier}\ncreation_time: {created}\nexperiment_id: '{identifier}'\n"
        f"last_update_time: {created}\nlifecycle_stage: active\nname: {experiment_name(at)}\n"
    )
    for number in range(at, recipe.runs, recipe.experiments):
        _write_run(top, identifier, number, recipe.shape, chance, now_ms)
    os.utime(top, ns=(created * 1_000_000, created * 1_000_000))


def _write_run(top: Path, experiment: str, number: int, shape: Shape, chance: random.Random, now_ms: int) -> None:
    run_id = f"{chance.getrandbits(128):032x}"
    ended = now_ms - (40 * DAY_MS + chance.randrange(300 * DAY_MS))
    started = ended - chance.randrange(60_000, 7_200_000)
    run = f"{top}/{run_id}"
    folders = [run, f"{run}/params", f"{run}/metrics", f"{run}/tags", f"{run}/artifacts"]
    if shape == "full":
        folders.append(f"{run}/artifacts/model")
    for folder in folders:
        os.mkdir(folder)
    quoted = f"'{run_id}'" if run_id.isdigit() else run_id
    meta = (
        f"artifact_uri: {top.as_uri()}/{run_id}/artifacts\nend_time: {ended}\nentry_point_name: ''\n"
        f"experiment_id: '{experiment}'\nlifecycle_stage: active\nrun_id: {quoted}\nrun_name: run-{number:06d}\n"
        f"source_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: {started}\nstatus: 3\ntags: []\n"
        f"user_id: alice\n"
    ).encode()
    contents = _full(number, chance, started) if shape == "full" else _thin(number, started)
    times = (ended * 1_000_000, ended * 1_000_000)
    for name, data in (("meta.yaml", meta), *contents):
        path = f"{run}/{name}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, data)
        os.utime(fd, ns=times)
        os.close(fd)
    for folder in reversed(folders):
        os.utime(folder, ns=times)


def _thin(number: int, started: int) -> Iterator[tuple[str, bytes]]:
    yield "params/lr", b"0.01"
    yield "metrics/loss", f"{started} 0.25 0\n".encode()
    yield "tags/mlflow.runName", f"run-{number:06d}".encode()
    yield "artifacts/model.txt", b"weights"


def _full(number: int, chance: random.Random, started: int) -> Iterator[tuple[str, bytes]]:
    for at in range(12):
        yield f"params/param_{at:02d}", f"{chance.random():.6f}".encode()
    for at in range(8):
        lines = (f"{started + step * 1000} {0.9**step:.6f} {step}\n" for step in range(20 + (number + at * 11) % 81))
        yield f"metrics/metric_{at}", "".join(lines).encode()
    yield "tags/mlflow.runName", f"run-{number:06d}".encode()
    yield "tags/mlflow.user", b"alice"
    yield "tags/mlflow.source.name", b"train.py"
    yield "tags/mlflow.source.type", b"LOCAL"
    yield "tags/mlflow.source.git.commit", b"8c1f03d2a1b24c7e9f00aa11bb22c310"
    yield "tags/stage", b"sweep"
    yield "artifacts/model/MLmodel", b"flavors: {}\n" * 20
    yield "artifacts/model/model.pkl", bytes(4096)
    yield "artifacts/model/conda.yaml", b"name: env\n" * 30
    yield "artifacts/model/requirements.txt", b"mlflow\n" * 10
    yield "artifacts/plot.png", bytes(8192)
