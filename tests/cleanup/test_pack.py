"""Packing a backup: what comes back is what was there, damage is found and named, and a full disk is freed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import makearchive
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.gain import gains_of
from mlruns_tui.cleanup.goingon import go_on
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.packing import Packing
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.cleanup.verify import verify
from mlruns_tui.disk import change

ODD_NAMES = [
    b"plain",
    b"with space",
    b"\xff\xfe",
    b"new\nline",
    b"\x1b[31m",
    "ümläut-💾".encode(),
    b"n" * 200,
    b"-rf",
    b"a",
]


def grow(top: bytes, chance: random.Random) -> None:
    """A random tree: links, hard links, holes, attributes, odd names, empty folders, modes and times."""
    folders, files = [top], []
    for _ in range(chance.randrange(1, 40)):
        path = os.path.join(chance.choice(folders), b"%d" % chance.randrange(99) + chance.choice(ODD_NAMES))
        if os.path.lexists(path) or len(path) > 3_000:
            continue
        kind = chance.randrange(7)
        if kind == 0:
            os.mkdir(path)
            folders.append(path)
        elif kind == 1:
            os.symlink(chance.choice([b"../" * 9 + b"etc/passwd", b"nowhere", b"\xff", b"t" * 300, top]), path)
        elif kind == 2 and files:
            os.link(chance.choice(files), path)
        elif kind == 3:
            with open(path, "wb") as file:
                for _ in range(chance.randrange(4)):
                    file.seek(chance.randrange(1 << 22))
                    file.write(chance.randbytes(chance.randrange(1, 9_000)))
                file.truncate(chance.randrange(file.tell(), 1 << 23))
            files.append(path)
        else:
            size = chance.choice([0, 1, 511, 512, 513, chance.randrange(20_000), chance.randrange(400_000)])
            with open(path, "wb") as file:
                file.write(chance.randbytes(size) if kind == 4 else b"0.5 line\n" * (size // 9))
            files.append(path)
            os.chmod(path, chance.choice([0o644, 0o600, 0o755, 0o444, 0o4755, 0o2640]))
        if kind != 1 and chance.random() < 0.2:
            os.setxattr(path, b"user.note", chance.randbytes(chance.randrange(60)))
    for path in [*files, *reversed(folders)]:
        os.utime(path, ns=(10**18, chance.randrange(-(10**18), 2 * 10**18)))
    for path in reversed(folders[1:]):
        os.chmod(path, chance.choice([0o755, 0o700, 0o2775, 0o1777, 0o555]))
        os.utime(path, ns=(10**18, chance.randrange(2 * 10**18)))


def packed(store: Any, *paths: str) -> Any:
    """These, moved out and packed, whatever that gains."""
    plan = store.plan(*paths)
    assert apply(plan).state == "moved"
    batch = pack(str(store.root), plan.id, None, 0)
    assert batch.state == "packed", [
        (one.place, one.outcome, one.error) for one in batch.items if one.place != "packed"
    ]
    return plan


def archive_of(store: Any) -> Path:
    (found,) = store.vault.glob("batches/*/pack/*.tar.zst")
    return Path(found)


@pytest.mark.parametrize(
    ("first", "number"),
    [(0, 12), (12, 12), *(pytest.param(n, 25, marks=pytest.mark.full) for n in range(0, 200, 25))],
)
def test_random_trees_come_back_exactly(
    new_store: Any,
    tmp_path: Path,
    rsync_differences: Any,
    compare: Any,
    tree_manifest: Any,
    record_property: Callable[[str, object], None],
    first: int,
    number: int,
) -> None:
    if shutil.which("zstd") is None:
        pytest.skip("needs zstd, which this machine does not have")
    store = new_store("mlruns")
    store.experiment("1")
    runs = [f"1/{n:032x}" for n in range(first, first + number)]
    for at, run in enumerate(runs):
        os.makedirs(store.root / run)
        grow(os.fsencode(store.root / run), random.Random(first + at))
    before, twin = store.manifest(), store.twin(tmp_path / "twin")
    trees = [tree_manifest(store.root / run) for run in runs]
    packed(store, *runs)
    out = tmp_path / "by-hand"
    out.mkdir()
    # The program is not needed to read its archives: GNU tar makes the same trees of them.
    for archive in store.vault.glob("batches/*/pack/*.tar.zst"):
        subprocess.run(["tar", "--zstd", "-tf", str(archive)], check=True, capture_output=True)
        options = ["--zstd", "--xattrs", "--xattrs-include=*", "-xpf", str(archive), "-C", str(out)]
        subprocess.run(["tar", *options], check=True, capture_output=True)
    assert [compare(tree, tree_manifest(out / str(at))) for at, tree in enumerate(trees)] == [[]] * number
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []
    assert rsync_differences(twin, store.root) == []
    assert not list(store.vault.glob("batches/*/pack/*"))
    record_property("random trees packed and restored exactly", number)


def test_one_item_comes_out_of_an_archive_and_the_others_stay(store: Any, compare: Any) -> None:
    before = store.manifest()
    plan = packed(store, *(f"1/{one * 32}" for one in "abc"))
    batch = restore(str(store.root), plan.id, [plan.items[1].key])
    assert [one.place for one in batch.items] == ["packed", "restored", "packed"]
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_one_item_is_purged_from_an_archive_and_the_others_come_back(store: Any) -> None:
    plan = packed(store, *(f"1/{one * 32}" for one in "abc"))
    batch = purge(str(store.root), plan.id, [plan.items[1].key])
    assert [one.place for one in batch.items] == ["packed", "purged", "packed"]
    assert (
        b"model.bin"
        not in subprocess.run(["tar", "--zstd", "-tf", archive_of(store), "1"], check=False, capture_output=True).stdout
    )
    undo(str(store.root))
    assert sorted(one.name for one in (store.root / "1").iterdir() if one.is_dir()) == ["a" * 32, "c" * 32]
    assert purge(str(store.root), plan.id).state != "packed"


def test_packing_frees_what_it_says(store: Any) -> None:
    plan = store.plan(f"1/{'a' * 32}")
    moved = apply(plan)
    batch = pack(str(store.root), plan.id)
    taken = sum(one.stat().st_blocks * 512 for one in archive_of(store).parent.iterdir())
    assert batch.allocated_bytes == taken
    assert batch.freed_bytes + taken <= moved.allocated_bytes
    assert batch.freed_bytes > 0


def test_what_gains_too_little_is_left_and_told_what_helps(store: Any, compare: Any) -> None:
    weights = store.root / "1" / ("c" * 32) / "artifacts" / "weights.bin"
    weights.write_bytes(random.Random(1).randbytes(3 << 20))
    store.age()
    before = store.manifest()
    plan = store.plan(f"1/{'c' * 32}", f"1/{'a' * 32}")
    apply(plan)
    expected = {one.key: one.percent for one in gains_of(str(store.root), plan.id)}
    assert expected[plan.items[0].key] < 15 < expected[plan.items[1].key]
    batch = pack(str(store.root), plan.id)
    assert [(one.place, one.outcome) for one in batch.items] == [("moved", "skipped"), ("packed", "done")]
    assert "--slim" in batch.items[0].error
    assert "Purging" in batch.items[0].error
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


class Killed(BaseException):
    """As after ``kill -9``: nobody tidies up."""


@pytest.mark.parametrize(("least", "place"), [(0, "packed"), (15, "moved"), (99, "moved")])
def test_a_killed_packing_goes_on_with_the_gain_it_was_begun_with(
    store: Any, monkeypatch: pytest.MonkeyPatch, least: int, place: str
) -> None:
    weights = store.root / "1" / ("c" * 32) / "artifacts" / "weights.bin"
    weights.write_bytes(random.Random(1).randbytes(1 << 20))
    store.age()
    plan = store.plan(f"1/{'c' * 32}")
    apply(plan)

    def killed(self: Packing) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Packing, "_next", killed)
        pack(str(store.root), plan.id, None, least)
    for _ in range(2):
        # Killed while it goes on as well.
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(Packing, "_next", killed)
            go_on(str(store.root), plan.id)
    assert [one.place for one in go_on(str(store.root), plan.id).items] == [place]


@pytest.mark.parametrize("what", ["fifo", "a link out"])
def test_what_an_archive_cannot_hold_stays_as_it_is(store: Any, what: str) -> None:
    run = store.root / "1" / ("c" * 32)
    if what == "fifo":
        os.mkfifo(run / "artifacts" / "pipe")
    else:
        os.link(run / "meta.yaml", store.root / "1" / ("d" * 32))
    store.age()
    plan = store.plan(f"1/{'c' * 32}", f"1/{'a' * 32}")
    apply(plan)
    batch = pack(str(store.root), plan.id, None, 0)
    assert [(one.place, one.outcome) for one in batch.items] == [("moved", "skipped"), ("packed", "done")]
    assert ("neither a file" if what == "fifo" else "hard link") in batch.items[0].error


def test_what_somebody_writes_to_is_not_packed(store: Any, open_for_writing: Any) -> None:
    plan = store.plan(f"1/{'c' * 32}")
    apply(plan)
    open_for_writing(next(store.vault.glob("batches/*/data/0/metrics/loss")))
    batch = pack(str(store.root), plan.id)
    assert (batch.items[0].place, batch.items[0].outcome) == ("moved", "skipped")
    assert "being written to" in batch.items[0].error


def test_what_is_written_to_while_it_is_packed_is_not_retired(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = store.plan(f"1/{'c' * 32}")
    apply(plan)
    loss = next(store.vault.glob("batches/*/data/0/metrics/loss"))
    made = makearchive._make

    def slowly(*arguments: Any) -> str:
        name = made(*arguments)
        with open(loss, "a") as file:
            file.write("3 0.1 2\n")
        return name

    monkeypatch.setattr(makearchive, "_make", slowly)
    batch = pack(str(store.root), plan.id)
    assert (batch.items[0].place, batch.items[0].outcome) == ("moved", "skipped")
    assert "written to while" in batch.items[0].error
    assert loss.read_text().endswith("3 0.1 2\n")
    assert not list(store.vault.glob("batches/*/pack/*"))


@pytest.mark.parametrize("damage", ["a flipped bit", "cut off", "another file in its place", "its manifest is damaged"])
def test_a_damaged_archive_is_named_and_never_restored_wrongly(
    store: Any, compare: Any, tree_manifest: Any, damage: str
) -> None:
    run = store.root / "1" / ("b" * 32)
    (run / "artifacts" / "big.bin").write_bytes(random.Random(2).randbytes(2 << 20))
    store.age()
    trees = {one: tree_manifest(store.root / "1" / (one * 32)) for one in "ac"}
    plan = packed(store, *(f"1/{one * 32}" for one in "acb"))
    archive = archive_of(store)
    data = bytearray(archive.read_bytes())
    if damage == "a flipped bit":
        data[1 << 20] ^= 4
        archive.write_bytes(data)
    elif damage == "cut off":
        archive.write_bytes(data[: len(data) // 2])
    elif damage == "another file in its place":
        archive.write_bytes(b"not an archive at all" * 99)
    else:
        manifest = archive.with_name(archive.name.replace(".tar.zst", ".manifest"))
        text = bytearray(manifest.read_bytes())
        text[len(text) // 2] ^= 1
        manifest.write_bytes(text)
    checked = verify(str(store.root), plan.id)
    failed = [one.item.path[2] for one in checked.items if one.outcome == "failed"]
    assert "b" in failed
    if damage == "a flipped bit":
        assert failed == ["b"]
        assert "artifacts/big.bin" in checked.items[2].error
    batch = undo(str(store.root))
    assert {one.item.path[2] for one in batch.items if one.place == "restored"} == set("abc") - set(failed)
    for one in batch.items:
        if one.outcome == "failed":
            assert "damaged" in one.error
            assert not (store.root / one.item.path).exists()
        else:
            assert compare(trees[one.item.path[2]], tree_manifest(store.root / one.item.path)) == []
    assert archive.exists()


def test_a_manifest_that_leads_out_is_refused_before_anything_is_written(store: Any, tmp_path: Path) -> None:
    packed(store, f"1/{'c' * 32}")
    manifest = archive_of(store).with_name("0-1.manifest")
    lines = manifest.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"0/', b'"0/../../../../../')
    last = json.loads(lines[-1])
    last["sha256"] = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    manifest.write_bytes(b"".join(lines[:-1]) + json.dumps(last).encode() + b"\n")
    batch = undo(str(store.root))
    assert batch.items[0].outcome == "failed"
    assert "damaged" in batch.items[0].error
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mlruns"]


def test_verify_finds_what_changed_in_a_moved_item(store: Any) -> None:
    plan = store.plan(f"1/{'a' * 32}", f"1/{'c' * 32}")
    apply(plan)
    assert {one.outcome for one in verify(str(store.root), plan.id).items} == {"done"}
    loss = next(store.vault.glob("batches/*/data/1/metrics/loss"))
    loss.write_text("1 0.6 0\n2 0.25 1\n")
    batch = verify(str(store.root), plan.id)
    assert [one.outcome for one in batch.items] == ["done", "failed"]
    shutil.rmtree(loss.parents[1])
    assert "gone" in verify(str(store.root), plan.id).items[1].error


def test_no_room_for_archives_leaves_everything_as_it_was(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = store.plan(f"1/{'a' * 32}", f"1/{'c' * 32}")
    apply(plan)
    write_all = change.write_all

    def full(fd: int, data: bytes) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".tmp"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_all(fd, data)

    monkeypatch.setattr(change, "write_all", full)
    batch = pack(str(store.root), plan.id)
    assert [(one.place, one.outcome) for one in batch.items] == [("moved", "failed")] * 2
    assert "no room for its archive" in batch.items[0].error
    assert not list(store.vault.glob("batches/*/pack/*"))
    monkeypatch.undo()
    assert pack(str(store.root), plan.id).state == "packed"


def test_unpacking_without_room_keeps_the_archive(store: Any, monkeypatch: pytest.MonkeyPatch, compare: Any) -> None:
    before = store.manifest()
    packed(store, f"1/{'a' * 32}", f"1/{'c' * 32}")
    write_at = change.write_at

    def full(fd: int, data: bytes, offset: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(change, "write_at", full)
    batch = undo(str(store.root))
    assert [(one.place, one.outcome) for one in batch.items] == [("packed", "failed")] * 2
    assert len(list(store.vault.glob("batches/*/pack/*"))) == 2
    monkeypatch.setattr(change, "write_at", write_at)
    assert undo(str(store.root)).state == "restored"
    assert compare(before, store.manifest()) == []


def test_stopping_keeps_what_was_packed_and_leaves_the_rest(store: Any, compare: Any) -> None:
    before = store.manifest()
    plan = store.plan(*(f"1/{one * 32}" for one in "abc"))
    apply(plan)
    batch = pack(str(store.root), plan.id, None, 0, stop=lambda: True)
    assert [one.place for one in batch.items] == ["moved"] * 3
    assert "stopped" in batch.messages[0]
    assert batches(str(store.root))[0].state == "moved"
    undo(str(store.root))
    assert compare(before, store.manifest()) == []


def test_an_ordinary_user_packs_and_takes_back_what_is_his(
    new_store: Any, as_user: Any, compare: Any, tmp_path: Path
) -> None:
    store = new_store("mlruns")
    store.experiment("1", ["a" * 32], rich=True)
    hidden = store.root / "1" / ("a" * 32) / "artifacts" / "closed"
    hidden.mkdir()
    (hidden / "file").write_text("in a folder nobody may write to")
    store.age()
    for folder, _, names in os.walk(store.root):
        for path in [folder, *(os.path.join(folder, one) for one in names)]:
            os.lchown(path, 65534, 65534)
    os.chmod(hidden / "file", 0o400)
    os.chmod(hidden, 0o500)
    before = store.manifest()
    plan = store.plan(f"1/{'a' * 32}")

    def work() -> list[str]:
        apply(plan)
        said = [pack(str(store.root), plan.id, None, 0).state, verify(str(store.root), plan.id).items[0].outcome or ""]
        return [*said, undo(str(store.root)).state]

    assert as_user(work) == ["packed", "done", "restored"]
    assert compare(before, store.manifest()) == []


@pytest.mark.root
def test_a_full_disk_is_freed_step_by_step_and_undo_waits_for_room(
    store_class: Any, tmp_path: Path, compare: Any
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system")
    point = tmp_path / "full"
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=26m", "tmpfs", str(point)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system here: {mounted.stderr.strip()}")
    try:
        store = store_class(point / "mlruns")
        runs = [f"{n:032x}" for n in range(6)]
        store.experiment("1", runs)
        chance = random.Random(3)
        for at, run in enumerate(runs, 1):
            numbers = "".join(f"{chance.random():f}\n" for _ in range(20_000 * at))
            (store.root / "1" / run / "artifacts" / "table.csv").write_text("1,0.25,0.125\n" * 60_000 * at + numbers)
        store.age()
        before = store.manifest()
        plan = store.plan(*(f"1/{run}" for run in runs))
        assert apply(plan).state == "moved"
        with open(point / "filler", "wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 4096)
        assert os.statvfs(point).f_bavail == 0
        batch = pack(str(store.root), plan.id)
        assert batch.state == "packed", [
            (one.place, one.outcome, one.error) for one in batch.items if one.place != "packed"
        ]
        assert batch.freed_bytes > 10 << 20
        short = undo(str(store.root))
        if short.state != "restored":
            assert any("no room to unpack it" in one.error for one in short.items)
            (point / "filler").unlink()
            assert undo(str(store.root)).state == "restored"
        assert compare(before, store.manifest()) == []
    finally:
        subprocess.run(["umount", str(point)], check=True)


def test_where_no_gain_is_asked_for_even_what_grows_is_packed(new_store: Any) -> None:
    store = new_store("mlruns")
    store.experiment("1")
    run = f"1/{7:032x}"
    os.makedirs(store.root / run)
    # An entry more in the archive for each, and no block on the disk.
    for at in range(400):
        os.symlink("nowhere", store.root / run / f"{at}")
    (store.root / run / "weights").write_bytes(random.Random(7).randbytes(8192))
    plan = store.plan(run)
    apply(plan)
    gained = gains_of(str(store.root), plan.id)[0]
    assert gained.percent < 0
    batch = pack(str(store.root), plan.id, None, 0)
    assert [(one.place, one.outcome) for one in batch.items] == [("packed", "done")]
