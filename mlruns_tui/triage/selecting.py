"""What a command asks for by its options, with the rules of the menu: which runs, and which of them are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final, Literal

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.words import Status

from .more_rules import AllButBest, AllButLast, Deleted, Ended, StaleRunning, active_runs
from .rules import Choice, Old, Rule, choose

ENDS: Final[tuple[Status, ...]] = ("FINISHED", "FAILED", "KILLED")
"""How a run can have ended."""


@dataclass(frozen=True, slots=True)
class KeepBest:
    """Of each experiment the ``number`` best active runs by a metric."""

    number: int
    metric: str
    end: Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Selectors and keeps besides age, scope and expression."""

    statuses: tuple[Status, ...] = ()
    """Only runs that ended so; with ``--days-old`` both narrow."""
    deleted: bool = False
    """What MLflow deleted, ``--days-old`` counted from then."""
    stale_days: int | None = None
    keep_last: int | None = None
    keep_best: tuple[KeepBest, ...] = ()
    keep_tags: tuple[tuple[str, str | None], ...] = ()
    """Name and value; None: whatever its value."""

    @property
    def asks(self) -> bool:
        """Whether these ask for runs, keeps aside."""
        return bool(self.statuses or self.deleted or self.stale_days is not None)

    @property
    def ranks(self) -> bool:
        """Whether runs are kept by their place among the others."""
        return self.keep_last is not None or bool(self.keep_best)

    def rules(self, days_old: int | None) -> list[Rule]:
        """Those that ask for something, in the order their words are said."""
        rules: list[Rule] = []
        if self.deleted:
            rules.append(Deleted(days_old))
        elif days_old is not None:
            rules.append(Old(days_old))
        elif self.statuses:
            rules += [Ended(status) for status in self.statuses]
        if self.stale_days is not None:
            rules.append(StaleRunning(self.stale_days))
        return rules

    def words(self, days_old: int | None) -> list[str]:
        words = [rule.words() for rule in self.rules(days_old)]
        if self.statuses and (self.deleted or days_old is not None):
            words.append("only " + " and ".join(status.lower() for status in self.statuses))
        return words

    def choose(self, snapshot: Snapshot, days_old: int | None, now_ms: int) -> dict[str, Choice]:
        """What is asked for, before anything is kept."""
        silent = StaleRunning.name
        chosen = choose(snapshot, self.rules(days_old), now_ms)
        if not self.statuses:
            return chosen
        ended = {run.key: run.status for runs in snapshot.runs.values() for run in runs}
        return {
            key: choice for key, choice in chosen.items() if choice.rule == silent or ended.get(key) in self.statuses
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """Last values of the metric runs are ranked by."""

    values: Mapping[str, float] = field(default_factory=dict)
    """By run key."""
    unreadable: frozenset[str] = frozenset()
    """Keys of runs that have it, but nothing is known of it: they are kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of the choices, and what was kept back in words."""

    chosen: dict[str, Choice]
    said: tuple[str, ...] = ()


def keep_ranked(
    snapshot: Snapshot,
    chosen: Mapping[str, Choice] | None,
    selection: Selection,
    measured: Sequence[Measured],
    now_ms: int,
) -> Kept:
    """Without the last and the best of each experiment's active runs.

    ``chosen``: None asks for all the others, as the rules of the menu do; then runs without the metric stay too.
    ``measured``: for each of ``selection.keep_best``, in its order.
    """
    active = {run.key for run in active_runs(snapshot)}
    rules: list[tuple[Rule, set[str], str]] = []
    if selection.keep_last is not None:
        words = f"among the last {selection.keep_last} of their experiment"
        rules.append((AllButLast(selection.keep_last), active, words))
    for keep, found in zip(selection.keep_best, measured, strict=True):
        words = f"among the best {keep.number} of their experiment by {keep.metric}"
        ranked = active & {*found.values, *found.unreadable}
        rules.append((AllButBest(keep.number, keep.metric, keep.end, found.values), ranked, words))
    others = [{one.key: one for one in rule.choose(snapshot, now_ms)} for rule, _, _ in rules]
    if chosen is None:
        first = others[0] if others else {}
        return Kept({key: choice for key, choice in first.items() if all(key in one for one in others)})
    left = dict(chosen)
    said = []
    for (_, among, words), going in zip(rules, others, strict=True):
        kept = [key for key in left if key in among and key not in going]
        for key in kept:
            del left[key]
        if kept:
            runs = "1 run stays" if len(kept) == 1 else f"{len(kept):,} runs stay"
            said.append(f"{runs}: {words}")
    return Kept(left, tuple(said))


def keep_words(selection: Selection) -> list[str]:
    """The keeps, for the head of a plan."""
    words = []
    if selection.keep_last is not None:
        words.append(f"all but the last {selection.keep_last} of each experiment")
    for keep in selection.keep_best:
        end = "highest" if keep.end == "max" else "lowest"
        words.append(f"all but the best {keep.number} by {keep.metric}, {end} first")
    for name, value in selection.keep_tags:
        words.append(f"nothing tagged {name}" + ("" if value is None else f" = {value}"))
    return words
