"""Text laid out by terminal cells, as pieces of ``Content``: foreign text is never parsed as markup.

A piece is a text and a style; styles name theme variables (``$accent bold``), never colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from textual.app import App
from textual.content import Content

from mlruns_tui.model.text import safe
from mlruns_tui.report.words import elide
from mlruns_tui.tui import signs
from mlruns_tui.tui.signs import Signs

Piece = tuple[str, str]
"""Text and its style."""

DIM = "$dim"
FAINT = "$faint"
KEY = "$primary bold"


_PICTURE = "[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]"
_SHAPED = re.compile(f"[\ufe0e\ufe0f]|(?<={_PICTURE})[\U0001f3fb-\U0001f3ff]")
_JOINED = re.compile(f"(?<={_PICTURE})\u200d")


def shown(text: str) -> str:
    """Foreign text as it stands on the screen: safe, and as wide in every terminal.

    Terminals disagree about pictures joined into one, coloured or made wide by a character behind them; without
    that character they are drawn one by one, two cells each, everywhere.
    """
    text = safe(text)
    return text if text.isascii() else _JOINED.sub("", _SHAPED.sub("", text))


def signs_of(app: App[object]) -> Signs:
    """The signs this app draws with."""
    found = getattr(app, "signs", None)
    return found if isinstance(found, Signs) else signs.UNICODE


def fit(text: str, cells: int) -> str:
    """``text`` in exactly ``cells`` cells, left-aligned; names too long lose their middle."""
    if cells <= 0:
        return ""
    return set_cell_size(elide(shown(text), cells), cells)


def fit_right(text: str, cells: int) -> str:
    """The same, right-aligned."""
    text = elide(shown(text), cells)
    return set_cell_size(" " * max(0, cells - cell_len(text)) + text, max(cells, 0))


def cut(text: str, cells: int) -> str:
    """A sentence in exactly ``cells`` cells: what is too long loses its end."""
    text = shown(text)
    if cells <= 0:
        return ""
    if cell_len(text) > cells:
        return set_cell_size(set_cell_size(text, cells - 1).rstrip() + "…", cells)
    return set_cell_size(text, cells)


def end_of(text: str, cells: int) -> str:
    """A path in at most ``cells`` cells: what is too long loses its start."""
    text = shown(text)
    if cell_len(text) <= cells:
        return text
    while text and cell_len(text) > cells - 1:
        text = text[1:]
    return f"…{text}" if cells > 0 else ""


def width_of(text: str) -> int:
    """Cells this text takes once drawn."""
    return cell_len(shown(text))


def line(pieces: Iterable[Piece | str]) -> Content:
    """One line of pieces; a bare string has no style of its own."""
    return Content.assemble(
        *(shown(piece) if isinstance(piece, str) else (shown(piece[0]), piece[1]) for piece in pieces)
    )


def stack(lines: Iterable[Content]) -> Content:
    """Lines below each other."""
    return Content("\n").join(lines)


def wrap(text: str, cells: int) -> list[str]:
    """``text`` broken at spaces into lines of at most ``cells`` cells; longer words are broken anywhere."""
    lines: list[str] = []
    current = ""
    for word in shown(text).split(" "):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) <= cells:
            current = joined
            continue
        if current:
            lines.append(current)
        while cell_len(word) > cells:
            head = set_cell_size(word, cells).rstrip()
            lines.append(head)
            word = word[len(head) :] if head else word[1:]
        current = word
    return [*lines, current]
