"""What the tests of faults share: stores to be hurt, operations to hurt them in, and who judges afterwards.

``strace`` makes the N-th call of a kind fail, lie, or be the last one, for every N of a counting run. Each
point must have fired. The judge knows nothing of the program's journal: before anything is recovered each
item must lie complete in one place; then ``undo`` must give the exact tree, directory times included.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlruns_tui.cleanup.goingon import go_on, leave
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model.errors import MlrunsError

from .cases import Case
from .tracing import EVERYTHING, Tracer, holds_something, state_of, who_is_in

CALLS = [
    "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "symlink", "symlinkat",
    "link", "linkat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate", "fsync",
    "fdatasync", "sync_file_range", "syncfs", "sync", "utimensat", "chmod", "fchmod", "fchmodat", "chown", "fchown",
    "fchownat", "lchown", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "copy_file_range", "sendfile", "splice",
    "mknod", "mknodat",
]  # fmt: skip
"""Every call that changes a disk, but for ``openat``, which does only with ``O_CREAT``."""
CREATING = "openat"
LOOKING = ["openat", "newfstatat", "getdents64"]
READING = ["read", "pread64"]

DRIVER = """
import json, sys
from mlruns_tui.cleanup import worker
worker.carry_out(json.loads(open(sys.argv[1]).read()), lambda event: None, lambda: False)
"""
"""Does what is asked; whatever it raises is seen."""
ASKING = """
import json, os, sys
from mlruns_tui.cleanup import worker
from mlruns_tui.model.errors import MlrunsError
try:
    batch = worker.carry_out(json.loads(open(sys.argv[1]).read()), lambda event: None, lambda: False)
    for one in batch.items:
        assert one.outcome in (None, "done") or one.error.endswith((".", "!")), one.error
    answer = [one.outcome for one in batch.items]
except MlrunsError as error:
    assert error.message and "Traceback" not in error.message, error.message
    answer = error.message
except OSError as error:
    # The worker's own sentence: what the system refused, that everything is whole, and how to see where it is.
    assert error.errno and error.strerror, repr(error)
    answer = error.strerror
# By a call of its own: a disk that refuses every write must not refuse this one.
os.writev(1, [json.dumps(answer).encode()])
"""
"""Insists on a sentence for whatever went wrong; prints it, or how each item fared."""
SERVING = "import sys\nfrom mlruns_tui.cleanup import worker\nsys.exit(worker.main())\n"
"""The worker as it is really started: signals, answers and exit code."""

Point = tuple[str, int]
Way = Literal["undo", "continue", "leave"]
WAYS: tuple[Way, ...] = ("undo", "continue", "leave")
"""Out of an interruption."""
NOTHING_TO_SETTLE = ("nothing-to-undo", "nothing-to-continue", "no-such-batch")


class Unfit(Exception):
    """The harness itself did not do what it was to: no finding, and no proof of anything."""


@dataclass
class Tally:
    """How the points of one test went; items and trees as sentences."""

    op: str = ""
    fault: str = ""
    tried: int = 0
    lost: list[str] = field(default_factory=list)
    inexact: list[str] = field(default_factory=list)

    @property
    def red(self) -> bool:
        return bool(self.lost or self.inexact)


@dataclass(frozen=True)
class Operation:
    """One thing a worker can be asked to do."""

    prepare: Callable[[Case], dict[str, Any]]
    """Makes the store ready; returns the worker's request."""
    judge: Callable[[Case, str, Tally], None]
    """Looks for complete copies, takes everything back, compares."""
    prelude: str = ""
    """What goes on in the worker's process besides."""
    build: Callable[[Case], None] = Case.build
    """Makes the store."""
    plan_again: Callable[[Case], Any] = Case.plan_again
    """The same, planned anew."""
    finished: tuple[str, ...] = ()
    """Where items are when it went through; empty: wherever."""
    destroys: bool = False
    """Going on with it deletes items for good."""


class Harness:
    """Runs operations and hurts them. ``prelude`` is a program's deliberate bug, where it is to be caught."""

    def __init__(
        self, tracer: Tracer, operations: Mapping[str, Operation], store_class: Any, helpers: Any, base: Path
    ) -> None:
        """``helpers``: ``manifest``, ``differences``, ``make_broken``, ``rsync_differences``, of no package code; and
        ``other_disk``, which gives a folder on another file system, or skips the test."""
        self.tracer, self.operations, self.store_class, self.helpers = tracer, operations, store_class, helpers
        self.base = base
        self.prelude = ""
        self.followed = EVERYTHING
        """What is counted and hurt, see ``Tracer.run``."""
        self.log = self.stdout = self.stderr = ""
        self._cases = 0

    def case(self, op: str, count: int) -> Case:
        self._cases += 1
        # Every so often rsync gives a second opinion.
        return Case(self, op, count, f"s{self._cases}", twin=self._cases % 8 == 2 and count < 100)

    # Running.

    def strace(
        self, case: Case, *options: str, driver: str = DRIVER, stopped: Callable[[int, int], None] | None = None
    ) -> int:
        """Run what the case asks for below strace; its exit code (negative: the signal that ended it)."""
        program = case.operation.prelude + self.prelude + driver
        ran = self.tracer.run(program, case.file, *options, followed=self.followed, stopped=stopped)
        case.helpers = self.tracer.helpers
        self.log, self.stdout, self.stderr = ran.log, ran.stdout, ran.stderr
        return ran.code

    def points(self, op: str, count: int, driver: str = DRIVER) -> list[Point]:
        """Every call that changes a disk, as the kind and which one of its kind."""
        case = self.case(op, count)
        found = [point for point, _ in self.changes_of(case, driver)]
        case.remove()
        return found

    def changes_of(self, case: Case, driver: str = DRIVER) -> list[tuple[Point, int]]:
        """The points of a whole run, each with what its call returned. Everything must come from one thread:
        strace counts for each."""
        kinds = ",".join(f"?{name}" for name in [*CALLS, CREATING])
        if self.strace(case, "-e", f"trace={kinds}", driver=driver):
            raise Unfit(f"{case.op} fails without any fault: {self.stderr}")
        found, threads = [], set()
        for thread, kind, number, rest in self._calls():
            if kind in ("write", "writev") and rest.startswith(("1,", "2,")):
                continue
            if kind != CREATING or "O_CREAT" in rest:
                threads.add(thread)
                returned = re.search(r"= (-?\d+)", rest[rest.rfind(")") :])
                found.append(((kind, number), int(returned[1]) if returned else 0))
        if len(threads) > 1:
            raise Unfit(f"{case.op} changes disks from {len(threads)} threads")
        return found

    def looks_of(self, case: Case, kinds: Sequence[str] = LOOKING) -> list[tuple[Point, str]]:
        """Every call that looks at the store without changing it (or finds the end of a file), with its first
        argument."""
        if self.strace(case, "-y", "-e", f"trace={','.join(f'?{one}' for one in kinds)}", driver=ASKING):
            raise Unfit(f"{case.op} fails without any fault: {self.stderr}")
        return [
            ((kind, number), rest.split(",")[0])
            for _, kind, number, rest in self._calls()
            if f"<{case.root}" in rest.split(",")[0] and "O_CREAT" not in rest
            if not (kind in READING and rest.endswith("= 0"))
        ]

    def _calls(self) -> Iterator[tuple[str, str, int, str]]:
        """Thread, kind, which one of its kind, and the rest of the line."""
        seen: Counter[str] = Counter()
        for line in self.log.splitlines():
            match = re.match(r"(?:(\d+) +)?(\w+)\((.*)", line)
            if match is not None:
                seen[match[2]] += 1
                yield match[1] or "", match[2], seen[match[2]], match[3]

    def kill(self, case: Case, point: Point, driver: str = DRIVER) -> None:
        kind, number = point
        code = self.strace(
            case, "-e", f"trace=?{kind}", "-e", f"inject={kind}:signal=KILL:when={number}", driver=driver
        )
        if "killed by SIGKILL" not in self.log:
            raise Unfit(f"{case.op}: {kind} {number} did not fire: {code} {self.stderr}")
        # What deletes for good without its worker does so no longer when somebody counts what is whole.
        while case.operation.destroys and any(holds_something(pid) for pid in case.helpers):
            os.sched_yield()

    # One tally for each fault.

    def unhurt(self, op: str, count: int, fault: str = "nothing") -> Iterator[Tally]:
        """One tally of a run in which nothing goes wrong but what the operation itself brings about."""
        case, tally = self.case(op, count), Tally(op, fault, 1)
        if self.strace(case, "-e", "trace=none", driver=ASKING):
            raise Unfit(f"{op} fails without any fault: {self.stderr}")
        where = f"{op} of {count} with {fault}"
        places = {one.item.path: one.place for batch in batches(case.root) for one in batch.items}
        if case.operation.finished and not set(places.values()) <= set(case.operation.finished):
            tally.inexact.append(f"{where} did not come to its end: {places} {self.stdout}")
        case.operation.judge(case, where, tally)
        case.remove()
        yield tally

    def kill_at(self, op: str, count: int, points: Sequence[Point], way: Way = "undo") -> Iterator[Tally]:
        """Killed there; then settled this way, and judged."""
        for kind, number in points:
            case, tally = self.case(op, count), Tally(op, f"killed, then {way}", 1)
            where = f"{op} of {count} killed at {kind} {number}, then {way}"
            self.kill(case, (kind, number))
            self._settle(case, way, where, tally)
            if not tally.red:
                case.operation.judge(case, where, tally)
            case.remove()
            yield tally

    def outlive(self, op: str, count: int, point: Point, meanwhile: Callable[[Case], None]) -> Iterator[Tally]:
        """A helper (of those ``followed``) stopped after that call, and its worker killed; something done meanwhile;
        then the helper goes on, to its end, and judged."""
        (kind, number), case = point, self.case(op, count)
        tally, where = Tally(op, "worker killed, helper stopped", 1), f"{op} of {count}, helper stopped at {point}"

        def stopped(worker: int, helper: int) -> None:
            os.kill(worker, signal.SIGKILL)
            # Nor is any other helper at work any more.
            while state_of(worker) or who_is_in(case.store.root) - {helper}:
                os.sched_yield()
            meanwhile(case)

        options = ("-e", f"trace=?{kind}", "-e", f"inject={kind}:signal=STOP:when={number}")
        code = self.strace(case, *options, stopped=stopped)
        if code != -signal.SIGKILL:
            raise Unfit(f"{where}: the worker ended with {code} before it could be killed")
        case.operation.judge(case, where, tally)
        case.remove()
        yield tally

    def kill_twice(
        self, op: str, count: int, way: Way, firsts: Sequence[Point], seconds: int, begin: int = 0
    ) -> Iterator[Tally]:
        """Killed there; then killed again at so many calls of the way out (0: all), others for each first one;
        then settled this way after all, and judged."""
        for at, first in enumerate(firsts, begin):
            case = self.case(op, count)
            self.kill(case, first)
            case.ask(self.request(case, way))
            points = [point for point, _ in self.changes_of(case, ASKING)]
            case.remove()
            for second in scattered(points, seconds, at):
                case, tally = self.case(op, count), Tally(op, f"killed, killed in its {way}", 1)
                where = f"{op} of {count} killed at {first}, its {way} at {second}"
                self.kill(case, first)
                before = case.whole()
                case.ask(self.request(case, way))
                self.kill(case, second, ASKING)
                if not (way == "continue" and case.operation.destroys) and (missing := before - case.whole()):
                    tally.lost.append(f"{where}: {missing}")
                else:
                    self._settle(case, way, where, tally)
                if not tally.red:
                    case.operation.judge(case, where, tally)
                case.remove()
                yield tally

    def hurt_at(
        self, op: str, count: int, faults: Sequence[tuple[Point, str]], driver: str = ASKING, times: bool = True
    ) -> Iterator[Tally]:
        """One tally for each fault, a point and what strace injects there (``error=EIO``, ``retval=12``,
        ``signal=TERM``; a ``+`` at the end: there and ever after). The program must end in good order.
        Without ``times``, directories need not get their times back."""
        for (kind, number), what in faults:
            case, tally = self.case(op, count), Tally(op, re.sub(r"^retval.*", "lies", what).replace("=", " "), 1)
            when = f"{number}+" if what.endswith("+") else f"{number}"
            options = ("-e", f"trace=?{kind}", "-e", f"inject={kind}:{what.rstrip('+')}:when={when}")
            code = self.strace(case, *options, driver=driver)
            where = f"{op} of {count} with {what} at {kind} {number}"
            name = what.rstrip("+").rpartition("=")[2]
            if (f"--- SIG{name}" if what.startswith("signal") else "(INJECTED)") not in self.log:
                raise Unfit(f"{where} did not fire: {self.stderr}")
            assert code == 0, f"{where} ended with {code}: {self.stdout[-500:]} {self.stderr}"
            assert "Traceback" not in self.stderr, f"{where}: {self.stderr}"
            case.times_can_be_kept, case.hurt = times and kind != "utimensat", True
            case.operation.judge(case, where, tally)
            case.remove()
            yield tally

    # Settling.

    @staticmethod
    def request(case: Case, way: Way) -> dict[str, Any]:
        return {"do": way, "root": case.root, "batch": case.plan.id}

    @staticmethod
    def _settle(case: Case, way: Way, where: str, tally: Tally) -> None:
        """The way out, and what must be true after it; ``undo`` is the judge's own."""
        if way == "undo":
            return
        before = case.whole()
        try:
            batch = (go_on if way == "continue" else leave)(case.root, case.plan.id, lock_timeout_s=case.patience_s)
        except MlrunsError as error:
            assert error.code in NOTHING_TO_SETTLE, f"{where}: {error.message}"
            return
        assert batch.state != "unfinished", where
        deletes = way == "continue" and case.operation.destroys
        if not deletes and (missing := before - case.whole()):
            tally.lost.append(f"{where}: {missing}")
        if way == "continue":
            places = {one.item.path: one.place for one in batch.items}
            through = set(places.values()) <= set(case.operation.finished or places.values())
            assert through, f"{where}: {places} {batch.messages}"
            failed = [one.error for one in batch.items if one.outcome == "failed"]
            assert not failed or case.operation.destroys, f"{where}: {failed}"
        else:
            assert not [one for one in batches(case.root) if one.open_op], where


def total(tallies: Iterator[Tally]) -> tuple[Tally, Counter[tuple[str, str]]]:
    """All of them; and how many points of each operation and fault."""
    whole, kinds = Tally(), Counter[tuple[str, str]]()
    for one in tallies:
        whole.tried += one.tried
        whole.lost += one.lost
        whole.inexact += one.inexact
        kinds[one.op, one.fault] += one.tried
    return whole, kinds


def sort_of(fault: str) -> str:
    """The sort of a fault, in a word or two."""
    if fault.startswith("killed, killed"):
        return "killed twice"
    sort = re.match(r"error .*(?=\+)|error|signal|power cut", fault)
    words = {"error": "refused", "signal": "signal", "power cut": "power cut"}
    return fault if sort is None else words.get(sort[0], "refused from then on")


def spread(points: Sequence[Any], number: int) -> list[Any]:
    """So many of them, evenly, the first and the last among them; all for 0."""
    if not number or len(points) <= number:
        return list(points)
    return [points[round(at * (len(points) - 1) / max(number - 1, 1))] for at in range(number)]


def scattered(points: Sequence[Any], number: int, turn: int) -> list[Any]:
    """So many of them, evenly, others in each turn until all had theirs; all for 0."""
    if not number or len(points) <= number:
        return list(points)
    # The golden section: each turn falls into the widest gap the turns before left.
    shift = turn * 0.6180339887 % 1
    return [points[int((at + shift) * len(points) / number) % len(points)] for at in range(number)]
