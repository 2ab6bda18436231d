"""Runs that match an expression: what it asks about is read first, a little at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlruns_tui.disk.look import user_name
from mlruns_tui.model.protocols import Reader, Stop, never
from mlruns_tui.model.store import Run, Snapshot, container_key
from mlruns_tui.model.values import RunValues, ValueNames, Wanted
from mlruns_tui.triage.expression import BadExpression, Expression, compile_expression, parse
from mlruns_tui.triage.expression.knowing import context_of, searched
from mlruns_tui.triage.protection import Facts, Options

__all__ = [
    "BadExpression",
    "Expression",
    "Matches",
    "find_runs",
    "matching",
    "parse",
    "read_values",
    "untold",
    "value_names",
]

TOGETHER = 400
"""Runs asked for at once; the reader answers for as many as it manages in a moment."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of the runs that were asked about."""

    keys: frozenset[str]
    """Of those that match."""
    unknown: int = 0
    """Runs of which it cannot be told: what decides was not read, or could not be."""
    undecided: frozenset[str] = frozenset()
    """Keys of the experiments they are in."""

    @property
    def containers(self) -> frozenset[str]:
        """Keys of the experiments that hold a match."""
        return frozenset(map(container_key, self.keys))


def read_values(
    reader: Reader,
    keys: Sequence[str],
    wanted: Wanted,
    stop: Stop = never,
    tell: Callable[[Mapping[str, RunValues]], None] = lambda more: None,
) -> dict[str, RunValues]:
    """Values of all these runs, as far as it got when ``stop`` says so; ``tell`` hears of each portion.

    Raises MlrunsError.
    """
    found: dict[str, RunValues] = {}
    if not wanted:
        return found
    at = 0
    while at < len(keys) and not stop():
        answer = reader.values(keys[at : at + TOGETHER], wanted)
        if not answer:
            break
        more = {one.key: one for one in answer}
        found.update(more)
        at += len(answer)
        tell(more)
    return found


def value_names(reader: Reader, keys: Sequence[str]) -> ValueNames:
    """Names of metrics, params and tags in use among these runs. Raises MlrunsError."""
    return reader.names(keys)


def matching(expression: Expression, runs: Iterable[Run], facts: Facts, values: Mapping[str, RunValues]) -> Matches:
    """Which of the runs match, with what is known now. Pure, but for the names of users."""
    names: dict[int, str] = {}

    def owner(uid: int) -> str:
        if uid not in names:
            names[uid] = user_name(uid)
        return names[uid]

    test = compile_expression(expression, context_of(facts.snapshot, values, facts, owner))
    keys: list[str] = []
    unknown = 0
    undecided: set[str] = set()
    for run in runs:
        found = test(run)
        if found:
            keys.append(run.key)
        if found is None:
            unknown += 1
            undecided.add(container_key(run.key))
    return Matches(frozenset(keys), unknown, frozenset(undecided))


def untold(matches: Matches) -> tuple[str, ...]:
    """What must be said of runs that neither match nor do not; nothing when there are none."""
    if not matches.unknown:
        return ()
    runs = "1 run" if matches.unknown == 1 else f"{matches.unknown:,} runs"
    return (f"{runs} cannot be told to match or not: what decides could not be read; left alone",)


def find_runs(reader: Reader, snapshot: Snapshot, expression: Expression, at_ms: int) -> Matches:
    """Runs of a store that match, of those ``searched`` names, everything read that it takes. Raises MlrunsError."""
    runs = searched(expression, snapshot)
    values = read_values(reader, [run.key for run in runs], expression.wanted)
    return matching(expression, runs, Facts(snapshot, at_ms, Options()), values)
