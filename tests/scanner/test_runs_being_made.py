"""A run that MLflow has not finished creating is never called malformed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mlruns_tui.model.store import Run
from mlruns_tui.report.words import status_word
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader, read_all

RUN_ID = "0123456789abcdef0123456789abcdef"


MOMENTS = ("the directory", "metadata opened", "metadata half written", "metadata", "metrics", "params")


def to(moment: str, folder: Path, meta: bytes) -> None:
    """Bring a run's directory to this moment of its creation, as ``FileStore.create_run`` does it."""
    for one in MOMENTS:
        if one == "the directory":
            folder.mkdir()
        elif one.startswith("metadata"):
            length = {"metadata opened": 0, "metadata half written": len(meta) // 2, "metadata": len(meta)}[one]
            (folder / "meta.yaml").write_bytes(meta[:length])
        else:
            (folder / one).mkdir()
        if one == moment:
            return


@pytest.fixture
def half(store) -> Path:
    store.experiment("1")
    store.run("1", 1)
    return store.root / "1" / RUN_ID


@pytest.fixture
def meta(half: Path) -> bytes:
    (other,) = (one for one in half.parent.iterdir() if one.is_dir() and len(one.name) == 32)
    return (
        (other / "meta.yaml")
        .read_bytes()
        .replace(other.name.encode(), RUN_ID.encode())
        .replace(b"status: 3", b"status: 1")
    )


def found(store) -> tuple[Run, list[tuple[str, str]]]:
    """The run as a scan shows it, and what the doctor says of it."""
    snapshot = read_all(open_reader(str(store.root)))
    (run,) = (one for one in snapshot.all_runs() if one.run_id == RUN_ID)
    protected = {one.kind for one in Facts(snapshot, time.time_ns() // 1_000_000, Options()).protections(run.key)}
    assert {"running", "too-fresh"} <= protected
    findings = diagnose(open_reader(str(store.root)))
    return run, [(one.code, one.impact) for one in findings if one.run_id == RUN_ID]


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_no_moment_of_its_creation_a_run_is_malformed(store, half: Path, meta: bytes, moment: str) -> None:
    to(moment, half, meta)
    run, findings = found(store)
    assert run.state == "ok"
    assert status_word(run, 0) in ("unknown", "running")
    assert findings == [("run-being-made", "silent")]


@pytest.mark.parametrize("moment", ["the directory", "metadata opened", "metrics"])
def test_left_like_that_it_is_told_of(store, half: Path, meta: bytes, moment: str) -> None:
    to(moment, half, meta)
    then = time.time() - 3_700
    for folder in (half, *half.iterdir()):
        os.utime(folder, (then, then))
    findings = diagnose(open_reader(str(store.root)))
    codes = {one.code for one in findings if one.run_id == RUN_ID}
    assert (
        codes
        == {
            "the directory": {"run-meta-missing"},
            "metadata opened": {"run-meta-empty", "run-folder-missing"},
            "metrics": {"run-folder-missing"},
        }[moment]
    )


def test_a_young_run_that_logged_something_and_lost_its_metadata_is_malformed(store, half: Path, meta: bytes) -> None:
    to("params", half, meta)
    (half / "params" / "lr").write_text("0.1")
    (half / "meta.yaml").write_bytes(b"")
    snapshot = read_all(open_reader(str(store.root)))
    assert next(one.state for one in snapshot.all_runs() if one.run_id == RUN_ID) == "malformed"
