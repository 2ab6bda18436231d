"""Details of one run: may it go, what it is, what it measured, what it keeps, who needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from mlruns_tui.model.details import MetricSeries, RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Run, Snapshot, container_key
from mlruns_tui.report.words import plural
from mlruns_tui.tui.widgets.artifact_list import ArtifactRow, artifact_rows, paint_artifact
from mlruns_tui.tui.widgets.cells import DIM, KEY, cut, fit, line, signs_of, stack
from mlruns_tui.tui.widgets.curve_view import CurveView
from mlruns_tui.tui.widgets.lines import KeyLine, SplitLine, crumbs
from mlruns_tui.tui.widgets.metric_list import lowest_is_best, metric_header, paint_metric
from mlruns_tui.tui.widgets.panel import Panel, Words
from mlruns_tui.tui.widgets.row_list import RowList
from mlruns_tui.tui.widgets.run_words import finding_lines, needed_lines, run_lines, verdict
from mlruns_tui.tui.widgets.tab_line import TabLine
from mlruns_tui.workflow.deciding import now_ms

Pair = tuple[str, str]

TABS: Final = ("overview", "metrics", "params", "artifacts", "tags", "findings")
FIRST_OF_TAB: Final = {
    "overview": "#run",
    "metrics": "#metrics",
    "params": "#params",
    "artifacts": "#artifacts",
    "tags": "#tags",
    "findings": "#findings",
}


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
        at_ms: int | None = None,
    ) -> None:
        """``keys``: the runs ``j`` and ``k`` step through. ``marked``: why a run is marked, empty when it is
        not. ``toggle``: mark or unmark a run, gives a sentence about it; None when nothing may be marked.
        ``turned``: metrics whose best the user turned round, kept by the caller between two visits."""
        super().__init__()
        self._reader = reader
        self.key = run_key
        self._keys = tuple(keys) if run_key in keys else (run_key, *keys)
        self._snapshot = snapshot
        self._runs = {run.key: run for runs in snapshot.runs.values() for run in runs}
        self._marked = marked
        self._protections = protections
        self._toggle = toggle
        self._turned: set[str] = set() if turned is None else turned
        self._now = now_ms() if at_ms is None else at_ms
        self._details: RunDetails | None = None
        self._error: MlrunsError | None = None
        self._loading = False
        self._metric = ""
        self._opened: set[str] = set()
        self._tab = "metrics"

    def compose(self) -> ComposeResult:
        yield SplitLine(id="head")
        yield SplitLine(id="verdict")
        yield TabLine(TABS, id="tabs")
        with Horizontal(id="page"):
            with Vertical(id="left"):
                with Panel(id="run-panel"), Words(id="run"):
                    yield Static(id="run-words")
                with Panel(id="params-panel"):
                    yield RowList[Pair](self._paint_pair, keep_cursor=False, vim=False, id="params")
            with Vertical(id="middle"):
                with Panel(id="metrics-panel"):
                    yield RowList[MetricSeries](self._paint_metric, header=metric_header, vim=False, id="metrics")
                with Panel(id="curve-panel"):
                    yield CurveView(id="curve")
            with Vertical(id="right"):
                with Panel(id="needed-panel"), Words(id="needed"):
                    yield Static(id="needed-words")
                with Panel(id="artifacts-panel"):
                    yield RowList[ArtifactRow](self._paint_artifact, keep_cursor=False, vim=False, id="artifacts")
                with Panel(id="tags-panel"):
                    yield RowList[Pair](self._paint_pair, keep_cursor=False, vim=False, id="tags")
                with Panel(id="findings-panel"), Words(id="findings"):
                    yield Static(id="findings-words")
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
        self._opened = set()
        self._show_run()

    # Showing.

    @property
    def _run(self) -> Run | None:
        return self._runs.get(self.key)

    def _show_run(self) -> None:
        signs, run, details = signs_of(self.app), self._run, self._details
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
        width = self._inside("#run")
        self._words("#run-words", run_lines(run, details, run_id, width, self._now, signs))
        self._words("#needed-words", needed_lines(protections, self._snapshot, self._inside("#needed"), signs))
        findings = self._findings(run_id)
        self._words("#findings-words", finding_lines(findings, self._inside("#findings"), signs))
        self.set_class(not findings, "-no-findings")
        counts = self._show_lists()
        self._title("run", "")
        self._title("needed", "", "needed by")
        self._title("findings", f"{len(findings):,}")
        tabs = {**counts, "findings": str(len(findings))}
        self.query_one(TabLine).show(self._tab, tabs)
        self._show_keys()

    def _show_verdict(self, protections: Sequence[Protection]) -> None:
        said = verdict(self._run, protections, self._marked(self.key), self._now, signs_of(self.app))
        self.query_one("#verdict", SplitLine).show(said)

    def _show_lists(self) -> dict[str, str]:
        """The four lists and the curve; their counts for titles and tabs."""
        details, unknown = self._details, signs_of(self.app).unknown
        counts = {"params": unknown, "metrics": unknown, "artifacts": unknown, "tags": unknown}
        if details is None:
            for name in counts:
                self._list(name).set_rows(())
        else:
            files = sum(not entry.is_dir for entry in details.artifacts)
            counts = {
                "params": f"{len(details.params):,}",
                "metrics": f"{len(details.metrics):,}",
                "artifacts": f"{files:,}",
                "tags": f"{len(details.tags):,}",
            }
            self._list("params").set_rows(details.params)
            self._list("tags").set_rows(details.tags)
            names = [series.name for series in details.metrics]
            self._list("metrics").set_rows(details.metrics, names.index(self._metric) if self._metric in names else 0)
            self._list("artifacts").set_rows(artifact_rows(details.artifacts, self._opened))
        for name, count in counts.items():
            what = plural(int(count.replace(",", "")), "file") if details and name == "artifacts" else count
            self._title(name, what)
        self._show_curve()
        return counts

    def _show_curve(self) -> None:
        curve = self.query_one("#curve", CurveView)
        panel = self.query_one("#curve-panel", Panel)
        series = self._list("metrics").current if self._details else None
        if self._error is not None:
            panel.set_title("not read")
            curve.show(None, " ".join(filter(None, (self._error.message, self._error.hint))))
        elif self._details is None:
            panel.set_title(signs_of(self.app).unknown)
            curve.show(None, signs_of(self.app).unknown)
        elif series is None:
            panel.set_title("curve")
            curve.show(None, " ".join(("No metrics were logged.", *self._details.messages)))
        else:
            panel.set_title(series.name or "a metric without a name")
            curve.show(series, lowest_is_best=lowest_is_best(series.name, self._turned))
        panel.set_foot(curve.axis_words if series is not None else "")

    def _show_keys(self) -> None:
        signs, curve = signs_of(self.app), self.query_one("#curve", CurveView)
        narrow = self.has_class("-narrow")
        keys = [("Esc", "back"), (signs.left_right, "tab") if narrow else ("Tab", "panel")]
        if not narrow or self._tab == "metrics":
            scale, axis = "linear" if curve.logarithmic else "log", "by step" if curve.by_time else "by time"
            keys += [(signs.up_down, "metric"), ("s", scale), ("t", axis), ("b", "best")]
        if not narrow or self._tab == "artifacts":
            keys.append(("Enter", "open folder"))
        if self._toggle is not None:
            keys.append(("Space", "unmark" if self._marked(self.key) else "mark"))
        keys += [("y Y", "copy id, path"), ("j k", "next, previous run")]
        self.query_one(KeyLine).set_keys(keys)

    def _findings(self, run_id: str) -> list[Finding]:
        experiment = self._run.experiment_id if self._run else ""
        return [
            one for one in self._snapshot.findings if one.run_id == run_id and one.experiment_id in ("", experiment)
        ]

    def _list(self, name: str) -> RowList[MetricSeries]:
        return self.query_one(f"#{name}", RowList)

    def _inside(self, selector: str) -> int:
        return max(20, self.query_one(selector).content_size.width - 1)

    def _words(self, selector: str, lines: list[Content]) -> None:
        self.query_one(selector, Static).update(stack(lines))

    def _title(self, name: str, detail: str, title: str = "") -> None:
        self.query_one(f"#{name}-panel", Panel).set_title(title or name, detail)

    def _paint_pair(self, pair: Pair, width: int) -> Content:
        name = min(max(12, width * 45 // 100), 24)
        return line([(fit(pair[0], name - 1) + " ", DIM), cut(pair[1], width - name)])

    def _paint_metric(self, series: MetricSeries, width: int) -> Content:
        return paint_metric(series, width, signs_of(self.app), self._turned)

    def _paint_artifact(self, row: ArtifactRow, width: int) -> Content:
        return paint_artifact(row, width, signs_of(self.app))

    # Keys.

    @on(RowList.Moved, "#metrics")
    def _other_metric(self, event: RowList.Moved) -> None:
        self._metric = event.row.name
        self._show_curve()

    @on(RowList.Chosen, "#artifacts")
    def _open_folder(self, event: RowList.Chosen) -> None:
        row: ArtifactRow = event.row
        if row.entry.is_dir and self._details is not None:
            self._opened ^= {row.entry.path}
            event.rows.set_rows(artifact_rows(self._details.artifacts, self._opened))

    @on(RowList.Toggled)
    def _space(self, event: RowList.Toggled) -> None:
        event.stop()
        self.action_mark()

    @on(TabLine.Chosen)
    def _tab_clicked(self, event: TabLine.Chosen) -> None:
        event.stop()
        self._to_tab(event.name)

    def action_back(self) -> None:
        self.dismiss(None)

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

    def action_scale(self) -> None:
        curve = self.query_one("#curve", CurveView)
        curve.logarithmic = not curve.logarithmic
        self._show_curve()
        self._show_keys()

    def action_axis(self) -> None:
        curve = self.query_one("#curve", CurveView)
        curve.by_time = not curve.by_time
        self._show_curve()
        self._show_keys()

    def action_turn_best(self) -> None:
        series = self._list("metrics").current if self._details else None
        if series is not None:
            self._turned ^= {series.name}
            self._list("metrics").refresh()
            self._show_curve()

    def action_copy(self, path: bool) -> None:
        run = self._run
        text = (run.path if run else "") if path else self.key.rpartition("/")[2]
        if path and text:
            text = f"{self._snapshot.store.root}/{text}"
        if text:
            self.app.copy_to_clipboard(text)
            self.notify(f"copied {fit(text, 40).rstrip()}", markup=False)

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
