"""Leaving a screen exactly once."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import Screen

Answer = TypeVar("Answer")


def end(screen: Screen[Answer], answer: Answer) -> None:
    """Dismiss ``screen`` with its answer, unless it is left already or something lies over it.

    Two presses of a key may be on their way at once; Textual would take the second one out on the screen
    underneath.
    """
    if screen.is_active:
        screen.dismiss(answer)
