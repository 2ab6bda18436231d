"""Two runs' metadata is exchanged together or not at all, whatever stops it between the two."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.disk import change
from mlruns_tui.model.plan import Plan
from mlruns_tui.triage.planner import without
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import preview_repair

RUNS = ("8" * 31 + "a", "8" * 31 + "b")
META = """artifact_uri: file:///nowhere/7/{0}/artifacts
end_time: 1600000060000
experiment_id: '7'
lifecycle_stage: active
run_id: {0}
run_name: {1}
run_uuid: {0}
start_time: 1600000000000
status: 3
user_id: alice
"""


@pytest.fixture
def exchanged(tmp_path: Path) -> Path:
    root = tmp_path / "mlruns"
    (root / "7").mkdir(parents=True)
    (root / "7" / "meta.yaml").write_text(
        "artifact_location: file:///nowhere/7\nexperiment_id: '7'\nlifecycle_stage: active\nname: seven\n"
    )
    for name, other in (RUNS, RUNS[::-1]):
        run = root / "7" / name
        for folder in ("artifacts", "metrics", "params", "tags"):
            (run / folder).mkdir(parents=True)
        (run / "tags" / "mlflow.runName").write_text(name[-2:])
        (run / "meta.yaml").write_text(META.format(other, other[-2:]))
    for folder, _, files in os.walk(root, topdown=False):
        for name in (*files, "."):
            os.utime(os.path.join(folder, name), (1_600_000_060, 1_600_000_060))
    return root


def plan_of(root: Path) -> Plan:
    reader = open_reader(str(root))
    plan = preview_repair(reader, diagnose(reader, "3.17.2"))
    assert [one.path for one in plan.items] == [f"7/{name}/meta.yaml" for name in RUNS], plan.refused
    return plan


def names_in(root: Path) -> list[bool]:
    """Of each run, whether its metadata names it."""
    return [f"run_id: {name}" in (root / "7" / name / "meta.yaml").read_text() for name in RUNS]


def test_both_are_done(exchanged: Path) -> None:
    apply(plan_of(exchanged))
    assert names_in(exchanged) == [True, True]
    undo(str(exchanged))
    assert names_in(exchanged) == [False, False]


@pytest.mark.parametrize("at", [0, 1])
def test_where_one_was_changed_since_the_plan_neither_is(exchanged: Path, at: int) -> None:
    plan = plan_of(exchanged)
    with (exchanged / "7" / RUNS[at] / "meta.yaml").open("a") as file:
        file.write("note: changed\n")
    batch = apply(plan)
    assert {one.outcome for one in batch.items} == {"skipped"}
    assert names_in(exchanged) == [False, False]
    assert f"of no use without the repair of 7/{RUNS[at]}/meta.yaml" in batch.items[1 - at].error


@pytest.mark.parametrize("at", [0, 1])
def test_where_the_disk_refuses_one_the_other_is_put_back(
    exchanged: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, real = plan_of(exchanged), change.exchange
    refused = (exchanged / "7" / RUNS[at]).stat().st_ino

    def exchange(source_fd: int, source: str, target_fd: int, target: str) -> None:
        if os.fstat(target_fd).st_ino == refused:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source_fd, source, target_fd, target)

    monkeypatch.setattr(change, "exchange", exchange)
    batch = apply(plan)
    assert names_in(exchanged) == [False, False]
    assert [one.outcome for one in batch.items][at] == "failed"
    assert batch.items[1 - at].outcome == "skipped"


def test_stopped_anywhere_both_are_done_or_neither(exchanged: Path) -> None:
    found = set()
    for after in range(8):
        batch = apply(plan_of(exchanged), stop=partial(next, iter([False] * after), True))
        names = names_in(exchanged)
        assert names in ([True, True], [False, False]), after
        found.add(names[0])
        if any(one.outcome == "done" for one in batch.items):
            undo(str(exchanged))
    assert found == {True, False}


def test_left_out_of_the_plan_one_takes_the_other_along(exchanged: Path) -> None:
    plan = plan_of(exchanged)
    assert without(plan, [plan.items[0].key]).items == ()
