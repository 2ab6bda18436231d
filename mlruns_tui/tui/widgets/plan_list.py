"""What a plan does, as rows: experiments with the runs that go from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from textual.content import Content

from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.store import Run, Snapshot, container_key
from mlruns_tui.report.words import count_text, plural, size_text, status_word
from mlruns_tui.tui.render import status_style
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, cut, fit, fit_right, line


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """One experiment: either it goes itself (``whole``) or some of its runs do."""

    key: str
    name: str
    items: tuple[PlanItem, ...]
    """Largest first."""
    whole: bool
    of_runs: int | None = None
    """Runs the experiment has, when known."""


@dataclass(frozen=True, slots=True)
class GoesRow:
    """One line of the list: an experiment, a run, or how many more there are."""

    kind: Literal["group", "whole", "run", "more"]
    group: PlanGroup
    item: PlanItem | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """What the snapshot knows of the items of a plan, looked up once."""

    experiments: Mapping[str, str] = field(default_factory=dict)
    """Name by experiment key."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """Word of ``status_word`` by run key."""

    @classmethod
    def of(cls, plan: Plan, snapshot: Snapshot) -> Names:
        wanted = {item.key for item in plan.items}
        containers = {container_key(key) for key in wanted} | {container_key(item.key) for item in plan.refused}
        statuses = {
            run.key: status_word(run, plan.created_ms)
            for container in containers
            for run in snapshot.runs.get(container, ())
            if run.key in wanted
        }
        names = {one.key: one.name or one.experiment_id for one in snapshot.experiments if one.key in containers}
        return cls(names, statuses)


def groups_of(plan: Plan, names: Names, runs: Mapping[str, Sequence[Run]]) -> tuple[PlanGroup, ...]:
    """The plan's items by experiment, largest first."""
    by_container: dict[str, list[PlanItem]] = {}
    for item in plan.items:
        by_container.setdefault(container_key(item.key), []).append(item)
    found = []
    for key, items in by_container.items():
        items.sort(key=lambda item: -item.size_bytes)
        whole = items[0].key == key
        known = names.experiments.get(key) or (items[0].name if whole else "") or items[0].experiment_id or key
        inside = runs.get(key)
        found.append(PlanGroup(key, known, tuple(items), whole, None if inside is None else len(inside)))
    found.sort(key=lambda group: -sum(item.size_bytes for item in group.items))
    return tuple(found)


def rows_of(groups: Sequence[PlanGroup], shown: Mapping[str, int]) -> list[GoesRow]:
    """Lines of the list. ``shown``: how many runs of each group are open (missing: none)."""
    rows: list[GoesRow] = []
    for group in groups:
        if group.whole:
            rows.append(GoesRow("whole", group, group.items[0]))
            continue
        rows.append(GoesRow("group", group))
        number = shown.get(group.key, 0)
        rows += [GoesRow("run", group, item) for item in group.items[:number]]
        if 0 < number < len(group.items):
            rows.append(GoesRow("more", group, more=len(group.items) - number))
    return rows


def first_shown(groups: Sequence[PlanGroup], lines: int, sample: int = 4) -> dict[str, int]:
    """Which groups to open at first, so that everything still fits in ``lines``: the largest ones, each
    whole if there is room, else its first few."""
    room = lines - len(groups)
    shown = {}
    for group in groups:
        if group.whole:
            continue
        number = len(group.items)
        if number <= room and number <= 2 * sample:
            shown[group.key] = number
        elif room > sample:
            number = min(sample, len(group.items))
            shown[group.key] = number
            number += 1
        else:
            break
        room -= number
    return shown


@dataclass(frozen=True, slots=True)
class GoesPainter:
    """Draws rows of what goes."""

    signs: Signs
    names: Names
    left_out: Collection[str]
    """Keys the user left out."""
    kept_too: Collection[str]
    """Keys that stay because of that."""
    opened: Mapping[str, int]
    backup: bool = True

    def header(self, width: int) -> Content:
        what, why = _columns(width)
        files = fit_right("files", 9) if _wide(width) else ""
        return line(
            [("    " + fit("what", what - 1), DIM), (fit("why", why), DIM), (f"{'items':>5}{files}{'size':>9}", DIM)]
        )

    def __call__(self, row: GoesRow, width: int) -> Content:
        if row.kind == "more":
            return line([(f"       {self.signs.unknown} {row.more:,} more", DIM)])
        items = row.group.items if row.item is None else (row.item,)
        going = [item for item in items if item.key not in self.left_out and item.key not in self.kept_too]
        what, why = _columns(width)
        pieces = self._run(row, what, bool(going)) if row.kind == "run" else self._group(row, what, going)
        pieces += [
            (cut(self._why(row, going), why - 1) + " ", DIM if row.kind != "group" or not going else ""),
            (fit_right(count_text(len(going)) if row.kind != "run" else "", 5), ""),
        ]
        if _wide(width):
            pieces.append((fit_right(count_text(sum(item.files for item in going)), 9), DIM))
        pieces.append((fit_right(size_text(sum(item.size_bytes for item in going)), 9), "" if going else FAINT))
        return line(pieces)

    def _group(self, row: GoesRow, what: int, going: Sequence[PlanItem]) -> list[Piece]:
        group = row.group
        mark: Piece = (" ", "")
        if going:
            mark = (self.signs.mark(going[0].action) if group.whole else self.signs.part, self._colour)
        elif any(item.key in self.kept_too for item in group.items):
            mark = (self.signs.protected, "$secondary")
        fold = " "
        if not group.whole:
            fold = self.signs.opened if self.opened.get(group.key, 0) else self.signs.closed
        return [mark, (f" {fold} ", DIM), (fit(group.name, what - 2) + " ", "bold" if going else FAINT)]

    def _run(self, row: GoesRow, what: int, goes: bool) -> list[Piece]:
        assert row.item is not None
        mark: Piece = (" ", "")
        if goes:
            mark = (self.signs.mark(row.item.action), self._colour)
        elif row.item.key in self.kept_too:
            mark = (self.signs.protected, "$secondary")
        word = self.names.statuses.get(row.item.key, "")
        status: Piece = (self.signs.status(word) if word else " ", status_style(word))
        name = row.item.name or row.item.run_id
        return [("  ", ""), mark, (" ", ""), status, (" " + fit(name, what - 4) + " ", "" if goes else FAINT)]

    def _why(self, row: GoesRow, going: Sequence[PlanItem]) -> str:
        if row.item is not None:
            if row.item.key in self.kept_too:
                return "its child is kept"
            return row.item.reason if going else "left out"
        if not going:
            return "all left out"
        total = row.group.of_runs
        rules = ", ".join(dict.fromkeys(rule_word(item.rule) for item in going))
        if total is None:
            return f"{plural(len(going), 'run')} {rules}"
        return f"{len(going):,} of {plural(total, 'run')} {rules}"

    @property
    def _colour(self) -> str:
        return "$accent" if self.backup else "$error"


def _wide(width: int) -> bool:
    return width >= 79


def _columns(width: int) -> tuple[int, int]:
    """Cells for what and why; before them stand three cells of mark and branch, after them the figures."""
    rest = width - 3 - 5 - 9 - (9 if _wide(width) else 0) - 1
    why = max(12, min(rest * 45 // 100, 30))
    return max(8, rest - why), why


def rule_word(rule: str) -> str:
    """A rule's name as a word after "62 runs"."""
    return {"mark": "marked"}.get(rule, rule)
