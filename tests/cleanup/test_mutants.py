"""The harness is harnessed: a program with a deliberate bug must turn it red.

Each bug is put into the worker's process alone, as a few lines that run before it. A bug that does not let the
program work at all without faults is unfit, not caught.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mlruns_tui.model.errors import MlrunsError

pytestmark = pytest.mark.fault
MUTATE = """
def mutate(owner, **names):
    for name, new in names.items():
        assert hasattr(owner, name), f"{owner} has no {name} any more"
        setattr(owner, name, new)
"""


@dataclass(frozen=True)
class Mutant:
    """A bug, the operation it is in, and what brings it to light: ``kill``, ``lie`` (about a write) or nothing."""

    op: str
    fault: str
    code: str
    count: int = 1
    """Items."""
    followed: int = -1
    """The process that is hurt: -1 whichever there is, else see ``Tracer.run``."""


MUTANTS = {
    "copies, then deletes the original": Mutant(
        "apply",
        "kill",
        """
import shutil
from mlruns_tui.cleanup import steps
def do(self, ground):
    slot = ground.places.free(self.n)
    fd, name = ground.parents.of(self.item.path)
    shutil.copytree(f"/proc/self/fd/{fd}/{name}", f"/proc/self/fd/{slot.fd}/{slot.name}", symlinks=True)
    shutil.rmtree(f"/proc/self/fd/{fd}/{name}")
    return slot
mutate(steps.MoveOut, do=do)
""",
    ),
    "deletes in place": Mutant(
        "purge",
        "kill",
        """
from mlruns_tui.cleanup import places
from mlruns_tui.disk import change
mutate(places.Places, dead=lambda self, n: self.free(n), find_dead=places.Places.find)
rename = change.rename
mutate(change, rename=lambda a, b, c, d: None if (a, b) == (c, d) else rename(a, b, c, d))
""",
    ),
    "forgets the directories' times": Mutant(
        "apply",
        "kill",
        """
from mlruns_tui.cleanup import parents
mutate(parents.Parents, times=lambda self, paths: [])
""",
    ),
    "moves before the plan is written": Mutant(
        "apply",
        "kill",
        """
from mlruns_tui.cleanup import records
from mlruns_tui.disk import change
create = change.create_file
def late(fd, name, data, *rest, **more):
    create(fd, name, b"" if name == "plan.json" else data, *rest, **more)
mutate(change, create_file=late)
mutate(records, read_back=lambda *_: None)
""",
    ),
    "does not read the plan back": Mutant(
        "apply",
        "lie",
        """
from mlruns_tui.cleanup import records
mutate(records, read_back=lambda *_: None)
""",
    ),
    "replaces what is in the way": Mutant(
        "undo where something is in the way",
        "",
        """
import os
from mlruns_tui.disk import change
mutate(change, rename=lambda a, b, c, d: os.rename(b, d, src_dir_fd=a, dst_dir_fd=c))
""",
    ),
    "overwrites what was logged into a slimmed run": Mutant(
        "undo of slim where something was logged since",
        "",
        """
import os, shutil
from mlruns_tui.disk import change
def replace_empty(source_fd, source, target_fd, target):
    shutil.rmtree(f"/proc/self/fd/{target_fd}/{target}")
    os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
mutate(change, replace_empty=replace_empty)
""",
    ),
    "leaves a slimmed run without its folder for a moment": Mutant(
        "slim",
        "kill",
        """
from mlruns_tui.cleanup import slim
def _exchange(self, ground, slot, parent_fd, name):
    self._about_to_change(ground, slot)
    self._in_two(slot, parent_fd, name)
    self._changed(ground, slot)
mutate(slim.Slim, _exchange=_exchange)
""",
    ),
    "follows links as it deletes": Mutant(
        "purge",
        "",
        """
import os
from mlruns_tui.disk import change
def remove_tree(dir_fd, name, removed=None):
    for folder, below, files in os.walk(f"/proc/self/fd/{dir_fd}/{name}", topdown=False, followlinks=True):
        for one in files:
            os.unlink(f"{folder}/{one}")
        for one in below:
            path = f"{folder}/{one}"
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)
    os.rmdir(name, dir_fd=dir_fd)
mutate(change, remove_tree=remove_tree)
""",
    ),
    "does not look again after the move": Mutant(
        "apply to what is written to, not killed",
        "",
        """
from mlruns_tui.cleanup import apply
mutate(apply._Application, _is_intact=lambda *_: True)
""",
    ),
    "gives up what lay dead but whole": Mutant(
        "undo after a killed purge",
        "",
        """
from mlruns_tui.cleanup import recover
mutate(recover, rescued=lambda *_: False)
""",
        3,
    ),
    "breaks a lock that is old": Mutant(
        "apply under another's lock",
        "",
        """
import os, time
from mlruns_tui.disk import change
take = change.take_lock
def take_or_break(dir_fd, name, mode=0o644):
    fd = take(dir_fd, name, mode)
    if fd is None and time.time() - os.stat(name, dir_fd=dir_fd).st_mtime > 3600:
        os.unlink(name, dir_fd=dir_fd)
        fd = take(dir_fd, name, mode)
    return fd
mutate(change, take_lock=take_or_break, lock_directory=lambda fd: True)
""",
    ),
    "lets one fault end it between two renames": Mutant(
        "swap",
        "kill",
        """
from mlruns_tui.cleanup import conflict, recover
from mlruns_tui.disk import change
def in_two(slot, parent_fd, name, free):
    change.remove_tree(parent_fd, name)
    change.rename(slot.fd, slot.name, parent_fd, name)
    change.make_directory(free.fd, free.name)
mutate(conflict, _exchange=in_two)
""",
    ),
    "retires the originals before their archive was read back": Mutant(
        "pack",
        "lie",
        """
from mlruns_tui.cleanup import makearchive
mutate(makearchive, replay=lambda *_: {})
""",
    ),
    "takes what was packed apart where it is kept": Mutant(
        "pack",
        "kill",
        """
from mlruns_tui.cleanup import places
from mlruns_tui.disk import change
mutate(places.Places, dead=lambda self, n: self.free(n), find_dead=places.Places.find)
rename = change.rename
mutate(change, rename=lambda a, b, c, d: None if (a, b) == (c, d) else rename(a, b, c, d))
""",
    ),
    "believes a helper that was killed": Mutant(
        "pack together",
        "kill",
        """
from mlruns_tui.disk.helpers import Helper
answer = Helper.answer
def believed(self, *rest):
    try:
        return answer(self, *rest)
    except InterruptedError:
        return "", -1, ""
mutate(Helper, answer=believed)
""",
        3,
        followed=3,
    ),
    "believes what it unpacked without reading it": Mutant(
        "undo of packed",
        "lie",
        """
from mlruns_tui.cleanup import unpack
mutate(unpack, compare=lambda *_: None)
""",
    ),
    "deletes the neighbour of what it was asked to": Mutant(
        "purge one",
        "",
        """
from mlruns_tui.cleanup import purge
mutate(purge, chosen_items=lambda kept, keys: [1])
""",
        3,
    ),
    "forgets an item when it takes back": Mutant(
        "undo after a killed apply",
        "",
        """
from mlruns_tui.cleanup import restore
chosen = restore.chosen_items
mutate(restore, chosen_items=lambda kept, keys: chosen(kept, keys)[1:])
""",
        3,
    ),
    "forgets an item when it goes on": Mutant(
        "going on with a killed apply",
        "",
        """
from mlruns_tui.cleanup import apply
run = apply._Application.run
def forgetful(self, staying=None):
    self._todo = self._todo[:-1]
    return run(self, staying)
mutate(apply._Application, run=forgetful)
""",
        3,
    ),
    "repairs over what was there": Mutant(
        "repair",
        "",
        """
import os
from mlruns_tui.cleanup import repair
mutate(repair, _exchange=lambda folder, mine, parent, name, *_: os.replace(
    mine, name, src_dir_fd=folder, dst_dir_fd=parent))
""",
        3,
    ),
    "puts a repaired file there without reading it": Mutant(
        "repair",
        "lie",
        """
from mlruns_tui.cleanup import repair_made
mutate(repair_made.Made, is_file=lambda *_, **__: True)
""",
        3,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_harness_catches_a_program_that_is_wrong(
    harness: Any, faults: Any, record_property: Any, name: str
) -> None:
    mutant = MUTANTS[name]
    harness.prelude = MUTATE + mutant.code
    harness.followed = mutant.followed

    def tallies() -> Iterator[Any]:
        if not mutant.fault:
            yield from harness.unhurt(mutant.op, mutant.count)
            return
        case = harness.case(mutant.op, mutant.count)
        changes = harness.changes_of(case, faults.ASKING)
        case.remove()
        random.Random(7).shuffle(changes)
        if mutant.fault == "kill":
            yield from harness.kill_at(mutant.op, mutant.count, [point for point, _ in changes])
        else:
            lies = [(point, f"retval={size}") for point, size in changes if point[0] in ("write", "pwrite64")]
            yield from harness.hurt_at(mutant.op, mutant.count, lies)

    record_property("mutants tried", 1)
    record_property("mutants caught", 0)
    try:
        caught = any(one.red for one in tallies())
    except (AssertionError, MlrunsError):
        caught = True
    assert caught
    record_property("mutants caught", 1)
