"""The documents scripts read: their fields, their figures, and that they are as their schemas say."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mlruns_tui.model.errors import StaleError
from mlruns_tui.model.plan import Protection
from mlruns_tui.report import documents
from mlruns_tui.report.json_values import dump, error_document
from mlruns_tui.report.schemas import SCHEMAS

Check = Callable[[dict[str, Any]], None]


def test_the_list_document_is_as_its_schema_says(make: Any, check: Check) -> None:
    snapshot = make.snapshot()
    protected = {"experiment/2/run/b2": (Protection("running", "RUNNING: it never ended and may be alive"),)}
    document = documents.list_document(snapshot, snapshot.experiments, snapshot.all_runs(), protected)
    check(document)
    assert document["store"] == {"uri": "file:///data/mlruns", "kind": "file", "database": None}
    assert document["messages"] == ["no database found beside the store"]
    by_id = {run["run_id"]: run for run in document["runs"]}
    assert by_id["b2"]["protected"] == [{"kind": "running", "reason": "RUNNING: it never ended and may be alive"}]
    assert by_id["a1"]["protected"] == []
    assert by_id["b2"]["end_time"] is None
    assert by_id["a1"]["end_time"] == "2026-09-19T11:06:40.000Z"
    assert by_id["a1"]["last_write"] == "2026-09-20T11:06:40.000Z"
    assert by_id["c1"]["place"] == "trash"


def test_totals_count_root_and_trash_apart(make: Any) -> None:
    totals = documents.store_totals(make.snapshot())
    assert totals == {
        "experiments": 3, "orphaned_experiments": 1, "runs": 4, "deleted_runs": 1, "trash_experiments": 1,
        "trash_runs": 1, "size_bytes": 8_000_000, "allocated_bytes": 8_100_000, "files": 90, "backup_bytes": 5_000,
    }  # fmt: skip


def test_runs_are_left_out_unless_asked_for(make: Any, check: Check) -> None:
    snapshot = make.snapshot()
    document = documents.list_document(snapshot, snapshot.experiments, None, {})
    check(document)
    assert "runs" not in document


def test_an_item_that_was_not_measured_has_no_size(make: Any) -> None:
    item = documents.run_item(make.run("a", size=None), {})
    assert item["size_bytes"] is None
    assert item["files"] is None
    assert item["last_write"] is None


def test_a_plan_without_a_batch_has_no_result(make: Any, check: Check) -> None:
    document = documents.cleanup_document(make.plan(), make.INFO, None, dry_run=True)
    check(document)
    assert document["result"] is None
    assert document["dry_run"] is True
    assert [item["run_id"] for item in document["plan"]["items"]] == ["a1", None]
    assert document["plan"]["items"][0]["reason"] == "ended 60 d ago"
    refused = document["plan"]["refused"][0]
    assert [one["kind"] for one in refused["protected"]] == ["keep-tag", "parent"]


def test_a_result_counts_what_is_done_and_nothing_else(make: Any, check: Check) -> None:
    items = [make.plan_item(f"experiment/1/run/r{at}", size_bytes=10 + at, files=1) for at in range(4)]
    plan = make.plan(*items, make.plan_item("experiment/77", size_bytes=1000, files=7))
    batch = make.batch(plan, "done", "failed", "skipped", None, "done", moved_bytes=4096)
    document = documents.cleanup_document(plan, make.INFO, batch, dry_run=False)
    check(document)
    result = document["result"]
    assert result["totals"] == {
        "experiments": 1, "runs": 1, "size_bytes": 1010, "files": 8, "moved_bytes": 4096, "freed_bytes": 0,
        "freed_elsewhere_bytes": 0,
    }  # fmt: skip
    assert [item["outcome"] for item in result["items"]] == ["done", "failed", "skipped", None, "done"]
    assert (result["total_deleted_experiments"], result["deleted_runs_count"]) == (1, 1)
    assert result["deleted_experiments"] == ["77"]
    assert result["more"] is True
    assert result["undo_command"] == "mlruns-tui undo /data/mlruns"
    assert result["items"][1]["error"] == "permission denied; left where it was"


def test_nothing_can_be_undone_without_a_backup(make: Any) -> None:
    plan = make.plan(backup=False)
    assert documents.cleanup_result(plan, make.batch(plan))["undo_command"] is None


def test_without_a_batch_a_result_lists_the_plan_without_outcomes(make: Any) -> None:
    result = documents.cleanup_result(make.plan(), None)
    assert [item["outcome"] for item in result["items"]] == [None, None]
    assert result["batch"] is None
    assert result["totals"]["runs"] == 0
    assert result["more"] is False


def test_backups_count_items_by_where_they_are(make: Any, check: Check) -> None:
    plan = make.plan()
    batch = make.batch(plan, "done", "failed")
    document = documents.backups_document(make.INFO, [batch])
    check(document)
    one = document["batches"][0]
    assert one["items"] == {"moved": 1, "packed": 0, "purged": 0, "restored": 0, "missing": 0, "in_place": 1}
    assert one["size_bytes"] == 1_000_000
    assert "contents" not in one
    shown = documents.backups_document(make.INFO, [batch], contents=True)
    check(shown)
    assert [item["place"] for item in shown["batches"][0]["contents"]] == ["moved", "in-place"]
    done = documents.backups_document(make.INFO, [batch], did="restore", results=[batch])
    check(done)
    assert [item["outcome"] for item in done["result"]["batches"][0]["items"]] == ["done", "failed"]


def test_an_error_says_what_to_do(check: Check) -> None:
    document = error_document(StaleError("other-store", "another directory", path="/data", hint="read it again"))
    check(document)
    assert document["error"] == {
        "code": "other-store", "message": "another directory", "path": "/data", "hint": "read it again",
    }  # fmt: skip


def test_a_path_that_is_not_utf8_keeps_its_bytes(make: Any, check: Check) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    snapshot = make.snapshot()
    orphan = make.experiment(name, path=name, state="orphaned", name="", lifecycle_stage=None)
    document = documents.list_document(snapshot, [orphan], None, {})
    check(document)
    item = document["experiments"][0]
    assert item["path"] == "caf\\xe9"
    assert base64.b64decode(item["path_b64"]) == b"caf\xe9"
    assert item["experiment_id"] == "caf\\xe9"
    assert "path_b64" not in documents.experiment_item(make.experiment("café"), {})


def test_json_is_ascii_whatever_a_name_holds(make: Any) -> None:
    text = dump(documents.run_item(make.run("a", name="이탈예측 \x9b31m", path="1/\x1b]0;x\x07"), {}))
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["path"] == "1/\x1b]0;x\x07"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("list", "experiments"), ("list", "totals"), ("cleanup", "dry_run"), ("cleanup", "plan"),
        ("cleanup", "result"), ("backups", "batches"), ("error", "error"),
    ],
)  # fmt: skip
def test_what_scripts_rely_on_stays_required(document: str, field: str) -> None:
    assert field in SCHEMAS[document]["required"]


def test_a_document_that_lost_a_field_does_not_pass_its_schema(make: Any, check: Check) -> None:
    document = documents.cleanup_document(make.plan(), make.INFO, None, dry_run=True)
    del document["plan"]["items"][0]["reason"]
    with pytest.raises(AssertionError, match="reason is missing"):
        check(document)
