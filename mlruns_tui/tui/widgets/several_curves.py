"""Several curves in one frame: which is which above, its number at the end of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.model.text import safe
from mlruns_tui.report.words import plural
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, fit, line
from .curve import Curve, draw_several
from .curve_frame import LABEL, axis_labels, color_of, plot_lines, points_of, said

Named = tuple[int, str, MetricSeries]
"""The number of a curve from 1, its name in words, its points."""
MOST_CURVES: Final = 16
"""So many are drawn into one frame."""


def several_lines(
    curves: Sequence[Named],
    width: int,
    height: int,
    signs: Signs,
    *,
    logarithmic: bool = False,
    by_time: bool = False,
    one_clock: bool = True,
) -> list[Content]:
    """Lines of a panel with several curves: which is which, the plot with a number at each end, the axis."""
    more = len(curves) - MOST_CURVES
    curves = curves[:MOST_CURVES]
    share = max(6, (width - 1) // max(1, len(curves)) - 4)
    legend: list[Piece] = []
    for at, (number, name, _) in enumerate(curves):
        room = min(share, max(4, cell_len(safe(name))))
        legend += [(f"{number} ", f"{color_of(at)} bold"), (fit(name, room), DIM), ("  ", "")]
    if more > 0:
        legend.insert(0, (f"{more} more not drawn  ", "$warning"))
    lines = [line(legend).truncate(max(width, 1), ellipsis=True)]
    start = min((time for _, _, series in curves for _, time, _ in series.points), default=0) if one_clock else None
    points = [points_of(series, by_time, None, start)[0] for _, _, series in curves]
    margin = max((len(str(number)) for number, _, _ in curves), default=1) + 1
    plot = draw_several(points, width - LABEL - 2 - margin, height - len(lines) - 2, logarithmic)
    if plot is None:
        logged = any(series.count for _, _, series in curves)
        why = "no value above 0: the scale cannot be logarithmic" if logarithmic else "no value is a number"
        return [*lines, Content(), *said(why if logged else "never logged", DIM, width)]
    if plot.left_out:
        what = "not above 0" if logarithmic else "not a number"
        lines[0] = Content.assemble(
            line([(f"{plural(plot.left_out, 'point')} left out: {what}  ", "$warning")]), lines[0]
        )
        lines[0] = lines[0].truncate(max(width, 1), ellipsis=True)
    numbers = [number for number, _, _ in curves]
    lines += plot_lines(plot, None, logarithmic, signs, numbers, _labels_at(plot, numbers))
    corner, across = ("+", "-") if signs.border == "ascii" else ("└", "─")
    lines.append(line([(" " * LABEL + corner + across * len(plot.rows[0]), FAINT)]))
    lines.append(axis_labels(plot, None, None, by_time))
    return lines


def _labels_at(plot: Curve, numbers: Sequence[int]) -> dict[tuple[int, int], Piece]:
    """The number of each curve to the right of its end, or in the nearest row that is free there."""
    found: dict[tuple[int, int], Piece] = {}
    width = len(plot.rows[0])
    for at, end in enumerate(plot.ends):
        if end is None:
            continue
        text = str(numbers[at])

        def is_free(row: int, column: int, text: str = text) -> bool:
            cells = range(column, column + len(text))
            on_curve = any(cell < width and plot.owners[row][cell] >= 0 for cell in cells)
            return not on_curve and not any((row, cell) in found for cell in range(column - 1, column + len(text) + 1))

        column = end[1] + 1
        rows = [row for row in range(len(plot.rows)) if is_free(row, column)]
        if rows:
            row = min(rows, key=lambda row, end=end[0]: (abs(row - end), row))  # type: ignore[misc]
            for offset, digit in enumerate(text):
                found[row, column + offset] = (digit, f"{color_of(at)} bold")
    return found
