"""A screen to press keys in: ``inside_screen.py ours RUNS REPORT ROOT`` or ``inside_screen.py bare 0 REPORT ROOT``.

``ours`` is the real app over a reader that has one snapshot of so many runs ready (its root is the empty
directory ROOT); ``bare`` an empty table, a
line that counts keys and an input. On SIGUSR1 the callbacks of the event loop so far are written to the file
REPORT: JSON pairs of the moment it ended (``time.perf_counter``) and seconds of CPU time, the costly ones.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

LEAST_S = 0.005
callbacks: list[tuple[float, float, str]] = []


def name_of(handle: asyncio.Handle) -> str:
    """Whose callback it is: for a task's, the message pump that runs in it."""
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return repr(callback)[:200]
    coroutine = task.get_coro()
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', coroutine)})"[:200]


def watch_callbacks(report: Path) -> None:
    """Note the CPU time of every callback of the event loop."""
    real = asyncio.events.Handle._run
    main = threading.get_ident()
    collecting = 0.0
    collected = 0.0

    def watched(self: asyncio.Handle) -> None:
        before, collected_before = time.thread_time(), collected
        real(self)
        spent = time.thread_time() - before
        if spent >= LEAST_S:
            garbage = (collected - collected_before) * 1000
            callbacks.append(
                (time.perf_counter(), spent, f"{name_of(self)}, {garbage:.0f} ms of it garbage collection")
            )

    def collects(phase: str, _: object) -> None:
        nonlocal collecting, collected
        if threading.get_ident() == main:
            if phase == "start":
                collecting = time.thread_time()
            else:
                collected += time.thread_time() - collecting

    gc.callbacks.append(collects)

    asyncio.events.Handle._run = watched  # type: ignore[method-assign]

    def tell(*_: object) -> None:
        part = report.with_suffix(".part")
        part.write_text(json.dumps(callbacks))
        os.replace(part, report)

    signal.signal(signal.SIGUSR1, tell)


def snapshot_of(runs: int, root: str) -> Any:
    """One experiment with all the runs, and some small ones; made to the letter of ``model.store``."""
    from mlruns_tui.model.store import Experiment, Identity, Progress, Run, Size, Snapshot, StoreInfo

    now = time.time_ns() // 1_000_000
    day = 86_400_000

    def run(at: int) -> Run:
        ended = now - (1 + at % 400) * day - at
        mixed = at * 2_654_435_761 % 1_000_003
        return Run(
            "1", f"{mixed:08x}{at:024x}", name=f"run-{at:06d}", status="FINISHED", lifecycle_stage="active",
            user_id="alice", start_time=ended - 3_600_000, end_time=ended, path=f"1/{mixed:08x}{at:024x}", owner=0,
            size=Size(mixed * 1_000, mixed * 1_024, 1 + mixed % 997, ended * 1_000_000),
        )  # fmt: skip

    many = tuple(run(at) for at in range(runs))
    total = sum((one.size for one in many if one.size), Size())
    small = [
        Experiment(str(at), name=f"exp-{at:04d}", lifecycle_stage="active", path=str(at), size=Size(at, at, 1, 1))
        for at in range(2, 40)
    ]
    big = Experiment("1", name="the-big-one", lifecycle_stage="active", path="1", runs=runs, size=total)
    return Snapshot(
        StoreInfo(root, root, "file", Identity(1, 2)),
        (big, *small),
        {big.key: many} | {one.key: () for one in small},
        total=total,
        progress=Progress("complete", runs, runs, runs, total.files, 1000),
    )


class OneSnapshot:
    """A reader that has read everything already."""

    def __init__(self, snapshot: Any) -> None:
        self._snapshot = snapshot

    @property
    def store(self) -> Any:
        return self._snapshot.store

    def scan(self, previous: Any = None, stop: Any = None) -> Iterator[Any]:
        yield self._snapshot

    def inspect(self, keys: Sequence[str]) -> Any:
        raise RuntimeError("nothing here to look at")

    def details(self, key: str) -> Any:
        raise RuntimeError("nothing here to look at")

    def symptoms(self, leave_out: Any = (), **_: Any) -> tuple[Any, ...]:
        return ()


def ours(runs: int, root: str) -> None:
    from mlruns_tui.tui.app import run_app

    run_app(OneSnapshot(snapshot_of(runs, root)))


def bare() -> None:
    from textual.app import App, ComposeResult
    from textual.binding import Binding, BindingType
    from textual.widgets import DataTable, Input, Static

    class Table(DataTable[str]):
        def action_cursor_down(self) -> None:
            super().action_cursor_down()
            self.app.action_count()  # type: ignore[attr-defined]

        def action_page_down(self) -> None:
            super().action_page_down()
            self.app.action_count()  # type: ignore[attr-defined]

        def action_page_up(self) -> None:
            super().action_page_up()
            self.app.action_count()  # type: ignore[attr-defined]

    class Bare(App[None]):
        BINDINGS: ClassVar[list[BindingType]] = [
            *(Binding(key, "count", "count") for key in ("space", "s", "n", "m", "c", "2")),
            Binding("slash", "type", "type"),
            Binding("escape", "leave", "leave"),
        ]
        keys = 0

        def compose(self) -> ComposeResult:
            yield Table(cursor_type="row")
            yield Static("no key yet", id="count")
            yield Input()

        def on_mount(self) -> None:
            self.query_one(Table).add_columns("name", "status", "age", "size")
            self.query_one(Table).focus()

        def action_count(self) -> None:
            self.keys += 1
            self.query_one("#count", Static).update(f"keys: {self.keys}")

        def action_type(self) -> None:
            self.query_one(Input).focus()

        def action_leave(self) -> None:
            self.query_one(Input).value = ""
            self.query_one(Table).focus()

    Bare().run()


if __name__ == "__main__":
    watch_callbacks(Path(sys.argv[3]))
    ours(int(sys.argv[2]), sys.argv[4]) if sys.argv[1] == "ours" else bare()
