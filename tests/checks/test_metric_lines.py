"""Which lines of a metric file MLflow reads, and which its migration does."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlruns_tui.model.findings import Symptom
from mlruns_tui.scanner.checks import metrics
from mlruns_tui.scanner.checks.context import Owner, Store
from mlruns_tui.scanner.checks.metrics import Lines, judge_metric

GOOD = "1700000000000 0.5 7"


def codes(*lines: str, of_model: bool = False) -> dict[str, int]:
    """Code → the first line it is about."""
    judged = Lines(of_model)
    judged.add(list(lines))
    return {code: first for code, (first, _) in judged.found.items()}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (GOOD, ""),
        ("1700000000000 0.5", ""),
        ("1700000000000 nan 7", ""),
        ("1700000000000 -inf 7", ""),
        ("1_700 1e-3 -7", ""),
        (" 1700000000000 0.5 7 ", ""),
        ("", "line-unreadable"),
        ("   ", "line-unreadable"),
        ("1700000000000", "line-unreadable"),
        ("1700000000000 high 7", "line-unreadable"),
        ("1700000000000.5 0.5 7", "line-unreadable"),
        ("1700000000000 0.5 7.0", "line-unreadable"),
        ("1700000000000\t0.5\t7", "line-unreadable"),
        ("1700000000000  0.5 7", "line-unreadable"),
        ("9" * 5_000 + " 0.5 7", "line-unreadable"),
        ("1700000000000 0.5 7 x", "line-fields"),
        ("1700000000000 0.5 7 train set abc", "line-fields"),
        ("1700000000000 0.5 x train", "line-unreadable"),
        ("1700000000000 0.5 7 train abc", "line-with-dataset"),
        ("1700000000000 0.5 x train abc", "step-unreadable"),
        (f"{1 << 63} 0.5 7", "beyond-64-bits"),
        (f"{-(1 << 63)} 0.5 7", ""),
        (f"1 0.5 {-(1 << 64)}", "beyond-64-bits"),
    ],
)
def test_a_line_of_a_run(line: str, code: str) -> None:
    assert codes(GOOD.replace("7", "1"), line) == ({code: 2} if code else {})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1 0.5 7 run", ""),
        ("1 0.5 7 run train abc", ""),
        ("1 0.5 7", "line-fields"),
        ("1 0.5 7 run train", "line-fields"),
        ("1 high 7 run", "line-unreadable"),
        ("1 0.5 x run", "line-unreadable"),
        (f"1 0.5 {1 << 70} run", "beyond-64-bits"),
    ],
)
def test_a_line_of_a_logged_model(line: str, code: str) -> None:
    assert codes(line, of_model=True) == ({code: 1} if code else {})


@pytest.mark.parametrize(
    ("first", "second", "twice"),
    [
        (GOOD, GOOD, True),
        (GOOD, "1700000000000 5e-1 07", True),
        ("1 0.0 7", "1 -0.0 7", True),
        ("1 nan 7", "1 nan 7", True),
        ("1 inf 7", "1 1.7976931348623157e308 7", True),
        ("1 0.5", "1 0.5 0", True),
        (GOOD, "1700000000000 0.6 7", False),
        (GOOD, "1700000000000 0.5 8", False),
        ("1 nan 7", "1 0.0 7", False),
    ],
)
def test_a_point_may_be_there_once(first: str, second: str, twice: bool) -> None:
    assert codes(first, second) == ({"line-repeated": 2} if twice else {})


def test_of_a_logged_model_time_step_and_run_make_the_point() -> None:
    assert codes("1 0.5 7 a", "1 0.6 7 a", of_model=True) == {"line-repeated": 2}
    assert codes("1 0.5 7 a", "1 0.5 7 b", of_model=True) == {}


def judge(path: Path, pulse: Callable[[], None] = lambda: None) -> list[Symptom]:
    fd = os.open(path, os.O_RDONLY)
    try:
        return list(judge_metric(fd, "run-metric", "m", Owner("1", "r"), Store(fd, "/", pulse)))
    finally:
        os.close(fd)


@given(st.lists(st.sampled_from([b"1 2 3\n", b"1 2\n", b"x\n", b"\n", b"\r", b"\xc3", b"\xff", b"\x0c", b"4 5 6"])))
def test_what_is_refused_is_what_mlflow_would_refuse(parts: list[bytes]) -> None:
    import tempfile

    data = b"".join(parts)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        found = {one.code for one in judge(Path(file.name))}
    silent = {"run-metric-line-repeated", "run-metric-line-with-dataset", "text-cut", "run-metric-beyond-64-bits"}
    assert bool(found - silent) == _mlflow_refuses(data)


def _mlflow_refuses(data: bytes) -> bool:
    """``read_file_lines`` and ``_get_metric_from_line``, in their own words."""
    import codecs

    try:
        text, _ = codecs.utf_8_decode(data, "strict", False)
        lines = text.splitlines(True)
        for line in lines:
            parts = line.strip().split(" ")
            if len(parts) not in (2, 3, 5):
                return True
            int(parts[0])
            float(parts[1])
            if len(parts) == 3:
                int(parts[2])
    except ValueError:
        return True
    return not lines


def test_a_large_file_is_judged_in_a_few_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with path.open("w") as out:
        for start in range(0, 1_000_000, 10_000):
            out.write(
                "".join(f"{1700000000000 + step} {step * 0.001} {step}\n" for step in range(start, start + 10_000))
            )
        out.write("torn")
    tracemalloc.start()
    found = judge(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(one.code, one.line) for one in found] == [("run-metric-line-unreadable", 1_000_001)]
    assert peak < 64 << 20


def test_a_file_without_a_line_end_ends(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with path.open("wb") as out:
        out.truncate(1 << 30)
    found = judge(path)
    assert [one.code for one in found] == ["run-metric-line-unreadable"]


def test_a_sparse_file_of_two_gigabytes_costs_a_moment(tmp_path: Path, record_property: Any) -> None:
    path = tmp_path / "m"
    with path.open("wb") as out:
        out.write(b"".join(b"%d 0.5 %d\n" % (1_700_000_000_000 + step, step) for step in range(100_000)))
        out.truncate(2 << 30)
    began = time.thread_time()
    tracemalloc.start()
    found = judge(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    record_property("seconds for a sparse metric file of 2 GB (worst)", time.thread_time() - began)
    record_property("MB held for a sparse metric file of 2 GB (worst)", peak / 1e6)
    assert [(one.code, one.line) for one in found] == [("run-metric-line-unreadable", 100_001)]
    assert peak < 64 << 20


@pytest.mark.parametrize(
    ("end", "more"),
    [
        (b"1700000000001 0.5 0\n", []),
        (b"1700000000001 0.", []),
        (b"17000000", [("run-metric-line-unreadable", 150_002)]),
        (b"x\n1700000000001 0.5 0\n", [("run-metric-line-unreadable", 150_002)]),
        (b"caf\xe9 7\n", [("run-metric-not-utf8", None)]),
        (b"1 2 3\xc3", [("text-cut", None)]),
    ],
)
@pytest.mark.parametrize("counted", [True, False])
def test_of_a_very_large_file_the_last_lines_are_judged_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes, more: list[tuple[str, int | None]], counted: bool
) -> None:
    monkeypatch.setattr(metrics, "MAX_TEXT", 1 << 20)
    if not counted:
        monkeypatch.setattr(metrics, "_MAX_COUNTED", 1000)
    path = tmp_path / "m"
    line = b"%d 0.5 %d\n"
    path.write_bytes(b"".join(line % (1_700_000_000_000 + step, step) for step in range(150_001)) + end)
    first, *rest = [(one.code, one.line) for one in judge(path)]
    assert first == ("text-unjudged", None)
    assert rest == [(code, at if counted else None) for code, at in more]


@pytest.mark.full
def test_five_million_lines_are_judged_in_bounded_memory(tmp_path: Path, record_property: Any) -> None:
    path = tmp_path / "m"
    with path.open("wb") as out:
        for start in range(0, 5_000_000, 50_000):
            out.write(b"".join(b"%d 0.5 %d\n" % (1_700_000_000_000 + n, n) for n in range(start, start + 50_000)))
        out.write(b"17000000")
    began = time.thread_time()
    found = judge(path)
    record_property("seconds for a metric file of 5 million lines (worst)", time.thread_time() - began)
    assert [(one.code, one.line) for one in found] == [
        ("text-unjudged", None),
        ("run-metric-line-unreadable", 5_000_001),
    ]
