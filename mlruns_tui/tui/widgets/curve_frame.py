"""Axes around curves: where points lie, the plot's lines with their ticks, the labels below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from textual.content import Content

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.report.words import duration_text
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, fit_right, line, wrap
from .curve import Curve, Point, tick_text, ticks

LABEL: Final = 8
"""Cells for the values beside the axis."""
CURVE: Final = "$primary"
BEST: Final = "$success"
COLORS: Final = ("$primary", "$accent", "$secondary", "$success", "$warning", "$error")
"""Of several curves, in turn; each has its number at its right end as well."""


def said(text: str, style: str, width: int) -> list[Content]:
    return [line([(part, style)]) for part in wrap(text, max(1, width))]


def color_of(at: int) -> str:
    return COLORS[at % len(COLORS)]


def points_of(
    series: MetricSeries, by_time: bool, best_step: int | None, start: int | None = None
) -> tuple[list[Point], float | None]:
    """Points in order of the axis, and where on it the best one lies. Time counts in seconds from ``start``
    (ms), or from the first of them."""
    if start is None:
        start = min((time for _, time, _ in series.points), default=0)
    found = sorted(
        (((time - start) / 1000 if by_time else float(step), value) for step, time, value in series.points),
        key=lambda point: point[0],
    )
    if best_step is None:
        return found, None
    if not by_time:
        return found, float(best_step)
    return found, next(((time - start) / 1000 for step, time, _ in series.points if step == best_step), None)


def plot_lines(
    plot: Curve,
    best_column: int | None,
    logarithmic: bool,
    signs: Signs,
    numbers: Sequence[int] = (),
    labels: Mapping[tuple[int, int], Piece] | None = None,
) -> list[Content]:
    """``numbers``: of several curves; each then has a color of its own, and without braille its digit.
    ``labels``: what stands in a row and column instead, some columns to the right of the plot as well."""
    height = len(plot.rows)
    number = 5 if height >= 13 else 3 if height >= 5 else 2
    values = ticks(plot.low, plot.high, number, logarithmic)
    at_row = {round(at * (height - 1) / max(1, len(values) - 1)): value for at, value in enumerate(values)}
    if len(values) == 1:
        at_row = {(height - 1) // 2: values[0]}
    ascii_only = signs.border == "ascii"
    side, tick, dots, upright = ("|", "+", ".", ":") if ascii_only else ("│", "┤", "┈", "┊")
    lines = []
    for y, row in enumerate(plot.rows):
        value = at_row.get(y)
        label = "" if value is None else tick_text(value, plot.low, plot.high)
        pieces: list[Piece] = [
            (fit_right(label, LABEL - 1) + " ", DIM),
            (side if value is None else tick, FAINT),
        ]
        margin = 1 + max((column for _, column in labels), default=0) - len(row) if labels else 0
        for x, cell in enumerate(row + " " * margin):
            if labels and (y, x) in labels:
                piece: Piece = labels[y, x]
            elif cell != " " and numbers:
                owner = plot.owners[y][x]
                piece = (str(numbers[owner])[-1] if ascii_only else cell, color_of(owner))
            elif cell != " ":
                piece = ("*" if ascii_only else cell, CURVE)
            elif x == best_column:
                piece = (upright, FAINT)
            else:
                piece = (dots if value is not None else " ", FAINT)
            if pieces[-1][1] == piece[1] and len(pieces) > 2:
                pieces[-1] = (pieces[-1][0] + piece[0], piece[1])
            else:
                pieces.append(piece)
        lines.append(line(pieces))
    return lines


def axis_labels(plot: Curve, best_column: int | None, best_x: float | None, by_time: bool) -> Content:
    width = len(plot.rows[0])
    first, last = _place_text(plot.left, by_time), _place_text(plot.right, by_time)
    if plot.left == plot.right:
        return line([(" " * (LABEL + 1), ""), (f"{first:^{width}}"[:width], DIM)])
    taken: list[tuple[int, str, str]] = []
    if best_column is not None and best_x is not None:
        text = f"best {_place_text(best_x, by_time)}"
        taken.append((max(0, min(best_column - len(text) // 2, width - len(text))), text, f"{BEST} bold"))
    for share, text in ((0.0, first), (1.0, last), *_between(plot, by_time)):
        at = max(0, min(round(share * (width - 1)) - len(text) // 2, width - len(text)))
        if all(at + len(text) + 1 < start or at > start + len(other) for start, other, _ in taken):
            taken.append((at, text, DIM))
    pieces: list[Piece] = [(" " * (LABEL + 1), "")]
    column = 0
    for at, text, style in sorted(taken):
        pieces += [(" " * (at - column), ""), (text, style)]
        column = at + len(text)
    return line(pieces)


def _between(plot: Curve, by_time: bool) -> Sequence[tuple[float, str]]:
    return [(share, _place_text(plot.left + (plot.right - plot.left) * share, by_time)) for share in (0.25, 0.5, 0.75)]


def _place_text(x: float, by_time: bool) -> str:
    return duration_text(round(x * 1000)) if by_time else f"{round(x):,}"
