"""Which bytes of a file must go for MLflow and its migration to read the rest: bad lines, torn ends."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from mlruns_tui.disk import look
from mlruns_tui.model.text import safe

from .checks.contents import MAX_TEXT
from .checks.documents import whole_characters
from .checks.metrics import Lines

_MAX_RANGES = 100_000
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
        return _lines(data, wanted | {"not-utf8"}, Lines(of_model))
    whole, cut = whole_characters(data)
    bad = Bad()
    if cut:
        bad.drop(len(whole), len(data))
    return bad


def _lines(data: bytes, wanted: set[str], judge: Lines) -> Bad:
    bad, at = Bad(), 0
    while at < len(data):
        newline = data.find(b"\n", at)
        end = len(data) if newline < 0 else newline
        rest = len(data) if newline < 0 else newline + 1
        line = data[at:end]
        bad.lines += 1
        if _is_bad(line, judge, wanted):
            short = _without_dataset(line, judge, wanted)
            if short:
                bad.shortened += 1
                bad.drop(at + short, end)
            else:
                bad.dropped += 1
                bad.drop(at, rest)
        if len(bad.ranges) > _MAX_RANGES:
            return Bad(why=f"more than {_MAX_RANGES:,} of its lines are bad")
        at = rest
    return bad


def _is_bad(line: bytes, judge: Lines, wanted: set[str]) -> bool:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return any(judge.judge(one) in wanted for one in text.splitlines() or [""])


def _without_dataset(line: bytes, judge: Lines, wanted: set[str]) -> int:
    """Bytes of a line before a dataset whose name has a space in it, which MLflow writes and cannot read;
    0 for any other line."""
    parts = line.split(b" ")
    if judge.of_model or len(parts) < 6 or not _DIGEST.fullmatch(parts[-1].rstrip()):
        return 0
    short = b" ".join(parts[:3])
    return 0 if _is_bad(short, judge, wanted) else len(short)
