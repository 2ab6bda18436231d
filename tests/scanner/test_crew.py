"""However many processes read a store, the result is the same, and none of them outlives it or is missed."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from mlruns_tui.scanner import crew, files, measuring
from mlruns_tui.scanner.effort import Effort
from mlruns_tui.scanner.metadata import Unusable, parse
from mlruns_tui.scanner.records import run_of
from mlruns_tui.scanner.store import open_store
from mlruns_tui.scanner.usual_run import usual_run


@pytest.fixture
def full(store):
    """A store with broken, closed and hard-linked things among many runs."""
    for experiment in ("1", "2", "3"):
        store.experiment(experiment)
        for number in range(30):
            store.run(experiment, number + 100 * int(experiment), tags={"keep": "yes"} if number % 7 == 0 else {})
        store.write(f"{experiment}/tags/keep", "x")
    paths = [store.run("1", 900), store.run("2", 901), store.run("9", 902)]
    source = store.write(f"{paths[0]}/artifacts/shared", b"x" * 1000)
    for path in paths[1:]:
        os.link(source, store.root / path / "artifacts" / "shared")
    store.write(f"{paths[1]}/meta.yaml", "run_id: [")
    (store.root / paths[2] / "meta.yaml").unlink()
    (store.root / "3" / "not-a-run").mkdir()
    (store.root / paths[0] / "tags").rename(store.root / paths[0] / "elsewhere")
    (store.root / paths[0] / "tags").symlink_to("elsewhere")
    store.grow_old()
    return store


@pytest.fixture
def helpers(monkeypatch):
    """Helpers are hired at once, whatever threads the test runner has; the pids of all that were."""
    pids = []
    monkeypatch.setattr(crew, "is_single_threaded", lambda: True)
    monkeypatch.setattr(crew, "_WORTH_S", 0.0)
    monkeypatch.setattr(crew, "cores", lambda: 3)
    fork = crew.Crew._fork

    def counted(self):
        helper = fork(self)
        if helper is not None:
            pids.append(helper.pid)
        return helper

    monkeypatch.setattr(crew.Crew, "_fork", counted)
    return pids


def last(store, stop=lambda: False):
    *_, snapshot = open_store(str(store.root)).scan(None, stop)
    return snapshot


def without_clock(snapshot):
    return replace(snapshot, progress=replace(snapshot.progress, elapsed_ms=0))


def are_gone(pids, seconds=10.0):
    """Killed ones may take a moment to end on a busy machine; whoever ended late is collected the next time."""
    until = time.monotonic() + seconds
    waiting = threading.Event()
    for pid in pids:
        while is_there(pid):
            assert time.monotonic() < until, f"{pid} is still there"
            crew.reap_late()
            waiting.wait(0.005)
    return True


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def alone(full):
    """What one process says of the store. (The test runner has threads: nothing is forked without ``helpers``.)"""
    thread = threading.Thread(target=(done := threading.Event()).wait)
    thread.start()
    try:
        return without_clock(last(full))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("number", [2, 3, 13])
def test_the_result_is_the_same_for_any_number_of_processes(full, alone, helpers, monkeypatch, number):
    monkeypatch.setattr(crew, "cores", lambda: number)
    assert without_clock(last(full)) == alone
    assert len(helpers) == number
    assert are_gone(helpers)


def test_a_process_with_threads_is_never_forked(full, monkeypatch):
    def fork():
        raise AssertionError("forked")

    monkeypatch.setattr(crew, "_WORTH_S", 0.0)
    monkeypatch.setattr(os, "fork", fork)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert last(full).complete
    finally:
        done.set()
        thread.join()


def test_where_no_process_may_be_forked_one_reads_all(full, alone, helpers, monkeypatch):
    def fork():
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    assert without_clock(last(full)) == alone
    assert helpers == []


@pytest.mark.parametrize("work", ["read run", "measure run", "measure"])
def test_a_helper_that_is_killed_is_said_and_nothing_is_missing(full, alone, helpers, monkeypatch, work):
    parent = os.getpid()
    works = files.WORKS if work in files.WORKS else measuring.WORKS
    real = works[work]

    def deadly(fd, name, about, pulse):
        if os.getpid() != parent and len(names) > 0 and name == names[-1]:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(fd, name, about, pulse)

    names = sorted(os.listdir(full.root / "3"))
    names = [one for one in names if len(one) == 32] if work != "measure" else ["tags"]
    monkeypatch.setitem(works, work, deadly)
    found = without_clock(last(full))
    assert found.messages[-1] == ("a process that helped reading was ended (signal 9); what it had was read again")
    assert replace(found, messages=found.messages[:-1]) == alone
    assert are_gone(helpers)


def test_when_all_helpers_are_killed_the_rest_is_read_here(full, alone, helpers, monkeypatch):
    parent = os.getpid()
    real = measuring.WORKS["measure run"]

    def deadly(fd, name, about, pulse):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(fd, name, about, pulse)

    monkeypatch.setitem(measuring.WORKS, "measure run", deadly)
    found = without_clock(last(full))
    assert replace(found, messages=alone.messages) == alone
    assert len(helpers) == 3
    assert are_gone(helpers)


def test_stopping_ends_helpers_that_wait_for_a_disk_within_a_moment(full, helpers, monkeypatch):
    parent = os.getpid()
    real = measuring.WORKS["measure run"]
    asked = []
    measured = []

    def endless(fd, name, about, pulse):
        if os.getpid() != parent and int(name[:8], 16) % 10 == 9:
            signal.pause()
        return real(fd, name, about, pulse)

    def stop():
        if time.monotonic() - began > 0.5:
            asked.append(time.monotonic())
        return bool(asked)

    began = time.monotonic()
    monkeypatch.setitem(measuring.WORKS, "measure run", endless)
    for snapshot in open_store(str(full.root)).scan(None, stop):
        measured.append(snapshot.progress.runs_sized)
    assert time.monotonic() - asked[0] < 0.2
    assert snapshot.progress.stage == "stopped"
    assert 0 < measured[-1] < 92
    assert sum(run.size is not None for run in snapshot.all_runs()) == measured[-1]
    assert are_gone(helpers)


def test_helpers_hold_no_file_of_their_parent_open(full, helpers, monkeypatch):
    parent = os.getpid()
    reading, writing = os.pipe()
    real = measuring.WORKS["measure run"]

    def asking(fd, name, about, pulse):
        row = real(fd, name, about, pulse)
        if os.getpid() == parent:
            return row
        return (*row[:4], len(os.listdir("/proc/self/fd")), row[5])

    monkeypatch.setitem(measuring.WORKS, "measure run", asking)
    # Three standard streams, the root, the socket, the folder, and the listing itself.
    owners = {run.owner for run in last(full).all_runs() if run.size is not None}
    assert 7 in owners
    assert owners <= {os.getuid(), 7}
    os.close(reading)
    os.close(writing)


def test_many_wait_where_the_disk_is_slow_and_one_a_core_computes_where_it_is_not():
    effort = Effort(2)
    for _ in range(40):
        effort.add(10, 0.01, 0.009, 0)
    assert effort.wanted == 2
    for _ in range(40):
        effort.add(10, 0.1, 0.01, 0)
    assert effort.wanted == 2, "a busy machine is no slow disk"
    for _ in range(40):
        effort.add(10, 0.1, 0.01, 300)
    assert effort.wanted == 20
    for _ in range(40):
        effort.add(10, 0.01, 0.009, 0)
    assert effort.wanted == 2, "what was cold is warm now"


RUN = "0123456789abcdef0123456789abcdef"
META = f"""\
artifact_uri: file:///data/mlruns/7/{RUN}/artifacts
end_time: 1791182842867
entry_point_name: ''
experiment_id: '7'
lifecycle_stage: active
run_id: {RUN}
run_name: nimble-crane-553
source_name: ''
source_type: 4
source_version: ''
start_time: 1791177682629
status: 3
tags: []
user_id: alice
"""
CHANGES = [
    ("", ""),
    ("end_time: 1791182842867", "deleted_time: 1791182842868\nend_time: 1791182842867"),
    ("end_time: 1791182842867", "end_time: null"),
    ("end_time: 1791182842867", "end_time: 0x17"),
    ("end_time: 1791182842867", "end_time: 017"),
    ("end_time: 1791182842867", "end_time: 999999999999999"),
    ("lifecycle_stage: active", "lifecycle_stage: deleted"),
    ("lifecycle_stage: active", "lifecycle_stage: Active"),
    ("run_name: nimble", f"run_name: '{RUN}'\nrun_nam2: nimble"),
    ("run_name: nimble-crane-553", "run_name: Yes"),
    ("run_name: nimble-crane-553", "run_name: yes-no"),
    ("run_name: nimble-crane-553", "run_name: _"),
    ("run_name: nimble-crane-553", "run_name: a:b"),
    ("run_name: nimble-crane-553", "run_name: a: b"),
    ("run_name: nimble-crane-553", "run_name: é"),
    ("run_name: nimble-crane-553", "run_name: a\x1b"),
    ("run_name: nimble-crane-553\n", f"run_name: x\nrun_uuid: {RUN}\n"),
    ("run_name: nimble-crane-553\n", f"run_name: x\nrun_uuid: '{RUN}\n"),
    (f"run_id: {RUN}", f"run_id: '{RUN}'"),
    (f"run_id: {RUN}", f"run_id: {RUN[::-1]}"),
    (f"run_id: {RUN}", "run_id: 01234567890123456789012345678901"),
    (f"run_id: {RUN}", "run_id: 0b010101010101010101010101010101"),
    ("status: 3", "status: 1"),
    ("status: 3", "status: 6"),
    ("status: 3", "status: 03"),
    ("experiment_id: '7'", "experiment_id: 7"),
    ("experiment_id: '7'", "experiment_id: '8'"),
    ("user_id: alice", "user_id: 'alice'"),
    ("user_id: alice", "user_id: NULL"),
    ("user_id: alice", "user_id: ~"),
    ("user_id: alice\n", "user_id: alice"),
    ("source_name: ''", "source_name: /home/a/train.py"),
    ("source_name: ''", "source_name: off"),
    ("source_version: ''", "source_version: " + "1" * 40),
    ("tags: []", "tags: {}"),
    ("/artifacts\n", "/artifacts/\n"),
    ("file:///data", "/data"),
    ("file:///data", "s3://data"),
    (f"/7/{RUN}", f"/8/{RUN}"),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
@pytest.mark.parametrize("name", [RUN, "01234567890123456789012345678901", "0b010101010101010101010101010101"])
def test_what_is_taken_at_one_go_is_what_a_closer_look_says(before, after, name):
    text = META.replace(before, after, 1) if before else META
    data = (text if name == RUN else text.replace(RUN, name)).encode()
    quick = usual_run(data, "7", name)
    if quick is None:
        return
    try:
        meta = parse(data)
    except Unusable as error:
        raise AssertionError("taken, though it cannot be parsed") from error
    run = run_of(meta, "7", name, "root", "")
    assert meta["artifact_uri"].endswith(f"/7/{name}/artifacts")
    assert quick == (
        run.state, run.reason, run.name, run.status, run.lifecycle_stage, run.user_id, run.start_time, run.end_time,
        run.deleted_time, run.trouble,
    )  # fmt: skip


def test_what_mlflow_writes_is_taken_at_one_go():
    assert usual_run(META.encode(), "7", RUN) is not None
    taken = [usual_run(META.replace(before, after, 1).encode(), "7", RUN) is not None for before, after in CHANGES[1:4]]
    assert taken == [True, True, False]
