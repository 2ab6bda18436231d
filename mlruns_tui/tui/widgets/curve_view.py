"""Curves of one metric or several with their axes, drawn to the size of their panel."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.report.words import number_text, plural
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, line, signs_of, stack
from .curve import draw
from .curve_frame import BEST, LABEL, axis_labels, plot_lines, points_of, said
from .metric_list import best_of
from .several_curves import Named, several_lines


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
        return [*lines, Content(), *said(series.error, "$error", width)]
    if not series.count:
        return [line([("never logged", DIM)])]
    if height >= 14:
        lines.append(Content())
    points, best_x = points_of(series, by_time, best_step)
    plot = draw(points, width - LABEL - 2, height - len(lines) - 2, logarithmic)
    if plot is None:
        why = "no value above 0: the scale cannot be logarithmic" if logarithmic else "no value is a number"
        return [*lines, Content(), *said(why, DIM, width)]
    if plot.left_out:
        what = "not above 0" if logarithmic else "not a number"
        lines[0] = line([(f"{plural(plot.left_out, 'point')} left out: {what}  ", "$warning"), lines[0].plain])
        lines[0] = lines[0].truncate(max(width, 1), ellipsis=True)
    best_column = plot.column(best_x) if best_x is not None and plot.left < plot.right else None
    lines += plot_lines(plot, best_column, logarithmic, signs)
    corner, across, mark = ("+", "-", "+") if signs.border == "ascii" else ("└", "─", "┴")
    axis = [across] * len(plot.rows[0])
    pieces: list[Piece] = [(" " * LABEL + corner, FAINT)]
    if best_column is not None:
        axis_left, axis_right = "".join(axis[:best_column]), "".join(axis[best_column + 1 :])
        pieces += [(axis_left, FAINT), (mark, BEST), (axis_right, FAINT)]
    else:
        pieces.append(("".join(axis), FAINT))
    lines.append(line(pieces))
    lines.append(axis_labels(plot, best_column, best_x, by_time))
    return lines


def _figures(series: MetricSeries, best: float | None, step: int | None, width: int) -> Content:
    pieces: list[Piece] = [("last ", DIM), (number_text(series.last), "")]
    if best is not None:
        pieces += [("   best ", DIM), (number_text(best), f"{BEST} bold"), (f" at step {step}", DIM)]
    pieces.append((f"   {plural(series.count, 'point')}", DIM))
    return line(pieces).truncate(max(width, 1), ellipsis=True)
