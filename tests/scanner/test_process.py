"""A reader in a process of its own keeps every promise of one that is not, and says so when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mlruns_tui.model.errors import MlrunsError, StaleError
from mlruns_tui.model.evidence import Evidence
from mlruns_tui.model.store import Snapshot
from mlruns_tui.scanner.process import ReaderProcess
from mlruns_tui.scanner.store import open_store


@pytest.fixture
def full(store):
    for experiment in ("1", "2", "3"):
        store.experiment(experiment)
        for number in range(40):
            store.run(experiment, number + 100 * int(experiment))
    store.version(run_id="x")
    store.grow_old()
    return store


@pytest.fixture
def reader(full):
    made = ReaderProcess.fork(open_store(str(full.root)))
    yield made
    made.close()


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition, seconds=5.0):
    until = time.monotonic() + seconds
    waiting = threading.Event()
    while not condition():
        assert time.monotonic() < until, "it never happened"
        waiting.wait(0.005)


def without_clock(snapshot: Snapshot):
    return replace(snapshot, progress=replace(snapshot.progress, elapsed_ms=0))


def test_it_reads_what_the_reader_itself_reads(full, reader):
    here = open_store(str(full.root))
    mine = without_clock(list(here.scan())[-1])
    theirs = without_clock(list(reader.scan())[-1])
    assert theirs == mine
    assert theirs.store == reader.store == mine.store
    key = mine.all_runs()[7].key
    assert reader.details(key) == here.details(key)
    evidence = reader.inspect([key, "experiment/nothing"])
    assert isinstance(evidence, Evidence)
    assert evidence.items == here.inspect([key, "experiment/nothing"]).items
    assert evidence.references == mine.references


def test_a_second_scan_sees_what_changed_and_shares_nothing_stale(full, reader, run_ids):
    first = list(reader.scan())[-1]
    full.run("2", 999)
    os.rename(full.root / "1" / run_ids(101), full.root.parent / "moved")
    full.experiment("3", name="renamed")
    os.rename(full.root / "3", full.root / "4")
    second = list(reader.scan(first))[-1]
    assert without_clock(second) == without_clock(list(open_store(str(full.root)).scan())[-1])
    assert [len(runs) for runs in second.runs.values()] == [39, 41, 40]


def test_inspect_and_details_are_answered_while_a_scan_goes_on(full, reader):
    key = list(reader.scan())[-1].all_runs()[0].key
    scan = reader.scan()
    next(scan)
    answers = []

    def ask() -> None:
        answers.append(reader.details(key))
        answers.append(reader.inspect([key]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(answers) == 8
    assert [one.progress.stage for one in scan][-1] == "complete"


class Slow:
    """A reader whose scan never ends by itself, for what must work meanwhile."""

    def __init__(self, inner) -> None:
        self.inner = inner
        self.store = inner.store

    def scan(self, previous=None, stop=lambda: False):
        *_, last = self.inner.scan()
        quiet = threading.Event()
        while not stop():
            yield last
            quiet.wait(0.01)
        yield replace(last, progress=replace(last.progress, stage="stopped"))

    def symptoms(self, leave_out=(), *, contents=True, unsaid=(), stop=lambda: False, tell=lambda count: None):
        found = self.inner.symptoms(leave_out, contents=contents, unsaid=unsaid)
        count = 0
        while not stop():
            count += 1
            tell(count)
            threading.Event().wait(0.01)
        return found

    def inspect(self, keys):
        if "raise" in keys:
            raise ZeroDivisionError("a bug")
        return self.inner.inspect(keys)

    def details(self, key):
        if key == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner.details(key)


@pytest.fixture
def slow(full):
    made = ReaderProcess.fork(Slow(open_store(str(full.root))))
    yield made
    made.close()


def test_a_request_in_the_middle_of_a_long_scan_is_answered_at_once(slow):
    scan = slow.scan()
    key = next(scan).all_runs()[0].key
    slow.details(key)
    assert slow.details(key).key == key  # while the scan waits for nothing but to be stopped
    scan.close()


def test_stop_ends_a_scan_that_would_go_on_for_ever(slow):
    seen = []
    for one in slow.scan(None, lambda: len(seen) > 3):
        seen.append(one)  # noqa: PERF402 the scan asks how many there are while it goes on
    assert seen[-1].progress.stage == "stopped"


def test_it_finds_what_the_reader_itself_finds(full, reader):
    os.unlink(full.root / "2" / "meta.yaml")
    here = open_store(str(full.root))
    assert here.symptoms()
    assert reader.symptoms() == here.symptoms()
    assert reader.symptoms(contents=False) == here.symptoms(contents=False)
    assert reader.symptoms(["2"]) == here.symptoms(["2"]) != here.symptoms()


def test_without_contents_only_the_files_in_metrics_params_and_tags_are_not_looked_into(full, reader, run_ids):
    run = full.root / "1" / run_ids(101)
    (run / "metrics").mkdir(exist_ok=True)
    (run / "metrics" / "loss").write_text("no number\n")
    os.unlink(full.root / "2" / "meta.yaml")
    codes = {one.code for one in reader.symptoms()}
    assert codes - {one.code for one in reader.symptoms(contents=False)} == {"run-metric-line-unreadable"}


def test_a_check_tells_how_far_it_is_and_answers_others_meanwhile(full, slow):
    os.unlink(full.root / "2" / "meta.yaml")
    key = next(slow.scan()).all_runs()[0].key
    told, answers = [], []

    def tell(count: int) -> None:
        told.append(count)
        if len(told) == 1:
            answers.append(slow.details(key))

    found = slow.symptoms(stop=lambda: len(told) >= 3, tell=tell)
    assert "experiment-meta-missing" in {one.code for one in found}
    assert answers[0].params
    assert told == sorted(told)


def test_a_check_that_was_stopped_before_its_turn_finds_nothing_and_does_not_hang(slow):
    scan = slow.scan()
    next(scan)
    assert slow.symptoms(stop=lambda: True) == ()
    scan.close()
    assert next(slow.scan()).experiments


def test_a_scan_left_early_is_stopped_and_the_next_one_works(slow):
    for snapshot in slow.scan():
        assert snapshot.experiments
        break
    for count, snapshot in enumerate(slow.scan()):
        assert len(snapshot.all_runs()) == 120
        if count == 3:
            break
    assert slow.details(snapshot.all_runs()[0].key).params


def test_the_death_of_the_child_is_an_error_not_a_hang(slow):
    scan = slow.scan()
    next(scan)
    failures = []

    def ask() -> None:
        try:
            slow.inspect(["experiment/1"])
            slow.details("die")
        except MlrunsError as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    with pytest.raises(MlrunsError) as raised:
        for _ in scan:
            pass
    thread.join(5)
    assert not thread.is_alive()
    assert raised.value.code == "reader-gone"
    assert [one.code for one in failures] == ["reader-gone"]
    with pytest.raises(MlrunsError, match="has ended; nothing was changed"):
        slow.inspect([])
    with pytest.raises(MlrunsError):
        list(slow.scan())


def test_errors_come_back_as_what_they_were(full, reader, slow):
    with pytest.raises(MlrunsError) as raised:
        reader.details("experiment/1/run/gone")
    assert raised.value.code == "no-such-run"
    with pytest.raises(MlrunsError) as raised:
        slow.inspect(["raise"])
    assert (raised.value.code, "a bug" in raised.value.message) == ("reader-failed", True)
    os.rename(full.root, full.root.parent / "was")
    with pytest.raises(StaleError) as raised:
        list(reader.scan())
    assert raised.value.code == "store-gone"
    with pytest.raises(StaleError):
        reader.inspect([])


def test_closing_ends_the_child_even_in_the_middle_of_a_scan(full):
    for make in (lambda one: one, Slow):
        reader = ReaderProcess.fork(make(open_store(str(full.root))))
        scan = reader.scan()
        next(scan)
        reader.close()
        assert is_gone(reader.pid)
        reader.close()
        with pytest.raises(MlrunsError):
            list(scan)


def test_it_works_as_a_context(full):
    with ReaderProcess.fork(open_store(str(full.root))) as reader:
        assert list(reader.scan())[-1].complete
    assert is_gone(reader.pid)


def test_a_child_that_hangs_is_killed(full, monkeypatch):
    from mlruns_tui.scanner import process

    monkeypatch.setattr(process, "_CLOSE_S", 0.1)
    reader = ReaderProcess.fork(open_store(str(full.root)))
    os.kill(reader.pid, signal.SIGSTOP)
    reader.close()
    assert is_gone(reader.pid)


def test_ctrl_c_does_not_reach_the_child(reader):
    assert list(reader.scan())[-1].complete
    os.kill(reader.pid, signal.SIGINT)
    assert list(reader.scan())[-1].complete


PARENT = """
import atexit, os, sys, threading
from mlruns_tui.scanner.process import ReaderProcess
from mlruns_tui.scanner.store import open_store
atexit.register(lambda: print("exit handler of", os.getpid(), flush=True))
reader = ReaderProcess.fork(open_store(sys.argv[1]))
scan = reader.scan(); next(scan)
print(os.getpid(), reader.pid, flush=True)
if sys.argv[2] == "end":
    reader.close()
else:
    sys.stdin.read()
"""


def start_parent(full, how):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(full.root), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
    )  # fmt: skip


def test_the_child_ends_when_its_parent_is_killed(full):
    parent = start_parent(full, "wait")
    pids = list(map(int, parent.stdout.readline().split()))
    assert pids[0] == parent.pid
    parent.kill()
    parent.communicate()
    wait_until(lambda: is_gone(pids[1]))


def test_the_child_runs_nothing_of_its_parents_end(full):
    parent = start_parent(full, "end")
    output, _ = parent.communicate(timeout=30)
    assert parent.returncode == 0
    assert output.count("exit handler") == 1
    assert f"exit handler of {parent.pid}" in output


def test_what_nobody_wants_to_hear_of_is_not_told(full, reader):
    os.unlink(full.root / "2" / "meta.yaml")
    everything = reader.symptoms()
    code = everything[0].code
    assert {one.code for one in everything} > {code}
    assert reader.symptoms(unsaid=[code]) == tuple(one for one in everything if one.code != code)
