"""The screen with 100,000 runs: how soon a key is answered, and how much memory the runs take."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from measuring import HERE, Bench, Row, Unavailable, progress
from processes import cpu_seconds, memory_bytes
from stores import Recipe, Store
from terminal import Frame, Terminal
from where import Span

RUNS = 100_000
QUIET_S = 0.15
LONGEST_S = 5.0
DOWN, PAGE_DOWN, PAGE_UP, BACKSPACE = b"\x1b[B", b"\x1b[6~", b"\x1b[5~", b"\x7f"
KEYS: dict[str, tuple[bytes, ...]] = {
    "cursor": (DOWN,) * 20,
    "page": (PAGE_DOWN,) * 8 + (PAGE_UP,) * 6,
    "mark": (b" ",) * 14,
    "sort": (b"s", b"n", b"m", b"c", b"s", b"s", b"n", b"m", b"c"),
    "filter": (b"7", b"3", b"1", BACKSPACE, BACKSPACE, BACKSPACE),
}
"""What is pressed, by kind; each key alone, on a screen at rest."""


class Screen:
    """One of the two apps, at rest between keys."""

    def __init__(self, what: str, bench: Bench, runs: int) -> None:
        self.report = bench.work / f"callbacks-{what}.json"
        self.report.unlink(missing_ok=True)
        root = bench.work / "no-runs"
        root.mkdir(exist_ok=True)
        script = str(HERE / "inside_screen.py")
        command = [sys.executable, script, what, str(runs), str(self.report), str(root)]
        environment = {"PYTHONPATH": f"{HERE.parents[1]}"} | bench.environment
        self.terminal = Terminal(command, environment)
        self.answered: Callable[[str, Frame, Frame], bool] = _table_changed if what == "ours" else _anything_changed
        self.rest_at = "run-" if what == "ours" else "no key yet"

    def wait_for_rest(self) -> None:
        self.terminal.until(lambda frame: any(self.rest_at in line for line in frame.lines), 90)
        self.terminal.quiet(1.5)

    def press(self, kind: str, key: bytes) -> Span:
        """Until the first frame that shows what the key did; then rest again."""
        terminal = self.terminal
        terminal.quiet(QUIET_S)
        before = terminal.now()
        at = terminal.press(key)
        limit = at + LONGEST_S
        first: Frame | None = None
        shown: Frame | None = None
        while shown is None and (left := limit - time.perf_counter()) > 0:
            frame = terminal.frame(left)
            if frame is not None:
                first = first or frame
                shown = frame if self.answered(kind, before, frame) else None
        terminal.quiet(QUIET_S)
        # A key at the end of a list changes nothing: what it painted at all counts.
        answer = shown or first
        return Span(at, answer.at if answer else limit)

    def callbacks(self) -> list[tuple[float, float, str]]:
        """Ends, CPU seconds and names of the costly callbacks of its event loop."""
        os.kill(self.terminal.pid, signal.SIGUSR1)
        limit = time.perf_counter() + 10
        while not self.report.exists() and time.perf_counter() < limit:
            self.terminal.frame(0.05)
        found: list[tuple[float, float, str]] = json.loads(self.report.read_text())
        return found


def keys(bench: Bench) -> Iterator[Row]:
    """Every key is pressed in our screen and in the bare app in turn."""
    if "100k" not in bench.sizes:
        raise Unavailable("left out (--sizes has no 100k)")
    ours: dict[str, list[float]] = {kind: [] for kind in KEYS}
    bare: dict[str, list[float]] = {kind: [] for kind in KEYS}
    worst: tuple[float, str] = (0.0, "")
    for at in range(bench.count(2)):
        progress(f"  round {at + 1} of {bench.count(2)}")
        pressed = _press_all(bench)
        for kind in KEYS:
            ours[kind] += [span.ended - span.began for span in pressed.ours[kind]]
            bare[kind] += [span.ended - span.began for span in pressed.bare[kind]]
        worst = max(worst, pressed.worst)
    profiles: dict[str, tuple[str, ...]] = {}
    if bench.profiled:
        with bench.sampled() as sampling:
            pressed = _press_all(bench)
            profiles = {kind: sampling.profile(pressed.ours[kind]) for kind in KEYS}
    for kind in KEYS:
        yield _key_row(kind, bench.scaled(RUNS), ours[kind], bare[kind], profiles.get(kind, ()))
    yield Row(
        "costliest callback of the screen's thread, CPU", "50 ms", worst[0] * 1000, 50, "ms", worst[0] / 0.05, 1.0,
        bench.count(2), worst[1],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pressed:
    """Every key once in both apps: from key to frame, by kind."""

    ours: dict[str, list[Span]]
    bare: dict[str, list[Span]]
    worst: tuple[float, str]
    """Of the callbacks of our event loop meanwhile: CPU seconds and name."""


def _press_all(bench: Bench) -> Pressed:
    pressed = Pressed({kind: [] for kind in KEYS}, {kind: [] for kind in KEYS}, (0.0, ""))
    with ExitStack() as stack:
        screens = [Screen(what, bench, bench.scaled(RUNS)) for what in ("ours", "bare")]
        for screen in screens:
            stack.enter_context(screen.terminal)
        for screen in screens:
            screen.wait_for_rest()
        began = time.perf_counter()
        for screen in screens:
            screen.press("open", b"2")
        for kind, keys in KEYS.items():
            if kind == "filter":
                for screen in screens:
                    screen.press("open", b"/")
            for key in keys:
                for screen, found in zip(screens, (pressed.ours, pressed.bare), strict=True):
                    found[kind].append(screen.press(kind, key))
        during = [(cpu, name) for ended, cpu, name in screens[0].callbacks() if ended >= began]
    return replace(pressed, worst=max([pressed.worst, *during]))


def _key_row(kind: str, runs: int, ours: Sequence[float], bare: Sequence[float], profile: tuple[str, ...]) -> Row:
    one, other = p95(ours), p95(bare)
    note = f"medians {statistics.median(ours) * 1000:.1f} and {statistics.median(bare) * 1000:.1f} ms"
    return Row(
        f"key to frame, p95, {runs:,} runs: {kind}", "same key, bare app, empty table", one * 1000, other * 1000,
        "ms", one / other, 2.0, len(ours), note, profile,
    )  # fmt: skip


def p95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def _table_changed(kind: str, before: Frame, after: Frame) -> bool:
    """The run table shows another row under the cursor, or, after sorting and the like, other runs."""
    if kind in ("page", "sort", "filter"):
        return _runs_shown(before) != _runs_shown(after)
    return _table(before) != _table(after)


def _table(frame: Frame) -> list[str]:
    """The lines of the panel of runs."""
    top = next((line for line in frame.lines if "─ 2 runs" in line), "")
    left = top.find("─ 2 runs")
    right = top.find("╮", left)
    start = frame.lines.index(top) + 2 if top else 0
    return [line[left:right] for line in frame.lines[start:-3]]


def _runs_shown(frame: Frame) -> list[str]:
    return re.findall(r"run-\d+", "\n".join(_table(frame)))


def _anything_changed(kind: str, before: Frame, after: Frame) -> bool:
    return before.lines != after.lines


def memory(bench: Bench) -> Iterator[Row]:
    """Peak of all processes of the screen, and of ``list``, above an empty store; shared pages are divided."""
    big = bench.store("thin-100000", Recipe(RUNS, 120, "thin"), size="100k", in_memory=True)
    empty = bench.store("thin-0", Recipe(0, 1, "thin"), size="100k", in_memory=True)
    runs = bench.scaled(RUNS)
    for name, peak in (("screen", _screen_peak), ("list --json", _list_peak)):
        above = [(peak(bench, big) - peak(bench, empty)) / runs for _ in range(bench.count(1))]
        found = statistics.median(above)
        yield Row(
            f"memory a run at {runs:,} runs, {name}", "1 KB", found, 1024, "B", found / 1024, 1.0, len(above),
            "peak PSS of all our processes, above an empty store",
        )  # fmt: skip


def _screen_peak(bench: Bench, store: Store) -> float:
    """Bytes at most, from the start until everything is read and at rest."""
    bench.forget()
    peak = 0.0
    with Terminal(bench.ours(store.root), bench.environment) as terminal:
        idle_since = time.perf_counter()
        spent = 0.0
        listed = False
        limit = idle_since + 300
        while time.perf_counter() < limit:
            frame = terminal.frame(0.05)
            listed = listed or (frame is not None and any(name in line for name in store.names for line in frame.lines))
            peak = max(peak, memory_bytes(terminal.pid))
            now = cpu_seconds(terminal.pid)
            if now - spent > 0.05:
                spent, idle_since = now, time.perf_counter()
            elif listed and time.perf_counter() - idle_since > 3:
                return peak
    raise Unavailable("the screen never came to rest on this store")


def _list_peak(bench: Bench, store: Store) -> float:
    bench.forget()
    peak = 0.0
    command: list[Any] = bench.ours("list", "--json", store.root)
    with subprocess.Popen(command, env=bench.environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_bytes(process.pid))
            time.sleep(0.01)
    return peak
