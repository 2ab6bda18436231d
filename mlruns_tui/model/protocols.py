"""What one room promises another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .batch import ApplyEvent
    from .details import ArtifactPreview, RunDetails, RunGlance
    from .duplicates import Comparing, Duplicates
    from .evidence import Evidence
    from .findings import Symptom
    from .mending import Look
    from .mending import Wanted as Broken
    from .store import Snapshot, StoreInfo
    from .values import RunValues, ValueNames, Wanted

Stop = Callable[[], bool]
"""Asked often during long work; True ends it within 200 ms, keeping what was found."""

Tell = Callable[["ApplyEvent"], None]


def silent(event: ApplyEvent) -> None:
    """Tell nobody."""


def unheard(count: int) -> None:
    """Tell nobody how far it is."""


def unseen(progress: Comparing) -> None:
    """Tell nobody how far a comparison is."""


def never() -> bool:
    """Never stop."""
    return False


class Reader(Protocol):
    """Reads one store. Never changes anything, never raises for a broken entry."""

    @property
    def store(self) -> StoreInfo: ...

    def scan(self, previous: Snapshot | None = None, stop: Stop = never) -> Iterator[Snapshot]:
        """Snapshots, each more complete than the last; the final one is ``complete`` or ``stopped``."""
        ...

    def inspect(self, keys: Sequence[str]) -> Evidence:
        """Fresh facts about these items (experiments and runs by key); unknown keys come back with an error."""
        ...

    def details(self, key: str) -> RunDetails:
        """Params, tags, metrics and artifacts of one run. Raises MlrunsError when the run is gone."""
        ...

    def glance(self, key: str, metric: str = "", stop: Stop = never) -> RunGlance | None:
        """What a moment suffices to read of one run, the course of ``metric`` first (else the first by name).

        None when ``stop`` ended it. Raises MlrunsError when the run is gone.
        """
        ...

    def preview(self, key: str, artifact: str) -> ArtifactPreview:
        """The beginning of one artifact of a run, by its exact path below ``artifacts``. Raises MlrunsError."""
        ...

    def symptoms(
        self,
        leave_out: Collection[str] = (),
        *,
        contents: bool = True,
        unsaid: Collection[str] = (),
        stop: Stop = never,
        tell: Callable[[int], None] = unheard,
    ) -> tuple[Symptom, ...]:
        """What is wrong in the store, as it is now; what was found so far when ``stop`` ends it.

        ``leave_out``: paths of directories that are a database's. ``unsaid``: codes nobody wants to hear of.
        ``contents``: look into metrics, params and tags too, which takes most of the time. ``tell`` hears how many
        runs were looked at, a few times a second. Raises StaleError when the store is gone or another one now.
        """
        ...

    def values(self, keys: Sequence[str], wanted: Wanted) -> tuple[RunValues, ...]:
        """What is wanted of the first of these runs, at least one, in their order: ask again for the others."""
        ...

    def names(self, keys: Sequence[str]) -> ValueNames:
        """Names of the metrics, params and tags of these runs, or of the first of them when there are many."""
        ...

    def duplicates(
        self, keys: Sequence[str], *, stop: Stop = never, tell: Callable[[Comparing], None] = unseen
    ) -> Duplicates:
        """Which of these runs have the same artifacts, byte for byte; contents are read for it.

        ``tell`` hears how far it is, a few times a second. Raises StaleError when the store is gone.
        """
        ...

    def look_at(self, places: Sequence[Broken], brief: bool = False) -> Look:
        """The places a repair is about, and what lost metadata there can be rebuilt from, as they are now.
        ``brief``: only what tells whether it can be rebuilt at all, not sizes, users and times.
        Raises StaleError when the store is gone or another one now."""
        ...
