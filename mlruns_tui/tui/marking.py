"""Marking, purely: which marks a key press leads to, and what is said about it.

Nothing protected is marked by hand or by rule; each refusal carries its reason. The plan judges again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, Progress, Run, container_key
from mlruns_tui.report.words import plural
from mlruns_tui.triage.judging import judge, why_kept
from mlruns_tui.triage.marks import Marks, mark_of
from mlruns_tui.triage.protection import Facts
from mlruns_tui.triage.rules import Choice, Old, Orphaned, Rule

BY_HAND = "marked by hand"
SLICE = 2_000
"""Runs judged at once where all of a store are counted."""


@dataclass(frozen=True, slots=True)
class Marking:
    """Marks to add and to take away, and one sentence about it."""

    added: Marks = Marks()
    removed: tuple[str, ...] = ()
    said: str = ""
    refused: Protection | None = None
    """Why the one item asked for is not marked."""

    def on(self, marks: Marks) -> Marks:
        return marks.remove(self.removed).add(self.added) if self.removed else marks.add(self.added)


def toggled(facts: Facts, marks: Marks, item: Run | Experiment, known: Sequence[Protection] | None = None) -> Marking:
    """Space on one row. ``known``: the item's own protections where they were worked out already."""
    key = item.key
    if key in marks:
        return Marking(removed=(key,))
    container = container_key(key)
    if container != key and container in marks:
        return Marking(said="its whole experiment is marked: Space on that takes the mark back")
    kept = why_kept(facts, key, marks, known)
    if kept is not None:
        return Marking(refused=kept, said=f"not marked: {kept.reason}")
    return Marking(added=Marks({key: mark_of(item)}))


def several(facts: Facts, marks: Marks, keys: Iterable[str], rule: str = "mark", reason: str = BY_HAND) -> Marking:
    """All of these rows at once: a family goes when all of it was chosen."""
    chosen = {key: Choice(key, rule, reason) for key in keys if key not in marks and container_key(key) not in marks}
    return _judged(facts, marks, chosen)


def inverted(facts: Facts, marks: Marks, keys: Sequence[str]) -> Marking:
    """Marked rows become unmarked, the others marked where they may go."""
    marked = tuple(key for key in keys if key in marks)
    adding = several(facts, marks, keys)
    return Marking(adding.added, marked, f"{len(marked):,} unmarked, {adding.said}" if marked else adding.said)


def by_rules(facts: Facts, marks: Marks, rules: Sequence[Rule]) -> Marking:
    """What rules ask for, each mark with the rule's reason."""
    chosen: dict[str, Choice] = {}
    for rule in rules:
        for choice in rule.choose(facts.snapshot, facts.now_ms):
            if choice.key not in marks and container_key(choice.key) not in marks:
                chosen.setdefault(choice.key, choice)
    return _judged(facts, marks, chosen)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What a rule would mark now."""

    items: int
    size_bytes: int
    kept: int
    keys: frozenset[str] = frozenset()


def rule_figures(facts: Facts, rule: Rule) -> RuleFigures:
    """Items a rule asks for that may go, their bytes, and how many are kept back."""
    verdict = judge(facts, {choice.key: choice for choice in rule.choose(facts.snapshot, facts.now_ms)})
    size = 0
    for key in verdict.goes:
        item = _item(facts, key)
        size += item.size.size_bytes if item is not None and item.size is not None else 0
    return RuleFigures(len(verdict.goes), size, len(verdict.stays), frozenset(verdict.goes))


def old_counts(facts: Facts, days: int) -> tuple[int, int]:
    """How many old runs may go, and how many are kept back: for all runs of a store, so only some at a time are
    held, where none of them depends on another."""
    choices = old(days).choose(facts.snapshot, facts.now_ms)
    at_once = None if facts.has_families else SLICE
    going = kept = 0
    while some := {choice.key: choice for choice in islice(choices, at_once)}:
        verdict = judge(facts, some)
        going += len(verdict.goes)
        kept += len(verdict.stays)
    return going, kept


def old(days: int) -> Rule:
    return Old(days)


def orphaned() -> Rule:
    return Orphaned()


def unread_runs(progress: Progress) -> int:
    """Runs that were found but whose metadata was not read yet."""
    return max(0, progress.runs_found - progress.runs_read)


def _judged(facts: Facts, marks: Marks, chosen: Mapping[str, Choice]) -> Marking:
    if not chosen:
        return Marking(said="nothing more to mark")
    verdict = judge(facts, {**marks.choices(), **chosen})
    added = {}
    for key, choice in chosen.items():
        item = _item(facts, key)
        if key in verdict.goes and item is not None:
            added[key] = mark_of(item, choice.rule, choice.reason)
    kept = [verdict.stays[key] for key in chosen if key in verdict.stays]
    said = f"marked {len(added):,}"
    if kept:
        said += f"; {len(kept):,} kept: {kept[0][0].reason}" + (" and other reasons" if _differ(kept) else "")
    return Marking(Marks(added), said=said)


def _differ(kept: Sequence[tuple[Protection, ...]]) -> bool:
    return len({one[0].kind for one in kept}) > 1


def _item(facts: Facts, key: str) -> Run | Experiment | None:
    return facts.runs.get(key) or facts.experiments.get(key)


def items_text(runs: int, experiments: int) -> str:
    """``143 runs and 2 experiments``."""
    parts = [plural(runs, "run")] if runs or not experiments else []
    if experiments:
        parts.append(plural(experiments, "experiment"))
    return " and ".join(parts)


def as_before(facts: Facts, before: Marks) -> tuple[Marks, str]:
    """Marks of an earlier moment without those whose item is not there any more, and a sentence about them."""
    marks = Marks({mark.key: mark for mark in before if mark.key in facts.runs or mark.key in facts.experiments})
    gone = len(before) - len(marks)
    return marks, f"{plural(len(marks), 'mark')}, as before" + (
        f"; {plural(gone, 'item')} not there any more" if gone else ""
    )
