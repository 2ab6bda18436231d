"""What the overview shows, worked out from a snapshot: space, ages, growth. Pure; seconds for a very large store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlruns_tui.model.store import container_key
from mlruns_tui.triage.protection import Facts
from mlruns_tui.triage.rules import DAY_MS, Old, Orphaned, age_ms, choose

from .marking import RuleFigures, rule_figures
from .rule_menu import ENTRIES, Known, rule_of

EDGES: Final = (0, 1, 3, 7, 14, 21, 30, 60, 90, 180, 365, 730)
"""Days at which the columns of the histogram begin."""
LABELS: Final = ("<1d", "1d", "3d", "7d", "14d", "21d", "30d", "60d", "90d", "6mo", "1y", "2y")


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """One experiment."""

    key: str
    name: str
    runs: int
    size_bytes: int
    would_go: int
    """Bytes of it that are orphaned or old, and needed by nothing."""
    since: int | None = None
    """Bytes more (or fewer) than at the last visit; None when that is not known."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything but the disk's own figures."""

    rows: tuple[SpaceRow, ...]
    """Largest first."""
    ages: tuple[int, ...]
    """Runs by age, one count a column of ``EDGES``."""
    days: int
    """From which age the rule *old* asks for a run."""
    older: int
    older_kept: int
    rules: tuple[tuple[str, RuleFigures], ...]
    """What each rule of the menu would mark now, by its words."""
    total_bytes: int
    files: int
    backup_bytes: int
    grown: int | None = None
    """Bytes since the last visit."""
    visit_ms: int | None = None


def overview_of(
    facts: Facts,
    known: Known,
    days: int,
    sizes_before: Mapping[str, int],
    total_before: int | None,
    visit_ms: int | None,
) -> Overview:
    """``sizes_before``: by experiment key, at the last visit."""
    snapshot = facts.snapshot
    old = rule_figures(facts, Old(days))
    goes = old.keys | (rule_figures(facts, Orphaned()).keys if snapshot.complete else frozenset())
    would_go: dict[str, int] = {}
    for key in goes:
        item = facts.runs.get(key) or facts.experiments.get(key)
        if item is not None and item.size is not None:
            container = container_key(key)
            would_go[container] = would_go.get(container, 0) + item.size.size_bytes
    rows = []
    for one in snapshot.experiments:
        if one.size is None:
            continue
        size = one.size.size_bytes
        before = sizes_before.get(one.key, 0) if visit_ms is not None else None
        since = None if before is None else size - before
        part = min(size, would_go.get(one.key, 0))
        rows.append(SpaceRow(one.key, one.name or one.experiment_id, one.runs, size, part, since))
    rows.sort(key=lambda row: (-row.size_bytes, row.key))
    figures = []
    for entry in ENTRIES:
        rule = rule_of(entry, known)
        if rule is not None:
            figures.append((rule.words(), rule_figures(facts, rule)))
    older = len(choose(snapshot, [Old(days)], facts.now_ms))
    grown = None if total_before is None else snapshot.total.size_bytes - total_before
    return Overview(
        tuple(rows), ages(facts), days, older, old.kept, tuple(figures), snapshot.total.size_bytes,
        snapshot.total.files, snapshot.backup_bytes, grown, visit_ms,
    )  # fmt: skip


def ages(facts: Facts) -> tuple[int, ...]:
    """Active runs by age; those without a time are not counted."""
    counts = [0] * len(EDGES)
    for run in facts.runs.values():
        age = age_ms(run, facts.now_ms) if run.place == "root" and run.lifecycle_stage != "deleted" else None
        if age is not None:
            counts[max(0, column(age))] += 1
    return tuple(counts)


def column(age: int) -> int:
    """Which column an age in ms belongs to."""
    return sum(age >= edge * DAY_MS for edge in EDGES) - 1


def histogram(counts: Sequence[int], height: int, glyphs: str) -> list[list[str]]:
    """Columns as cells, the top line first: eighths with the glyphs of a block font, else whole cells."""
    most = max(counts, default=0)
    lines: list[list[str]] = []
    for level in range(height - 1, -1, -1):
        cells = []
        for count in counts:
            filled = count / most * height - level if most else 0.0
            if filled >= 1:
                cells.append(glyphs[-1])
            elif filled > 0 and (level == 0 or filled >= 1 / len(glyphs) / 2):
                cells.append(glyphs[max(0, int(filled * len(glyphs)) - 1)])
            else:
                cells.append(" ")
        lines.append(cells)
    return lines
