"""Tables of plain text, aligned by terminal cells."""

from __future__ import annotations

from collections.abc import Sequence

from mlruns_tui.model.late import dataclass

from .words import cell_len, pad, pad_left

_GAP = "  "
_LEAST = 8
"""Cells a column is never squeezed below."""
_MOST = 160
"""Cells a column never takes more of, so that one endless name does not push all others' cells away."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and on which side its texts stand."""

    heading: str
    right: bool = False
    gives_way: bool = False
    """Squeezed first where the line is too long; names lose their middle then."""


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """The lines of a table, headings first. ``width``: cells of a line, None for as many as it
    takes, each column up to a limit."""
    widths = [
        min(_MOST, max([cell_len(column.heading), *(cell_len(row[at]) for row in rows)]))
        for at, column in enumerate(columns)
    ]
    if width is not None:
        _squeeze(columns, widths, width)
    lines = [_line(columns, widths, [column.heading for column in columns])]
    lines += [_line(columns, widths, row) for row in rows]
    return lines


def _squeeze(columns: Sequence[Column], widths: list[int], width: int) -> None:
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    flexible = [at for at, column in enumerate(columns) if column.gives_way]
    while over > 0 and flexible:
        widest = max(flexible, key=lambda at: widths[at])
        if widths[widest] <= _LEAST:
            return
        widths[widest] -= 1
        over -= 1


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    parts = [
        pad_left(cell, cells_wide) if column.right else pad(cell, cells_wide)
        for column, cells_wide, cell in zip(columns, widths, cells, strict=True)
    ]
    return _GAP.join(parts).rstrip()
