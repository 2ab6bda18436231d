"""Params and tags: names and texts MLflow takes."""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlruns_tui.model.findings import Symptom
from mlruns_tui.scanner.checks.contents import check_name, judge_text
from mlruns_tui.scanner.checks.context import Owner, Store
from mlruns_tui.scanner.checks.documents import whole_characters

Look = Callable[[], list[Symptom]]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("lr", ""),
        ("opt/betas/b1", ""),
        (".nfs0001", ""),
        ("with space", ""),
        ("größe", ""),
        ("ends with a line feed\n", ""),
        ("a:b", "name-with-colon"),
        ("a?b", "name-refused"),
        ("..a", "name-refused"),
        ("a/..b", ""),
        ("tab\there", "name-refused"),
        (os.fsdecode(b"a\xff"), "name-not-utf8"),
    ],
)
def test_names(name: str, code: str) -> None:
    assert [one.code for one in check_name(name, "p", "run-param", Owner())] == ([f"run-param-{code}"] if code else [])


def _judged(data: bytes) -> list[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        fd = os.open(file.name, os.O_RDONLY)
        try:
            return [one.code for one in judge_text(fd, "run-tag", "t", Owner(), Store(fd, "/", lambda: None))]
        finally:
            os.close(fd)


@given(
    st.lists(st.sampled_from([b"a", "é".encode(), "€".encode(), "😀".encode(), b"\xff", b"\xc3", b"\xe2\x82", b"\0"]))
)
def test_a_text_is_refused_when_codecs_refuses_it(parts: list[bytes]) -> None:
    data = b"".join(parts)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with codecs.open(file.name, "r", "utf-8") as reader:
            try:
                reader.read()
                refused = False
            except UnicodeDecodeError:
                refused = True
    found = _judged(data)
    assert ("run-tag-not-utf8" in found) == refused
    if not refused:
        # MLflow drops half a character at the end; its migration does not.
        try:
            data.decode("utf-8")
            assert found == []
        except UnicodeDecodeError:
            assert found == ["text-cut"]


@given(st.binary(max_size=12))
def test_only_a_character_cut_off_at_the_end_is_dropped(data: bytes) -> None:
    kept, cut = whole_characters(data)
    assert data.startswith(kept)
    assert len(data) - len(kept) < 4
    expected, used = codecs.utf_8_decode(data, "replace", False)
    if cut:
        assert codecs.utf_8_decode(kept, "replace", True)[0] == expected
        assert used == len(kept)


def test_a_character_across_two_blocks_is_one(run: Path, symptoms: Look) -> None:
    (run / "params" / "lr").write_bytes(b"x" * ((1 << 16) - 1) + "é".encode())
    assert symptoms() == []


def test_what_is_no_file_is_not_opened(run: Path, symptoms: Look) -> None:
    os.mkfifo(run / "params" / "pipe")
    (run / "tags" / "gone").symlink_to("/nowhere/at/all")
    (run / "metrics" / "folder").symlink_to("/usr")
    (run / "metrics" / "loop").symlink_to("loop")
    (run / "metrics" / "nothing").symlink_to("/dev/null")
    (run / "params" / "endless").symlink_to("/dev/zero")
    (run / "params" / "made up").symlink_to("/proc/self/status")
    assert sorted((one.code, one.path.split("/", 2)[2]) for one in symptoms()) == [
        ("link-not-followed", "params/made up"),
        ("run-metric-dangling", "metrics/loop"),
        ("run-metric-pipe", "metrics/nothing"),
        ("run-param-pipe", "params/endless"),
        ("run-param-pipe", "params/pipe"),
        ("run-tag-dangling", "tags/gone"),
    ]


def test_a_metric_is_named_with_its_line(run: Path, symptoms: Look) -> None:
    (run / "metrics" / "a").mkdir()
    (run / "metrics" / "a" / "b").write_text("1 0.5 0\n1 0.5 1\nx\ny\n")
    (found,) = symptoms()
    assert (found.code, found.path.split("/", 2)[2], found.line) == ("run-metric-line-unreadable", "metrics/a/b", 3)
    assert found.detail == "1 more"
    assert (found.experiment_id, found.run_id) == ("1", run.name)
