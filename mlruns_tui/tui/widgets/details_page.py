"""The panels of one run, side by side or one tab of them at a time. It is given values and shows them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mlruns_tui.model.details import MetricSeries, RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Run, Snapshot
from mlruns_tui.report.words import plural

from .artifact_list import ArtifactRow, artifact_rows, paint_artifact
from .cells import DIM, cut, fit, line, signs_of, stack
from .curve_view import CurveView
from .metric_list import lowest_is_best, metric_header, paint_metric
from .panel import Panel, Words
from .row_list import RowList
from .run_words import finding_lines, needed_lines, read_lines, run_lines

Pair = tuple[str, str]

PARTS: Final = (
    "#run-words",
    "#params",
    "#metrics",
    "#curve",
    "#needed-words",
    "#artifacts",
    "#tags",
    "#findings-words",
)
"""Of the page, the innermost: without one of them nothing can be shown."""
FIRST_OF_TAB: Final = {
    "overview": "#run",
    "metrics": "#metrics",
    "params": "#params",
    "artifacts": "#artifacts",
    "tags": "#tags",
    "findings": "#findings",
}
"""Every tab of a small window, and what has the focus when it opens."""


class DetailsPage(Horizontal):
    """Three columns of panels about one run."""

    class Preview(Message):
        """Enter on a file among the artifacts."""

    def __init__(self, snapshot: Snapshot, turned: Collection[str], now_ms: int) -> None:
        """``turned``: names of metrics whose best the user turned round."""
        super().__init__(id="page")
        self._snapshot = snapshot
        self._turned = turned
        self._now = now_ms
        self._details: RunDetails | None = None
        self._error: MlrunsError | None = None
        self._metric = ""
        self._together: list[str] = []
        """Names of the metrics that stay in the frame while the cursor goes on."""
        self._opened: set[str] = set()

    def compose(self) -> ComposeResult:
        with Vertical(id="left"):
            with Panel(id="run-panel"), Words(id="run"):
                yield Static(id="run-words")
            with Panel(id="params-panel"):
                yield RowList[Pair](_paint_pair, keep_cursor=False, vim=False, id="params")
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
                yield RowList[Pair](_paint_pair, keep_cursor=False, vim=False, id="tags")
            with Panel(id="findings-panel"), Words(id="findings"):
                yield Static(id="findings-words")

    @property
    def curve(self) -> CurveView:
        return self.query_one("#curve", CurveView)

    @property
    def metric(self) -> MetricSeries | None:
        """The metric whose curve is shown."""
        found = self._list("metrics").current if self._details else None
        return found if isinstance(found, MetricSeries) else None

    @property
    def together(self) -> list[MetricSeries]:
        """The metrics drawn into one frame, in the order they were chosen; that of the cursor is the last."""
        by_name = {series.name: series for series in self._details.metrics} if self._details else {}
        found = [by_name[name] for name in self._together if name in by_name]
        here = self.metric
        return found if here is None or not found or here in found else [*found, here]

    @property
    def has_together(self) -> bool:
        return bool(self._together)

    def leave_together(self) -> None:
        """One metric at a time again."""
        self._together = []
        self.show_curve()
        self._list("metrics").refresh()

    @property
    def artifact(self) -> ArtifactRow | None:
        """The line of the artifacts' tree the cursor is on."""
        found = self._list("artifacts").current if self._details else None
        return found if isinstance(found, ArtifactRow) else None

    def show_run(
        self, run_id: str, run: Run | None, protections: Sequence[Protection], findings: Sequence[Finding]
    ) -> None:
        """What the snapshot knows."""
        signs = signs_of(self.app)
        self._words("run", run_lines(run, self._details, run_id, self._inside("run"), self._now, signs))
        width = self._inside("needed")
        needed = needed_lines(protections, self._snapshot, width, signs)
        self._words("needed", [*needed, *read_lines(self._details, self._snapshot.store, width, signs)])
        self._words("findings", finding_lines(findings, self._inside("findings"), signs))
        self._title("run", "")
        self._title("needed", "", "needed by")
        self._title("findings", f"{len(findings):,}")

    def show_details(self, details: RunDetails | None, error: MlrunsError | None) -> dict[str, str]:
        """What was read of the run; both None while it is read. Gives the counts for the tabs."""
        if details is not self._details:
            self._opened = set()
        self._details, self._error = details, error
        unknown = signs_of(self.app).unknown
        if details is None:
            counts = dict.fromkeys(("params", "metrics", "artifacts", "tags"), unknown)
            for name in counts:
                self._list(name).set_rows(())
                self._title(name, unknown)
        else:
            files = sum(not entry.is_dir for entry in details.artifacts)
            counts = {
                "params": f"{len(details.params):,}",
                "metrics": f"{len(details.metrics):,}",
                "artifacts": f"{files:,}",
                "tags": f"{len(details.tags):,}",
            }
            names = [series.name for series in details.metrics]
            self._list("params").set_rows(details.params)
            self._list("tags").set_rows(details.tags)
            self._list("metrics").set_rows(details.metrics, names.index(self._metric) if self._metric in names else 0)
            self._list("artifacts").set_rows(artifact_rows(details.artifacts, self._opened))
            for name, count in counts.items():
                self._title(name, plural(files, "file") if name == "artifacts" else count)
        self.show_curve()
        return counts

    def show_curve(self) -> None:
        """The chosen metric as it is to be drawn now, or why there is none."""
        curve, panel, series = self.curve, self.query_one("#curve-panel", Panel), self.metric
        unknown = signs_of(self.app).unknown
        if self._error is not None:
            panel.set_title("not read")
            curve.show(None, " ".join(filter(None, (self._error.message, self._error.hint))))
        elif self._details is None:
            panel.set_title(unknown)
            curve.show(None, unknown)
        elif series is None:
            panel.set_title("curve")
            curve.show(None, " ".join(("No metrics were logged.", *self._details.messages)))
        elif len(together := self.together) > 1:
            panel.set_title(plural(len(together), "metric"))
            names = [one.name or "a metric without a name" for one in together]
            named = [(at, name, one) for at, (name, one) in enumerate(zip(names, together, strict=True), 1)]
            curve.show_several(named, one_clock=True)
        else:
            panel.set_title(series.name or "a metric without a name")
            curve.show(series, lowest_is_best=lowest_is_best(series.name, self._turned))
        panel.set_foot(curve.axis_words if series is not None else "")

    @on(RowList.Moved, "#metrics")
    def _other_metric(self, event: RowList.Moved) -> None:
        self._metric = event.row.name
        self.show_curve()
        event.rows.refresh()

    @on(RowList.Chosen, "#metrics")
    def _another_together(self, event: RowList.Chosen) -> None:
        name: str = event.row.name
        if name in self._together:
            self._together.remove(name)
        else:
            self._together.append(name)
        self.show_curve()
        event.rows.refresh()

    @on(RowList.Chosen, "#artifacts")
    def _open_folder(self, event: RowList.Chosen) -> None:
        row: ArtifactRow = event.row
        if row.entry.is_dir and self._details is not None:
            self._opened ^= {row.entry.path}
            event.rows.set_rows(artifact_rows(self._details.artifacts, self._opened))
        elif not row.entry.is_dir:
            self.post_message(self.Preview())

    def _list(self, name: str) -> RowList[Any]:
        return self.query_one(f"#{name}", RowList)

    def _inside(self, name: str) -> int:
        return max(20, self.query_one(f"#{name}").content_size.width - 1)

    def _words(self, name: str, lines: list[Content]) -> None:
        self.query_one(f"#{name}-words", Static).update(stack(lines))

    def _title(self, name: str, detail: str, title: str = "") -> None:
        self.query_one(f"#{name}-panel", Panel).set_title(title or name, detail)

    def _paint_metric(self, series: MetricSeries, width: int) -> Content:
        together = self.together
        number = together.index(series) + 1 if series in together else 0
        return paint_metric(series, width, signs_of(self.app), self._turned, number, series.name in self._together)

    def _paint_artifact(self, row: ArtifactRow, width: int) -> Content:
        return paint_artifact(row, width, signs_of(self.app))


def _paint_pair(pair: Pair, width: int) -> Content:
    name = min(max(12, width * 45 // 100), 24)
    return line([(fit(pair[0], name - 1) + " ", DIM), cut(pair[1], width - name)])
