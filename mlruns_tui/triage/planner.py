"""A decision becomes a plan: fresh evidence in, one immutable list of what goes and what stays out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mlruns_tui.model.evidence import Evidence, Survey
from mlruns_tui.model.plan import Plan, PlanItem, Protection, RefusedItem, Step
from mlruns_tui.model.store import Experiment, Run, Snapshot, container_key
from mlruns_tui.model.words import ProtectionKind

from .families import children_of
from .judging import judge
from .plan_head import PlanRequest, plan_of, totals_of, unseen_writers
from .protection import Facts, Options
from .rules import Choice
from .slim import artifacts_of, slim_item, why_not_slim, without_artifacts


def make_plan(snapshot: Snapshot, chosen: Mapping[str, Choice], evidence: Evidence, request: PlanRequest) -> Plan:
    """Judge the choices on fresh evidence.

    An item that is no longer what the snapshot showed (gone, replaced) is refused with that reason.
    """
    facts = Facts(snapshot, request.now_ms, request.options, evidence)
    verdict = judge(facts, chosen)
    items, kept, bare = _items(facts, verdict.goes, evidence)
    items.sort(key=lambda item: (item.kind == "experiment", item.path))
    refused = [_refused(facts, chosen[key], protections, evidence) for key, protections in verdict.stays.items()]
    refused += [
        _gone(choice) for key, choice in chosen.items() if key not in facts.runs and key not in facts.experiments
    ]
    refused += [_refused(facts, chosen[key], (protection,), evidence) for key, protection in kept.items()]
    refused.sort(key=lambda item: item.path)
    said = list(_messages(facts, evidence, items))
    if bare:
        said.append(without_artifacts(bare))
    return plan_of(snapshot.store, request, items, refused, totals_of(items), said)


def _items(
    facts: Facts, goes: Mapping[str, Choice], evidence: Evidence
) -> tuple[list[PlanItem], dict[str, Protection], int]:
    """The items, why some cannot be slimmed though they could go, and how many runs have nothing to slim."""
    items: list[PlanItem] = []
    kept: dict[str, Protection] = {}
    bare = 0
    for key, choice in goes.items():
        item = _item(facts, choice, evidence)
        if choice.action == "slim":
            artifacts = artifacts_of(choice, evidence)
            if artifacts is None:
                bare += 1
                continue
            why = why_not_slim(artifacts)
            if why is not None:
                kept[key] = why
                continue
            item = slim_item(item, artifacts)
        items.append(item)
    return items, kept, bare


def without(plan: Plan, keys: Collection[str], parents: Mapping[str, Collection[str]] | None = None) -> Plan:
    """The same plan with fewer items: those with these keys are left out, totals follow.

    ``parents`` (from ``parents_of``): an item whose child stays is then refused with that reason, unless
    the plan lifts the protection. Leaving out more never lets anything else go.
    """
    by_key = {item.key: item for item in plan.items}
    waiting = [key for key in keys if key in by_key]
    if not waiting:
        return plan
    gone = set(waiting)
    # What is of no use without something that is left out is left out as well.
    while followers := {item.key for item in plan.items if item.after in gone or item.partner in gone} - gone:
        gone |= followers
    refused = list(plan.refused)
    while waiting and parents and "parent" not in plan.lifted:
        child = by_key[waiting.pop()]
        for key in parents.get(child.key, ()):
            if key in by_key and key not in gone:
                gone.add(key)
                waiting.append(key)
                refused.append(_kept_parent(by_key[key], child))
    items = tuple(item for item in plan.items if item.key not in gone)
    return replace(
        plan,
        items=items,
        refused=tuple(sorted(refused, key=lambda one: one.path)),
        totals=totals_of(items),
        messages=plan.messages if items else (),
    )


def parents_of(snapshot: Snapshot, items: Sequence[PlanItem]) -> dict[str, frozenset[str]]:
    """By key of an item: keys of the other items that hold the parent of its run, or of a run inside it."""
    runs: dict[str, Run] = {}
    for container in {container_key(item.key) for item in items}:
        runs.update((run.key, run) for run in snapshot.runs.get(container, ()))

    def inside(item: PlanItem) -> Sequence[Run]:
        if item.kind == "experiment":
            return snapshot.runs.get(item.key, ())
        return [runs[item.key]] if item.key in runs else ()

    holders: dict[str, set[str]] = {}
    for item in items:
        for run in inside(item):
            holders.setdefault(run.run_id, set()).add(item.key)
    found = {}
    for item in items:
        above = {key for run in inside(item) if run.parent for key in holders.get(run.parent, ())} - {item.key}
        if above:
            found[item.key] = frozenset(above)
    return found


def _kept_parent(item: PlanItem, child: PlanItem) -> RefusedItem:
    return RefusedItem(
        key=item.key,
        kind=item.kind,
        experiment_id=item.experiment_id,
        run_id=item.run_id,
        name=item.name,
        path=item.path,
        size_bytes=item.size_bytes,
        files=item.files,
        rule=item.rule,
        protected=(Protection("parent", f"its child run {child.name or child.run_id} is kept"),),
    )


def _item(facts: Facts, choice: Choice, evidence: Evidence) -> PlanItem:
    entry = _entry(facts, choice.key)
    survey = evidence.items[choice.key].survey
    assert entry is not None
    assert survey is not None
    return PlanItem(
        key=choice.key,
        kind="run" if isinstance(entry, Run) else "experiment",
        action=choice.action,
        experiment_id=entry.experiment_id,
        run_id=entry.run_id if isinstance(entry, Run) else "",
        name=entry.name,
        path=entry.path,
        reason=_reason(choice, entry, survey, facts.now_ms),
        rule=choice.rule,
        size_bytes=survey.size.size_bytes,
        allocated_bytes=survey.size.allocated_bytes,
        files=survey.size.files,
        entries=survey.entries,
        identity=survey.identity,
        fingerprint=survey.fingerprint,
        newest_ns=survey.size.newest_ns,
        steps=(Step("move-out", entry.path),),
        runs_inside=0 if isinstance(entry, Run) else len(facts.snapshot.runs.get(entry.key, ())),
        children=children_of(facts, choice.key),
    )


def _reason(choice: Choice, entry: Run | Experiment, survey: Survey, now_ms: int) -> str:
    if choice.rule == "orphaned" and survey.size.newest_ns:
        days = (now_ms - survey.size.newest_ns // 1_000_000) // 86_400_000
        return f"{choice.reason}, quiet for {days} d"
    return choice.reason


def kept_back(
    snapshot: Snapshot,
    asked: Mapping[str, Choice],
    marked: Mapping[str, Choice],
    now_ms: int,
    options: Options,
) -> tuple[RefusedItem, ...]:
    """What rules asked for and marking left out because it is protected, so that a review can say so.

    Judged on the snapshot: none of it is in the plan, so nothing depends on it being fresh.
    """
    facts = Facts(snapshot, now_ms, options)
    verdict = judge(facts, {**asked, **marked})
    kept = [
        _refused(facts, asked[key], protections, None)
        for key, protections in verdict.stays.items()
        if key in asked and key not in marked
    ]
    return tuple(sorted(kept, key=lambda item: item.path))


def _refused(
    facts: Facts, choice: Choice, protections: tuple[Protection, ...], evidence: Evidence | None
) -> RefusedItem:
    entry = _entry(facts, choice.key)
    assert entry is not None
    fresh = evidence.items.get(choice.key) if evidence else None
    size = fresh.survey.size if fresh and fresh.survey else entry.size
    return RefusedItem(
        key=choice.key,
        kind="run" if isinstance(entry, Run) else "experiment",
        experiment_id=entry.experiment_id,
        run_id=entry.run_id if isinstance(entry, Run) else "",
        name=entry.name,
        path=entry.path,
        size_bytes=size.size_bytes if size else 0,
        files=size.files if size else 0,
        rule=choice.rule,
        protected=protections,
    )


def _gone(choice: Choice) -> RefusedItem:
    container, _, run_id = choice.key.partition("/run/")
    kind: ProtectionKind = "unreadable"
    return RefusedItem(
        key=choice.key,
        kind="run" if run_id else "experiment",
        experiment_id=container.rpartition("/")[2],
        run_id=run_id,
        name="",
        path="",
        size_bytes=0,
        files=0,
        rule=choice.rule,
        protected=(Protection(kind, "it is not there any more"),),
    )


def _entry(facts: Facts, key: str) -> Run | Experiment | None:
    return facts.runs.get(key) or facts.experiments.get(key)


def _messages(facts: Facts, evidence: Evidence, items: list[PlanItem]) -> tuple[str, ...]:
    if not items:
        return ()
    # What the reading could not see bears on what is decided from it.
    said: list[str] = list(facts.snapshot.messages)
    said += unseen_writers(evidence.unchecked_processes, evidence.in_container, facts.snapshot.store)
    live = [key for key in evidence.live_runs if key in facts.runs]
    if live and any(item.kind == "experiment" for item in items):
        names = ", ".join(facts.runs[key].name or facts.runs[key].run_id for key in live[:3])
        said.append(
            f"training is going on ({names}): experiment directories move last; a move can make one "
            "log call of a live client raise"
        )
    leaving = {item.key for item in items if item.kind == "experiment"}
    left = {key for key in evidence.file_experiments if key.rsplit("/", 1)[-1].isdigit()} - leaving
    if leaving and not left:
        said.append("no numbered experiment stays: MLflow's default will switch to a SQLite database")
    return tuple(said)
