"""Whether a screen can be drawn on."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def has_parts(screen: Screen[Any], *selectors: str) -> bool:
    """Whether ``screen`` is in use and each of these parts of it is there.

    A resize, a thread's answer or Textual's own call may come before a screen's parts are made, and after
    they were taken away.
    """
    return screen.is_attached and all(screen.query(selector) for selector in selectors)
