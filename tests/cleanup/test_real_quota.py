"""A quota the kernel really enforces, met by an ordinary user: on btrfs, where even a rename then needs what is not
there. (ext4 and XFS have other ones; test machines' kernels are mostly built without.)"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model import codec
from mlruns_tui.model.batch import Batch

pytestmark = [pytest.mark.root, pytest.mark.full]
NOBODY = 65534
RUNS = [f"{n:032x}" for n in range(1, 7)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A directory of nobody's in which 8 MiB may be kept, on a disk with room for hundreds."""
    if os.geteuid() != 0 or not (shutil.which("mkfs.btrfs") and shutil.which("btrfs")):
        pytest.skip("needs root and btrfs-progs, to set a quota")
    image, point = tmp_path / "disk.img", tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(300 << 20)
    subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True, capture_output=True)
    point.mkdir()
    done = subprocess.run(["mount", "-o", "loop", image, point], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a file system with quotas here: {done.stderr.strip()}")
    made = point / "home"
    for words in (("quota", "enable", point), ("subvolume", "create", made), ("qgroup", "limit", "8M", made)):
        subprocess.run(["btrfs", *words], check=True, capture_output=True)
    os.chown(made, NOBODY, NOBODY)
    yield made
    subprocess.run(["umount", point], check=True)


@pytest.fixture
def store(home: Path, store_class: Any, as_user: Any) -> Any:
    """Six runs of a third of a megabyte."""

    def build() -> None:
        made = store_class(home / "mlruns")
        made.experiment("1", RUNS)
        for run in RUNS:
            (made.root / "1" / run / "artifacts" / "model.bin").write_bytes(os.urandom(300_000))
        made.age()

    as_user(build)
    made = store_class.__new__(store_class)
    made.root, made._plans = home / "mlruns", 0
    return made


@pytest.fixture
def use_up(home: Path, as_user: Any) -> Callable[[], None]:
    """Nobody writes until he may write no more."""

    def write() -> bool:
        try:
            for n in range(10_000):
                with open(home / f"filler{n}", "wb") as file:
                    file.write(os.urandom(1 << 16))
                    os.fsync(file.fileno())
        except OSError as error:
            return error.errno == 122
        return False

    def until_refused() -> None:
        assert as_user(write), "the quota does not hold"

    return until_refused


def tried(as_user: Any, state: Path, call: Callable[[], Batch]) -> Any:
    """What nobody is answered: the batch, or the error."""

    def run() -> Any:
        os.environ["XDG_STATE_HOME"] = str(state)
        return codec.encode(call())

    answer = as_user(run)
    return answer if "code" in answer else codec.decode(Batch, answer)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    os.chown(made, NOBODY, NOBODY)
    return made


def test_with_a_vault_items_are_moved_and_brought_back(
    store: Any, use_up: Any, as_user: Any, state: Path, compare: Any
) -> None:
    """A vault keeps some space for this day."""
    first, plan = store.plan(f"1/{RUNS[5]}"), store.plan(*[f"1/{run}" for run in RUNS[:5]])
    assert tried(as_user, state, lambda: apply(first)).state == "moved"
    before = store.manifest()
    use_up()
    batch = tried(as_user, state, lambda: apply(plan))
    assert [one.outcome for one in batch.items] == ["done"] * 5, [one.error for one in batch.items]
    assert tried(as_user, state, lambda: undo(str(store.root))).state == "restored"
    assert compare(before, store.manifest()) == []
    assert tried(as_user, state, lambda: purge(str(store.root), first.id)).state == "purged"


def test_with_a_vault_and_without_backup_there_is_room_afterwards(
    store: Any, use_up: Any, as_user: Any, state: Path, home: Path
) -> None:
    first, plan = store.plan(f"1/{RUNS[5]}"), store.plan(*[f"1/{run}" for run in RUNS[:5]], backup=False)
    assert tried(as_user, state, lambda: apply(first)).state == "moved"
    use_up()
    assert tried(as_user, state, lambda: apply(plan)).state == "purged"
    os.sync()
    assert as_user(lambda: (home / "new").write_bytes(os.urandom(1_000_000))) == 1_000_000


@pytest.mark.parametrize("backup", [True, False])
def test_without_a_vault_nothing_is_touched_and_what_helps_is_said(
    store: Any, use_up: Any, as_user: Any, state: Path, home: Path, compare: Any, backup: bool
) -> None:
    before, plan = store.manifest(), store.plan(*[f"1/{run}" for run in RUNS], backup=backup)
    use_up()
    batch = tried(as_user, state, lambda: apply(plan))
    assert {(one.outcome, one.place) for one in batch.items} == {("failed", "in-place")}
    assert {one.error for one in batch.items} == {
        "your quota on this disk is used up. It is where it was. "
        "Delete a file of yours that is not in the store, or get more room, then run this again."
    }
    assert compare(before, store.manifest()) == []
    assert os.listdir(store.root) == ["1"]
    assert not list(state.rglob("plan.json"))
    # As it says.
    as_user(lambda: [os.remove(home / f"filler{n}") for n in range(20)] and None)
    os.sync()
    again = store.plan(*[f"1/{run}" for run in RUNS], backup=backup)
    assert tried(as_user, state, lambda: apply(again)).state == ("moved" if backup else "purged")


def test_packing_and_unpacking_without_room_leave_every_item_whole(
    store: Any, use_up: Any, as_user: Any, state: Path, home: Path, compare: Any
) -> None:
    before, plan, root = store.manifest(), store.plan(*[f"1/{run}" for run in RUNS]), str(store.root)
    assert tried(as_user, state, lambda: apply(plan)).state == "moved"
    use_up()
    packed = tried(as_user, state, lambda: pack(root, plan.id, None, 0))
    if isinstance(packed, Batch):
        # What is listed is what is there now: btrfs does not tell it of a directory that is open already.
        assert {one.place for one in packed.items} <= {"moved", "packed"}
        assert all(one.error for one in packed.items if one.place == "moved")
    use_up()
    back = tried(as_user, state, lambda: undo(root))
    for one in back.items if isinstance(back, Batch) else ():
        assert one.place == "restored" or (one.place in ("moved", "packed") and one.outcome == "failed"), one
    as_user(lambda: [path.unlink() for path in home.glob("filler*")] and None)
    os.sync()
    assert tried(as_user, state, lambda: restore(root, plan.id)).count("restored") == len(RUNS)
    assert compare(before, store.manifest()) == []
    assert batches(root)[0].state == "restored"
