"""The fixed lines of the main screen: who and where, the row spelled out, the marks folded, the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from mlruns_tui.model.store import StoreInfo
from mlruns_tui.report.words import size_text
from mlruns_tui.workflow.reading import Space

from .. import commands, render
from ..messages import RunCommand
from ..signs import Signs
from ..state import PANELS, UiState
from .cells import DIM, FAINT, KEY, Piece, line, signs_of, width_of
from .lines import SplitLine

Spot = tuple[int, int, str]
"""Cells from, to, and the command a click there runs."""


def header_left(store: StoreInfo, host: str, room: int, wide: bool) -> Content:
    """Program, host, root and kind of the store; the root loses its start when there is no room."""
    place = f"{host}:"
    kind = f"  {store.kind} store" if wide else ""
    left = room - len("mlruns-tui  ") - width_of(place) - width_of(kind)
    root = store.root
    if width_of(root) > left > 4:
        while width_of(root) > left - 1:
            root = root[1:]
        root = f"…{root}"
    return line([("mlruns-tui", KEY), ("  ", ""), (place, DIM), (root, "bold"), (kind, DIM)])


def header_right(space: Space | None, signs: Signs, width: int, read_only: bool, gone: bool) -> Content:
    """Badges, and what the disk has left; in fewer cells where the window has fewer than 120, and than 80."""
    wide = width >= 120
    pieces: list[Piece] = []
    if gone:
        pieces += [(" not there ", "bold $background on $error"), ("  ", "")]
    if read_only:
        pieces += [(" read-only ", "bold $background on $warning"), ("  ", "")]
    if space is None:
        return line(pieces)
    share = space.bytes_free / space.bytes_total if space.bytes_total else 0.0
    tone = "$error bold" if share < 0.02 else "$warning bold" if share < 0.05 else "bold"
    if wide:
        pieces += [("disk ", DIM), *render.progress_bar(1 - share, 10, signs), (" ", "")]
        pieces += [(f"{size_text(space.bytes_free)} free", tone), (f" of {size_text(space.bytes_total)}", DIM)]
    else:
        pieces += [("free ", DIM), (size_text(space.bytes_free), tone), (f" ({share * 100:.0f} %)", DIM)]
    if space.inodes_total and width >= 80:
        used = 1 - space.inodes_free / space.inodes_total
        gap = "   " if wide else "  "
        pieces += [
            (f"{gap}inodes ", DIM),
            (f"{used * 100:.0f} %", "$warning bold" if used > 0.9 else ""),
            (" used", DIM),
        ]
    return line(pieces)


class SpottedLine(Widget):
    """One line with places that can be clicked."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._spots: list[Spot] = []
        self._content = Content()

    @property
    def plain(self) -> str:
        return self._content.plain

    def put(self, parts: Sequence[tuple[Sequence[Piece], str]], gap: int) -> None:
        """Parts side by side, ``gap`` cells between, as far as they fit whole; each a command or an empty text."""
        self._spots = []
        contents: list[Content] = []
        at = 0
        room = self.content_size.width or self.app.size.width
        for pieces, command in parts:
            content = line(pieces)
            width = cell_len(content.plain)
            if contents and at + width > room:
                break
            if command:
                self._spots.append((at, at + width, command))
            contents.append(content)
            at += width + gap
        content = Content(" " * gap).join(contents)
        if not content.is_same(self._content):
            self._content = content
            self.refresh()

    def render(self) -> Content:
        return self._content

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for start, end, command in self._spots:
            if start <= offset.x < end:
                self.post_message(RunCommand(command))
                return


class CommandLine(SpottedLine):
    """Keys and words from the command table. Without room quit goes first, then undo, then sort; help never."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._last: tuple[UiState, Mapping[str, str]] | None = None

    def show(self, state: UiState, keymap: Mapping[str, str]) -> None:
        self._last = (state, keymap)
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.content_size.width
        if self._last is None or not width:
            return
        state, keymap = self._last
        entries = commands.key_line(keymap, signs_of(self.app).border == "ascii")
        while len(entries) > 1 and sum(width_of(f"{keys} {word}") + 3 for keys, word, _, _ in entries) - 3 > width:
            entries.remove(min(entries, key=lambda entry: entry[3]))
        parts: list[tuple[Sequence[Piece], str]] = []
        for keys, word, ids, _ in entries:
            off = all(commands.BY_ID[one].enabled(state) is not None for one in ids)
            parts.append(([(keys, FAINT if off else KEY), (f" {word}", FAINT if off else DIM)], ids[0]))
        self.put(parts, 3)


class MarkStrip(SpottedLine):
    """The sidebar in one line, where it is folded away: amber while something is marked."""

    def __init__(self) -> None:
        super().__init__(id="strip")

    def show(self, state: UiState, totals_text: str, size: str, keymap: Mapping[str, str]) -> None:
        ascii_only = signs_of(self.app).border == "ascii"
        self.set_class(bool(state.marks), "-marked")

        def part(command: str, words: str) -> tuple[Sequence[Piece], str]:
            off = commands.BY_ID[command].enabled(state) is not None
            key = commands.first_key(command, keymap, ascii_only)
            return ([(key, FAINT if off else KEY), (f" {words}", FAINT if off else DIM)], command)

        if state.marks:
            total = [(f"{signs_of(self.app).remove} {totals_text}", render.MARK_BOLD), (f"  {size}", render.MARK)]
            parts = [(total, ""), part("review", "review"), part("mark.clear", "clear")]
            self.put([*parts, part("panel.marked", "actions and marks")], 2)
            return
        judged = state.judged
        orphaned = f" {judged.orphaned:,}" if judged is not None and state.snapshot.complete else ""
        old = f" {judged.old:,}" if judged is not None else ""
        first = [part("mark.toggle", "mark"), part("mark.orphaned", f"orphaned{orphaned}")]
        self.put([*first, part("mark.old", f"old{old}"), part("panel.marked", "all actions")], 3)


class PanelTabs(SpottedLine):
    """Which panel is shown, where only one has room."""

    def __init__(self) -> None:
        super().__init__(id="tabs")

    def show(self, state: UiState) -> None:
        names = {"tree": "1 store", "runs": "2 runs", "marked": "3 marked", "findings": "4 findings"}
        parts: list[tuple[Sequence[Piece], str]] = []
        for panel in PANELS:
            style = "bold $background on $primary" if panel == state.panel else DIM
            parts.append(([(f" {names[panel]} ", style)], f"panel.{panel}"))
        self.put(parts, 1)


class RowLine(SplitLine):
    """The row under the cursor in words; what was just said, or progress, may stand in its place."""

    def __init__(self) -> None:
        super().__init__(id="row")

    def put(self, pieces: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        width = self.content_size.width
        shown = line(pieces)
        end = line(right)
        if width and cell_len(shown.plain) + cell_len(end.plain) + 2 > width:
            end = Content()
        self.show(shown, end)
