"""The demo store as values: everything in it is decided here before a byte is written.

Times are milliseconds since 1970 UTC, sizes bytes, paths relative to the store's root with ``/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mlruns_tui.model.words import Status

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
SECOND = 1_000

Fate = Literal[
    "young", "live", "deleted", "trashed", "goes", "keep-tag", "parent", "model-version", "running"
]  # fmt: skip
"""What becomes of a run when runs over 30 days old are cleared out. ``goes``: nothing needs it. The last
four are old and stay, and are named as the kind of protection that keeps them."""

Shape = Literal["settle", "cosine", "flat"]

ArtifactKind = Literal["weights", "image", "config", "report", "log", "table", "vocabulary", "requirements", "MLmodel"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one run, as the few numbers it is drawn from (``curves.render``)."""

    name: str
    shape: Shape
    first: float
    last: float
    wobble: float
    points: int
    every: int
    """Steps between two points."""
    begin_ms: int
    end_ms: int
    noise_at: int
    diverges: bool = False
    """The last points are ``nan``."""
    dataset: tuple[str, str] | None = None
    """Name and digest of the dataset it was measured on."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file below ``artifacts/``."""

    path: str
    kind: ArtifactKind
    size: int
    """Of ``weights``, ``log`` and ``table``; the other kinds are as long as what they say."""
    pick: int
    """Where in the pool of bytes its content starts."""
    mtime_ms: int


@dataclass(frozen=True, slots=True)
class DemoRun:
    """One run directory."""

    run_id: str
    experiment_id: str
    name: str
    user: str
    status: Status
    fate: Fate
    start_ms: int
    end_ms: int | None
    deleted_ms: int | None
    last_write_ms: int
    """When the training process wrote for the last time."""
    params: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str, int], ...]
    """Key, value, and when it was set."""
    curves: tuple[Curve, ...]
    artifacts: tuple[Artifact, ...]
    parent_id: str = ""
    dataset: Dataset | None = None
    outputs: tuple[str, ...] = ()
    """Ids of the logged models it produced."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset definition of an experiment."""

    name: str
    digest: str
    source: str
    rows: int
    columns: tuple[str, ...] = ()
    """Names of its numeric columns; none: it is a list of texts."""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """``EXP/models/m-…``, made by a run."""

    model_id: str
    experiment_id: str
    run_id: str
    name: str
    created_ms: int
    artifacts: tuple[Artifact, ...]
    metrics: tuple[tuple[str, float], ...]
    user: str
    script: str
    versions: tuple[tuple[str, int], ...] = ()
    """Registered model and version made from it."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace of an experiment, made while a run was active."""

    trace_id: str
    experiment_id: str
    run_id: str
    user: str
    script: str
    time_ms: int
    duration_ms: int
    question: str
    answer: str
    assessment_id: str


@dataclass(frozen=True, slots=True)
class DemoExperiment:
    """One experiment directory with its metadata."""

    experiment_id: str
    name: str
    location: str
    """Where its artifacts are, relative to the root: its own directory or a folder in another one."""
    created_ms: int
    updated_ms: int
    tags: tuple[tuple[str, str], ...]
    runs: tuple[DemoRun, ...]
    datasets: tuple[Dataset, ...] = ()
    models: tuple[LoggedModel, ...] = ()
    traces: tuple[Trace, ...] = ()
    trashed: bool = False

    @property
    def path(self) -> str:
        return f".trash/{self.experiment_id}" if self.trashed else self.experiment_id


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a registered model; ``files`` is empty for a prompt's."""

    version: int
    created_ms: int
    updated_ms: int
    run_id: str | None
    files: str
    """Where its files are, relative to the root."""
    model_id: str | None = None
    """Of the logged model it was made from; None when the files are inside the run."""
    stage: str = "None"
    description: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model or a prompt."""

    name: str
    created_ms: int
    updated_ms: int
    description: str | None
    tags: tuple[tuple[str, str], ...]
    aliases: tuple[tuple[str, int], ...]
    versions: tuple[ModelVersion, ...]


@dataclass(frozen=True, slots=True)
class Orphan:
    """What is left of an experiment whose ``meta.yaml`` is gone; it holds no run."""

    experiment_id: str
    newest_ms: int
    tags: tuple[tuple[str, str], ...]
    datasets: tuple[tuple[Dataset, int], ...]
    """Each with the time it was written, in ms."""
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A whole store."""

    now_ms: int
    seed: int
    experiments: tuple[DemoExperiment, ...]
    trashed: tuple[DemoExperiment, ...]
    orphans: tuple[Orphan, ...]
    registry: tuple[RegisteredModel, ...]
    claimed_folder: str
    """Holds the artifacts of an experiment that is not the one it lies in."""

    @property
    def runs(self) -> Mapping[str, DemoRun]:
        """Runs of the root's experiments by id."""
        return {run.run_id: run for experiment in self.experiments for run in experiment.runs}


class Entry(NamedTuple):
    """One file or directory to be made; ``data`` is None for a directory."""

    path: str
    data: bytes | None
    mtime_ms: int
