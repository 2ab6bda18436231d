"""A framed part of a screen: blue when it has the focus, with its digit in the title."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
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


class Words(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Sentences in a panel, scrolled when there are more than fit; ``left`` and ``right`` stay free."""

    DEFAULT_CSS = """
    Words {
        padding: 0 0 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-color: $rest-border;
        scrollbar-color-hover: $primary;
        scrollbar-color-active: $primary;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    Words > Static { width: 1fr; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
    ]
