"""Curves out of braille dots, two by four a cell, and sparklines: pure functions over numbers.

Drawn here because both plotting widgets for Textual were tried and tell a user less. textual-plot 0.10 wants
numpy 2.2, which no MLflow before 2.16 allows, and those are to be installed beside this. It bridges a gap of NaN,
ends in a traceback at values around 1e308, labels a constant 1e9 with 100000000, has no logarithmic axis and no
ASCII, and its legend lies on the curves, cut where a name is Korean. textual-plotext 1.0 ends in a traceback at
NaN and inf, breaks every line a Korean legend is in, and knows no ansi theme.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]

BLANK = "⠀"
# Bit of the dot in column 0 or 1 (left, right) and row 0 to 3 (from the top), after Unicode's block U+2800.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawn curve."""

    rows: tuple[str, ...]
    """Top first; a cell without a dot is a space."""
    low: float
    """Value at the bottom edge."""
    high: float
    left: float
    right: float
    drawn: int
    """Points that are on it."""
    left_out: int
    """Points that are not numbers, or not above 0 on a logarithmic scale."""
    owners: tuple[tuple[int, ...], ...] = ()
    """Of several curves: which one each cell belongs to, -1 for none. The later one where they cross."""
    ends: tuple[tuple[int, int] | None, ...] = ()
    """Of several curves: the row and column of the cell each one ends in, None for one without a point."""

    def column(self, x: float) -> int:
        """In which cell column ``x`` lies."""
        width = len(self.rows[0]) if self.rows else 1
        return _place(x, self.left, self.right, width * 2) // 2


def draw(points: Iterable[Point], width: int, height: int, logarithmic: bool = False) -> Curve | None:
    """``points`` (x, y; in order of x) joined by lines in ``width`` by ``height`` cells.

    None when no point can be drawn. A gap of points left out is not bridged. Equal values lie in the middle.
    """
    return draw_several([points], width, height, logarithmic)


def draw_several(curves: Sequence[Iterable[Point]], width: int, height: int, logarithmic: bool = False) -> Curve | None:
    """The same for curves that share their axes."""
    found = [_usable(points, logarithmic) for points in curves]
    every = [point for groups, _ in found for group in groups for point in group]
    if not every or width < 1 or height < 1:
        return None
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = min(y for _, y in every), max(y for _, y in every)
    cells = [[0] * width for _ in range(height)]
    owners = [[-1] * width for _ in range(height)]
    ends: list[tuple[int, int] | None] = []
    for number, (groups, _) in enumerate(found):
        end: tuple[int, int] | None = None
        for group in groups:
            before: tuple[int, int] | None = None
            for x, y in group:
                here = (_place(x, left, right, width * 2), height * 4 - 1 - _place(y, low, high, height * 4))
                if here == before:
                    continue
                for column, row in _line(before or here, here):
                    cells[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
                    owners[row // 4][column // 2] = number
                before = here
                end = (here[1] // 4, here[0] // 2)
        ends.append(end)
    rows = tuple("".join(chr(0x2800 + bits) if bits else " " for bits in row) for row in cells)
    if logarithmic:
        low, high = _power(low), _power(high)
    left_out = sum(number for _, number in found)
    return Curve(rows, low, high, left, right, len(every), left_out, tuple(map(tuple, owners)), tuple(ends))


def _power(exponent: float) -> float:
    """Back from the logarithm, which may have been rounded beyond the largest number."""
    try:
        return math.pow(10.0, exponent)
    except OverflowError:
        return sys.float_info.max


def _usable(points: Iterable[Point], logarithmic: bool) -> tuple[list[list[Point]], int]:
    groups: list[list[Point]] = [[]]
    left_out = 0
    for x, y in points:
        if not math.isfinite(x) or not math.isfinite(y) or (logarithmic and y <= 0):
            left_out += 1
            groups.append([])
        else:
            groups[-1].append((x, math.log10(y) if logarithmic else y))
    return [group for group in groups if group], left_out


def _place(value: float, low: float, high: float, dots: int) -> int:
    """0 to ``dots`` - 1; the middle when there is no range."""
    # Halved first: the difference of two huge floats is infinite.
    span = high / 2 - low / 2
    if span <= 0:
        return (dots - 1) // 2
    share = (value / 2 - low / 2) / span
    return max(0, min(dots - 1, round(share * (dots - 1))))


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterable[tuple[int, int]]:
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0))
    if not steps:
        return [end]
    return [(round(x0 + (x1 - x0) * at / steps), round(y0 + (y1 - y0) * at / steps)) for at in range(steps + 1)]


def ticks(low: float, high: float, number: int, logarithmic: bool = False) -> list[float]:
    """``number`` values from the top edge to the bottom edge, evenly spaced as the scale is."""
    if number < 2 or low == high:
        return [high]
    shares = [at / (number - 1) for at in range(number)]
    if logarithmic:
        top, bottom = math.log10(high), math.log10(low)
        return [_power(top + (bottom - top) * share) for share in shares]
    return [high * (1 - share) + low * share for share in shares]


def tick_text(value: float, low: float, high: float) -> str:
    """A value beside the axis, with as many decimals as tell neighbours apart. At most 7 characters."""
    magnitude = max(abs(low), abs(high))
    if magnitude >= 1e6 or (magnitude and magnitude < 1e-3):
        text = f"{value:.2g}"
        return text if len(text) <= 7 else f"{value:.0e}"
    span = high / 2 - low / 2 or magnitude or 1.0
    decimals = max(0, min(5, 1 - math.floor(math.log10(span / 2))))
    return next((text for places in range(decimals, 0, -1) if len(text := f"{value:.{places}f}") <= 7), f"{value:.0f}")


def sparkline(values: Sequence[float], width: int, heights: str) -> str:
    """The course of ``values`` in ``width`` cells of ``heights`` (lowest sign first), equal parts averaged.

    Values that are not finite are passed over; a part without any is a space. Empty for no values.
    """
    if width < 1 or not any(math.isfinite(value) for value in values):
        return ""
    parts: list[float | None] = []
    width = min(width, len(values))
    for at in range(width):
        part = values[at * len(values) // width : (at + 1) * len(values) // width]
        usable = [value for value in part if math.isfinite(value)]
        parts.append(math.fsum(value / len(usable) for value in usable) if usable else None)
    known = [part for part in parts if part is not None]
    low, high = min(known), max(known)
    return "".join(
        " " if part is None else heights[_place(part, low, high, len(heights)) if high > low else 0] for part in parts
    )
