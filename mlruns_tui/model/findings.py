"""One thing that is wrong in a store, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .words import Impact


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
