"""A scrolled widget that puts each of its lines together once, frame included, and can be painted at once.

Textual puts border and padding around a line whenever it is asked for one, in half a dozen objects a line: as much
work again as the line itself. And it paints when every widget had its turn: what a key did to a list of runs is to
be seen before the rest of the screen is worked out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.segment import Segment
from textual._compositor import CompositorUpdate
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from mlruns_tui.model.late import dataclass

_WRITTEN_S = 0.0005
"""A frame is written by a thread that needs the interpreter four times for it, and would wait for it each time
while the rest of the screen is worked out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What lines are drawn with: worked out once for all of them."""

    width: int
    """Cells of a line with border and padding."""
    inner: int
    """Cells of what a line holds."""
    before: tuple[Segment, ...]
    """Border and padding."""
    behind: tuple[Segment, ...]
    filters: Sequence[LineFilter]
    background: Color

    def around(self, line: Iterable[Segment]) -> Strip:
        """A line of ``inner`` cells as it is painted."""
        segments = list(line)
        for one in self.filters:
            segments = one.apply(segments, self.background)
        return Strip([*self.before, *segments, *self.behind], self.width)


class Lines(CompositorUpdate):
    """Lines that are painted where they stand."""

    def __init__(self, lines: Sequence[tuple[int, int, Strip]]) -> None:
        """``lines``: column and row of the window, and what stands there."""
        self.lines = lines

    def render_segments(self, console: Console) -> str:
        return "".join(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}" for x, y, strip in self.lines)


class Framed(ScrollView):
    """Subclasses draw in ``inner_line`` what stands between the borders."""

    FIXED = False
    """Its size never follows from the number of its lines."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.changes = 0
        """How often something of it was to be drawn again."""
        self._whole: dict[int, Strip] = {}
        """Lines as they are painted, by their number from the upper border; those that changed are missing."""
        self._frame: tuple[object, Frame] | None = None
        """Together with all it follows from."""
        self._only: Region | None = None
        """A part that is to be drawn again where Textual would draw everything."""

    # Lines.

    def inner_line(self, y: int, width: int) -> Strip:
        """Line ``y`` of what is between the borders, ``width`` cells. Never raises."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        return self.inner_line(y, self.inner)

    @property
    def inner(self) -> int:
        """Cells of what a line holds, the scrollbar's not among them."""
        return self.scrollable_content_region.width or self.size.width

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.outer_size
        styles = self.styles
        if not width or styles.tint.a or self.opacity != 1.0:
            return super().render_lines(crop)
        missing = [y for y in crop.line_range if y not in self._whole]
        if missing:
            self._draw_whole(missing, width, height)
        strips = [self._whole[y] for y in crop.line_range]
        return strips if crop.column_span == (0, width) else [strip.crop(*crop.column_span) for strip in strips]

    def _draw_whole(self, lines: Iterable[int], width: int, height: int) -> None:
        gutter = self.styles.gutter
        frame = self._frame_of(width, gutter.top)
        for y in lines:
            if gutter.top <= y < height - gutter.bottom:
                self._whole[y] = self.whole_line(y - gutter.top, frame)
            else:
                self._whole[y] = super().render_lines(Region(0, y, width, 1))[0]

    def whole_line(self, y: int, frame: Frame) -> Strip:
        """Line ``y`` of what is between the borders, with them; a subclass may keep it."""
        return frame.around(self.inner_line(y, frame.inner))

    def _frame_of(self, width: int, y: int) -> Frame:
        """As Textual draws it around line ``y``, which is one between the borders."""
        styles, inner, filters = self.styles, self.inner, tuple(self.get_line_filters())
        colors = self.background_colors
        now = (width, inner, styles.border_left, styles.border_right, styles.padding, colors, filters)
        if self._frame is None or self._frame[0] != now:
            strip = super().render_lines(Region(0, y, width, 1))[0]
            before, behind = strip.crop(0, styles.gutter.left), strip.crop(styles.gutter.left + inner, width)
            self._frame = (now, Frame(width, inner, tuple(before), tuple(behind), filters, colors[1]))
            self.frame_changed()
        return self._frame[1]

    def frame_changed(self) -> None:
        """Lines that were kept do not fit any more."""

    def _set_dirty(self, *regions: Region) -> None:
        super()._set_dirty(*regions)
        self.changes += 1
        top = self.content_offset.y
        for region in regions:
            for y in range(region.y + top, region.bottom + top):
                self._whole.pop(y, None)
        if not regions:
            self._whole.clear()

    # Size and titles.

    def measure(self, size: Size) -> None:
        """So many cells and lines can be scrolled through. What stays in its place is not laid out again."""
        if size == self.virtual_size:
            return
        scrolls = size.height > self.container_size.height
        if self.FIXED and self.container_size and scrolls == self.show_vertical_scrollbar:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def entitle(self, title: Content, foot: Content) -> None:
        """Set what stands in the borders; only these lines are drawn again, and only when it is another."""
        width, height = self.outer_size
        left, top = self.content_offset
        for name, text, y in (("border_title", title, 0), ("border_subtitle", foot, height - 1)):
            before = getattr(self, f"_{name}")
            if before is None or not before.is_same(text):
                self._only = Region(-left, y - top, width, 1) if width else None
                setattr(self, name, text)
                self._only = None

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Framed:
        if self._only is not None and not regions:
            regions = (self._only,)
        super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self

    # Painting.

    def paint(self) -> None:
        """Paint the lines that changed now, at the place they have; nothing else waits for its turn shorter."""
        if not self.is_mounted or not self._repaint_regions or self._layout_required:
            return
        screen, app = self.screen, self.app
        if not screen.is_current or app._batch_count or app.is_inline or not self._is_on_top():
            return
        (width, height), place = self.outer_size, self.region
        regions = self._exchange_repaint_regions()
        changed = sorted({y for region in regions for y in range(max(0, region.y), min(height, region.bottom))})
        strips = self.render_lines(Region(0, 0, width, height))
        frame = self._frame_of(width, self.styles.gutter.top)
        inside = range(self.styles.gutter.top, height - self.styles.gutter.bottom)
        # Right of what a line holds stands the scrollbar: another widget.
        end = width - sum(segment.cell_length for segment in frame.behind)
        lines = [(place.x, place.y + y, strips[y].crop(0, end) if y in inside else strips[y]) for y in changed]
        if any(region.right >= width for region in regions):
            bar = self.scrollbar_size_vertical
            edge = Strip(frame.behind).crop(bar, width - end)
            lines += [(place.x + end + bar, place.y + y, edge) for y in changed if y in inside]
        # Textual takes what it wrote itself for any update.
        app._display(screen, Lines(lines))  # type: ignore[arg-type]
        time.sleep(_WRITTEN_S)

    def _is_on_top(self) -> bool:
        """All of it is to be seen: no other widget covers a part."""
        bars = (self.vertical_scrollbar, self.horizontal_scrollbar)
        for widget, (region, clip) in self.screen._compositor.visible_widgets.items():
            if widget is self:
                return clip.contains_region(region) and region.size == self.outer_size
            if widget not in bars and region.intersection(clip).overlaps(self.region):
                return False
        return False
