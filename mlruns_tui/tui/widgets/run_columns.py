"""Which columns of the run table have room, left to right, and how wide each is."""

from __future__ import annotations

from functools import lru_cache

from mlruns_tui.model.late import dataclass
from mlruns_tui.triage.columns import LEAST_WIDTH, MOST_WIDTH, Column, kind_of, label_of

from .cells import width_of

GUTTER = 3
"""Mark, protection and a space, after the cursor's cell."""
NAME_LEAST = 16
NAME_GOOD = 36
"""Cells in which hardly a name loses its middle."""
STATUS_WORD_LEAST = 44
"""In fewer cells the status is its sign only; the row line has the word."""
WIDTHS = {
    "status": 11, "age": 5, "idle": 5, "size": 9, "files": 8, "duration": 9, "user": 10, "owner": 10, "state": 11,
    "started": 18, "ended": 18, "id": 14,
}  # fmt: skip
LEFT = frozenset({"name", "status", "user", "owner", "state", "id", "started", "ended"})
"""Columns of our own that are words."""
METRIC_LEAST, METRIC_MOST = 9, 16
TEXT_LEAST, TEXT_MOST = 10, 24


def width_needed(column: Column) -> int:
    """Cells a column takes: what was chosen, else what its values, or its name and the sort sign, need."""
    if column.width:
        return max(LEAST_WIDTH, min(MOST_WIDTH, column.width))
    kind = kind_of(column.name)
    if not kind:
        return WIDTHS[column.name]
    label = width_of(label_of(column.name))
    if kind == "metrics":
        return max(METRIC_LEAST, min(METRIC_MOST, label + 1))
    return max(TEXT_LEAST, min(TEXT_MOST, label + 4))


@dataclass(frozen=True, slots=True)
class RunColumns:
    """Columns for a width. The name is always the first."""

    columns: tuple[tuple[str, int], ...]
    before: int = 0
    """Columns that are scrolled away to the left."""
    after: int = 0
    """Columns there is no room for."""

    @classmethod
    @lru_cache(maxsize=64)
    def of(
        cls,
        width: int,
        sort: str = "size",
        chosen: tuple[Column, ...] = (),
        metrics: tuple[str, ...] = (),
        shift: int = 0,
    ) -> RunColumns:
        """``width``: cells without the cursor's. ``chosen``: what the user wants to see; none: what fits best, and
        what is sorted by keeps its column. ``metrics``: names of columns offered where there is room. ``shift``:
        so many columns are scrolled away."""
        if chosen or shift:
            return cls._scrolled(width, chosen or all_columns(metrics, sort), shift)
        return cls._fitting(width, sort, metrics)

    @classmethod
    def _scrolled(cls, width: int, wanted: tuple[Column, ...], shift: int) -> RunColumns:
        shift = max(0, min(shift, len(wanted) - 1))
        rest = width - GUTTER - NAME_LEAST
        shown: list[tuple[str, int]] = []
        for column in wanted[shift:]:
            cells = width_needed(column)
            if shown and cells > rest:
                break
            cells = max(1, min(cells, width - GUTTER - 4)) if not shown else cells
            shown.append((column.name, cells))
            rest -= cells
        name = max(1, width - GUTTER - sum(cells for _, cells in shown))
        return cls((("name", name), *shown), shift, len(wanted) - shift - len(shown))

    @classmethod
    def _fitting(cls, width: int, sort: str, metrics: tuple[str, ...]) -> RunColumns:
        status = WIDTHS["status"] if width >= STATUS_WORD_LEAST else 2
        cells = {**WIDTHS, "status": status}
        for name in (*metrics, *((sort,) if kind_of(sort) else ())):
            cells[name] = width_needed(Column(name))
        names = ["status", "age", "size"] if width >= 30 else ["status", "size"]
        wished = [sort] if sort in cells and sort not in names else []
        if width >= 54:
            wished += ["idle", *metrics[:1]]
        if width >= 78:
            wished += ["files", "duration", "user"]
        if width >= 100:
            wished += metrics[1:]
        rest = width - GUTTER - NAME_LEAST - sum(cells[name] for name in names)
        for name in wished:
            # More metrics only where no name gets shorter for them.
            spare = NAME_GOOD - NAME_LEAST if name in metrics[3:] else 0
            if name not in names and rest - spare >= cells[name]:
                names.append(name)
                rest -= cells[name]
        order = [column.name for column in all_columns(metrics, sort)]
        columns = [(name, cells[name]) for name in order if name in names]
        name_width = max(1, width - GUTTER - sum(one for _, one in columns))
        return cls((("name", name_width), *columns), 0, len(order) - len(columns))


def all_columns(metrics: tuple[str, ...], sort: str = "size") -> tuple[Column, ...]:
    """What is shown by itself where there is room for everything."""
    names = ["status", "age", "idle", "size", *metrics[:1], "files", "duration", "user", *metrics[1:]]
    if sort not in names and (kind_of(sort) or sort in WIDTHS):
        names.insert(4, sort)
    return tuple(map(Column, names))
