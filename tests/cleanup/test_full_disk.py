"""A disk without a free block, met for real: a small ext4 file system filled by an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import worker
from mlruns_tui.model import codec
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import never, silent

pytestmark = pytest.mark.root
NOBODY = 65534
RUNS = [f"{n:032x}" for n in range(1, 7)]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts an ext4 file system of some MiB (and inodes) whose directory ``home`` belongs to nobody."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system")
    if not shutil.which("mkfs.ext4"):
        pytest.skip("needs mkfs.ext4, which this machine does not have")
    points: list[Path] = []

    def make(mebibytes: int = 64, inodes: int | None = None) -> Path:
        image, point = tmp_path / f"disk{len(points)}.img", tmp_path / f"mnt{len(points)}"
        with open(image, "wb") as file:
            file.truncate(mebibytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", *(["-N", str(inodes)] if inodes else []), str(image)], check=True)
        point.mkdir()
        done = subprocess.run(
            ["mount", "-o", "loop", str(image), str(point)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
        points.append(point)
        (point / "home").mkdir()
        os.chown(point / "home", NOBODY, NOBODY)
        return point / "home"

    yield make
    for point in points:
        subprocess.run(["umount", str(point)], check=True)


def fill(folder: Path) -> None:
    """Until not one byte more can be written, nor one directory made."""
    for size in (1 << 20, 4096, 1):
        with open(folder / f"filler{size}", "ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    for n in range(10_000):
        try:
            os.mkdir(folder / f"filling{n}")
        except OSError:
            return
    raise AssertionError("the disk does not get full")


def fill_inodes(folder: Path) -> None:
    """Until not one more file can be made, with room for bytes left."""
    for n in range(100_000):
        try:
            os.close(os.open(folder / f"empty{n}", os.O_CREAT | os.O_WRONLY))
        except OSError:
            return
    raise AssertionError("the inodes do not run out")


@pytest.fixture
def work(as_user: Any) -> Callable[[dict[str, Any], Path], dict[str, Any]]:
    """The worker's answer to an ordinary user with this state directory."""

    def ask(request: dict[str, Any], state: Path) -> dict[str, Any]:
        def run() -> dict[str, Any]:
            os.environ["XDG_STATE_HOME"] = str(state)
            try:
                return {"batch": codec.encode(worker.carry_out(request, silent, never))}
            except MlrunsError as error:
                return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}

        answer: dict[str, Any] = as_user(run)
        return answer

    return ask


def batch_of(answer: dict[str, Any]) -> Batch:
    assert "batch" in answer, answer
    return codec.decode(Batch, answer["batch"])


@pytest.fixture
def full_store(mount: Callable[..., Path], tmp_path: Path, as_user: Any) -> Callable[..., Any]:
    """A store of nobody on a disk that is then filled to the last block."""

    def make(store_class: Any, **options: Any) -> tuple[Any, Path]:
        home = mount(**options)
        made: list[Any] = []

        def build() -> None:
            store = store_class(home / "mlruns")
            store.experiment("1", RUNS)
            store.experiment("2", ["e" * 32])
            for run in RUNS[:5]:
                (store.root / "1" / run / "artifacts" / "model.bin").write_bytes(os.urandom(300_000))
            store.age()
            (home / "filling").mkdir()
            fill_inodes(home / "filling") if "inodes" in options else fill(home / "filling")

        as_user(build)
        store = store_class.__new__(store_class)
        store.root, store._plans = home / "mlruns", 0
        made.append(store)
        state = tmp_path / "state"
        state.mkdir()
        os.chown(state, NOBODY, NOBODY)
        assert os.statvfs(home).f_favail == 0 if "inodes" in options else os.statvfs(home).f_bavail == 0
        return store, state

    return make


def test_with_backup_on_a_full_disk_items_are_moved_and_brought_back(
    work: Any, full_store: Any, store_class: Any, compare: Any, tree_manifest: Any
) -> None:
    store, state = full_store(store_class)
    before = store.manifest()
    plan = store.plan(*[f"1/{run}" for run in RUNS], "2")
    batch = batch_of(work({"do": "apply", "plan": codec.encode(plan)}, state))
    assert [one.outcome for one in batch.items] == ["done"] * 7, [one.error for one in batch.items]
    assert batch.state == "moved"
    assert any("The disk is full, so plan and journal are kept in" in said for said in batch.messages)
    assert sorted(os.listdir(store.root / "1")) == ["meta.yaml"]
    assert all(name.endswith(".trash") or name == "1" for name in os.listdir(store.root))
    back = batch_of(work({"do": "undo", "root": str(store.root)}, state))
    assert back.state == "restored"
    assert compare(before, store.manifest()) == []


def test_without_backup_on_a_full_disk_the_first_item_makes_room_for_the_vault(
    work: Any, full_store: Any, store_class: Any, compare: Any
) -> None:
    store, state = full_store(store_class)
    before = store.manifest()
    plan = store.plan(*[f"1/{run}" for run in RUNS], backup=False)
    free = os.statvfs(store.root).f_bfree
    batch = batch_of(work({"do": "apply", "plan": codec.encode(plan)}, state))
    assert [(one.outcome, one.place) for one in batch.items] == [("done", "purged")] * 6
    assert batch.freed_bytes == sum(item.allocated_bytes for item in plan.items)
    assert (os.statvfs(store.root).f_bfree - free) * 4096 > 1_400_000
    assert sorted(os.listdir(store.root / "1")) == ["meta.yaml"]
    assert sorted(os.listdir(store.root)) == [".mlruns-tui.trash", "1", "2"]
    gone = tuple(f"1/{run}".encode() for run in RUNS)
    assert compare({k: v for k, v in before.items() if not k.startswith(gone)}, store.manifest()) == []


def test_without_backup_it_works_where_the_state_directory_is_full_too(
    work: Any, full_store: Any, store_class: Any, compare: Any
) -> None:
    store, _ = full_store(store_class)
    state = store.root.parent / "filling"
    before = store.manifest()
    plan = store.plan(*[f"1/{run}" for run in RUNS], backup=False)
    batch = batch_of(work({"do": "apply", "plan": codec.encode(plan)}, state))
    assert [(one.outcome, one.place) for one in batch.items] == [("done", "purged")] * 6
    assert "The disk is full: the first items went without a written plan." in batch.messages
    listed = work({"do": "undo", "root": str(store.root)}, state)
    assert listed["error"]["code"] == "nothing-to-undo"
    assert f"{plan.id} was purged" in listed["error"]["message"]
    gone = tuple(f"1/{run}".encode() for run in RUNS)
    assert compare({k: v for k, v in before.items() if not k.startswith(gone)}, store.manifest()) == []


def test_with_backup_and_no_room_for_a_plan_anywhere_nothing_is_touched(
    work: Any, full_store: Any, store_class: Any, compare: Any
) -> None:
    store, _ = full_store(store_class)
    before = store.manifest()
    plan = store.plan(f"1/{RUNS[0]}")
    answer = work({"do": "apply", "plan": codec.encode(plan)}, store.root.parent / "filling")
    assert answer["error"]["code"] == "disk-full"
    assert "--no-backup" in answer["error"]["hint"]
    assert compare(before, store.manifest()) == []
    assert sorted(os.listdir(store.root)) == ["1", "2"]


def test_without_a_free_inode_items_are_moved_and_brought_back(
    work: Any, full_store: Any, store_class: Any, compare: Any
) -> None:
    store, state = full_store(store_class, inodes=200)
    assert os.statvfs(store.root).f_bavail > 1000
    before = store.manifest()
    batch = batch_of(work({"do": "apply", "plan": codec.encode(store.plan(f"1/{RUNS[0]}", "2"))}, state))
    assert batch.state == "moved"
    assert batch_of(work({"do": "undo", "root": str(store.root)}, state)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_a_vault_keeps_space_for_the_journal_of_the_day_the_disk_is_full(
    work: Any, as_user: Any, mount: Any, store_class: Any, tmp_path: Path, compare: Any
) -> None:
    home = mount()
    state = tmp_path / "state"
    state.mkdir(mode=0o777)

    def build() -> None:
        store = store_class(home / "mlruns")
        store.experiment("1", RUNS)
        store.age()
        (home / "filling").mkdir()

    as_user(build)
    store = store_class.__new__(store_class)
    store.root, store._plans = home / "mlruns", 0
    before = store.manifest()
    batch_of(work({"do": "apply", "plan": codec.encode(store.plan(f"1/{RUNS[0]}"))}, state))
    assert os.stat(store.vault / "reserve").st_blocks * 512 >= 1 << 20
    as_user(lambda: fill(home / "filling"))
    assert os.statvfs(home).f_bavail == 0
    batch = batch_of(work({"do": "apply", "plan": codec.encode(store.plan(f"1/{RUNS[1]}"))}, state))
    assert batch.vault.startswith(str(store.vault))
    assert [one.now_at for one in batch.items] == [f".mlruns-tui.trash/batches/{batch.id}/data/0"]
    assert batch_of(work({"do": "undo", "root": str(store.root)}, state)).state == "restored"
    first = [one for one in os.listdir(store.vault / "batches") if one != batch.id]
    request = {"do": "restore", "root": str(store.root), "batch": first[0]}
    assert batch_of(work(request, state)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_a_purge_on_a_full_disk_frees_what_it_says(
    work: Any, as_user: Any, mount: Any, store_class: Any, tmp_path: Path
) -> None:
    home = mount()
    state = tmp_path / "state"
    state.mkdir(mode=0o777)

    def build() -> None:
        store = store_class(home / "mlruns")
        store.experiment("1", RUNS[:2])
        (store.root / "1" / RUNS[0] / "artifacts" / "model.bin").write_bytes(os.urandom(3_000_000))
        (home / "filling").mkdir()

    as_user(build)
    store = store_class.__new__(store_class)
    store.root, store._plans = home / "mlruns", 0
    batch = batch_of(work({"do": "apply", "plan": codec.encode(store.plan(f"1/{RUNS[0]}"))}, state))
    as_user(lambda: fill(home / "filling"))
    purged = batch_of(work({"do": "purge", "root": str(store.root), "batch": batch.id}, state))
    assert purged.state == "purged"
    assert purged.freed_bytes == batch.items[0].item.allocated_bytes > 3_000_000
    assert os.statvfs(home).f_bfree * os.statvfs(home).f_frsize >= 2_000_000
