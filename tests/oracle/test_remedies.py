"""In a store broken in every way at once, the remedy a finding names is one the program has: a repair plans it, the
clean-up lists it, or only a person can decide."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan
from mlruns_tui.triage.finding_views import entry_key, keys_of
from mlruns_tui.triage.protection import Options
from mlruns_tui.triage.rules import Choice, Orphaned, choose
from mlruns_tui.workflow.deciding import plan_choices
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader, read_all
from mlruns_tui.workflow.repairing import preview_repair

pytestmark = pytest.mark.mlflow

SAMPLE = 17


def settled(plan: Plan) -> tuple[set[str], set[str]]:
    """Paths of what is done, and of what only waits: somebody needs it, or is at work there."""
    waiting = {one.path for one in plan.refused if {why.kind for why in one.protected} != {"unreadable"}}
    return {one.path for one in plan.items}, waiting


def is_at_or_above(paths: set[str], path: str) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:length]) in paths for length in range(1, len(parts) + 1))


@pytest.mark.parametrize("step", [SAMPLE, pytest.param(1, marks=[pytest.mark.full, pytest.mark.timeout(1_800)])])
def test_every_remedy_is_one_the_program_has(
    oracle: Any,
    mendable_cases: list[Any],
    merging: Any,
    tmp_path: Path,
    step: int,
    record_property: Any,
) -> None:
    cases = mendable_cases[::step]
    root = tmp_path / "mlruns"
    merging.merge(cases, oracle.store, oracle.names, root, tmp_path)
    oracle.settle(root)
    try:
        reader = open_reader(str(root))
        findings, snapshot = diagnose(reader, oracle.version), read_all(reader)
        repairs = preview_repair(reader, findings, min_idle_ms=0, strays_with_runs=True)
        done, waiting = settled(repairs)
        broken = [one for one in findings if one.remedy == "repair" and not is_repaired(one, done | waiting)]
        assert [(one.code, one.path) for one in broken] == []
        promised = {one.path for one in findings if one.remedy == "repair"}
        # A dataset that goes takes the inputs that name it along; a rebuilt run is marked.
        after = {one.path for one in repairs.items if one.after or "/inputs/" in one.path}
        assert [path for path in done - after if not is_promised(path, promised)] == []

        removed = [one for one in findings if one.remedy == "remove"]
        orphans = choose(snapshot, [Orphaned()], repairs.created_ms)
        marked = {key: Choice(key, "mark", "marked") for key in map(entry_key, removed)}
        listed = plan_choices(reader, snapshot, {**marked, **orphans}, options=Options(min_idle_ms=0))
        done, waiting = settled(listed)
        missed = [one for one in removed if not is_at_or_above(done | waiting, one.path.removesuffix("/meta.yaml"))]
        assert [(one.code, one.path) for one in missed] == []
        # Experiments by the clean-up as it is, with no more said.
        whole = {key for one in removed if not one.run_id for key in keys_of(one) if key in marked}
        assert whole <= set(orphans)
        # What goes is what was named, and not all that holds it.
        named = {one.path.removesuffix("/meta.yaml") for one in removed}
        assert {item.path for item in listed.items if item.rule == "mark"} <= named
        for remedy, number in Counter(one.remedy for one in findings if one.impact != "silent").items():
            record_property(f"findings above silent with the remedy {remedy}, each tried", number)
    finally:
        merging.open_up(tmp_path)


def is_repaired(one: Finding, paths: set[str]) -> bool:
    folder = one.path.rpartition("/")[0]
    return is_at_or_above(paths, one.path) or folder in paths


def is_promised(path: str, promised: set[str]) -> bool:
    return any(one == path or one.startswith(f"{path}/") for one in promised)
