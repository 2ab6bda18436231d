"""Metric files, line by line, as MLflow and its migration read them.

Of a run: ``time value[ step[ dataset digest]]`` (``_get_metric_from_line``); of a logged model:
``time value step run[ dataset digest]`` (``_get_model_metric_from_line``). The migration is more
patient with fields, needs numbers in 64 bits, and no point twice (``store/fs2db/_tracking.py``, 3.17).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlruns_tui.model.findings import Symptom

from .contents import MAX_TEXT
from .context import Owner, Store
from .documents import whole_characters

_BLOCK = 1 << 20
_MAX_LINE = 4 << 20
_MAX_DIGITS = 4_300
_SURELY_64_BITS = 18
"""Digits of a number that fits 64 bits whatever they are."""
_MAX_SEEN = 200_000
"""Points of one file whose hashes are kept to find repeated ones; after as many it starts anew."""
_TAIL = 1 << 20
"""Bytes at the end of a large file that are judged as well."""
_MAX_COUNTED = 4 << 30
"""Bytes through which lines are only counted, so that the last ones have numbers."""
_UNCOUNTED = 1 << 40
_INT64 = 1 << 63
_LARGEST = sys.float_info.max


@dataclass(slots=True)
class Lines:
    """What is wrong with the lines of one file: by code, the first line and how many there are."""

    of_model: bool
    """A logged model's, not a run's."""
    number: int = 0
    found: dict[str, list[int]] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def add(self, lines: list[str]) -> None:
        """The next lines of the file."""
        seen, of_model = self._seen, self.of_model
        for line in lines:
            self.number += 1
            parts = line.split(" ")
            # What MLflow writes, without a call: all but a handful of the millions of lines of a store.
            if len(parts) == 3 and len(parts[0]) <= _SURELY_64_BITS >= len(parts[2]) and not of_model:
                try:
                    time, value, step = int(parts[0]), float(parts[1]), int(parts[2])
                except ValueError:
                    pass
                else:
                    point = hash((time, step, value))
                    if value - value == 0 and point not in seen and len(seen) < _MAX_SEEN:
                        seen.add(point)
                        continue
            code = self.judge(line)
            if code:
                self.note(code)

    def judge(self, line: str) -> str:
        """What is wrong with the next line, as its code ends; empty when nothing is."""
        return self._of_model(line) if self.of_model else self._of_run(line)

    def note(self, code: str) -> None:
        first = self.found.setdefault(code, [self.number, 0])
        first[1] += 1

    def _of_run(self, line: str) -> str:
        parts = line.strip().split(" ")
        count = len(parts)
        if count < 2:
            return "line-unreadable"
        try:
            time, value = number(parts[0]), float(parts[1])
            step = number(parts[2]) if count == 3 else 0
        except ValueError:
            return "line-unreadable"
        if count > 3:
            try:
                step = number(parts[2])
            except ValueError:
                return "step-unreadable" if count == 5 else "line-unreadable"
            if count != 5:
                return "line-fields"
            self.note("line-with-dataset")
        # As the migration stores them: nan as 0 with a mark, infinities as the largest number.
        kept: float | str = "nan" if value != value else max(min(value, _LARGEST), -_LARGEST)
        return self._stored(time, step, hash((time, step, kept)))

    def _of_model(self, line: str) -> str:
        parts = line.strip().split(" ")
        if len(parts) not in (4, 6):
            return "line-fields"
        try:
            time, _, step = number(parts[0]), float(parts[1]), number(parts[2])
        except ValueError:
            return "line-unreadable"
        return self._stored(time, step, hash((time, step, parts[3])))

    def _stored(self, time: int, step: int, point: int) -> str:
        if not (-_INT64 <= time < _INT64 and -_INT64 <= step < _INT64):
            return "beyond-64-bits"
        if point in self._seen:
            return "line-repeated"
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen.add(point)
        return ""


def split(text: str, *, keepends: bool = False) -> list[str]:
    """The lines of whole lines of a file as MLflow and its migration tell them apart: not only at line feeds
    (``read_file_lines``, ``utils/file_utils.py``; ``read_metric_lines``, ``store/fs2db/_utils.py``)."""
    return text.splitlines(keepends)


def number(text: str) -> int:
    """``int``, without the seconds older Pythons take for very long texts. Raises ValueError."""
    if len(text) > _MAX_DIGITS < sum(map(str.isdecimal, text)):
        raise ValueError("too many digits")
    return int(text)


def judge_metric(fd: int, what: str, place: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """One open metric file. Never holds more than a few MB of it; of one larger than ``MAX_TEXT`` the first
    lines up to there are judged and the last ones, where a killed program leaves half a line."""
    lines = Lines(of_model=what.startswith("logged-model"))
    rest = b""
    total = 0
    while True:
        block = os.read(fd, _BLOCK)
        total += len(block)
        data = rest + block
        end = len(data) if not block else data.rfind(b"\n") + 1
        data, rest = data[:end], data[end:]
        if not block:
            data, cut = whole_characters(data)
            if cut:
                yield owner.says("text-cut", place)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = lines.number + 1 + data.count(b"\n", 0, error.start)
            yield owner.says(f"{what}-not-utf8", place, line=line)
            return
        lines.add(split(text))
        store.pulse()
        if not block:
            break
        if len(rest) > _MAX_LINE:
            lines.number += 1
            lines.note("line-unreadable")
            break
        if total > MAX_TEXT:
            yield from _judge_end(fd, total - len(rest), lines, what, place, owner, store)
            break
    if not lines.number and not rest:
        yield owner.says(f"{what}-empty", place)
    for code, (first, count) in lines.found.items():
        yield owner.says(f"{what}-{code}", place, f"{count - 1:,} more" if count > 1 else "", first or None)


def _judge_end(
    fd: int, start: int, lines: Lines, what: str, place: str, owner: Owner, store: Store
) -> Iterator[Symptom]:
    """The last lines of a file whose first ones, up to the offset ``start``, were judged."""
    size = os.fstat(fd).st_size
    tail = max(start, size - _TAIL)
    data = os.pread(fd, size - tail, tail)
    if tail > start:
        skipped = data.find(b"\n") + 1
        tail, data = tail + skipped, data[skipped:]
        yield owner.says("text-unjudged", place, f"{(tail - start) / 1e6:,.0f} MB of {size / 1e6:,.0f} MB")
        if tail - start <= _MAX_COUNTED:
            lines.number += _count_lines(fd, start, tail, store)
        else:
            lines.number = _UNCOUNTED
    data, cut = whole_characters(data)
    if cut:
        yield owner.says("text-cut", place)
    try:
        lines.add(split(data.decode("utf-8")))
    except UnicodeDecodeError:
        yield owner.says(f"{what}-not-utf8", place)
    for found in lines.found.values():
        if found[0] > _UNCOUNTED:
            found[0] = 0


def _count_lines(fd: int, start: int, end: int, store: Store) -> int:
    count = 0
    while start < end:
        block = os.pread(fd, min(_BLOCK, end - start), start)
        if not block:
            break
        count += block.count(b"\n")
        start += len(block)
        store.pulse()
    return count
