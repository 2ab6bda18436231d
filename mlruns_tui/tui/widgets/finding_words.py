"""What is said about one finding, in this order: what, where, how much hangs on it, what MLflow does, what helps."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, Run
from mlruns_tui.model.words import IMPACTS
from mlruns_tui.report.findings_text import MEANING, MIGRATION
from mlruns_tui.report.words import ago_text, plural, size_text
from mlruns_tui.triage.finding_views import FindingRow, MigrationCount
from mlruns_tui.tui.render import impact_style
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, KEY, Piece, line, wrap
from .finding_list import REMEDY_STYLES, migration_headline, remedy_of

MOST_PATHS = 12
"""So many places of folded findings are listed."""


def effect_of(finding: Finding) -> str:
    """What MLflow does, without what is wrong before it."""
    what = finding.what
    return finding.message.removeprefix(f"{what[:1].upper()}{what[1:]}. ") if what else finding.message


def place_of(finding: Finding) -> str:
    """``413/ab…/metrics/loss:3``."""
    return finding.path + (f":{finding.line}" if finding.line is not None else "")


def why_lines(
    row: FindingRow,
    entry: Experiment | Run | None,
    kept: Sequence[Protection],
    marked: bool,
    version: str,
    width: int,
    now_ms: int,
    signs: Signs,
    short: bool = False,
) -> list[Content]:
    """Everything about one row. ``entry``: what it is about; ``kept``: why that may not be removed;
    ``short``: without empty lines."""
    lines = _why_lines(row, entry, kept, marked, version, width, now_ms, signs)
    return [one for one in lines if one.plain] if short else lines


def _why_lines(
    row: FindingRow,
    entry: Experiment | Run | None,
    kept: Sequence[Protection],
    marked: bool,
    version: str,
    width: int,
    now_ms: int,
    signs: Signs,
) -> list[Content]:
    first = row.first
    style = impact_style(first.impact)
    lines = [line([(f"{signs.impact(first.impact)} ", style), (first.impact, f"{style} bold".strip())]), Content()]
    # Words of MLflow's own keep their spelling: ``lifecycle_stage is missing``.
    begins = row.what.partition(" ")[0].isalpha()
    what = f"{row.what[:1].upper() if begins else row.what[:1]}{row.what[1:]}."
    if len(row.findings) > 1:
        what += f" {len(row.findings):,} like it here."
    lines += [line([(part, "bold")]) for part in wrap(what, width)]
    lines.append(Content())
    lines += _labelled("path", place_of(first), width)
    if row.where not in first.path.split("/"):
        lines += _labelled("in", row.where, width)
    if isinstance(entry, Run) and entry.name and len(row.findings) == 1:
        lines += _labelled("run", entry.name, width)
    lines += _labelled("holds", _holds(first, entry, now_ms), width)
    lines += _paragraph(f"what MLflow{' ' + version if version else ''} does", effect_of(first), width)
    lines += _paragraph("most likely cause", first.cause, width)
    remedy = remedy_of(row)
    lines += [Content(), line([("remedy  ", DIM), (remedy, f"bold {REMEDY_STYLES[remedy]}")])]
    lines += _remedy(remedy, entry, kept, marked, width)
    word = "ok" if first.migration == "ok" else "fails" if first.migration == "fails" else "loses"
    lines += [
        Content(),
        line([("migrate-filestore  ", DIM), (word, "" if word == "ok" else "$error bold"),
              (f"  {MIGRATION[first.migration]}", DIM)]),
    ]  # fmt: skip
    if len(row.findings) > 1:
        lines += [Content(), line([("where", DIM)])]
        for one in row.findings[:MOST_PATHS]:
            lines += [line([f"  {part}"]) for part in wrap(place_of(one), width - 2)]
        if len(row.findings) > MOST_PATHS:
            lines.append(line([(f"  {signs.unknown} {len(row.findings) - MOST_PATHS:,} more", DIM)]))
    return lines


def _remedy(
    remedy: str, entry: Experiment | Run | None, kept: Sequence[Protection], marked: bool, width: int
) -> list[Content]:
    """What can be done about it, with the key."""
    key = ""
    if remedy == "repair":
        key, said = "e", "shows what would be done. Nothing is done before you say so there; z takes it back."
    elif remedy == "none":
        said = "There is no mechanical one: it needs a person."
    elif entry is None:
        said = "It is neither experiment nor run, so it is not marked here. Whoever put it there may need it."
    elif marked:
        key, said = "d", "reviews it: it is marked for removal. Space takes the mark back."
    elif kept:
        said = f"It stays for now: {kept[0].reason}."
    else:
        key, said = "Space", "marks it for removal, then d reviews it."
    lines = wrap(f"{key} {said}" if key else said, width - 2)
    first: list[Piece | str] = ["  ", (key, KEY), lines[0][len(key) :]] if key else [f"  {lines[0]}"]
    return [line(first), *(line([f"  {part}"]) for part in lines[1:])]


def _labelled(label: str, text: str, width: int) -> list[Content]:
    if not text:
        return []
    first, *rest = wrap(text, max(8, width - 7))
    return [line([(f"{label:<7}", DIM), first]), *(line([" " * 7 + part]) for part in rest)]


def _paragraph(title: str, text: str, width: int) -> list[Content]:
    if not text:
        return []
    return [Content(), line([(title, DIM)]), *(line([f"  {part}"]) for part in wrap(text, width - 2))]


def _holds(finding: Finding, entry: Experiment | Run | None, now_ms: int) -> str:
    parts = []
    if isinstance(entry, Experiment):
        parts.append(plural(entry.runs, "run"))
    elif finding.runs:
        parts.append(plural(finding.runs, "run"))
    if entry is not None and entry.size is not None:
        parts.append(size_text(entry.size.size_bytes))
        if entry.size.newest_ns:
            parts.append(f"newest write {ago_text(max(0, now_ms - entry.size.newest_ns // 1_000_000))}")
    return ", ".join(parts)


def meaning_lines(findings: Sequence[Finding], version: str, width: int, signs: Signs) -> list[Content]:
    """Every impact with its number and what it means."""
    counts = dict.fromkeys(IMPACTS, 0)
    for one in findings:
        counts[one.impact] += 1
    lines = []
    for impact, number in counts.items():
        style = impact_style(impact) if number else FAINT
        pieces: list[Piece] = [
            (f"{signs.impact(impact):<3}", style), (f"{impact:<18}", "" if number else FAINT),
            (f"{number:>5,}   ", "bold" if number else FAINT), (MEANING[impact], DIM if number else FAINT),
        ]  # fmt: skip
        lines.append(line(pieces).truncate(width, ellipsis=True))
    said = f"tried on MLflow itself; here as MLflow {version} behaves" if version else "tried on MLflow itself"
    return [*lines, Content(), line([(said, DIM)]).truncate(width, ellipsis=True)]


def migration_lines(count: MigrationCount, files: bool, checked: bool, width: int) -> list[Content]:
    """How ready the store is for ``mlflow migrate-filestore``, and what would make it so. ``files``: it has
    something to migrate; ``checked``: all of it was looked into."""
    if not files:
        return _dim("nothing to migrate: its metadata is in a database already", width)
    lines = [line(migration_headline(count)).truncate(width, ellipsis=True)]
    if not checked:
        lines += _dim("as far as known: metrics, params and tags were not all looked into", width)
    if count.ready:
        return lines
    others = count.findings - count.repairable
    if count.repairable:
        said = f"{count.repairable:,} of {count.findings:,} can be repaired: m lists them, a chooses, e shows how."
        lines += _dim(said, width)
    if others:
        said = f"{others:,} must go or {'needs' if others == 1 else 'need'} a person."
        lines += _dim(said, width)
    return lines


def _dim(text: str, width: int) -> list[Content]:
    return [line([(part, DIM)]) for part in wrap(text, width)]
