"""The rules of the menu: values with words, each naming items and never looking at protection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Literal

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, Run, Snapshot, experiment_key, run_key
from mlruns_tui.model.words import IMPACTS, TRASH_NAME, Impact, Place, Status

from .rules import DAY_MS, STALE_RUNNING, Choice, idle_ms


def active_runs(snapshot: Snapshot) -> Iterator[Run]:
    """Runs MLflow lists: in the root, readable, not deleted."""
    for runs in snapshot.runs.values():
        for run in runs:
            if run.place == "root" and run.state == "ok" and run.lifecycle_stage != "deleted":
                yield run


def _idle_days(run: Run, now_ms: int) -> float | None:
    if run.size is None or not run.size.newest_ns:
        return None
    return idle_ms(run.size.newest_ns, now_ms) / DAY_MS


@dataclass(frozen=True, slots=True)
class Idle:
    """Active runs nothing inside was written to for more than ``days`` days."""

    days: int

    name = "idle"

    def words(self) -> str:
        return f"idle, last write over {self.days} d ago"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for run in active_runs(snapshot):
            idle = _idle_days(run, now_ms)
            if idle is not None and idle > self.days:
                yield Choice(run.key, self.name, f"last written to {idle:.0f} d ago")


@dataclass(frozen=True, slots=True)
class Ended:
    """Active runs that ended so: ``FAILED``, ``KILLED``."""

    status: Status

    @property
    def name(self) -> str:
        return self.status.lower()

    def words(self) -> str:
        return self.name

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for run in active_runs(snapshot):
            if run.status == self.status:
                yield Choice(run.key, self.name, self.name)


@dataclass(frozen=True, slots=True)
class StaleRunning:
    """Runs that say RUNNING and were not written to for more than ``days`` days, at least one."""

    days: int

    name = STALE_RUNNING

    def words(self) -> str:
        return f"RUNNING, silent over {self.days} d"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for run in active_runs(snapshot):
            if run.status != "RUNNING":
                continue
            idle = _idle_days(run, now_ms)
            if idle is not None and idle > max(self.days, 1):
                yield Choice(run.key, self.name, f"RUNNING, silent for {idle:.0f} d")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What MLflow deleted and nobody collected: runs deleted on their own, experiments in the trash.

    ``days``: only what was deleted longer ago, where that can be told.
    """

    days: int | None = None

    name = "deleted"

    def words(self) -> str:
        return "deleted, not collected" if self.days is None else f"deleted over {self.days} d ago, not collected"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        whole: set[str] = set()
        for one in snapshot.experiments:
            if one.lifecycle_stage == "deleted" and one.place == "trash":
                whole.add(one.key)
        for one in sorted(snapshot.experiments, key=lambda one: one.key):
            # Deleting writes this time; an older MLflow does not, but it writes the file.
            since = one.last_update_time or (one.size.newest_ns // 1_000_000 if one.size else None)
            if one.key in whole and (ago := self._ago(since, now_ms)) is not None:
                yield Choice(one.key, self.name, f"deleted{ago}, in MLflow's trash")
        for key, runs in snapshot.runs.items():
            for run in runs:
                if run.lifecycle_stage == "deleted" and key not in whole:
                    since = run.deleted_time or (run.size.newest_ns // 1_000_000 if run.size else None)
                    if (ago := self._ago(since, now_ms)) is not None:
                        yield Choice(run.key, self.name, f"deleted{ago}, not collected")

    def _ago(self, since_ms: int | None, now_ms: int) -> str | None:
        """How long ago in words, empty when nobody asked; None when it is not long enough or not known."""
        if self.days is None:
            return ""
        if not since_ms or now_ms - since_ms <= self.days * DAY_MS:
            return None
        return f" {(now_ms - since_ms) // DAY_MS} d ago"


@dataclass(frozen=True, slots=True)
class Empty:
    """Active experiments without a run."""

    name = "empty"

    def words(self) -> str:
        return "empty, no run inside"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for one in snapshot.experiments:
            if one.place == "root" and one.state == "ok" and _is_empty(one, snapshot):
                yield Choice(one.key, self.name, "empty: no run inside")


def _is_empty(one: Experiment, snapshot: Snapshot) -> bool:
    return one.size is not None and not one.runs and not one.readable_inside and not snapshot.runs.get(one.key, ())


@dataclass(frozen=True, slots=True)
class AllButLast:
    """Of each experiment's active runs all but the ``number`` that started last."""

    number: int

    name = "all-but-last"

    def words(self) -> str:
        return f"all but the last {self.number} of each experiment"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for runs in _by_experiment(snapshot):
            runs.sort(key=lambda run: (-(run.start_time or 0), run.run_id))
            for run in runs[self.number :]:
                yield Choice(run.key, self.name, f"not among the last {self.number}")


@dataclass(frozen=True, slots=True)
class AllButBest:
    """Of each experiment's active runs with a metric all but the ``number`` best by it. Runs without stay."""

    number: int
    metric: str
    end: Literal["max", "min"]
    values: Mapping[str, float] = field(default_factory=dict, compare=False)
    """The metric's last value by run key, as far as it was read."""

    name = "all-but-best"

    def words(self) -> str:
        return f"all but the best {self.number} by {self.metric}, {'highest' if self.end == 'max' else 'lowest'} first"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        sign = -1 if self.end == "max" else 1
        for runs in _by_experiment(snapshot):
            # A value that is no number is worse than any.
            known = [run for run in runs if run.key in self.values]
            known.sort(key=lambda run: (_nan_last(sign * self.values[run.key]), run.run_id))
            for run in known[self.number :]:
                yield Choice(run.key, self.name, f"not among the best {self.number} by {self.metric}")


def _nan_last(value: float) -> tuple[bool, float]:
    return (value != value, 0.0 if value != value else value)


@dataclass(frozen=True, slots=True)
class Biggest:
    """The biggest active runs until so many bytes are together; of those only that ``may_go`` lets through."""

    size_bytes: int
    may_go: Callable[[Run], bool] = field(default=lambda run: True, compare=False)

    name = "biggest"

    def words(self) -> str:
        return f"the biggest, until {self.size_bytes / 1e9:g} GB are together"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        runs = sorted(
            (run for run in active_runs(snapshot) if run.size is not None),
            key=lambda run: (-(run.size.size_bytes if run.size else 0), run.key),
        )
        together = 0
        for run in runs:
            if together >= self.size_bytes or run.size is None or not run.size.size_bytes:
                return
            if self.may_go(run):
                together += run.size.size_bytes
                yield Choice(run.key, self.name, "one of the biggest")


@dataclass(frozen=True, slots=True)
class Broken:
    """Runs and experiments with a finding at least as bad as ``impact`` that removing them would settle."""

    impact: Impact
    findings: Sequence[Finding] = field(default=(), compare=False)

    name = "broken"

    def words(self) -> str:
        return f"malformed, {self.impact} or worse"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        worst = IMPACTS.index(self.impact)
        seen: set[str] = set()
        for finding in sorted(self.findings, key=lambda one: IMPACTS.index(one.impact)):
            if IMPACTS.index(finding.impact) > worst or finding.remedy != "remove" or not finding.experiment_id:
                continue
            place: Place = "trash" if finding.path.split("/", 1)[0] == TRASH_NAME else "root"
            key = experiment_key(place, finding.experiment_id)
            if finding.run_id:
                key = run_key(place, finding.experiment_id, finding.run_id)
            if key not in seen:
                seen.add(key)
                yield Choice(key, self.name, f"{finding.impact}: {finding.what or finding.code}")


@dataclass(frozen=True, slots=True)
class SameArtifacts:
    """Active runs whose artifacts are those of an older one, byte for byte; the oldest of each group stays."""

    groups: tuple[tuple[str, ...], ...] = field(default=(), compare=False)
    """Keys of runs that are alike, as they were read."""

    name = "duplicates"

    def words(self) -> str:
        return "duplicates: the same artifacts as an older run"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        active = {run.key: run for run in active_runs(snapshot)}
        for group in self.groups:
            runs = sorted((active[key] for key in group if key in active), key=_oldest_first)
            for run in runs[1:]:
                oldest = runs[0].name or runs[0].run_id
                yield Choice(run.key, self.name, f"same artifacts as {oldest}, the oldest of {len(runs)}")


def _oldest_first(run: Run) -> tuple[bool, int, str]:
    return (run.start_time is None, run.start_time or 0, run.key)


def _by_experiment(snapshot: Snapshot) -> Iterator[list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in active_runs(snapshot):
        found.setdefault(run.experiment_id, []).append(run)
    yield from found.values()
