"""What every check is given: the store, and whose files it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe

MOST_FILES = 200_000
MOST_BYTES = 2 << 30
"""What is read through links at most: one may lead to all there is on a machine."""


@dataclass(slots=True)
class Beyond:
    """How much was read through links so far."""

    files: int = 0
    bytes: int = 0

    def count(self, size: int) -> None:
        self.files += 1
        self.bytes += size

    @property
    def used_up(self) -> bool:
        return self.files > MOST_FILES or self.bytes > MOST_BYTES


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
    beyond: Beyond = field(default_factory=Beyond)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose files are looked at: directory names, empty where there is no such owner."""

    experiment_id: str = ""
    run_id: str = ""
    link: tuple[str, str] | None = None
    """The link through which they are looked at: its path, and where it leads."""

    def says(self, code: str, path: str, detail: str = "", line: int | None = None, runs: int = 0) -> Symptom:
        return Symptom(code, path, line, self.experiment_id, self.run_id, detail, runs, self._through(path))

    def of_run(self, name: str) -> Owner:
        return replace(self, run_id=name)

    def _through(self, path: str) -> str:
        if self.link is None:
            return ""
        which = "it" if self.link[0] == path else safe(self.link[0], 200)
        return f"{which} is a link to {safe(self.link[1], 200)}"
