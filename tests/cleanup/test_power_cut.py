"""The power goes: what the disk was not told to keep is lost, and still every item is whole.

A real ext4 on a loop device is shut down (``FS_IOC_SHUTDOWN``) as the program is about to make its N-th
change: without writing its journal (all that was not synced is lost) or with it (names are kept, contents
that were not synced are lost). Then it is mounted again and looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError

pytestmark = pytest.mark.root
# Linux, include/uapi/linux/fs.h: FS_IOC_SHUTDOWN is _IOR('X', 125, __u32).
DRIVER = """
import fcntl, json, os, struct, sys
from mlruns_tui.cleanup import worker
from mlruns_tui.disk import change, look
look.open_files = lambda device: look.NO_OPEN_FILES
request, mount, flag, when, log = sys.argv[1:]
count = 0
def counted(call):
    def before(*arguments, **options):
        global count
        count += 1
        if count == int(when):
            fd = os.open(mount, os.O_RDONLY)
            fcntl.ioctl(fd, 0x8004587d, struct.pack("I", int(flag)))
            os._exit(7)
        return call(*arguments, **options)
    return before
for name in ("rename", "make_directory", "create_file", "open_append", "write_all", "sync", "reserve_space",
             "remove_file", "remove_directory", "set_directory_mtime", "share", "overwrite", "remove_tree"):
    setattr(change, name, counted(getattr(change, name)))
worker.carry_out(json.loads(open(request).read()), lambda event: None, lambda: False)
open(log, "w").write(str(count))
"""
FLAGS = {"unsynced names and contents are lost": 2, "unsynced contents are lost": 1}


class Disk:
    """A small ext4 file system whose power can go."""

    def __init__(self, image: Path, point: Path) -> None:
        self.image, self.point = image, point
        with open(image, "wb") as file:
            file.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        point.mkdir()

    def mount(self) -> None:
        options = "loop,commit=300,noauto_da_alloc"
        done = subprocess.run(
            ["mount", "-o", options, self.image, self.point], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", self.point], check=False, capture_output=True)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Callable[[str], Disk]]:
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4, to mount a file system")
    made: list[Disk] = []

    def make(name: str) -> Disk:
        made.append(Disk(tmp_path / f"{name}.img", tmp_path / name))
        made[-1].mount()
        return made[-1]

    yield make
    for disk in made:
        disk.unmount()


class Case:
    def __init__(self, disk: Disk, store_class: Any, op: str) -> None:
        self.disk = disk
        self.store = store_class(disk.point / "mlruns")
        self.paths = ["1/" + "a" * 32, "1/" + "b" * 32, "2"]
        self.store.experiment("1", ["a" * 32, "b" * 32, "c" * 32], rich=True)
        self.store.experiment("2", ["d" * 32])
        self.store.age()
        self.before = self.store.manifest()
        plan = self.store.plan(*self.paths)
        self.request: dict[str, Any] = {"do": "apply", "plan": codec.encode(plan)}
        if op == "undo":
            apply(plan)
            self.request = {"do": "undo", "root": str(self.store.root)}
        os.sync()

    def run(self, folder: Path, flag: int, when: int, prelude: str = "") -> int:
        """The number of changes of a whole run, or -1 when the power went. ``prelude``: a deliberate bug."""
        (folder / "request").write_text(json.dumps(self.request))
        done = subprocess.run(
            [
                sys.executable,
                "-B",
                "-c",
                prelude + DRIVER,
                folder / "request",
                self.disk.point,
                str(flag),
                str(when),
                folder / "count",
            ],
            check=False,
        )
        assert done.returncode in (0, 7)
        return -1 if done.returncode == 7 else int((folder / "count").read_text())


def points_of(total: int, sample: int) -> range:
    return range(1, total + 1, max(1, total // sample)) if sample else range(1, total + 1)


@pytest.fixture
def cut(disks: Any, store_class: Any, tree_manifest: Any, compare: Any, tmp_path: Path) -> Callable[..., Any]:
    """Cuts the power at changes of an operation and yields what is wrong after each."""

    def at_each(op: str, flag: str, sample: int, prelude: str = "") -> Iterator[tuple[list[str], list[str]]]:
        disk = disks("counted")
        total = Case(disk, store_class, op).run(tmp_path, FLAGS[flag], 0, prelude)
        disk.unmount()
        assert total > 10
        for when in points_of(total, sample):
            disk = disks(f"disk{when}")
            case = Case(disk, store_class, op)
            assert case.run(tmp_path, FLAGS[flag], when, prelude) == -1
            disk.unmount()
            disk.mount()
            yield judge(case, f"{op} cut at change {when} of {total}")
            disk.unmount()
            disk.image.unlink()

    def judge(case: Case, where: str) -> tuple[list[str], list[str]]:
        trees = {path: entry for path, entry in case.before.items() if path.startswith((b"1/a", b"1/b", b"2"))}
        lost = []
        for path in case.paths:
            wanted = {
                name[len(path) :]: entry
                for name, entry in trees.items()
                if name.decode(errors="replace").startswith(path)
            }
            places = [case.store.root / path, *case.store.vault.glob("batches/*/data/*")]
            found = [
                {(b"" if name == b"." else b"/" + name): entry for name, entry in tree_manifest(place).items()}
                for place in places
                if place.exists()
            ]
            if sum(contents(tree) == contents(wanted) for tree in found) != 1:
                lost.append(f"{where}: {path}")
        try:
            undo(str(case.store.root))
        except MlrunsError as error:
            if error.code != "nothing-to-undo":
                return lost, [f"{where}: {error.message}"]
        changes = compare(case.before, case.store.manifest())
        return lost, [f"{where}: {changes}"] if changes else []

    return at_each


@pytest.mark.parametrize("sample", [6, pytest.param(0, marks=pytest.mark.full, id="all")])
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("op", ["apply", "undo"])
def test_after_a_power_cut_every_item_is_whole_and_undo_is_exact(
    cut: Any, record_property: Any, op: str, flag: str, sample: int
) -> None:
    found = list(cut(op, flag, sample))
    lost = [one for some, _ in found for one in some]
    inexact = [one for _, some in found for one in some]
    record_property("fault points tried", len(found))
    record_property("fault points where something was lost", len(lost))
    record_property("fault points where undo was not exact", len(inexact))
    assert (lost, inexact) == ([], [])


def test_a_program_that_never_syncs_is_caught_by_a_power_cut(cut: Any, record_property: Any) -> None:
    never_syncs = "import os\nos.fsync = lambda fd: None\n"
    record_property("mutants tried", 1)
    record_property("mutants caught", 0)
    assert any(lost or inexact for lost, inexact in cut("apply", "unsynced contents are lost", 12, never_syncs))
    record_property("mutants caught", 1)


def contents(tree: dict[bytes, Any]) -> dict[bytes, Any]:
    """Without the list of twins, which names them from another top."""
    return {name: entry[:8] for name, entry in tree.items()}
