"""Nothing is found where nothing is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.mlflow


def test_a_store_mlflow_just_made_gives_no_finding(oracle: Any, record_property: Any) -> None:
    with oracle.copy() as store:
        findings = oracle.doctor(store)
        answer = oracle.mlflow(store)
    assert [call for call in answer["calls"] if call["outcome"] != "ok"] == []
    alarms = [one for one in findings if one["impact"] != "silent"]
    record_property("healthy stores", 1)
    record_property("false alarms on healthy stores", len(alarms))
    assert findings == []


def test_the_migration_of_a_healthy_store_succeeds(oracle: Any) -> None:
    if not oracle.migrates:
        pytest.skip(f"MLflow {oracle.version} has no migrate-filestore")
    with oracle.copy() as store:
        answer = oracle.migration(store)
    assert answer["outcome"] == "ok"
    assert {oracle.names[name] for name in ("parent", "child", "plain", "old", "deleted")} <= set(answer["runs"])


def test_the_demo_store_is_found_ill_where_mlflow_is(
    oracle: Any, judge: Any, tmp_path: Path, record_property: Any
) -> None:
    from mlruns_tui.demo.store import write_demo
    from mlruns_tui.workflow.reading import open_reader, read_all

    store = tmp_path / "mlruns"
    write_demo(store)
    findings = oracle.doctor(store)
    answer = oracle.mlflow(store)
    problems = judge.missed(answer, findings) + judge.invented(answer, findings)
    # A folder of artifacts that another experiment names as its place is passed over, as it should be.
    claimed = {one.path.split("/")[0] for one in read_all(open_reader(str(store))).strays if one.kind == "claimed"}
    problems = [one for one in problems if not any(f"hidden at {name};" in one for name in claimed)]
    record_property("demo stores in full agreement", int(not problems))
    assert not problems, "\n".join(problems)
    assert findings
