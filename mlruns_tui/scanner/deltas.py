"""Snapshots between two processes: only what changed since the one before is sent.

Runs and experiments travel as plain tuples of their fields, which pickle several times faster than the
values themselves.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from mlruns_tui.model.quick import quick_run
from mlruns_tui.model.store import Experiment, Run, Snapshot

_RUN_FIELDS: Final = attrgetter(*(one.name for one in dataclasses.fields(Run)))
_EXPERIMENT_FIELDS: Final = attrgetter(*(one.name for one in dataclasses.fields(Experiment)))


@dataclass(frozen=True, slots=True)
class Delta:
    """What one snapshot has that the one before it had not."""

    rest: Snapshot
    """Everything but experiments and runs."""
    order: list[str] | None
    """Keys of all experiments, when they are not the same in the same order."""
    experiments: list[tuple[Any, ...]]
    runs: dict[str, list[tuple[Any, ...]]]
    """All runs of an experiment, by key."""
    changed: dict[str, list[tuple[int, tuple[Any, ...]]]]
    """Some runs of an experiment, with their places in its runs."""
    gone: list[str]
    """Experiments whose runs are not known any more."""


def difference(before: Snapshot | None, now: Snapshot) -> Delta:
    """What must be sent to somebody who has ``before``."""
    old = {one.key: one for one in before.experiments} if before is not None else {}
    keys = [one.key for one in now.experiments]
    whole: dict[str, list[tuple[Any, ...]]] = {}
    changed: dict[str, list[tuple[int, tuple[Any, ...]]]] = {}
    known = before.runs if before is not None else {}
    for key, runs in now.runs.items():
        had = known.get(key)
        if had is runs:
            continue
        if had is None or len(had) != len(runs):
            whole[key] = [_RUN_FIELDS(run) for run in runs]
        else:
            pairs = zip(had, runs, strict=True)
            changed[key] = [(at, _RUN_FIELDS(new)) for at, (one, new) in enumerate(pairs) if one is not new]
    return Delta(
        dataclasses.replace(now, experiments=(), runs={}),
        keys if list(old) != keys else None,
        [_EXPERIMENT_FIELDS(one) for one in now.experiments if old.get(one.key) is not one],
        whole,
        changed,
        [key for key in known if key not in now.runs],
    )


class Assembler:
    """Puts snapshots together again, sharing everything that did not change."""

    def __init__(self) -> None:
        self._experiments: dict[str, Experiment] = {}
        self._order: list[str] = []
        self._runs: dict[str, tuple[Run, ...]] = {}
        self._tuple: tuple[Experiment, ...] = ()

    def take(self, delta: Delta) -> Snapshot:
        for fields in delta.experiments:
            one = Experiment(*fields)
            self._experiments[one.key] = one
        if delta.order is not None:
            self._order = delta.order
        if delta.experiments or delta.order is not None:
            self._tuple = tuple(self._experiments[key] for key in self._order)
        for key in delta.gone:
            self._runs.pop(key, None)
        for key, runs in delta.runs.items():
            self._runs[key] = tuple(quick_run(*fields) for fields in runs)
        for key, changes in delta.changed.items():
            patched = list(self._runs[key])
            for at, fields in changes:
                patched[at] = quick_run(*fields)
            self._runs[key] = tuple(patched)
        in_order = {key: self._runs[key] for key in self._order if key in self._runs}
        return dataclasses.replace(delta.rest, experiments=self._tuple, runs=in_order)
