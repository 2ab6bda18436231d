"""Values built by hand, a bare app with the house themes, and a way to read the screen as text."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App
from textual.screen import Screen

from mlruns_tui.model.batch import ApplyEvent, Batch, BatchItem
from mlruns_tui.model.details import ArtifactEntry, MetricSeries, RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.evidence import Evidence
from mlruns_tui.model.plan import Plan, PlanItem, Protection, RefusedItem, Step
from mlruns_tui.model.store import Experiment, Identity, Reference, Run, Size, Snapshot, StoreInfo
from mlruns_tui.triage.plan_head import totals_of
from mlruns_tui.tui import signs, theme

NOW = 1_800_000_000_000
DAY = 86_400_000
STORE = StoreInfo("/data/mlruns", "/data/mlruns", "file", Identity(1, 2))

HOSTILE = (
    "[/]",
    "[/foo]",
    "[red]x[/red]",
    "[@click=app.quit]x[/]",
    "x\\[y]",
    "\x1b[31mx",
    "\x1b]0;t\x07",
    "two\nlines",
    "a\ttab",
    "carriage\rreturn",
    "이탈예측-최종-수정2",
    "한국어와中文と日本語の長い名前のとても長い実験の名前",
    "é̂combining",
    "\U0001f469‍\U0001f469‍\U0001f467",
    "‮override",
    "bytes\udcff",
    "",
    "n" * 5000,
)


@pytest.fixture
def all_hostile() -> tuple[str, ...]:
    return HOSTILE


def _run_id(experiment: str, name: str) -> str:
    return f"{zlib.crc32(f'{experiment}/{name}'.encode('utf-8', 'surrogatepass')):032x}"


class Build:
    """Makes values with everything not said filled in."""

    now = NOW
    day = DAY
    store = STORE

    def run(self, experiment: str, name: str, **more: Any) -> Run:
        values: dict[str, Any] = {
            "run_id": more.pop("run_id", _run_id(experiment, name)),
            "status": "FINISHED",
            "lifecycle_stage": "active",
            "user_id": "alice",
            "start_time": NOW - 63 * DAY - 5_286_000,
            "end_time": NOW - 63 * DAY,
            "size": Size(more.pop("size_bytes", 1_000_000), 1_000_448, 7, (NOW - 60 * DAY) * 1_000_000),
        }
        run_id = values["run_id"]
        return Run(experiment, name=name, path=f"{experiment}/{run_id}", **{**values, **more})

    def experiment(self, number: str, name: str, **more: Any) -> Experiment:
        return Experiment(number, name=name, lifecycle_stage="active", path=number, **more)

    def snapshot(self, experiments: dict[Experiment, Sequence[Run]], **more: Any) -> Snapshot:
        return Snapshot(
            STORE,
            tuple(experiments),
            {experiment.key: tuple(runs) for experiment, runs in experiments.items()},
            **more,
        )

    def item(self, entry: Run | Experiment, reason: str = "ended 63 d ago", rule: str = "old", **more: Any) -> PlanItem:
        size = entry.size or Size(1_000_000, 1_000_448, 7, 1)
        run_id = entry.run_id if isinstance(entry, Run) else ""
        values: dict[str, Any] = {
            "key": entry.key,
            "kind": "run" if run_id else "experiment",
            "action": "remove",
            "experiment_id": entry.experiment_id,
            "run_id": run_id,
            "name": entry.name,
            "path": entry.path,
            "reason": reason,
            "rule": rule,
            "size_bytes": size.size_bytes,
            "allocated_bytes": size.allocated_bytes,
            "files": size.files,
            "entries": size.files + 3,
            "identity": Identity(1, 5),
            "fingerprint": "f" * 32,
            "newest_ns": size.newest_ns,
            "steps": (Step("move-out", entry.path),),
        }
        return PlanItem(**{**values, **more})

    def refused(self, entry: Run | Experiment, *protections: Protection) -> RefusedItem:
        run_id = entry.run_id if isinstance(entry, Run) else ""
        return RefusedItem(
            entry.key,
            "run" if run_id else "experiment",
            entry.experiment_id,
            run_id,
            entry.name,
            entry.path,
            1_000,
            3,
            "old",
            protections or (Protection("keep-tag", "tagged keep = paper"),),
        )

    def plan(self, items: Sequence[PlanItem], refused: Sequence[RefusedItem] = (), **more: Any) -> Plan:
        values: dict[str, Any] = {
            "id": "20270115-0800-a3f1",
            "created_ms": NOW,
            "store_root": "/data/mlruns",
            "store_given": "/data/mlruns",
            "store_identity": Identity(1, 2),
            "user": "alice",
            "host": "gpu01",
            "rules": ("old, ended over 30 d ago", "orphaned"),
        }
        return Plan(**{**values, **more}, items=tuple(items), refused=tuple(refused), totals=totals_of(tuple(items)))

    def batch(self, items: Sequence[PlanItem], place: Any = "moved", **more: Any) -> Batch:
        outcomes = more.pop("outcomes", {})
        values: dict[str, Any] = {
            "id": "20270115-0800-a3f1",
            "created_ms": NOW - 8 * DAY,
            "user": "alice",
            "host": "gpu01",
            "uid": 1000,
            "state": place if place in ("moved", "restored", "purged", "missing", "packed") else "partly",
            "items": tuple(
                BatchItem(item, *outcomes.get(item.key, (place, "done", "")), now_at="somewhere") for item in items
            ),
            "rules": ("old, ended over 30 d ago",),
        }
        return Batch(**{**values, **more})

    def series(self, name: str, values: Sequence[float], **more: Any) -> MetricSeries:
        finite = [value for value in values if value == value and abs(value) != float("inf")]
        low = min(finite, default=None)
        high = max(finite, default=None)
        return MetricSeries(
            name,
            len(values),
            values[-1] if values else None,
            low,
            high,
            None if low is None else list(values).index(low),
            None if high is None else list(values).index(high),
            tuple((step, NOW - 60 * DAY + step * 1_000, value) for step, value in enumerate(values)),
            **more,
        )

    def details(self, key: str, **more: Any) -> RunDetails:
        values: dict[str, Any] = {
            "params": (("learning_rate", "0.05"), ("max_depth", "8")),
            "tags": (("team", "growth"),),
            "metrics": (self.series("val_auc", [0.6, 0.8, 0.9387, 0.93]), self.series("val_loss", [0.9, 0.3, 0.2])),
            "artifacts": (
                ArtifactEntry("model", 61_300_000, 2, True),
                ArtifactEntry("model/model.lgb", 58_900_000, 1, False),
                ArtifactEntry("model/conda.yaml", 812, 1, False),
                ArtifactEntry("report.json", 46_200, 1, False),
            ),
            "artifact_uri": "file:///data/mlruns/3/x/artifacts",
            "source": "train_lgbm.py",
            "commit": "4f9b2ce",
        }
        return RunDetails(key, **{**values, **more})


@pytest.fixture
def build() -> Build:
    return Build()


class BareApp(App[None]):
    """Nothing but the house themes; the screen under test is pushed, what it ends with is kept."""

    def __init__(self, screen: Screen[Any] | None = None, ascii_signs: bool = False) -> None:
        super().__init__()
        self.signs = signs.ASCII if ascii_signs else signs.UNICODE
        self.first = screen
        self.answers: list[Any] = []
        self.told: list[Any] = []
        for one in theme.THEMES:
            self.register_theme(one)
        self.theme = "mlruns-dark"
        self.animation_level = "none"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.own_variables(self.current_theme)

    def on_mount(self) -> None:
        if self.first is not None:
            self.push_screen(self.first, self.answers.append)


@pytest.fixture
def bare() -> type[BareApp]:
    return BareApp


@pytest.fixture
def lines_of() -> Callable[[App[Any]], list[str]]:
    """The screen as drawn now, one string a line."""

    def read(app: App[Any]) -> list[str]:
        return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]

    return read


@pytest.fixture
def no_controls(lines_of: Callable[[App[Any]], list[str]]) -> Callable[[App[Any]], None]:
    """Fails when anything a terminal acts on reaches the screen."""

    def check(app: App[Any]) -> None:
        for row in lines_of(app):
            bad = [
                character
                for character in row
                if ord(character) < 32 or 0x7F <= ord(character) < 0xA0 or character in "‮‭‪‫⁦⁧"
            ]
            assert not bad, (bad, row)

    return check


@pytest.fixture
def closed_borders(lines_of: Callable[[App[Any]], list[str]]) -> Callable[[App[Any]], None]:
    """Fails when a frame on the screen is not closed: every corner has its partner in line and column."""

    def check(app: App[Any]) -> None:
        from rich.cells import cell_len

        rows = lines_of(app)
        grid: list[dict[int, str]] = []
        for row in rows:
            assert cell_len(row) == app.size.width, (cell_len(row), row)
            cells: dict[int, str] = {}
            at = 0
            for character in row:
                cells[at] = character
                at += cell_len(character)
            grid.append(cells)
        tops = [(y, x) for y, row in enumerate(grid) for x, one in row.items() if one == "╭"]
        assert tops
        for y, x in tops:
            right = next(at for at in range(x + 1, app.size.width) if grid[y].get(at) == "╮")
            bottom = next(at for at in range(y + 1, len(grid)) if grid[at].get(x) == "╰")
            assert grid[bottom].get(right) == "╯", (y, x, right, bottom)
            for at in range(y + 1, bottom):
                assert grid[at].get(x) == "│", (at, x, rows[at])
                assert grid[at].get(right) == "│", (at, right, rows[at])

    return check


class FakeReader:
    """A reader whose answers are given; ``hold`` keeps it waiting until released."""

    def __init__(self, answers: dict[str, RunDetails | MlrunsError]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.go = threading.Event()
        self.go.set()

    @property
    def store(self) -> StoreInfo:
        return STORE

    def scan(self, previous: Snapshot | None = None, stop: Any = None) -> Iterator[Snapshot]:
        return iter(())

    def inspect(self, keys: Sequence[str]) -> Evidence:
        raise NotImplementedError

    def details(self, key: str) -> RunDetails:
        self.asked.append(key)
        self.go.wait(30)
        answer = self.answers[key]
        if isinstance(answer, MlrunsError):
            raise answer
        return answer


@pytest.fixture
def fake_reader() -> type[FakeReader]:
    return FakeReader


class FakeWork:
    """Work whose steps the test releases one by one."""

    def __init__(self, events: Sequence[ApplyEvent], end: Batch | Exception, free: bool = True) -> None:
        self._events = events
        self._end = end
        self.stopped = 0
        self._steps = threading.Semaphore(len(events) + 1 if free else 0)

    def step(self, number: int = 1) -> None:
        for _ in range(number):
            self._steps.release()

    def events(self) -> Iterator[ApplyEvent]:
        for event in self._events:
            assert self._steps.acquire(timeout=30)
            yield event

    def result(self) -> Batch:
        assert self._steps.acquire(timeout=30)
        if isinstance(self._end, Exception):
            raise self._end
        return self._end

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def fake_work() -> type[FakeWork]:
    return FakeWork


@pytest.fixture
def usual(build: Build) -> SimpleNamespace:
    """A store with two experiments and an orphan, and a plan in which five items go and three stay."""
    churn = build.experiment("3", "tabular-churn", runs=4)
    bert = build.experiment("4", "bert-sst2-sweep", runs=2)
    orphan = build.experiment(
        "617283940118264051", "", state="orphaned", size=Size(1_100_000_000, 1_100_001_280, 311, 1)
    )
    runs = [
        build.run("3", "xgb-hist-256", size_bytes=31_400_000),
        build.run("3", "depth8-lr0.10", status="FAILED", size_bytes=40_900_000),
        build.run("3", "saint-s", status="RUNNING", end_time=None),
        build.run("3", "lgbm-final-v3"),
    ]
    sweeps = [build.run("4", "sst2-lr3e5", size_bytes=12_000_000), build.run("4", "sst2-lr1e5", size_bytes=9_000_000)]
    snapshot = build.snapshot(
        {churn: runs, bert: sweeps, orphan: []},
        references=(Reference("model-version", "run", runs[3].run_id, "version 2 of churn-scorer", "models/c/2"),),
    )
    items = [build.item(run) for run in (runs[0], runs[1], *sweeps)]
    items.append(build.item(orphan, "orphaned: no meta.yaml, quiet for 41 d", "orphaned"))
    refused = [
        build.refused(runs[2], Protection("running", "RUNNING: it never ended and may be alive")),
        build.refused(runs[3], Protection("model-version", "version 2 of churn-scorer is made from this run")),
    ]
    return SimpleNamespace(
        snapshot=snapshot,
        plan=build.plan(items, refused),
        churn=churn,
        bert=bert,
        orphan=orphan,
        runs=runs,
        sweeps=sweeps,
    )
