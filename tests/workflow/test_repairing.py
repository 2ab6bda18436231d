"""A repair is planned on what the reader says: where that is a process of its own, nobody else opens the store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.model.errors import StaleError
from mlruns_tui.scanner.process import ReaderProcess
from mlruns_tui.scanner.store import open_store
from mlruns_tui.workflow.repairing import preview_repair

META = "artifact_location: file:///x\nexperiment_id: '{0}'\nname: e{0}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two experiments whose metadata lacks its last line, and a stray."""
    root = tmp_path / "mlruns"
    for number in (1, 2):
        (root / str(number)).mkdir(parents=True)
        (root / str(number) / "meta.yaml").write_text(META.format(number))
    (root / ".git").mkdir()
    return root


def test_the_process_that_reads_does_all_the_reading(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ReaderProcess.fork(open_store(str(root))) as reader:
        opened: list[str] = []
        real = os.open

        def watched(path: Any, *more: Any, **named: Any) -> int:
            opened.append(os.fsdecode(path))
            return real(path, *more, **named)

        monkeypatch.setattr(os, "open", watched)
        plan = preview_repair(reader, min_idle_ms=0)
        monkeypatch.undo()
    assert {one.path for one in plan.items} == {"1/meta.yaml", "2/meta.yaml", ".git"}
    assert [one for one in opened if "mlruns" in one or "meta.yaml" in one] == []


def test_a_store_that_is_another_one_by_now_is_not_planned_for(root: Path) -> None:
    with ReaderProcess.fork(open_store(str(root))) as reader:
        findings = ()
        root.rename(root.with_name("old"))
        root.mkdir()
        with pytest.raises(StaleError):
            preview_repair(reader, findings)
