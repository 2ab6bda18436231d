"""One thing that is wrong in a store, as a value."""

from __future__ import annotations

from typing import Literal

from .late import dataclass
from .words import Impact


@dataclass(frozen=True, slots=True)
class Symptom:
    """What is wrong with one file or directory: a fact about the disk, whatever MLflow makes of it."""

    code: str
    """Stable word, the key of ``triage.impact``'s table: ``experiment-meta-missing``."""
    path: str
    """Relative to the store's root, as ``model.store`` spells paths."""
    line: int | None = None
    """Counted from 1; of a metric file."""
    experiment_id: str = ""
    """Directory names, not what a file claims."""
    run_id: str = ""
    detail: str = ""
    """The key, value or reason it is about, safe to show."""
    runs: int = 0
    """How many hang on it: runs inside an experiment, runs that need a dataset, entries of a folder."""
    link: str = ""
    """Where it was seen through a link: which, and where that leads, in words; empty otherwise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect, where it is, and what MLflow does because of it."""

    code: str
    """Stable word for scripts: ``experiment-meta-missing``."""
    impact: Impact
    path: str
    """Relative to the store's root."""
    message: str
    line: int | None = None
    experiment_id: str = ""
    run_id: str = ""
    remedy: Literal["remove", "repair", "none"] = "none"
    migration: Literal["ok", "fails", "orphans-runs"] = "ok"
    what: str = ""
    """What is wrong, in a few words, for a narrow column; ``message`` says it with what MLflow does."""
    cause: str = ""
    """What most likely did it; empty when nobody can know."""
    runs: int = 0
    """How many hang on it, mostly runs, where it is not about a single one."""
    kept: str = ""
    """Why it is not repaired though its like are, in words."""
