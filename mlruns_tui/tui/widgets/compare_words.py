"""Runs side by side as lines: the table, and everything one of its rows says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.model.store import Run
from mlruns_tui.model.text import safe
from mlruns_tui.report.words import duration_text, number_text, plural, size_text, status_word, time_text
from mlruns_tui.triage.comparing import Compared, difference
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, cut, fit, fit_right, line, wrap
from .metric_list import best_of, lowest_is_best

BEST: Final = "*"
BEST_STYLE: Final = "$success bold"
_KIND: Final = 8
_DELTA: Final = 13
_LEAST, _MOST = 13, 26
"""Cells of a run's column, the gap before it counted in."""
_MOST_TEXT: Final = 4_000
"""Characters of one value that are shown whole."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A line between the rows."""

    text: str


Row = Compared | Heading


@dataclass(frozen=True, slots=True)
class Layout:
    """Cells of the table in a panel of some width."""

    name: int
    column: int
    shown: int
    """Columns that fit."""
    delta: int

    @classmethod
    def of(cls, width: int, runs: int) -> Layout:
        name = max(12, min(32, width * 24 // 100))
        delta = _DELTA if runs == 2 and width >= 76 else 0
        room = max(_LEAST, width - _KIND - name - delta - 1)
        column = max(_LEAST, min(_MOST, room // max(1, runs)))
        return cls(name, column, max(1, min(runs, room // column)), delta)


def run_name(run: Run) -> str:
    return run.name or run.run_id


def about_runs(runs: Sequence[Run], now_ms: int) -> list[tuple[str, list[str]]]:
    """What is known of the runs besides what they logged."""

    def lasted(run: Run) -> int | None:
        if run.start_time is None or run.end_time is None or run.end_time < run.start_time:
            return None
        return run.end_time - run.start_time

    return [
        ("status", [status_word(run, now_ms) for run in runs]),
        ("started", [time_text(run.start_time) for run in runs]),
        ("ran", [duration_text(lasted(run)) for run in runs]),
        ("size", [size_text(run.size.size_bytes if run.size else None) for run in runs]),
        ("user", [run.user_id for run in runs]),
        ("experiment", [run.experiment_id for run in runs]),
        ("run id", [run.run_id for run in runs]),
    ]


def header(width: int, runs: Sequence[Run], first: int, current: int, marked: Sequence[bool], signs: Signs) -> Content:
    """Names of the columns from the ``first`` on; the ``current`` one stands out."""
    layout = Layout.of(width, len(runs))
    pieces: list[Piece] = [(" " * (_KIND + layout.name), "")]
    for at in range(first, min(first + layout.shown, len(runs))):
        sign = signs.remove if marked[at] else signs.cursor if at == current else " "
        style = "$primary bold underline" if at == current else "bold"
        text = fit(f"{at + 1} {safe(run_name(runs[at]))}", layout.column - 3).rstrip()
        pieces.append((" " * max(1, layout.column - 2 - cell_len(text)), ""))
        pieces += [(sign, "$accent" if marked[at] else "$primary"), (text, style), (" ", "")]
    if layout.delta:
        pieces.append((fit_right("2 less 1", layout.delta), DIM))
    elif first + layout.shown < len(runs):
        pieces.append((signs.closed, "$primary"))
    return line(pieces)


def paint(row: Row, width: int, first: int, read: Sequence[bool], signs: Signs) -> Content:
    """One line of the table. ``read``: which runs were read; of the others nothing is known yet."""
    if isinstance(row, Heading):
        return line([(cut(row.text, width), FAINT)])
    runs = len(read)
    layout = Layout.of(width, runs)
    loud = "" if row.differs else DIM
    kind = {"metrics": "metric", "params": "param", "tags": "tag", "run": "run"}[row.kind]
    pieces: list[Piece] = [(f"{kind:<{_KIND}}", FAINT), (fit(row.name, layout.name), loud)]
    numbers = row.numbers
    texts = numbers_text(numbers) if row.kind == "metrics" else row.texts
    for at in range(first, min(first + layout.shown, runs)):
        text, cells = texts[at], layout.column - 3
        known = row.kind == "run" or read[at]
        if text is None:
            text = signs.none if known else signs.unknown
            pieces.append((f"  {fit_right(text, cells)} ", FAINT))
            continue
        best = at in row.best
        pieces.append((f"  {fit_right(text or '(empty)', cells)}", BEST_STYLE if best else loud))
        pieces.append((BEST if best else " ", BEST_STYLE))
    if layout.delta:
        found = difference(row)
        pieces.append((fit_right("" if not found else f"{found:+.4g}", layout.delta), DIM))
    return line(pieces)


def numbers_text(numbers: Sequence[float | None]) -> tuple[str | None, ...]:
    """Values of one metric with the same number of decimals, so that they can be told apart by eye."""
    texts = [None if number is None else number_text(number) for number in numbers]
    decimals = max((len(text.partition(".")[2]) for text in texts if text and _is_plain(text)), default=0)
    return tuple(
        f"{number:.{decimals}f}" if number is not None and text and _is_plain(text) else text
        for number, text in zip(numbers, texts, strict=True)
    )


def _is_plain(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def whole_row(row: Compared, runs: Sequence[Run], width: int, turned: set[str]) -> list[Content]:
    """Everything a row says, uncut: of each run the full value below its name."""
    lines: list[Content] = []
    for at, run in enumerate(runs):
        best = at in row.best
        pieces: list[Piece] = [(f"{at + 1} ", "$primary bold"), (cut(run_name(run), width - 12).rstrip(), "bold")]
        lines.append(line([*pieces, (f"  {BEST} best" if best else "", BEST_STYLE)]))
        if row.kind == "metrics":
            series = row.series[at]
            said = "never logged" if series is None else _series_words(series, turned)
        else:
            text = row.texts[at]
            said = "not set" if text is None else text[:_MOST_TEXT] or "(empty)"
            if text is not None and len(text) > _MOST_TEXT:
                said += f" … {len(text) - _MOST_TEXT:,} more characters; y copies them"
        lines += [line([f"  {part}"]) for part in wrap(said, max(8, width - 2))]
    return lines


def _series_words(series: MetricSeries, turned: set[str]) -> str:
    if series.error and not series.count:
        return series.error
    best, step = best_of(series, lowest_is_best(series.name, turned))
    words = [f"last {series.last!r}"]
    if best is not None:
        words.append(f"best {best!r} at step {step:,}")
    words.append(plural(series.count, "point"))
    return "  ".join(words + ([series.error] if series.error else []))


def as_text(rows: Sequence[Row], runs: Sequence[Run]) -> str:
    """Rows for the clipboard: fields with tabs between, uncut, the names of the runs above."""
    lines = ["\t".join(["kind", "name", *(safe(run_name(run)) for run in runs)])]
    for row in rows:
        if isinstance(row, Compared):
            texts: Sequence[str | None] = row.texts
            if row.kind == "metrics":
                texts = [None if number is None else repr(number) for number in row.numbers]
            lines.append("\t".join([row.kind, safe(row.name), *(safe(text or "") for text in texts)]))
    return "\n".join(lines)
