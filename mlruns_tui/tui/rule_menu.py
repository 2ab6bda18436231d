"""The rules of the menu, purely: which there are, their numbers, and what each would mark now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.store import Run
from mlruns_tui.model.words import IMPACTS
from mlruns_tui.triage.more_rules import (
    AllButBest,
    AllButLast,
    Biggest,
    Broken,
    Deleted,
    Empty,
    Ended,
    Idle,
    SameArtifacts,
    StaleRunning,
)
from mlruns_tui.triage.protection import Facts
from mlruns_tui.triage.rules import Old, Orphaned, Rule

from .copy_words import comparing_words

DAYS: Final = (1, 2, 3, 7, 14, 30, 60, 90, 180, 365, 730)
COUNTS: Final = (1, 2, 3, 5, 10, 20, 50, 100)
GIGABYTES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MOST: Final = 99_999


@dataclass(frozen=True, slots=True)
class Known:
    """What rules are made of besides their number."""

    findings: Sequence[Finding] = ()
    metric: str = ""
    end: Literal["max", "min"] = "max"
    values: Mapping[str, float] = field(default_factory=dict)
    """Last values of the metric by run key."""
    facts: Facts | None = None
    complete: bool = False
    """The whole store was read."""
    duplicates: Duplicates | None = None
    """None until artifacts were compared, which is done only when asked for."""
    comparing: Comparing | None = None
    """How far that is; None when nobody asked, or it is over."""
    compare_error: str = ""

    def may_go(self, run: Run) -> bool:
        """Whether nothing protects this run by itself."""
        return self.facts is not None and not self.facts.protections(run.key)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    id: str
    number: int | None = None
    """What ← and → change; an index of ``IMPACTS`` for ``broken``."""
    steps: tuple[int, ...] = ()

    def stepped(self, by: int) -> Entry:
        """The next larger or smaller number; the same at the end."""
        if self.number is None:
            return self
        if by > 0:
            return replace(self, number=next((one for one in self.steps if one > self.number), self.number))
        return replace(self, number=next((one for one in reversed(self.steps) if one < self.number), self.number))

    def typed(self, digits: str) -> Entry:
        """With a number typed digit by digit; too large a one changes nothing."""
        if self.number is None or self.id == "broken" or not digits or int(digits) > MOST:
            return self
        return replace(self, number=max(1, int(digits)))


ENTRIES: Final = (
    Entry("old", 30, DAYS),
    Entry("idle", 30, DAYS),
    Entry("orphaned"),
    Entry("failed"),
    Entry("killed"),
    Entry("stale-running", 7, DAYS),
    Entry("deleted"),
    Entry("broken", IMPACTS.index("hidden"), tuple(range(len(IMPACTS)))),
    Entry("empty"),
    Entry("all-but-best", 3, COUNTS),
    Entry("all-but-last", 10, COUNTS),
    Entry("biggest", 10, GIGABYTES),
    Entry("duplicates"),
)


def rule_of(entry: Entry, known: Known) -> Rule | None:
    """The rule of a line; None where what it needs is not known."""
    number = entry.number or 0
    if entry.id == "orphaned":
        return Orphaned() if known.complete else None
    if entry.id == "all-but-best":
        return AllButBest(number, known.metric, known.end, known.values) if known.metric else None
    if entry.id == "duplicates":
        return SameArtifacts(known.duplicates.groups) if known.duplicates is not None else None
    makers: dict[str, Callable[[], Rule]] = {
        "old": lambda: Old(number),
        "idle": lambda: Idle(number),
        "failed": lambda: Ended("FAILED"),
        "killed": lambda: Ended("KILLED"),
        "stale-running": lambda: StaleRunning(number),
        "deleted": Deleted,
        "broken": lambda: Broken(IMPACTS[number], known.findings),
        "empty": Empty,
        "all-but-last": lambda: AllButLast(number),
        "biggest": lambda: Biggest(number * 10**9, known.may_go),
    }
    return makers[entry.id]()


def why_not(entry: Entry, known: Known) -> str:
    """Why a line has no rule."""
    if entry.id == "orphaned" and not known.complete:
        return "once all is read"
    if entry.id == "all-but-best" and not known.metric:
        return "no metric is known here"
    if entry.id == "duplicates" and known.duplicates is None:
        if known.comparing is not None:
            return comparing_words(known.comparing)
        return known.compare_error or "Enter reads artifacts to find them"
    return ""


def first_metrics(names: Sequence[str], most: int = 6) -> tuple[str, ...]:
    """Metrics a store is most likely judged by, the likeliest first; what only watches the machine is none."""

    def rank(name: str) -> int:
        words = ("val", "test", "eval", "acc", "loss")
        return next((at for at, word in enumerate(words) if word in name.lower()), len(words))

    return tuple(sorted((name for name in names if not name.startswith("system/")), key=rank)[:most])


def default_metric(names: Sequence[str]) -> str:
    """The metric a store is most likely judged by; empty when it has none."""
    for wanted in ("val", "test", "eval", "acc", "loss"):
        for name in names:
            if wanted in name.lower():
                return name
    return names[0] if names else ""
