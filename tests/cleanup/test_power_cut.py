"""The power goes: what the disk was not told to keep is lost, and still every item is whole.

A real ext4 on a loop device is shut down (``FS_IOC_SHUTDOWN``) as the program is about to make its N-th
change: without writing its journal (all that was not synced is lost) or with it (names are kept, contents
that were not synced are lost). Then it is mounted again and looked at.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.disk import change

pytestmark = [pytest.mark.root, pytest.mark.fault, pytest.mark.timeout(1_800)]
# Linux, include/uapi/linux/fs.h: FS_IOC_SHUTDOWN is _IOR('X', 125, __u32).
CUTTING = """
import contextlib, fcntl, os, stat, struct, subprocess
from mlruns_tui.disk import change
count = 0
DECISIVE = ("/data", "/dead")
def shut_down(mount, flag):
    fcntl.ioctl(os.open(mount, os.O_RDONLY), 0x8004587d, struct.pack("I", flag))
def copy_device(mount, image, to):
    # The worst of what may have been written by then, in whatever order.
    for folder, _, files in os.walk(mount):
        for path in [folder, *(folder + "/" + name for name in files)]:
            # Helpers are at work.
            with contextlib.suppress(FileNotFoundError):
                if stat.S_IFMT(os.lstat(path).st_mode) in (stat.S_IFREG, stat.S_IFDIR) and path[-5:] not in DECISIVE:
                    fd = os.open(path, os.O_RDONLY)
                    sync(fd)
                    os.close(fd)
    subprocess.run(["cp", "--sparse=always", image, to], check=True)
sync = os.fsync
def counted(call):
    def before(*arguments, **options):
        global count
        count += 1
        if count == {when}:
            {cut}
            os._exit(7)
        return call(*arguments, **options)
    return before
for name in ("rename", "exchange", "publish", "make_directory", "create_file", "create_open", "open_append", "write_all",
             "write_at", "set_size", "sync", "sync_file_system", "reserve_space", "remove_file", "remove_directory",
             "set_times", "set_directory_mtime", "finish", "finish_link", "make_link", "add_name", "share", "overwrite",
             "remove_tree"):
    setattr(change, name, counted(getattr(change, name)))
worker = os.getpid()
def counted_here(call):
    before = counted(call)
    return lambda *rest, **options: (before if os.getpid() == worker else call)(*rest, **options)
os.unlink, os.rmdir = counted_here(os.unlink), counted_here(os.rmdir)
"""
COUNTING = "\nprint(count)\n"
NO_JOURNAL = "there is no journal"
FLAGS = {"unsynced names and contents are lost": 2, "unsynced contents are lost": 1}
OPS = ["apply", "undo", "pack", "undo of packed", "purge", "purge one packed", "repair", "undo of a repair"]
COUNT = 2


class Disk:
    """A small ext4 file system whose power can go, and which can be had again as it was once."""

    def __init__(self, folder: Path, *, journal: bool) -> None:
        self.image, self.kept, self.point = folder / "disk.img", folder / "kept.img", folder / "disk"
        self.journal = journal
        with open(self.image, "wb") as file:
            file.truncate(24 << 20)
        subprocess.run(
            ["mkfs.ext4", "-q", "-F", "-O", "has_journal" if journal else "^has_journal", self.image], check=True
        )
        self.point.mkdir()
        self._renewed = 0

    def mount(self) -> None:
        options = "loop,commit=300,noauto_da_alloc" if self.journal else "loop"
        done = subprocess.run(
            ["mount", "-o", options, self.image, self.point], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
        try:
            os.close(os.open(self.point, os.O_TMPFILE | os.O_WRONLY))
        except OSError as error:
            raise RuntimeError("what was mounted is still the file system that was shut down") from error

    def unmount(self) -> None:
        # What read the store may have kept it open.
        gc.collect()
        if os.path.ismount(self.point) and subprocess.run(["umount", self.point], capture_output=True).returncode:
            # Somebody looks at it just now. Nobody waits for him: what is mounted next is another image.
            subprocess.run(["umount", "--lazy", self.point], check=True, capture_output=True)

    def keep(self) -> None:
        """Remember how it is."""
        # Whoever has this mount in a namespace of his own keeps it alive, and what it has not written, in memory.
        fd = os.open(self.point, os.O_RDONLY)
        change.sync_file_system(fd)
        os.close(fd)
        self.unmount()
        self.image.rename(self.kept)

    def renew(self) -> None:
        """As it was when it was kept."""
        self._mount_copy_of(self.kept)

    def power_cycle(self) -> None:
        if self.journal:
            self._mount_copy_of(self.image)
            return
        code = subprocess.run(["e2fsck", "-f", "-y", self.cut_off], capture_output=True, check=False).returncode
        assert code < 4, "it cannot be repaired"
        self._mount_copy_of(self.cut_off)

    @property
    def cut_off(self) -> Path:
        """What a disk without a journal had when the power was cut."""
        return self.kept.with_name("cut.img")

    def _mount_copy_of(self, image: Path) -> None:
        """Under a new name. The same image again might be the same file system again, shut down as it is: where a
        process with a mount namespace of its own was started meanwhile, it is alive there, and its loop device."""
        self.unmount()
        self._renewed += 1
        copy = self.kept.with_name(f"disk{self._renewed}.img")
        subprocess.run(["cp", "--sparse=always", image, copy], check=True)
        self.image.unlink(missing_ok=True)
        self.image = copy
        self.mount()


@pytest.fixture
def new_disk(tmp_path: Path) -> Iterator[Callable[[bool], Disk]]:
    """Makes a disk, with a journal or without."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4, to mount a file system")
    made: list[Disk] = []

    def make(journal: bool) -> Disk:
        made.append(Disk(tmp_path, journal=journal))
        made[-1].mount()
        return made[-1]

    yield make
    for disk in made:
        disk.unmount()


@pytest.fixture
def namespaces() -> Iterator[None]:
    """Mount namespaces come and go, as other tests and other people make them: each keeps what it found mounted."""
    prefix = ["unshare", "--mount"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs mount namespaces, which this machine does not allow")
    script = "trap 'exit 0' TERM; while :; do unshare --mount sleep 0.2; done"
    process = subprocess.Popen(["bash", "-c", script], start_new_session=True)
    yield
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


@pytest.fixture
def cut(faults: Any, harness: Any, new_disk: Callable[[bool], Disk]) -> Callable[..., Iterator[Any]]:
    """Cuts the power at so many changes of an operation (0: at each) and tells how each cut went."""

    def at_each(op: str, flag: str, sample: int, bug: str = "") -> Iterator[Any]:
        disk = new_disk(flag != NO_JOURNAL)
        harness.base = disk.point
        case = harness.case(op, COUNT)
        case.dead_may_go = not disk.journal
        disk.keep()

        def run(when: int) -> str:
            disk.renew()
            case.let_go()
            if "plan" in faults.read_json(case.file):
                # The disk may have got another number with its loop device.
                case.plan = case.operation.plan_again(case)
                case.ask(case.operation.prepare(case))
            if disk.journal:
                cut = f"shut_down({str(disk.point)!r}, {FLAGS[flag]})"
            else:
                cut = f"copy_device({str(disk.point)!r}, {str(disk.image)!r}, {str(disk.cut_off)!r})"
            cutting = CUTTING.format(when=when, cut=cut)
            harness.prelude = bug + cutting
            code = harness.strace(case, "-e", "trace=none", driver=faults.DRIVER + COUNTING)
            if code != (7 if when else 0):
                raise faults.Unfit(f"{op} cut at change {when} ended with {code}: {harness.stderr}")
            return str(harness.stdout)

        total = int(run(0))
        assert total > 10
        chosen = faults.scattered(range(1, total + 1), sample, len(op) + FLAGS.get(flag, 0))
        if bug:
            random.Random(7).shuffle(chosen)
        for when in chosen:
            run(when)
            disk.power_cycle()
            tally = faults.Tally(op, f"power cut, {flag}", 1)
            case.operation.judge(case, f"{op} cut at change {when} of {total}, {flag}", tally)
            yield tally

    return at_each


@pytest.mark.parametrize(
    ("op", "sample"),
    [(op, 2) for op in OPS]
    + [pytest.param(op, 0 if op in ("apply", "undo") else 30, marks=pytest.mark.full, id=f"{op}-more") for op in OPS],
)
@pytest.mark.parametrize("flag", FLAGS)
def test_after_a_power_cut_every_item_is_whole_and_undo_is_exact(
    cut: Any, nothing_lost: Any, op: str, flag: str, sample: int
) -> None:
    nothing_lost(cut(op, flag, sample))


@pytest.mark.parametrize(
    ("op", "sample"),
    [
        ("purge", 2),
        ("purge together", 2),
        *(pytest.param(op, 0, marks=pytest.mark.full, id=f"{op}-all") for op in ("purge", "purge together")),
    ],
)
def test_where_nothing_keeps_the_order_no_part_of_a_tree_is_missing_that_is_not_known_to_be_dead(
    cut: Any, nothing_lost: Any, op: str, sample: int
) -> None:
    nothing_lost(cut(op, NO_JOURNAL, sample))


def test_a_program_that_takes_trees_apart_before_the_disk_knows_that_they_died_is_caught(
    cut: Any, record_property: Any
) -> None:
    trusts_the_disk = "from mlruns_tui.cleanup import dying\nassert dying.place.keeps_order\n"
    trusts_the_disk += "dying.place.keeps_order = lambda fd: True\n"
    record_property("mutants tried", 1)
    record_property("mutants caught", 0)
    assert any(one.red for one in cut("purge", NO_JOURNAL, 0, trusts_the_disk))
    record_property("mutants caught", 1)


def test_others_who_keep_the_disk_mounted_do_not_bring_the_one_back_that_was_shut_down(
    cut: Any, nothing_lost: Any, namespaces: None
) -> None:
    nothing_lost(cut("purge one packed", "unsynced contents are lost", 2))


@pytest.mark.parametrize("op", ["apply", "pack"])
def test_a_program_that_never_syncs_is_caught_by_a_power_cut(cut: Any, record_property: Any, op: str) -> None:
    # Nor does it drop from memory what it reads back: for that the system writes it out, most of the time.
    never_syncs = "import os\nos.fsync = lambda fd: None\nos.posix_fadvise = lambda *_: None\n"
    never_syncs += "from mlruns_tui.disk import change\n"
    never_syncs += "change.sync_file_system = lambda fd: None\n"
    record_property("mutants tried", 1)
    record_property("mutants caught", 0)
    try:
        caught = any(one.red for one in cut(op, "unsynced contents are lost", 0, never_syncs))
    except (AssertionError, OSError):
        # OSError: a file the disk knows of and cannot read.
        caught = True
    assert caught
    record_property("mutants caught", 1)
