"""A run at a glance, for whoever only passes by: the first of its names, and the course of one metric.

Unlike the details it never takes longer than a moment, whatever the run holds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.details import MetricSeries, RunGlance
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Stop, never
from mlruns_tui.model.store import Run, Snapshot, StoreInfo
from mlruns_tui.model.text import decode, safe

from . import layout
from .database_details import infinite
from .details import gone, known_run, open_run
from .evidence import path_of
from .metrics import Curve, read_metric, thinned
from .pulse import Halted, Pulse
from .root import open_root
from .sqlite import Reading, Unreadable, opened

MOST_S: Final = 0.3
"""Seconds it takes at most, about; then comes what was read."""
MOST_VALUES: Final = 40
"""Params, tags and metrics whose values are read."""
MOST_NAMES: Final = 5_000
"""Names of each kind that are counted."""
MOST_TEXT: Final = 500
"""Characters of a value."""
MOST_BYTES: Final = 8 << 20
"""Read of one metric."""
POINTS: Final = 512
FEW_POINTS: Final = 64
"""Of the metrics that were not asked for."""
_MOST_ROWS: Final = 200_000
_LATE: Final = "not all of it was read: that takes too long here"


def glance(store: StoreInfo, key: str, metric: str, last: Snapshot | None, stop: Stop = never) -> RunGlance | None:
    """``metric``: exact name of the one whose course is wanted; the first by name where the run does not have it.

    None when ``stop`` ended it. Raises MlrunsError ``no-such-run`` when it is gone, StaleError when the store is.
    """
    path = path_of(key)
    if path is None or "/run/" not in key or key.startswith("stray/"):
        raise MlrunsError("no-such-run", f"{safe(key, 200)} names no run")
    run = known_run(key, last)
    root_fd = open_root(store)
    moment = _Moment(stop)
    try:
        fd = open_run(root_fd, path)
        try:
            if run is None and fd is not None and store.database and not look.exists(layout.META, fd):
                run = Run("", key.rpartition("/run/")[2], record="database")
            if (run is not None and run.record == "database") or fd is None:
                found = _from_database(store, key, metric, path, moment)
            else:
                found = _from_files(key, metric, fd, moment)
        finally:
            if fd is not None:
                os.close(fd)
    finally:
        if root_fd is not None:
            os.close(root_fd)
    return None if moment.unwanted else found


class _Moment:
    """How long there is: until it is over, or nobody wants to know any more."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._until = monotonic() + MOST_S
        self.unwanted = False
        self.pulse = Pulse(self._over)

    def _over(self) -> bool:
        self.unwanted = self.unwanted or self._stop()
        return self.unwanted or monotonic() > self._until


def _from_files(key: str, metric: str, fd: int, moment: _Moment) -> RunGlance:
    messages: list[str] = []
    names: dict[str, list[str]] = {"metrics": [], "params": [], "tags": []}
    texts: dict[str, list[tuple[str, str]]] = {"params": [], "tags": []}
    curves: list[MetricSeries] = []
    try:
        for part, found in names.items():
            _gather(fd, part, found, messages, moment.pulse)
        names["tags"].sort(key=_foreign_last)
        for name in _wanted_first(names["metrics"], metric)[:MOST_VALUES]:
            moment.pulse()
            curves.append(_few(_read_curve(fd, name), len(curves)))
            if len(curves) == 1:
                # Before the other metrics: a file each, and what is looked for most.
                _read_texts(fd, names, texts, moment.pulse)
        if not curves:
            _read_texts(fd, names, texts, moment.pulse)
    except Halted:
        messages.append(_LATE)
    counts = (len(names["params"]), len(names["tags"]), len(names["metrics"]))
    return RunGlance(key, tuple(texts["params"]), tuple(texts["tags"]), tuple(curves), counts, tuple(messages))


def _read_texts(fd: int, names: dict[str, list[str]], texts: dict[str, list[tuple[str, str]]], pulse: Pulse) -> None:
    for part, found in texts.items():
        for name in names[part][:MOST_VALUES]:
            pulse()
            found.append((safe(name, MOST_TEXT), _read_text(fd, part, name)))


def _gather(fd: int, part: str, names: list[str], messages: list[str], pulse: Pulse) -> None:
    """Names of all files below a part of the run, in order."""

    def unreadable(path: str, what: str, error: OSError) -> None:
        messages.append(f"{part}/{safe(path, 200)} cannot be read: {look.words(error)}")

    try:
        for entry in look.walk(fd, part, unreadable):
            pulse()
            if not stat.S_ISDIR(entry.status.st_mode):
                names.append(entry.path)
            if len(names) >= MOST_NAMES:
                break
    except FileNotFoundError:
        return
    except OSError as error:
        unreadable("", "open", error)
    names.sort()


def _read_curve(fd: int, name: str) -> MetricSeries:
    shown = safe(name, MOST_TEXT)
    above, _, leaf = f"metrics/{name}".rpartition("/")
    try:
        parent = look.open_path(fd, above)
    except OSError as error:
        return Curve(shown).series(f"cannot be read: {look.words(error)}")
    try:
        return read_metric(shown, leaf, parent, MOST_BYTES)[0]
    finally:
        os.close(parent)


def _read_text(fd: int, part: str, name: str) -> str:
    """The text of a param or tag, or why there is none."""
    above, _, leaf = f"{part}/{name}".rpartition("/")
    try:
        parent = look.open_path(fd, above)
        try:
            return safe(decode(look.read_small(leaf, parent)), MOST_TEXT)
        finally:
            os.close(parent)
    except OSError as error:
        return f"(cannot be read: {look.words(error)})"


def _wanted_first(names: Sequence[str], wanted: str) -> list[str]:
    return [wanted, *(name for name in names if name != wanted)] if wanted in names else list(names)


def _foreign_last(name: str) -> tuple[bool, str]:
    return name.startswith("mlflow."), name


def _few(series: MetricSeries, at: int) -> MetricSeries:
    return replace(series, points=tuple(thinned(list(series.points), FEW_POINTS if at else POINTS)))


def _from_database(store: StoreInfo, key: str, metric: str, path: str, moment: _Moment) -> RunGlance:
    if not store.database or not os.path.isabs(store.database) or not key.isascii():
        raise gone(path)
    messages: list[str] = []
    parts: dict[str, tuple[list[tuple[str, str]], int]] = {"params": ([], 0), "tags": ([], 0)}
    curves: list[MetricSeries] = []
    number = 0
    run_id = key.rpartition("/run/")[2]
    try:
        with opened(store.database, moment.pulse) as reading:
            if not reading.rows("SELECT 1 FROM runs WHERE run_uuid = ?", run_id):
                raise gone(path)
            last, number = _last_values(reading, run_id, metric)
            for at, (name, series) in enumerate(last):
                curves.append(series)
                if at == 0:
                    curves[0] = _course(reading, run_id, name)
            for table in parts:
                parts[table] = _pairs(reading, table, run_id)
    except Halted:
        messages.append(_LATE)
    except Unreadable as error:
        message = f"{safe(store.database)} {error}; nothing was changed"
        raise MlrunsError("unreadable-database", message, path=store.database, hint="try again in a moment") from None
    (params, param_count), (tags, tag_count) = parts.values()
    return RunGlance(key, tuple(params), tuple(tags), tuple(curves), (param_count, tag_count, number), tuple(messages))


def _pairs(reading: Reading, table: str, run_id: str) -> tuple[list[tuple[str, str]], int]:
    rows = reading.rows(
        f'SELECT "key", substr(value, 1, {MOST_TEXT + 1}) FROM {table} WHERE run_uuid = ? '
        f'ORDER BY "key" LIKE \'mlflow.%\', "key" LIMIT {MOST_VALUES}',
        run_id,
    )
    ((number,),) = reading.rows(f"SELECT count(*) FROM {table} WHERE run_uuid = ?", run_id)
    return [
        (safe(str(name), MOST_TEXT), safe("" if value is None else str(value), MOST_TEXT)) for name, value in rows
    ], number


def _last_values(reading: Reading, run_id: str, metric: str) -> tuple[list[tuple[str, MetricSeries]], int]:
    """Exact name and last value of the first metrics, and how many there are."""
    rows = reading.rows(
        'SELECT "key", value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = ? '
        f'ORDER BY "key" <> ?, "key" LIMIT {MOST_VALUES}',
        run_id,
        metric,
    )
    ((number,),) = reading.rows("SELECT count(*) FROM latest_metrics WHERE run_uuid = ?", run_id)
    return [(str(row[0]), _series(str(row[0]), [row[1:]])) for row in rows], number


def _course(reading: Reading, run_id: str, name: str) -> MetricSeries:
    rows = reading.rows(
        'SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND "key" = ? '
        f"ORDER BY timestamp, step LIMIT {_MOST_ROWS}",
        run_id,
        name,
    )
    return _few(_series(name, rows), 0)


def _series(name: str, rows: Iterable[Sequence[Any]]) -> MetricSeries:
    curve = Curve(safe(name, MOST_TEXT))
    for value, time, step, nan in rows:
        curve.add(int(step or 0), int(time or 0), float("nan") if nan else infinite(value))
    return curve.series()
