"""A reader that shows at once what was found last time, and reads the store behind it.

What was kept is only ever shown: each experiment gives way to what is read now as soon as all of it was, and
one whose directory is another or was changed is not shown from memory at all. Nothing is decided by it:
evidence and details are read afresh, and no earlier scan is taken for one of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from mlruns_tui.model.protocols import Stop, never
from mlruns_tui.model.store import Experiment, Progress, Run, Snapshot, StoreInfo

from .reader import StoreReader
from .root import open_root

Seen = tuple[int, int, int]
"""Of a directory: inode, and the times in ns its entries and its own record changed."""


class Keeper(Protocol):
    """Where snapshots are kept. Neither call raises: what is kept is a comfort."""

    def load(self, store: StoreInfo) -> tuple[Snapshot, dict[str, Seen]] | None: ...

    def save(self, snapshot: Snapshot, seen: Mapping[str, Seen]) -> None: ...


class KeepingReader(StoreReader):
    """Its first scan begins with what was kept; every complete one is kept."""

    keeper: Keeper

    def scan(self, previous: Snapshot | None = None, stop: Stop = never) -> Iterator[Snapshot]:
        """As promised by ``StoreReader``. What is from memory has the stage of the reading behind it."""
        kept = self._kept() if previous is None and self._last is None else None
        if kept is not None:
            runs = sum(map(len, kept.runs.values()))
            yield replace(kept, progress=Progress("sizes", runs, runs, runs, kept.total.files))
        for snapshot in super().scan(previous, stop):
            if snapshot.complete:
                self.keeper.save(snapshot, self._seen(snapshot.experiments))
                kept = None
            yield snapshot if kept is None else _over(kept, snapshot)

    def _kept(self) -> Snapshot | None:
        """What was kept, without what stands somewhere else or was changed since."""
        found = self.keeper.load(self.store)
        if found is None:
            return None
        kept, seen = found
        now = self._seen(kept.experiments)
        same = tuple(one for one in kept.experiments if one.path in now and now[one.path] == seen.get(one.path))
        keys = {one.key for one in same}
        return replace(kept, experiments=same, runs={key: runs for key, runs in kept.runs.items() if key in keys})

    def _seen(self, experiments: tuple[Experiment, ...]) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        root_fd = open_root(self.store)
        if root_fd is None:
            return found
        try:
            for path in {one.path for one in experiments if one.path}:
                try:
                    status = os.stat(path, dir_fd=root_fd, follow_symlinks=False)
                except OSError:
                    continue
                found[path] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        finally:
            os.close(root_fd)
        return found


def _over(kept: Snapshot, now: Snapshot) -> Snapshot:
    """What is known now, and of what was not read to the end yet, what was kept."""
    if not now.experiments:
        # Not listed yet, or stopped before it was.
        return replace(kept, progress=now.progress)
    old = {one.key: one for one in kept.experiments}
    experiments: list[Experiment] = []
    runs: dict[str, tuple[Run, ...]] = {}
    for one in now.experiments:
        known = old.get(one.key) if one.size is None else None
        source = now if known is None else kept
        experiments.append(known or one)
        if one.key in source.runs:
            runs[one.key] = source.runs[one.key]
    return replace(
        now,
        experiments=tuple(experiments),
        runs=runs,
        strays=kept.strays,
        models=kept.models,
        references=kept.references,
        backup_bytes=kept.backup_bytes,
        total=kept.total,
    )
