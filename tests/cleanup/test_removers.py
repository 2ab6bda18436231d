"""Several processes take apart what died: the same result and guarantees, whatever becomes of one of them."""

from __future__ import annotations

import errno
import itertools
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlruns_tui.cleanup import dying, removers
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.freed import Freed
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import show
from mlruns_tui.disk import change, place

RUNS = [f"1/{n:032x}" for n in range(1, 10)]


@pytest.fixture
def at_tree(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], None]], None]:
    """What another process does right before it takes a tree apart; it is given the tree's index."""
    parent, remove = os.getpid(), change.remove_tree

    def install(act: Callable[[str], None]) -> None:
        def acting(dir_fd: int, name: str, *rest: Any) -> None:
            if os.getpid() != parent:
                act(name)
            remove(dir_fd, name, *rest)

        monkeypatch.setattr(change, "remove_tree", acting)

    return install


def graves(store: Any) -> list[str]:
    return sorted(path.name for path in store.vault.glob("batches/*/dead/*"))


def test_all_goes_and_none_is_taken_apart_by_the_worker_itself(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, remove = os.getpid(), change.remove_tree

    def elsewhere(*arguments: Any) -> None:
        assert os.getpid() != parent
        remove(*arguments)

    monkeypatch.setattr(change, "remove_tree", elsewhere)
    told: list[Any] = []
    batch = purge(str(runs.root), moved.id, tell=told.append)
    assert [(one.place, one.outcome) for one in batch.items] == [("purged", "done")] * 9
    assert sorted(one.key for one in told if one.kind == "item") == sorted(item.key for item in moved.items)
    assert batch.freed_bytes == sum(item.allocated_bytes for item in moved.items)
    assert graves(runs) == []
    assert show(str(runs.root), moved.id).state == "purged"


@pytest.mark.parametrize("in_order", [True, False])
def test_nothing_is_taken_apart_before_its_death_is_on_a_disk_that_keeps_no_order(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch, in_order: bool
) -> None:
    monkeypatch.setattr(place, "keeps_order", lambda fd: in_order)
    monkeypatch.setattr(dying, "WAVE_ENTRIES", 30)
    happened: list[str] = []
    sync, give, rename = change.sync, removers.Removers.give, change.rename

    def synced(fd: int) -> None:
        happened.append("synced " + os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        sync(fd)

    def given(self: Any, n: int) -> None:
        happened.append(f"given {n}")
        give(self, n)

    def renamed(from_fd: int, name: str, to_fd: int, to: str) -> None:
        happened.append(f"died {name}")
        rename(from_fd, name, to_fd, to)

    monkeypatch.setattr(change, "sync", synced)
    monkeypatch.setattr(removers.Removers, "give", given)
    monkeypatch.setattr(change, "rename", renamed)
    assert purge(str(runs.root), moved.id).state == "purged"
    at = {what: happened.index(what) for what in happened if what.startswith(("died", "given"))}
    asked = [at for at, what in enumerate(happened) if what == "synced data"]
    between = [any(at[f"died {n}"] < one < at[f"given {n}"] for one in asked) for n in range(9)]
    assert between == [not in_order] * 9
    if in_order:
        assert happened.index("synced dead") > max(at.values())
    else:
        assert 1 < happened.count("synced dead") < 9, "some die together"


def test_a_process_that_is_killed_costs_only_the_tree_at_hand(
    runs: Any, moved: Any, at_tree: Callable[[Callable[[str], None]], None]
) -> None:
    def killed(name: str) -> None:
        if name == "4":
            os.kill(os.getpid(), signal.SIGKILL)

    at_tree(killed)
    batch = purge(str(runs.root), moved.id)
    # Nothing of it was gone: then it is kept.
    assert {n: (one.place, one.outcome) for n, one in enumerate(batch.items) if one.outcome != "done"} == {
        4: ("moved", "failed")
    }
    assert batch.items[4].error == "a process that helped ended without an answer. It stays in the backup."
    assert purge(str(runs.root), moved.id).state == "purged"


def test_a_tree_that_was_begun_by_a_process_that_was_killed_is_gone_in_part(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, unlink = os.getpid(), os.unlink

    def killed_after(name: str, **options: Any) -> None:
        unlink(name, **options)
        if os.getpid() != parent and Path(os.readlink(f"/proc/self/fd/{options['dir_fd']}")).match("dead/4"):
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(change.os, "unlink", killed_after)
        batch = purge(str(runs.root), moved.id)
    assert (batch.items[4].place, batch.items[4].outcome) == ("purged", "failed")
    assert batch.items[4].error.endswith("It is gone in part; the next purge deletes the rest.")
    assert [one.outcome for one in batch.items].count("done") == 8
    assert graves(runs) == ["4"]


def test_when_all_of_them_are_killed_the_worker_goes_on_alone(
    runs: Any, moved: Any, at_tree: Callable[[Callable[[str], None]], None]
) -> None:
    at_tree(lambda name: os.kill(os.getpid(), signal.SIGKILL))
    batch = purge(str(runs.root), moved.id)
    lost = [one for one in batch.items if one.outcome == "failed"]
    assert 1 <= len(lost) <= removers.MOST
    assert {one.place for one in lost} == {"moved"}
    assert [one.outcome for one in batch.items].count("done") == 9 - len(lost)
    assert graves(runs) == []


@pytest.mark.parametrize("at_most", [0, 1])
def test_where_no_process_can_be_had_the_others_or_the_worker_do_it(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    fork, forked = os.fork, itertools.count()

    def refused() -> int:
        if next(forked) >= at_most:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return fork()

    monkeypatch.setattr(os, "fork", refused)
    batch = purge(str(runs.root), moved.id)
    assert [one.outcome for one in batch.items] == ["done"] * 9
    assert batch.freed_bytes == sum(item.allocated_bytes for item in moved.items)


def test_what_a_process_cannot_delete_is_said_in_its_words(
    runs: Any, moved: Any, at_tree: Callable[[Callable[[str], None]], None]
) -> None:
    def refused(name: str) -> None:
        if name == "4":
            raise OSError(errno.EBUSY, "The disk is " + "very " * 90 + "busy")

    at_tree(refused)
    batch = purge(str(runs.root), moved.id)
    assert [n for n, one in enumerate(batch.items) if one.outcome != "done"] == [4]
    assert batch.items[4].error.startswith("the disk is very very very")
    assert batch.items[4].error.endswith("It stays in the backup.")


def test_a_stop_ends_the_trees_at_hand_and_the_others_are_kept(
    runs: Any, moved: Any, at_tree: Callable[[Callable[[str], None]], None]
) -> None:
    begun, telling = os.pipe()
    poll = select.poll()
    poll.register(begun, select.POLLIN)

    def waits(name: str) -> None:
        os.write(telling, b"x")
        # Until it is told to stop, and then it knows.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        signal.sigwait({signal.SIGTERM})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.kill(os.getpid(), signal.SIGTERM)

    at_tree(waits)
    batch = purge(str(runs.root), moved.id, stop=lambda: bool(poll.poll(0)))
    for fd in (begun, telling):
        os.close(fd)
    gone = [one for one in batch.items if one.place == "purged"]
    assert 1 <= len(gone) <= removers.MOST
    assert {one.outcome for one in gone} == {"done"}
    assert {one.place for one in batch.items if one not in gone} == {"moved"}
    assert graves(runs) == []
    assert batch.freed_bytes == sum(one.item.allocated_bytes for one in gone)
    assert undo(str(runs.root)).count("restored") == 9 - len(gone)
    assert sum((runs.root / run / "meta.yaml").exists() for run in RUNS) == 9 - len(gone)


def test_a_process_that_somebody_told_to_stop_leaves_what_it_had_not_begun_in_the_backup(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, destroy, run = os.getpid(), removers.destroy, dying.Dying._wave
    all_given, giving = os.pipe()

    def told(*arguments: Any) -> None:
        assert os.getpid() != parent
        os.read(all_given, 1)
        destroy(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    def wave(self: Any, *rest: Any) -> None:
        run(self, *rest)
        os.write(giving, b"x" * removers.MOST)

    monkeypatch.setattr(removers, "destroy", told)
    monkeypatch.setattr(dying.Dying, "_wave", wave)
    batch = purge(str(runs.root), moved.id)
    for fd in (all_given, giving):
        os.close(fd)
    kept = [one for one in batch.items if one.place == "moved"]
    assert len(kept) == 9 - removers.MOST
    assert {one.error for one in kept} == {"a process that helped was told to stop. It stays in the backup."}
    assert graves(runs) == []


def test_an_error_of_the_program_itself_ends_the_others_too(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, *_: Any) -> None:
        raise RuntimeError("a bug")

    forked, fork = [], os.fork

    def noted() -> int:
        forked.append(fork())
        return forked[-1]

    monkeypatch.setattr(os, "fork", noted)
    monkeypatch.setattr(dying.Dying, "_wave", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        purge(str(runs.root), moved.id)
    assert len(forked) == removers.MOST
    for pid in forked:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    assert {one.place for one in show(str(runs.root), moved.id).items} == {"moved"}


def test_a_writer_is_seen_whoever_takes_the_trees_apart(runs: Any, moved: Any, open_for_writing: Any) -> None:
    open_for_writing(runs.vault / "batches" / moved.id / "data" / "3" / "metrics" / "loss")
    batch = purge(str(runs.root), moved.id)
    assert [n for n, one in enumerate(batch.items) if one.outcome != "done"] == [3]
    assert (batch.items[3].place, batch.items[3].outcome) == ("moved", "skipped")


@pytest.mark.parametrize("shared_out", [True, False])
def test_a_file_with_names_in_several_items_frees_its_space_once_when_all_are_gone(
    runs: Any, monkeypatch: pytest.MonkeyPatch, shared_out: bool
) -> None:
    if not shared_out:
        monkeypatch.setattr(removers, "MANY_ENTRIES", 1 << 30)
    first, outside = runs.root / RUNS[0] / "artifacts" / "shared.bin", runs.root.parent / "outside.bin"
    first.write_bytes(b"x" * 100_000)
    for run in RUNS[1:6]:
        os.link(first, runs.root / run / "artifacts" / "shared.bin")
    outside.write_bytes(b"y" * 100_000)
    for run in RUNS[:3]:
        os.link(outside, runs.root / run / "artifacts" / "outside.bin")
    runs.age()
    plan = runs.plan(*RUNS)
    apply(plan)
    inodes = {
        path.stat().st_ino: path.stat().st_blocks * 512
        for path in runs.vault.glob("batches/*/data/**/*")
        if path.is_file() and not path.is_symlink() and path.name != "outside.bin"
    }
    links = sum(path.lstat().st_blocks * 512 for path in runs.vault.glob("batches/*/data/**/*") if path.is_symlink())
    assert purge(str(runs.root), plan.id).freed_bytes == sum(inodes.values()) + links


def status(links: int, inode: int = 7, blocks: int = 8) -> Any:
    return SimpleNamespace(st_nlink=links, st_ino=inode, st_dev=1, st_blocks=blocks)


@pytest.mark.parametrize(
    ("seen", "size"),
    [
        ([[3], [2], [1]], 4096),  # one after the other
        ([[3, 2, 1], [], []], 4096),  # all by one process
        ([[2], [2]], 4096),  # both at once: neither saw the last
        ([[3], [2], [2]], 4096),
        ([[3], [3], [1]], 4096),
        ([[3], [3], [3]], 4096),
        ([[3], [2]], 0),  # one name is left
        ([[3], [3]], 0),
        ([[1], []], 4096),
    ],
    ids=str,
)
def test_a_file_is_counted_exactly_when_its_last_name_goes_whoever_saw_what(seen: list[list[int]], size: int) -> None:
    for order in itertools.permutations(seen):
        whole = Freed()
        for links in order:
            one = Freed()
            for number in links:
                one(status(number))
            whole.bytes += one.bytes
            whole.also(one.names())
        assert whole.bytes == size, order
