"""Nested runs: a run names its parent in the tag ``mlflow.parentRunId``, in any experiment, to any depth."""

from __future__ import annotations

from collections.abc import Iterable

from mlruns_tui.model.store import container_key

from .protection import Facts


def with_descendants(facts: Facts, keys: Iterable[str]) -> tuple[str, ...]:
    """These keys and those of all runs below them, the given ones first, then generation by generation.

    For an experiment: the runs elsewhere that descend from runs in it. A run inside an experiment that is
    named goes with it and gets no key of its own. Circles end where they began; what the snapshot does not
    hold is left out. Nothing is judged here.
    """
    found = dict.fromkeys(keys)
    named = frozenset(found)
    waiting = list(found)
    seen: set[str] = set()
    while waiting:
        below: list[str] = []
        for key in waiting:
            for run in facts.runs_of(key):
                if run.key in seen:
                    continue
                seen.add(run.key)
                below += [child for child in facts.children(run.run_id) if child in facts.runs and child not in seen]
        waiting = list(dict.fromkeys(below))
        found.update((key, None) for key in waiting if container_key(key) not in named)
    return tuple(found)
