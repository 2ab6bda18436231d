"""Which fields there are, and how a literal is read for each.

Beyond MLflow: ``size files age idle duration impact protected owner experiment experiment_id lifecycle_stage
state``; texts without quotes; ``IN`` and ``NOT LIKE`` for every text; params compared with numbers; dates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final, Literal

from mlruns_tui.model.words import IMPACTS

from .tree import Field, Source

Kind = Literal["text", "number", "time", "duration", "size", "impact", "protected", "metric", "param"]

SOURCES: Final[Mapping[str, Source]] = {
    "metric": "metric", "metrics": "metric",
    "parameter": "param", "parameters": "param", "param": "param", "params": "param",
    "tag": "tag", "tags": "tag",
    "attribute": "run", "attributes": "run", "attr": "run", "run": "run",
    "dataset": "dataset", "datasets": "dataset",
}  # fmt: skip
"""MLflow's words before the dot, letter case as MLflow asks for it."""

ALIASES: Final[Mapping[str, str]] = {
    "created": "start_time", "Created": "start_time",
    "run name": "run_name", "Run name": "run_name", "Run Name": "run_name",
    "name": "run_name", "user": "user_id",
}  # fmt: skip

ATTRIBUTES: Final[Mapping[str, Kind]] = {
    "run_id": "text", "run_name": "text", "user_id": "text", "status": "text", "artifact_uri": "text",
    "start_time": "time", "end_time": "time",
    "lifecycle_stage": "text", "experiment_id": "text", "experiment": "text", "state": "text", "owner": "text",
    "size": "size", "files": "number", "age": "duration", "idle": "duration", "duration": "duration",
    "impact": "impact", "protected": "protected",
}  # fmt: skip

DATASET_KEYS: Final = ("name", "digest", "context")

DURATIONS: Final[Mapping[str, int]] = {
    "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000,
    "mo": 30 * 86_400_000, "y": 365 * 86_400_000,
}  # fmt: skip
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIZE_UNIT = re.compile(r"([kmgtp]?)(i?)b?", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?Z?")


def kind_of(field: Field) -> Kind:
    """How values of a field compare."""
    if field.source == "run":
        return ATTRIBUTES[field.name]
    if field.source == "metric":
        return "metric"
    return "param" if field.source == "param" else "text"


def number(text: str) -> int | float | None:
    """A number alone; whole ones stay exact. None for anything else."""
    if not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text) if len(text) <= 400 else float("inf")
    return float(text)


def metric_number(text: str) -> float | None:
    """A number, ``nan``, ``inf`` or ``-inf``."""
    if text.lower() in ("nan", "inf", "+inf", "-inf", "infinity", "-infinity"):
        return float(text)
    found = number(text)
    return None if found is None else float(found)


def duration(text: str) -> int | None:
    """``30d``, ``2.5h`` as ms; None without a unit or for anything else."""
    found = _NUMBER.match(text)
    unit = text[found.end() :] if found else ""
    if found is None or unit not in DURATIONS:
        return None
    value = float(found.group()) * DURATIONS[unit]
    return round(value) if abs(value) < 1e18 else None


def size(text: str) -> int | None:
    """``3GB``, ``1.5 GiB`` without the space, or a number of bytes; None for anything else."""
    found = _NUMBER.match(text)
    unit = _SIZE_UNIT.fullmatch(text, found.end()) if found else None
    if found is None or unit is None or (unit.group(2) and not unit.group(1)):
        return None
    value = float(found.group()) * (1024 if unit.group(2) else 1000) ** _POWERS[unit.group(1).lower()]
    return round(value) if abs(value) < 1e24 else None


def moment(text: str) -> int | None:
    """``2026-09-12`` or ``2026-09-12 04:17[:30]``, UTC, as ms; None for anything else."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        then = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(then.timestamp()) * 1000


def impact_rank(word: str) -> int:
    """Higher is worse; ``silent`` is 1. Raises ValueError for no impact."""
    return len(IMPACTS) - IMPACTS.index(word)
