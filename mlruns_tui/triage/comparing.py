"""Runs side by side, purely: which params, metrics and tags differ, and which run is best where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mlruns_tui.model.details import MetricSeries, RunDetails

Kind = Literal["run", "metrics", "params", "tags"]
ORDER: Final[tuple[Kind, ...]] = ("metrics", "params", "run", "tags")
Lowest = Callable[[str], "bool | None"]
"""Whether the lowest value of the metric of this name is the best; None when neither is."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One name and what each run says to it, in the order of the runs."""

    kind: Kind
    name: str
    texts: tuple[str | None, ...] = ()
    """Of params, tags and what is known of the run itself; None: not there, or not read."""
    series: tuple[MetricSeries | None, ...] = ()
    """Of a metric."""
    differs: bool = False
    best: frozenset[int] = frozenset()
    """Which runs have the best value of a metric; empty when all have it, or none is better."""

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """Values that can be calculated with: last values of a metric, or a param that is a number everywhere
        it is set."""
        if self.kind == "metrics":
            return tuple(one.last if one is not None else None for one in self.series)
        if self.kind != "params":
            return (None,) * len(self.texts)
        found = tuple(_number(text) for text in self.texts)
        sure = all((number is None) == (text is None) for number, text in zip(found, self.texts, strict=True))
        return found if sure else (None,) * len(found)


def compare(
    runs: Sequence[RunDetails | None], about: Sequence[tuple[str, Sequence[str]]], lowest: Lowest
) -> tuple[Compared, ...]:
    """Every name of these runs, those that differ first. ``runs``: None for one that is not read; it makes
    nothing different. ``about``: name and texts of what is known of the runs themselves."""
    rows = [Compared("run", name, tuple(texts), differs=len(set(texts)) > 1) for name, texts in about]
    read = [at for at, one in enumerate(runs) if one is not None]
    metrics: dict[str, list[MetricSeries | None]] = {}
    for at, one in enumerate(runs):
        for series in one.metrics if one is not None else ():
            metrics.setdefault(series.name, [None] * len(runs))[at] = series
    for name, found in metrics.items():
        values = [found[at].last if found[at] is not None else None for at in read]  # type: ignore[union-attr]
        differs = len({_comparable(value) for value in values}) > 1
        rows.append(Compared("metrics", name, (), tuple(found), differs, _best(found, lowest(name))))
    kinds: tuple[Kind, Kind] = ("params", "tags")
    for kind in kinds:
        by_name: dict[str, list[str | None]] = {}
        for at, one in enumerate(runs):
            pairs = () if one is None else one.params if kind == "params" else one.tags
            for name, text in pairs:
                by_name.setdefault(name, [None] * len(runs))[at] = text
        for name, texts in by_name.items():
            rows.append(Compared(kind, name, tuple(texts), differs=len({texts[at] for at in read}) > 1))

    def place(row: Compared) -> tuple[object, ...]:
        # Metrics without a better and a worse (learning rate, seconds) come after the others.
        neither = row.kind == "metrics" and lowest(row.name) is None
        return (not row.differs, ORDER.index(row.kind), neither, "" if row.kind == "run" else row.name.casefold())

    return tuple(sorted(rows, key=place))


def difference(row: Compared) -> float | None:
    """Of two runs: how much more the second has; None where that is no number."""
    numbers = row.numbers
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    found = numbers[1] - numbers[0]
    return found if found == found else None


def matches(row: Compared, text: str) -> bool:
    """Whether the text is in the name or a value; ``!`` before it turns that round."""
    wanted = text.removeprefix("!").casefold()
    if not wanted:
        return True
    inside = wanted in row.name.casefold() or any(wanted in (one or "").casefold() for one in row.texts)
    return inside != text.startswith("!")


def _best(found: Sequence[MetricSeries | None], lowest: bool | None) -> frozenset[int]:
    if lowest is None:
        return frozenset()
    values = {at: one.last for at, one in enumerate(found) if one is not None and one.last is not None}
    values = {at: value for at, value in values.items() if value == value}
    if len(values) < 2:
        return frozenset()
    best = min(values.values()) if lowest else max(values.values())
    winners = frozenset(at for at, value in values.items() if value == best)
    return winners if len(winners) < len(values) else frozenset()


def _comparable(value: float | None) -> object:
    """nan is like nan."""
    return "nan" if value is not None and value != value else value


def _number(text: str | None) -> float | None:
    try:
        # Python reads underscores and spaces as well, which nobody means as a number here.
        return float(text) if text is not None and "_" not in text and text == text.strip() else None
    except ValueError:
        return None
