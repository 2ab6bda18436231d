"""Filter expressions outlive the window, and never cost anything but themselves."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mlruns_tui.userdata.history import MOST, MOST_TEXT, add_expression, load_expressions
from mlruns_tui.workflow import remembering


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlruns-tui" / "expressions.json"


def test_the_newest_is_last_and_stands_there_once(state: Path) -> None:
    assert load_expressions() == ()
    for text in ("size > 3GB", "metrics.loss < 1", "size > 3GB"):
        add_expression(text)
    assert load_expressions() == ("metrics.loss < 1", "size > 3GB")
    assert stat.S_IMODE(os.stat(state).st_mode) == 0o600


def test_the_oldest_and_what_is_too_long_are_not_kept() -> None:
    for number in range(MOST + 5):
        add_expression(f"size > {number}")
    add_expression("x" * (MOST_TEXT + 1))
    kept = load_expressions()
    assert len(kept) == MOST and kept[0] == "size > 5" and kept[-1] == f"size > {MOST + 4}"


@pytest.mark.parametrize("text", ["age > 30d\n", "이름 = '한국어'", "a\x1b[31m", "\udcff"])
def test_any_text_comes_back_as_it_was(text: str) -> None:
    add_expression(text)
    assert load_expressions()[-1] == text


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 9, "expressions": ["a"]}', b"\xff" * 100])
def test_a_file_that_is_no_history_is_none(state: Path, data: bytes) -> None:
    state.parent.mkdir()
    state.write_bytes(data)
    assert load_expressions() == ()
    assert remembering.add_expression("size > 1") == ("size > 1",)


def test_without_a_place_to_write_nothing_is_kept_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert remembering.add_expression("size > 1") == ()
    assert remembering.recall_expressions() == ()
