"""From a state to what is drawn: rows made here or on a thread, then handed to every part of the screen."""

from __future__ import annotations

import gc
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from mlruns_tui.model.clock import now_ms
from mlruns_tui.report.words import size_text
from mlruns_tui.triage.arranged import Arranged

from .. import titles
from ..background import without_collecting
from ..classes import set_classes
from ..marking import items_text
from ..shown import SMALL, Shown, build, is_small, same_inputs, same_table
from ..state import PANELS, UiState
from ..widgets.bars import CommandLine, MarkStrip, PanelTabs, header_left, header_right
from ..widgets.lines import SplitLine
from .reading import error_words

if TYPE_CHECKING:
    from ..screens.main import MainScreen

SORTED_BY = ("size", "name", "idle", "files")
"""What the keys for sorting sort by."""


class Showing:
    """The way down: nothing here answers a key."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen
        self.shown = Shown()
        self.head, self.tabs = SplitLine(id="head"), PanelTabs()
        self.strip, self.keys = MarkStrip(), CommandLine()
        self._host = socket.gethostname().split(".")[0]
        self._building = False
        self._prepared: Arranged | None = None
        self._built = 0
        """How often rows were made on this thread: a thread's rows that were overtaken are thrown away."""

    @property
    def making(self) -> bool:
        """Rows of the state are on their way: those on the screen are older."""
        return self._building

    def build(self) -> None:
        """Make the rows of the state, unless they are there already or on their way."""
        state, before = self.screen.state, self.shown
        if before.source is not None and same_inputs(before.source, state):
            return
        if is_small(state, before):
            self._built += 1
            self.shown = build(state, now_ms(), before)
        elif not self._building:
            self._building = True
            number = self._built

            def done(shown: Shown) -> None:
                self._building = False
                # Rows made here meanwhile are newer.
                if number == self._built and same_table(self.screen.state, state):
                    self.shown = shown
                self.build()
                self.push()
                self.screen.catch_up()
                self._prepare()

            def failed(error: Exception) -> None:
                self._building = False
                self.screen.saying.complain(f"rows: {error_words(error)}")
                self.screen.catch_up()

            self.screen.work(lambda: _many_rows(state, before), done, "rows", failed=failed)

    def _prepare(self) -> None:
        """Very many rows: sort them in the ways the sort keys ask for before they are asked for."""
        arranged = self.shown.arranged
        if arranged is not self._prepared and self.screen.state.snapshot.complete and len(arranged.runs) > SMALL:
            self._prepared = arranged
            self.screen.work(lambda: _prepared(arranged), lambda _: None, "orders", failed=lambda _: None)

    def push(self, to_top: bool = False) -> None:
        """Show the state in every part; each draws only what is another than before."""
        screen, state, shown = self.screen, self.screen.state, self.shown
        if not screen.has_panels:
            return
        if shown.source is not None and not same_table(shown.source, state):
            # Its rows are on their way; another experiment's must not stand under its name.
            shown = replace(shown, runs=[])
        top = next((row.key for row in shown.tree if row.kind != "group"), "") if to_top else ""
        show = {
            "tree": lambda: screen.store_tree.show(state, shown, top),
            "runs": lambda: screen.run_table.show(state, shown, screen.moving.take_wanted(shown)),
        }
        # What the key is about is painted before anything else is worked out.
        used = screen.list_of(state.list_panel)
        drawn = used.changes
        show.pop(state.list_panel)()
        if used.changes != drawn:
            used.paint()
        show.popitem()[1]()
        screen.marked.show(state, shown, screen.keymap, compact=screen.folded)
        screen.actions.show(state, screen.keymap)
        screen.findings.show(state, shown)
        totals = shown.totals
        text = items_text(totals.runs, totals.experiments).replace(" and ", ", ")
        self.strip.show(state, text, size_text(totals.size_bytes), screen.keymap)
        self.keys.show(state, screen.keymap)
        self.tabs.show(state)
        self._show_titles()
        self.dress()
        screen.saying.show()
        screen.columns.look()
        if screen.previewing is not None:
            screen.previewing.look()

    def dress(self) -> None:
        """The style classes the state asks for."""
        state = self.screen.state
        wanted = {f"-on-{panel}": state.panel == panel for panel in PANELS}
        wanted |= {f"-{prompt}": state.prompt == prompt for prompt in ("filter", "days", "expression")}
        zoomed = self.screen.has_class("-zoomed")
        set_classes(self.screen, wanted | {"-zoomed": state.zoomed})
        if zoomed != state.zoomed and self.screen.is_mounted:
            # The panels have another width then, and room for other words in their borders.
            self.screen.call_after_refresh(self._show_titles)

    def _show_titles(self) -> None:
        state, shown = self.screen.state, self.shown
        tree, table = self.screen.store_tree, self.screen.run_table
        apart = bool(self.screen.findings.region)
        tree_foot = titles.tree_foot(state, shown, self.screen.signs, tree.size.width, apart)
        tree.entitle(titles.tree_title(state), tree_foot)
        doing = self.screen.columns.reading_words
        table_foot = titles.table_foot(state, shown, table.cursor, table.size.width, table.layout_now, doing)
        table.entitle(titles.table_title(state, table.size.width), table_foot)

    def header(self) -> None:
        """Who, where, and what the disk has left."""
        screen, width = self.screen, self.screen.size.width
        gone = bool(screen.reading.unreachable)
        right = header_right(screen.reading.space, screen.signs, width, screen.state.read_only, gone)
        store = screen.state.snapshot.store
        self.head.show(header_left(store, self._host, width - 4 - right.cell_length, width >= 120), right)


def _many_rows(state: UiState, before: Shown) -> Shown:
    """Rows live until the next sort."""
    with without_collecting():
        return build(state, now_ms(), before)


def _prepared(arranged: Arranged) -> None:
    """What lives as long as the store's reading is left out of the collector's walks, as rows are."""
    arranged.prepare(SORTED_BY, now_ms())
    gc.collect(1)
    gc.freeze()
