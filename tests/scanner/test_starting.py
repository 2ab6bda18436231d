"""A reader that is forked before anything is loaded reads at once, and says at the right moment what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mlruns_tui.model.errors import UsageError
from mlruns_tui.scanner.starting import Starting
from mlruns_tui.scanner.store import open_store


@pytest.fixture
def full(store):
    for experiment in ("1", "2"):
        store.experiment(experiment)
        for number in range(20):
            store.run(experiment, number + 100 * int(experiment))
    store.grow_old()
    return store


def last(reader):
    *_, snapshot = reader.scan()
    return replace(snapshot, progress=replace(snapshot.progress, elapsed_ms=0))


def test_the_scan_that_began_by_itself_is_the_first_one_asked_for(full):
    alone = last(open_store(str(full.root)))
    with Starting.fork(str(full.root)).opened() as reader:
        assert reader.store.root == str(full.root)
        assert last(reader) == alone
        full.run("2", 999)
        assert len(last(reader).runs["experiment/2"]) == 21
        assert reader.details(alone.all_runs()[0].key)


def test_it_has_read_before_anybody_asked(full):
    with Starting.fork(str(full.root)).opened() as reader:
        # Answered in the middle of that scan, or after it: either way something was found by now.
        key = "experiment/1"
        assert reader.inspect([key]).items[key].survey
        full.run("1", 998)
        first = last(reader)
        assert len(first.runs["experiment/1"]) in (20, 21)
        assert len(last(reader).runs["experiment/1"]) == 21


def test_it_steps_back_once_there_is_something_to_show(full):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with Starting.fork(str(full.root)).opened() as reader:
        last(reader)
        assert os.getpriority(os.PRIO_PROCESS, reader.pid) == min(19, own + 5)


def test_a_first_scan_left_early_is_stopped_and_the_next_one_is_whole(full):
    with Starting.fork(str(full.root)).opened() as reader:
        scan = reader.scan()
        next(scan)
        scan.close()
        assert last(reader).progress.stage == "complete"


def test_a_reader_nobody_asks_for_a_scan_ends_when_it_is_closed(full):
    reader = Starting.fork(str(full.root)).opened()
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(reader.pid, 0)


def test_what_is_no_store_is_said_where_it_is_waited_for(tmp_path):
    started = Starting.fork(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError) as raised:
        started.opened()
    assert raised.value.code == "no-such-store"
    with pytest.raises(ChildProcessError):
        os.waitpid(started._pid, os.WNOHANG)


def test_nothing_of_the_screen_or_the_command_line_is_loaded_before_the_fork():
    code = "import sys, mlruns_tui.cli.opening, mlruns_tui.workflow.starting, mlruns_tui.scanner.starting; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert not {"click", "textual", "rich", "dataclasses", "mlruns_tui.scanner.store"} & set(loaded.stdout.split())
