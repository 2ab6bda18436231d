"""The JSON documents of every command and of the Python API, all made here.

Times are ISO 8601 UTC, sizes whole bytes, paths relative to the store; what a name means is MLflow's
business and kept. Within a version fields are added, never renamed or removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.forecast import Forecast
from mlruns_tui.model.plan import Children, Plan, Protection, RefusedItem, children_of
from mlruns_tui.model.store import Experiment, Run, Snapshot, StoreInfo
from mlruns_tui.model.words import IMPACTS, ItemPlace

from .json_values import Json, document, item, path_fields, protections, text
from .words import iso_utc, undo_command

_PLACES: Sequence[ItemPlace] = ("moved", "packed", "purged", "restored", "missing", "in-place")


def list_document(
    snapshot: Snapshot,
    experiments: Iterable[Experiment],
    runs: Iterable[Run] | None,
    protected: Mapping[str, Sequence[Protection]],
) -> Json:
    """What is in a store, its entries in the order given; ``runs`` None leaves them out."""
    body: Json = {"experiments": [experiment_item(one, protected) for one in experiments]}
    if runs is not None:
        body["runs"] = [run_item(run, protected) for run in runs]
    body["totals"] = store_totals(snapshot)
    body["complete"] = snapshot.complete
    return document("list", snapshot.store, body, snapshot.messages)


def experiment_item(experiment: Experiment, protected: Mapping[str, Sequence[Protection]]) -> Json:
    return {
        **item(experiment),
        "place": experiment.place,
        "state": experiment.state,
        "reason": text(experiment.reason),
        "lifecycle_stage": experiment.lifecycle_stage,
        "runs": experiment.runs,
        "creation_time": iso_utc(experiment.creation_time),
        "last_update_time": iso_utc(experiment.last_update_time),
        "last_write": _last_write(experiment),
        "protected": protections(protected.get(experiment.key, ())),
    }


def doctor_document(
    store: StoreInfo, findings: Sequence[Finding], mlflow_version: str, messages: Iterable[str] = ()
) -> Json:
    """What is wrong in a store, worst first, and how often each impact was found."""
    body: Json = {
        "mlflow_version": mlflow_version,
        "findings": [finding_item(one) for one in findings],
        "summary": {impact: sum(one.impact == impact for one in findings) for impact in IMPACTS},
    }
    return document("doctor", store, body, messages)


def finding_item(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "impact": finding.impact,
        **path_fields(finding.path),
        "line": finding.line,
        "experiment_id": text(finding.experiment_id) or None,
        "run_id": text(finding.run_id) or None,
        "message": text(finding.message),
        "remedy": finding.remedy,
        "migration": finding.migration,
    }


def run_item(run: Run, protected: Mapping[str, Sequence[Protection]]) -> Json:
    return {
        **item(run),
        "place": run.place,
        "state": run.state,
        "reason": text(run.reason),
        "run_name": text(run.name),
        "user_id": text(run.user_id),
        "status": run.status,
        "lifecycle_stage": run.lifecycle_stage,
        "start_time": iso_utc(run.start_time),
        "end_time": iso_utc(run.end_time),
        "deleted_time": iso_utc(run.deleted_time),
        "last_write": _last_write(run),
        "protected": protections(protected.get(run.key, ())),
    }


def store_totals(snapshot: Snapshot) -> Json:
    """Directories in the place of experiments and of runs, root and trash apart; the whole store's size."""
    root = [one for one in snapshot.experiments if one.place == "root"]
    trash = [one for one in snapshot.experiments if one.place == "trash"]
    deleted = sum(
        run.lifecycle_stage == "deleted" for one in root for run in snapshot.runs.get(one.key, ()) if run.state == "ok"
    )
    return {
        "experiments": len(root),
        "orphaned_experiments": sum(one.state == "orphaned" for one in root),
        "runs": sum(one.runs for one in root),
        "deleted_runs": deleted,
        "trash_experiments": len(trash),
        "trash_runs": sum(one.runs for one in trash),
        "size_bytes": snapshot.total.size_bytes,
        "allocated_bytes": snapshot.total.allocated_bytes,
        "files": snapshot.total.files,
        "backup_bytes": snapshot.backup_bytes,
    }


def cleanup_document(
    plan: Plan, store: StoreInfo, batch: Batch | None, *, dry_run: bool, messages: Iterable[str] = ()
) -> Json:
    """A plan, and what became of it: ``batch`` is None while nothing was done."""
    body: Json = {
        "dry_run": dry_run,
        "plan": plan_fields(plan),
        "result": None if batch is None else cleanup_result(plan, batch),
    }
    said = [*plan.messages, *(batch.messages if batch else ()), *messages]
    return document("cleanup", store, body, said)


def plan_fields(plan: Plan) -> Json:
    children = children_of(plan)
    none = Children()
    return {
        "id": plan.id,
        "created": iso_utc(plan.created_ms),
        "user": text(plan.user),
        "host": text(plan.host),
        "backup": plan.backup,
        "rules": [text(rule) for rule in plan.rules],
        "lifted": list(plan.lifted),
        "items": [
            {
                **item(one),
                "action": one.action,
                "reason": text(one.reason),
                "rule": one.rule,
                "children": _children(children.get(one.key, none)),
            }
            for one in plan.items
        ],
        "refused": [refused_item(one) for one in plan.refused],
        "totals": {
            "experiments": plan.totals.experiments,
            "runs": plan.totals.runs,
            "runs_inside": plan.totals.runs_inside,
            "size_bytes": plan.totals.size_bytes,
            "allocated_bytes": plan.totals.allocated_bytes,
            "files": plan.totals.files,
        },
    }


def _children(children: Children) -> Json:
    return {"going": children.going, "staying": children.staying}


def refused_item(refused: RefusedItem) -> Json:
    return {**item(refused), "rule": refused.rule, "protected": protections(refused.protected)}


def cleanup_result(plan: Plan, batch: Batch | None) -> Json:
    """What was done: the totals count items that are done, by the figures they had in the plan.

    Without a batch nothing was done, and the items are those of the plan, without an outcome.
    ``more``: something of the plan was not reached, and asking again goes on with it.
    """
    done = [one for one in batch.items if one.outcome == "done"] if batch else []
    experiments = [one.item.experiment_id for one in done if one.item.kind == "experiment"]
    runs = sum(one.item.kind == "run" for one in done)
    items = batch.items if batch else tuple(BatchItem(one, "in-place") for one in plan.items)
    return {
        "batch": batch.id if batch else None,
        "items": [outcome_item(one) for one in items],
        "totals": _result_totals(batch, done),
        "deleted_experiments": [text(one) for one in experiments],
        "total_deleted_experiments": len(experiments),
        "deleted_runs_count": runs,
        "more": batch is not None and any(one.outcome is None for one in items),
        "undo_command": undo_command(plan.store_root) if done and batch and batch.backup else None,
    }


def outcome_item(one: BatchItem) -> Json:
    now_at: Json = path_fields(one.now_at, "now_at") if one.now_at else {"now_at": None}
    return {**item(one.item), "outcome": one.outcome, "error": text(one.error) or None, **now_at}


def _result_totals(batch: Batch | None, done: Sequence[BatchItem]) -> Json:
    return {
        "experiments": sum(one.item.kind == "experiment" for one in done),
        "runs": sum(one.item.kind == "run" for one in done),
        "size_bytes": sum(one.item.size_bytes for one in done),
        "files": sum(one.item.files for one in done),
        "moved_bytes": batch.moved_bytes if batch else 0,
        "freed_bytes": max(batch.freed_bytes, 0) if batch else 0,
        "freed_elsewhere_bytes": max(batch.freed_elsewhere_bytes, 0) if batch else 0,
    }


def backups_document(
    store: StoreInfo,
    batches: Iterable[Batch],
    *,
    contents: bool = False,
    did: str = "",
    results: Iterable[Batch] = (),
    messages: Iterable[str] = (),
) -> Json:
    """Batches as they are on the disk; with ``contents`` every item of each. After ``did`` (``restore``,
    ``purge``): ``results``, the same batches with the items this was about and their outcomes."""
    batches = list(batches)
    body: Json = {"batches": [batch_item(one, contents=contents) for one in batches]}
    if did:
        body["result"] = {"did": did, "batches": [batch_result(one) for one in results]}
    said = [message for one in batches for message in one.messages] if contents or did else []
    return document("backups", store, body, [*said, *messages])


def gains_document(store: StoreInfo, batch: Batch, forecast: Forecast) -> Json:
    """What packing a batch would bring, as sampled; nothing was done."""
    body: Json = {"batches": [batch_item(batch)], "gains": _gains(forecast)}
    body["backup_dir"] = text(forecast.backup_dir) or None
    return document("backups", store, body, batch.messages)


def packing_fields(forecast: Forecast) -> Json:
    """What packing the items of a plan would bring, as sampled; ``freed_bytes`` on the store's disk."""
    return {
        "backup_dir": text(forecast.backup_dir) or None,
        "before_bytes": forecast.before_bytes,
        "expected_bytes": forecast.after_bytes,
        "freed_bytes": max(forecast.freed_bytes, 0),
        "gains": _gains(forecast),
    }


def _gains(forecast: Forecast) -> list[Json]:
    return [
        {
            "key": text(one.key),
            "name": text(one.name),
            "allocated_bytes": one.allocated_bytes,
            "expected_bytes": one.expected_bytes,
            "gain_percent": one.percent,
            "packs": forecast.packs(one),
            "why_not": text(one.why_not) or None,
        }
        for one in forecast.gains
    ]


def batch_item(batch: Batch, *, contents: bool = False) -> Json:
    fields: Json = {
        "batch": batch.id,
        "created": iso_utc(batch.created_ms),
        "finished": iso_utc(batch.finished_ms),
        "user": text(batch.user),
        "host": text(batch.host),
        "state": batch.state,
        "backup": batch.backup,
        "rules": [text(rule) for rule in batch.rules],
        "items": {place.replace("-", "_"): batch.count(place) for place in _PLACES},
        "size_bytes": batch.size_bytes,
        "allocated_bytes": batch.allocated_bytes,
        "damage": text(batch.damage) or None,
        "backup_dirs": [text(one) for one in batch.backup_dirs],
        "away_dirs": [text(one) for one in batch.away_dirs],
        "to_pack": batch.to_pack is not None,
    }
    if contents:
        fields["contents"] = [
            {
                **outcome_item(one),
                "key": text(one.item.key),
                "place": one.place,
                "reason": text(one.item.reason),
                "rule": one.item.rule,
                "what": text(one.item.what),
                "backup_dir": text(one.backup_dir) or None,
                "away": one.away,
            }
            for one in batch.items
        ]
    return fields


def batch_result(batch: Batch) -> Json:
    """What was done with the items of a batch."""
    done = [one for one in batch.items if one.outcome == "done"]
    return {
        "batch": batch.id,
        "items": [outcome_item(one) for one in batch.items],
        "totals": _result_totals(batch, done),
    }


def demo_document(store: StoreInfo, facts: Mapping[str, object], messages: Iterable[str] = ()) -> Json:
    return document("demo", store, {"demo": dict(facts)}, messages)


def _last_write(entry: Experiment | Run) -> str | None:
    return iso_utc(entry.size.newest_ns // 1_000_000) if entry.size and entry.size.newest_ns else None
