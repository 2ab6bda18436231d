"""What the tests of faults share: stores to be hurt, operations to hurt them in, and who judges afterwards.

``strace`` makes the N-th call of a kind fail, lie, or be the last one, for every N of a counting run. Each
point must have fired. The judge knows nothing of the program's journal: before anything is recovered each
item must lie complete in one place; then ``undo`` must give the exact tree, directory times included.

An operation is a row of ``OPERATIONS``: how its store is made ready, what the worker is asked, who judges.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError

CALLS = [
    "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "symlink", "symlinkat",
    "link", "linkat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate", "fsync",
    "fdatasync", "sync_file_range", "utimensat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown",
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "copy_file_range", "sendfile", "splice", "mknod", "mknodat",
]  # fmt: skip
"""Every call that changes a disk, but for ``openat``, which does only with ``O_CREAT``."""
CREATING = "openat"
READING = ["openat", "newfstatat", "getdents64"]

QUIET = """
import json, sys
from mlruns_tui.cleanup import worker
from mlruns_tui.disk import look
# The number of processes on this machine must not decide which call is the N-th.
look.open_files = lambda device: look.NO_OPEN_FILES
"""
DRIVER = f"{QUIET}worker.carry_out(json.loads(open(sys.argv[1]).read()), lambda event: None, lambda: False)\n"
"""Does what is asked; whatever it raises is seen."""
ASKING = f"""{QUIET}
from mlruns_tui.model.errors import MlrunsError
try:
    batch = worker.carry_out(json.loads(open(sys.argv[1]).read()), lambda event: None, lambda: False)
    for one in batch.items:
        assert one.outcome in (None, "done") or one.error.endswith((".", "!")), one.error
except MlrunsError as error:
    assert error.message and "Traceback" not in error.message, error.message
except OSError as error:
    # The worker's own sentence: what the system refused, that everything is whole, and how to see where it is.
    assert error.errno and error.strerror, repr(error)
"""
"""Insists on a sentence for whatever went wrong."""
SERVING = f"{QUIET}sys.stdin = open(sys.argv[1])\nsys.exit(worker.main())\n"
"""The worker as it is really started: signals, answers and exit code."""

Point = tuple[str, int]


class Unfit(Exception):
    """The harness itself did not do what it was to: no finding, and no proof of anything."""


@dataclass
class Tally:
    """How the points of one test went; items and trees as sentences."""

    tried: int = 0
    lost: list[str] = field(default_factory=list)
    inexact: list[str] = field(default_factory=list)

    @property
    def red(self) -> bool:
        return bool(self.lost or self.inexact)


class Case:
    """One store, ready for one operation to be hurt in. ``count`` runs, and an experiment if more than one."""

    def __init__(self, harness: Harness, op: str, count: int, name: str) -> None:
        self.harness, self.op, self.count = harness, op, count
        self.operation = OPERATIONS[op]
        self.store = harness.make(name)
        runs = [f"{n:032x}" for n in range(1, count + 1)]
        self.store.experiment("1", ["f" * 32])
        for at, run in enumerate(runs):
            self.store.run(self.store.root / "1" / run, rich=at < 3)
        self.precious = self.store.root / "1" / ("f" * 32)
        """Nobody plans anything for it, and a link in an item points to it."""
        os.symlink(self.precious, self.store.root / "1" / runs[0] / "artifacts" / "to-another-run")
        self.store.experiment("2", ["e" * 32])
        self.paths = [f"1/{run}" for run in runs] + (["2"] if count > 1 else [])
        if "slim" in op:
            self.paths = [f"1/{run}/artifacts" for run in runs]
        self.store.age()
        self.before = self.store.manifest()
        self.copies = {path: harness.manifest(self.store.root / path) for path in self.paths}
        self.present: dict[str, Any] = {}
        self.plan = self.store.plan(*self.paths, backup=op != "apply without backup")
        if "slim" in op:
            self.plan = replace(self.plan, items=tuple(replace(item, action="slim") for item in self.plan.items))
        self.stderr = self.stdout = ""
        self.held: list[int] = []
        self.to_come_back: list[str] = []
        """Items no operation may purge any more."""
        self.times_can_be_kept = True
        """Not where the very call that sets a time is refused."""
        self.file = harness.base / f"{name}.json"
        self.file.write_text(json.dumps(self.operation.prepare(self)))

    @property
    def root(self) -> str:
        return str(self.store.root)

    def strace(self, *options: str, driver: str = DRIVER) -> int:
        """Run the operation below strace; its exit code (negative: the signal that ended it)."""
        program = self.operation.prelude + self.harness.prelude + driver
        command = [sys.executable, "-B", "-c", program, str(self.file)]
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", str(self.harness.log), *options, *command], check=False, capture_output=True
        )
        self.stderr, self.stdout = done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")
        return done.returncode

    def copies_found(self, wanted: dict[str, Any]) -> dict[str, int]:
        """How many complete copies of each: at its place, put aside in the root, or kept; a dead one is none."""
        places = [self.store.root / path for path in self.paths]
        places += self.store.root.glob("*-restored-*.trash")
        places += self.store.vault.glob("batches/*/data/*")
        there = [self.harness.manifest(path) for path in places if path.exists()]
        return {path: sum(one == tree for one in there) for path, tree in wanted.items()}

    def archived(self) -> set[str]:
        """Paths of the items that come whole out of an archive, as GNU tar reads it: none of ours is asked."""
        found: set[str] = set()
        for archive in self.store.vault.glob("batches/*/pack/*.tar.zst"):
            out = self.harness.base / "by-hand"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            command = ["tar", "--zstd", "--xattrs", "--xattrs-include=*", "-xpf", str(archive), "-C", str(out)]
            subprocess.run(command, check=True, capture_output=True)
            for at, path in enumerate(self.paths):
                if (out / str(at)).exists() and self.harness.manifest(out / str(at)) == self.copies[path]:
                    found.add(path)
        return found

    def occupy(self, path: str) -> None:
        """Something else comes into the place of an item."""
        if "/" in path:
            self.store.run(self.store.root / path)
        else:
            self.store.experiment(path)
        self.present[path] = self.harness.manifest(self.store.root / path)

    def let_go(self) -> None:
        """Close what the preparation kept open."""
        while self.held:
            os.close(self.held.pop())

    def put_away(self) -> None:
        """What had come into the places goes again, as if it had never been."""
        for path in self.paths:
            if path in self.present:
                shutil.rmtree(self.store.root / path)
        for path in {path.rpartition("/")[0] or "." for path in self.present}:
            os.utime(self.store.root / path, ns=(self.before[path.encode()][3],) * 2)

    def remove(self) -> None:
        self.let_go()
        shutil.rmtree(self.store.root)


@dataclass(frozen=True)
class Operation:
    """One thing a worker can be asked to do."""

    prepare: Callable[[Case], dict[str, Any]]
    """Makes the store ready; returns the worker's request."""
    judge: Callable[[Case, str, Tally], None]
    """Looks for complete copies, recovers, compares."""
    prelude: str = ""
    """What goes on in the worker's process besides."""


class Harness:
    """Runs operations and hurts them. ``prelude`` is a program's deliberate bug, where it is to be caught."""

    def __init__(self, make: Callable[[str], Any], manifest: Any, compare: Any, base: Path) -> None:
        self.make, self.manifest, self.compare, self.base = make, manifest, compare, base
        self.log = base / "strace.log"
        self.prelude = ""
        self._cases = 0

    def case(self, op: str, count: int) -> Case:
        self._cases += 1
        return Case(self, op, count, f"s{self._cases}")

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def points(self, op: str, count: int, driver: str = DRIVER) -> list[Point]:
        """Every call that changes a disk, as the kind and which one of its kind."""
        case = self.case(op, count)
        found = [point for point, _ in self.changes_of(case, driver)]
        case.remove()
        return found

    def changes_of(self, case: Case, driver: str = DRIVER) -> list[tuple[Point, int]]:
        """The points of a whole run, each with what its call returned. Everything must come from one thread:
        strace counts for each."""
        if case.strace("-e", f"trace={_kinds(CALLS)}", driver=driver):
            raise Unfit(f"{case.op} fails without any fault: {case.stderr}")
        seen: Counter[str] = Counter()
        found, threads = [], set()
        for line in self.text().splitlines():
            match = re.match(r"(\d+) +(\w+)\((.*)", line)
            if match is None:
                continue
            thread, kind, rest = match.groups()
            seen[kind] += 1
            if kind == "write" and rest.startswith(("1,", "2,")):
                continue
            if kind != CREATING or "O_CREAT" in rest:
                threads.add(thread)
                returned = re.search(r"= (-?\d+)", rest[rest.rfind(")") :])
                found.append(((kind, seen[kind]), int(returned[1]) if returned else 0))
        if len(threads) > 1:
            raise Unfit(f"{case.op} changes disks from {len(threads)} threads")
        return found

    def looks_of(self, case: Case) -> list[Point]:
        """Every call that looks at the store without changing it."""
        assert case.strace("-y", "-e", f"trace={_kinds(READING)}", driver=ASKING) == 0, case.stderr
        seen: Counter[str] = Counter()
        found = []
        for line in self.text().splitlines():
            match = re.match(r"\d+ +(\w+)\((.*)", line)
            if match is None:
                continue
            seen[match[1]] += 1
            if f"<{case.root}" in match[2].split(",")[0] and "O_CREAT" not in match[2]:
                found.append((match[1], seen[match[1]]))
        return found

    def kill(self, case: Case, point: Point, driver: str = DRIVER) -> None:
        kind, number = point
        code = case.strace("-e", f"trace=?{kind}", "-e", f"inject={kind}:signal=KILL:when={number}", driver=driver)
        if "killed by SIGKILL" not in self.text():
            raise Unfit(f"{case.op}: {kind} {number} did not fire: {code} {case.stderr}")

    def unhurt(self, op: str, count: int) -> Iterator[Tally]:
        """One tally of a run in which nothing goes wrong but what the operation itself brings about."""
        case, tally = self.case(op, count), Tally(tried=1)
        if case.strace("-e", "trace=none", driver=ASKING):
            raise Unfit(f"{op} fails without any fault: {case.stderr}")
        case.operation.judge(case, f"{op} of {count}", tally)
        case.remove()
        yield tally

    def kill_at(self, op: str, count: int, points: Sequence[Point]) -> Iterator[Tally]:
        """One tally for each point: killed there, judged."""
        for kind, number in points:
            case, tally = self.case(op, count), Tally(tried=1)
            self.kill(case, (kind, number))
            case.operation.judge(case, f"{op} of {count} killed at {kind} {number}", tally)
            case.remove()
            yield tally

    def hurt_at(
        self, op: str, count: int, faults: Sequence[tuple[Point, str]], driver: str = ASKING, times: bool = True
    ) -> Iterator[Tally]:
        """One tally for each fault, a point and what strace injects there (``error=EIO``, ``retval=12``,
        ``signal=TERM``; a ``+`` at the end: there and ever after). The program must end in good order.
        Without ``times``, directories need not get their times back."""
        for (kind, number), what in faults:
            case, tally = self.case(op, count), Tally(tried=1)
            when = f"{number}+" if what.endswith("+") else f"{number}"
            code = case.strace(
                "-e", f"trace=?{kind}", "-e", f"inject={kind}:{what.rstrip('+')}:when={when}", driver=driver
            )
            where = f"{op} of {count} with {what} at {kind} {number}"
            told = self.text()
            fired = "--- SIG" in told if what.startswith("signal") else "(INJECTED)" in told
            if not fired:
                raise Unfit(f"{where} did not fire: {case.stderr}")
            assert code == 0, f"{where} ended with {code}: {case.stdout[-500:]} {case.stderr}"
            assert "Traceback" not in case.stderr, f"{where}: {case.stderr}"
            case.times_can_be_kept = times and kind != "utimensat"
            case.operation.judge(case, where, tally)
            case.remove()
            yield tally


def _kinds(calls: Sequence[str]) -> str:
    return ",".join(f"?{name}" for name in [*calls, CREATING])


def total(tallies: Iterator[Tally]) -> Tally:
    """All of them."""
    whole = Tally()
    for one in tallies:
        whole.tried += one.tried
        whole.lost += one.lost
        whole.inexact += one.inexact
    return whole


def spread(points: Sequence[Any], number: int) -> list[Any]:
    """So many of them, evenly, the first and the last among them."""
    if len(points) <= number:
        return list(points)
    return [points[round(at * (len(points) - 1) / max(number - 1, 1))] for at in range(number)]


# How stores are made ready.


def _apply(case: Case) -> dict[str, Any]:
    return {"do": "apply", "plan": codec.encode(case.plan)}


def _undo(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "undo", "root": case.root}


def _restore_one(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "restore", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _purge(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "purge", "root": case.root, "batch": case.plan.id}


def _packed(case: Case) -> None:
    apply(case.plan)
    batch = pack(case.root, case.plan.id, None, 0)
    assert batch.state == "packed", batch


def _pack(case: Case) -> dict[str, Any]:
    apply(case.plan)
    return {"do": "pack", "root": case.root, "batch": case.plan.id, "min_gain_percent": 0}


def _undo_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "undo", "root": case.root}


def _restore_one_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "restore", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _purge_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "purge", "root": case.root, "batch": case.plan.id}


def _purge_one_packed(case: Case) -> dict[str, Any]:
    _packed(case)
    return {"do": "purge", "root": case.root, "batch": case.plan.id, "keys": [case.plan.items[0].key]}


def _occupied(case: Case, on_conflict: str) -> dict[str, Any]:
    apply(case.plan)
    for path in case.paths:
        case.occupy(path)
    return {"do": "restore", "root": case.root, "batch": case.plan.id, "on_conflict": on_conflict}


def _swap(case: Case) -> dict[str, Any]:
    return _occupied(case, "swap")


def _aside(case: Case) -> dict[str, Any]:
    return _occupied(case, "rename")


def _taken(case: Case) -> dict[str, Any]:
    """An empty directory is in the place of each item: rename(2) would silently replace it."""
    apply(case.plan)
    for path in case.paths:
        (case.store.root / path).mkdir()
        case.present[path] = (case.store.root / path).stat().st_ino
    return {"do": "undo", "root": case.root}


def _while_locked(case: Case) -> dict[str, Any]:
    """Another worker is in the store, and has been for a long time."""
    apply(case.store.plan(*case.paths))
    undo(case.root)
    for path in (case.store.vault / "lock", case.store.root):
        case.held.append(os.open(path, os.O_RDONLY))
        fcntl.flock(case.held[-1], fcntl.LOCK_EX)
    os.utime(case.store.vault / "lock", (0, 0))
    return _apply(case)


def _bring_in(case: Case) -> dict[str, Any]:
    _occupied(case, "rename")
    restore(case.root, case.plan.id, None, "rename")
    case.put_away()
    return {"do": "undo", "root": case.root}


KILLED_AT: dict[str, Point] = {
    "apply": ("renameat2", 4),  # vault, batch, the first item; the second one is not moved any more
    "undo": ("renameat2", 2),
    "swap": ("renameat2", 3),  # between exchanging a pair and putting away what was in the way
    "purge": ("unlinkat", 1),  # dead, and whole
}


def _interrupted(
    op: str, request: Callable[[Case], dict[str, Any]], point: Point | None = None
) -> Callable[[Case], dict[str, Any]]:
    """Another operation first, killed in the middle."""

    def prepare(case: Case) -> dict[str, Any]:
        case.file.write_text(json.dumps(OPERATIONS[op].prepare(case)))
        case.harness.kill(case, point or KILLED_AT[op])
        asked = request(case)
        if op == "purge" and asked["do"] == "undo":
            case.to_come_back = whole_ones(case)
        return asked

    return prepare


# Who judges.


def judge_whole(case: Case, where: str, tally: Tally) -> None:
    """Every item lies whole in one place; undo gives the exact tree; nothing stands in anybody's way."""
    for path, number in case.copies_found(case.copies).items():
        if number != 1:
            tally.lost.append(f"{where}: {number} copies of {path}")
    if tally.lost:
        return
    listed = batches(case.root)
    assert len(listed) <= 1, where
    try:
        undo(case.root)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
    _compare(case, where, tally)
    if not tally.red:
        again = case.store.plan(*case.paths)
        assert apply(again).state == "moved", where


def judge_packed(case: Case, where: str, tally: Tally) -> None:
    """Every item lies whole somewhere: a tree, or in an archive; undo gives the exact tree and leaves nothing."""
    archived = case.archived()
    for path, number in case.copies_found(case.copies).items():
        if number > 1 or not (number or path in archived):
            tally.lost.append(f"{where}: {number} copies of {path}, archived: {path in archived}")
    if tally.lost:
        return
    try:
        undo(case.root)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
    _compare(case, where, tally)
    left = [*case.store.vault.glob("batches/*/[dp]*/*")]
    if left and batches(case.root)[0].history[-1].op != "restore":
        tally.inexact.append(f"{where}: undo leaves {left}")
    if not tally.red:
        assert apply(case.store.plan(*case.paths)).state == "moved", where


def judge_purge_packed(case: Case, where: str, tally: Tally) -> None:
    """What was not declared dead is whole, in an archive or as a tree; nothing is there in part."""
    dead = {one.name for one in case.store.vault.glob("batches/*/dead/*")}
    kept = case.archived() | {path for path, number in case.copies_found(case.copies).items() if number}
    if not dead and case.op == "purge one packed" and not kept >= set(case.paths[1:]):
        tally.lost.append(f"{where}: only {sorted(kept)} are kept")
    try:
        batch = undo(case.root)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
    else:
        assert batch.state != "unfinished", where
    gone = [path for path in case.paths if not (case.store.root / path).exists()]
    if set(gone) & kept or (case.op == "purge one packed" and set(gone) - {case.paths[0]}):
        tally.lost.append(f"{where}: {gone} did not come back though {sorted(kept)} were kept")
    _compare(case, where, tally, gone)
    for batch in batches(case.root):
        purge(case.root, batch.id)
    if list(case.store.vault.glob("batches/*/[dp]*/*")):
        tally.inexact.append(f"{where}: a second purge leaves something")


def judge_returned(case: Case, where: str, tally: Tally) -> None:
    """The same, for an item somebody wrote to as it was moved: what was written is there as well."""
    mtime_ns = case.copies[case.paths[0]][b"metrics/loss"][3]
    written = case.store.root / case.paths[0] / "metrics" / "loss"
    for path in [written, *case.store.vault.glob("batches/*/data/0/metrics/loss")]:
        if path.exists():
            os.utime(path, ns=(mtime_ns, mtime_ns))
    judge_whole(case, where, tally)


def judge_left_in_place(case: Case, where: str, tally: Tally) -> None:
    """Of a run that was not killed: what was being written to is where it was."""
    if not (case.store.root / case.paths[0] / "metrics" / "loss").exists():
        tally.lost.append(f"{where}: what was being written to is gone from its place")
    judge_returned(case, where, tally)


def judge_swap(case: Case, where: str, tally: Tally) -> None:
    """Both of each pair are whole, and after it is done again as well."""
    _both_whole(case, where, tally)
    batch = restore(case.root, case.plan.id, None, "swap")
    assert batch.state != "unfinished", where
    for path in case.paths:
        # Swapping what was swapped already swaps it back: both must lie whole, one here, one there.
        if case.harness.manifest(case.store.root / path) not in (case.copies[path], case.present[path]):
            tally.inexact.append(f"{where}: {path}")
    _both_whole(case, f"{where}, after the second swap", tally)


def judge_aside(case: Case, where: str, tally: Tally) -> None:
    """Both of each pair are whole; done again, and the places free, undo gives the exact tree."""
    _both_whole(case, where, tally)
    restore(case.root, case.plan.id, None, "rename")
    _both_whole(case, f"{where}, after it was done again", tally)
    if tally.red:
        return
    case.put_away()
    undo(case.root)
    _compare(case, where, tally)


def judge_taken(case: Case, where: str, tally: Tally) -> None:
    """What is in the way is still the same; undo is exact when it has gone."""
    for path, inode in case.present.items():
        place = case.store.root / path
        if not place.exists() or place.stat().st_ino != inode:
            tally.lost.append(f"{where}: what was in the place of {path}")
    if not tally.red:
        case.put_away()
        judge_whole(case, where, tally)


def judge_locked(case: Case, where: str, tally: Tally) -> None:
    """Nothing was done behind the other worker's back."""
    if case.harness.compare(case.before, case.store.manifest()):
        tally.inexact.append(f"{where}: the store was changed under another's lock")
    case.let_go()


def _both_whole(case: Case, where: str, tally: Tally) -> None:
    for wanted in (case.copies, case.present):
        for path, number in case.copies_found(wanted).items():
            if number != 1:
                tally.lost.append(f"{where}: {number} copies of {path}")


def judge_purge(case: Case, where: str, tally: Tally) -> None:
    """What was not declared dead is whole; nothing half deleted is where a copy is looked for."""
    trees = list(case.copies.values())
    for path in [*(case.store.root / path for path in case.paths), *case.store.vault.glob("batches/*/data/*")]:
        if path.exists() and case.harness.manifest(path) not in trees:
            tally.lost.append(f"{where}: a part of something in {path}")
    if tally.lost:
        return
    kept = whole_ones(case)
    tally.lost += [f"{where}: {path} was whole and is gone" for path in case.to_come_back if path not in kept]
    try:
        batch = undo(case.root)
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
        if any(not (case.store.root / path).exists() for path in kept):
            tally.lost.append(f"{where}: not undone though it was whole")
    else:
        assert batch.state != "unfinished", where
    gone = [path for path in case.paths if path not in kept]
    _compare(case, where, tally, gone)
    for batch in batches(case.root):
        purge(case.root, batch.id)
    if list(case.store.vault.glob("batches/*/d*/*")):
        tally.inexact.append(f"{where}: a second purge leaves something")


def whole_ones(case: Case) -> list[str]:
    """Items of which there is a complete copy; one that was declared dead and not begun counts."""
    dead = [case.harness.manifest(path) for path in case.store.vault.glob("batches/*/dead/*")]
    return [path for path, number in case.copies_found(case.copies).items() if number == 1 or case.copies[path] in dead]


def _compare(case: Case, where: str, tally: Tally, gone: Sequence[str] = ()) -> None:
    expected = {
        name: entry
        for name, entry in case.before.items()
        if not any(name == path.encode() or name.startswith(path.encode() + b"/") for path in gone)
    }
    found = case.store.manifest()
    if not case.times_can_be_kept:
        found = {name: (*entry[:3], expected.get(name, entry)[3], *entry[4:]) for name, entry in found.items()}
    changes = case.harness.compare(expected, found)
    if changes:
        tally.inexact.append(f"{where}: {changes[:5]}")


WRITTEN_MEANWHILE = """
import os
from mlruns_tui.disk import change
_rename, _written = change.rename, []
def _write_and_rename(source_fd, source, target_fd, target):
    # Between the look and the move, to the first item.
    if source == "1".zfill(32) and not _written:
        _written.append(True)
        os.utime(f"/proc/self/fd/{source_fd}/{source}/metrics/loss", ns=(10**18, 10**18))
    return _rename(source_fd, source, target_fd, target)
change.rename = _write_and_rename
"""

OPERATIONS: dict[str, Operation] = {
    "apply": Operation(_apply, judge_whole),
    "apply without backup": Operation(_apply, judge_purge),
    "apply to what is written to": Operation(_apply, judge_returned, WRITTEN_MEANWHILE),
    "apply to what is written to, not killed": Operation(_apply, judge_left_in_place, WRITTEN_MEANWHILE),
    "apply under another's lock": Operation(_while_locked, judge_locked),
    "undo": Operation(_undo, judge_whole),
    "undo where something is in the way": Operation(_taken, judge_taken),
    "restore one": Operation(_restore_one, judge_whole),
    "restore aside": Operation(_aside, judge_aside),
    "restore what was put aside": Operation(_bring_in, judge_whole),
    "swap": Operation(_swap, judge_swap),
    "purge": Operation(_purge, judge_purge),
    "slim": Operation(_apply, judge_whole),
    "undo of slim": Operation(_undo, judge_whole),
    "pack": Operation(_pack, judge_packed),
    "undo of packed": Operation(_undo_packed, judge_packed),
    "restore one packed": Operation(_restore_one_packed, judge_packed),
    "purge packed": Operation(_purge_packed, judge_purge_packed),
    "purge one packed": Operation(_purge_one_packed, judge_purge_packed),
}
RECOVERIES: dict[str, Operation] = {
    "undo after a killed apply": Operation(
        _interrupted("apply", lambda case: {"do": "undo", "root": case.root}), judge_whole
    ),
    "undo after a killed undo": Operation(
        _interrupted("undo", lambda case: {"do": "undo", "root": case.root}), judge_whole
    ),
    "undo after a killed purge": Operation(
        _interrupted("purge", lambda case: {"do": "undo", "root": case.root}), judge_purge
    ),
    "purge after a killed purge": Operation(
        _interrupted("purge", lambda case: {"do": "purge", "root": case.root, "batch": case.plan.id}, ("unlinkat", 5)),
        judge_purge,
    ),
    "swap after a killed swap": Operation(
        _interrupted(
            "swap",
            lambda case: {"do": "restore", "root": case.root, "batch": case.plan.id, "on_conflict": "swap"},
        ),
        judge_swap,
    ),
}
OPERATIONS.update(RECOVERIES)
