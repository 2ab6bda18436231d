"""Rows of the run table as a file for other programs: CSV and JSON, with exact values.

Sizes are bytes, times ISO 8601 UTC, durations seconds; a metric has every digit it was logged with.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, Run, Snapshot
from mlruns_tui.model.values import RunValues

from . import documents
from .json_values import Json, dump, text
from .words import iso_utc

FORMATS = (".csv", ".json")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet (OWASP, CSV Injection); behind a ``'`` it is text."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_TOGETHER = 200
Value = str | int | float | None


def header_of(column: str) -> str:
    """Name of a column of the table in the file: as in the documents, with its unit."""
    names = {
        "size": "size_bytes",
        "age": "age_seconds",
        "idle": "idle_seconds",
        "duration": "duration_seconds",
        "user": "user_id",
        "id": "run_id",
        "started": "start_time",
        "ended": "end_time",
    }
    return names.get(column, column)


def value_of(column: str, run: Run, values: RunValues | None, owners: Mapping[int, str], now_ms: int) -> Value:
    """What a run has in a column; None for what it does not have, or what could not be read."""
    kind, dot, name = column.partition(".")
    if dot and kind in ("metrics", "params", "tags"):
        found: Mapping[str, str | float] = {} if values is None else getattr(values, kind)
        return found.get(name)
    size, begun, ended = run.size, run.start_time, run.end_time
    since = run.deleted_time or ended or begun
    own: dict[str, Value] = {
        "name": run.name,
        "id": run.run_id,
        "status": run.status,
        "state": run.state,
        "user": run.user_id,
        "owner": owners.get(run.owner),
        "started": iso_utc(begun),
        "ended": iso_utc(ended),
        "age": None if since is None else (now_ms - since) / 1000,
        "duration": None if begun is None or ended is None else (ended - begun) / 1000,
        "size": None if size is None else size.size_bytes,
        "files": None if size is None else size.files,
        "idle": None if size is None or not size.newest_ns else (now_ms - size.newest_ns // 1_000_000) / 1000,
    }
    return own.get(column)


def csv_pieces(
    runs: Sequence[Run],
    columns: Sequence[str],
    values: Mapping[str, RunValues],
    owners: Mapping[int, str],
    now_ms: int,
) -> Iterator[bytes]:
    """The bytes of a CSV file (RFC 4180, UTF-8), some hundred lines a piece.

    Experiment and run id come first. ``values``: by run key, of columns like ``metrics.loss``; ``owners``: names by
    user id. A text that a spreadsheet would take for a formula has a ``'`` before it.
    """
    rest = [one for one in columns if one not in ("name", "id")]
    yield _lines([["experiment_id", "run_id", "name", *(_cell(header_of(one)) for one in rest)]])
    for at in range(0, len(runs), _TOGETHER):
        yield _lines(
            [
                [
                    _cell(run.experiment_id),
                    _cell(run.run_id),
                    _cell(run.name),
                    *(_cell(value_of(one, run, values.get(run.key), owners, now_ms)) for one in rest),
                ]
                for run in runs[at : at + _TOGETHER]
            ]
        )


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode("utf-8")


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    # A number logged as text stays one.
    if value.startswith(_FORMULA) and not _NUMBER.match(value):
        value = "'" + value
    return text(value)


def json_pieces(
    snapshot: Snapshot,
    experiments: Sequence[Experiment],
    runs: Sequence[Run],
    columns: Sequence[str],
    values: Mapping[str, RunValues],
    owners: Mapping[int, str],
    protected: Mapping[str, Sequence[Protection]],
    now_ms: int,
) -> Iterator[bytes]:
    """The document of ``list --runs --json`` with these experiments and runs alone; each run also has the
    ``values`` of the ``columns``, as they are called in a CSV file."""
    body = documents.list_document(snapshot, experiments, runs, protected)
    body["columns"] = [text(header_of(one)) for one in columns]
    for fields, run in zip(body["runs"], runs, strict=True):
        fields["values"] = _values(run, columns, values.get(run.key), owners, now_ms)
    yield (dump(body, indent=2) + "\n").encode("ascii")


def _values(run: Run, columns: Sequence[str], values: RunValues | None, owners: Mapping[int, str], now_ms: int) -> Json:
    found: Json = {}
    for column in columns:
        value = value_of(column, run, values, owners, now_ms)
        if isinstance(value, float) and not math.isfinite(value):
            # JSON has no such number.
            value = repr(value)
        found[text(header_of(column))] = text(value) if isinstance(value, str) else value
    return found
