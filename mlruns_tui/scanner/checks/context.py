"""What every check is given: the store, and whose files it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlruns_tui.model.findings import Symptom


@dataclass(frozen=True, slots=True)
class Store:
    """The store that is looked through."""

    fd: int
    """A descriptor on its root."""
    root: str
    """The root's path, resolved: what links are compared with."""
    pulse: Callable[[], None]
    """Called between steps; ends the checks by an exception of its own."""
    leave_out: frozenset[str] = frozenset()
    """Paths of directories in the places of experiments that are a database's: no business of ours."""
    contents: bool = True
    """Whether the files of metrics, params and tags are looked into, which takes most of the time."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose files are looked at: directory names, empty where there is no such owner."""

    experiment_id: str = ""
    run_id: str = ""

    def says(self, code: str, path: str, detail: str = "", line: int | None = None, runs: int = 0) -> Symptom:
        return Symptom(code, path, line, self.experiment_id, self.run_id, detail, runs)
