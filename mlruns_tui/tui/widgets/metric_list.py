"""A run's metrics as rows: last value, best value and where, and the course in small."""

from __future__ import annotations

import re
from collections.abc import Collection

from textual.content import Content

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.report.words import NONE, number_text
from mlruns_tui.tui.signs import Signs

from .cells import DIM, Piece, fit, fit_right, line
from .curve import sparkline

_LOWEST = ("loss", "error", "err", "rmse", "mae", "mse", "perplexity", "ppl", "wer", "cer", "fid", "nll", "divergence")
_NEITHER = ("lr", "grad", "norm", "epoch", "step", "steps", "time", "seconds", "duration", "elapsed", "memory")


def lowest_is_best(name: str, turned: Collection[str] = ()) -> bool | None:
    """Whether a smaller value of this metric is better; None when neither is. ``turned``: names the user
    turned round."""
    whole = name.casefold()
    words = re.split(r"[^a-z0-9]+", whole)
    lowest: bool | None = any(word in _LOWEST or word.endswith("loss") for word in words)
    if not lowest and (
        whole.startswith("system/")
        or "learning_rate" in whole
        or words[-1] in ("s", "ms")
        or any(word in _NEITHER for word in words)
    ):
        lowest = None
    if name in turned:
        return not lowest
    return lowest


def best_of(series: MetricSeries, lowest: bool | None) -> tuple[float | None, int | None]:
    """Best value and its step; None for both when there is no better or worse."""
    if lowest is None:
        return None, None
    return (series.lowest, series.lowest_step) if lowest else (series.highest, series.highest_step)


def metric_header(width: int) -> Content:
    name, step, history = _columns(width)
    figure = 9 if step else 8
    text = fit("metric", name) + fit_right("last", figure) + fit_right("best", figure)
    text += fit_right("at step", 9) if step else ""
    return line([("  " + text + ("   history" if history else ""), DIM)])


def paint_metric(
    series: MetricSeries, width: int, signs: Signs, turned: Collection[str] = (), number: int = 0, stays: bool = False
) -> Content:
    """``number``: which of several curves in one frame it is, 0 for none; ``stays``: also when the cursor leaves."""
    name, step, history = _columns(width)
    best, at = best_of(series, lowest_is_best(series.name, turned))
    gutter: Piece = (fit(str(number) if number else "", 2), "$primary bold" if stays else DIM)
    if series.error:
        return line([gutter, (fit(series.name, name), ""), (f"  {series.error}", "$error")])
    pieces: list[Piece] = [
        gutter,
        (fit(series.name, name), ""),
        (fit_right(number_text(series.last), 9 if step else 8), ""),
        (fit_right(number_text(best), 9 if step else 8), ""),
    ]
    if step:
        pieces.append((fit_right(NONE if at is None else f"{at:,}", 9), DIM))
    if history:
        # Six heights of eight, so that rows never touch; a single row of ASCII signs would say nothing.
        heights = "" if signs.border == "ascii" else signs.columns[:6]
        course = sparkline([value for _, _, value in series.points], 12, heights) if heights else ""
        pieces.append(("   " + course, "$bar"))
    return line(pieces)


def _columns(width: int) -> tuple[int, bool, bool]:
    """Cells of the name, and whether step and history have room."""
    step, history = width >= 38, width >= 54
    return max(6, width - 2 - (27 if step else 16) - (15 if history else 0) - 1), step, history
