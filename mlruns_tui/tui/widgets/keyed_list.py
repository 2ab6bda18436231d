"""The base of both lists: rows known by key, drawn only where visible, however many there are.

It draws ``Segment`` by ``Segment`` (a page in a few milliseconds), paints a move at once, and keeps its cursor on
its *item* when the rows change, at the same height on the screen where that is possible: nothing jumps.

Long because cursor, drawing and mouse of one widget act on the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.style import Style

from .cells import Piece, line, signs_of
from .framed import Frame, Framed
from .middle import middle_line

Row = TypeVar("Row")
HEAD = 1
"""Lines of the fixed header."""
MOST_KEPT = 160
"""Lines kept as they are painted, a few windows of them: each is some sixty values for the garbage collector."""


class KeyedList(Framed, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows with a cursor, a range and a sticky header. Keys come from the screen's command table."""

    BINDINGS: ClassVar[list[BindingType]] = []
    ALLOW_SELECT = False
    KEEP_CURSOR = True
    """Show the cursor row without focus too."""

    DEFAULT_CSS = """
    KeyedList {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-color: $rest-border;
        scrollbar-color-hover: $primary;
        scrollbar-color-active: $primary;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """

    class About(Message):
        """Something about one list and one of its rows."""

        def __init__(self, rows: KeyedList[Any], row: Any) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

        @property
        def control(self) -> KeyedList[Any]:
            return self.rows

    class Moved(About):
        """The cursor stands on another item; ``row`` is None when there are no rows."""

    class Opened(About):
        """A double click on a row."""

    class MarkClicked(About):
        """A click on the place of a row's mark."""

    class FoldClicked(About):
        """A click on the sign that opens or closes a row."""

    class Scrolled(Message):
        """Other rows are on the screen now."""

        def __init__(self, rows: KeyedList[Any]) -> None:
            super().__init__()
            self.rows = rows

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, KeyedList.Scrolled) and message.rows is self.rows

    class HeaderClicked(Message):
        """A click on the header, so many cells from the left."""

        def __init__(self, rows: KeyedList[Any], x: int) -> None:
            super().__init__()
            self.rows = rows
            self.x = x

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()
        self.cursor = 0
        self.range_from: int | None = None
        """Row a range started on."""
        self.empty_words: Callable[[], list[Piece]] = list
        """What to say in the middle when there are no rows."""
        self._said: list[Piece] = []
        """What was said there last."""
        self._generation = 0
        self._strips: LRUCache[Hashable, Strip] = LRUCache(MOST_KEPT)
        self._looks: dict[int, Hashable] = {}
        """What rows were drawn with besides themselves, by row number."""
        self._styles: dict[tuple[str, str], RichStyle] = {}
        self._broken: set[str] = set()
        self._parts: tuple[object, ...] = ()

    # What a list says about its rows.

    def key_of(self, row: Row) -> str:
        """The logical key of a row."""
        raise NotImplementedError

    def fold_at(self, row: Row, x: int) -> bool:
        """Whether cell ``x`` of a row holds the sign that opens or closes it."""
        return False

    def header_pieces(self, width: int) -> list[Piece]:
        raise NotImplementedError

    def row_pieces(self, row: Row, width: int) -> list[Piece]:
        """One row in ``width`` cells, without the cell of the cursor sign."""
        raise NotImplementedError

    def look_of(self, row: Row) -> Hashable:
        """What a row shows that changes while the rows stay: it is drawn again when this is another."""
        return None

    # Rows and cursor.

    @property
    def current(self) -> Row | None:
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    @property
    def selected(self) -> range:
        """Row numbers of the range, or of the cursor alone."""
        if self.range_from is None or not self.rows:
            return range(self.cursor, self.cursor + bool(self.rows))
        return range(min(self.range_from, self.cursor), max(self.range_from, self.cursor) + 1)

    def set_rows(self, rows: Sequence[Row], wanted: str = "") -> None:
        """Other rows. The cursor goes to the item ``wanted``, else stays on its item, else on its line."""
        current, before = self.current, self.rows
        height = self.cursor - round(self.scroll_y)
        self.rows = rows
        found = self._index(wanted) if wanted else self.find(before, self.cursor) if current is not None else None
        self.range_from = None if self.range_from is None else self.find(before, self.range_from)
        self.cursor = max(0, min(self.cursor if found is None else found, len(rows) - 1))
        self._measure()
        if self.is_mounted and rows:
            page = self._page
            height = max(0, min(height, page - 1))
            top = max(0, min(self.cursor - height, len(rows) - page))
            self.scroll_to(y=top, animate=False, immediate=True)
        self.renew()
        row = self.current
        if current is None or row is None or self.key_of(row) != self.key_of(current) or row is not current:
            self.post_message(self.Moved(self, row))

    def find(self, before: Sequence[Row], at: int) -> int | None:
        """Where the item stands now that was row ``at`` of the rows ``before``."""
        return self._index(self.key_of(before[at])) if at < len(before) else None

    def _index(self, key: str) -> int | None:
        if not key:
            return None
        if self.cursor < len(self.rows) and self.key_of(self.rows[self.cursor]) == key:
            return self.cursor
        return next((at for at, row in enumerate(self.rows) if self.key_of(row) == key), None)

    def go_to_key(self, key: str) -> bool:
        """The cursor to the row with this key; False when it is not shown."""
        found = self._index(key)
        if found is None:
            return False
        self.go(found)
        return True

    def looks_new(self, *parts: object) -> bool:
        """Whether one of the things all rows depend on is another than the last time this was asked."""
        same = len(parts) == len(self._parts) and all(
            one is other for one, other in zip(parts, self._parts, strict=True)
        )
        self._parts = parts
        return not same

    def renew(self) -> None:
        """Draw every row again: something they show besides themselves has changed."""
        self._generation += 1
        self._looks.clear()
        self.refresh()

    def touch_up(self) -> None:
        """Draw those rows on the screen again whose ``look_of`` is another than they were drawn with."""
        top = round(self.scroll_y)
        for index, row in enumerate(self.on_screen, top):
            if index not in self._looks or self._looks[index] != self.look_of(row):
                self._refresh_row(index)

    def say_again(self) -> None:
        """Draw again what is said where there are no rows, when that is something else now."""
        if not self.rows and self.empty_words() != self._said:
            self.refresh()

    def go(self, index: int) -> None:
        """The cursor to this row, as far as there are rows."""
        index = max(0, min(index, len(self.rows) - 1))
        if index == self.cursor or not self.rows:
            self._show_cursor()
            return
        before, self.cursor = self.cursor, index
        self._show_cursor()
        if self.range_from is None:
            self._refresh_row(before)
            self._refresh_row(index)
        else:
            self.refresh()
        self.paint()
        self.post_message(self.Moved(self, self.rows[index]))

    def move(self, by: int) -> None:
        self.go(self.cursor + by)

    def move_pages(self, pages: float) -> None:
        self.go(self.cursor + round(pages * max(1, self._page - 1)))

    def set_anchor(self, index: int | None) -> None:
        self.range_from = index
        self.renew()

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - HEAD)

    @property
    def on_screen(self) -> Sequence[Row]:
        """The rows there is room for now."""
        top = round(self.scroll_y)
        return self.rows[top : top + self._page]

    def _measure(self) -> None:
        self.measure(Size(self.inner, len(self.rows) + HEAD))

    def _show_cursor(self) -> None:
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + self._page:
            self.scroll_to(y=self.cursor - self._page + 1, animate=False, immediate=True)

    def _refresh_row(self, index: int) -> None:
        y = index - round(self.scroll_y) + HEAD
        self.refresh(Region(0, y, self.inner, 1))

    # Drawing.

    def inner_line(self, y: int, width: int) -> Strip:
        try:
            return self._draw(y, width)
        except Exception as error:
            return self._failed(y, error)

    def _draw(self, y: int, width: int) -> Strip:
        if y < HEAD:
            return self._strip(self.header_pieces(width), width, "") if self.rows else self._blank(width)
        if not self.rows:
            return self._empty_line(y, width)
        index = round(self.scroll_y) + y - HEAD
        if index >= len(self.rows):
            return self._blank(width)
        return Strip(self._row_line(index, width, self.is_cursor(index), self._in_range(index)))

    def whole_line(self, y: int, frame: Frame) -> Strip:
        index = round(self.scroll_y) + y - HEAD
        if y < HEAD or index >= len(self.rows):
            return super().whole_line(y, frame)
        here, in_range = self.is_cursor(index), self._in_range(index)
        try:
            look = self._looks[index] = self.look_of(self.rows[index])
            key = (self._generation, index, look, here, in_range, here and self.has_focus)
            strip = self._strips.get(key)
            if strip is None:
                strip = frame.around(self._row_line(index, frame.inner, here, in_range))
                self._strips[key] = strip
        except Exception as error:
            return frame.around(self._failed(y, error))
        return strip

    def frame_changed(self) -> None:
        self._generation += 1

    def _in_range(self, index: int) -> bool:
        return self.range_from is not None and index in self.selected

    def is_cursor(self, index: int) -> bool:
        """Whether this row is drawn as the cursor's."""
        return index == self.cursor and (self.KEEP_CURSOR or self.has_focus)

    def _row_line(self, index: int, width: int, here: bool, in_range: bool) -> list[Segment]:
        signs = signs_of(self.app)
        pieces = self.row_pieces(self.rows[index], width - 1)
        sign = signs.cursor if here or in_range else " "
        ground = ""
        if here:
            ground = "on $cursor-row" if self.has_focus else "on $cursor-blur"
            if self.has_focus and (self.app.no_color or self.app.current_theme.ansi):
                ground += " bold"
        elif in_range:
            ground = "on $range-row"
        return self._segments([(sign, "$primary" if here else "$faint"), *pieces], width, ground)

    def _segments(self, pieces: Sequence[Piece], width: int, ground: str) -> list[Segment]:
        """Pieces in exactly so many cells."""
        segments = [Segment(text, self._style(style, ground)) for text, style in pieces if text]
        left = width - sum(cell_len(segment.text) for segment in segments)
        if left > 0:
            segments.append(Segment(" " * left, self._style("", ground)))
        return segments if left >= 0 else list(Strip(segments).adjust_cell_length(width))

    def _strip(self, pieces: Sequence[Piece], width: int, ground: str) -> Strip:
        return Strip(self._segments(pieces, width, ground), width)

    def _style(self, style: str, ground: str) -> RichStyle:
        found = self._styles.get((style, ground))
        if found is None:
            made = self.visual_style
            for part in (ground, style):
                if part:
                    made += Style.parse(part)
            found = self._styles[(style, ground)] = made.rich_style
        return found

    def _blank(self, width: int) -> Strip:
        return Strip.blank(width, self._style("", ""))

    def _empty_line(self, y: int, width: int) -> Strip:
        self._said = self.empty_words()
        pieces = middle_line(self._said, y, width, self.size.height)
        return self._strip(pieces, width, "") if pieces else self._blank(width)

    def _failed(self, y: int, error: Exception) -> Strip:
        """One broken panel says so and leaves the others working."""
        words = f"{type(error).__name__}: {error}"
        if words not in self._broken:
            self._broken.add(words)
            self.log.error(words)
        width = max(self.size.width, 1)
        if y != HEAD:
            return Strip.blank(width)
        text = line([f"This panel failed: {words}. The rest works."]).plain
        return Strip([Segment(text)]).adjust_cell_length(width)

    # Events.

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._generation += 1

    def on_mount(self) -> None:
        self._measure()

    def on_resize(self) -> None:
        self._measure()
        self.renew()
        self._show_cursor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.refresh(Region(0, 0, self.size.width, self.size.height))
            self.post_message(self.Scrolled(self))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEAD:
            self.post_message(self.HeaderClicked(self, offset.x))
            return
        index = round(self.scroll_y) + offset.y - HEAD
        if not 0 <= index < len(self.rows):
            return
        self.go(index)
        if offset.x <= 1:
            self.post_message(self.MarkClicked(self, self.rows[index]))
        elif self.fold_at(self.rows[index], offset.x):
            self.post_message(self.FoldClicked(self, self.rows[index]))
        elif event.chain == 2:
            self.post_message(self.Opened(self, self.rows[index]))
