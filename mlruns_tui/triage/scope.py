"""Which part of a store a request is about: everything it asks for obeys this."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, Snapshot, container_key
from mlruns_tui.model.text import safe

from .rules import Choice

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Scope:
    """Experiments by name, id or glob, and runs by id; empty means all of them."""

    experiments: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    def words(self) -> str:
        """``experiments bert-*, 3 and runs ab…``; empty for the whole store."""
        parts = []
        if self.experiments:
            parts.append("experiments " + ", ".join(self.experiments))
        if self.runs:
            parts.append("runs " + ", ".join(self.runs))
        return " and ".join(parts)

    def narrow(self, chosen: dict[str, Choice], snapshot: Snapshot) -> dict[str, Choice]:
        """What of the choices is inside. An experiment is never inside a scope that names runs.

        Raises UsageError for a name or id the store does not have; a glob may match nothing.
        """
        containers = self.containers(snapshot)
        if self.runs:
            self._check_runs(snapshot, containers)
        return {
            key: choice
            for key, choice in chosen.items()
            if (containers is None or container_key(key) in containers)
            and (not self.runs or key.partition("/run/")[2] in self.runs)
        }

    def containers(self, snapshot: Snapshot) -> frozenset[str] | None:
        """Keys of the experiments named; None where none is. Raises UsageError as ``narrow``."""
        if not self.experiments:
            return None
        found: set[str] = set()
        for wanted in self.experiments:
            keys = {one.key for one in snapshot.experiments if _matches(one, wanted)}
            if not keys and not _WILD & set(wanted):
                raise UsageError(
                    "no-such-experiment",
                    f"no experiment here is named {safe(wanted, 200)} or has that id; nothing was changed",
                    hint=_nearest(wanted, snapshot),
                )
            found |= keys
        return frozenset(found)

    def _check_runs(self, snapshot: Snapshot, containers: frozenset[str] | None) -> None:
        found: dict[str, int] = dict.fromkeys(self.runs, 0)
        for key, runs in snapshot.runs.items():
            if containers is None or key in containers:
                for run in runs:
                    if run.run_id in found:
                        found[run.run_id] += 1
        for run_id, count in found.items():
            if not count:
                where = "in these experiments" if containers is not None else "in this store"
                raise UsageError(
                    "no-such-run",
                    f"no run {where} has the id {safe(run_id, 200)}; nothing was changed",
                    hint="mlruns-tui list --runs shows the ids",
                )
            if count > 1:
                raise UsageError(
                    "ambiguous-run",
                    f"{count:,} runs have the id {safe(run_id, 200)}; nothing was changed",
                    hint="say which one with --experiment",
                )


@dataclass(frozen=True, slots=True)
class Named:
    """Runs named one by one: a mark made by hand, in a command."""

    runs: tuple[str, ...]

    name = "mark"

    def words(self) -> str:
        return "named by id"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        wanted = frozenset(self.runs)
        for runs in snapshot.runs.values():
            for run in runs:
                if run.run_id in wanted:
                    yield Choice(run.key, self.name, "named by its id")


@dataclass(frozen=True, slots=True)
class Matching:
    """Runs a filter expression found."""

    text: str
    keys: frozenset[str]

    name = "where"

    def words(self) -> str:
        return f"matching {safe(self.text, 200)}"

    def choose(self, snapshot: Snapshot, now_ms: int) -> Iterator[Choice]:
        for runs in snapshot.runs.values():
            for run in runs:
                if run.key in self.keys:
                    yield Choice(run.key, self.name, f"matches {safe(self.text, 80)}")

    def narrow(self, chosen: dict[str, Choice]) -> dict[str, Choice]:
        """Runs among the choices that match; experiments are not asked."""
        return {key: choice for key, choice in chosen.items() if "/run/" not in key or key in self.keys}


def _matches(experiment: Experiment, wanted: str) -> bool:
    return (
        wanted in (experiment.experiment_id, experiment.name)
        or fnmatchcase(experiment.experiment_id, wanted)
        or (bool(experiment.name) and fnmatchcase(experiment.name, wanted))
    )


def _nearest(wanted: str, snapshot: Snapshot) -> str:
    from difflib import get_close_matches

    names = [one.name for one in snapshot.experiments if one.name]
    near = get_close_matches(wanted, names, 1)
    return f"did you mean {near[0]}?" if near else "mlruns-tui list shows names and ids"
