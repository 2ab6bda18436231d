"""A lot of work is shared out among processes: the same archives and guarantees, whatever becomes of one of them."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import beside, makearchive, removers, retiring, worth
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model.protocols import Stop, never

RUNS = [f"1/{n:032x}" for n in range(1, 10)]
AT_ONCE = (
    "from mlruns_tui.cleanup import removers, retiring\n"
    "retiring.MANY_ENTRIES, retiring.workers, removers.MANY_ENTRIES = 1, lambda: 3, 1\n"
)


@pytest.fixture
def runs(runs: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same, for which three processes are thought worth while to pack."""
    monkeypatch.setattr(retiring, "MANY_ENTRIES", 1)
    monkeypatch.setattr(retiring, "workers", lambda: 3)
    return runs


def pack_all(store: Any, plan: Any, stop: Stop = never) -> Any:
    return pack(str(store.root), plan.id, None, 0, stop=stop)


def archives(store: Any) -> list[Path]:
    return sorted(store.vault.glob("batches/*/pack/*.tar.zst"))


def leftovers(store: Any) -> list[str]:
    return [one.name for one in store.vault.glob("batches/*/pack/*") if one.suffix not in (".zst", ".manifest")]


def test_each_process_makes_an_archive_and_everything_comes_back(runs: Any, compare: Any) -> None:
    before = runs.manifest()
    plan = runs.plan(*RUNS)
    apply(plan)
    batch = pack_all(runs, plan)
    assert [(one.place, one.outcome) for one in batch.items] == [("packed", "done")] * 9
    assert len(archives(runs)) == 3 and leftovers(runs) == []
    assert not list(runs.vault.glob("batches/*/dead/*"))
    # Packed one after the other they free as much: what helpers unlinked is counted.
    assert batch.freed_bytes > sum(item.allocated_bytes for item in plan.items) // 2
    assert undo(str(runs.root)).state == "restored"
    assert compare(before, runs.manifest()) == []


def test_a_process_that_is_killed_costs_its_items_nothing(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch, compare: Any
) -> None:
    parent, replay = os.getpid(), makearchive.replay

    def deadly(*arguments: Any) -> Any:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return replay(*arguments)

    monkeypatch.setattr(makearchive, "replay", deadly)
    batch = pack_all(runs, moved)
    assert (
        sorted((one.place, one.outcome) for one in batch.items) == [("moved", "failed")] * 6 + [("packed", "done")] * 3
    )
    assert {one.error.split(".")[0] for one in batch.items if one.error} == {
        "a process that helped ended without an answer"
    }
    assert len(archives(runs)) == 1 and leftovers(runs) == []
    monkeypatch.setattr(makearchive, "replay", replay)
    assert pack_all(runs, moved).state == "packed"


def test_an_item_that_does_not_fit_costs_the_others_nothing(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only shows when a file is read is said by the process that reads it."""
    read = makearchive.read_tree
    data = str(next(runs.vault.glob("batches/*/data")))

    def refuse(parent_fd: int, name: str, n: int, *rest: Any) -> Iterator[Any]:
        if n == 4 and os.readlink(f"/proc/self/fd/{parent_fd}") == data:
            raise makearchive.NotPackable("metrics/loss changed while it was read")
        return read(parent_fd, name, n, *rest)

    monkeypatch.setattr(makearchive, "read_tree", refuse)
    batch = pack_all(runs, moved)
    assert [one.place for one in batch.items].count("packed") == 8
    assert (batch.items[4].place, batch.items[4].outcome) == ("moved", "skipped")
    assert "changed while it was read" in batch.items[4].error
    assert leftovers(runs) == []


def test_a_disk_that_is_full_for_one_of_them_gets_smaller_archives(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, most = makearchive.from_trees, 2

    def narrow(shelf: Any, shared: Any, slots: Any, *rest: Any, **more: Any) -> str:
        if len(slots) > most:
            raise OSError(errno.ENOSPC, "No space left on device")
        return made(shelf, shared, slots, *rest, **more)

    monkeypatch.setattr(makearchive, "from_trees", narrow)
    batch = pack_all(runs, moved)
    assert batch.state == "packed", [one.error for one in batch.items]
    assert len(archives(runs)) >= 5


def test_all_of_them_stop_when_they_are_asked_to(
    runs: Any, start_worker: Callable[..., Any], compare: Any, tmp_path: Path
) -> None:
    before = runs.manifest()
    plan = runs.plan(*RUNS)
    apply(plan)
    program = (
        f"{AT_ONCE}import os\n"
        "from mlruns_tui.cleanup import makearchive, worker\n"
        "read, parent = makearchive.read_tree, os.getpid()\n"
        "def endless(parent_fd, name, n, begin, data):\n"
        "    if os.getpid() == parent:\n"
        "        os.kill(parent, 15)\n"
        "    for member in read(parent_fd, name, n, begin, data):\n"
        "        while os.getpid() != parent:\n"
        "            data(b'')\n"
        "        yield member\n"
        "makearchive.read_tree = endless\n"
        "worker.main()\n"
    )
    request = {"do": "pack", "root": str(runs.root), "batch": plan.id, "min_gain_percent": 0}
    worker = start_worker(request, program=("-c", program))
    assert worker.finish() == 0
    (batch,) = batches(str(runs.root))
    assert [one.place for one in batch.items] == ["moved"] * 9
    assert archives(runs) == [] and leftovers(runs) == []
    assert undo(str(runs.root)).state == "restored"
    assert compare(before, runs.manifest()) == []


@pytest.mark.parametrize("when", ["while they write", "while they take apart"])
def test_when_the_worker_is_killed_its_helpers_end_and_nothing_is_lost(
    runs: Any, start_worker: Callable[..., Any], compare: Any, when: str
) -> None:
    before = runs.manifest()
    plan = runs.plan(*RUNS)
    apply(plan)
    writing = when == "while they write"
    name, part = ("makearchive.replay", "makearchive.attempt") if writing else ("removers.destroy", "None")
    program = (
        f"{AT_ONCE}import os, signal\n"
        "from mlruns_tui.cleanup import beside, makearchive, worker\n"
        f"call, do, parent, part = {name}, beside._do, os.getpid(), {part}\n"
        "def deadly(*arguments):\n"
        "    found = call(*arguments)\n"
        "    if os.getppid() == parent:\n"
        "        os.kill(parent, 9)\n"
        "        while os.getppid() == parent:\n"
        "            pass\n"
        "    return found\n"
        "def wait_for_death(job, stop):\n"
        "    while part and getattr(job, 'func', None) is part:\n"
        "        signal.pause()\n"
        "    return do(job, stop)\n"
        f"{name}, beside._do = deadly, wait_for_death\n"
        "worker.main()\n"
    )
    request = {"do": "pack", "root": str(runs.root), "batch": plan.id, "min_gain_percent": 0}
    worker = start_worker(request, program=("-c", program))
    assert worker.finish() == -9
    # A helper shares the lock until it ends, which it does on its own.
    assert undo(str(runs.root), lock_timeout_s=60).state == "restored"
    assert compare(before, runs.manifest()) == []
    assert leftovers(runs) == []


def test_what_a_process_was_told_to_stop_in_is_not_said_to_be_done(
    runs: Any, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is ended tells all its processes. What is packed is packed; what still takes space is said."""
    parent, destroy, ended = os.getpid(), removers.destroy, removers.Removers.ended
    all_given, giving = os.pipe()

    def told(*arguments: Any) -> None:
        assert os.getpid() != parent
        os.read(all_given, 1)
        destroy(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    def waited_for(self: Any, wait_ms: int = 0) -> Any:
        os.write(giving, b"x" * removers.MOST)
        return ended(self, wait_ms)

    monkeypatch.setattr(removers, "destroy", told)
    monkeypatch.setattr(removers.Removers, "ended", waited_for)
    batch = pack_all(runs, moved)
    for fd in (all_given, giving):
        os.close(fd)
    assert [one.place for one in batch.items] == ["packed"] * 9
    failed = [one.error for one in batch.items if one.outcome == "failed"]
    assert len(failed) == len(list(runs.vault.glob("batches/*/dead/*"))) == 9 - removers.MOST
    assert {one.partition(":")[0] for one in failed} == {"packed, but its tree is not all gone"}
    monkeypatch.undo()
    undo(str(runs.root))
    assert not list(runs.vault.glob("batches/*/dead/*"))


# The processes themselves.


def test_parts_answer_in_their_order_each_from_a_process_of_its_own() -> None:
    found = beside.together([lambda stop, n=n: (n, os.getpid()) for n in range(3)], never)
    assert [one.get()[0] for one in found] == [0, 1, 2]
    pids = [one.get()[1] for one in found]
    assert len(set(pids)) == 3 and pids[-1] == os.getpid()


def test_what_the_system_refused_a_part_is_raised_where_its_answer_is_taken() -> None:
    def refused(stop: Stop) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    for job in beside.together([refused, refused], never):
        with pytest.raises(PermissionError, match="Permission denied"):
            job.get()


def test_a_bug_in_a_part_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    first, last = beside.together([lambda stop: {}["no such key"], lambda stop: "done"], never)
    with pytest.raises(OSError, match="ended without an answer"):
        first.get()
    assert last.get() == "done"
    assert "no such key" in capfd.readouterr().err


def test_where_no_process_can_be_had_all_of_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    found = beside.together([lambda stop: os.getpid()] * 3, never)
    assert [one.get() for one in found] == [os.getpid()] * 3


def test_parts_that_are_asked_to_stop_end_where_the_last_one_breaks_off() -> None:
    def until_told(stop: Stop) -> None:
        while not stop():
            pass

    def broken(stop: Stop) -> None:
        raise ZeroDivisionError

    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    with pytest.raises(ZeroDivisionError):
        beside.together([until_told, until_told, broken], never)
    assert Path(f"/proc/self/task/{os.getpid()}/children").read_text() == children


@pytest.mark.skipif(sys.platform != "linux", reason="told by /proc")
def test_beside_a_thread_nothing_is_forked() -> None:
    import threading

    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert beside.workers() == 1
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("closed", ["artifacts", "tags"])
def test_a_file_that_cannot_be_read_fails_its_run_alone(
    runs: Any, as_user: Callable[..., Any], compare: Any, closed: str
) -> None:
    """Whether it is one of the large ones that are tried before, or is found while the archive is written."""
    run = runs.root / RUNS[4]
    if closed == "artifacts":
        (run / "artifacts" / "closed").write_bytes(b"large\n" * 50_000)
    else:
        (run / "tags" / "closed").write_text("x")
    runs.age()
    os.chmod(run / closed / "closed", 0)
    for folder, _, names in os.walk(runs.root):
        for path in [folder, *(os.path.join(folder, one) for one in names)]:
            os.lchown(path, 65534, 65534)
    before = runs.manifest()
    plan = runs.plan(*RUNS)

    def work() -> list[Any]:
        apply(plan)
        packed = pack_all(runs, plan)
        return [[one.place, one.outcome, one.error] for one in packed.items]

    found = as_user(work)
    assert found.pop(4) == [
        "moved", "failed",
        f"{closed}/closed cannot be read (permission denied). "
        "It stays in the backup as it is.",
    ]  # fmt: skip
    assert [one[:2] for one in found] == [["packed", "done"]] * 8
    assert leftovers(runs) == []
    assert as_user(lambda: undo(str(runs.root)).state) == "restored"
    assert compare(before, runs.manifest()) == []


def test_items_whose_process_was_killed_while_it_looked_at_them_are_looked_at_again(
    moved: Any, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, look_once = os.getpid(), worth._look_once

    def look(*arguments: Any) -> Any:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        looked.append(arguments[1])
        return look_once(*arguments)

    looked: list[int] = []
    monkeypatch.setattr(worth, "_look_once", look)
    batch = pack_all(runs, moved)
    assert sorted(looked) == list(range(9))
    assert [(one.place, one.outcome) for one in batch.items] == [("packed", "done")] * 9
