"""House themes. Styles name variables only, so every theme of Textual works as well.

Amber (``$accent``) means "would go" and nothing else, blue "here", violet "kept", red broken or for good.
"""

from __future__ import annotations

from textual.theme import Theme

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

OWN_FALLBACK = {
    "dim": "$foreground 65%",
    "faint": "$foreground 40%",
    "rest-border": "$foreground 20%",
    "cursor-row": "$primary 20%",
    "cursor-blur": "$primary 10%",
}
"""What our own variables are in a theme that does not set them."""
