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
import fcntl, os, struct
from mlruns_tui.disk import change
count = 0
def counted(call):
    def before(*arguments, **options):
        global count
        count += 1
        if count == {when}:
            fd = os.open({mount!r}, os.O_RDONLY)
            fcntl.ioctl(fd, 0x8004587d, struct.pack("I", {flag}))
            os._exit(7)
        return call(*arguments, **options)
    return before
for name in ("rename", "exchange", "publish", "make_directory", "create_file", "create_open", "open_append", "write_all",
             "write_at", "set_size", "sync", "sync_file_system", "reserve_space", "remove_file", "remove_directory",
             "set_times", "set_directory_mtime", "finish", "finish_link", "make_link", "add_name", "share", "overwrite",
             "remove_tree"):
    setattr(change, name, counted(getattr(change, name)))
"""
COUNTING = "\nprint(count)\n"
FLAGS = {"unsynced names and contents are lost": 2, "unsynced contents are lost": 1}
OPS = ["apply", "undo", "pack", "undo of packed", "purge", "purge one packed", "repair", "undo of a repair"]
COUNT = 2


class Disk:
    """A small ext4 file system whose power can go, and which can be had again as it was once."""

    def __init__(self, folder: Path) -> None:
        self.image, self.kept, self.point = folder / "disk.img", folder / "kept.img", folder / "disk"
        with open(self.image, "wb") as file:
            file.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        self.point.mkdir()
        self._renewed = 0

    def mount(self) -> None:
        options = "loop,commit=300,noauto_da_alloc"
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
        self._mount_copy_of(self.image)

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
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4, to mount a file system")
    made = Disk(tmp_path)
    made.mount()
    yield made
    made.unmount()


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
def cut(faults: Any, harness: Any, disk: Disk) -> Callable[..., Iterator[Any]]:
    """Cuts the power at so many changes of an operation (0: at each) and tells how each cut went."""

    def at_each(op: str, flag: str, sample: int, bug: str = "") -> Iterator[Any]:
        harness.base = disk.point
        case = harness.case(op, COUNT)
        disk.keep()

        def run(when: int) -> str:
            disk.renew()
            case.let_go()
            if "plan" in faults.read_json(case.file):
                # The disk may have got another number with its loop device.
                case.plan = case.operation.plan_again(case)
                case.ask(case.operation.prepare(case))
            cutting = CUTTING.format(when=when, mount=str(disk.point), flag=FLAGS[flag])
            harness.prelude = bug + cutting
            code = harness.strace(case, "-e", "trace=none", driver=faults.DRIVER + COUNTING)
            if code != (7 if when else 0):
                raise faults.Unfit(f"{op} cut at change {when} ended with {code}: {harness.stderr}")
            return str(harness.stdout)

        total = int(run(0))
        assert total > 10
        chosen = faults.scattered(range(1, total + 1), sample, OPS.index(op) + FLAGS[flag])
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
