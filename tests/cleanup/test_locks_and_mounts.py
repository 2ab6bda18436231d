"""Who holds a store, seen by others, and what ends with him; and stores on ground nothing may be changed on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.journal import line, parse
from mlruns_tui.cleanup.restore import undo
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.disk import change
from mlruns_tui.model import codec
from mlruns_tui.model.errors import LockedError, MlrunsError, UsageError

A, B, C = "1/" + "a" * 32, "1/" + "b" * 32, "1/" + "c" * 32


@pytest.fixture
def held(store: Any, start_worker: Any, apply_request: Any, hold_worker: Any, monkeypatch: Any) -> Any:
    """A real worker waiting between its first and its second item; its plan, process and gate."""
    gate = hold_worker(2)
    plan = store.plan(A, C)
    worker = start_worker(apply_request(plan))
    pid = gate.wait()
    monkeypatch.delenv("HOLD_BEFORE")
    return plan, worker, pid, gate


def test_others_are_told_who_holds_it_since_when_and_may_look(store: Any, held: Any) -> None:
    plan, worker, pid, gate = held
    with pytest.raises(LockedError) as caught:
        apply(store.plan("2"))
    assert "has been cleaning this store since " in caught.value.message
    assert f"(pid {pid}); nothing was changed" in caught.value.message
    (seen,) = batches(str(store.root))
    assert (seen.id, seen.running, seen.open_op) == (plan.id, True, "apply")
    assert f"(pid {pid})" in seen.messages[0]
    gate.let_on()
    assert worker.finish() == 0
    (seen,) = batches(str(store.root))
    assert (seen.running, seen.state, seen.open_op) == (False, "moved", "")
    assert apply(store.plan("2")).state == "moved"


def test_a_lock_left_by_a_kill_never_blocks_and_nobody_is_said_to_be_at_work(
    store: Any, held: Any, compare: Any
) -> None:
    _, worker, pid, _ = held
    os.kill(pid, signal.SIGKILL)
    worker.finish()
    assert json.loads((store.vault / "lock").read_text())["pid"] == pid
    (seen,) = batches(str(store.root))
    assert (seen.running, seen.state) == (False, "unfinished")
    assert undo(str(store.root)).count("restored") == 1
    assert apply(store.plan(A, C)).state == "moved"


def test_of_another_host_only_the_lock_tells_whether_it_is_at_work(store: Any, held: Any) -> None:
    """A container's or another machine's process cannot be looked up; its lock can."""
    plan, worker, pid, _ = held
    journal = store.vault / "batches" / plan.id / "journal"
    told = journal.read_bytes()
    records = [{**one, "host": "gpu02"} if one["e"] == "begin" else one for one in parse(told)]
    journal.write_bytes(b"".join(line(one) for one in records))
    (seen,) = batches(str(store.root))
    assert seen.running
    assert "on gpu02" in seen.messages[0]
    os.kill(pid, signal.SIGKILL)
    worker.finish()
    (seen,) = batches(str(store.root))
    assert not seen.running
    assert seen.messages == ()


def test_asking_who_holds_it_keeps_no_worker_out(store: Any) -> None:
    """Whoever asks takes the lock for a moment; a worker that starts then tries again."""
    apply(store.plan(C))
    script = (
        "import fcntl, os, sys\n"
        "fd = os.open(sys.argv[1], os.O_RDONLY)\n"
        "fcntl.flock(fd, fcntl.LOCK_SH)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read(1)\n"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", script, str(store.vault / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert asking.stdout is not None
    assert asking.stdin is not None
    assert asking.stdout.readline() == b"held\n"

    def once() -> bool:
        # Asked when the lock was found taken: from now on it is free again.
        asking.stdin.close()  # type: ignore[union-attr]
        asking.wait()
        return False

    assert undo(str(store.root), stop=once).state == "restored"
    asking.stdout.close()


# Ground on which nothing may be changed.


@pytest.fixture
def mounted(store: Any) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs shell lines in a mount namespace of its own, ``$ROOT`` and ``mlruns`` defined."""
    prefixes = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])
    prefix = next(
        (one for one in prefixes if subprocess.run([*one, "true"], capture_output=True, check=False).returncode == 0),
        None,
    )
    if prefix is None:
        pytest.skip("needs mount namespaces, which this machine does not allow")

    def run(*lines: str) -> subprocess.CompletedProcess[str]:
        program = f"{shlex.quote(sys.executable)} -m mlruns_tui"
        script = "\n".join((f"ROOT={shlex.quote(str(store.root))}", f'mlruns() {{ {program} "$@"; }}', *lines))
        return subprocess.run([*prefix, "bash", "-c", script], capture_output=True, text=True, check=False)

    return run


READ_ONLY = 'mount --bind "$ROOT" "$ROOT" && mount -o remount,ro,bind "$ROOT" || exit 99'


@pytest.mark.parametrize(
    "words", ["undo", "backups purge --older-than 0 --force", "cleanup --orphans-with-runs --days-old 1 --force"]
)
def test_a_store_mounted_read_only_is_refused_before_anything_is_tried(
    store: Any, mounted: Any, compare: Any, words: str
) -> None:
    apply(store.plan(C))
    before = store.manifest()
    command, _, rest = words.partition(" ")
    if command == "backups":
        command, _, rest = "backups purge", "", rest.removeprefix("purge ")
    done = mounted(READ_ONLY, f'mlruns {command} "$ROOT" {rest}')
    assert done.returncode in (0, 2), done.stderr
    if done.returncode == 2:
        assert "mounted read-only" in done.stderr
    else:
        assert "Nothing to remove" in done.stdout
    assert "Traceback" not in done.stderr
    assert compare(before, store.manifest()) == []
    assert batches(str(store.root))[0].state == "moved"


def test_a_store_mounted_read_only_is_looked_at_all_the_same(store: Any, mounted: Any) -> None:
    apply(store.plan(C))
    done = mounted(READ_ONLY, 'mlruns list "$ROOT" && mlruns log "$ROOT" && mlruns backups list "$ROOT"')
    assert done.returncode == 0, done.stderr
    assert "get back" in done.stdout


def test_something_mounted_inside_an_item_keeps_it_and_names_the_place(store: Any, mounted: Any) -> None:
    """The plan is made before the mount: what was true then must be looked at again."""
    plan = store.plan(A, C)
    path = store.root.parent / "plan.json"
    path.write_text(json.dumps({"do": "apply", "plan": codec.encode(plan)}))
    worker = f"{shlex.quote(sys.executable)} -m mlruns_tui.cleanup.worker"
    inside = shlex.quote(str(store.root / A / "artifacts"))
    done = mounted(f"mount -t tmpfs none {inside} || exit 99", f"{worker} < {shlex.quote(str(path))}")
    assert done.returncode == 0, done.stdout + done.stderr
    items = json.loads(done.stdout.splitlines()[-1])["batch"]["items"]
    assert [(one["outcome"], one["place"]) for one in items] == [("skipped", "in-place"), ("done", "moved")]
    assert "is on another disk and cannot be moved whole" in items[0]["error"]
    assert (store.root / A / "artifacts" / "model.bin").is_file()


def test_in_a_sticky_directory_anothers_run_stays_and_says_why(store: Any, as_user: Any) -> None:
    """As in /tmp: the name of a file belongs to its owner, whoever may write to the directory."""
    owner, other = 61001, 61002
    for folder, directories, files in os.walk(os.fsencode(store.root)):
        for name in [b".", *directories, *files]:
            os.chown(os.path.join(folder, name), owner, owner, follow_symlinks=False)
    os.chown(store.root, 0, 0)
    os.chmod(store.root, 0o1777)
    os.chown(store.root / "1", 0, 0)
    os.chmod(store.root / "1", 0o1777)
    plan = store.plan(A)
    ((outcome, error),) = as_user(lambda: [(one.outcome, one.error) for one in apply(plan).items], other, other)
    assert outcome == "failed"
    assert error.endswith("It is where it was.")
    assert str(owner) in error or "sticky" in error
    assert (store.root / A / "meta.yaml").is_file()


@pytest.mark.parametrize("linked", ["experiment", "run", ".trash", "vault"])
def test_what_became_a_link_is_neither_followed_nor_moved(
    store: Any, tmp_path: Path, linked: str, tree_manifest: Any, compare: Any
) -> None:
    """Swapped between the plan and its work: the target, outside of the store, is left alone."""
    outside = tmp_path / "outside"
    path = {"experiment": "1", "run": A, ".trash": ".trash", "vault": ".mlruns-tui.trash"}[linked]
    if linked == ".trash":
        store.experiment(".trash/9")
        store.age()
    wanted = ".trash/9" if linked == ".trash" else A
    if linked == "vault":
        apply(store.plan(C))
    plan = store.plan(wanted)
    (store.root / path).rename(outside)
    (store.root / path).symlink_to(outside)
    before = tree_manifest(outside)
    if linked == "vault":
        with pytest.raises(MlrunsError) as caught:
            apply(plan)
        assert caught.value.code == "bad-vault"
        assert "is a link; nothing was read or changed" in caught.value.message
    else:
        (item,) = apply(plan).items
        assert item.outcome in ("skipped", "failed")
        assert item.place == "in-place"
    assert compare(before, tree_manifest(outside)) == []
    assert (store.root / path).is_symlink()


def test_a_read_only_refusal_is_wrong_use_not_a_failure(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(store.plan(C))

    def read_only(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(change, "take_lock", read_only)
    with pytest.raises(UsageError) as caught:
        undo(str(store.root))
    assert caught.value.code == "read-only-store"
