"""What a rule asked for and protection kept back is in the review, and is never an item."""

from __future__ import annotations

from pathlib import Path

from mlruns_tui.demo.store import write_demo
from mlruns_tui.triage.judging import judge
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Old, Orphaned, choose
from mlruns_tui.workflow.deciding import now_ms, plan_marks
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
