"""What a single run holds, read only when somebody asks to see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .findings import Symptom


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One metric's points, oldest first, thinned to a bounded number."""

    name: str
    count: int
    """Points in the file (0 when it could not be read)."""
    last: float | None
    lowest: float | None
    highest: float | None
    lowest_step: int | None
    highest_step: int | None
    points: tuple[tuple[int, int, float], ...]
    """Triples of step, time (ms), value; finite and not, as logged."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """One file or folder below ``artifacts/``."""

    path: str
    """Relative to ``artifacts/``."""
    size_bytes: int
    files: int
    is_dir: bool
    link: str = ""
    """Where a symbolic link points, as text."""
    exact: str = ""
    """The path as it is on the disk, never to be shown; empty when it is ``path``."""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """Everything the details screen shows of one run."""

    key: str
    params: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    metrics: tuple[MetricSeries, ...]
    artifacts: tuple[ArtifactEntry, ...]
    artifact_uri: str
    source: str = ""
    commit: str = ""
    messages: tuple[str, ...] = ()
    """What was cut or could not be read."""
    symptoms: tuple[Symptom, ...] = ()
    """What is wrong with it, its metrics, params and tags included; nothing of what only comparing it with
    others shows."""
    referring: tuple[str, ...] = ()
    """Who names it that a scan does not read, in words: traces, assessments, metrics of logged models."""
    writers: tuple[str, ...] = ()
    """Who has a file of it open for writing now, in words."""
    unchecked_processes: int = 0
    """Processes whose open files this user may not see; below 0 where nobody's can be seen."""
    in_container: bool = False
    """Only the processes of this container can be seen."""


@dataclass(frozen=True, slots=True)
class RunGlance:
    """The little of a run that can be read in a moment: the first of its names, and one metric's course."""

    key: str
    params: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    """MLflow's own behind the others."""
    metrics: tuple[MetricSeries, ...] = ()
    """That which was asked for is the first, where the run has it; then by name. Few points of each."""
    counts: tuple[int, int, int] = (0, 0, 0)
    """How many params, tags and metrics there are; at least, where not all were counted."""
    messages: tuple[str, ...] = ()
    """What could not be read, or not in the time there is."""


PreviewKind = Literal["text", "json", "image", "archive", "bytes", "nothing"]


@dataclass(frozen=True, slots=True)
class ArtifactPreview:
    """What can be said of one artifact without a program for it."""

    path: str
    kind: PreviewKind
    what: str
    """In a few words: ``PNG image, 640 × 480``."""
    size_bytes: int
    lines: tuple[str, ...] = ()
    """Safe to show, one line each."""
    cut: bool = False
    """Only the beginning is here."""
