"""What a run holds, small: the course of one metric, the last values of the others, its params and tags."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual.content import Content
from textual.widget import Widget

from mlruns_tui.model.details import MetricSeries, RunGlance
from mlruns_tui.report.words import number_text, plural
from mlruns_tui.tui.signs import Signs

from .cells import DIM, Piece, cut, fit, line, signs_of, stack, width_of, wrap
from .curve import sparkline
from .metric_list import best_of, lowest_is_best, metric_header, paint_metric

ROWS = 15
"""Of the panel, its border included."""
COURSE_ROWS = 3
TAGS_APART = 100
"""Cells from which tags have a column of their own; below it they share one line."""
GAP = "   "
WIDEST_STEP = 6
"""Cells of one point, where there are few of them."""

Pair = tuple[str, str]


class RunPreview(Widget):
    """A panel about the run under the cursor. It is given values and shows them."""

    DEFAULT_CSS = """
    RunPreview {
        width: 100%;
        height: 15;
        border: round $rest-border;
        border-title-color: $dim;
        border-title-background: $background;
        border-subtitle-color: $dim;
        border-subtitle-background: $background;
        background: $background;
        padding: 0 1;
    }
    RunPreview.-ascii { border: ascii $rest-border; }
    """

    def __init__(self, turned: Collection[str]) -> None:
        """``turned``: names of metrics whose best the user turned round."""
        super().__init__(id="preview")
        self._turned = turned
        self._found: RunGlance | None = None
        self._words = "No run under the cursor."
        self.border_title = "preview"

    def on_mount(self) -> None:
        self.set_class(signs_of(self.app).border == "ascii", "-ascii")

    def show(self, title: str, found: RunGlance | None, words: str = "") -> None:
        """What was read of a run, or ``words`` in its place; neither while it is read."""
        self._found, self._words = found, words
        self.border_title = line([(cut(title, min(60, width_of(title))), "")])
        self.refresh()

    @property
    def found(self) -> RunGlance | None:
        """What is shown."""
        return self._found

    def render(self) -> Content:
        width, height = self.content_size
        signs = signs_of(self.app)
        if self._found is None:
            words = wrap(self._words, width) if self._words else [signs.unknown]
            return stack(line([(one, DIM)]) for one in words[:height])
        return stack(preview_lines(self._found, width, height, signs, self._turned))


def preview_lines(
    found: RunGlance, width: int, height: int, signs: Signs, turned: Collection[str] = ()
) -> list[Content]:
    """At most ``height`` lines of ``width`` cells."""
    lines = [*_course(found.metrics[0], width, signs, turned), Content()] if found.metrics else []
    apart = width >= TAGS_APART
    last = [] if apart or not found.tags else [_tags_line(found, width)]
    last += [line([(cut(one, width), "$warning")]) for one in found.messages[:2]]
    rows = max(2, height - len(lines) - len(last))
    columns = _columns(found, width, rows, signs, turned, apart)
    return [*lines, *columns, *last][:height]


def _course(series: MetricSeries, width: int, signs: Signs, turned: Collection[str]) -> list[Content]:
    """Name, last and best value, and the course in a few rows of columns."""
    best, at = best_of(series, lowest_is_best(series.name, turned))
    pieces: list[Piece] = [(fit(series.name or "a metric without a name", min(40, width // 2)).rstrip(), "bold")]
    pieces.append((f"  {number_text(series.last)}", ""))
    if best is not None:
        pieces += [("   best ", DIM), (number_text(best), ""), (f" at step {at:,}" if at is not None else "", DIM)]
    pieces.append((f"   {plural(series.count, 'point')}", DIM))
    if series.error:
        pieces.append((f"   {series.error}", "$error"))
    lines = [line(pieces).truncate(max(width, 1), ellipsis=True)]
    # A row of ASCII signs would say nothing.
    if signs.border != "ascii" and len(series.points) > 1:
        lines += course_rows([value for _, _, value in series.points], width, signs)
    return lines


def course_rows(values: Sequence[float], width: int, signs: Signs, rows: int = COURSE_ROWS) -> list[Content]:
    """A sparkline of several rows, top first."""
    steps = len(signs.columns)
    wide = max(1, min(WIDEST_STEP, width // len(values)))
    levels = sparkline(
        [value for value in values for _ in range(wide)], width, "".join(chr(0xE000 + at) for at in range(steps * rows))
    )
    if not levels:
        return []
    filled = [0 if sign == " " else ord(sign) - 0xE000 + 1 for sign in levels]
    drawn = " " + signs.columns
    return [
        line([("".join(drawn[max(0, min(steps, one - steps * row))] for one in filled), "$bar")])
        for row in reversed(range(rows))
    ]


def _columns(
    found: RunGlance, width: int, rows: int, signs: Signs, turned: Collection[str], apart: bool
) -> list[Content]:
    """Params, metrics, and tags where they stand apart, side by side, each with its title."""
    params, tags, metrics = found.counts
    share = (width - len(GAP) * (2 if apart else 1)) // (3 if apart else 2)
    middle = width - len(GAP) * (2 if apart else 1) - share * (2 if apart else 1)
    left = _pairs("params", found.params, params, share, rows, signs)
    between = _metrics(found.metrics, metrics, middle, rows, signs, turned)
    right = _pairs("tags", found.tags, tags, share, rows, signs) if apart else []
    lines = []
    for at in range(max(len(left), len(between), len(right))):
        parts = [left[at] if at < len(left) else line([" " * share]), Content(GAP)]
        here = between[at] if at < len(between) else Content()
        parts.append(here.truncate(max(middle, 1), ellipsis=True))
        if at < len(right):
            parts += [Content(" " * max(0, middle - here.cell_length)), Content(GAP), right[at]]
        lines.append(Content.assemble(*parts))
    return lines


def _pairs(title: str, pairs: Sequence[Pair], count: int, width: int, rows: int, signs: Signs) -> list[Content]:
    """Lines of exactly ``width`` cells."""
    lines = [line([(cut(f"{title} {max(count, len(pairs)):,}", width), DIM)])]
    shown, more = _room(len(pairs), count, rows - 1)
    name = min(max((width_of(one) for one, _ in pairs[:shown]), default=0) + 2, max(8, width // 2))
    lines += [line([(fit(one, name - 1) + " ", DIM), cut(value, width - name)]) for one, value in pairs[:shown]]
    if more:
        lines.append(line([(cut(f"{signs.unknown} {more:,} more", width), DIM)]))
    return lines


def _metrics(
    metrics: Sequence[MetricSeries], count: int, width: int, rows: int, signs: Signs, turned: Collection[str]
) -> list[Content]:
    if not metrics:
        return [line([(f"metrics {count:,}" if count else "No metrics were logged.", DIM)])]
    shown, more = _room(len(metrics), count, rows - 1)
    lines = [metric_header(width), *(paint_metric(one, width, signs, turned) for one in metrics[:shown])]
    if more:
        lines.append(line([(f"  {signs.unknown} {more:,} more", DIM)]))
    return lines


def _room(read: int, count: int, rows: int) -> tuple[int, int]:
    """How many of those that were read have room, and how many are left."""
    count = max(read, count)
    if count <= rows and read == count:
        return read, 0
    shown = max(0, min(read, rows - 1))
    return shown, count - shown


def _tags_line(found: RunGlance, width: int) -> Content:
    count = max(found.counts[1], len(found.tags))
    pieces: list[Piece] = [(f"tags {count:,}  ", DIM)]
    for name, value in found.tags:
        pieces += [
            (f"{cut(name, min(24, width_of(name)))} ", DIM),
            (cut(value, min(24, width_of(value))), ""),
            ("   ", ""),
        ]
        if sum(width_of(text) for text, _ in pieces) > width:
            break
    return line(pieces).truncate(max(width, 1), ellipsis=True)
