"""Tabs as one line of words, for windows too small for panels side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from .cells import DIM, Piece, line


class TabLine(Widget):
    """Names and counts; the open one is bold and blue. The screen moves between them."""

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; }
    """

    class Chosen(Message):
        """A click on a tab."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._names = tuple(names)
        self._open = self._names[0]
        self._counts: Mapping[str, str] = {}

    def show(self, name: str, counts: Mapping[str, str]) -> None:
        self._open = name
        self._counts = counts
        self.refresh()

    def render(self) -> Content:
        gap = "   " if self.content_size.width >= 76 else "  "
        pieces: list[Piece] = []
        for name, text in self._texts():
            here = name == self._open
            pieces += [(text, "$primary bold underline" if here else DIM), (gap, "")]
        return line(pieces)

    def _texts(self) -> list[tuple[str, str]]:
        return [(name, f"{name} {self._counts[name]}" if self._counts.get(name) else name) for name in self._names]

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        gap = 3 if self.content_size.width >= 76 else 2
        start = 0
        for name, text in self._texts():
            if start <= offset.x < start + len(text):
                self.post_message(self.Chosen(name))
                return
            start += len(text) + gap
