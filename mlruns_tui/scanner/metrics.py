"""A metric's file: lines of time, value and step, read up to a limit and thinned to what can be drawn."""

from __future__ import annotations

import math
import os
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.details import MetricSeries
from mlruns_tui.model.text import safe

MAX_READ: Final = 64 << 20
"""Bytes read of one file."""
MAX_POINTS: Final = 2_000
_CHUNK = 1 << 20
_MAX_LINE = 1_000
_MAX_STEP = 1 << 63
Point = tuple[int, int, float]
"""Step, time in ms, value."""


class Curve:
    """Points of one metric as they come: extremes, the last one, and few enough of the others."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._points: list[Point] = []
        self._count = 0
        self._last: Point | None = None
        self._lowest: Point | None = None
        self._highest: Point | None = None

    def add(self, step: int, time: int, value: float, counted: int | None = None) -> None:
        """``counted``: the step by which MLflow finds the last one, where that is another."""
        point = (step, time, value)
        self._count += 1
        # MLflow's own idea of the last value: the highest step, then the latest time, then the highest value.
        by = point if counted is None else (counted, time, value)
        if self._last is None or by > self._last:
            self._last = by
        if math.isfinite(value):
            if self._lowest is None or value < self._lowest[2]:
                self._lowest = point
            if self._highest is None or value > self._highest[2]:
                self._highest = point
        self._points.append(point)
        if len(self._points) >= MAX_POINTS * 8:
            self._points = thinned(self._points, MAX_POINTS * 2)

    def series(self, error: str = "") -> MetricSeries:
        return MetricSeries(
            self._name,
            self._count,
            None if self._last is None else self._last[2],
            None if self._lowest is None else self._lowest[2],
            None if self._highest is None else self._highest[2],
            None if self._lowest is None else self._lowest[0],
            None if self._highest is None else self._highest[0],
            tuple(thinned(self._points, MAX_POINTS)),
            error,
        )


def thinned(points: list[Point], limit: int) -> list[Point]:
    """At most ``limit`` of the points in their order: of each stretch the lowest and the highest, and
    the first and last of all."""
    if len(points) <= limit:
        return points
    buckets = max(1, (limit - 2) // 2)
    kept = [points[0]]
    inner = len(points) - 2
    for number in range(buckets):
        stretch = points[1 + number * inner // buckets : 1 + (number + 1) * inner // buckets]
        values = [point for point in stretch if not math.isnan(point[2])]
        if not values:
            kept += stretch[:1]
            continue
        low, high = min(values, key=_value), max(values, key=_value)
        if low is high:
            kept.append(low)
        else:
            kept += (low, high) if stretch.index(low) < stretch.index(high) else (high, low)
    kept.append(points[-1])
    return kept


def _value(point: Point) -> float:
    return point[2]


def parse_line(line: bytes) -> Point | None:
    """A line of a metric file: ``time value[ step[ dataset digest]]``; None for anything else."""
    fields = line.strip().split(b" ")
    if len(line) > _MAX_LINE or len(fields) not in (2, 3, 5):
        return None
    try:
        time, value = int(fields[0]), float(fields[1])
        step = int(fields[2]) if len(fields) > 2 else 0
    except ValueError:
        return None
    return (step, time, value) if abs(step) < _MAX_STEP and abs(time) < _MAX_STEP else None


def read_metric(name: str, path: str, dir_fd: int, budget: int = MAX_READ) -> tuple[MetricSeries, int]:
    """One metric and the bytes read for it. Never raises for what is in the file or for not reading it."""
    curve = Curve(name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    except OSError as error:
        return curve.series(f"cannot be read: {look.words(error)}"), 0
    try:
        return _read(fd, curve, min(budget, MAX_READ))
    except OSError as error:
        return curve.series(f"cannot be read: {look.words(error)}"), 0
    finally:
        os.close(fd)


def _read(fd: int, curve: Curve, limit: int) -> tuple[MetricSeries, int]:
    from stat import S_ISREG

    if not S_ISREG(os.fstat(fd).st_mode):
        return curve.series("is not a regular file"), 0
    number = bad = first_bad = total = 0
    rest = b""
    cut = False
    while True:
        block = os.read(fd, min(_CHUNK, limit - total + 1))
        total += len(block)
        cut = total > limit
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if not block and rest and not cut:
            lines, rest = [rest], b""
        for line in lines:
            number += 1
            point = parse_line(line)
            if point is not None:
                # With a dataset behind it MLflow passes over the step.
                curve.add(*point, 0 if line.count(b" ") > 3 else None)
            else:
                bad += 1
                first_bad = first_bad or number
        # A line without an end is no line; it is not let grow without one either.
        rest = rest[: _MAX_LINE + 2]
        if not block or cut:
            break
    problems = []
    if bad:
        problems.append(f"{bad:,} line{'s' * (bad != 1)} cannot be read, first line {first_bad:,}")
    if not total:
        problems.append("is empty")
    if cut:
        problems.append(f"only its first {limit >> 20:,} MiB were read")
    return curve.series("; ".join(problems)), total


def failed(name: str, why: str) -> MetricSeries:
    """A metric that was not read at all."""
    return Curve(safe(name, 512)).series(why)
