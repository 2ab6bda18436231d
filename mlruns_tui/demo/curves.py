"""Metric curves that look like training: they fall or rise fast, settle, and tremble."""

from __future__ import annotations

import math
from functools import cache
from random import Random

from .values import Curve

_NOISES = 4096
_RATE = 4.2
"""How fast a curve settles: after all its points 1.5 % of the way are left."""


@cache
def _noise() -> tuple[float, ...]:
    random = Random("noise")
    return tuple(random.gauss(0.0, 1.0) for _ in range(_NOISES))


def render(curve: Curve) -> bytes:
    """The lines of the metric's file: time (ms), value, step, and the dataset's name and digest if any."""
    noise, at = _noise(), curve.noise_at
    first, last, wobble = curve.first, curve.last, curve.wobble
    way = first - last
    count = curve.points
    begin, span, gaps = curve.begin_ms, curve.end_ms - curve.begin_ms, max(count - 1, 1)
    lost = count - max(1, count // 10) if curve.diverges else count
    tail = f" {curve.dataset[0]} {curve.dataset[1]}\n" if curve.dataset else "\n"
    lines = []
    for at_point in range(count):
        done = at_point / (count - 1) if count > 1 else 1.0
        value = last
        if curve.shape == "settle":
            # The trembling is strongest at the start and never takes a loss below zero.
            value += way * math.exp(-_RATE * done) + wobble * (1.4 - done) * noise[(at + at_point) % _NOISES]
            value = abs(value)
        elif curve.shape == "cosine":
            value += way * (1.0 + math.cos(math.pi * done)) / 2.0
        else:
            value += wobble * noise[(at + at_point) % _NOISES]
        written = repr(round(value, 7)) if at_point < lost else "nan"
        lines.append(f"{begin + span * at_point // gaps} {written} {at_point * curve.every}{tail}")
    return "".join(lines).encode()
