"""Rules: which items are asked for. A rule never looks at protection; that is judged afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Run, Snapshot
from mlruns_tui.model.words import FINAL_STATUSES, Action

DAY_MS = 86_400_000
STALE_RUNNING = "stale-running"
"""Name of the rule that asks for runs that say RUNNING and have been silent for days."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One item somebody asked for: a rule, or the user by hand."""

    key: str
    rule: str
    reason: str
    action: Action = "remove"


@dataclass(frozen=True, slots=True)
class Orphaned:
    """Orphaned experiments, in the root and in the trash."""

    with_runs: bool = False
    """Also those that still hold readable runs."""

    name = "orphaned"

    def words(self) -> str:
        return "orphaned, with readable runs too" if self.with_runs else "orphaned"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for experiment in snapshot.experiments:
            if experiment.state == "orphaned":
                yield Choice(experiment.key, self.name, "orphaned: no meta.yaml")


@dataclass(frozen=True, slots=True)
class Old:
    """Active runs in the root that ended (or, never ended, started) more than ``days`` days ago."""

    days: int

    name = "old"

    def words(self) -> str:
        return f"old, ended over {self.days} d ago"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        limit = now_ms - self.days * DAY_MS
        for runs in snapshot.runs.values():
            for run in runs:
                if (
                    run.place == "root"
                    and run.state == "ok"
                    and run.lifecycle_stage != "deleted"
                    and (reference := age_reference(run)) is not None
                    and reference[1] < limit
                ):
                    word, then = reference
                    yield Choice(run.key, self.name, f"{word} {(now_ms - then) // DAY_MS} d ago")


class Rule(Protocol):
    """A value that names items, with words for it. It never looks at protection."""

    @property
    def name(self) -> str:
        """Stable word, kept with marks and plans."""
        ...

    def words(self) -> str: ...

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]: ...


def age_reference(run: Run) -> tuple[str, int] | None:
    """From when a run's age counts (house words: since it ended, or started when it never ended; for
    a deleted run since its deletion): what happened then, and the time in ms. None when unknown."""
    if run.lifecycle_stage == "deleted" and run.deleted_time is not None:
        return "deleted", run.deleted_time
    # An end that lies days before the start is no date: clocks differ, but not by that much.
    if run.end_time is not None and run.end_time > max(0, (run.start_time or 0) - DAY_MS):
        return "ended", run.end_time
    if run.start_time is not None and run.start_time > 0 and run.status not in FINAL_STATUSES:
        return "started", run.start_time
    return None


def age_ms(run: Run, now_ms: int) -> int | None:
    """Age of a run in ms; None when its metadata has no time to count from."""
    reference = age_reference(run)
    return None if reference is None else now_ms - reference[1]


def idle_ms(newest_ns: int, now_ms: int) -> int:
    """Time since the newest modification of anything inside, in ms (negative: in the future)."""
    return now_ms - newest_ns // 1_000_000


def choose(snapshot: Snapshot, rules: Iterable[Rule], now_ms: int) -> dict[str, Choice]:
    """What the rules ask for, by key; the first rule that names an item gives its reason."""
    chosen: dict[str, Choice] = {}
    for rule in rules:
        for choice in rule.choose(snapshot, now_ms):
            chosen.setdefault(choice.key, choice)
    return chosen
