"""Nested runs: a run names its parent in the tag ``mlflow.parentRunId``, in any experiment, to any depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mlruns_tui.model.store import container_key

from .protection import Facts
from .rules import Choice


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


def children_of(facts: Facts, key: str) -> tuple[str, ...]:
    """Keys of the runs that name the run with this key their parent, or a run in this experiment from outside."""
    found: dict[str, None] = {}
    for run in facts.runs_of(key):
        for child in facts.children(run.run_id):
            if child in facts.runs and child != run.key and (key == run.key or container_key(child) != key):
                found[child] = None
    return tuple(found)


def families(facts: Facts, chosen: Mapping[str, Choice]) -> dict[str, Choice]:
    """The choices, and one for each run below them, with the reason that somebody above it was chosen."""
    found = dict(chosen)
    for key in chosen:
        item = facts.runs.get(key) or facts.experiments.get(key)
        name = (item.name or key.rpartition("/")[2]) if item is not None else key
        for below in with_descendants(facts, (key,))[1:]:
            found.setdefault(below, replace(chosen[key], key=below, reason=f"descends from {name}"))
    return found
