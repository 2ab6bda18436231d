"""Values as the words and figures a person reads, the same in every room that shows something.

Sizes are decimal (as disks are sold and as ``du --si`` prints), ages are one number and one unit,
minutes are ``min`` and months ``mo`` so that ``m`` never has to be guessed.
"""

from __future__ import annotations

import re
import shlex
import time
import unicodedata
from functools import lru_cache

import humanize

from mlruns_tui.model.store import Run
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import FINAL_STATUSES

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONTH = 30 * DAY
YEAR = 365 * DAY
UNKNOWN = "…"
NONE = "–"


@lru_cache(maxsize=8192)
def size_text(size_bytes: int | None) -> str:
    """``412 B``, ``96.2 MB``, ``988 MB``; ``…`` when not known yet. At most 8 cells."""
    if size_bytes is None:
        return UNKNOWN
    if size_bytes < 1000:
        return f"{size_bytes} B"
    text = humanize.naturalsize(size_bytes, format="%.1f")
    number, _, unit = text.partition(" ")
    if len(number) > 4:
        number = str(round(float(number)))
        if number == "1000":
            return humanize.naturalsize(size_bytes, format="%.0f")
    return f"{number} {'kB' if unit == 'KB' else unit}"


def count_text(count: int | None) -> str:
    """``1,293``; ``…`` when not known."""
    return UNKNOWN if count is None else f"{count:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 run``, ``1,293 runs``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _age(ms: int) -> tuple[int, str]:
    if ms < MINUTE:
        return max(0, ms // 1000), "s"
    if ms < HOUR:
        return ms // MINUTE, "min"
    if ms < 2 * DAY:
        return ms // HOUR, "h"
    if ms < 180 * DAY:
        return ms // DAY, "d"
    if ms < 2 * YEAR:
        return ms // MONTH, "mo"
    return ms // YEAR, "y"


def age_text(ms: int | None) -> str:
    """A length of time in ms as ``4s`` ``12min`` ``2h`` ``63d`` ``6mo`` ``2y``; ``–`` for None. At most 5 cells."""
    if ms is None:
        return NONE
    number, unit = _age(ms)
    return f"{min(number, 9999)}{unit}"[:5]


def age_words(ms: int) -> str:
    """The same for sentences: ``63 d``."""
    number, unit = _age(ms)
    return f"{number:,} {unit}"


def ago_text(ms: int) -> str:
    """``63 d ago``, ``just now``."""
    return "just now" if ms < 5_000 else f"{age_words(ms)} ago"


def duration_text(ms: int | None) -> str:
    """``1:28:06``, ``14:09``, ``0:04``; ``–`` for None."""
    if ms is None or ms < 0:
        return NONE
    seconds = ms // 1000
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


_UNITS = {"ms": 1, "s": 1000, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|min|m|h|d|w)")


def parse_duration(text: str) -> int:
    """Milliseconds of ``90s``, ``30min``, ``1h``, ``30d``, ``2w`` or ``0``. Raises ValueError with a sentence."""
    match = _DURATION.fullmatch(text.strip())
    if match is not None:
        return round(float(match[1]) * _UNITS[match[2]])
    if text.strip() == "0":
        return 0
    raise ValueError(f"{text!r:.60} is no length of time; write a number and a unit: 90s, 30min, 1h, 30d")


_SIZES = {"": 1, "k": 1_000, "m": 10**6, "g": 10**9, "t": 10**12,
          "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes of ``500MB``, ``2.5 GB``, ``10GiB``. Raises ValueError with a sentence."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r:.60} is no size; write a number and a unit: 500MB, 20GB, 1.5TB")
    return round(float(match[1]) * _SIZES[match[2].lower()])


def time_text(ms: int | None) -> str:
    """Local time ``2026-09-12 04:17``; ``–`` for None or a time no calendar has."""
    if ms is None:
        return NONE
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(ms / 1000))
    except (OverflowError, ValueError, OSError):
        return NONE


def iso_utc(ms: int | None) -> str | None:
    """``2026-11-22T20:26:01.123Z``; None for None or a time no calendar has."""
    if ms is None:
        return None
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"
    except (OverflowError, ValueError, OSError):
        return None


def number_text(value: float | None) -> str:
    """A metric in four significant decimals: ``0.9412``, ``12.5000``, ``1.2e-07``, ``nan``, ``–``."""
    if value is None:
        return NONE
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value) and abs(value) < 1e7:
        return str(int(value))
    magnitude = abs(value)
    if magnitude < 1e-4 or magnitude >= 1e7:
        return f"{value:.3g}"
    return f"{value:.4f}" if magnitude < 1000 else f"{value:.1f}"


def cell_len(text: str) -> int:
    """Terminal cells ``text`` takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def elide(text: str, cells: int, tail: int = 3) -> str:
    """``text`` in at most ``cells`` cells: names lose their middle and keep their last ``tail`` cells,
    because the ends of names differ where the starts are alike."""
    if cell_len(text) <= cells:
        return text
    if cells <= tail + 2:
        return _take(text, max(cells - 1, 0)) + ("…" if cells > 0 else "")
    return _take(text, cells - tail - 1) + "…" + _take_end(text, tail)


def _take(text: str, cells: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += _width(character)
        if used > cells:
            return text[:at]
    return text


def _take_end(text: str, cells: int) -> str:
    used = 0
    for at in range(len(text) - 1, -1, -1):
        used += _width(text[at])
        if used > cells:
            return text[at + 1 :]
    return text


def pad(text: str, cells: int) -> str:
    """``text`` elided or filled with spaces to exactly ``cells`` cells, left-aligned."""
    text = elide(text, cells)
    return text + " " * (cells - cell_len(text))


def pad_left(text: str, cells: int) -> str:
    """The same, right-aligned."""
    text = elide(text, cells)
    return " " * (cells - cell_len(text)) + text


RUNNING_SILENT_MS = HOUR
"""A RUNNING run nobody wrote to for this long is shown as ``running?``."""


def status_word(run: Run, now_ms: int) -> str:
    """``finished``, ``failed``, ``killed``, ``running``, ``running?`` (silent), ``scheduled``, ``deleted``,
    ``malformed`` or ``unknown``."""
    if run.state == "malformed":
        return "malformed"
    if run.lifecycle_stage == "deleted":
        return "deleted"
    if run.status == "RUNNING":
        silent = run.size is not None and now_ms - run.size.newest_ns // 1_000_000 > RUNNING_SILENT_MS
        return "running?" if silent else "running"
    return run.status.lower()


def run_sentence(run: Run, now_ms: int) -> str:
    """How a run ended and how long it ran: ``finished 63 d ago, ran 14 min``."""
    word = status_word(run, now_ms)
    if run.state == "malformed":
        return f"malformed: {run.reason}"
    if run.status in FINAL_STATUSES and run.end_time is not None:
        parts = [f"{run.status.lower()} {ago_text(now_ms - run.end_time)}"]
        if run.start_time is not None and run.end_time >= run.start_time:
            parts.append(f"ran {age_words(run.end_time - run.start_time)}")
        if run.lifecycle_stage == "deleted":
            parts.append(f"deleted {ago_text(now_ms - run.deleted_time)}" if run.deleted_time else "deleted")
        return ", ".join(parts)
    if word == "running?" and run.size is not None:
        word = f"RUNNING, silent {age_words(now_ms - run.size.newest_ns // 1_000_000)}"
    if run.start_time is not None:
        return f"{word}, started {ago_text(now_ms - run.start_time)}"
    return word


def items_text(runs: int, experiments: int) -> str:
    """``143 runs and 2 experiments``; what there is none of is left out, unless there is nothing at all."""
    parts = [plural(runs, "run")] if runs or not experiments else []
    if experiments:
        parts.append(plural(experiments, "experiment"))
    return " and ".join(parts)


def undo_command(root: str) -> str:
    """What takes the newest batch of a store back, ready for a shell."""
    return f"mlruns-tui undo {shlex.quote(safe(root))}"
