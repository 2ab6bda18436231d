"""Which bytes of a metric file go: those MLflow cannot read, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlruns_tui.scanner.badlines import bad_bytes

GOOD = b"1700000000000 0.5 0\n"
UNREADABLE = ("run-metric-line-unreadable", "run-metric-line-fields")


def rest(tmp_path: Path, data: bytes, *codes: str) -> bytes:
    """What is left of these bytes."""
    (tmp_path / "loss").write_bytes(data)
    fd = os.open(tmp_path, os.O_RDONLY)
    found = bad_bytes("loss", fd, codes)
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
