"""The terminal goes away while a clean-up is at work, or its worker is killed: what the next start shows."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal
DEADLINE_S = 100


@pytest.fixture
def cleaning(
    demo: tuple[Path, Any], terminal: Callable[..., Any], hold_worker: Callable[[int], Any]
) -> Callable[[], tuple[Any, Any, int]]:
    """The screen with a clean-up of 143 runs whose worker waits before its 101st; its process id."""

    def start() -> tuple[Any, Any, int]:
        root, _ = demo
        held = hold_worker(101)
        screen = terminal(str(root))
        screen.wait(lambda text: "143" in text and "1,293 runs" in text, "all read and judged")
        screen.keys("O")
        screen.wait_for("30", "143 runs")
        screen.keys("Enter")
        screen.wait_for("marked 143;")
        screen.keys("d")
        screen.wait_for("nothing has changed yet", "143 items", "Cancel")
        screen.keys("Right", "Enter")
        worker = held.wait()
        screen.wait_for("applying")
        return screen, held, worker

    return start


def wait_for_end(pid: int) -> None:
    """Until a process that is not our child is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([fd], [], [], DEADLINE_S)[0], "the worker never ends"
    os.close(fd)


def items(document: dict[str, Any]) -> dict[str, int]:
    return {place: number for place, number in document["batches"][0]["items"].items() if number}


def test_a_lost_terminal_does_not_stop_the_work_and_the_next_start_shows_it(
    demo: tuple[Path, Any],
    tmp_path: Path,
    cleaning: Any,
    terminal: Callable[..., Any],
    json_of: Callable[..., dict[str, Any]],
    differences: Callable[[Path, Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, _ = demo
    first, held, worker = cleaning()
    first.run("kill-server")  # the connection is lost: everything in that terminal gets SIGHUP
    os.kill(worker, 0)  # still there
    monkeypatch.delenv("HOLD_BEFORE")

    again = terminal(str(root))
    again.wait_for("applying", "100 of 143", "w open, hide")
    again.keys("w")
    again.wait_for("stop after this item")
    again.keys("Escape")
    again.wait(lambda text: "stop after this item" not in text, "the end of the window")
    again.keys("q")
    again.wait_for("The clean-up goes on without this window", "100 of 143", "Stay")
    again.keys("n")
    again.wait(lambda text: "Stay" not in text, "the end of the question")
    again.keys("L")
    again.wait_for("who, when, what", "at work now", "when it has ended")
    again.keys("Escape")
    again.wait_for("w open, hide")
    held.let_on()
    again.wait_for("1,150 runs", "143 runs moved to a backup")
    wait_for_end(worker)
    assert items(json_of("backups", "list", str(root))) == {"moved": 143}
    again.keys("z")
    again.wait_for("Put back")
    again.keys("Enter")
    again.wait_for("1,293 runs")
    assert differences(tmp_path / "before", root) == ""
    again.keys("q")
    assert again.wait_for_end() == 0


@pytest.mark.parametrize("way", ["continue", pytest.param("undo", marks=pytest.mark.full)])
def test_a_killed_worker_is_told_at_the_next_start_and_goes_both_ways(
    demo: tuple[Path, Any],
    tmp_path: Path,
    cleaning: Any,
    terminal: Callable[..., Any],
    json_of: Callable[..., dict[str, Any]],
    differences: Callable[[Path, Path], str],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    root, _ = demo
    first, _, worker = cleaning()
    os.kill(worker, signal.SIGKILL)
    first.wait_for("ended without a word")
    first.run("kill-server")
    monkeypatch.delenv("HOLD_BEFORE")
    assert items(json_of("backups", "list", str(root))) == {"moved": 100, "in_place": 43}

    again = terminal(str(root))
    again.wait_for("1,193 runs", "take it")
    again.keys("b")
    again.wait_for("unfinished", "settle")
    again.keys("Enter")
    again.wait_for("100 in the backup", "43 where it was", "Go on", "Take back", "Leave as it is")
    again.keys("c" if way == "continue" else "u")
    done = "moved" if way == "continue" else "restored"
    again.wait(lambda text: f" {done} " in text and "unfinished" not in text, "the end of it")
    again.keys("Escape")
    again.wait_for("1,150 runs" if way == "continue" else "1,293 runs")
    again.keys("q")
    assert again.wait_for_end() == 0
    assert items(json_of("backups", "list", str(root))) == (
        {"moved": 143} if way == "continue" else {"restored": 100, "in_place": 43}
    )
    if way == "continue":
        json_of("undo", str(root))
    assert differences(tmp_path / "before", root) == ""
