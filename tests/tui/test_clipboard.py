"""What is copied reaches the terminal, byte for byte."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mlruns_tui.tui.clipboard import sent, sequence

Start = Callable[..., AbstractAsyncContextManager[Any]]


def test_a_terminal_is_told_the_exact_bytes_of_a_path_that_is_no_utf8() -> None:
    written = sequence("/data/\udcff이탈", {})
    assert written.startswith("\x1b]52;c;")
    assert written.endswith("\x07")
    assert base64.b64decode(written[7:-1]) == b"/data/\xff" + "이탈".encode()


def test_screen_is_given_the_sequence_wrapped_and_tmux_inside_it_is_not() -> None:
    plain = sequence("x", {})
    assert sequence("x", {"STY": "1.pts"}) == f"\x1bP{plain}\x1b\\"
    assert sequence("x", {"STY": "1.pts", "TMUX": "y"}) == plain


def test_what_is_said_promises_no_more_than_is_known() -> None:
    assert sent("8c1f", {}) == "8c1f sent to the terminal's clipboard"
    assert sent("8c1f", {"TMUX": "/tmp/x"}) == "8c1f sent to tmux; it passes it on with set-clipboard on"


async def test_a_copied_id_is_written_to_the_terminal(journey: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    async with journey() as it:
        monkeypatch.setattr(it.app._driver, "write", written.append)
        await it.press("2", "y")
        await it.until_text(" sent to the terminal's clipboard")
        assert sequence(it.state.run.run_id) in written
        assert it.app.clipboard == it.state.run.run_id
