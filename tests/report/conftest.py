"""Values made by hand, and a check of documents against their schemas."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.plan import Plan, PlanItem, PlanTotals, Protection, RefusedItem, Step
from mlruns_tui.model.store import Experiment, Identity, Progress, Run, Size, Snapshot, StoreInfo
from mlruns_tui.report.schemas import SCHEMAS

DAY = 86_400_000
NOW = 1_795_000_000_000
INFO = StoreInfo("mlruns", "/data/mlruns", "file", Identity(1, 2))


class Make:
    """Builders with believable defaults."""

    NOW = NOW
    DAY = DAY
    INFO = INFO

    def run(self, run_id: str, experiment_id: str = "1", **fields: Any) -> Run:
        values: dict[str, Any] = {
            "name": f"run {run_id}", "status": "FINISHED", "lifecycle_stage": "active", "user_id": "alice",
            "start_time": NOW - 60 * DAY - 3_600_000, "end_time": NOW - 60 * DAY, "path": f"{experiment_id}/{run_id}",
            "size": Size(1_000_000, 1_003_520, 12, (NOW - 59 * DAY) * 1_000_000),
        }  # fmt: skip
        return Run(experiment_id, run_id, **{**values, **fields})

    def experiment(self, experiment_id: str = "1", **fields: Any) -> Experiment:
        values: dict[str, Any] = {
            "name": f"experiment {experiment_id}", "lifecycle_stage": "active", "path": experiment_id, "runs": 2,
            "creation_time": NOW - 90 * DAY, "size": Size(2_000_100, 2_007_040, 25, (NOW - 3 * DAY) * 1_000_000),
        }  # fmt: skip
        return Experiment(experiment_id, **{**values, **fields})

    def snapshot(self) -> Snapshot:
        """Two experiments of two runs, one of them deleted; an orphan; an experiment in the trash."""
        orphan = self.experiment(
            "77", name="", state="orphaned", reason="no meta.yaml", lifecycle_stage=None, runs=0, creation_time=None
        )
        trashed = self.experiment("9", place="trash", path=".trash/9", lifecycle_stage="deleted", runs=1)
        runs = {
            "experiment/1": (self.run("a1"), self.run("a2", lifecycle_stage="deleted", deleted_time=NOW - DAY)),
            "experiment/2": (self.run("b1", "2"), self.run("b2", "2", status="RUNNING", end_time=None)),
            "experiment/77": (),
            "trash/9": (self.run("c1", "9", place="trash", path=".trash/9/c1", lifecycle_stage="deleted"),),
        }
        return Snapshot(
            INFO,
            (self.experiment("1"), self.experiment("2"), orphan, trashed),
            runs,
            backup_bytes=5_000,
            total=Size(8_000_000, 8_100_000, 90, NOW * 1_000_000),
            messages=("no database found beside the store",),
            progress=Progress("complete"),
        )

    def plan_item(self, key: str, **fields: Any) -> PlanItem:
        container, _, run_id = key.partition("/run/")
        experiment_id = container.rpartition("/")[2]
        values: dict[str, Any] = {
            "kind": "run" if run_id else "experiment", "action": "remove", "experiment_id": experiment_id,
            "run_id": run_id, "name": f"run {run_id}" if run_id else "",
            "path": f"{experiment_id}/{run_id}" if run_id else experiment_id, "reason": "ended 60 d ago",
            "rule": "old" if run_id else "orphaned", "size_bytes": 1_000_000, "allocated_bytes": 1_003_520, "files": 12,
            "entries": 20, "identity": Identity(1, 5), "fingerprint": "f", "newest_ns": (NOW - 59 * DAY) * 1_000_000,
        }  # fmt: skip
        values.update(fields)
        return PlanItem(key=key, steps=(Step("move-out", values["path"]),), **values)

    def plan(self, *items: PlanItem, backup: bool = True) -> Plan:
        items = items or (
            self.plan_item("experiment/1/run/a1"),
            self.plan_item("experiment/77", reason="orphaned: no meta.yaml, quiet for 3 d"),
        )
        runs = sum(item.kind == "run" for item in items)
        return Plan(
            id="20261122-2026-a3f1",
            created_ms=NOW,
            store_root="/data/mlruns",
            store_given="mlruns",
            store_identity=INFO.identity,
            user="alice",
            host="gpu01",
            items=items,
            refused=(
                RefusedItem(
                    "experiment/2/run/b1", "run", "2", "b1", "run b1", "2/b1", 1_000_000, 12, "old",
                    (Protection("keep-tag", "tagged keep = paper"), Protection("parent", "its child run c is kept")),
                ),
            ),
            totals=PlanTotals(
                len(items) - runs, runs, 0, sum(item.size_bytes for item in items),
                sum(item.allocated_bytes for item in items), sum(item.files for item in items),
            ),
            backup=backup,
            rules=("orphaned", "old, ended over 30 d ago"),
        )  # fmt: skip

    def batch(self, plan: Plan, *outcomes: str | None, **fields: Any) -> Batch:
        """``outcomes`` in the order of the plan's items; ``done`` for those left out."""
        told = [*outcomes, *["done"] * (len(plan.items) - len(outcomes))]
        items = tuple(
            BatchItem(
                item,
                "moved" if outcome == "done" else "in-place",
                outcome,  # type: ignore[arg-type]
                "" if outcome != "failed" else "permission denied; left where it was",
                f".mlruns-tui.trash/batches/{plan.id}/data/{at}" if outcome == "done" else item.path,
            )
            for at, (item, outcome) in enumerate(zip(plan.items, told, strict=True))
        )
        values: dict[str, Any] = {"moved_bytes": 2_007_040, "backup": plan.backup, "finished_ms": NOW + 2000}
        values.update(fields)
        return Batch(plan.id, NOW, "alice", "gpu01", 0, "moved", items, rules=plan.rules, **values)

    replace = staticmethod(replace)


@pytest.fixture
def make() -> Make:
    return Make()


def problems(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """What in ``value`` is not as ``schema`` says; knows the keywords our schemas use, and refuses others."""
    known = {
        "$schema", "title", "description", "type", "properties", "required", "items", "enum", "const", "anyOf",
        "pattern", "minimum",
    }  # fmt: skip
    assert schema.keys() <= known, schema.keys() - known
    if "anyOf" in schema:
        tried = [problems(value, one, where) for one in schema["anyOf"]]
        return [] if any(not found for found in tried) else [f"{where}: fits none: {tried[0]}"]
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        return [f"{where}: not {schema['const']!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    types = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None)}
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(type(value) is types[one] for one in wanted):
            return [f"{where}: {value!r:.60} is not {wanted}"]
    found: list[str] = []
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where}: {value!r} does not match")
    if isinstance(value, int) and "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where}: {value} is too small")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{where}: {name} is missing" for name in schema["required"] if name not in value]
        for name, one in value.items():
            if name in schema["properties"]:
                found += problems(one, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for at, one in enumerate(value):
            found += problems(one, schema["items"], f"{where}[{at}]")
    return found


@pytest.fixture
def check() -> Callable[[dict[str, Any]], None]:
    """Fails with every place where a document is not as its schema says, undeclared fields too."""

    def of(document: dict[str, Any]) -> None:
        schema = SCHEMAS[document["document"]]
        assert problems(document, schema) == []
        assert document.keys() <= schema["properties"].keys() | {"plan"}

    return of
