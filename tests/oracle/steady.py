"""Ids and times that are the same in every build of the healthy store, so that the same damage is the same everywhere.

To be imported before MLflow is: what it takes from ``uuid`` and ``time`` is replaced for as long as somebody
builds, and is the real thing before and after.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Iterator

_FIRST_NS = 1_735_700_000_000_000_000
_STEP_NS = 1_000_000

_numbers: random.Random | None = None
_now_ns = _FIRST_NS
_builder = 0
_really_uuid4, _really_time, _really_time_ns = uuid.uuid4, time.time, time.time_ns


def _uuid4() -> uuid.UUID:
    return _really_uuid4() if _numbers is None else uuid.UUID(int=_numbers.getrandbits(128), version=4)


def _time_ns() -> int:
    """A millisecond later at every look of the builder; other threads look whenever they come to it."""
    global _now_ns
    if _numbers is None:
        return _really_time_ns()
    if threading.get_ident() == _builder:
        _now_ns += _STEP_NS
    return _now_ns


def _time() -> float:
    return _really_time() if _numbers is None else _time_ns() / 1e9


uuid.uuid4, time.time, time.time_ns = _uuid4, _time, _time_ns


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """Everything in here happens at its time, under its id."""
    global _numbers, _now_ns, _builder
    _now_ns, _builder = _FIRST_NS, threading.get_ident()
    state = random.getstate()
    random.seed(1)
    _numbers = random.Random(2)
    try:
        yield
    finally:
        _numbers = None
        random.setstate(state)
