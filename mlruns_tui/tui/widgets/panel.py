"""A framed part of a screen: blue when it has the focus, with its digit in the title."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content

from .cells import line, signs_of


class Panel(Vertical):
    """A frame with a title. Classes ``-goes`` (amber) and ``-danger`` (red) say what it is about."""

    DEFAULT_CSS = """
    Panel {
        border: round $rest-border;
        border-title-color: $dim;
        border-title-background: $background;
        border-subtitle-color: $dim;
        border-subtitle-background: $background;
        background: $background;

        &:focus-within {
            border: round $primary;
            border-title-color: $primary;
            border-title-style: bold;
        }
        &.-goes {
            border: round $accent;
            border-title-color: $accent;
            border-title-style: bold;
        }
        &.-goes:focus-within { border: round $primary; }
        &.-danger {
            border: round $error;
            border-title-color: $error;
            border-title-style: bold;
        }
        &.-ascii { border: ascii $rest-border; }
        &.-ascii:focus-within { border: ascii $primary; }
        &.-ascii.-goes { border: ascii $accent; }
        &.-ascii.-goes:focus-within { border: ascii $primary; }
        &.-ascii.-danger { border: ascii $error; }
    }
    """

    def on_mount(self) -> None:
        self.set_class(signs_of(self.app).border == "ascii", "-ascii")

    def set_title(self, title: str, detail: str = "") -> None:
        """``title`` and, quieter, what it counts; foreign text is fine."""
        self.border_title = _title(title, detail)

    def set_foot(self, text: str) -> None:
        self.border_subtitle = line([(text, "$dim")]) if text else None


def _title(title: str, detail: str) -> Content:
    return line([title, (f" {detail}" if detail else "", "$dim")])
