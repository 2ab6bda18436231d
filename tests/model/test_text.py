"""Foreign text cannot drive the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlruns_tui.model.text import MAX_TEXT, decode, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("이탈예측 e\u0301 👩‍🔬", "이탈예측 e\u0301 👩‍🔬"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]0;t\x07", "\\x1b]0;t\\x07"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("[/] [red]x[/red]", "[/] [red]x[/red]"),
        ("", ""),
    ],
)
def test_what_a_terminal_acts_on_is_written_out(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_absurd_length_is_cut_and_said() -> None:
    shown = safe("x" * (MAX_TEXT + 1))
    assert len(shown) == MAX_TEXT + 1
    assert shown.endswith("…")


@given(st.text())
def test_nothing_unprintable_comes_out(text: str) -> None:
    shown = safe(text)
    unsafe = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert all(unicodedata.category(character) not in unsafe or character in "\u200c\u200d" for character in shown)
    shown.encode("utf-8")


@given(st.binary())
def test_any_bytes_can_be_shown(data: bytes) -> None:
    safe(decode(data)).encode("utf-8")
