"""The list of findings as lines: what is chosen, how bad it is, what is wrong, where, and what helps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from textual.content import Content

from mlruns_tui.report.words import plural
from mlruns_tui.triage.finding_views import FindingRow, MigrationCount, entry_key
from mlruns_tui.triage.marks import Marks
from mlruns_tui.tui.render import MARK, impact_style
from mlruns_tui.tui.signs import Signs
from mlruns_tui.workflow.repairing import repairable

from .cells import DIM, Piece, cut, fit, line

IMPACT = 18
REMEDY = 7
SIGNS = 5
"""Cells of the mark and of the impact's sign, a space behind each."""
REMEDY_STYLES = {"repair": "$primary", "remove": "$accent", "none": DIM}


def remedy_of(row: FindingRow) -> str:
    """``repair`` for what a repair can mend, whatever the table of remedies says of it alone."""
    return "repair" if repairable(row.findings) else row.first.remedy


def _columns(width: int) -> tuple[int, int, int]:
    """Cells for the impact's word, for what and for where."""
    impact = IMPACT if width >= 66 else 0
    rest = width - SIGNS - impact - REMEDY
    where = max(8, min(rest * 38 // 100, 34))
    return impact, max(8, rest - where), where


def finding_header(width: int) -> Content:
    impact, what, where = _columns(width)
    return line([(" " * SIGNS, ""), (fit("impact", impact), DIM), (fit("what", what), DIM), (fit("where", where), DIM),
                 (fit("remedy", REMEDY), DIM)])  # fmt: skip


@dataclass(frozen=True, slots=True)
class FindingPainter:
    """Draws rows of findings."""

    signs: Signs
    chosen: Collection[str]
    """Keys of the rows chosen for repair."""
    marks: Marks

    def __call__(self, row: FindingRow, width: int) -> Content:
        impact, what, where = _columns(width)
        first, style = row.first, impact_style(row.first.impact)
        remedy = remedy_of(row)
        many = f" ×{len(row.findings):,}" if len(row.findings) > 1 else ""
        return line(
            [self._mark(row), (" ", ""), (fit(self.signs.impact(first.impact), 2) + " ", style),
             (fit(first.impact, impact), style), (cut(row.what, what - len(many) - 1).rstrip() + many, ""),
             *self._gap(row, what, many), (fit(row.where, where - 1) + " ", DIM),
             (fit(remedy, REMEDY), REMEDY_STYLES[remedy])]
        )  # fmt: skip

    def _gap(self, row: FindingRow, what: int, many: str) -> list[Piece]:
        used = line([(cut(row.what, what - len(many) - 1).rstrip() + many, "")]).cell_length
        return [(" " * max(0, what - used), "")]

    def _mark(self, row: FindingRow) -> Piece:
        if row.key in self.chosen:
            return (self.signs.repair, MARK)
        marked = sum(entry_key(one) in self.marks for one in row.findings)
        if marked:
            return (self.signs.remove if marked == len(row.findings) else self.signs.part, MARK)
        return (" ", "")


def migration_headline(count: MigrationCount) -> list[Piece]:
    """``ready``, or how much the migration would fail on and leave behind."""
    if count.ready:
        return [("ready", "$success bold"), ("  mlflow migrate-filestore carries all of it over", DIM)]
    parts: list[Piece] = [("not ready", "$error bold"), ("  ", "")]
    if count.fails:
        parts += [(f"{count.fails:,}", "bold"), (f" {'makes' if count.fails == 1 else 'make'} it fail", "")]
    if count.loses:
        runs = f", {plural(count.lost_runs, 'run')}" if count.lost_runs else ""
        lead = ", " if count.fails else ""
        parts += [(lead, ""), (f"{count.loses:,}", "bold"), (f" would be lost silently{runs}", "")]
    return parts
