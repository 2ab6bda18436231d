"""What a database holds of one run: params, tags, metrics."""

from __future__ import annotations

from dataclasses import dataclass

from mlruns_tui.model.details import MetricSeries
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe

from .metrics import Curve
from .pulse import Pulse
from .sqlite import Reading, Unreadable, opened

MAX_ROWS = 2_000_000
"""Metric points of one run that are read."""


@dataclass(frozen=True, slots=True)
class RunRows:
    """A run's rows; texts are safe to show."""

    artifact_uri: str
    params: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    metrics: tuple[MetricSeries, ...]
    messages: tuple[str, ...] = ()


def run_in_database(path: str, run_id: str, pulse: Pulse) -> RunRows | None:
    """Everything the tables hold of this run; None when it has no row. Raises MlrunsError."""
    if not run_id.isascii():
        return None
    try:
        with opened(path, pulse) as reading:
            return _read(reading, run_id)
    except Unreadable as error:
        message = f"{safe(path)} {error}; nothing was changed"
        raise MlrunsError("unreadable-database", message, path=path, hint="try again in a moment") from None


def _read(reading: Reading, run_id: str) -> RunRows | None:
    found = reading.rows("SELECT artifact_uri FROM runs WHERE run_uuid = ?", run_id)
    if not found:
        return None
    messages: list[str] = []
    return RunRows(
        safe(str(found[0][0] or "")),
        _pairs(reading, "params", run_id),
        _pairs(reading, "tags", run_id),
        tuple(_metrics(reading, run_id, messages)),
        tuple(messages),
    )


def _pairs(reading: Reading, table: str, run_id: str) -> tuple[tuple[str, str], ...]:
    rows = reading.rows(f'SELECT "key", value FROM {table} WHERE run_uuid = ? ORDER BY "key"', run_id)
    return tuple((safe(str(key), 512), safe(str(value if value is not None else ""))) for key, value in rows)


def _metrics(reading: Reading, run_id: str, messages: list[str]) -> list[MetricSeries]:
    columns = {row[1] for row in reading.rows("PRAGMA table_info(metrics)")}
    step = "step" if "step" in columns else "0"
    is_nan = "is_nan" if "is_nan" in columns else "0"
    rows = reading.rows(
        f'SELECT "key", timestamp, value, {step}, {is_nan} FROM metrics WHERE run_uuid = ? '
        f'ORDER BY "key", timestamp, {step} LIMIT {MAX_ROWS}',
        run_id,
    )
    if len(rows) == MAX_ROWS:
        messages.append(f"metrics: only the first {MAX_ROWS:,} points were read")
    curves: dict[str, Curve] = {}
    for key, time, value, number, nan in rows:
        name = safe(str(key), 512)
        curves.setdefault(name, Curve(name)).add(
            int(number or 0), int(time or 0), float("nan") if nan else infinite(value)
        )
    return [curve.series() for curve in curves.values()]


def infinite(value: float) -> float:
    """MLflow stores the infinities as the largest floats a database takes."""
    number = float(value)
    if abs(number) >= 1.7976931348623157e308:
        return float("inf") if number > 0 else float("-inf")
    return number
