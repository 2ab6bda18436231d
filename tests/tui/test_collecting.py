"""Garbage is collected when the keys rest."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlruns_tui.tui import collecting
from mlruns_tui.tui.collecting import LONG_REST_S, REST_S, CollectingAtRest


class Timers:
    """An app whose timers go off when the test says so."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None]]] = []

    def set_timer(self, delay: float, callback: Callable[[], None]) -> None:
        self.set.append((delay, callback))


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    generations: list[int] = []
    monkeypatch.setattr(collecting.gc, "collect", generations.append)
    return generations


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(collecting.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def thresholds() -> Iterator[None]:
    before, switch = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.set_threshold(*before)
    sys.setswitchinterval(switch)


def test_it_waits_until_the_last_key_is_a_moment_ago(collected: list[int], clock: list[float]) -> None:
    timers: Any = Timers()
    at_rest = CollectingAtRest(timers)
    at_rest.key()
    clock[0] += REST_S / 2
    at_rest.key()
    assert len(timers.set) == 1
    clock[0] += REST_S / 2
    timers.set.pop()[1]()
    assert collected == []
    delay, callback = timers.set.pop()
    assert delay == pytest.approx(REST_S / 2)
    clock[0] += delay
    callback()
    assert collected == [1]
    assert timers.set == []
    at_rest.key()
    assert len(timers.set) == 1


@pytest.mark.parametrize(("another_key", "then"), [(False, [1, 2]), (True, [1])])
def test_after_many_rests_the_older_values_are_looked_at_in_a_long_one(
    collected: list[int], clock: list[float], monkeypatch: pytest.MonkeyPatch, another_key: bool, then: list[int]
) -> None:
    timers: Any = Timers()
    at_rest = CollectingAtRest(timers)
    monkeypatch.setattr(collecting.gc, "get_count", lambda: (0, 0, 21))
    at_rest.key()
    clock[0] += REST_S + 1
    timers.set.pop()[1]()
    assert collected == [1]
    delay, callback = timers.set.pop()
    assert delay == LONG_REST_S
    clock[0] += delay
    if another_key:
        at_rest.key()
    callback()
    assert collected == then


def test_among_keys_it_works_only_when_very_much_was_made(thresholds: None) -> None:
    timers: Any = Timers()
    CollectingAtRest(timers).start()
    assert gc.get_threshold()[0] >= 10_000
    assert sys.getswitchinterval() <= 0.002
