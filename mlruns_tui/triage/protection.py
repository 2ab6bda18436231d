"""What must stay although somebody asked for it, and why.

Judged twice by the same code: on a snapshot (for the screen, cheap and possibly outdated) and on fresh
evidence (for the plan, which alone counts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, Reference, Run, Snapshot, container_key
from mlruns_tui.model.words import FINAL_STATUSES, LIFTABLE, ProtectionKind

from .by_key import RunsByKey
from .rules import idle_ms

if TYPE_CHECKING:
    from mlruns_tui.model.evidence import Evidence, ItemEvidence

HOUR_MS = 3_600_000
FINISHED_IDLE_MS = 60_000
"""Quiet time asked of a run that ended well before: nobody should be writing to it any more."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user set for this plan."""

    min_idle_ms: int | None = None
    """Quiet time asked of items without a final state; None: 1 h, or 24 h on a network file system."""
    lifted: frozenset[str] = frozenset()
    """Protection kinds set aside by ``--unsafe-KIND``."""
    orphans_with_runs: bool = False
    strays_with_runs: bool = False
    """A repair takes strays out of the store although they hold runs that exist nowhere else."""

    def __post_init__(self) -> None:
        unknown = self.lifted - LIFTABLE
        if unknown:
            raise ValueError(f"cannot be lifted: {', '.join(sorted(unknown))}")

    def quiet_ms(self, network: bool) -> int:
        if self.min_idle_ms is not None:
            return self.min_idle_ms
        return 24 * HOUR_MS if network else HOUR_MS


class Facts:
    """A snapshot indexed for judging, with fresh evidence laid over it when there is some."""

    def __init__(self, snapshot: Snapshot, now_ms: int, options: Options, evidence: Evidence | None = None) -> None:
        self.snapshot = snapshot
        self.now_ms = now_ms
        self.options = options
        self.evidence = evidence
        self.experiments: dict[str, Experiment] = {one.key: one for one in snapshot.experiments}
        self.runs: Mapping[str, Run] = RunsByKey(snapshot.runs)
        references: Sequence[Reference] = evidence.references if evidence else snapshot.references
        self._by_run: dict[str, list[Reference]] = {}
        self._by_experiment: dict[str, list[Reference]] = {}
        self._by_path: dict[str, list[Reference]] = {}
        self._any: dict[str, list[Reference]] = {}
        """What may need any run: of the experiment at a path, of the whole store under the empty path."""
        self._children: dict[str, dict[str, str]] = {}
        self._keys: dict[str, list[str]] | None = None
        children = {one.by_path for one in references if one.kind == "parent" and one.target_kind != "any"}
        parents: list[Run] = []
        paths: dict[str, str] = {}
        for runs in snapshot.runs.values():
            for run in runs:
                if run.parent:
                    parents.append(run)
                if children and run.path in children:
                    paths[run.path] = run.key
        for reference in references:
            self._index(reference, paths)
        for run in parents:
            self._children.setdefault(run.parent, {}).setdefault(run.key, run.name or run.run_id)

    @property
    def has_families(self) -> bool:
        """Whether any run is said to have a parent: without that, none stays because another one does."""
        return bool(self._children)

    def _index(self, reference: Reference, paths: Mapping[str, str]) -> None:
        if reference.target_kind == "any":
            self._any.setdefault(reference.target, []).append(reference)
        elif reference.kind == "parent":
            child = paths.get(reference.by_path, f"path:{reference.by_path}")
            self._children.setdefault(reference.target, {})[child] = reference.by
        elif reference.target_kind == "run":
            self._by_run.setdefault(reference.target, []).append(reference)
        elif reference.target_kind == "experiment":
            self._by_experiment.setdefault(reference.target, []).append(reference)
        elif reference.target_kind == "path":
            prefix = ""
            for part in reference.target.split("/"):
                prefix = f"{prefix}/{part}" if prefix else part
                self._by_path.setdefault(prefix, []).append(reference)

    def children(self, run_id: str) -> Mapping[str, str]:
        """Keys of the runs that name this run their parent, with their names."""
        return self._children.get(run_id, {})

    def runs_of(self, key: str) -> Sequence[Run]:
        """The run with this key, or the runs of the experiment with this key."""
        run = self.runs.get(key) if "/run/" in key else None
        return [run] if run is not None else self.snapshot.runs.get(key, ())

    def keys_of_run(self, run_id: str) -> Sequence[str]:
        """Keys of the items that hold the run with this id: itself (copies too) and its experiments."""
        if self._keys is None:
            self._keys = {}
            for key, run in self.runs.items():
                self._keys.setdefault(run.run_id, []).extend((key, container_key(key)))
        return self._keys.get(run_id, ())

    def silent_ms(self, key: str) -> int:
        """Time since anything inside was written to, on fresh evidence where there is some; 0 when unknown."""
        if self.evidence is not None:
            fresh = self.evidence.items.get(key)
            size = fresh.survey.size if fresh is not None and fresh.survey is not None else None
        else:
            item = self.runs.get(key) or self.experiments.get(key)
            size = item.size if item is not None else None
        return idle_ms(size.newest_ns, self.now_ms) if size is not None and size.newest_ns else 0

    def protections(self, key: str) -> list[Protection]:
        """All that protects one item by itself, kept children aside; lifted kinds are left out."""
        run = self.runs.get(key) if "/run/" in key else None
        found: list[Protection] = []
        if run is not None:
            found = self._of_run(run)
        elif (experiment := self.experiments.get(key)) is not None:
            found = self._of_experiment(experiment)
        return [one for one in found if one.kind not in self.options.lifted]

    def _of_run(self, run: Run, inside: bool = False) -> list[Protection]:
        found: list[Protection] = []
        if run.record == "database":
            found.append(Protection("claimed", "its record is in the database, which is not changed here"))
        if run.state == "unclaimed":
            found.append(Protection("unclaimed", "no metadata here: artifacts of a database not found"))
        if not inside:
            found += [Protection(cast(ProtectionKind, one.kind), _needed(one, "run")) for one in self._needers(run)]
        found += [
            Protection(cast(ProtectionKind, one.kind), f"{one.by}: it may need this run")
            for one in (*self._any.get("", ()), *self._any.get(run.path.rpartition("/")[0] or "-", ()))
            if not _inside(one.by_path, run.path)
        ]
        found += self._claims(run.path, "run")
        if run.keep:
            found.append(Protection("keep-tag", f"tagged {run.keep.replace('=', ' = ', 1)}"))
        container = self.experiments.get(container_key(run.key))
        if container is not None and container.keep and not inside:
            found.append(Protection("keep-tag", f"its experiment is tagged {container.keep.replace('=', ' = ', 1)}"))
        if run.status not in FINAL_STATUSES and run.state == "ok":
            found.append(self._running(run))
        if not inside:
            found += self._condition(run.key, run)
        return found

    def _needers(self, run: Run) -> list[Reference]:
        return [one for one in self._by_run.get(run.run_id, ()) if not _inside(one.by_path, run.path)]

    def _running(self, run: Run) -> Protection:
        if run.status == "RUNNING":
            silent = self.silent_ms(run.key)
            since = f", silent {_short(silent)}" if silent >= HOUR_MS else ""
            return Protection("running", f"RUNNING{since}: it never ended and may be alive")
        if run.status == "SCHEDULED":
            return Protection("running", "SCHEDULED: it has not started yet")
        return Protection("running", "its status is unknown, it may be alive")

    def _of_experiment(self, experiment: Experiment) -> list[Protection]:
        found: list[Protection] = []
        if experiment.record == "database":
            found.append(Protection("claimed", "its record is in the database, which is not changed here"))
        if experiment.state == "unclaimed":
            found.append(Protection("unclaimed", "no metadata here: artifacts of a database not found"))
        if experiment.experiment_id == "0" and experiment.place == "root":
            found.append(Protection("default-experiment", "MLflow never makes experiment 0 again"))
        if experiment.state == "orphaned" and experiment.readable_inside and not self.options.orphans_with_runs:
            number = experiment.readable_inside
            found.append(
                Protection(
                    "holds-runs",
                    f"holds {number:,} readable run{'s' * (number != 1)}: repair, or --orphans-with-runs",
                )
            )
        found += [
            Protection(cast(ProtectionKind, one.kind), _needed(one, "experiment"))
            for one in self._by_experiment.get(experiment.experiment_id, ())
            if not _inside(one.by_path, experiment.path)
        ]
        if experiment.state != "orphaned":
            found += [
                Protection("model-version", f"{one.by}: it may need a model in this experiment")
                for one in self._any.get("", ())
                if one.kind == "model-version"
            ]
        found += self._claims(experiment.path, "experiment")
        if experiment.keep:
            found.append(Protection("keep-tag", f"tagged {experiment.keep.replace('=', ' = ', 1)}"))
        found += self._inside_of(experiment)
        found += self._condition(experiment.key, experiment)
        return found

    def _inside_of(self, experiment: Experiment) -> list[Protection]:
        """A container is protected by everything that protects anything inside it."""
        if experiment.runs and experiment.key not in self.snapshot.runs:
            return [Protection("unreadable", "its runs were not read yet")]
        first: dict[str, Protection] = {}
        origins: dict[str, Protection] = {}
        """Who would only lose where it comes from: said where nothing of the same kind is destroyed."""
        gone = {one.by for one in self._by_experiment.get(experiment.experiment_id, ()) if one.destroys}
        for run in self.snapshot.runs.get(experiment.key, ()):
            if self._is_free(run):
                continue
            which = f"run {run.name or run.run_id}"
            for one in self._of_run(run, inside=True):
                first.setdefault(one.kind, Protection(one.kind, f"{which}: {one.reason}"))
            for needer in self._needers(run):
                kind = cast(ProtectionKind, needer.kind)
                if _inside(needer.by_path, experiment.path):
                    # It goes with the run it comes from.
                    why = f"{needer.by} is in this experiment: removing it destroys the model"
                    first.setdefault(kind, Protection(kind, why))
                elif needer.by not in gone:
                    found = first if needer.destroys else origins
                    found.setdefault(kind, Protection(kind, f"{which}: {_needed(needer, 'run')}"))
        return [*first.values(), *(one for kind, one in origins.items() if kind not in first)]

    def _is_free(self, run: Run) -> bool:
        """Whether nothing protects what such a run stands for: as nearly all are, so this is asked first."""
        return (
            run.status in FINAL_STATUSES
            and run.state == "ok"
            and run.record == "file"
            and not run.keep
            and not self._any
            and run.run_id not in self._by_run
            and run.path not in self._by_path
        )

    def _claims(self, path: str, what: str) -> list[Protection]:
        if not path:
            return []
        return [
            Protection("claimed" if one.kind == "claim" else cast(ProtectionKind, one.kind), _needed(one, what))
            for one in self._by_path.get(path, ())
            if not _inside(one.by_path, path)
        ]

    def _condition(self, key: str, item: Run | Experiment) -> list[Protection]:
        """What the disk says of the item: how fresh, whose, whether it can be looked at."""
        fresh = self.evidence.items.get(key) if self.evidence else None
        if self.evidence is not None:
            return self._condition_now(item, fresh)
        found = [Protection(cast(ProtectionKind, kind), _TROUBLE.get(kind, kind)) for kind in item.trouble]
        if item.size is not None:
            found += self._freshness(item, item.size.newest_ns)
        return found

    def _condition_now(self, item: Run | Experiment, fresh: ItemEvidence | None) -> list[Protection]:
        if fresh is None or fresh.survey is None:
            reason = fresh.error if fresh and fresh.error else "it cannot be looked at"
            return [Protection("unreadable", reason)]
        assert self.evidence is not None
        survey = fresh.survey
        found = [
            Protection(
                cast(ProtectionKind, kind),
                _TROUBLE.get(kind, kind) + (f" ({survey.trouble_path})" if survey.trouble_path else ""),
            )
            for kind in survey.trouble
        ]
        if survey.writers:
            one = survey.writers[0]
            found.append(Protection("open-by-writer", f"in use by {one.command} (pid {one.pid}, {one.user})"))
        if survey.silly_renames:
            found.append(Protection("open-by-writer", "a removed file in it is still open (.nfs…)"))
        if self.evidence.user not in (0, survey.owner):
            found.append(Protection("other-owner", f"belongs to user id {survey.owner}"))
        elif self.evidence.user and survey.other_owners:
            found.append(Protection("other-owner", "something inside belongs to another user"))
        if fresh.movable:
            found.append(Protection("unreadable", fresh.movable))
        return found + self._freshness(item, survey.size.newest_ns)

    def _freshness(self, item: Run | Experiment, newest_ns: int) -> list[Protection]:
        asked = self.quiet_ms(item)
        idle = idle_ms(newest_ns, self.now_ms)
        if newest_ns and idle < -5 * 60_000:
            return [Protection("too-fresh", "written to in the future: the clocks differ")]
        if newest_ns and idle < asked:
            return [
                Protection("too-fresh", f"written to {_short(max(idle, 0))} ago, {_short(asked)} of quiet are asked")
            ]
        return []

    def quiet_ms(self, item: Run | Experiment) -> int:
        """How long this item must have been quiet."""
        quiet = self.options.quiet_ms(self.snapshot.store.network)
        if (
            isinstance(item, Run)
            and item.state == "ok"
            and item.status in FINAL_STATUSES
            and item.end_time is not None
            and self.now_ms - item.end_time > quiet
        ):
            return min(FINISHED_IDLE_MS, quiet)
        return quiet


_TROUBLE = {
    "link": "a symbolic link: shown, never followed or moved",
    "other-device": "something from another disk is mounted inside",
    "unreadable": "part of it cannot be read",
}


def _needed(reference: Reference, what: str) -> str:
    """Who needs a run or an experiment (``what``), and whether it would be destroyed or lose its origin only."""
    by = reference.by
    if reference.kind not in ("model-version", "logged-model"):
        return f"{by} keeps files here"
    if reference.destroys:
        kept = "is in" if what == "experiment" else "is kept in"
        return f"{by} {kept} this {what}: removing it destroys the model"
    origin = "is made from" if reference.kind == "model-version" else "comes from"
    return f"{by} {origin} this {what}: it would lose its origin"


def _inside(path: str, top: str) -> bool:
    return bool(top) and (path == top or path.startswith(top + "/"))


def _short(ms: int) -> str:
    if ms < 120_000:
        return f"{ms // 1000} s"
    if ms < 2 * HOUR_MS:
        return f"{ms // 60_000} min"
    return f"{ms // HOUR_MS} h" if ms < 48 * HOUR_MS else f"{ms // (24 * HOUR_MS)} d"
