"""Curves of one metric or several with their axes, drawn to the size of their panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.model.text import safe
from mlruns_tui.report.words import duration_text, number_text, plural
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, fit, fit_right, line, signs_of, stack
from .curve import Curve, Point, draw, draw_several, tick_text, ticks
from .metric_list import best_of

Named = tuple[int, str, MetricSeries]
"""The number of a curve from 1, its name in words, its points."""
LABEL = 8
"""Cells for the values beside the axis."""
CURVE = "$primary"
BEST = "$success"


COLORS = ("$primary", "$accent", "$secondary", "$success", "$warning", "$error")
"""Of several curves, in turn; each has its number at its right end as well."""
MOST_CURVES = 16
"""So many are drawn into one frame."""


class CurveView(Widget):
    """One metric over its steps or over time, or several curves in one frame."""

    DEFAULT_CSS = """
    CurveView { height: 1fr; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._series: MetricSeries | None = None
        self._several: tuple[Named, ...] = ()
        self._one_clock = True
        self._words = ""
        self.logarithmic = False
        self.by_time = False
        self.lowest_is_best: bool | None = None

    def show(self, series: MetricSeries | None, words: str = "", lowest_is_best: bool | None = None) -> None:
        """Another metric, or ``words`` in its place. ``lowest_is_best``: None when neither is."""
        self._series = series
        self._several = ()
        self._words = words
        self.lowest_is_best = lowest_is_best
        self.refresh()

    def show_several(self, curves: Sequence[Named], *, one_clock: bool) -> None:
        """Curves in one frame. ``one_clock``: time counts from the first point of all, else of each."""
        self._several = tuple(curves)
        self._one_clock = one_clock
        self.refresh()

    @property
    def axis_words(self) -> str:
        return f"{'time' if self.by_time else 'step'}, {'log' if self.logarithmic else 'linear'}"

    def render(self) -> Content:
        size = self.content_size
        if self._several:
            return stack(
                several_lines(
                    self._several,
                    size.width,
                    size.height,
                    signs_of(self.app),
                    logarithmic=self.logarithmic,
                    by_time=self.by_time,
                    one_clock=self._one_clock,
                )
            )
        if self._series is None:
            return line([(self._words, DIM)])
        return stack(
            curve_lines(
                self._series,
                size.width,
                size.height,
                signs_of(self.app),
                logarithmic=self.logarithmic,
                by_time=self.by_time,
                lowest_is_best=self.lowest_is_best,
            )
        )


def curve_lines(
    series: MetricSeries,
    width: int,
    height: int,
    signs: Signs,
    *,
    logarithmic: bool = False,
    by_time: bool = False,
    lowest_is_best: bool | None = None,
) -> list[Content]:
    """Lines of a curve panel: the figures, the plot, the axis and its labels."""
    best, best_step = best_of(series, lowest_is_best)
    lines = [_figures(series, best, best_step, width)]
    if series.error:
        return [*lines, Content(), line([(series.error, "$error")])]
    if not series.count:
        return [line([("never logged", DIM)])]
    if height >= 14:
        lines.append(Content())
    points, best_x = _points(series, by_time, best_step)
    plot = draw(points, width - LABEL - 2, height - len(lines) - 2, logarithmic)
    if plot is None:
        why = "no value above 0: the scale cannot be logarithmic" if logarithmic else "no value is a number"
        return [*lines, Content(), line([(why, DIM)])]
    if plot.left_out:
        what = "not above 0" if logarithmic else "not a number"
        lines[0] = line([(f"{plural(plot.left_out, 'point')} left out: {what}  ", "$warning"), lines[0].plain])
        lines[0] = lines[0].truncate(max(width, 1), ellipsis=True)
    best_column = plot.column(best_x) if best_x is not None and plot.left < plot.right else None
    lines += _plot_lines(plot, best_column, logarithmic, signs)
    corner, across, mark = ("+", "-", "+") if signs.border == "ascii" else ("└", "─", "┴")
    axis = [across] * len(plot.rows[0])
    pieces: list[Piece] = [(" " * LABEL + corner, FAINT)]
    if best_column is not None:
        axis_left, axis_right = "".join(axis[:best_column]), "".join(axis[best_column + 1 :])
        pieces += [(axis_left, FAINT), (mark, BEST), (axis_right, FAINT)]
    else:
        pieces.append(("".join(axis), FAINT))
    lines.append(line(pieces))
    lines.append(_labels(plot, best_column, best_x, by_time))
    return lines


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
        legend += [(f"{number} ", f"{_color(at)} bold"), (fit(name, room), DIM), ("  ", "")]
    if more > 0:
        legend.insert(0, (f"{more} more not drawn  ", "$warning"))
    lines = [line(legend).truncate(max(width, 1), ellipsis=True)]
    start = min((time for _, _, series in curves for _, time, _ in series.points), default=0) if one_clock else None
    points = [_points(series, by_time, None, start)[0] for _, _, series in curves]
    margin = max((len(str(number)) for number, _, _ in curves), default=1) + 1
    plot = draw_several(points, width - LABEL - 2 - margin, height - len(lines) - 2, logarithmic)
    if plot is None:
        logged = any(series.count for _, _, series in curves)
        why = "no value above 0: the scale cannot be logarithmic" if logarithmic else "no value is a number"
        return [*lines, Content(), line([(why if logged else "never logged", DIM)])]
    if plot.left_out:
        what = "not above 0" if logarithmic else "not a number"
        lines[0] = Content.assemble(
            line([(f"{plural(plot.left_out, 'point')} left out: {what}  ", "$warning")]), lines[0]
        )
        lines[0] = lines[0].truncate(max(width, 1), ellipsis=True)
    numbers = [number for number, _, _ in curves]
    lines += _plot_lines(plot, None, logarithmic, signs, numbers, _labels_at(plot, numbers))
    corner, across = ("+", "-") if signs.border == "ascii" else ("└", "─")
    lines.append(line([(" " * LABEL + corner + across * len(plot.rows[0]), FAINT)]))
    lines.append(_labels(plot, None, None, by_time))
    return lines


def _color(at: int) -> str:
    return COLORS[at % len(COLORS)]


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
                found[row, column + offset] = (digit, f"{_color(at)} bold")
    return found


def _figures(series: MetricSeries, best: float | None, step: int | None, width: int) -> Content:
    pieces: list[Piece] = [("last ", DIM), (number_text(series.last), "")]
    if best is not None:
        pieces += [("   best ", DIM), (number_text(best), f"{BEST} bold"), (f" at step {step}", DIM)]
    pieces.append((f"   {plural(series.count, 'point')}", DIM))
    return line(pieces).truncate(max(width, 1), ellipsis=True)


def _points(
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


def _plot_lines(
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
                piece = (str(numbers[owner])[-1] if ascii_only else cell, _color(owner))
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


def _labels(plot: Curve, best_column: int | None, best_x: float | None, by_time: bool) -> Content:
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
