"""The journal: what survives of it, whatever happened to its file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlruns_tui.cleanup import journal
from mlruns_tui.cleanup.journal import Journal, fold, line, parse
from mlruns_tui.disk import change

RECORDS = [
    {"seq": 1, "at": 10, "e": "begin", "op": "apply", "uid": 7, "number": 3},
    {"seq": 2, "at": 11, "e": "times", "dirs": [["1", 6, 77]]},
    {"seq": 3, "at": 12, "e": "moving", "n": [0, 1, 2]},
    {"seq": 4, "at": 13, "e": "skipped", "n": 1, "why": "gone"},
    {"seq": 5, "at": 14, "e": "moved", "n": [0, 2]},
]
TEXT = b"".join(line(record) for record in RECORDS)


def test_what_was_written_is_read() -> None:
    assert parse(TEXT) == RECORDS


@pytest.mark.parametrize("cut", range(1, len(line(RECORDS[-1])) + 1))
def test_a_torn_tail_is_dropped_and_the_rest_stays(cut: int) -> None:
    assert parse(TEXT[:-cut]) == RECORDS[:-1]


@pytest.mark.parametrize("bit", range(0, len(line(RECORDS[2])) * 8 - 8, 7))
def test_one_flipped_bit_costs_its_line_only(bit: int) -> None:
    start = len(line(RECORDS[0]) + line(RECORDS[1])) * 8
    data = bytearray(TEXT)
    data[(start + bit) // 8] ^= 1 << (bit % 8)
    assert parse(bytes(data)) in ([*RECORDS[:2], *RECORDS[3:]], RECORDS[:2] + RECORDS[4:], RECORDS)


@pytest.mark.parametrize(
    "garbage",
    [b"\0" * 4096, b"not a journal\n", b"\xff\xfe\n\n\n", b"00000000 {}\n", line({"seq": 6}), line({"e": "x"}),
     line({"seq": "6", "e": "x"}), line({"seq": True, "e": "x"}), line({"seq": 5, "e": "end"}), b"[" * 100_000 + b"\n"],
)  # fmt: skip
def test_garbage_is_passed_over(garbage: bytes) -> None:
    assert parse(TEXT + garbage) == RECORDS
    assert parse(TEXT + garbage + b"\n" + line({"seq": 6, "e": "end", "at": 1})) == [
        *RECORDS, {"seq": 6, "e": "end", "at": 1},
    ]  # fmt: skip


def test_an_old_line_that_is_repeated_is_passed_over() -> None:
    assert parse(TEXT + line(RECORDS[3])) == RECORDS


def test_the_records_together_tell_the_story() -> None:
    told = fold(RECORDS)
    assert (told.open_op, told.uid, told.number, told.began_ms, told.last_seq) == ("apply", 7, 3, 10, 5)
    assert told.items == {0: ("moved", ""), 1: ("skipped", "gone"), 2: ("moved", "")}
    assert told.left == {0, 2}
    assert told.times == {"1": (6, 77)}
    ended = fold([*RECORDS, {"seq": 6, "at": 20, "e": "end", "op": "apply"}])
    assert (ended.open_op, ended.finished_ms, ended.times) == ("", 20, {})


@pytest.mark.parametrize(
    "record",
    [
        {"e": "moved", "n": 3},
        {"e": "moved", "n": ["x"]},
        {"e": "times", "dirs": [1]},
        {"e": "times"},
        {"e": "skipped", "n": [1]},
        {"e": "begin"},
        {"e": "something newer", "n": [1]},
    ],
)
def test_a_sound_line_with_odd_content_is_passed_over(record: dict[str, object]) -> None:
    told = fold([*RECORDS, {"seq": 6, "at": 15, **record}])
    assert (told.items, told.last_seq) == (fold(RECORDS).items, 6)


def test_a_journal_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(TEXT[:-5])
    fd = os.open(tmp_path, os.O_RDONLY)
    told = journal.read(fd)
    going_on = Journal.open(fd, told.last_seq)
    going_on.add("end", op="apply")
    assert going_on.commit()
    going_on.close()
    assert [record["e"] for record in parse((tmp_path / "journal").read_bytes())] == [
        "begin", "times", "moving", "skipped", "end",
    ]  # fmt: skip
    assert journal.read(fd).open_op == ""
    os.close(fd)


def test_what_a_full_disk_refused_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    writing = Journal.open(fd, 0)
    write = change.write_all

    def half(file: int, data: bytes) -> None:
        write(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(change, "write_all", half)
    writing.add("begin", op="apply", uid=1, number=1)
    assert not writing.commit()
    assert writing.behind
    monkeypatch.setattr(change, "write_all", write)
    writing.add("end", op="apply")
    assert writing.commit()
    assert not writing.behind
    assert [record["e"] for record in parse((tmp_path / "journal").read_bytes())] == ["begin", "end"]
    writing.close()
    os.close(fd)


def test_another_error_of_the_disk_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    writing = Journal.open(fd, 0)

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(change, "sync", failing)
    writing.add("begin", op="apply", uid=1, number=1)
    with pytest.raises(OSError, match="Input/output"):
        writing.commit()
    writing.close()
    os.close(fd)


def test_a_missing_journal_tells_nothing(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    assert journal.read(fd) == journal.History()
    os.close(fd)


def test_names_of_directories_that_are_not_utf8_survive(tmp_path: Path) -> None:
    path = os.fsdecode(b"\xff\n")
    (record,) = parse(line({"seq": 1, "at": 0, "e": "times", "dirs": [[path, 2, 3]]}))
    assert fold([record]).times == {path: (2, 3)}
    assert json.dumps(record).isascii()
