"""A plan of repairs and what became of it, as a JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import StoreInfo

from .documents import outcome_item, plan_fields
from .json_values import Json, document, text
from .words import iso_utc, undo_command


def repair_document(
    plan: Plan,
    store: StoreInfo,
    batch: Batch | None,
    left: Sequence[Finding] | None,
    *,
    dry_run: bool,
    messages: Iterable[str] = (),
) -> Json:
    """``batch`` is None while nothing was done; ``left``: what doctor found afterwards, None when not asked."""
    body: Json = {
        "dry_run": dry_run,
        "plan": repair_fields(plan),
        "result": None if batch is None else _result(plan, batch),
        "left": None if left is None else len([one for one in left if one.impact != "silent"]),
    }
    said = [*plan.messages, *(batch.messages if batch else ()), *messages]
    return document("repair", store, body, said)


def repair_fields(plan: Plan) -> Json:
    """The plan: an item for each place."""
    fields = plan_fields(plan)
    return {
        "id": plan.id,
        "created": iso_utc(plan.created_ms),
        "user": text(plan.user),
        "host": text(plan.host),
        "items": [
            {**{key: value for key, value in shown.items() if key != "children"}, "what": text(one.what)}
            for shown, one in zip(fields["items"], plan.items, strict=True)
        ],
        "refused": fields["refused"],
        "totals": {
            "items": len(plan.items),
            "size_bytes": plan.totals.size_bytes,
            "files": plan.totals.files,
        },
    }


def _result(plan: Plan, batch: Batch) -> Json:
    done = [one for one in batch.items if one.outcome == "done"]
    return {
        "batch": batch.id,
        "items": [outcome_item(one) for one in batch.items],
        "totals": {"items": len(done), "moved_bytes": batch.moved_bytes},
        "more": any(one.outcome is None for one in batch.items),
        "undo_command": undo_command(plan.store_root) if done else None,
    }
