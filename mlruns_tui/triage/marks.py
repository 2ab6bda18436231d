"""Marks: what the user wishes for, kept by logical key together with what was seen.

Never by row: a mark made before a sort, filter or rescan means the same item afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, Run, Snapshot, container_key
from mlruns_tui.model.words import Action

from .rules import Choice


@dataclass(frozen=True, slots=True)
class Mark:
    """One wish, and the item as it was when it was made."""

    key: str
    action: Action
    rule: str
    """``mark`` for one made by hand, else the rule's name."""
    reason: str
    size_bytes: int | None
    newest_ns: int | None
    name: str = ""

    def choice(self) -> Choice:
        return Choice(self.key, self.rule, self.reason, self.action)


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of one store, in the order they were made. Every change gives a new value."""

    by_key: Mapping[str, Mark] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.by_key)

    def __contains__(self, key: object) -> bool:
        return key in self.by_key

    def __iter__(self) -> Iterator[Mark]:
        return iter(self.by_key.values())

    def add(self, marks: Iterable[Mark]) -> Marks:
        """With these added; an item marked already keeps its first reason."""
        result = dict(self.by_key)
        for mark in marks:
            result.setdefault(mark.key, mark)
        return Marks(result)

    def remove(self, keys: Iterable[str]) -> Marks:
        result = dict(self.by_key)
        for key in keys:
            result.pop(key, None)
        return Marks(result)

    def choices(self) -> dict[str, Choice]:
        return {mark.key: mark.choice() for mark in self}


def mark_of(item: Run | Experiment, rule: str = "mark", reason: str = "marked by hand") -> Mark:
    """A mark on an item as the snapshot shows it."""
    return Mark(
        item.key,
        "remove",
        rule,
        reason,
        item.size.size_bytes if item.size else None,
        item.size.newest_ns if item.size else None,
        item.name,
    )


@dataclass(frozen=True, slots=True)
class MarkTotals:
    """What the marks add up to, for the pane that lists them."""

    runs: int = 0
    experiments: int = 0
    size_bytes: int = 0
    files: int = 0
    by_reason: tuple[tuple[str, int, int], ...] = ()
    """Triples of rule, items, bytes, in the order first marked."""
    by_experiment: tuple[tuple[str, int, int], ...] = ()
    """Triples of experiment key, items (-1: the whole experiment), bytes, largest first."""
    gone: int = 0
    """Marked items the snapshot no longer has."""
    changed: int = 0
    """Marked items written to since they were marked."""


def totals(marks: Marks, snapshot: Snapshot, known: Mapping[str, Run] | None = None) -> MarkTotals:
    """Add the marks up on what the snapshot knows now. A run inside a marked experiment counts once.

    ``known``: all its runs by key, where that was made already.
    """
    runs = known
    if runs is None:
        runs = {
            run.key: run
            for container in {container_key(mark.key) for mark in marks}
            for run in snapshot.runs.get(container, ())
        }
    experiments = {one.key: one for one in snapshot.experiments}
    reasons: dict[str, list[int]] = {}
    places: dict[str, list[int]] = {}
    count_runs = count_experiments = size = files = gone = changed = 0
    for mark in marks:
        item: Run | Experiment | None = runs.get(mark.key) or experiments.get(mark.key)
        if item is None:
            gone += 1
            continue
        is_run = isinstance(item, Run)
        container = container_key(mark.key)
        if is_run and container in marks:
            continue
        count_runs += is_run
        count_experiments += not is_run
        if item.size is not None:
            size += item.size.size_bytes
            files += item.size.files
            changed += mark.newest_ns is not None and item.size.newest_ns != mark.newest_ns
        taken = item.size.size_bytes if item.size else 0
        reason = reasons.setdefault(mark.rule, [0, 0])
        reason[0] += 1
        reason[1] += taken
        place = places.setdefault(container, [0, 0])
        place[0] = place[0] + 1 if is_run else -1
        place[1] += taken
    return MarkTotals(
        runs=count_runs,
        experiments=count_experiments,
        size_bytes=size,
        files=files,
        by_reason=tuple((rule, number, taken) for rule, (number, taken) in reasons.items()),
        by_experiment=tuple(
            sorted(((key, number, taken) for key, (number, taken) in places.items()), key=lambda row: -row[2])
        ),
        gone=gone,
        changed=changed,
    )
