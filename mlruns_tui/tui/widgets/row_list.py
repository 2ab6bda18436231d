"""A list of one-line rows that draws only what is visible: the same speed for ten rows and for 100,000."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions

from .cells import signs_of

Row = TypeVar("Row")
Painter = Callable[[Any, int], Content]
"""A row and the cells it has, to its line. The cell of the cursor sign comes before and is not its own."""


class RowList(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows with a cursor, a fixed header line, and lines of explanation after the last row."""

    DEFAULT_CSS = """
    RowList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        scrollbar-color: $rest-border;
        scrollbar-color-hover: $primary;
        scrollbar-color-active: $primary;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("ctrl+u", "page(-0.5)", show=False),
        Binding("ctrl+d", "page(0.5)", show=False),
        Binding("home,g", "edge(False)", show=False),
        Binding("end,G", "edge(True)", show=False),
        Binding("enter", "choose_row", show=False),
        Binding("space", "toggle_row", show=False),
    ]

    class _About(Message):
        def __init__(self, rows: RowList[Any], row: Any) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

        @property
        def control(self) -> RowList[Any]:
            return self.rows

    class Moved(_About):
        """The cursor stands on another row."""

    class Chosen(_About):
        """Enter or a double click on a row."""

    class Toggled(_About):
        """Space on a row."""

    def __init__(
        self,
        paint: Painter,
        rows: Sequence[Row] = (),
        *,
        header: Callable[[int], Content] | None = None,
        tail: Callable[[int], list[Content]] | None = None,
        keep_cursor: bool = True,
        vim: bool = True,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """``keep_cursor``: show the cursor row without focus too. ``vim``: ``j`` and ``k`` move."""
        super().__init__(id=id)
        self._paint = paint
        self._header = header
        self._tail = tail
        self._tail_lines: list[Content] = []
        self._keep_cursor = keep_cursor
        self._vim = vim
        self.rows: Sequence[Row] = rows
        self.cursor = 0

    @property
    def current(self) -> Row | None:
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def set_rows(self, rows: Sequence[Row], cursor: int | None = None) -> None:
        """Other rows; the cursor stays on its line, or goes to ``cursor``."""
        self.rows = rows
        wanted = self.cursor if cursor is None else cursor
        self.cursor = max(0, min(wanted, len(rows) - 1))
        self._measure()
        self.refresh()
        if self.is_mounted:
            self._show_cursor()

    def refresh_rows(self) -> None:
        """The same rows, drawn and explained anew."""
        self._measure()
        self.refresh()

    def on_mount(self) -> None:
        self._measure()

    def on_resize(self) -> None:
        self._measure()
        self._show_cursor()

    def _measure(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        self._tail_lines = self._tail(width) if self._tail and width else []
        self.virtual_size = Size(width, len(self.rows) + len(self._tail_lines) + self._head)

    @property
    def _head(self) -> int:
        return 0 if self._header is None else 1

    @property
    def _page(self) -> int:
        return max(1, self.size.height - self._head)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width or self.size.width
        base = self.visual_style
        if self._head and y == 0:
            assert self._header is not None
            return self._strip(Content.assemble(" ", self._header(width - 1)), width, base)
        index = round(self.scroll_y) + y - self._head
        if index < len(self.rows):
            return self._row_strip(index, width, base)
        index -= len(self.rows)
        if index < len(self._tail_lines):
            return self._strip(Content.assemble(" ", self._tail_lines[index]), width, base)
        return Strip.blank(width, base.rich_style)

    def _row_strip(self, index: int, width: int, base: Style) -> Strip:
        here = index == self.cursor and (self.has_focus or self._keep_cursor)
        if not here:
            return self._strip(Content.assemble(" ", self._paint(self.rows[index], width - 1)), width, base)
        sign = signs_of(self.app).cursor
        row = self._paint(self.rows[index], width - 1)
        style = "on $cursor-row" if self.has_focus else "on $cursor-blur"
        if self.has_focus and (self.app.no_color or self.app.current_theme.ansi):
            style = "bold " + style
        content = Content.assemble((sign, "$primary"), row)
        content = content.pad_right(max(0, width - cell_len(content.plain)))
        return self._strip(content.stylize_before(style), width, base)

    def _strip(self, content: Content, width: int, base: Style) -> Strip:
        options = RenderOptions(self._get_style, {"text_wrap": "nowrap", "text_overflow": "clip"})
        strips = content.render_strips(width, 1, base, options)
        return strips[0].adjust_cell_length(width, base.rich_style) if strips else Strip.blank(width, base.rich_style)

    def action_move(self, by: int) -> None:
        if by > 0 and self.cursor >= len(self.rows) - 1:
            self.scroll_to(y=self.max_scroll_y, animate=False)
        else:
            self._go(self.cursor + by)

    def action_page(self, pages: float) -> None:
        self._go(self.cursor + round(pages * max(1, self._page - 1)))

    def action_edge(self, last: bool) -> None:
        self._go(len(self.rows) - 1 if last else 0)
        if last:
            self.scroll_to(y=self.max_scroll_y, animate=False)

    def action_choose_row(self) -> None:
        if self.current is not None:
            self.post_message(self.Chosen(self, self.current))

    def action_toggle_row(self) -> None:
        if self.current is not None:
            self.post_message(self.Toggled(self, self.current))

    def on_key(self, event: events.Key) -> None:
        if self._vim and event.key in ("j", "k"):
            event.stop()
            self.action_move(1 if event.key == "j" else -1)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = round(self.scroll_y) + offset.y - self._head
        if offset.y < self._head or not 0 <= index < len(self.rows):
            return
        self._go(index)
        if event.chain == 2:
            self.action_choose_row()

    def _go(self, index: int) -> None:
        index = max(0, min(index, len(self.rows) - 1))
        if index == self.cursor or not self.rows:
            self._show_cursor()
            return
        self.cursor = index
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self, self.rows[index]))

    def _show_cursor(self) -> None:
        """Scroll as little as shows the cursor row below the header."""
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self._page:
            self.scroll_to(y=self.cursor - self._page + 1, animate=False)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.refresh(Region(0, 0, self.size.width, self.size.height))
