"""Which bytes of a file must go for MLflow and its migration to read the rest: bad lines, torn ends."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from mlruns_tui.disk import look
from mlruns_tui.model.text import safe

from .checks.contents import MAX_TEXT
from .checks.documents import whole_characters
from .checks.metrics import Lines, split

_MAX_RANGES = 100_000
_REFUSED = {"line-unreadable", "line-fields", "step-unreadable"}
_DIGEST = re.compile(rb"[0-9a-f]{8}|[0-9a-f]{32}")
"""What a line with a dataset ends in (MLflow's ``data/digest_utils.py``)."""


@dataclass(slots=True)
class Bad:
    """What has to go."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    """Start and end of each, in bytes, rising."""
    dropped: int = 0
    """Lines that go altogether."""
    shortened: int = 0
    """Lines that lose their end."""
    lines: int = 0
    why: str = ""
    """Why nothing can be said, in words."""

    @property
    def text(self) -> str:
        """``12-30,45-60``."""
        return ",".join(f"{start}-{end}" for start, end in self.ranges)

    def drop(self, start: int, end: int) -> None:
        if self.ranges and self.ranges[-1][1] == start:
            self.ranges[-1] = (self.ranges[-1][0], end)
        else:
            self.ranges.append((start, end))


def bad_bytes(name: str, dir_fd: int, codes: Collection[str], *, of_model: bool = False) -> Bad:
    """What of a file has to go to mend the findings of these codes; ``of_model``: a logged model's metric."""
    wanted = {code.partition("-metric-")[2] for code in codes if "-metric-" in code}
    try:
        data = look.read_small(name, dir_fd, MAX_TEXT)
    except OSError as error:
        return Bad(why=f"cannot be read: {safe(look.words(error))}")
    if wanted:
        # Of what cannot be decoded no line was judged yet.
        return _lines(data, wanted | (_REFUSED if "not-utf8" in wanted else set()), Lines(of_model))
    whole, cut = whole_characters(data)
    bad = Bad()
    if cut:
        bad.drop(len(whole), len(data))
    return bad


def _lines(data: bytes, wanted: set[str], judge: Lines) -> Bad:
    """MLflow's lines end at more than line feeds, and what cannot be decoded ends at the next line feed."""
    bad, at = Bad(), 0
    data, torn = whole_characters(data)[0], len(data)
    while at < len(data):
        newline = data.find(b"\n", at)
        rest = len(data) if newline < 0 else newline + 1
        _mend(data, at, rest, judge, wanted, bad)
        if len(bad.ranges) > _MAX_RANGES:
            return Bad(why=f"more than {_MAX_RANGES:,} of its lines are bad")
        at = rest
    if torn > len(data):
        bad.drop(len(data), torn)
    return bad


def _mend(data: bytes, start: int, end: int, judge: Lines, wanted: set[str], bad: Bad) -> None:
    """What is between two line feeds: of one line with a bad dataset only that goes, else every bad line."""
    try:
        lines = split(data[start:end].decode("utf-8"), keepends=True)
    except UnicodeDecodeError:
        sizes, goes = [end - start], [True]
    else:
        sizes = [end - start] if len(lines) == 1 else [len(one.encode("utf-8")) for one in lines]
        goes = [judge.judge(one) in wanted for one in lines]
    bad.lines += len(goes)
    if not any(goes):
        return
    short = _without_dataset(data[start:end], judge, wanted)
    if short:
        bad.shortened += 1
        bad.drop(start + short, start + len(data[start:end].rstrip(b"\n")))
        return
    for size, is_bad in zip(sizes, goes, strict=True):
        if is_bad:
            bad.dropped += 1
            bad.drop(start, start + size)
        start += size


def _without_dataset(line: bytes, judge: Lines, wanted: set[str]) -> int:
    """Bytes of a line before a dataset whose name has a space in it, which MLflow writes and cannot read;
    0 for any other line."""
    parts = line.split(b" ")
    if judge.of_model or len(parts) < 6 or not _DIGEST.fullmatch(parts[-1].rstrip()):
        return 0
    short = b" ".join(parts[:3])
    try:
        text = short.decode("utf-8")
    except UnicodeDecodeError:
        return 0
    return 0 if len(split(text)) > 1 or judge.judge(text) in wanted else len(short)
