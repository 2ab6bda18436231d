"""What a rule asked for and protection kept back is in the review, and is never an item."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlruns_tui.demo.store import write_demo
from mlruns_tui.model.clock import now_ms
from mlruns_tui.triage.judging import judge
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Old, Orphaned, choose
from mlruns_tui.workflow.deciding import plan_marks, unused_id
from mlruns_tui.workflow.reading import open_reader, read_all


def test_marks_by_rule_leave_the_kept_ones_to_the_review(tmp_path: Path) -> None:
    root = tmp_path / "mlruns"
    facts = write_demo(str(root))
    reader = open_reader(str(root))
    snapshot = read_all(reader)
    rules = [Old(30), Orphaned()]
    asked = choose(snapshot, rules, now_ms())
    verdict = judge(Facts(snapshot, now_ms(), Options()), asked)
    one_less = dict(list(verdict.goes.items())[1:])
    plan = plan_marks(reader, snapshot, one_less, rules=rules, words=["old"])
    assert {item.key for item in plan.items} == set(one_less)
    assert len(plan.items) == 144
    assert {item.run_id for item in plan.refused} == set(facts.protected)


def test_a_plan_never_gets_the_id_a_batch_of_the_store_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".mlruns-tui.trash" / "batches" / "20231114-2213-a3f1").mkdir(parents=True)
    drawn = iter([b"\xa3\xf1", b"\xa3\xf1", b"\x00\x07"])
    monkeypatch.setattr(os, "urandom", lambda size: next(drawn))
    assert unused_id(str(tmp_path), 1_700_000_000_000) == "20231114-2213-0007"
    drawn = iter([b"\xa3\xf1"])
    assert unused_id(str(tmp_path / "no-vault-yet"), 1_700_000_000_000) == "20231114-2213-a3f1"
