"""Which bytes of a metric file go: those MLflow cannot read, and no others."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlruns_tui.scanner.badlines import bad_bytes
from mlruns_tui.scanner.checks.context import Owner, Store
from mlruns_tui.scanner.checks.metrics import judge_metric

GOOD = b"1700000000000 0.5 0\n"
UNREADABLE = ("run-metric-line-unreadable", "run-metric-line-fields")


def rest(tmp_path: Path, data: bytes, *codes: str, of_model: bool = False) -> bytes:
    """What is left of these bytes."""
    (tmp_path / "loss").write_bytes(data)
    fd = os.open(tmp_path, os.O_RDONLY)
    found = bad_bytes("loss", fd, codes, of_model=of_model)
    os.close(fd)
    assert not found.why
    for start, end in reversed(found.ranges):
        data = data[:start] + data[end:]
    return data


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (GOOD + b"garbage\n" + GOOD, GOOD + GOOD),
        (GOOD + b"\n" + GOOD, GOOD + GOOD),
        (b"\n\n" + GOOD, GOOD),
        (GOOD + b"170000", GOOD),
        (b"x\ny\nz", b""),
        (GOOD + b"1 0.5 \xff\xfe\n", GOOD),
        (GOOD + b"1 nan 7\n1 inf\n", GOOD + b"1 nan 7\n1 inf\n"),
        (GOOD + b"1 0.5 7 set 0123abcd\n", GOOD + b"1 0.5 7 set 0123abcd\n"),
        (b"1 0.5 7 train set 0123abcd\n" + GOOD, b"1 0.5 7\n" + GOOD),
        (b"1 0.5 7 train set no-digest\n" + GOOD, GOOD),
        (b"1 0.5 x train set 0123abcd\n" + GOOD, GOOD),
        (GOOD, GOOD),
        (b"", b""),
    ],
)
def test_only_lines_mlflow_cannot_read_go(tmp_path: Path, data: bytes, left: bytes) -> None:
    assert rest(tmp_path, data, *UNREADABLE) == left


def test_a_point_that_is_there_twice_stays_once_and_only_where_that_is_what_is_wrong(tmp_path: Path) -> None:
    assert rest(tmp_path, GOOD * 3, "run-metric-line-repeated") == GOOD
    assert rest(tmp_path, GOOD * 3, *UNREADABLE) == GOOD * 3


def test_of_a_text_cut_within_a_character_only_its_beginning_goes(tmp_path: Path) -> None:
    assert rest(tmp_path, "naïve caf".encode() + b"\xc3", "text-cut") == "naïve caf".encode()


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "loss").symlink_to("/etc/passwd")
    fd = os.open(tmp_path, os.O_RDONLY)
    assert "link" in bad_bytes("loss", fd, UNREADABLE).why
    os.close(fd)


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_line_ends_where_mlflow_sees_one_end(tmp_path: Path, end: str) -> None:
    line = b"1700000000000 0.5 1" + end.encode()
    # Behind the first end is another line, without anything in it.
    assert rest(tmp_path, GOOD + line + b"\n" + GOOD, *UNREADABLE) == GOOD + line + GOOD
    assert rest(tmp_path, GOOD + line + b"x\n" + GOOD, *UNREADABLE) == GOOD + line + GOOD
    assert rest(tmp_path, GOOD + b"x" + end.encode() + GOOD, *UNREADABLE) == GOOD + GOOD


def test_a_line_that_is_cut_within_a_character_behind_it_stays(tmp_path: Path) -> None:
    assert rest(tmp_path, GOOD + b"x\n1 2 3\xc3", *UNREADABLE, "text-cut") == GOOD + b"1 2 3"


PIECES = st.sampled_from(
    [GOOD, b"1 2 3", b"1 2", b"4 5 6 7", b"1 2 3 train set 0123abcd", b"1 2 3 a bcd", b"x", b" ", b"\t", b"\n", b"\r"]
    + [one.encode() for one in "\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\ufeff٧_-+.e"]
    + [b"\xff", b"\xc3", b"nan", b"inf", b"9" * 20, b"\0"]
)


@pytest.mark.mlflow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.lists(PIECES, max_size=12).map(b"".join), st.binary(max_size=60)))
def test_what_is_refused_and_what_is_left_is_as_mlflow_takes_it(mlflow_reads: Any, data: bytes) -> None:
    for of_model in (False, True):
        what = "logged-model-metric" if of_model else "run-metric"
        found = codes(data, what)
        assert bool(found - SILENT) == (not mlflow_reads(data, of_model))
        assert bool(found & FAILS) == (not mlflow_reads.migrates(data, of_model)) if not of_model else True
        with tempfile.TemporaryDirectory() as folder:
            left = rest(Path(folder), data, *found, of_model=of_model)
        if left:
            assert mlflow_reads(left, of_model), left
            # What cannot be decoded hides what else its migration minds.
            hidden = SILENT if f"{what}-not-utf8" in found else {"run-metric-line-with-dataset"}
            assert codes(left, what) <= hidden
        else:
            assert found


SILENT = {
    f"{what}-{one}"
    for what in ("run-metric", "logged-model-metric")
    for one in ("line-repeated", "line-with-dataset", "beyond-64-bits", "step-unreadable")
} | {"text-cut"}
"""What the newest MLflow reads all the same."""
FAILS = {f"run-metric-{one}" for one in ("line-unreadable", "step-unreadable", "not-utf8")} | {"text-cut"}
"""What its migration cannot even read."""


def codes(data: bytes, what: str) -> set[str]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return {one.code for one in judge_metric(file.fileno(), what, "m", Owner(), Store(-1, "/", lambda: None))}


class MLflow:
    """Its own readers of metric files."""

    def __init__(self) -> None:
        from mlflow.store.fs2db import _tracking, _utils
        from mlflow.store.tracking.file_store import FileStore

        self._store, self._tracking, self._utils = FileStore, _tracking, _utils

    def __call__(self, data: bytes, of_model: bool) -> bool:
        """Whether it reads a file of these bytes."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "m").write_bytes(data)
            try:
                if of_model:
                    self._store._get_model_metrics_from_file("m-1", folder, "m")
                else:
                    self._store._get_metric_from_file(folder, "m", "r", "1")
            except Exception:
                return False
        return True

    def migrates(self, data: bytes, of_model: bool) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "m").write_bytes(data)
            try:
                for line in self._utils.read_metric_lines(Path(folder))["m"]:
                    self._tracking._parse_metric_line(line)
            except Exception:
                return False
        return True


@pytest.fixture(scope="session")
def mlflow_reads() -> MLflow:
    return MLflow()
