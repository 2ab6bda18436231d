"""``=``: runs side by side, what differs first, and the curves of one metric of all of them.

Long because reading, the cursor over two directions and a key for each of its parts meet here; what differs is
found in ``triage.comparing``, lines are made in ``widgets``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen

from mlruns_tui.model.details import RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Run
from mlruns_tui.report.words import plural
from mlruns_tui.triage.comparing import Compared, compare, matches

from ..background import in_background
from ..clipboard import sent
from ..messages import Returned
from ..widgets import compare_words
from ..widgets.cells import DIM, Piece, fit, line, signs_of
from ..widgets.compare_below import CompareBelow
from ..widgets.compare_words import Heading, Layout, Row
from ..widgets.curve_view import CurveView
from ..widgets.ending import end
from ..widgets.lines import KeyLine, SplitLine, crumbs
from ..widgets.metric_list import lowest_is_best
from ..widgets.panel import Panel
from ..widgets.parts import has_parts
from ..widgets.prompts import FilterPrompt
from ..widgets.row_list import RowList

MOST_RUNS: Final = 50
SHOW_EVERY_S: Final = 0.3
"""While runs are read, the table is made anew no more often."""
PARTS: Final = ("#head", "#rows", "#whole-words", "#curve", "#filter", "#keys")

Found = RunDetails | MlrunsError


class CompareScreen(Screen[None]):
    """Reads the runs one after the other on a thread; what is there is shown at once."""

    CSS_PATH = "../styles/compare.tcss"
    AUTO_FOCUS = "#rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,equals_sign", "back", "back", show=False),
        Binding("left,h", "column(-1)", "run before", show=False),
        Binding("right,l", "column(1)", "next run", show=False),
        Binding("u", "only_differing", "only what differs", show=False),
        Binding("slash", "filter", "filter", show=False),
        Binding("c", "curves", "curves larger", show=False),
        Binding("s", "scale", "linear or log", show=False),
        Binding("t", "axis", "step or time", show=False),
        Binding("b", "turn_best", "lowest or highest is best", show=False),
        Binding("i,enter", "details", "details of the run", show=False),
        Binding("y", "copy(False)", "copy this row", show=False),
        Binding("Y", "copy(True)", "copy the table", show=False),
    ]

    def __init__(
        self,
        reader: Reader,
        runs: Sequence[Run],
        *,
        marked: Callable[[str], bool],
        toggle: Callable[[str], str] | None = None,
        open_details: Callable[[str], None] | None = None,
        turned: set[str] | None = None,
        now_ms: int = 0,
    ) -> None:
        """``runs``: two or more; of more than ``MOST_RUNS`` the first are compared. ``marked``: whether a run
        is, by key. ``toggle``: mark or unmark one, gives a sentence; None where nothing may be marked.
        ``open_details``: show one by key. ``turned``: metrics whose best the user turned round."""
        super().__init__()
        self._reader = reader
        self.runs = tuple(runs[:MOST_RUNS])
        self._left_out = len(runs) - len(self.runs)
        self._marked, self._toggle, self._open_details = marked, toggle, open_details
        self._turned: set[str] = set() if turned is None else turned
        self._now = now_ms
        self.found: dict[str, Found] = {}
        self.compared: tuple[Compared, ...] = ()
        self.only_differing = False
        self.current = 0
        """The run whose column the keys about one run mean."""
        self._first = 0
        """The leftmost column."""
        self._filter = ""
        self._touched = False
        """The user moved the cursor; before, it stands on the first row whatever is read."""
        self._shown_at = float("-inf")
        self._rows: RowList[Row] = RowList(self._paint, header=self._header, tail=self._tail, id="rows")

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        with Panel(id="table-panel"):
            yield self._rows
        yield CompareBelow()
        yield FilterPrompt("a name or a value; ! inverts")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._compare(self._read_next)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    @on(Returned)
    def _returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    # Reading and comparing, on a thread.

    @property
    def _unread(self) -> list[str]:
        return [run.key for run in self.runs if run.key not in self.found]

    def _read_next(self) -> None:
        unread = self._unread
        if not unread:
            return
        key = unread[0]

        def take(found: Found) -> None:
            self.found[key] = found
            if not self._unread or monotonic() - self._shown_at > SHOW_EVERY_S:
                self._compare(self._read_next)
            else:
                self._show_head()
                self._read_next()

        def fail(error: Exception) -> None:
            known = isinstance(error, MlrunsError)
            take(error if known else MlrunsError("details-failed", f"could not be read: {error}"))  # type: ignore[arg-type]

        in_background(self, lambda: self._reader.details(key), take, fail, "compare")

    def _compare(self, then: Callable[[], None] = lambda: None) -> None:
        """Make the rows of what is read by now, show them, and go on."""
        self._shown_at = monotonic()
        found = [one if isinstance(one := self.found.get(run.key), RunDetails) else None for run in self.runs]
        about, turned = compare_words.about_runs(self.runs, self._now), frozenset(self._turned)

        def done(rows: tuple[Compared, ...]) -> None:
            self.compared = rows
            self._show_rows()
            then()

        def failed(error: Exception) -> None:
            self.notify(f"the runs could not be compared: {error}", severity="error", markup=False)

        in_background(
            self, lambda: compare(found, about, lambda name: lowest_is_best(name, turned)), done, failed, "compare"
        )

    # Showing.

    @property
    def shown_rows(self) -> list[Row]:
        """What differs, then a line, then what is the same."""
        rows = [row for row in self.compared if matches(row, self._filter)]
        differing = [row for row in rows if row.differs]
        same = [row for row in rows if not row.differs]
        if self.only_differing or not same:
            return list(differing)
        return [*differing, Heading(f"the same in all {len(self.runs)}: {len(same):,}"), *same]

    @property
    def row(self) -> Compared | None:
        found = self._rows.current
        return found if isinstance(found, Compared) else None

    def _show_rows(self) -> None:
        """Other rows; the cursor stays on its own."""
        before, rows = self.row if self._touched else None, self.shown_rows
        at = next((at for at, one in enumerate(rows) if before is not None and _same(one, before)), self._rows.cursor)
        self._rows.set_rows(rows, at)
        self._show()

    def _show(self) -> None:
        if not has_parts(self, *PARTS):
            return
        shown = Layout.of(self._rows.size.width - 1, len(self.runs)).shown
        last = max(0, len(self.runs) - shown)
        self._first = min(max(self._first, self.current - shown + 1), self.current, last)
        self._rows.refresh_rows()
        differing = sum(row.differs for row in self.compared)
        panel = self.query_one("#table-panel", Panel)
        words = f"{differing:,} differ, {len(self.compared) - differing:,} the same"
        panel.set_title("side by side", words + (f"  /{self._filter}" if self._filter else ""))
        columns = f"run {self.current + 1} of {len(self.runs)}"
        panel.set_foot(columns + (f" · only the first {MOST_RUNS} are compared" if self._left_out else ""))
        self._show_head()
        self._show_row()

    def _show_head(self) -> None:
        if not has_parts(self, *PARTS):
            return
        failed = sum(isinstance(one, MlrunsError) for one in self.found.values())
        said: list[Piece] = []
        if failed:
            said.append((f"{plural(failed, 'run')} not read  ", "$warning"))
        if self._unread:
            said.append((f"reading {len(self.found):,} of {len(self.runs):,}", DIM))
        where = crumbs(signs_of(self.app), "compare", plural(len(self.runs), "run"))
        self.query_one("#head", SplitLine).show(line(where), line(said))

    def _show_row(self) -> None:
        """Everything about the row under the cursor."""
        row, run = self.row, self.runs[self.current]
        self.set_class(row is not None and row.kind == "metrics", "-metric")
        error = self.found.get(run.key)
        below = self.query_one(CompareBelow)
        below.show(row, self.runs, self._first, self._turned, error if isinstance(error, MlrunsError) else None)
        curve = below.curve
        self._show_keys(curve)

    def _show_keys(self, curve: CurveView) -> None:
        signs = signs_of(self.app)
        keys = [("Esc", "back"), (signs.left_right, "run"), ("u", "all" if self.only_differing else "only differing")]
        if self.has_class("-metric"):
            keys += [("c", "curves"), ("s", "linear" if curve.logarithmic else "log")]
            keys += [("t", "by step" if curve.by_time else "by time"), ("b", "best")]
        keys += [("/", "filter")]
        if self._toggle is not None:
            keys.append(("Space", "unmark" if self._marked(self.runs[self.current].key) else "mark"))
        keys += [("i", "details"), ("y Y", "copy row, table")]
        self.query_one(KeyLine).set_keys(keys)

    def _header(self, width: int) -> Content:
        marked = [self._marked(run.key) for run in self.runs]
        return compare_words.header(width, self.runs, self._first, self.current, marked, signs_of(self.app))

    def _paint(self, row: Row, width: int) -> Content:
        read = [isinstance(self.found.get(run.key), RunDetails) for run in self.runs]
        return compare_words.paint(row, width, self._first, read, signs_of(self.app))

    def _tail(self, width: int) -> list[Content]:
        if self._rows.rows:
            return []
        if self._filter:
            return [line([(f"Nothing here holds {self._filter}. Esc clears it.", DIM)])]
        return [line([("Nothing differs." if not self._unread else "reading…", DIM)])]

    # Keys.

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._touched = True
        self._show_row()

    @on(RowList.Chosen)
    def _entered(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_details()

    @on(RowList.Toggled)
    def _space(self, event: RowList.Toggled) -> None:
        event.stop()
        if self._toggle is None:
            self.notify("opened read-only", markup=False)
            return
        said = self._toggle(self.runs[self.current].key)
        self._show()
        if said:
            self.notify(said, markup=False)

    @on(FilterPrompt.Changed)
    def _filtered(self, event: FilterPrompt.Changed) -> None:
        event.stop()
        self._filter = event.text
        self._show_rows()

    @on(FilterPrompt.Kept)
    def _kept(self, event: FilterPrompt.Kept) -> None:
        event.stop()
        self._close_filter()

    def _close_filter(self) -> None:
        self.remove_class("-filtering")
        self._rows.focus()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one(FilterPrompt).open(self._filter)

    def action_back(self) -> None:
        """Esc closes what is open, then clears the filter, then leaves."""
        if self.has_class("-filtering") or self._filter:
            self._filter = ""
            self._close_filter()
            self._show_rows()
        elif self.has_class("-large"):
            self.action_curves()
        else:
            end(self, None)

    def action_column(self, by: int) -> None:
        self.current = max(0, min(len(self.runs) - 1, self.current + by))
        self._show()

    def action_only_differing(self) -> None:
        self.only_differing = not self.only_differing
        self._show_rows()

    def action_curves(self) -> None:
        """The lower half: in a narrow window the curves, the values, both large; else small and large."""
        narrow, whole, large = (self.has_class(one) for one in ("-narrow", "-whole", "-large"))
        if not self.has_class("-metric") and not large:
            self.notify("c: curves are of metrics; go to a row of one", markup=False)
            return
        if narrow and not whole and not large:
            self.add_class("-whole")
        elif large:
            self.remove_class("-large")
            self._rows.focus()
        else:
            self.remove_class("-whole")
            self.add_class("-large")
            self.query_one("#whole").focus()
        self.call_after_refresh(self._show)

    def action_scale(self) -> None:
        curve = self.query_one("#curve", CurveView)
        curve.logarithmic = not curve.logarithmic
        self._show_row()

    def action_axis(self) -> None:
        curve = self.query_one("#curve", CurveView)
        curve.by_time = not curve.by_time
        self._show_row()

    def action_turn_best(self) -> None:
        row = self.row
        if row is not None and row.kind == "metrics":
            self._turned ^= {row.name}
            self._compare()

    def action_details(self) -> None:
        if self._open_details is not None:
            self._open_details(self.runs[self.current].key)

    def action_copy(self, table: bool) -> None:
        rows = self.shown_rows if table else [row for row in (self.row,) if row is not None]
        self.app.copy_to_clipboard(compare_words.as_text(rows, self.runs))
        what = plural(sum(isinstance(one, Compared) for one in rows), "row")
        name = "" if table or self.row is None else f": {fit(self.row.name, 30).rstrip()}"
        self.notify(sent(f"{what}{name}"), markup=False)


def _same(one: Row, other: Compared) -> bool:
    return isinstance(one, Compared) and (one.kind, one.name) == (other.kind, other.name)
