"""``C``: the columns of the run table, ours and every metric, param and tag: which, in what order, how wide.

The table behind follows each change; Esc leaves it as it was.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.values import ValueNames
from mlruns_tui.report.words import plural
from mlruns_tui.triage.columns import LEAST_WIDTH, MOST_WIDTH, OWN, VALUE_KINDS, Column, kind_of, label_of
from mlruns_tui.triage.ordering import text_filter
from mlruns_tui.workflow.filtering import value_names

from .. import render
from ..background import in_background
from ..messages import Returned
from ..widgets.cells import DIM, FAINT, cut, fit, fit_right, line, signs_of
from ..widgets.ending import end
from ..widgets.lines import key_words
from ..widgets.panel import Panel
from ..widgets.parts import has_parts
from ..widgets.prompts import FilterPrompt
from ..widgets.row_list import RowList
from ..widgets.run_columns import width_needed

TOGETHER = 20
"""Runs whose names are looked up at once: one short answer."""
MOST_NAMES = 5_000
"""Names that are listed of each kind; the filter of the table's values knows all of them."""
KINDS = {"": "", "metrics": "metric", "params": "param", "tags": "tag"}


class Show(Protocol):
    """Shows the table with these columns; none: with those that fit. ``sort``: by this one. ``see``: this one is
    scrolled to."""

    def __call__(self, columns: tuple[Column, ...], sort: str = "", see: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the list."""

    name: str
    place: int = 0
    """Counted from the left; 0 when it is not shown."""
    width: int = 0
    """As chosen; 0: as needed."""


class ColumnsScreen(ModalScreen[bool]):
    """A list of columns. Ends with True when they are to stay."""

    CSS_PATH = "../styles/columns.tcss"
    AUTO_FOCUS = "RowList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter,C,q", "keep", show=False),
        Binding("left,h", "widen(-1)", show=False),
        Binding("right,l", "widen(1)", show=False),
        Binding("backspace", "widen(0)", show=False),
        Binding("shift+up,K", "shift(-1)", show=False),
        Binding("shift+down,J", "shift(1)", show=False),
        Binding("s", "sort", show=False),
        Binding("a", "automatic", show=False),
        Binding("slash", "filter", show=False),
    ]

    def __init__(
        self, reader: Reader, keys: Sequence[str], shown: tuple[Column, ...], *, automatic: bool, show: Show
    ) -> None:
        """``keys``: of the runs whose names are listed, those on the screen first. ``automatic``: nothing was
        chosen yet, ``shown`` is what fits."""
        super().__init__()
        self.reader, self.keys = reader, keys
        self.columns = list(shown)
        self.automatic = automatic
        self._show_table = show
        self._found: dict[str, dict[str, None]] = {kind: {} for kind in VALUE_KINDS}
        """Exact names that were found, by kind."""
        self._looked = 0
        self._trouble = ""
        self._text = ""
        self._stop = threading.Event()
        self._rows: RowList[Choice] = RowList(self._paint, header=self._header, tail=self._tail)
        self._prompt = FilterPrompt("name or kind; ! inverts")

    def compose(self) -> ComposeResult:
        with Panel(id="columns"):
            yield self._rows
            yield self._prompt
            yield Static(id="columns-keys")
            yield Static(id="columns-more-keys")
            yield Static(id="columns-last-keys")

    def on_mount(self) -> None:
        if not has_parts(self, "#columns"):
            return
        self._list()
        if self.keys:
            in_background(self, self._look, lambda _: self._list(), self._failed, "names")

    def on_unmount(self) -> None:
        self._stop.set()

    def on_returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    # The names, a few runs at a time, those on the screen first.

    def _look(self) -> None:
        for at in range(0, len(self.keys), TOGETHER):
            found = value_names(self.reader, self.keys[at : at + TOGETHER])
            if self._stop.is_set():
                return
            with suppress(RuntimeError):  # the program may be closing
                self.post_message(Returned(lambda found=found, at=at: self._named(found, at + TOGETHER)))  # type: ignore[misc]

    def _named(self, found: ValueNames, looked: int) -> None:
        self._looked = min(looked, len(self.keys))
        before = sum(map(len, self._found.values()))
        for kind, names in zip(VALUE_KINDS, (found.metrics, found.params, found.tags), strict=True):
            known = self._found[kind]
            for name in names:
                if len(known) < MOST_NAMES:
                    known[found.exact.get(f"{kind}.{name}", name)] = None
        if sum(map(len, self._found.values())) != before:
            self._list()
        else:
            self._rows.refresh_rows()

    def _failed(self, error: Exception) -> None:
        self._trouble = f"the names could not all be read: {error}"
        self._rows.refresh_rows()

    def _names(self) -> Iterable[str]:
        """Every column there is, those that are shown first."""
        shown = [one.name for one in self.columns]
        yield from shown
        here = set(shown)
        yield from (name for name in OWN if name not in here)
        for kind in VALUE_KINDS:
            names = sorted(self._found[kind], key=_rank)
            yield from (full for name in names if (full := f"{kind}.{name}") not in here)

    def _list(self, go_to: str = "") -> None:
        """List them; the cursor stays on its column, or goes to another."""
        if not self.is_mounted or not has_parts(self, "#columns-keys"):
            return
        current = self._rows.current
        wanted = go_to or (current.name if current is not None else "")
        matches = text_filter(self._text)
        places = {one.name: (at, one.width) for at, one in enumerate(self.columns, 1)}
        rows = [
            Choice(name, *places.get(name, (0, 0)))
            for name in self._names()
            if matches(label_of(name), KINDS[kind_of(name)] or "run")
        ]
        at = next((at for at, one in enumerate(rows) if one.name == wanted), None)
        self._rows.set_rows(rows, at)
        title = "those that fit" if self.automatic else plural(len(self.columns), "column")
        self.query_one("#columns", Panel).set_title("columns of the runs", title)
        signs = signs_of(self.app)
        keys = [("Space", "show"), ("J K", "order"), (signs.left_right, "width")]
        more, last = [("s", "sort"), ("/", "filter"), ("a", "what fits")], [("Enter", "keep"), ("Esc", "as it was")]
        for place, words in (("keys", keys), ("more-keys", more), ("last-keys", last)):
            width = max(20, self._rows.size.width - 2)
            self.query_one(f"#columns-{place}", Static).update(key_words(words, width))

    # What is chosen.

    def _chosen(self, columns: list[Column], go_to: str = "") -> None:
        self.columns, self.automatic = columns, False
        row = self._rows.current
        self._show_table(tuple(columns), see=row.name if row is not None else "")
        self._list(go_to)

    def on_row_list_toggled(self, event: RowList.Toggled) -> None:
        """Shown last, or not at all; the cursor goes to the next line, as where runs are marked."""
        event.stop()
        self._toggle(event.row.name)

    def _toggle(self, name: str) -> None:
        rows, at = self._rows.rows, self._rows.cursor
        beside = rows[at + 1].name if at + 1 < len(rows) else ""
        left = [one for one in self.columns if one.name != name]
        if len(left) == len(self.columns):
            left.append(Column(name))
        elif not left:
            self._trouble = "one column has to stay; a shows what fits"
            self._rows.refresh_rows()
            return
        self._trouble = ""
        self._chosen(left, beside)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_keep()

    def _at(self) -> int | None:
        """Place of the cursor's column among those shown."""
        row = self._rows.current
        return row.place - 1 if row is not None and row.place else None

    def action_shift(self, by: int) -> None:
        """To the left or right of its neighbour."""
        at = self._at()
        if at is not None and 0 <= at + by < len(self.columns):
            columns = list(self.columns)
            columns[at], columns[at + by] = columns[at + by], columns[at]
            self._chosen(columns)

    def action_widen(self, by: int) -> None:
        """A cell wider or narrower; 0: as wide as it needs."""
        at = self._at()
        if at is not None:
            columns = list(self.columns)
            now = width_needed(columns[at])
            width = max(LEAST_WIDTH, min(MOST_WIDTH, now + by)) if by else 0
            columns[at] = replace(columns[at], width=width)
            self._chosen(columns)

    def action_sort(self) -> None:
        """Sort the table by the cursor's column, again the other way round; it is shown from then on."""
        row = self._rows.current
        if row is None:
            return
        columns = self.columns if row.place else [*self.columns, Column(row.name)]
        self.columns, self.automatic = columns, False
        self._show_table(tuple(columns), row.name, row.name)
        self._list()

    def action_automatic(self) -> None:
        """No choice: what fits."""
        self.automatic = True
        self._show_table(())
        self._list()

    def action_keep(self) -> None:
        end(self, True)

    def action_leave(self) -> None:
        if self._text or self._prompt.has_class("-open"):
            self._filter("")
            self._close_prompt()
            return
        end(self, False)

    # The filter.

    def action_filter(self) -> None:
        self._prompt.add_class("-open")
        self._prompt.open(self._text)

    def _filter(self, text: str) -> None:
        self._text = text
        self._list()

    def _close_prompt(self) -> None:
        self._prompt.remove_class("-open")
        self._rows.focus()

    def on_filter_prompt_changed(self, event: FilterPrompt.Changed) -> None:
        event.stop()
        self._filter(event.text)

    def on_filter_prompt_kept(self, event: FilterPrompt.Kept) -> None:
        event.stop()
        self._close_prompt()

    # Drawing.

    def _header(self, width: int) -> Content:
        name = max(8, width - 24)
        return line([("  ", ""), (fit_right("", 3), DIM), (" ", ""), (fit("column", name), DIM), (fit("what", 9), DIM), (fit_right("width", 7), DIM)])  # fmt: skip  # noqa: E501

    def _paint(self, row: Choice, width: int) -> Content:
        name = max(8, width - 24)
        sign = signs_of(self.app).finished if row.place else " "
        needed = width_needed(Column(row.name, row.width)) if row.place else 0
        return line([
            (f"{sign} ", render.SUCCESS), (fit_right(str(row.place or ""), 3), DIM), (" ", ""),
            (fit(label_of(row.name), name - 1) + " ", "" if row.place else DIM),
            (fit(KINDS[kind_of(row.name)] or "run", 9), DIM),
            (fit_right(str(needed) if needed else "", 7), "" if row.width else FAINT),
        ])  # fmt: skip

    def _tail(self, width: int) -> list[Content]:
        said = [Content()]
        if self._trouble:
            said.append(line([(cut(self._trouble, width - 1), render.WARNING)]))
        if not self._rows.rows:
            said.append(line([(cut(f"Nothing matches {self._text}.", width - 1), DIM)]))
        if self._looked < len(self.keys) and not self._trouble:
            said.append(line([(f"looking for metrics, params and tags, {self._looked:,} of {plural(len(self.keys), 'run')}", DIM)]))  # fmt: skip  # noqa: E501
        most = [KINDS[kind] for kind, names in self._found.items() if len(names) >= MOST_NAMES]
        if most:
            said.append(line([(f"only the first {MOST_NAMES:,} of each kind are listed", DIM)]))
        return said if len(said) > 1 else []


def _rank(name: str) -> tuple[bool, str]:
    """What MLflow and the machine write by themselves comes last."""
    return name.startswith(("mlflow.", "system/")), name.casefold()
