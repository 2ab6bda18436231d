"""The panels of the overview as lines: bars, a histogram, and figures beside them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlruns_tui.model.words import Impact
from mlruns_tui.report.words import count_text, plural, size_text
from mlruns_tui.workflow.reading import Space

from .. import render
from ..overview import EDGES, LABELS, Overview, histogram
from ..signs import Signs
from .cells import DIM, FAINT, Piece, cut, fit, fit_right, line

DAY_MS = 86_400_000
WIDEST = 7
"""Cells of a column of the histogram, its gap among them."""
IMPACT_WORDS: dict[Impact, str] = {
    "breaks-store": "MLflow lists nothing",
    "breaks-experiment": "searches of an experiment fail",
    "breaks-run": "runs cannot be opened",
    "warns": "at every listing",
    "hidden": "passed over, only fill the disk",
    "silent": "MLflow notices nothing",
}


def space_lines(view: Overview, width: int, height: int, signs: Signs) -> list[Content]:
    """Experiments, largest first, each a bar; amber is what would go."""
    since = any(row.since for row in view.rows)
    tail = 11 if since and width >= 60 else 0
    name_width = max(12, min(26, width // 3))
    bar_width = max(4, width - name_width - 7 - 10 - 2 - tail)
    heads: list[Piece] = [
        (fit("experiment", name_width), DIM),
        (fit_right("runs", 7), DIM),
        (fit_right("size", 10), DIM),
    ]
    heads += [(" " * (bar_width + 2), ""), (fit_right("since", tail), DIM)]
    lines = [line(heads)]
    longest = view.rows[0].size_bytes if view.rows else 0
    room = max(1, height - 3)
    lines += [
        line([
            (fit(row.name, name_width), ""),
            (fit_right(count_text(row.runs), 7), DIM),
            (fit_right(size_text(row.size_bytes), 10), ""),
            ("  ", ""),
            *render.bar(row.would_go, row.size_bytes, longest, bar_width, signs),
            (fit_right(_since(row.since, row.size_bytes), tail), DIM),
        ])
        for row in view.rows[:room]
    ]  # fmt: skip
    left = len(view.rows) - room
    legend: list[Piece] = [(signs.going_bar * 2, render.MARK), (" orphaned or old, needed by nothing   ", DIM)]
    legend += [(signs.bar * 2, render.BAR), (" the rest", DIM)]
    if left > 0:
        legend.append((f"   {left:,} more", DIM))
    gap = [Content()] if len(lines) + 2 <= height else []
    return [*lines, *gap, line(legend)]


def _since(since: int | None, size: int) -> str:
    """Growth, when it is at least one per cent."""
    if not since or abs(since) * 100 < max(size, 1):
        return ""
    return f"{'+' if since > 0 else '-'}{size_text(abs(since))}"


def age_lines(view: Overview, width: int, height: int, signs: Signs) -> list[Content]:
    """Runs by age. Left of the upright blue, from the rule's age on amber."""
    cells = max(1, min(WIDEST, (width - 8) // len(EDGES)))
    tall = max(3, height - 4)
    glyphs = signs.columns if signs.half_bar else "#"
    old = next((at for at, edge in enumerate(EDGES) if edge >= view.days), len(EDGES))
    upright = "┊" if signs.half_bar else "|"
    most = max(view.ages, default=0)
    lines = [line([("runs", DIM)])]
    for number, drawn in enumerate(histogram(view.ages, tall, glyphs)):
        label = {0: most, tall // 2: most // 2, tall - 1: 0}.get(number)
        pieces: list[Piece] = [(fit_right("" if label is None else f"{label:,}", 6), DIM), (" ", "")]
        for at, cell in enumerate(drawn):
            pieces.append((cell * max(1, cells - 1), render.MARK if at >= old else render.BAR))
            if cells > 1:
                pieces.append((upright if at + 1 == old else " ", FAINT))
        lines.append(line(pieces))
    names = "".join(fit(label, cells) for label in LABELS) if cells >= 4 else _few_labels(cells)
    lines.append(line([(" " * 7 + names, DIM)]))
    said = f"older than {view.days} d: {view.older:,}" + (f", {view.older_kept:,} needed" if view.older_kept else "")
    room = width if cells < 2 else max(len(said), min(width, 7 + cells * len(EDGES) - 1))
    lines.append(line([(fit_right(said, room), render.MARK if view.older else DIM)]))
    return lines


def _few_labels(cells: int) -> str:
    return "".join(fit(LABELS[at], cells * 3) for at in range(0, len(LABELS), 3))


def rule_lines(view: Overview, width: int, signs: Signs) -> list[Content]:
    """What each rule would mark and how much that is."""
    bar_width = max(0, width - 40 - 9 - 10 - 2 - 2 - 13)
    words_width = width - 9 - 10 - 2 - bar_width - 2 - 13
    heads: list[Piece] = [(fit("rule", words_width), DIM), (fit_right("items", 9), DIM), (fit_right("size", 10), DIM)]
    lines = [line([*heads, (" " * (bar_width + 4), ""), (fit("kept back", 13), DIM)])]
    longest = max((figures.size_bytes for _, figures in view.rules), default=0)
    for words, figures in view.rules:
        none = not figures.items
        style = FAINT if none else ""
        size = signs.none if none else size_text(figures.size_bytes)
        lines.append(line([
            (fit(words, words_width), style),
            (fit_right(f"{figures.items:,}", 9), style),
            (fit_right(size, 10), style or "bold"),
            ("  ", ""),
            *render.bar(figures.size_bytes, figures.size_bytes, longest, bar_width, signs),
            ("  ", ""),
            (fit(f"{figures.kept:,} needed" if figures.kept else "", 13), render.PROTECTED),
        ]))  # fmt: skip
    return lines


def finding_lines(counts: Sequence[tuple[Impact, int]], width: int, signs: Signs) -> list[Content]:
    """How many findings of each impact, and what that does."""
    if not counts:
        return [line([(f"{signs.finished} ", render.SUCCESS), ("Nothing wrong found. MLflow reads all of it.", DIM)])]
    lines = []
    for impact, number in counts:
        sign = fit(signs.impact(impact), 3)
        text = cut(IMPACT_WORDS[impact], max(0, width - 31))
        lines.append(line([
            (sign, render.impact_style(impact)), (fit_right(f"{number:,}", 7), "bold"), ("  ", ""),
            (fit(impact, 18), ""), (text, DIM),
        ]))  # fmt: skip
    return lines


def disk_lines(view: Overview, space: Space | None, width: int, signs: Signs, now_ms: int) -> list[Content]:
    """The store among everything else on its disk, and when the disk will be full at this pace."""
    bar_width = max(4, width - 16 - 10 - 3)
    store = view.total_bytes
    rows: list[tuple[str, int, str]] = [
        ("this store", store, render.BAR),
        ("its backups", view.backup_bytes, render.BAR),
    ]
    whole = store + view.backup_bytes
    if space is not None:
        whole = space.bytes_total
        other = max(0, whole - space.bytes_free - store - view.backup_bytes)
        rows += [("everything else", other, FAINT), ("free", space.bytes_free, render.SUCCESS)]
    lines = []
    for name, size, style in rows:
        cells = round(size / whole * bar_width) if whole else 0
        drawn = signs.bar * max(cells, 1 if size else 0)
        lines.append(line([(fit(name, 16), DIM), (fit_right(size_text(size), 10), ""), ("   ", ""), (drawn, style)]))
    if space is not None and view.grown is not None and view.visit_ms is not None:
        days = (now_ms - view.visit_ms) / DAY_MS
        lines.append(Content())
        if view.grown > 0 and days >= 1:
            left = space.bytes_free / (view.grown / days)
            when = f"{left:,.0f} days" if left < 90 else f"{left / 30:,.0f} months" if left < 1100 else "years"
            lines.append(
                line([(cut(f"at the pace of the last {plural(round(days), 'day')} the disk is full", width), DIM)])
            )
            lines.append(
                line([("in about ", DIM), (when, "bold"), (f" ({size_text(view.grown)} in {days:.0f} d)", DIM)])
            )
        else:
            sign = "+" if view.grown >= 0 else "-"
            lines.append(line([(f"{sign}{size_text(abs(view.grown))} since the last visit", DIM)]))
    return lines
