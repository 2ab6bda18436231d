"""Where the time goes: samples of every process of ours while something is measured, summed by place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something was measured (``time.perf_counter``, seconds, the same in all processes)."""

    began: float
    ended: float


class Sampling:
    """A folder the measured processes write their samples into; use as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="samples-", dir=folder)
        self.path = Path(self._folder.name)

    def __enter__(self) -> Sampling:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a Python process sample itself."""
        return {"SAMPLES_INTO": str(self.path), "PYTHONPATH": f"{HERE.parents[1]}:{HERE / 'sampled'}"}

    def profile(self, spans: Sequence[Span]) -> tuple[str, ...]:
        """The places where most of these spans went, one line each, under a line of what all took."""
        spent: dict[str, Spent] = {}
        processes = 0
        for path in self.path.iterdir():
            found = list(within(path.read_text(encoding="utf-8", errors="replace"), spans))
            processes += bool(found)
            for place, clock, processor in found:
                spent.setdefault(place, Spent()).add(clock, processor)
        return words(spent, processes)


@dataclass(slots=True)
class Spent:
    """Milliseconds at one place, in all processes."""

    processor: float = 0
    waited: float = 0

    def add(self, clock: float, processor: float) -> None:
        self.processor += processor
        self.waited += max(0, clock - processor)


def within(samples: str, spans: Sequence[Span]) -> Iterator[tuple[str, float, float]]:
    """Place, milliseconds by the clock and of processor time of each sample; a last line cut short is passed over."""
    for line in samples.splitlines():
        with suppress(ValueError):
            moment, clock, processor, place = line.split(" ", 3)
            if any(span.began <= float(moment) <= span.ended for span in spans):
                yield place, float(clock), float(processor)


def words(spent: Mapping[str, Spent], processes: int) -> tuple[str, ...]:
    """Lines for the table; what waits in one process may be the work of another."""
    if not spent:
        return ()
    everything = sum(one.processor for one in spent.values())
    most = sorted(spent, key=lambda place: spent[place].processor, reverse=True)[:SHOWN]
    longest = sorted(spent, key=lambda place: spent[place].waited, reverse=True)[:3]
    waits = ", ".join(f"{place} {spent[place].waited:.0f} ms" for place in longest)
    return (
        f"profile: {everything:.0f} ms of processor time in {processes} processes",
        *(f"{spent[place].processor / max(everything, 1e-9):6.0%}  {place}" for place in most),
        f"longest waits: {waits}",
    )
