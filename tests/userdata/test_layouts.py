"""The lists of a store look as they were left, and nothing breaks when that cannot be known."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlruns_tui.model.store import Identity, StoreInfo
from mlruns_tui.workflow.arranging import KeptColumn, KeptOrder, Layout, keep_layout, recall_layout

STORE = StoreInfo("mlruns", "/data/mlruns", "file", Identity(1, 2))
LAYOUT = Layout(
    (KeptColumn("size"), KeptColumn("metrics.\x1b[31m\udcff", 12)),
    KeptOrder("metrics.\x1b[31m\udcff", False),
    KeptOrder("name", True),
    ("trash",),
    ("experiment/1/run/a",),
)


def test_a_layout_comes_back_as_it_was_even_with_names_that_are_no_text() -> None:
    assert keep_layout(STORE, LAYOUT)
    assert recall_layout(replace(STORE, identity=Identity(99, 2))) == LAYOUT


def test_another_store_has_its_own() -> None:
    keep_layout(STORE, LAYOUT)
    assert recall_layout(replace(STORE, root="/data/other")) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"root": "/data/mlruns", "layout": {"x": 1}}', b"\xff\x00"])
def test_a_damaged_file_is_no_layout(own_state: Path, content: bytes) -> None:
    keep_layout(STORE, LAYOUT)
    (written,) = own_state.rglob("layouts/*.json")
    written.write_bytes(content)
    assert recall_layout(STORE) is None


def test_it_is_nobody_elses_to_read(own_state: Path) -> None:
    keep_layout(STORE, LAYOUT)
    (written,) = own_state.rglob("layouts/*.json")
    assert os.stat(written).st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written_costs_only_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    assert keep_layout(STORE, LAYOUT) is False
    assert recall_layout(STORE) is None
