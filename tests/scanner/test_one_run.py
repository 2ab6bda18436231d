"""What is read of one run when somebody looks at it: what is wrong in it, who names it, who writes to it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mlruns_tui.disk import look
from mlruns_tui.scanner import one_run
from mlruns_tui.scanner.store import open_store
from mlruns_tui.workflow.diagnosing import findings_in, unseen_writers


@pytest.fixture
def path(store):
    store.experiment("1")
    return store.run("1", 1)


def show(store, path):
    folder, _, run_id = path.rpartition("/")
    return open_store(str(store.root)).details(f"experiment/{folder}/run/{run_id}")


def test_nothing_is_wrong_with_a_healthy_run_and_nobody_names_it(store, path):
    found = show(store, path)
    assert findings_in(found) == ()
    assert found.referring == ()


def test_the_contents_of_this_run_are_checked_and_of_no_other(store, path):
    other = store.run("1", 2)
    for one in (path, other):
        store.write(f"{one}/metrics/loss", "1 0.5 1\nx\n1 0.5 1\n")
        store.write(f"{one}/tags/note", b"\xff")
    found = findings_in(show(store, path))
    assert {(one.code, one.path, one.line) for one in found} == {
        ("run-metric-line-unreadable", f"{path}/metrics/loss", 2),
        ("run-metric-line-repeated", f"{path}/metrics/loss", 3),
        ("run-tag-not-utf8", f"{path}/tags/note", None),
    }
    assert [one.impact for one in found] == ["breaks-experiment", "breaks-experiment", "silent"]
    known = tuple(one for one in found if one.line == 2)
    assert sorted(findings_in(show(store, path), known), key=str) == sorted(found, key=str)


def test_traces_assessments_and_metrics_of_models_name_a_run(store, path):
    run_id = path.rpartition("/")[2]
    for number in range(3):
        trace = f"1/traces/tr-{number}"
        store.write(f"{trace}/trace_info.yaml", "trace_id: x\n")
        store.write(f"{trace}/request_metadata/mlflow.sourceRun", run_id if number else "another")
        store.write(
            f"{trace}/assessments/a-1.yaml",
            f"assessment_id: a-1\nmetadata:\n  mlflow.assessment.sourceRunId: {run_id if number == 1 else 'another'}\n",
        )
    store.write("1/models/m-1/meta.yaml", "name: net\nmodel_id: m-1\n")
    store.write("1/models/m-1/metrics/val/acc", f"1 0.5 0 {run_id} train abc\n")
    store.write("1/models/m-2/metrics/acc", f"1 0.5 0 {run_id}\n")
    store.write("1/models/m-3/metrics/acc", f"1 0.5 0 {run_id}x\n")
    assert show(store, path).referring == (
        "2 traces recorded in this run",
        "1 assessment made by this run",
        "metrics of logged model net were logged by this run",
        "metrics of logged model m-2 were logged by this run",
    )


def test_what_takes_too_long_is_said(store, path, monkeypatch):
    monkeypatch.setattr(one_run, "MAX_S", -1.0)
    for number in range(3):
        store.write(f"1/traces/tr-{number}/trace_info.yaml", "trace_id: x\n")
    found = show(store, path)
    assert any("takes too long" in one for one in found.messages)


def test_only_so_many_findings_are_shown(store, path, monkeypatch):
    monkeypatch.setattr(one_run, "MAX_SYMPTOMS", 3)
    for number in range(9):
        store.write(f"{path}/metrics/m{number}", "x\n")
    found = show(store, path)
    assert len(found.symptoms) == 3
    assert "more than 3 findings: the rest is not shown" in found.messages


def test_who_writes_to_it_is_named(store, path):
    file = store.root / path / "metrics" / "loss"
    code = f"import sys\nfile = open({os.fspath(file)!r}, 'a')\nprint('open', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        (told,) = show(store, path).writers
        writer.communicate()
    assert f"(pid {writer.pid}, " in told


@pytest.mark.parametrize(
    ("unchecked", "said"), [(0, ()), (2, ("2 processes of other users",)), (-1, ("open files cannot be checked",))]
)
def test_writers_that_cannot_be_seen_are_said(store, path, monkeypatch, unchecked, said):
    monkeypatch.setattr(look, "open_files", lambda device: look.OpenFiles({}, unchecked))
    monkeypatch.setattr(look, "in_container", lambda: False)
    found = unseen_writers(show(store, path), open_store(str(store.root)).store)
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True))
