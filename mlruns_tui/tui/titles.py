"""What stands in the borders of the panels, and in the middle of an empty one."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from mlruns_tui.model.store import Stray
from mlruns_tui.model.words import IMPACTS
from mlruns_tui.report.words import plural, size_text

from . import commands, render
from .shown import Shown
from .signs import Signs
from .state import UiState
from .widgets.cells import DIM, KEY, Piece, cut, fit, line
from .widgets.run_columns import RunColumns


def tree_title(state: UiState) -> Content:
    return line(
        [
            ("1 store", ""),
            _filter(state.tree_filter),
            ("  with a match" if state.expression and state.prompt != "expression" else "", DIM),
        ]
    )


def _filter(text: str) -> Piece:
    return (f"  /{text}" if text else "", DIM)


def tree_foot(state: UiState, shown: Shown, signs: Signs, width: int, apart: bool = False) -> Content:
    """Findings by sign, experiments and runs, as far as there is room. ``apart``: the findings have a panel."""
    if state.tree_filter or (state.matches is not None and state.prompt != "expression"):
        number = sum(row.kind in ("experiment", "stray", "model") for row in shown.tree)
        return line([(f"{number:,} shown", DIM)])
    found: list[Piece] = []
    for sign, style, count in () if apart else impact_counts(shown, signs):
        found += [("  " if found else "", ""), (f"{sign} {count:,}", style)]
    experiments = sum(one.place == "root" for one in state.snapshot.experiments)
    runs = sum(one.runs for one in state.snapshot.experiments if one.place == "root")
    counts = f"{plural(experiments, 'experiment')} {signs.separator} {plural(runs, 'run')}" if experiments else ""
    candidates = (
        line([*found, (f" {signs.separator} " if found and counts else "", DIM), (counts, DIM)]),
        line([*found, (f" {signs.separator} {plural(runs, 'run')}" if found else counts, DIM)]),
        line(found),
        line([(plural(runs, "run"), DIM)]),
    )
    return next((one for one in candidates if 0 < one.cell_length <= width - 4), Content())


def impact_counts(shown: Shown, signs: Signs) -> list[tuple[str, str, int]]:
    """Sign, style and number of findings, worst first; impacts of the same sign together."""
    counts: dict[str, tuple[str, int]] = {}
    for impact in IMPACTS:
        number = shown.impacts.get(impact, 0)
        if number:
            sign = signs.impact(impact)
            style, before = counts.get(sign, (render.impact_style(impact), 0))
            counts[sign] = (style, before + number)
    return [(sign, style, number) for sign, (style, number) in counts.items()]


def table_title(state: UiState, width: int) -> Content:
    name = state.entry.name if state.experiment is not None and state.entry is not None else ""
    suffix = f"  /{state.run_filter}" if state.run_filter else ""
    if state.expression:
        suffix += f"  f {cut(state.expression, min(width // 2, len(state.expression))).rstrip()}"
    room = max(0, width - len("2 runs  ") - len(suffix) - 4)
    shown = fit(name, min(room, Content(name).cell_length)) if name else ""
    return line([("2 runs", ""), (f"  {shown}" if shown else "", ""), (suffix, DIM)])


def table_foot(state: UiState, shown: Shown, cursor: int, width: int, columns: RunColumns, doing: str = "") -> Content:
    """Runs, marked ones, the cursor's row; what a filter hides, which columns there are, what is read for them."""
    if state.runs is None:
        return Content()
    total, marked = len(state.runs), shown.marked_here
    if state.anchor:
        return line([("v ends the range", DIM)])
    if state.run_filter or state.matches is not None:
        pieces: list[Piece] = [(f"{len(shown.runs):,} of {total:,} shown", DIM)]
        if marked:
            pieces.append((f" · {marked:,} marked", DIM))
        if hidden := marked - shown.marked_shown:
            pieces += [(", ", DIM), (f"{hidden:,} of them hidden", "$warning bold")]
        return line(pieces)
    scrolled = columns.before or (columns.after and state.columns)
    first, last = columns.before + 1, columns.before + len(columns.columns) - 1
    columns_words = f"columns {first}-{last} of {last + columns.after}" if scrolled else ""
    if doing or (width < 60 and columns_words):
        return line([(" · ".join(filter(None, (doing, columns_words))), DIM)])
    if width < 60:
        return line([(f"{marked:,} of {total:,} marked" if marked else plural(total, "run"), DIM)])
    parts = [plural(total, "run")]
    if state.reading and shown.sized_here < total:
        parts.append(f"{shown.sized_here:,} sized")
    if marked:
        parts.append(f"{marked:,} marked")
    if columns_words:
        parts.append(columns_words)
    elif shown.runs and not state.reading:
        parts.append(f"row {cursor + 1:,}")
    return line([(" · ".join(parts), DIM)])


def empty_tree(state: UiState) -> list[Piece]:
    if state.reading:
        return [("reading…", DIM)]
    if state.tree_filter or state.expression:
        return _no_match(state.tree_filter or state.expression)
    return [("No experiments here yet. MLflow writes them when a run starts.", DIM)]


def _no_match(text: str) -> list[Piece]:
    return [(f"Nothing matches {cut(text, 40).rstrip()}. ", DIM), ("Esc", KEY), (" clears the filter.", DIM)]


def empty_table(state: UiState, shown: Shown, keymap: Mapping[str, str]) -> list[Piece]:
    """Why there are no rows: nothing there, not read yet, filtered away, or not an experiment at all."""
    row = state.entry
    if row is None:
        return []
    name = cut(row.name, 60).rstrip()
    if state.experiment is None:
        return _not_an_experiment(state, name)
    runs = state.runs
    if runs is None:
        return [("reading…", DIM)] if state.reading else [(f"The runs of {name} were not read.", DIM)]
    if state.run_filter and runs and shown.source is not None and not shown.runs:
        return _no_match(state.run_filter)
    if state.matches is not None and runs and shown.source is not None and not shown.runs:
        return _no_match(state.expression)
    if runs:
        return [(f"sorting {plural(len(runs), 'run')}…", DIM)]
    size = state.experiment.size
    held = f" Its directory holds {size_text(size.size_bytes)}." if size is not None else ""
    key = commands.first_key("mark.toggle", keymap)
    pieces: list[Piece] = [(f"No runs in {name}.{held} ", DIM)]
    return pieces if state.kept(row.key) else [*pieces, (key, KEY), (" there marks it.", DIM)]


def _not_an_experiment(state: UiState, name: str) -> list[Piece]:
    row = state.entry
    assert row is not None
    if isinstance(row.entry, Stray):
        return [(f"{name} is not an experiment: {row.entry.reason}.", DIM)]
    if row.kind == "model" and row.entry is not None:
        return [(f"{name}, a registered model with {plural(row.runs or 0, 'version')}.", DIM)]
    if row.group == "experiments" and not row.count and not state.reading:
        return empty_tree(state)
    return [(f"{name}: {render.GROUP_WORDS[row.group]}.", DIM)]
