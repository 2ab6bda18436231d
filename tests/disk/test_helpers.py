"""Copies of this process: none is left behind, none comes back into the code it was forked from, none is deaf."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlruns_tui.disk.helpers import Helper, hire
from mlruns_tui.model.protocols import Stop, never


def until_told(stop: Stop) -> str:
    while not stop():
        pass
    return "told"


@pytest.fixture
def in_the_copy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Something that happens in a copy before it comes to itself."""
    fork = os.fork

    def arrange(happening: Callable[[], Any]) -> None:
        def fork_and_happen() -> int:
            pid = fork()
            if pid == 0:
                happening()
            return pid

        monkeypatch.setattr(os, "fork", fork_and_happen)

    return arrange


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_comes_before_a_copy_knows_what_it_is_does_not_wake_its_parent_in_it(
    in_the_copy: Callable[[Callable[[], Any]], None], number: int
) -> None:
    """Ctrl-C in the terminal reaches both: the copy must not unwind what its parent was about to do."""
    in_the_copy(lambda: os.kill(os.getpid(), number))
    team: list[Helper] = []
    hire(team, lambda stop: (os.getpid(), stop()))
    pid, told = team[0].answer()
    assert pid != os.getpid()
    assert told == (number == signal.SIGTERM)


def test_who_is_told_to_stop_at_once_has_heard_it(in_the_copy: Callable[[Callable[[], Any]], None]) -> None:
    """Once: a second signal is not sent here."""
    in_the_copy(lambda: os.kill(os.getpid(), signal.SIGTERM))
    team: list[Helper] = []
    hire(team, until_told)
    assert team[0].answer() == "told"


def test_the_signals_of_the_parent_are_as_they_were_also_where_no_copy_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    before, fds = signal.pthread_sigmask(signal.SIG_BLOCK, ()), os.listdir("/proc/self/fd")
    team: list[Helper] = []
    hire(team, lambda stop: None)
    team[0].answer()
    monkeypatch.setattr(os, "fork", refused)
    assert hire(team, lambda stop: None) is None
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert os.listdir("/proc/self/fd") == fds


def test_a_copy_works_with_the_signals_its_parent_had() -> None:
    team: list[Helper] = []
    hire(team, lambda stop: sorted(int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    assert team[0].answer() == sorted(int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.parametrize("leave", [Helper.end, Helper.kill])
def test_who_is_not_wanted_any_more_is_gone_before_others_go_on(leave: Callable[[Helper], None]) -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    fds = os.listdir("/proc/self/fd")
    team: list[Helper] = []
    for _ in range(3):
        hire(team, until_told)
    for one in team:
        leave(one)
        leave(one)
    assert os.listdir("/proc/self/fd") == fds
    assert Path(f"/proc/self/task/{os.getpid()}/children").read_text() == children


def test_a_copy_holds_no_other_ones_answer_open() -> None:
    """Else who broke off would be waited for until all others have ended."""
    team: list[Helper] = []
    hire(team, until_told)
    held = team[0].fd
    hire(team, lambda stop: Path(f"/proc/self/fd/{held}").exists())
    assert team[1].answer() is False
    team[0].end()


def test_what_a_copy_was_refused_and_a_copy_that_was_killed_are_told_apart() -> None:
    def refused(stop: Stop) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    team: list[Helper] = []
    hire(team, refused)
    hire(team, lambda stop: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(OSError, match="No space left") as error:
        team[0].answer(never)
    assert error.value.errno == errno.ENOSPC
    with pytest.raises(InterruptedError, match="ended without an answer"):
        team[1].answer(never)
