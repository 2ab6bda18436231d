"""Killed at every call that changes a disk, in a repair and in its undo: nothing of the store's is lost, undo is exact.

As in ``harness.py``, for plans that put something into the store: what was replaced must lie complete in one
place at every instant, and everything the program made itself must be gone again after an undo.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.workflow.diagnosing import diagnose
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.repairing import preview_repair

CALLS = [
    "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "link", "linkat", "symlink",
    "symlinkat", "write", "pwrite64", "writev", "ftruncate", "fallocate", "fsync", "fdatasync", "utimensat", "chmod",
    "fchmod", "fchmodat", "chown", "fchown", "fchownat",
]  # fmt: skip
DRIVER = """
import json, sys
from mlruns_tui.cleanup import worker
from mlruns_tui.disk import look
# The number of processes on this machine must not decide which call is the N-th.
look.open_files = lambda device: look.NO_OPEN_FILES
worker.carry_out(json.loads(open(sys.argv[1]).read()), lambda event: None, lambda: False)
"""
DRIVER_WITHOUT_EXCHANGE = f"""
from mlruns_tui.disk import change
def cannot(*_):
    raise OSError(95, "this file system cannot swap two names")
change.exchange = cannot
{DRIVER}"""
Point = tuple[str, int]
FULL = [pytest.mark.full, pytest.mark.timeout(1_800)]


@pytest.fixture(autouse=True)
def _needs_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which this machine does not have")


def plan_of(root: Path) -> Any:
    reader = open_reader(str(root))
    return preview_repair(reader, diagnose(reader, "3.17.2"), min_idle_ms=0)


class Case:
    def __init__(self, make: Callable[[str], Any], base: Path, name: str, op: str, driver: str) -> None:
        self.store = make(name)
        self.driver, self.log, self.file = driver, base / "strace.log", base / f"{name}.json"
        self.before = self.store.manifest()
        self.plan = plan_of(self.store.root)
        self.originals = [self.look(self.store.root / one.path) for one in self.plan.items if one.fingerprint]
        assert len(self.originals) == 5
        request: dict[str, Any] = {"do": "apply", "plan": codec.encode(self.plan)}
        if op == "undo":
            apply(self.plan)
            request = {"do": "undo", "root": str(self.store.root)}
        self.file.write_text(json.dumps(request))

    @staticmethod
    def look(path: Path) -> tuple[Any, ...]:
        """A file by all that makes it what it is; a directory by what is in it."""
        if path.is_dir():
            return tuple(sorted(os.listdir(path))), path.stat().st_mtime_ns
        status = path.stat()
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        return content, status.st_mode, status.st_mtime_ns, status.st_ino

    def strace(self, *options: str) -> str:
        command = ["strace", "-f", "-qq", "-o", str(self.log), *options]
        subprocess.run(
            [*command, sys.executable, "-B", "-c", self.driver, str(self.file)], check=False, capture_output=True
        )
        return self.log.read_text(errors="replace")

    def points(self) -> list[Point]:
        text = self.strace("-e", "trace=" + ",".join(f"?{one}" for one in [*CALLS, "openat"]))
        seen: Counter[str] = Counter()
        found = []
        for line in text.splitlines():
            match = re.match(r"\d+ +(\w+)\((.*)", line)
            if match is not None:
                seen[match[1]] += 1
                if match[1] != "openat" or "O_CREAT" in match[2]:
                    found.append((match[1], seen[match[1]]))
        return found

    def kill(self, point: Point) -> None:
        kind, number = point
        text = self.strace("-e", f"trace=?{kind}", "-e", f"inject={kind}:signal=KILL:when={number}")
        assert "killed by SIGKILL" in text, f"{kind} {number} did not fire"

    def judge(self, where: str, compare: Any) -> None:
        places = [self.store.root / one.path for one in self.plan.items]
        places += [*self.store.vault.glob("batches/*/data/*"), *self.store.vault.glob("batches/*/data/*/*")]
        there = Counter(self.look(one) for one in places if os.path.lexists(one))
        assert [there[one] for one in self.originals] == [1] * len(self.originals), where
        assert len(batches(str(self.store.root))) <= 1, where
        try:
            undo(str(self.store.root))
        except MlrunsError as error:
            assert error.code == "nothing-to-undo", f"{where}: {error.message}"
        assert compare(self.before, self.store.manifest()) == [], where
        # What was settled stands in nobody's way, and nothing of ours is left about.
        again = apply(plan_of(self.store.root))
        assert {one.outcome for one in again.items} == {"done"}, where
        undo(str(self.store.root))
        assert compare(self.before, self.store.manifest()) == [], where
        assert not list(self.store.vault.glob("batches/*/data/*")), where
        shutil.rmtree(self.store.root)


def spread(points: list[Point], number: int) -> list[Point]:
    if number >= len(points):
        return points
    return [points[round(at * (len(points) - 1) / (number - 1))] for at in range(number)]


@pytest.mark.parametrize(
    ("op", "driver", "sample"),
    [
        pytest.param("apply", DRIVER, 10, id="repair"),
        pytest.param("undo", DRIVER, 6, id="its undo"),
        pytest.param("apply", DRIVER_WITHOUT_EXCHANGE, 3, id="repair in two renames"),
        pytest.param("apply", DRIVER, 0, id="repair, every call", marks=FULL),
        pytest.param("undo", DRIVER, 0, id="its undo, every call", marks=FULL),
        pytest.param("apply", DRIVER_WITHOUT_EXCHANGE, 0, id="repair in two renames, every call", marks=FULL),
        pytest.param("undo", DRIVER_WITHOUT_EXCHANGE, 0, id="undo in two renames, every call", marks=FULL),
    ],
)
def test_killed_at_any_call_what_was_there_is_whole_and_undo_is_exact(
    op: str, driver: str, sample: int, broken_store: Any, tmp_path: Path, compare: Any, record_property: Any
) -> None:
    counted = Case(broken_store, tmp_path, "counted", op, driver)
    points = counted.points()
    counted.judge("unhurt", compare)
    chosen = spread(points, sample) if sample else points
    for at, point in enumerate(chosen):
        case = Case(broken_store, tmp_path, f"s{at}", op, driver)
        case.kill(point)
        case.judge(f"{op} killed at {point[0]} {point[1]}", compare)
    record_property("points", len(chosen))
    assert len(points) > 40
