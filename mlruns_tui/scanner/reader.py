"""The reader of one store: scans it, looks at items afresh, shows what a run holds. Changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mlruns_tui.disk import look
from mlruns_tui.model.protocols import Stop, never, unheard, unseen
from mlruns_tui.model.store import Snapshot, StoreInfo

from .listing import Listing
from .root import open_root, unreachable
from .scan import Scan

if TYPE_CHECKING:
    from mlruns_tui.model.details import ArtifactPreview, RunDetails, RunGlance
    from mlruns_tui.model.duplicates import Comparing, Duplicates
    from mlruns_tui.model.evidence import Evidence
    from mlruns_tui.model.findings import Symptom
    from mlruns_tui.model.mending import Look
    from mlruns_tui.model.mending import Wanted as Broken
    from mlruns_tui.model.values import RunValues, ValueNames, Wanted

_HELD_S: Final = 5.0
"""How long it is believed who has files open, where that is only shown."""
_FRESH_S: Final = 1.0
"""A listing made while the store was opened serves its first scan, when that comes at once."""


class StoreReader:
    """Reads one store in this process. Implements ``model.protocols.Reader``."""

    def __init__(self, store: StoreInfo, database: str | None = None, listing: Listing | None = None) -> None:
        """``database``: the one the user named, if any; ``listing``: of the root, made this moment. Made by
        ``scanner.store.open_store``."""
        self._store = store
        self._given = database
        self._last: Snapshot | None = None
        self.small = False
        """Runs of a scan are packed while they rest: for a process whose parent has them."""
        self._listing = listing
        self._opened = time.monotonic()
        self._held: tuple[float, look.OpenFiles] | None = None
        """Who has files open, and when that was looked for."""

    @property
    def store(self) -> StoreInfo:
        """Which store; its kind is what the newest scan found."""
        return self._store

    def scan(self, previous: Snapshot | None = None, stop: Stop = never) -> Iterator[Snapshot]:
        """Snapshots, each more complete than the last; the final one is ``complete`` or ``stopped``.

        ``previous``: an earlier one; what did not change is shared with it. Raises StaleError when the
        root is gone or another directory than the one that was opened.
        """
        root_fd = open_root(self._store)
        try:
            listing, self._listing = self._listing, None
            if time.monotonic() - self._opened > _FRESH_S:
                listing = None
            scan = Scan(self._store, root_fd, self._given, previous, stop, listing, small=self.small)
            for snapshot in scan.snapshots():
                self._store = snapshot.store
                self._last = snapshot
                yield snapshot
        except OSError as error:
            # Entries never raise; this is the root itself.
            raise unreachable(self._store, error) from None
        finally:
            if root_fd is not None:
                os.close(root_fd)

    def inspect(self, keys: Sequence[str]) -> Evidence:
        """Fresh facts about these items; unknown keys come back with an error. Raises StaleError."""
        from .evidence import inspect

        return inspect(self._store, self._given, keys, self._last)

    def details(self, key: str) -> RunDetails:
        """Params, tags, metrics and artifacts of one run. Raises MlrunsError when the run is gone."""
        from .details import details

        now = time.monotonic()
        if self._held is None or now - self._held[0] > _HELD_S:
            # Of many runs looked at one after the other it is asked once.
            self._held = now, look.open_files(self._store.identity.device)
        return details(self._store, key, self._last, self._held[1])

    def glance(self, key: str, metric: str = "", stop: Stop = never) -> RunGlance | None:
        """What a moment suffices to read of one run. Raises MlrunsError when it is gone."""
        from .glance import glance

        return glance(self._store, key, metric, self._last, stop)

    def preview(self, key: str, artifact: str) -> ArtifactPreview:
        """The beginning of one artifact of a run. Raises MlrunsError when it cannot be read."""
        from .preview import preview

        return preview(self._store, key, artifact)

    def symptoms(
        self,
        leave_out: Collection[str] = (),
        *,
        contents: bool = True,
        unsaid: Collection[str] = (),
        stop: Stop = never,
        tell: Callable[[int], None] = unheard,
    ) -> tuple[Symptom, ...]:
        """See ``model.protocols.Reader``. Never raises for what is broken, only when the root is gone."""
        from .checks import Seen, check_store

        root_fd = open_root(self._store)
        if root_fd is None:
            return ()
        seen = Seen()

        def asked() -> bool:
            tell(len(seen.run_folders))
            return stop()

        try:
            found = check_store(root_fd, self._store.root, asked, leave_out, contents=contents, seen=seen)
            return tuple(one for one in found if one.code not in unsaid)
        finally:
            os.close(root_fd)

    def values(self, keys: Sequence[str], wanted: Wanted) -> tuple[RunValues, ...]:
        """What is wanted of the first of these runs, at least one. Raises MlrunsError, StaleError."""
        from .values import values

        return values(self._store, keys, wanted, self._last) if keys else ()

    def names(self, keys: Sequence[str]) -> ValueNames:
        """Names of the metrics, params and tags of these runs. Raises MlrunsError, StaleError."""
        from .values import names

        return names(self._store, keys, self._last)

    def duplicates(
        self, keys: Sequence[str], *, stop: Stop = never, tell: Callable[[Comparing], None] = unseen
    ) -> Duplicates:
        """Which of these runs have the same artifacts. Raises StaleError."""
        from .duplicates import duplicates

        return duplicates(self._store, keys, stop, tell)

    def look_at(self, places: Sequence[Broken], brief: bool = False) -> Look:
        """The places a repair is about, as they are now. Raises StaleError."""
        from .mending import look_at

        return look_at(self._store, places, brief=brief)
