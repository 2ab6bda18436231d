"""Any order of marking, sorting, filtering, applying, undoing, restoring, packing, purging, recovering, writing by
others and dying.

An **example** is one store and up to ``STEPS`` steps on it, drawn by Hypothesis; after every step every item must
lie complete in exactly one place, unless it was purged on purpose, and only what the step was about may have
moved. Dying is real: a forked process ends at its N-th change of the disk. Everything else is the program's own
calls in this process: reader, planner, marks, views, apply, restore, purge.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.goingon import go_on, leave
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.disk import change, look
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.triage import marks as marking
from mlruns_tui.triage.marks import Marks
from mlruns_tui.triage.ordering import Order
from mlruns_tui.triage.views import run_rows
from mlruns_tui.workflow.deciding import plan_choices
from mlruns_tui.workflow.reading import open_reader, read_all

EXAMPLES = 2_000
STEPS = 8
DAY_MS = 86_400_000
CHANGES = (
    "rename", "exchange", "make_directory", "create_file", "open_append", "write_all", "sync", "reserve_space",
    "remove_file", "remove_directory", "set_directory_mtime", "share", "overwrite",
)  # fmt: skip
EXPECTED_REFUSALS = {
    "nothing-to-undo", "nothing-to-continue", "unfinished", "other-store", "no-such-batch", "no-such-item", "broken-batch",
}  # fmt: skip
SOME = st.lists(st.integers(0, 5), max_size=3)
Tree = dict[str, tuple[int, int, bytes]]


def tree_of(top: str) -> Tree:
    """Everything below ``top``: mode, time, content."""
    found: Tree = {}
    stack = [(top, "")]
    while stack:
        folder, prefix = stack.pop()
        status = os.stat(folder)
        found[prefix] = (status.st_mode, status.st_mtime_ns, b"")
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append((entry.path, f"{prefix}/{entry.name}"))
                else:
                    status = entry.stat(follow_symlinks=False)
                    with open(entry.path, "rb") as file:
                        found[f"{prefix}/{entry.name}"] = (status.st_mode, status.st_mtime_ns, file.read())
    return found


def trees_in(archive: str) -> dict[str, Tree]:
    """What an archive holds by item, read by the standard library: none of the program's own code is asked."""
    with open(archive, "rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file).read()
    found: dict[str, Tree] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            number, _, rest = member.name.partition("/")
            if not number.isdigit():
                continue
            kind = stat.S_IFDIR if member.isdir() else stat.S_IFREG
            mtime_ns = int(Decimal(member.pax_headers.get("mtime", str(member.mtime))) * 10**9)
            content = tar.extractfile(member)
            found.setdefault(number, {})[f"/{rest}" if rest else ""] = (
                kind | member.mode,
                mtime_ns,
                content.read() if content else b"",
            )
    return found


class Clearing(RuleBasedStateMachine):
    """One store, people and processes at work in it, and what must be true of it."""

    folder = ""
    stores = steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.mkdtemp(prefix="mlruns-", dir=Clearing.folder)
        self.trees: dict[str, Tree] = {}
        """By name of a unit: how it looks. A unit is a run, an orphaned experiment, or what came into a place."""
        self.origin: dict[str, str] = {}
        self.gone: set[str] = set()
        self.doubtful: set[str] = set()
        """Were being purged when the program died: may be there or not."""
        self.last: dict[str, list[str]] = {}
        self.may_move: set[str] = set()
        self.times: dict[str, int] = {}
        self.died = False
        self.marks, self.marked = Marks(), set[str]()
        self.order, self.text = Order(), ""
        self.count = 0

    # The store.

    @initialize()
    def make(self) -> None:
        Clearing.stores += 1
        for experiment in ("1", "2"):
            os.mkdir(f"{self.root}/{experiment}")
            self._write(
                f"{experiment}/meta.yaml",
                f"artifact_location: file://{self.root}/{experiment}\nexperiment_id: '{experiment}'\n"
                f"lifecycle_stage: active\nname: e{experiment}\n",
            )
            for at in range(3 if experiment == "1" else 1):
                self._run(experiment, f"{experiment}{at:031x}", at)
        os.mkdir(f"{self.root}/900")
        for part in ("tags", "params"):
            os.makedirs(f"{self.root}/900/{'e' * 32}/{part}")
        self._write(f"900/{'e' * 32}/tags/left", "over")
        self._made("900")
        for path in ("1", "2", ""):
            os.utime(f"{self.root}/{path}", ns=(10**18, 10**18))
        self._note_times()
        self.scan()
        self.last = self.locate()

    def _run(self, experiment: str, run: str, at: int) -> None:
        path = f"{experiment}/{run}"
        for part in ("metrics", "params", "tags", "artifacts"):
            os.makedirs(f"{self.root}/{path}/{part}")
        ended = int(time.time() * 1000) - (40 + at) * DAY_MS
        self._write(
            f"{path}/meta.yaml",
            f"artifact_uri: file://{self.root}/{path}/artifacts\nend_time: {ended}\nexperiment_id: '{experiment}'\n"
            f"lifecycle_stage: active\nrun_id: {run}\nrun_name: {('zebra', 'ant', 'moth')[at]}\n"
            f"start_time: {ended - 1000}\nstatus: 3\nuser_id: u\n",
        )
        self._write(f"{path}/metrics/loss", f"{ended} 0.{at} 0\n" * (at + 1))
        self._made(path)

    def _write(self, path: str, text: str) -> None:
        with open(f"{self.root}/{path}", "w") as file:
            file.write(text)

    def _made(self, path: str, old: bool = True) -> str:
        self.count += 1
        name = f"{path}#{self.count}"
        if old:
            for folder, _, files in os.walk(f"{self.root}/{path}", topdown=False):
                for one in (*files, "."):
                    os.utime(f"{folder}/{one}", ns=(10**18 + self.count, 10**18 + self.count))
        self.trees[name], self.origin[name] = tree_of(f"{self.root}/{path}"), path
        return name

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # What must be true.

    def places(self) -> dict[str, Tree]:
        """Every place a complete copy may lie in, with what lies there. Never a grave."""
        found = {}
        here = {path for path in self.origin.values() if os.path.isdir(f"{self.root}/{path}")}
        aside = [name for name in os.listdir(self.root) if "-restored-" in name]
        for path in (*here, *aside, *self._slots("data")):
            found[path] = tree_of(f"{self.root}/{path}")
        return found

    def _slots(self, kind: str) -> list[str]:
        top = f"{self.root}/{VAULT_NAME}/batches"
        if not os.path.isdir(top):
            return []
        return [
            f"{VAULT_NAME}/batches/{batch}/{kind}/{n}"
            for batch in os.listdir(top)
            if os.path.isdir(f"{top}/{batch}/{kind}")
            for n in os.listdir(f"{top}/{batch}/{kind}")
        ]

    def locate(self) -> dict[str, list[str]]:
        """Where each unit lies complete. Fails when something lies in a backup that is no whole unit."""
        places = self.places()
        found = {
            name: [
                path
                for path, there in places.items()
                if there == tree and (path == self.origin[name] or path not in self.origin.values())
            ]
            for name, tree in self.trees.items()
        }
        whole = {path for paths in found.values() for path in paths}
        assert not places.keys() - whole, f"neither whole nor known: {sorted(places.keys() - whole)}"
        if not all(found.values()):
            # An archive may still hold what is a tree again, or purged: it counts where there is no tree.
            for name, paths in found.items():
                if not paths and name not in self.gone:
                    paths += [path for path, there in self.archived().items() if there == self.trees[name]]
        return found

    def archived(self) -> dict[str, Tree]:
        found = {}
        for path in self._slots("pack"):
            if path.endswith(".tar.zst"):
                for number, tree in trees_in(f"{self.root}/{path}").items():
                    # Which archive it is in is the program's own affair: the others of one are packed anew.
                    found[f"{path.rpartition('/pack/')[0]}/packed/{number}"] = tree
        return found

    @invariant()
    def every_item_is_in_one_place(self) -> None:
        Clearing.steps += 1
        if not self.trees:
            return
        now = self.locate()
        graves, doubtful = self._slots("dead"), set(self.doubtful)
        for name, paths in now.items():
            if name in self.gone:
                assert paths == [], f"{name} was purged and is in {paths}"
            elif name in self.doubtful and not paths:
                if not graves:
                    self.gone.add(name)
            else:
                assert len(paths) == 1, f"{name} is in {len(paths)} places: {paths}"
                self.doubtful.discard(name) if not graves else None
            if paths != self.last.get(name, paths) and name not in doubtful | self.gone:
                assert name in self.may_move, f"{name} was not meant and went from {self.last[name]} to {paths}"
        self.last, self.may_move = now, set()
        for path, mtime_ns in self.times.items():
            if not self.died:
                found = os.stat(f"{self.root}/{path}").st_mtime_ns
                assert found == mtime_ns, f"the time of {path or 'the root'}"

    def _note_times(self) -> None:
        self.times = {path: os.stat(f"{self.root}/{path}").st_mtime_ns for path in ("1", "2", "")}

    def batches(self) -> list[str]:
        top = f"{self.root}/{VAULT_NAME}/batches"
        return os.listdir(top) if os.path.isdir(top) else []

    def here(self) -> list[str]:
        return [name for name, paths in self.last.items() if paths == [self.origin[name]]]

    def kept(self) -> list[str]:
        return [name for name, paths in self.last.items() if paths and paths != [self.origin[name]]]

    # Deciding.

    def scan(self) -> None:
        self.reader = open_reader(self.root)
        self.snapshot = read_all(self.reader)

    @rule(
        key=st.sampled_from(["", "size", "name", "age", "idle", "files", "status"]),
        text=st.sampled_from(["", "a", "!ant", "moth", "finished", "nothing like it"]),
        again=st.booleans(),
    )
    def sort_and_filter(self, key: Any, text: str, again: bool) -> None:
        self.text = text
        if key:
            self.order = self.order.pressed(key)
        if again:
            self.scan()

    def rows(self) -> list[Any]:
        now = int(time.time() * 1000)
        shown: list[Any] = [
            row.run
            for experiment in self.snapshot.experiments
            for row in run_rows(self.snapshot.runs.get(experiment.key, ()), self.order, now, self.text)
            if experiment.state == "ok"
        ]
        return shown + [one for one in self.snapshot.experiments if one.state == "orphaned"]

    @rule(numbers=SOME)
    def mark(self, numbers: list[int]) -> None:
        """The rows of these numbers, as they are shown now; all for none."""
        rows = self.rows()
        for number in numbers or range(len(rows)):
            if rows:
                chosen = rows[number % len(rows)]
                self.marks = self.marks.add([marking.mark_of(chosen)])
                self.marked.add(chosen.path)

    def clear(self) -> None:
        self.marks, self.marked = Marks(), set()

    def plan(self, backup: bool) -> Plan:
        plan = plan_choices(self.reader, self.snapshot, self.marks.choices(), backup=backup)
        paths = {item.path for item in plan.items}
        assert paths <= self.marked, f"not marked: {paths - self.marked}"
        return plan

    # Changing.

    @rule(
        numbers=SOME,
        backup=st.sampled_from([True, True, False]),
        meanwhile=st.sampled_from(["", "", "", "written before", "written between", "replaced"]),
    )
    def apply(self, numbers: list[int], backup: bool, meanwhile: str) -> None:
        if not self.marks:
            self.mark(numbers)
        plan = self.plan(backup)
        planned = self._units_at([item.path for item in plan.items])
        if not planned:
            return
        restless = ""
        if meanwhile:
            restless = planned[0]
        if meanwhile == "written before":
            self._append(restless)
        elif meanwhile == "replaced":
            self._replace(restless)
        self.may_move = set(planned) - {restless}
        if meanwhile == "written between":
            self.may_move.add(restless)
        with self._writing(restless if meanwhile == "written between" else ""):
            batch = self._try(lambda: apply(plan))
        self.clear()
        if batch is None:
            self.may_move = set()
        elif not backup:
            self._purged(batch)
        if restless and meanwhile != "replaced":
            assert self.locate()[restless] == [self.origin[restless]], "what is written to stays"

    @precondition(lambda self: self.batches())
    @rule()
    def undo(self) -> None:
        resting = self._whole_in_graves()
        self.may_move = set(self.kept()) | set(resting)
        batch = self._try(lambda: undo(self.root))
        if batch is not None and len(batches(self.root)) == 1:
            found = self.locate()
            assert all(found[name] for name in resting), "dead but whole, and it did not come back"

    @precondition(lambda self: self.kept())
    @rule(
        number=st.integers(0, 5),
        one=st.booleans(),
        on_conflict=st.sampled_from(["skip", "rename", "swap"]),
    )
    def restore(self, number: int, one: bool, on_conflict: Any) -> None:
        listed = batches(self.root)
        batch = listed[number % len(listed)]
        keys = [batch.items[number % len(batch.items)].item.key] if one and batch.items else None
        self.may_move = set(self.last) if on_conflict == "swap" else set(self.kept())
        self._try(lambda: restore(self.root, batch.id, keys, on_conflict))

    @precondition(lambda self: self.kept())
    @rule(number=st.integers(0, 5))
    def pack(self, number: int) -> None:
        listed = batches(self.root)
        batch = listed[number % len(listed)]
        self.may_move = set(self.kept()) | set(self._whole_in_graves())
        self._try(lambda: pack(self.root, batch.id, None, 0))

    @precondition(lambda self: self.kept())
    @rule(number=st.integers(0, 5), one=st.booleans())
    def purge(self, number: int, one: bool) -> None:
        listed = batches(self.root)
        batch = listed[number % len(listed)]
        keys = [batch.items[number % len(batch.items)].item.key] if one and batch.items else None
        done = self._try(lambda: purge(self.root, batch.id, keys))
        if done is not None:
            self._purged(done)

    @rule(what=st.sampled_from(["apply", "apply without backup"]), numbers=SOME, number=st.integers(1, 60))
    def die_applying(self, what: str, numbers: list[int], number: int) -> None:
        self.mark(numbers)
        self._die(what, number, "skip")

    @precondition(lambda self: self.batches())
    @rule(
        what=st.sampled_from(["undo", "undo", "restore", "purge", "pack", "pack"]),
        number=st.integers(1, 30),
        on_conflict=st.sampled_from(["skip", "swap", "rename"]),
    )
    def die_taking_back(self, what: str, number: int, on_conflict: Any) -> None:
        self._die(what, number, on_conflict)

    @precondition(lambda self: self.died and self.batches())
    @rule(number=st.integers(0, 5), leaving=st.booleans())
    def recover(self, number: int, leaving: bool) -> None:
        """What died is gone on with to its end, or left as it is; then it is settled, and nobody must wait for it."""
        listed = batches(self.root)
        if not listed:
            return
        batch = listed[number % len(listed)]
        was_open = batch.open_op
        self.may_move = set(self.last) | set(self._whole_in_graves())
        if not leaving and (was_open == "purge" or not batch.backup):
            paths = {one.item.path for one in batch.items}
            self.doubtful |= {name for name in self.last if self.origin[name] in paths and name not in self.gone}
        done = self._try(lambda: (leave if leaving else go_on)(self.root, batch.id))
        assert (done is not None) == bool(was_open), f"{was_open}: {done}"
        if done is not None:
            assert done.state != "unfinished", done
            assert not [one for one in batches(self.root) if one.id == batch.id and one.open_op]

    def _die(self, what: str, number: int, on_conflict: Any) -> None:
        """Killed at some change of the disk; or, where there are fewer, not at all."""
        if what.startswith("apply"):
            plan = self.plan(what == "apply")
            units = self._units_at([item.path for item in plan.items])
            if not units:
                return
            self._in_another_process(lambda: apply(plan), number)
            self.may_move = set(units) | set(self.doubtful)
            if not plan.backup:
                self.doubtful |= set(units)
        else:
            listed = batches(self.root)
            if not listed:
                return
            calls: dict[str, Callable[[], Any]] = {
                "undo": lambda: undo(self.root),
                "restore": lambda: restore(self.root, listed[0].id, None, on_conflict),
                "purge": lambda: purge(self.root, listed[0].id),
                "pack": lambda: pack(self.root, listed[0].id, None, 0),
            }
            self._in_another_process(calls[what], number)
            self.may_move = set(self.last) if on_conflict == "swap" else set(self.kept()) | self.doubtful
            if what == "purge":
                top = f"{VAULT_NAME}/batches/{listed[0].id}/"
                self.doubtful |= {name for name, paths in self.last.items() if paths and paths[0].startswith(top)}
        self.died = True

    def _in_another_process(self, call: Callable[[], Any], number: int) -> None:
        child = os.fork()
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 9)
            return
        code = 1
        try:
            left = number

            def counted(function: Callable[..., Any]) -> Callable[..., Any]:
                def before(*arguments: Any, **options: Any) -> Any:
                    nonlocal left
                    left -= 1
                    if not left:
                        os._exit(9)
                    return function(*arguments, **options)

                return before

            for name in CHANGES:
                setattr(change, name, counted(getattr(change, name)))
            for name in ("unlink", "rmdir"):
                setattr(change.os, name, counted(getattr(change.os, name)))
            call()
            code = 0
        except MlrunsError:
            code = 0
        finally:
            os._exit(code)

    # Others.

    @precondition(lambda self: self.here())
    @rule(number=st.integers(0, 5))
    def somebody_writes(self, number: int) -> None:
        self._append(sorted(self.here())[number % len(self.here())])

    @precondition(lambda self: any("/" in self.origin[name] for name in self.kept()))
    @rule(number=st.integers(0, 5), empty=st.booleans())
    def a_ghost_comes_back(self, number: int, empty: bool) -> None:
        """A client that lives on makes the directory of a run that was moved, with or without a file."""
        runs = sorted(name for name in self.kept() if "/" in self.origin[name])
        path = self.origin[runs[number % len(runs)]]
        if not os.path.lexists(f"{self.root}/{path}"):
            os.makedirs(f"{self.root}/{path}/artifacts")
            if not empty:
                self._write(f"{path}/artifacts/ghost", f"{self.count}")
            else:
                os.rmdir(f"{self.root}/{path}/artifacts")
            self.last[self._made(path, old=False)] = [path]
            self._note_times()

    def _append(self, name: str) -> None:
        path = self.origin[name]
        with open(f"{self.root}/{path}/more", "a") as file:
            file.write("more\n")
        self.trees[name] = tree_of(f"{self.root}/{path}")

    def _replace(self, name: str) -> None:
        """The directory goes elsewhere by another's hand, and another one is in its place."""
        path = self.origin[name]
        shutil.rmtree(f"{self.root}/{path}")
        self.gone.add(name)
        os.mkdir(f"{self.root}/{path}")
        self._write(f"{path}/other", "other")
        self.last[self._made(path)] = [path]
        self._note_times()

    def _writing(self, name: str) -> Any:
        """A writer who comes between the look and the move, to this unit."""
        patch = pytest.MonkeyPatch()
        rename = change.rename

        def write_and_rename(source_fd: int, source: str, target_fd: int, target: str) -> None:
            if source == os.path.basename(self.origin[name]):
                patch.undo()
                self._append(name)
            rename(source_fd, source, target_fd, target)

        if name:
            patch.setattr(change, "rename", write_and_rename)
        return patch.context() if not name else _undone(patch)

    # The rest.

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except MlrunsError as error:
            assert error.code in EXPECTED_REFUSALS, f"{error.code}: {error.message}"
            return None

    def _units_at(self, paths: list[str]) -> list[str]:
        return [name for name in self.here() if self.origin[name] in paths]

    def _purged(self, batch: Any) -> None:
        found = self.places()
        for one in batch.items:
            if one.place == "purged":
                gone = [name for name in self.last if self.origin[name] == one.item.path and name not in self.gone]
                self.gone |= {name for name in gone if self.trees[name] not in found.values()}

    def _whole_in_graves(self) -> list[str]:
        there = [tree_of(f"{self.root}/{path}") for path in self._slots("dead")]
        return [name for name, tree in self.trees.items() if tree in there]


class _undone:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.patch.undo()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Who has files open is told elsewhere; asking every process of the machine costs more than all else."""
    monkeypatch.setattr(look, "open_files", lambda device: look.NO_OPEN_FILES)
    Clearing.folder, Clearing.stores, Clearing.steps = str(tmp_path), 0, 0
    yield
    Clearing.folder = ""


def how(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), **more,
    )  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("examples", "same_ones"),
    [(EXAMPLES, True), pytest.param(10 * EXAMPLES, False, marks=pytest.mark.full)],
    ids=["the same ones in every run", "new ones in every run"],
)
def test_whatever_is_done_every_item_is_in_one_place(examples: int, same_ones: bool, record_property: Any) -> None:
    run_state_machine_as_test(Clearing, settings=how(examples, derandomize=same_ones))
    assert Clearing.stores >= examples
    record_property("state machine examples (stores)", examples)
    record_property("state machine steps, each checked", Clearing.steps)


class MarkingByRow(Clearing):
    """A program that remembers the number of the row, not what was in it."""

    def mark(self, numbers: list[int]) -> None:
        rows = self.rows()
        self.numbers = getattr(self, "numbers", set()) | {number % len(rows) for number in numbers if rows}
        super().mark(numbers or [0])

    def plan(self, backup: bool) -> Plan:
        rows = self.rows()
        self.marks = Marks().add([marking.mark_of(rows[at]) for at in sorted(self.numbers) if at < len(rows)])
        return super().plan(backup)


def replacing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(change, "rename", lambda a, b, c, d: os.rename(b, d, src_dir_fd=a, dst_dir_fd=c))


def not_looking_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("mlruns_tui.cleanup.apply._Application._is_intact", lambda *_: True)


def not_looking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("mlruns_tui.cleanup.apply._Application._unfit", lambda *_: "")
    not_looking_again(patch)


def giving_up_the_dead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("mlruns_tui.cleanup.recover.rescued", lambda *_: False)


@pytest.mark.parametrize(
    ("machine", "mutate"),
    [
        (MarkingByRow, None),
        (Clearing, replacing),
        (Clearing, not_looking_again),
        (Clearing, not_looking),
        (Clearing, giving_up_the_dead),
    ],
    ids=["marks by row", "replaces what is in the way", "does not look again", "does not look", "gives up the dead"],
)
def test_the_machine_catches_a_program_that_is_wrong(
    machine: type[Clearing], mutate: Any, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    record_property("mutants tried", 1)
    record_property("mutants caught", 0)
    if mutate is not None:
        mutate(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            machine,
            settings=how(
                3_000, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False
            ),
        )
    record_property("mutants caught", 1)
