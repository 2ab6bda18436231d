"""Ctrl-C while the worker is at it: once ends it after the item at hand, twice leaves it to do so by itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
DEADLINE_S = 60


def mind_signals() -> None:
    """What this run's own parent ignores (nohup, a background job) a child would ignore too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def start(command: list[str], store: Any) -> Callable[..., subprocess.Popen[bytes]]:
    def of(*words: str) -> subprocess.Popen[bytes]:
        arguments = [*command, "cleanup", store.path, "--days-old", "30", "--force", *words]
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=mind_signals,
        )

    return of


def wait_for_line(process: subprocess.Popen[bytes], text: bytes) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} was never said")


def wait_for_end(pid: int) -> None:
    """Until a process that is not our child is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([fd], [], [], DEADLINE_S)[0], "the worker never ends"
    os.close(fd)


def outcomes(run: Run, store: Any) -> list[str | None]:
    contents = run("log", store.path, "--json").json["batches"][0]["contents"]
    return sorted((item["outcome"] for item in contents), key=str)


def test_once_it_stops_after_the_item_at_hand_and_says_what_was_done(
    run: Run, store: Any, start: Any, hold_worker: Any
) -> None:
    held = hold_worker(3)
    process = start()
    held.wait()
    process.send_signal(signal.SIGINT)
    wait_for_line(process, b"stopping after the item at hand; Ctrl-C again")
    held.let_on()
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, err
    assert b"interrupted; what was done is said" in err
    assert b"moved to a backup" in out
    done = outcomes(run, store)
    assert done.count("done") == 3
    assert done.count(None) == 2 or done.count("None") == 2
    assert run("recover", store.path).code == 0


def test_twice_it_is_left_to_finish_the_item_and_what_goes_on_is_said(
    run: Run, store: Any, start: Any, hold_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = hold_worker(3)
    process = start()
    worker = held.wait()
    process.send_signal(signal.SIGINT)
    wait_for_line(process, b"stopping after the item at hand")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert f"its process {worker} finishes the item at hand and then stops".encode() in err
    assert b"Traceback" not in err
    # Meanwhile it is at work, for everybody to see.
    assert f"(pid {worker})" in run("list", store.path).err
    shown = run("recover", store.path)
    assert shown.code == 0
    assert f"is at work now (pid {worker})" in shown.out
    refused = run("cleanup", store.path, "--force")
    assert refused.code == 11
    assert "has been cleaning this store since" in refused.err
    held.let_on()
    wait_for_end(worker)
    monkeypatch.delenv("HOLD_BEFORE")
    assert outcomes(run, store).count("done") == 3
    assert run("undo", store.path).code == 0


def test_quiet_says_only_what_was_not_reached(store: Any, start: Any, hold_worker: Any) -> None:
    held = hold_worker(2)
    process = start("--quiet")
    held.wait()
    process.send_signal(signal.SIGTERM)
    held.wait_until_told_to_stop()
    held.let_on()
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert err.splitlines() == [b"mlruns-tui: stopped: 3 items not reached, left as they were"]


def test_a_hang_up_ends_the_command_and_not_the_work(
    run: Run, store: Any, start: Any, hold_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = hold_worker(3)
    process = start()
    worker = held.wait()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == -signal.SIGHUP
    held.let_on()
    wait_for_end(worker)
    monkeypatch.delenv("HOLD_BEFORE")
    assert outcomes(run, store) == ["done"] * 5
    assert run("undo", store.path).code == 0
