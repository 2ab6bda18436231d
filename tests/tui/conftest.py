"""A believable store as values, a reader that tells it snapshot by snapshot, and names nobody should trust."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from mlruns_tui.model.details import MetricSeries, RunDetails, RunGlance
from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.evidence import Evidence, ItemEvidence, Survey
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.protocols import Stop, never, unseen
from mlruns_tui.model.store import (
    Experiment,
    Identity,
    Progress,
    Reference,
    RegisteredModel,
    Run,
    Size,
    Snapshot,
    StoreInfo,
    Stray,
)
from mlruns_tui.model.values import RunValues, ValueNames, Wanted
from mlruns_tui.tui.app import MlrunsApp
from mlruns_tui.tui.screens.main import MainScreen
from mlruns_tui.tui.state import UiState
from mlruns_tui.workflow.reading import Space

DAY_MS = 86_400_000
Shown = TypeVar("Shown", bound=Screen[Any])
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
    "이탈예측-최종-정말-최종-진짜정2",
    "e\u0301a\u0300\u0323",
    "👩‍👩‍👧‍👦 family 👍🏽",
    "\u202egnp.exe",
    "",
    "x" * 5000,
    "\udcff\udcfe",
    "$accent $background on red",
)


def _run(experiment: str, number: int, now_ms: int, **fields: object) -> Run:
    days = int(fields.pop("days", 40))  # type: ignore[call-overload]
    size = int(fields.pop("size", 10_000_000 - number * 10_000))  # type: ignore[call-overload]
    end = now_ms - days * DAY_MS
    run_id = f"{number:04x}{experiment:>04}".ljust(32, "0")
    base = Run(
        experiment,
        run_id,
        name=f"run-{number}",
        status="FINISHED",
        lifecycle_stage="active",
        user_id="alice",
        start_time=end - 840_000,
        end_time=end,
        path=f"{experiment}/{run_id}",
        owner=1000,
        size=Size(size, size + 4096, 74, (now_ms - days * DAY_MS) * 1_000_000),
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def _churn(now_ms: int) -> tuple[Run, ...]:
    """Runs of every look: nested, protected, failed, running, with a name in another script."""
    make = [
        {"name": "lgbm-final-v3", "days": 8, "size": 96_200_000},
        {"name": "lgbm-final-v2", "days": 71, "size": 94_800_000},
        {"name": "grid-2026-09-12", "days": 70, "size": 88_100_000},
        {"name": "depth6-lr0.10", "days": 70, "size": 41_700_000},
        {"name": "depth6-lr0.05", "days": 70, "size": 41_500_000},
        {"name": "depth8-lr0.10", "days": 70, "size": 40_900_000, "status": "FAILED"},
        {"name": "depth8-lr0.05", "days": 12, "size": 40_800_000},
        {"name": "depth10-lr0.05", "days": 69, "size": 38_200_000, "status": "KILLED"},
        {"name": "catboost-gpu-retry", "days": 41, "size": 37_900_000, "status": "RUNNING", "end_time": None},
        {"name": "xgb-hist-256", "days": 63, "size": 31_400_000},
        {"name": "xgb-hist-128", "days": 63, "size": 30_800_000},
        {"name": "이탈예측-최종-정말-최종-진짜정2", "days": 55, "size": 27_600_000},
    ]
    runs = [_run("101", at, now_ms, **fields) for at, fields in enumerate(make, 1)]
    parent = runs[2].run_id
    runs = [replace(run, parent=parent) if 3 <= at <= 7 else run for at, run in enumerate(runs)]
    runs += [_run("101", at, now_ms, days=at + 20, name=f"sweep-{at}") for at in range(13, 33)]
    return tuple(runs)


def _snapshot(now_ms: int) -> Snapshot:
    churn = _churn(now_ms)
    llm = tuple(_run("102", at, now_ms, days=5 + at, size=300_000_000) for at in range(1, 9))
    broken = (_run("103", 1, now_ms, state="malformed", status="UNKNOWN", reason="lifecycle_stage is missing"),)
    experiments = [
        Experiment("101", name="tabular-churn", lifecycle_stage="active", path="101", runs=len(churn)),
        Experiment("102", name="llm-sft-qlora", lifecycle_stage="active", path="102", runs=len(llm)),
        Experiment("103", name="smoke-tests", state="malformed", reason="name is missing", path="103", runs=1),
        Experiment("104", name="empty-one", lifecycle_stage="active", path="104", size=Size(800, 4096, 1, 1)),
        Experiment("617283940118273051", state="orphaned", reason="no meta.yaml", path="617283940118273051",
                   size=Size(1_100_000_000, 1_100_000_000, 40, (now_ms - 90 * DAY_MS) * 1_000_000)),
        Experiment("837465019283746512", state="orphaned", reason="no meta.yaml", path="837465019283746512",
                   runs=3, readable_inside=3, size=Size(204_000_000, 204_000_000, 9, 1)),
        Experiment("105", place="trash", name="old-one", lifecycle_stage="deleted", path=".trash/105", runs=2,
                   size=Size(12_400_000, 12_500_000, 9, 1)),
    ]  # fmt: skip
    runs = {"experiment/101": churn, "experiment/102": llm, "experiment/103": broken, "experiment/104": ()}
    runs["experiment/837465019283746512"] = tuple(_run("837465019283746512", at, now_ms) for at in range(3))
    runs["experiment/617283940118273051"] = ()
    runs["trash/105"] = ()
    sized = []
    for one in experiments:
        inside = runs.get(one.key, ())
        total = sum((run.size for run in inside if run.size), Size())
        sized.append(one if one.size is not None else replace(one, size=total + Size(800, 4096, 1, 0)))
    return Snapshot(
        StoreInfo("/data/mlruns", "/data/mlruns", "file", Identity(1, 2)),
        tuple(sized),
        runs,
        strays=(Stray(".ipynb_checkpoints", "foreign", "a directory MLflow trips over", Size(412, 4096, 1, 1)),),
        models=(RegisteredModel("churn-scorer", "models/churn-scorer", 2, size=Size(38_100_000, 38_100_000, 4, 1)),),
        references=(
            Reference("model-version", "run", churn[0].run_id, "version 3 of churn-scorer", "models/churn-scorer/version-3"),
            Reference("model-version", "run", churn[1].run_id, "version 2 of churn-scorer", "models/churn-scorer/version-2"),
        ),
        findings=(
            Finding("experiment-meta-broken", "breaks-store", "103/meta.yaml", "name is missing", experiment_id="103"),
            Finding("stray", "breaks-store", ".ipynb_checkpoints", "MLflow takes it for an experiment"),
            Finding("run-meta-broken", "breaks-run", "103/x/meta.yaml", "lifecycle_stage is missing", experiment_id="103"),
            Finding("tag-odd", "warns", "101/x", "a tag MLflow warns about", experiment_id="101"),
        ),
        backup_bytes=2_900_000_000,
        total=sum((one.size for one in sized if one.size), Size()),
        progress=Progress("complete", 46, 46, 46, 3000, 11_200),
    )  # fmt: skip


def _partly(snapshot: Snapshot) -> Snapshot:
    """The same store earlier in a scan: runs listed, most not sized."""
    runs = {
        key: tuple(run if at < 4 else replace(run, size=None, parent="") for at, run in enumerate(inside))
        for key, inside in snapshot.runs.items()
    }
    experiments = tuple(
        replace(one, size=None)
        for one in snapshot.experiments
        if one.state in ("ok", "malformed") and one.place == "root"
    )
    progress = Progress("sizes", 46, 46, 20, 1400, 2_000)
    return replace(snapshot, experiments=experiments, runs=runs, strays=(), findings=(), progress=progress)


class ScriptedReader:
    """Tells the snapshots it was given, each when the test lets it; nothing is ever read."""

    def __init__(self, scans: Sequence[Sequence[Snapshot]], *, held: bool = False) -> None:
        """``scans``: what each scan tells; the last is told again and again. ``held``: wait for ``let_on``."""
        self.scans = [list(one) for one in scans]
        self.started = 0
        self.stopped = 0
        self.inspected: list[tuple[str, ...]] = []
        self.asked: list[tuple[tuple[str, ...], Wanted]] = []
        self.error: MlrunsError | None = None
        self.inspect_gate = threading.Event()
        self.inspect_gate.set()
        self.compared: list[tuple[str, ...]] = []
        self.compare_gate = threading.Event()
        self.glanced: list[tuple[str, str]] = []
        self.glance_gate = threading.Event()
        self.glance_gate.set()
        self.alike: tuple[tuple[str, ...], ...] = ()
        self._held = held
        self._gate = threading.Semaphore(0)

    @property
    def store(self) -> StoreInfo:
        return self.scans[0][0].store

    def let_on(self, times: int = 1) -> None:
        """One more snapshot may be told, or the scan may end."""
        for _ in range(times):
            self._gate.release()

    def scan(self, previous: Snapshot | None = None, stop: Stop = never) -> Iterator[Snapshot]:
        number = min(self.started, len(self.scans) - 1)
        self.started += 1
        last: Snapshot | None = None
        for snapshot in self.scans[number]:
            if self._held and not self._wait(stop):
                break
            last = snapshot
            yield snapshot
        if self._held and not stop():
            self._wait(stop)
        if stop() and last is not None:
            self.stopped += 1
            yield replace(last, progress=replace(last.progress, stage="stopped"))
        if self.error is not None:
            raise self.error

    def _wait(self, stop: Stop) -> bool:
        while not self._gate.acquire(timeout=0.01):
            if stop():
                return False
        return True

    def inspect(self, keys: Sequence[str]) -> Evidence:
        self.inspected.append(tuple(keys))
        self.inspect_gate.wait(30)
        snapshot = self.scans[min(self.started, len(self.scans)) - 1][-1]
        items = {one.key: one for one in (*snapshot.experiments, *snapshot.all_runs())}
        found = {}
        for at, key in enumerate(keys):
            item = items.get(key)
            if item is None:
                found[key] = ItemEvidence(key, "", None, "it is not there any more")
                continue
            size = item.size or Size()
            survey = Survey(Identity(1, 100 + at), "f" * 64, size, size.files, 0, False, ())
            found[key] = ItemEvidence(key, item.path, survey)
        roots = tuple(one.key for one in snapshot.experiments if one.place == "root" and one.state != "orphaned")
        return Evidence(found, snapshot.references, roots, 0, 0, time.time_ns())

    def values(self, keys: Sequence[str], wanted: Wanted) -> tuple[RunValues, ...]:
        """Everybody's params are alike, the metric is the number in the run's name."""
        self.asked.append((tuple(keys), wanted))
        names = {run.key: run.name for run in self.scans[min(self.started, len(self.scans)) - 1][-1].all_runs()}
        found = []
        for key in keys[:7]:
            digits = "".join(letter for letter in names[key] if letter.isdigit())
            found.append(RunValues(key, {"n": float(digits or "nan")}, {"lr": "0.1"}, {"team": "red"}))
        return tuple(found)

    def names(self, keys: Sequence[str]) -> ValueNames:
        return ValueNames(("n",), ("lr",), ("team",))

    def duplicates(
        self, keys: Sequence[str], *, stop: Stop = never, tell: Callable[[Comparing], None] = unseen
    ) -> Duplicates:
        """Those of ``alike``, when the test lets it."""
        self.compared.append(tuple(keys))
        tell(Comparing(len(keys), len(keys), 340, 1000))
        while not self.compare_gate.wait(0.01):
            if stop():
                return Duplicates(stopped=True)
        return Duplicates(self.alike)

    def details(self, key: str) -> RunDetails:
        return RunDetails(key, (("lr", "0.1"),), (), (), (), "/data/mlruns")

    def glance(self, key: str, metric: str = "", stop: Stop = never) -> RunGlance | None:
        """Every run has the same two params and metrics; waits for ``glance_gate``."""
        self.glanced.append((key, metric))
        while not self.glance_gate.wait(0.01):
            if stop():
                return None
        if self.error is not None:
            raise self.error
        points = tuple((step, step, float(step % 7)) for step in range(100))
        names = dict.fromkeys([metric or "acc", "acc", "loss"])
        series = tuple(MetricSeries(name, 100, 1.0, 0.0, 6.0, 0, 6, points) for name in names)
        tags = (("team", "red"), *((f"tag-{at}", name) for at, name in enumerate(HOSTILE)))
        params = (("lr", "0.1"), *((name, name) for name in HOSTILE), ("of", key))
        return RunGlance(key, params, tags, series, (len(params), len(tags), len(series)))


@dataclass(frozen=True)
class Builders:
    """What a test makes its stores of."""

    now_ms: int
    run: Callable[..., Run]
    snapshot: Snapshot
    partly: Snapshot
    hostile: tuple[str, ...] = HOSTILE

    def reader(self, *scans: Sequence[Snapshot], held: bool = False) -> ScriptedReader:
        return ScriptedReader(scans or [[self.snapshot]], held=held)

    def many(self, number: int) -> Snapshot:
        """One experiment with so many runs."""
        runs = tuple(
            self.run("7", at, self.now_ms, name=f"run-{at % 977}-{at}", days=1 + at % 400, size=(at * 7919) % 10**8)
            for at in range(number)
        )
        big = Experiment("7", name="big", lifecycle_stage="active", path="7", runs=number, size=Size(1, 1, 1, 1))
        other = Experiment("8", name="other", lifecycle_stage="active", path="8", size=Size(1, 1, 1, 1))
        progress = Progress("complete", number, number, number, number, 1000)
        runs_by_key = {big.key: runs, other.key: ()}
        return replace(self.snapshot, experiments=(big, other), runs=runs_by_key, progress=progress, findings=())

    def hostile_snapshot(self) -> Snapshot:
        """Every untrusted name in every place a name can stand."""
        runs = tuple(
            self.run("7", at, self.now_ms, name=name, user_id=name[:200], days=40)
            for at, name in enumerate(self.hostile)
        )
        experiments = [Experiment("7", name="hostile", lifecycle_stage="active", path="7", runs=len(runs))]
        for at, name in enumerate(self.hostile):
            size = Size(1000 + at, 4096, 1, 1)
            experiments.append(Experiment(f"8{at}", name=name, lifecycle_stage="active", path=f"8{at}", size=size))
        strays = tuple(Stray(name or "x", "foreign", f"odd {name[:50]}", Size(1, 1, 1, 1)) for name in self.hostile)
        models = tuple(RegisteredModel(name, f"models/{at}", 1) for at, name in enumerate(self.hostile))
        findings = tuple(
            Finding("odd", "warns", f"8{at}/x", f"message {name[:80]}", experiment_id=f"8{at}")
            for at, name in enumerate(self.hostile)
        )
        by_key = {one.key: () for one in experiments} | {"experiment/7": runs}
        return replace(
            self.snapshot, experiments=tuple(experiments), runs=by_key, strays=strays, models=models, findings=findings
        )


def _builders(now_ms: int) -> Builders:
    snapshot = _snapshot(now_ms)
    return Builders(now_ms, _run, snapshot, _partly(snapshot))


@pytest.fixture
def make() -> Builders:
    return _builders(time.time_ns() // 1_000_000)


@pytest.fixture
def make_at() -> Callable[[int], Builders]:
    """The same at a time of one's choice, in ms."""
    return _builders


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """UTF-8 signs, no colour switch of the shell, no look at a real disk, and lists that do not wait for keys."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("mlruns_tui.workflow.changing.batches", lambda root: ())
    # What is wrong in a store that is told and not read is what its snapshot says.
    monkeypatch.setattr(
        "mlruns_tui.workflow.diagnosing.diagnose", lambda reader, version, stop, snapshot, **how: snapshot.findings
    )
    monkeypatch.setattr("mlruns_tui.tui.flows.reading.space_of", lambda root: Space(212 * 10**9, 2 * 10**12, 59, 100))
    monkeypatch.setattr("mlruns_tui.tui.flows.changing.space_of", lambda root: Space(212 * 10**9, 2 * 10**12, 59, 100))
    monkeypatch.setattr("mlruns_tui.tui.flows.reading.QUIET_S", 0.0)
    monkeypatch.setattr("mlruns_tui.tui.flows.saying.MOVED_S", 0.0)


@pytest.fixture
def app_of(make: Builders, surroundings: None) -> Callable[..., MlrunsApp]:
    """An app over a scripted reader; without one over the believable store, read at once."""

    def build(reader: ScriptedReader | None = None, **options: object) -> MlrunsApp:
        return MlrunsApp(reader or make.reader(), **options)  # type: ignore[arg-type]

    return build


class Journey:
    """One app driven by keys. Waiting is for what is shown, never for time."""

    def __init__(self, app: MlrunsApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def main(self) -> MainScreen:
        main = self.app.main
        assert main is not None
        return main

    @property
    def state(self) -> UiState:
        return self.main.state

    @property
    def lines(self) -> list[str]:
        """The screen as it is drawn."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def toasts(self) -> str:
        """What the toasts on the screen say."""
        return "\n".join(one.message for one in self.app._notifications)

    @property
    def marked(self) -> set[str]:
        """Names of what is marked."""
        return {mark.name or mark.key for mark in self.state.marks}

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

    async def until(self, seen: Callable[[], object], what: str = "") -> None:
        """Until a condition holds; fails with the screen when it never does."""
        deadline = time.monotonic() + float(os.environ.get("UNTIL_S", "120"))
        while not seen():
            if time.monotonic() > deadline:
                pytest.fail(f"never: {what or seen}\n{self.text}")
            await self.pilot.pause(0.005)

    async def on(self, kind: type[Shown]) -> Shown:
        """The screen of this kind, once it is on top and has its parts. Held by the test, not asked of the app
        again: another may lie on it the next moment."""
        await self.until(lambda: isinstance(self.app.screen, kind) and self.app.screen.is_mounted, kind.__name__)
        screen = self.app.screen
        assert isinstance(screen, kind)
        return screen

    async def until_toast(self, text: str) -> None:
        await self.until(lambda: text in self.toasts, text)

    async def until_text(self, *texts: str) -> None:
        await self.until(lambda: all(one in self.text for one in texts), " and ".join(texts))

    async def until_read(self) -> None:
        """Until the store is read and judged, and the batches were looked up."""

        def seen() -> bool:
            state = self.state
            judged = state.judged is not None and state.judged.facts.snapshot is state.snapshot
            judged = judged and not state.checking
            return not state.reading and judged and state.batches is not None and self.main.reading.space is not None

        await self.until(seen, "read")

    async def to_runs(self, experiment: str) -> None:
        """Into the runs of the experiment of this name."""
        key = next(one.key for one in self.state.snapshot.experiments if one.name == experiment)
        self.main.moving.jump(key, "")
        await self.until(lambda: self.state.entry is not None and self.state.entry.key == key, experiment)
        await self.press("2")
        await self.until(lambda: self.state.run is not None, f"runs of {experiment}")

    async def to_run(self, name: str) -> None:
        """The cursor of the table to the run of this name."""
        rows = self.main.run_table.rows
        self.main.run_table.go(next(at for at, row in enumerate(rows) if row.run.name == name))
        await self.until(lambda: self.state.run is not None and self.state.run.name == name, name)


@pytest.fixture
def journey(app_of: Callable[..., MlrunsApp]) -> Callable[..., AbstractAsyncContextManager[Journey]]:
    """``async with journey(size=(140, 40)) as it``: an app that has read its store, ready for keys."""

    @asynccontextmanager
    async def start(
        reader: ScriptedReader | None = None,
        size: tuple[int, int] = (140, 40),
        read: bool = True,
        **options: object,
    ) -> AsyncIterator[Journey]:
        app = app_of(reader, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            it = Journey(app, pilot)
            if read:
                await it.until_read()
                await pilot.pause()
            yield it

    return start


@pytest.fixture
def journey_of() -> type[Journey]:
    """For an app that somebody else runs."""
    return Journey
