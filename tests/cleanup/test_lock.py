"""One worker at a time, and what happens where that does not hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup import lock
from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.restore import restore, undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.disk import change
from mlruns_tui.model.errors import Exit, LockedError, MlrunsError

A, B, C = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32
HOLD = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Another process that holds a lock until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.mark.parametrize("held", ["lock", "."])
def test_a_store_somebody_changes_is_left_alone_and_he_is_named(store: Any, hold: Any, held: str, compare: Any) -> None:
    apply(store.plan(C))
    batch = batches(str(store.root))[0]
    hold(store.vault / "lock" if held == "lock" else store.root)
    text = json.loads((store.vault / "lock").read_text())
    text |= {"user": "bob\x1b[31m", "host": "gpu02", "op": "apply"}
    (store.vault / "lock").write_text(json.dumps(text))
    before = store.manifest()
    plan = store.plan(A)
    for call in (
        lambda: apply(plan),
        lambda: undo(str(store.root)),
        lambda: restore(str(store.root), batch.id),
        lambda: purge(str(store.root), batch.id),
    ):
        with pytest.raises(LockedError) as caught:
            call()
        assert caught.value.code == "locked"
        assert caught.value.exit_code == Exit.LOCKED
        assert caught.value.message.startswith("bob\\x1b[31m on gpu02 has been cleaning this store since ")
    assert compare(before, store.manifest()) == []


def test_a_lock_with_garbage_in_it_still_locks(store: Any, hold: Any) -> None:
    apply(store.plan(C))
    (store.vault / "lock").write_bytes(b"\xff" * 100)
    hold(store.vault / "lock")
    with pytest.raises(LockedError) as caught:
        undo(str(store.root))
    assert caught.value.message == "another process is changing this store; nothing was changed"


def test_waiting_for_the_lock_ends_when_it_is_free(store: Any, hold: Any) -> None:
    apply(store.plan(C))
    process = hold(store.vault / "lock")
    polled = threading.Event()

    def stop() -> bool:
        # Asked once the lock was found taken: from then on it may go.
        polled.set()
        return False

    releasing = threading.Thread(target=lambda: polled.wait() and process.stdin.close())
    releasing.start()
    assert undo(str(store.root), stop=stop, lock_timeout_s=60).state == "restored"
    releasing.join()
    assert polled.is_set()


def test_waiting_for_the_lock_can_be_stopped(store: Any, hold: Any) -> None:
    apply(store.plan(C))
    hold(store.vault / "lock")
    with pytest.raises(MlrunsError) as caught:
        undo(str(store.root), stop=lambda: True, lock_timeout_s=60)
    assert (caught.value.code, caught.value.exit_code) == ("interrupted", Exit.INTERRUPTED)


def test_the_lock_is_given_back_after_an_error(store: Any) -> None:
    with pytest.raises(MlrunsError):
        restore(str(store.root), "20261122-0000-0000")
    assert apply(store.plan(A)).state == "moved"
    with pytest.raises(MlrunsError):
        restore(str(store.root), "20261122-0000-0000")
    assert undo(str(store.root)).state == "restored"


def test_the_lock_says_who_holds_it_and_whether_he_lives(store: Any) -> None:
    apply(store.plan(A))
    fd = os.open(store.vault, os.O_RDONLY)
    holder = lock.holder(fd)
    assert holder is not None
    assert (holder.pid, holder.op, holder.alive()) == (os.getpid(), "apply", True)
    text = json.loads((store.vault / "lock").read_text())
    for wrong in ({"started": "1"}, {"boot": "another"}, {"pid": 2**22 + 1}):
        (store.vault / "lock").write_text(json.dumps({**text, **wrong}))
        assert lock.holder(fd).alive() is False  # type: ignore[union-attr]
    (store.vault / "lock").write_text(json.dumps({**text, "host": "gpu02"}))
    assert lock.holder(fd).alive() is None  # type: ignore[union-attr]
    os.close(fd)


@pytest.fixture
def killed(store: Any, strace: str, start_worker: Any, apply_request: Any, tmp_path: Path) -> Any:
    """A plan whose worker was killed after its first of two items."""
    plan = store.plan(A, C)
    # The first two renames make the vault and the batch.
    log = tmp_path / "log"
    options = ("-f", "-qq", "-o", str(log), "-e", "trace=renameat2", "-e", "inject=renameat2:signal=KILL:when=4")
    assert start_worker(apply_request(plan), strace, *options).finish() != 0
    assert "killed by SIGKILL" in log.read_text()
    assert (store.root / A).exists() is False
    return plan


def test_an_unfinished_batch_is_settled_before_the_next(store: Any, killed: Any, compare: Any) -> None:
    (listed,) = batches(str(store.root))
    assert (listed.state, [one.place for one in listed.items]) == ("unfinished", ["moved", "in-place"])
    with pytest.raises(LockedError) as caught:
        apply(store.plan("2"))
    assert caught.value.code == "unfinished"
    assert killed.id in caught.value.message
    assert "1 item in the backup, 1 not" in caught.value.message
    assert caught.value.hint.startswith(f"mlruns-tui undo {store.root}")
    assert undo(str(store.root)).state == "restored"
    assert apply(store.plan("2")).state == "moved"


def test_an_unfinished_batch_can_be_purged_instead(store: Any, killed: Any) -> None:
    assert purge(str(store.root), killed.id).state == "purged"
    assert (store.root / C).is_dir()
    assert apply(store.plan("2")).state == "moved"


def test_an_unfinished_batch_of_somebody_else_is_only_mentioned(
    store: Any, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = store.vault / "batches" / killed.id / "journal"
    from mlruns_tui.cleanup.journal import line, parse

    records = [{**record, "uid": 54321} if record["e"] == "begin" else record for record in parse(journal.read_bytes())]
    journal.write_bytes(b"".join(line(record) for record in records))
    batch = apply(store.plan("2"))
    assert batch.state == "moved"
    assert batch.messages == (
        f"a batch of 54321 ({killed.id}) stopped half-way; every item of it is whole, 54321 settles it",
    )
    assert undo(str(store.root)).id == batch.id


def test_two_workers_without_any_lock_lose_nothing(
    store: Any, start_worker: Any, apply_request: Any, tree_manifest: Any, compare: Any, tmp_path: Path
) -> None:
    """Both at once over the same items, in opposite order, the locks taken away."""
    runs = [f"3/{n:032x}" for n in range(40)]
    store.experiment("3", [run.split("/")[1] for run in runs])
    before = store.manifest()
    trees = {run: tree_manifest(store.root / run) for run in runs}
    script = tmp_path / "unlocked.py"
    script.write_text(
        "import os, sys\n"
        "from mlruns_tui.cleanup import apply, worker\n"
        "from mlruns_tui.disk import change\n"
        "change.lock_directory = lambda fd: True\n"
        "change.take_lock = lambda fd, name, mode=0: os.open('/dev/null', os.O_RDONLY)\n"
        "change.overwrite = lambda fd, data: None\n"
        "apply.MAX_GROUP = 3\n"
        "sys.exit(worker.main())\n"
    )
    apply(store.plan("2"))  # so that both find a vault
    undo(str(store.root))
    plans = [store.plan(*runs), store.plan(*reversed(runs))]
    processes = [
        subprocess.Popen([sys.executable, "-B", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in plans
    ]
    for process, plan in zip(processes, plans, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(apply_request(plan)).encode() + b"\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    ids = [answer["batch"]["id"] for answer in answers if "batch" in answer]
    assert ids, answers
    for run in runs:
        copies = [store.root / run, *store.vault.glob("batches/*/data/*")]
        assert sum(tree_manifest(path) == trees[run] for path in copies if path.exists()) == 1, run
    for batch in batches(str(store.root)):
        if batch.count("moved"):
            restore(str(store.root), batch.id)
    after = store.manifest()
    # Each puts back the time it found; only the experiment's own may be either's.
    assert [one for one in compare(before, after) if not one.startswith(("changed: b'3':", "changed: b'.':"))] == []


def test_locks_of_a_file_system_without_locks_are_said(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(change, "take_lock", none)
    batch = apply(store.plan(A))
    assert batch.state == "moved"
    assert batch.messages == ("this file system has no locks: nobody else may clean this store meanwhile",)
