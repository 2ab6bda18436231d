"""House themes. Styles name variables only, so every theme of Textual works as well.

Amber (``$accent``) means "would go" and nothing else, blue "here", violet "kept", red broken or for good.
"""

from __future__ import annotations

from dataclasses import replace

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

_DARK_OWN = {
    "dim": "#8592a1",
    "faint": "#566372",
    "rest-border": "#2c3642",
    "cursor-row": "#22303e",
    "cursor-blur": "#1b222b",
}
_LIGHT_OWN = {
    "dim": "#5d6671",
    "faint": "#96907f",
    "rest-border": "#cfcabd",
    "cursor-row": "#d9e6f0",
    "cursor-blur": "#ece9e1",
}

DARK = Theme(
    name="mlruns-dark",
    primary="#6bb2e6",
    secondary="#a99bea",
    accent="#f0ab5c",
    error="#f26d7d",
    warning="#e2c46c",
    success="#7cc492",
    foreground="#c9d2dc",
    background="#0f1318",
    surface="#131820",
    panel="#1c232d",
    dark=True,
    variables=_DARK_OWN,
)

LIGHT = Theme(
    name="mlruns-light",
    primary="#1a6aa6",
    secondary="#6546b4",
    accent="#b45400",
    error="#b0222c",
    warning="#7d5f00",
    success="#22733f",
    foreground="#2a3038",
    background="#fbfaf7",
    surface="#f6f4ef",
    panel="#ebe8e0",
    dark=False,
    variables=_LIGHT_OWN,
)

BLUE_ORANGE = Theme(
    name="mlruns-blue-orange",
    primary="#6bb2e6",
    secondary="#b8b8c8",
    accent="#f5e663",
    error="#ff7a3d",
    warning="#e6c07a",
    success="#4aa3ff",
    foreground="#c9d2dc",
    background="#0f1318",
    surface="#131820",
    panel="#1c232d",
    dark=True,
    variables=_DARK_OWN,
)
"""For deuteranopia: nothing has to be told apart by red against green."""

THEMES = (DARK, LIGHT, BLUE_ORANGE)

ANSI_DARK = replace(BUILTIN_THEMES["ansi-dark"], accent="ansi_magenta")
"""Textual's, where what would go must not be as green as what is well; its light one has magenta as well."""

_OWN_BLENDS = {
    "dim": ("foreground", 0.65),
    "faint": ("foreground", 0.40),
    "rest-border": ("foreground", 0.20),
    "cursor-row": ("primary", 0.20),
    "cursor-blur": ("primary", 0.10),
    "bar": ("primary", 0.70),
    "range-row": ("primary", 0.12),
    "mark-strip": ("accent", 0.14),
}
"""Our own variables in a theme that does not set them: so much of a colour over the background."""

_OWN_ANSI = {
    "dim": "ansi_bright_black",
    "faint": "ansi_bright_black",
    "rest-border": "ansi_bright_black",
    "cursor-row": "ansi_default",
    "cursor-blur": "ansi_default",
    "bar": "ansi_blue",
    "range-row": "ansi_default",
    "mark-strip": "ansi_default",
}
"""The sixteen colours of a terminal cannot be mixed; there the cursor row is bold instead."""


def own_variables(theme: Theme) -> dict[str, str]:
    """Values of our own variables for any theme, opaque, so that they can be put on any row."""
    if theme.ansi:
        return dict(_OWN_ANSI)
    colors = theme.to_color_system().generate()
    background = Color.parse(colors["background"])
    return {
        name: background.blend(Color.parse(colors[source]), share).hex for name, (source, share) in _OWN_BLENDS.items()
    }
