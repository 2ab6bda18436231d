"""Snapshots between two processes: only what changed since the one before is sent.

Runs and experiments travel as plain tuples of their fields, which pickle several times faster than the
values themselves. Of a run that was only measured, its path, ids, texts and times are not sent a second time.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import Any, Final

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.quick import measured_run, quick_size
from mlruns_tui.model.store import Experiment, Run, Snapshot

from .packed import PackedRuns, fields_of, fields_of_all, run_of_fields, size_fields

_MEASURED: Final = ("name", "parent", "keep", "owner")
"""What measuring may say of a run besides its size and troubles."""
_NAMES: Final = Run.__match_args__
_AT_SIZE: Final = _NAMES.index("size")
_SAID: Final = attrgetter(*(one for one in _NAMES[:_AT_SIZE] if one not in _MEASURED))
_EXPERIMENT_FIELDS: Final = attrgetter(*Experiment.__match_args__)


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
    measured: dict[str, list[tuple[Any, ...]]]
    """Others of which only the size is new: place, name, parent, keep, owner, size, trouble."""
    gone: list[str]
    """Experiments whose runs are not known any more."""


def difference(before: Snapshot | None, now: Snapshot) -> Delta:
    """What must be sent to somebody who has ``before``."""
    old = {one.key: one for one in before.experiments} if before is not None else {}
    keys = [one.key for one in now.experiments]
    whole: dict[str, list[tuple[Any, ...]]] = {}
    changed: dict[str, list[tuple[int, tuple[Any, ...]]]] = {}
    measured: dict[str, list[tuple[Any, ...]]] = {}
    known = before.runs if before is not None else {}
    for key, runs in now.runs.items():
        had = known.get(key)
        if had is runs:
            continue
        if had is None or len(had) != len(runs):
            whole[key] = fields_of_all(runs)
            continue
        changed[key], measured[key] = [], []
        both: tuple[object, ...] = (had, runs)
        is_packed = any(isinstance(one, PackedRuns) for one in both)
        for at, (one, new) in enumerate(zip(had, runs, strict=True)):
            if one is new or (is_packed and one == new):
                continue
            if _SAID(one) == _SAID(new):
                measured[key].append((at, new.name, new.parent, new.keep, new.owner, size_fields(new), new.trouble))
            else:
                changed[key].append((at, fields_of(new)))
    return Delta(
        dataclasses.replace(now, experiments=(), runs={}),
        keys if list(old) != keys else None,
        [_EXPERIMENT_FIELDS(one) for one in now.experiments if old.get(one.key) is not one],
        whole,
        changed,
        measured,
        [key for key in known if key not in now.runs],
    )


def _measured(run: Run, told: tuple[Any, ...]) -> Run:
    """The same run with what measuring told."""
    _, name, parent, keep, owner, size, trouble = told
    return measured_run(run, name, parent, keep, owner, quick_size(size), trouble)


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
            self._runs[key] = tuple(map(run_of_fields, runs))
        for key, changes in delta.changed.items():
            patched = list(self._runs[key])
            for at, fields in changes:
                patched[at] = run_of_fields(fields)
            for told in delta.measured.get(key, ()):
                patched[told[0]] = _measured(patched[told[0]], told)
            self._runs[key] = tuple(patched)
        in_order = {key: self._runs[key] for key in self._order if key in self._runs}
        return dataclasses.replace(delta.rest, experiments=self._tuple, runs=in_order)
