"""Choices into what goes and what stays: each item's own protection, then what depends on the others.

A run stays while a child of it stays, and one numbered experiment stays whatever is asked.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import container_key

from .protection import Facts
from .rules import DAY_MS, STALE_RUNNING, Choice


@dataclass(frozen=True, slots=True)
class Verdict:
    """What goes and what stays of the choices."""

    goes: dict[str, Choice]
    stays: dict[str, tuple[Protection, ...]]
    """By key, for choices that are kept, never empty tuples."""


def judge(facts: Facts, chosen: Mapping[str, Choice]) -> Verdict:
    """Split what was asked for into what goes and what stays.

    A run whose child is kept is kept; this is repeated until nothing changes, so that a whole family
    goes when all of it was chosen and its parents stay when one child does.
    """
    goes: dict[str, Choice] = {}
    stays: dict[str, tuple[Protection, ...]] = {}
    for key, choice in chosen.items():
        if key not in facts.runs and key not in facts.experiments:
            continue
        protections = tuple(facts.protections(key))
        if choice.rule == STALE_RUNNING and facts.silent_ms(key) > DAY_MS:
            # What the rule is about: a status nobody came back to set. Everything else still protects.
            protections = tuple(one for one in protections if one.kind != "running")
        if protections:
            stays[key] = protections
        else:
            goes[key] = choice
    # A run that is slimmed stays a run: a parent of others, and a child that keeps its parent.
    slim = {key: goes.pop(key) for key, choice in list(goes.items()) if choice.action == "slim"}
    if "parent" not in facts.options.lifted:
        _keep_parents(facts, goes, stays)
    if "last-experiment" not in facts.options.lifted:
        _keep_last_experiment(facts, goes, stays)
    for key in [key for key in goes if "/run/" in key and container_key(key) in goes]:
        del goes[key]
    goes.update((key, choice) for key, choice in slim.items() if container_key(key) not in goes)
    return Verdict(goes, stays)


def why_kept(
    facts: Facts, key: str, going: Container[str], known: Sequence[Protection] | None = None
) -> Protection | None:
    """Why one item stays if it were asked for together with ``going`` (keys); None when it may go.

    The same answer as ``judge`` gives for one item, without judging all the others. ``known``: what
    ``facts.protections(key)`` gave, where a caller kept it.
    """
    for protection in facts.protections(key) if known is None else known:
        return protection
    if "parent" not in facts.options.lifted and (child := _kept_child(facts, key, going)) is not None:
        return child
    if "last-experiment" not in facts.options.lifted and "/run/" not in key:
        there = _numbered_experiments(facts)
        if key in there and all(one == key or one in going for one in there):
            return _LAST_EXPERIMENT
    return None


def _keep_parents(facts: Facts, goes: dict[str, Choice], stays: dict[str, tuple[Protection, ...]]) -> None:
    waiting = list(goes)
    while waiting:
        key = waiting.pop()
        if key not in goes or (protection := _kept_child(facts, key, goes)) is None:
            continue
        del goes[key]
        stays[key] = (protection,)
        # Whoever is a parent of what now stays must be asked again.
        for run in facts.runs_of(key):
            if run.parent:
                waiting += [above for above in facts.keys_of_run(run.parent) if above in goes]


def _kept_child(facts: Facts, key: str, goes: Container[str]) -> Protection | None:
    for one in facts.runs_of(key):
        for child, name in facts.children(one.run_id).items():
            if child in goes or container_key(child) in goes or child == one.key:
                continue
            return Protection("parent", f"its child run {name} is kept")
    return None


_LAST_EXPERIMENT = Protection("last-experiment", "the last experiment: without it MLflow switches to a database")


def _numbered_experiments(facts: Facts) -> set[str]:
    """Keys of the experiments in the root whose names are numbers: MLflow looks for one of them."""
    if facts.evidence is not None:
        there = set(facts.evidence.file_experiments)
    else:
        there = {one.key for one in facts.snapshot.experiments if one.place == "root" and one.state != "orphaned"}
    return {key for key in there if key.rsplit("/", 1)[-1].isdigit()}


def _keep_last_experiment(facts: Facts, goes: dict[str, Choice], stays: dict[str, tuple[Protection, ...]]) -> None:
    there = _numbered_experiments(facts)
    leaving = there & goes.keys()
    if not leaving or there - leaving:
        return
    last = max(leaving)
    del goes[last]
    stays[last] = (_LAST_EXPERIMENT,)
