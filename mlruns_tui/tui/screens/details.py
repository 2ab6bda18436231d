"""Details of one run: may it go, what it is, what it measured, what it keeps, who needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.details import RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Run, Snapshot, container_key
from mlruns_tui.tui.clipboard import sent
from mlruns_tui.tui.widgets.cells import DIM, KEY, fit, line, signs_of
from mlruns_tui.tui.widgets.details_page import FIRST_OF_TAB, PARTS, DetailsPage
from mlruns_tui.tui.widgets.ending import end
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.parts import has_parts
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.tui.widgets.run_words import verdict
from mlruns_tui.tui.widgets.tab_line import TabLine
from mlruns_tui.workflow.diagnosing import findings_in
from mlruns_tui.workflow.repairing import repairable

TABS = tuple(FIRST_OF_TAB)


class DetailsScreen(Screen[None]):
    """Shows one run and steps through its neighbours. Everything is read in a thread; it never waits."""

    class Loaded(Message):
        """What a run holds was read, or could not be."""

        def __init__(self, key: str, found: RunDetails | MlrunsError) -> None:
            super().__init__()
            self.key = key
            self.found = found

    CSS_PATH = "../styles/details.tcss"
    AUTO_FOCUS = "#metrics"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i", "back", "back", show=False),
        Binding("j", "step(1)", "next run", show=False),
        Binding("k", "step(-1)", "previous run", show=False),
        Binding("s", "scale", "linear or log", show=False),
        Binding("t", "axis", "step or time", show=False),
        Binding("b", "turn_best", "lowest or highest is best", show=False),
        Binding("space", "mark", "mark", show=False),
        Binding("e", "repair", "repair", show=False),
        Binding("p", "preview", "preview the artifact", show=False),
        Binding("y", "copy(False)", "copy id", show=False),
        Binding("Y", "copy(True)", "copy path", show=False),
        Binding("left,h", "tab(-1)", "tab", show=False),
        Binding("right,l", "tab(1)", "tab", show=False),
    ]

    def __init__(
        self,
        reader: Reader,
        run_key: str,
        keys: Sequence[str],
        snapshot: Snapshot,
        *,
        marked: Callable[[str], str],
        protections: Callable[[str], Sequence[Protection]],
        toggle: Callable[[str], str] | None = None,
        turned: set[str] | None = None,
        findings: Callable[[str], Sequence[Finding]] | None = None,
        repair: Callable[[Sequence[Finding]], None] | None = None,
        unreachable: Callable[[], str] = str,
        at_ms: int | None = None,
    ) -> None:
        """``keys``: the runs ``j`` and ``k`` step through. ``marked``: why a run is marked, empty when it is
        not. ``toggle``: mark or unmark a run, gives a sentence about it; None when nothing may be marked.
        ``turned``: metrics whose best the user turned round, kept by the caller between two visits.
        ``findings``: what is wrong with a run; without it, what the snapshot says. ``repair``: show what a
        repair of these would do; None when nothing may be repaired."""
        super().__init__()
        self._reader = reader
        self.key = run_key
        self._keys = tuple(keys) if run_key in keys else (run_key, *keys)
        self._snapshot = snapshot
        self._runs = {run.key: run for runs in snapshot.runs.values() for run in runs}
        self._marked = marked
        self._protections = protections
        self._toggle = toggle
        self._known_findings, self._repair = findings, repair
        self._unreachable = unreachable
        self._turned: set[str] = set() if turned is None else turned
        self._now = now_ms() if at_ms is None else at_ms
        self._details: RunDetails | None = None
        self._error: MlrunsError | None = None
        self._loading = False
        self._tab = "metrics"

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        yield SplitLine(id="verdict")
        yield TabLine(TABS, id="tabs")
        yield DetailsPage(self._snapshot, self._turned, self._now)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.add_class(f"-tab-{self._tab}")
        self._show_run()
        self._load()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_run)

    # Reading.

    def _load(self) -> None:
        """One run at a time: who steps fast gets the run arrived at, not all those passed by."""
        if not self._loading:
            self._loading = True
            self.run_worker(partial(self._read, self.key), thread=True, group="details", exit_on_error=False)

    def _read(self, key: str) -> None:
        found: RunDetails | MlrunsError
        try:
            found = self._reader.details(key)
        except MlrunsError as error:
            found = error
        except Exception as error:
            found = MlrunsError("details-failed", f"this run could not be read: {type(error).__name__}: {error}")
        self.post_message(self.Loaded(key, found))

    @on(Loaded)
    def _take(self, event: Loaded) -> None:
        event.stop()
        self._loading = False
        if event.key != self.key:
            self._load()
            return
        self._error = event.found if isinstance(event.found, MlrunsError) else None
        self._details = None if isinstance(event.found, MlrunsError) else event.found
        self._show_run()

    # Showing.

    @property
    def _page(self) -> DetailsPage:
        return self.query_one(DetailsPage)

    @property
    def _run(self) -> Run | None:
        return self._runs.get(self.key)

    def _show_run(self) -> None:
        if not has_parts(self, "#head", "#verdict", "#tabs", *PARTS, "#keys"):
            return
        signs, run = signs_of(self.app), self._run
        run_id = self.key.rpartition("/")[2]
        experiment = self._snapshot.experiment(container_key(self.key))
        place = (experiment.name if experiment else "") or container_key(self.key).rpartition("/")[2]
        at = self._keys.index(self.key) + 1
        self.query_one("#head", SplitLine).show(
            line(crumbs(signs, place, run.name if run and run.name else run_id)),
            line([(f"run {at:,} of {len(self._keys):,}   ", DIM), ("j k", KEY), (" next, previous", DIM)]),
        )
        protections = tuple(self._protections(self.key))
        self._show_verdict(protections)
        findings = self._findings(run_id)
        self.set_class(not findings, "-no-findings")
        counts = self._page.show_details(self._details, self._error)
        self._page.show_run(run_id, run, protections, findings)
        self.query_one(TabLine).show(self._tab, {**counts, "findings": f"{len(findings):,}"})
        self._show_keys()

    def _show_verdict(self, protections: Sequence[Protection]) -> None:
        trouble = self._error.message if self._error is not None else self._unreachable()
        said = verdict(self._run, protections, self._marked(self.key), self._now, signs_of(self.app), trouble)
        self.query_one("#verdict", SplitLine).show(said)

    def _show_keys(self) -> None:
        signs, curve = signs_of(self.app), self._page.curve
        narrow = self.has_class("-narrow")
        keys = [("Esc", "back"), (signs.left_right, "tab") if narrow else ("Tab", "panel")]
        if not narrow or self._tab == "metrics":
            scale, axis = "linear" if curve.logarithmic else "log", "by step" if curve.by_time else "by time"
            keys += [(signs.up_down, "metric"), ("s", scale), ("t", axis), ("b", "best")]
            if self.focused is not None and self.focused.id == "metrics":
                keys.append(("Enter", "several curves"))
        if self.focused is not None and self.focused.id == "artifacts":
            keys += [("Enter", "open"), ("p", "preview")]
        if self._toggle is not None:
            keys.append(("Space", "unmark" if self._marked(self.key) else "mark"))
        if self._repair is not None and repairable(self._findings(self.key.rpartition("/")[2])):
            keys.append(("e", "repair"))
        keys.append(("y Y", "copy id, path"))
        self.query_one(KeyLine).set_keys(keys)

    def _findings(self, run_id: str) -> Sequence[Finding]:
        """What a check of the store found, and, once it was read, what this run shows by itself."""
        known = self._checked(run_id)
        return known if self._details is None else findings_in(self._details, known)

    def _checked(self, run_id: str) -> Sequence[Finding]:
        if self._known_findings is not None:
            return self._known_findings(self.key)
        experiment = self._run.experiment_id if self._run else ""
        return [
            one for one in self._snapshot.findings if one.run_id == run_id and one.experiment_id in ("", experiment)
        ]

    # Keys.

    @on(RowList.Toggled)
    def _space(self, event: RowList.Toggled) -> None:
        event.stop()
        self.action_mark()

    @on(TabLine.Chosen)
    def _tab_clicked(self, event: TabLine.Chosen) -> None:
        event.stop()
        self._to_tab(event.name)

    def on_descendant_focus(self) -> None:
        if has_parts(self, *PARTS, "#keys"):
            self._show_keys()

    def action_back(self) -> None:
        """Esc: of several curves back to one, then out."""
        if self._page.has_together and self.focused is not None and self.focused.id == "metrics":
            self._page.leave_together()
        else:
            end(self, None)

    def action_step(self, by: int) -> None:
        at = self._keys.index(self.key) + by
        if 0 <= at < len(self._keys):
            self.key = self._keys[at]
            self._details = self._error = None
            self._show_run()
            self._load()

    def action_mark(self) -> None:
        if self._toggle is None:
            self.notify("opened read-only", markup=False)
            return
        said = self._toggle(self.key)
        self._show_verdict(tuple(self._protections(self.key)))
        self._show_keys()
        if said:
            self.notify(said, markup=False)

    def action_repair(self) -> None:
        """What a repair of this run would do."""
        found = repairable(self._findings(self.key.rpartition("/")[2]))
        if self._repair is None:
            self.notify("opened read-only", markup=False)
        elif found:
            self._repair(found)
        else:
            self.notify("nothing to repair here", markup=False)

    def action_scale(self) -> None:
        curve = self._page.curve
        curve.logarithmic = not curve.logarithmic
        self._page.show_curve()
        self._show_keys()

    def action_axis(self) -> None:
        curve = self._page.curve
        curve.by_time = not curve.by_time
        self._page.show_curve()
        self._show_keys()

    def action_turn_best(self) -> None:
        series = self._page.metric
        if series is not None:
            self._turned ^= {series.name}
            self.query_one("#metrics").refresh()
            self._page.show_curve()

    def action_preview(self) -> None:
        """The artifact under the cursor of their panel, or the largest."""
        row = self._page.artifact
        if row is None or row.entry.is_dir or row.entry.link:
            self.notify("p shows the beginning of a file under artifacts", markup=False)
            return
        from .preview import PreviewScreen

        run, run_id = self._run, self.key.rpartition("/")[2]
        folder = f"{self._snapshot.store.root}/{run.path}/artifacts" if run and run.path else ""
        name = run.name if run and run.name else run_id
        self.app.push_screen(PreviewScreen(self._reader, self.key, name, row.entry, folder))

    @on(DetailsPage.Preview)
    def _file_chosen(self, event: DetailsPage.Preview) -> None:
        event.stop()
        self.action_preview()

    def action_copy(self, path: bool) -> None:
        run = self._run
        text = (run.path if run else "") if path else self.key.rpartition("/")[2]
        if path and text:
            text = f"{self._snapshot.store.root}/{text}"
        if text:
            self.app.copy_to_clipboard(text)
            self.notify(sent(fit(text, 40).rstrip()), markup=False)

    def action_tab(self, by: int) -> None:
        if self.has_class("-narrow"):
            at = TABS.index(self._tab) + by
            if 0 <= at < len(TABS):
                self._to_tab(TABS[at])

    def _to_tab(self, name: str) -> None:
        self.remove_class(f"-tab-{self._tab}")
        self._tab = name
        self.add_class(f"-tab-{name}")
        self.query_one(FIRST_OF_TAB[name]).focus()
        self._show_keys()
        self.call_after_refresh(self._show_run)
