"""The snapshot being made: what is known so far, handed out as immutable values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import cast

from mlruns_tui.model.store import (
    Experiment,
    Progress,
    Reference,
    RegisteredModel,
    Run,
    Size,
    Snapshot,
    Stage,
    StoreInfo,
    Stray,
)

from . import layout
from .packed import PackedRuns

_FEW = 64
"""So many runs are not worth packing."""


class Draft:
    """Collects entries while a scan goes on. Snapshots share everything that did not change."""

    def __init__(self, store: StoreInfo, previous: Snapshot | None, small: bool = False) -> None:
        """``small``: runs are packed while they rest, in snapshots too."""
        self.store = store
        self.stage: Stage = "listing"
        self.strays: dict[str, Stray] = {}
        """By path."""
        self.models: list[RegisteredModel] = []
        self.references: tuple[Reference, ...] = ()
        self.messages: list[str] = []
        self.total = Size()
        self.backup_bytes = 0
        self.closed_tags: dict[str, str] = {}
        """Runs by path whose tags could not be read, in words: nobody knows whose children they are."""
        self.runs_read = self.runs_sized = 0
        self._previous = dict(previous.runs) if previous is not None else {}
        self._began = monotonic()
        self._experiments: dict[str, Experiment] = {}
        self._small = small
        self._runs: dict[str, list[Run] | PackedRuns] = {}
        self._tuples: dict[str, tuple[Run, ...]] = {}
        self._changed: set[str] = set()
        self._sorted: tuple[Experiment, ...] | None = None

    def put_experiment(self, experiment: Experiment) -> None:
        self._experiments[experiment.key] = experiment
        self._sorted = None

    def drop_experiment(self, key: str) -> None:
        """It is no experiment after all."""
        for kept in (self._experiments, self._runs, self._tuples):
            kept.pop(key, None)
        self._changed.discard(key)
        self._sorted = None

    def experiment(self, key: str) -> Experiment | None:
        return self._experiments.get(key)

    def experiments(self) -> tuple[Experiment, ...]:
        """In the order they are shown."""
        if self._sorted is None:
            found = sorted(self._experiments.values(), key=lambda one: (one.place, layout.order(one.experiment_id)))
            self._sorted = tuple(found)
        return self._sorted

    def put_runs(self, key: str, runs: list[Run]) -> None:
        """The runs of an experiment; the list is kept and may be changed through ``put_run`` only."""
        self._runs[key] = runs
        self._changed.add(key)

    def rest(self, key: str) -> None:
        """Nothing will be put into the runs of this experiment for a while."""
        runs = self._runs.get(key)
        if self._small and isinstance(runs, list) and len(runs) > _FEW:
            self._runs[key] = PackedRuns(runs)
            self._changed.add(key)

    def runs_of(self, key: str) -> list[Run]:
        runs = self._runs.get(key, [])
        if isinstance(runs, PackedRuns):
            runs = self._runs[key] = list(runs)
        return runs

    def put_run(self, key: str, index: int, run: Run) -> None:
        self.runs_of(key)[index] = run
        self._changed.add(key)

    def number_of_runs(self) -> int:
        return sum(map(len, self._runs.values()))

    def all_runs(self) -> Iterator[Run]:
        return (run for runs in self._runs.values() for run in runs)

    def say(self, messages: Iterable[str]) -> None:
        """Add messages to the user, each once."""
        self.messages += [one for one in dict.fromkeys(messages) if one not in self.messages]

    def snapshot(self) -> Snapshot:
        for key in self._changed:
            runs = self._runs[key]
            self._tuples[key] = tuple(runs) if isinstance(runs, list) else cast("tuple[Run, ...]", runs)
        self._changed.clear()
        if self.stage == "complete":
            for key, before in self._previous.items():
                if self._tuples.get(key) == before:
                    self._tuples[key] = before
        return Snapshot(
            store=self.store,
            experiments=self.experiments(),
            runs={one.key: self._tuples[one.key] for one in self.experiments() if one.key in self._tuples},
            strays=tuple(sorted(self.strays.values(), key=lambda one: one.path)),
            models=tuple(self.models),
            references=self.references,
            backup_bytes=self.backup_bytes,
            total=self.total,
            messages=tuple(self.messages),
            progress=Progress(
                self.stage,
                sum(one.runs for one in self.experiments()),
                self.runs_read,
                self.runs_sized,
                self.total.files,
                int((monotonic() - self._began) * 1000),
            ),
        )
