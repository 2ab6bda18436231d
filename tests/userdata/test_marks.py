"""Marks come back at the next visit, and nothing breaks when they cannot."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlruns_tui.model.store import Identity, Run, Size, StoreInfo
from mlruns_tui.triage.marks import Marks, mark_of
from mlruns_tui.workflow.remembering import keep_marks, recall_marks

STORE = StoreInfo("mlruns", "/data/mlruns", "file", Identity(1, 2))


def some_marks() -> Marks:
    run = Run("1", "a\udcff", name="[/] 한글", size=Size(5, 6, 7, 8))
    return Marks().add([mark_of(run), mark_of(Run("2", "b"), "old", "ended 63 d ago")])


def test_marks_come_back_as_they_were() -> None:
    assert keep_marks(STORE, some_marks())
    assert list(recall_marks(STORE)) == list(some_marks())


def test_marks_outlive_a_changed_device_number() -> None:
    keep_marks(STORE, some_marks())
    assert len(recall_marks(replace(STORE, identity=Identity(99, 2)))) == 2


def test_another_store_has_its_own() -> None:
    keep_marks(STORE, some_marks())
    assert len(recall_marks(replace(STORE, root="/data/other"))) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"root": "/data/mlruns", "marks": [{"key": 1}]}', b"\xff\x00"])
def test_a_damaged_file_is_no_marks(own_state: Path, content: bytes) -> None:
    keep_marks(STORE, some_marks())
    (file,) = own_state.rglob("marks/*.json")
    file.write_bytes(content)
    assert len(recall_marks(STORE)) == 0


def test_only_the_user_can_read_them(own_state: Path) -> None:
    keep_marks(STORE, some_marks())
    (file,) = own_state.rglob("marks/*.json")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written_costs_only_the_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    assert keep_marks(STORE, some_marks()) is False
    assert len(recall_marks(STORE)) == 0


def test_nothing_is_left_behind_by_a_second_save(own_state: Path) -> None:
    keep_marks(STORE, some_marks())
    keep_marks(STORE, Marks())
    folder = next(own_state.rglob("marks"))
    assert len(os.listdir(folder)) == 1
    assert len(recall_marks(STORE)) == 0
