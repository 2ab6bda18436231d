"""What an expression is judged on: a snapshot, and the values read besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlruns_tui.model.store import Run, Snapshot, run_key
from mlruns_tui.model.values import RunValues
from mlruns_tui.model.words import IMPACTS, TRASH_NAME, Impact, Place

from ..judging import why_kept
from ..protection import Facts
from .evaluating import Context
from .tree import Expression


def context_of(
    snapshot: Snapshot, values: Mapping[str, RunValues], facts: Facts, owner: Callable[[int], str] = str
) -> Context:
    """``owner``: the name of a user id."""

    def protected(run: Run) -> Sequence[str]:
        kinds: list[str] = [one.kind for one in facts.protections(run.key)]
        if not kinds and (kept := why_kept(facts, run.key, (), ())) is not None:
            kinds.append(kept.kind)
        return kinds

    experiments = {one.experiment_id: one.name for one in snapshot.experiments if one.name}
    return Context(facts.now_ms, values, worst_impacts(snapshot), experiments, protected, owner)


_ODD = frozenset({"lifecycle_stage", "state", "impact"})


def searched(expression: Expression, snapshot: Snapshot) -> tuple[Run, ...]:
    """Runs an expression is about where nobody says which: active ones MLflow can read, as ``mlflow.search_runs``
    searches them; all of them where it asks for ``lifecycle_stage``, ``state`` or ``impact``."""
    if expression.attributes & _ODD:
        return snapshot.all_runs()
    return tuple(
        run
        for run in snapshot.all_runs()
        if run.place == "root" and run.state == "ok" and run.lifecycle_stage != "deleted"
    )


def worst_impacts(snapshot: Snapshot) -> dict[str, Impact]:
    """The worst finding's impact, by key of the run it is about."""
    found: dict[str, Impact] = {}
    for finding in snapshot.findings:
        if not finding.run_id:
            continue
        place: Place = "trash" if finding.path.split("/", 1)[0] == TRASH_NAME else "root"
        key = run_key(place, finding.experiment_id, finding.run_id)
        known = found.get(key)
        if known is None or IMPACTS.index(finding.impact) < IMPACTS.index(known):
            found[key] = finding.impact
    return found
