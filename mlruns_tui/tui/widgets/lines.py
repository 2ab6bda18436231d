"""One-line strips: the head of a screen and its line of keys."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, KEY, Piece, line


class SplitLine(Widget):
    """A line with something left and something right; the left gives way when there is no room for both."""

    DEFAULT_CSS = """
    SplitLine { height: 1; padding: 0 1; }
    """

    def __init__(self, left: Content | None = None, right: Content | None = None, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._left = left or Content()
        self._right = right or Content()

    def show(self, left: Content, right: Content | None = None) -> None:
        self._left = left
        self._right = right or Content()
        self.refresh()

    @property
    def plain(self) -> str:
        """What it says, for those who listen rather than look."""
        return f"{self._left.plain} {self._right.plain}".strip()

    def render(self) -> Content:
        width = self.content_size.width
        left, right = self._left, self._right
        room = width - cell_len(right.plain)
        if room < 20:
            right, room = Content(), width
        if cell_len(left.plain) > room - (1 if right else 0):
            left = left.truncate(max(1, room - (1 if right else 0)), ellipsis=True)
        return Content.assemble(left, " " * max(0, room - cell_len(left.plain)), right)


def crumbs(signs: Signs, *names: str) -> list[Piece]:
    """Pieces of where we are: the program, then each place, the last one in bold."""
    pieces: list[Piece] = [("mlruns-tui", KEY)]
    for at, name in enumerate(names):
        pieces += [(f" {signs.path} ", FAINT), (name, "bold" if at == len(names) - 1 else "")]
    return pieces


class KeyLine(Widget):
    """Keys and what they do. Without room they are dropped from the end; the last one never is."""

    DEFAULT_CSS = """
    KeyLine { height: 1; padding: 0 1; background: $surface; dock: bottom; }
    """

    def __init__(self, keys: Sequence[tuple[str, str]] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._keys = tuple(keys)

    def set_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        self._keys = tuple(keys)
        self.refresh()

    def render(self) -> Content:
        return key_words(self._keys, self.content_size.width)


def key_words(keys: Sequence[tuple[str, str]], width: int) -> Content:
    """``key word   key word`` in at most ``width`` cells."""
    shown = list(keys)
    while len(shown) > 1 and sum(cell_len(f"{key} {word}") + 3 for key, word in shown) - 3 > width:
        del shown[-2]
    parts = [line([(key, KEY), (f" {word}", DIM)]) for key, word in shown]
    return Content("   ").join(parts)
