"""Many trees are looked at by several processes: the same comes out, whatever becomes of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlruns_tui.disk import look, together

TREES = 12


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Everything is worth sharing, among so many processes."""
    monkeypatch.setattr(together, "WORTH", 0)
    monkeypatch.setattr(together, "_SLICE_ENTRIES", 1)
    # pytest may run a thread of its own here, which does nothing meanwhile.
    monkeypatch.setattr(together, "is_single_threaded", lambda: True)
    return lambda number: monkeypatch.setattr(together, "cores", lambda: number)


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[int]:
    """A descriptor on a directory of trees."""
    for n in range(TREES):
        (tmp_path / str(n) / "metrics").mkdir(parents=True)
        (tmp_path / str(n) / "metrics" / "loss").write_bytes(b"1" * n)
        os.link(tmp_path / str(n) / "metrics" / "loss", tmp_path / str(n) / "again")
    os.link(tmp_path / "0" / "again", tmp_path / "1" / "of another tree")
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def children() -> list[int]:
    me = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


@pytest.mark.parametrize("number", [1, 2, 3, 40])
def test_any_number_of_processes_sees_the_same_and_leaves_none_behind(
    trees: int, processes: Callable[[int], None], number: int
) -> None:
    processes(number)
    before = children()
    held = look.open_files(os.fstat(trees).st_dev)
    jobs = [(trees, str(n)) for n in range(TREES)]
    assert look.surveys(jobs, [5] * TREES, held) == [look.survey(*job, held) for job in jobs]
    assert children() == before


def test_what_is_not_there_is_told_in_its_place(trees: int, processes: Callable[[int], None]) -> None:
    processes(2)
    first, missing, last = look.surveys([(trees, "3"), (trees, "none"), (trees, "4")], [5] * 3)
    assert isinstance(missing, FileNotFoundError)
    assert [first, last] == [look.survey(trees, "3"), look.survey(trees, "4")]


def test_the_work_of_a_helper_that_was_killed_is_done_again(processes: Callable[[int], None]) -> None:
    processes(3)
    parent = os.getpid()

    def work(n: int) -> int:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    assert together.share(work, [1] * 200, ()) == list(range(200))


def test_what_fails_in_a_helper_fails_here(processes: Callable[[int], None]) -> None:
    processes(2)

    def work(n: int) -> int:
        raise ValueError(n)

    with pytest.raises(ValueError, match=r"^\d+$"):
        together.share(work, [1] * 20, ())


@pytest.mark.parametrize("number", [1, 3])
def test_when_time_is_up_only_the_first_are_there(processes: Callable[[int], None], number: int) -> None:
    processes(number)
    assert together.share(lambda n: n, [1] * 50, (), until=0) == [0]


@pytest.mark.parametrize("number", [1, 3])
def test_after_a_stop_nothing_more_is_begun(processes: Callable[[int], None], number: int) -> None:
    processes(number)
    begun = []

    def work(n: int) -> int:
        begun.append(n)
        return n

    found = together.share(work, [1] * 1_000, (), stop=lambda: len(begun) >= 3)
    assert found == list(range(len(found)))
    assert len(begun) <= max(3, len(found))


def test_a_helper_holds_only_what_it_needs(trees: int, processes: Callable[[int], None]) -> None:
    processes(2)
    reading, writing = os.pipe()
    parent = os.getpid()

    def work(n: int) -> list[int]:
        if os.getpid() != parent:
            os.write(writing, b"x")
            return [fd for fd in range(1_000) if os.path.exists(f"/proc/self/fd/{fd}")]
        # So the helper comes to do some of it.
        os.read(reading, 1)
        return []

    found = together.share(work, [1] * 20, {trees, writing})
    os.close(reading)
    os.close(writing)
    (held,) = {tuple(one) for one in found if one}
    assert len(held) == 4, "the numbers of its work, its results, and what it was given"
    assert {trees, writing} < set(held)
