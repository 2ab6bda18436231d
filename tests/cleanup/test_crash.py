"""Killed at every call that changes a disk: nothing is lost, and undo brings everything back exactly.

``strace`` kills the program as it enters the N-th call of a kind, for every N of a counting run. The
checker knows nothing of the program's journal: before anything is recovered, each item must lie complete
in one place; then ``undo`` must give the exact tree, directory times included.
"""

from __future__ import annotations

import json
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
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError

CALLS = [
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
    "symlink",
    "symlinkat",
    "link",
    "linkat",
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "truncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "utimensat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "lchown",
    "setxattr",
    "fsetxattr",
    "copy_file_range",
    "sendfile",
]
CREATING = "openat"
DRIVER = """
import json, sys
from mlruns_tui.cleanup import worker
from mlruns_tui.disk import look
# The number of processes on this machine must not decide which call is the N-th.
look.open_files = lambda device: look.NO_OPEN_FILES
worker.carry_out(json.loads(open(sys.argv[1]).read()), lambda event: None, lambda: False)
"""


@pytest.fixture(autouse=True)
def _needs_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which this machine does not have")


class Case:
    """One store, one operation to be killed in."""

    def __init__(
        self,
        make: Callable[[str], Any],
        tree_manifest: Any,
        base: Path,
        op: str,
        count: int,
        name: str,
        prelude: str = "",
        driver: str = DRIVER,
    ) -> None:
        self.program = prelude + driver
        self.stderr = ""
        self.op = op
        self.store = make(name)
        runs = [f"{n}" * 32 for n in range(1, count + 1)]
        self.store.experiment("1", [*runs, "f" * 32])
        for run in runs:
            shutil.rmtree(self.store.root / "1" / run)
            self.store.run(self.store.root / "1" / run, rich=True)
        self.store.experiment("2", ["e" * 32])
        self.paths = [f"1/{run}" for run in runs] + (["2"] if count > 1 else [])
        self.store.age()
        self.tree_manifest = tree_manifest
        self.before = self.store.manifest()
        self.copies = {path: self.subtree(self.store.root / path) for path in self.paths}
        self.plan = self.store.plan(*self.paths, backup=op != "apply-no-backup")
        root = str(self.store.root)
        self.request: dict[str, Any] = {"do": "apply", "plan": codec.encode(self.plan)}
        if op in ("undo", "purge", "swap"):
            apply(self.plan)
        if op == "undo":
            self.request = {"do": "undo", "root": root}
        if op == "purge":
            self.request = {"do": "purge", "root": root, "batch": self.plan.id}
        if op == "swap":
            for path in self.paths:
                self.store.run(self.store.root / path) if "/" in path else self.store.experiment(path)
            self.present = {path: self.subtree(self.store.root / path) for path in self.paths}
            self.request = {"do": "restore", "root": root, "batch": self.plan.id, "on_conflict": "swap"}
        self.file = base / f"{name}.json"
        self.file.write_text(json.dumps(self.request))

    def subtree(self, path: Path) -> Any:
        return self.tree_manifest(path)

    def strace(self, log: Path, *options: str) -> int:
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", str(log), *options, sys.executable, "-B", "-c", self.program, str(self.file)],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.stderr = done.stderr.decode(errors="replace")
        return done.returncode

    def places(self) -> list[Path]:
        """Where a complete copy may lie: every place in the store and every data folder, never a dead one."""
        return [self.store.root / path for path in self.paths] + list(self.store.vault.glob("batches/*/data/*"))

    def copies_found(self, wanted: dict[str, Any]) -> dict[str, int]:
        there = [self.subtree(path) for path in self.places() if path.exists()]
        return {path: sum(one == tree for one in there) for path, tree in wanted.items()}


def points(case: Case, log: Path) -> list[tuple[str, int]]:
    """Every call that changes a disk, as the kind and which one of its kind."""
    kinds = ",".join(f"?{name}" for name in [*CALLS, CREATING])
    assert case.strace(log, "-e", f"trace={kinds}") == 0
    seen: Counter[str] = Counter()
    found = []
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\((.*)", line)
        if match is None:
            continue
        seen[match[1]] += 1
        if match[1] != CREATING or "O_CREAT" in match[2]:
            found.append((match[1], seen[match[1]]))
    return found


class Tally:
    """How the points of one test went."""

    def __init__(self) -> None:
        self.tried = 0
        self.lost: list[str] = []
        self.inexact: list[str] = []


def kill_and_check(case: Case, kind: str, number: int, log: Path, compare: Any, tally: Tally) -> None:
    code = case.strace(log, "-e", f"trace=?{kind}", "-e", f"inject={kind}:signal=KILL:when={number}")
    text = log.read_text(errors="replace")
    assert "killed by SIGKILL" in text, f"{kind} {number} did not fire: {code}"
    tally.tried += 1
    where = f"{case.op} killed at {kind} {number}"
    if case.op in ("apply", "undo"):
        check_whole(case, where, compare, tally)
    elif case.op == "swap":
        check_swap(case, where, tally)
    else:
        check_purge(case, where, compare, tally)


def check_whole(case: Case, where: str, compare: Any, tally: Tally) -> None:
    for path, number in case.copies_found(case.copies).items():
        if number != 1:
            tally.lost.append(f"{where}: {number} copies of {path}")
    listed = batches(str(case.store.root))
    assert len(listed) <= 1
    try:
        undo(str(case.store.root))
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
    changes = compare(case.before, case.store.manifest())
    if changes:
        tally.inexact.append(f"{where}: {changes}")
    # What was settled stands in nobody's way.
    again = case.store.plan(*case.paths)
    assert apply(again).state == "moved", where


def check_swap(case: Case, where: str, tally: Tally) -> None:
    for wanted in (case.copies, case.present):
        for path, number in case.copies_found(wanted).items():
            if number != 1:
                tally.lost.append(f"{where}: {number} copies of {path}")
    batch = restore(str(case.store.root), case.plan.id, None, "swap")
    assert batch.state != "unfinished", where
    for path in case.paths:
        # Swapping what was swapped already swaps it back: both must lie whole, one here, one there.
        here = case.subtree(case.store.root / path)
        if here not in (case.copies[path], case.present[path]):
            tally.inexact.append(f"{where}: {path}")
    for wanted in (case.copies, case.present):
        if set(case.copies_found(wanted).values()) != {1}:
            tally.lost.append(f"{where}: after the second swap")


def check_purge(case: Case, where: str, compare: Any, tally: Tally) -> None:
    """What was not declared dead is whole; nothing half deleted is where a copy is looked for."""
    trees = list(case.copies.values())
    for path in case.places():
        if path.exists() and case.subtree(path) not in trees:
            tally.lost.append(f"{where}: a part of something in {path}")
    dead = [case.subtree(path) for path in case.store.vault.glob("batches/*/dead/*")]
    # One that was declared dead and not begun comes back as well.
    kept = [path for path, number in case.copies_found(case.copies).items() if number == 1 or case.copies[path] in dead]
    try:
        batch = undo(str(case.store.root))
    except MlrunsError as error:
        assert error.code == "nothing-to-undo", f"{where}: {error.message}"
        assert not kept or all((case.store.root / path).exists() for path in kept)
    else:
        assert batch.state != "unfinished", where
    gone = [path for path in case.paths if path not in kept]
    expected = {
        name: entry
        for name, entry in case.before.items()
        if not any(name == path.encode() or name.startswith(path.encode() + b"/") for path in gone)
    }
    changes = compare(expected, case.store.manifest())
    if changes:
        tally.inexact.append(f"{where}: {changes}")
    for batch in batches(str(case.store.root)):
        purge(str(case.store.root), batch.id)
    assert not list(case.store.vault.glob("batches/*/d*/*")), where


@pytest.fixture
def run_points(
    tmp_path: Path, new_store: Callable[[str], Any], tree_manifest: Any, compare: Any, record_property: Any
) -> Callable[..., Tally]:
    """Kill one operation at each of its points (those of one part of several) and check each."""

    def run(op: str, count: int, part: int = 0, parts: int = 1, prelude: str = "") -> Tally:
        tally = Tally()
        log = tmp_path / "log"
        found = points(Case(new_store, tree_manifest, tmp_path, op, count, "counted", prelude), log)
        for at, (kind, number) in enumerate(found[part::parts]):
            case = Case(new_store, tree_manifest, tmp_path, op, count, f"s{at}", prelude)
            kill_and_check(case, kind, number, log, compare, tally)
            shutil.rmtree(case.store.root)
        record_property("points", tally.tried)
        assert tally.tried == len(found[part::parts]) > 0
        return tally

    return run


def good(tally: Tally) -> bool:
    assert (tally.lost, tally.inexact) == ([], [])
    return tally.tried > 0


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("op", ["apply", "undo"])
def test_killed_at_any_call_one_item_is_whole_and_undo_is_exact(run_points: Any, op: str, part: int) -> None:
    assert good(run_points(op, 1, part, 4))


@pytest.mark.full
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("op", ["apply", "undo"])
def test_killed_at_any_call_four_items_are_whole_and_undo_is_exact(run_points: Any, op: str, part: int) -> None:
    assert good(run_points(op, 3, part, 4))


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.full), pytest.param(2, marks=pytest.mark.full)])
def test_killed_in_a_purge_nothing_half_deleted_passes_for_a_backup(run_points: Any, part: int) -> None:
    assert good(run_points("purge", 1, part, 3))


@pytest.mark.full
@pytest.mark.parametrize("op", ["purge", "apply-no-backup"])
def test_killed_in_a_purge_of_four_items_nothing_half_deleted_passes_for_a_backup(run_points: Any, op: str) -> None:
    assert good(run_points(op, 3))


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.full)])
def test_killed_in_a_swap_both_are_whole(run_points: Any, count: int) -> None:
    assert good(run_points("swap", count))


@pytest.mark.full
@pytest.mark.parametrize("part", range(4))
def test_killed_again_while_it_recovers_nothing_is_lost_and_undo_is_exact(
    tmp_path: Path,
    new_store: Callable[[str], Any],
    tree_manifest: Any,
    compare: Any,
    record_property: Any,
    part: int,
) -> None:
    """Pairs: an apply killed somewhere, then its undo killed somewhere."""
    log, tally = tmp_path / "log", Tally()
    first = points(Case(new_store, tree_manifest, tmp_path, "apply", 3, "counted"), log)
    for at, (kind, number) in enumerate(first[part::4]):
        for again in range(1 + at % 5, 24, 5):
            case = Case(new_store, tree_manifest, tmp_path, "apply", 3, f"s{at}x{again}")
            case.strace(log, "-e", f"trace=?{kind}", "-e", f"inject={kind}:signal=KILL:when={number}")
            case.file.write_text(json.dumps({"do": "undo", "root": str(case.store.root)}))
            found = points_of_a_copy(case, log)
            if again <= len(found):
                kind_again, number_again = found[again - 1]
                case.strace(
                    log, "-e", f"trace=?{kind_again}", "-e", f"inject={kind_again}:signal=KILL:when={number_again}"
                )
                assert "killed by SIGKILL" in log.read_text(errors="replace")
                tally.tried += 1
                check_whole(
                    case, f"apply killed at {kind} {number}, undo at {kind_again} {number_again}", compare, tally
                )
            shutil.rmtree(case.store.root)
    record_property("points", tally.tried)
    assert good(tally)


def points_of_a_copy(case: Case, log: Path) -> list[tuple[str, int]]:
    """The points of an operation on what a killed one left, counted on a copy that keeps every inode's role.

    A copy has other inodes, so its undo takes the same path through other identities; the calls are the same.
    """
    root = case.store.root
    held = root.with_name(root.name + "-held")
    root.rename(held)
    subprocess.run(["cp", "-a", held, root], check=True)
    kinds = ",".join(f"?{name}" for name in [*CALLS, CREATING])
    case.strace(log, "-e", f"trace={kinds}")
    seen: Counter[str] = Counter()
    found = []
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\((.*)", line)
        if match is not None:
            seen[match[1]] += 1
            if match[1] != CREATING or "O_CREAT" in match[2]:
                found.append((match[1], seen[match[1]]))
    shutil.rmtree(root)
    held.rename(root)
    return found


MUTANTS = {
    "copies, then deletes the original": (
        "apply",
        """
import shutil
def do(self, ground):
    slot = ground.places.free(self.n)
    fd, name = ground.parents.of(self.item.path)
    shutil.copytree(f"/proc/self/fd/{fd}/{name}", f"/proc/self/fd/{slot.fd}/{slot.name}", symlinks=True)
    shutil.rmtree(f"/proc/self/fd/{fd}/{name}")
    return slot
from mlruns_tui.cleanup import steps
steps.MoveOut.do = do
""",
    ),
    "deletes in place": (
        "purge",
        """
from mlruns_tui.cleanup import places
dead = places.Places.dead
places.Places.dead = lambda self, n: self._slots(n, "data")[0]
places.Places.find_dead = places.Places.find
from mlruns_tui.disk import change
rename = change.rename
change.rename = lambda a, b, c, d: None if (a, b) == (c, d) else rename(a, b, c, d)
""",
    ),
    "forgets the directories' times": (
        "apply",
        """
from mlruns_tui.cleanup import parents
parents.Parents.times = lambda self, paths: []
""",
    ),
    "moves before the plan is written": (
        "apply",
        """
from mlruns_tui.cleanup import records
from mlruns_tui.disk import change
publish, create = records.publish, change.create_file
def late(fd, name, data, *rest, **more):
    if name == "plan.json":
        data = b""
    return create(fd, name, data, *rest, **more)
change.create_file = late
records._read_back = lambda *_: None
""",
    ),
}


@pytest.mark.full
@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_harness_catches_a_program_that_is_wrong(run_points: Any, mutant: str) -> None:
    op, prelude = MUTANTS[mutant]
    try:
        tally = run_points(op, 1, prelude=prelude)
    except (AssertionError, MlrunsError):
        return
    assert tally.lost or tally.inexact, f"{tally.tried} points and nothing was noticed"
