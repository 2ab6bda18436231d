"""Named params, metrics, tags and datasets of many runs, out of a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe
from mlruns_tui.model.values import DatasetUse, RunValues, Wanted

from .database_details import infinite
from .pulse import Pulse
from .sqlite import Reading, Unreadable, opened

_TOGETHER = 400
"""Runs a statement; SQLite takes 999 values in one, names included."""
_CONTEXT = "mlflow.data.context"


def values_in_database(path: str, keys: Sequence[str], wanted: Wanted, pulse: Pulse) -> dict[str, RunValues]:
    """What is wanted of these runs (keys or ids), by run id; runs without a row are left out. Raises MlrunsError."""
    ids = [key.rpartition("/run/")[2] for key in keys]
    found: dict[str, RunValues] = {}
    try:
        with opened(path, pulse) as reading:
            for at in range(0, len(ids), _TOGETHER):
                found.update(_read(reading, ids[at : at + _TOGETHER], wanted))
    except Unreadable as error:
        raise _unreadable(path, error) from None
    return found


def names_in_database(path: str, keys: Sequence[str], pulse: Pulse) -> tuple[set[str], set[str], set[str]]:
    """Names of the metrics, params and tags of these runs. Raises MlrunsError."""
    ids = [key.rpartition("/run/")[2] for key in keys][:_TOGETHER]
    marks = ", ".join("?" * len(ids))
    try:
        with opened(path, pulse) as reading:
            metrics, params, tags = (
                {
                    str(row[0])
                    for row in reading.rows(f"SELECT DISTINCT key FROM {table} WHERE run_uuid IN ({marks})", *ids)
                }
                for table in ("latest_metrics", "params", "tags")
            )
    except Unreadable as error:
        raise _unreadable(path, error) from None
    return metrics, params, tags


def _unreadable(path: str, error: Unreadable) -> MlrunsError:
    message = f"{safe(path)} {error}; nothing was changed"
    return MlrunsError("unreadable-database", message, path=path, hint="try again in a moment")


def _read(reading: Reading, ids: Sequence[str], wanted: Wanted) -> dict[str, RunValues]:
    marks = ", ".join("?" * len(ids))
    uris = reading.rows(f"SELECT run_uuid, artifact_uri FROM runs WHERE run_uuid IN ({marks})", *ids)
    metrics: dict[str, dict[str, float]] = {}
    for run, name, value, nan in _pairs(reading, "latest_metrics", "value, is_nan", ids, wanted.metrics):
        metrics.setdefault(run, {})[name] = float("nan") if nan else infinite(value)
    texts: list[dict[str, dict[str, str]]] = []
    for table, names in (("params", wanted.params), ("tags", wanted.tags)):
        found: dict[str, dict[str, str]] = {}
        for run, name, value in _pairs(reading, table, "value", ids, names):
            found.setdefault(run, {})[name] = "" if value is None else str(value)
        texts.append(found)
    datasets = _datasets(reading, ids, marks) if wanted.datasets else {}
    return {
        run: RunValues(
            run, metrics.get(run, {}), texts[0].get(run, {}), texts[1].get(run, {}), tuple(datasets.get(run, ())), uri
        )
        for run, uri in uris
    }


def _pairs(
    reading: Reading, table: str, columns: str, ids: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    marks = ", ".join("?" * len(ids))
    for at in range(0, len(names), _TOGETHER):
        some = names[at : at + _TOGETHER]
        yield from reading.rows(
            f"SELECT run_uuid, key, {columns} FROM {table} WHERE run_uuid IN ({marks}) "
            f"AND key IN ({', '.join('?' * len(some))})",
            *ids,
            *some,
        )


def _datasets(reading: Reading, ids: Sequence[str], marks: str) -> dict[str, list[DatasetUse]]:
    if not {"inputs", "datasets", "input_tags"} <= reading.tables():
        return {}
    contexts: dict[str, list[str]] = {}
    inputs = reading.rows(
        "SELECT i.destination_id, i.input_uuid, d.name, d.digest FROM inputs i JOIN datasets d "
        f"ON d.dataset_uuid = i.source_id WHERE i.destination_type = 'RUN' AND i.destination_id IN ({marks})",
        *ids,
    )
    for run in inputs:
        contexts.setdefault(run[1], [])
    for at in range(0, len(contexts), _TOGETHER):
        some = list(contexts)[at : at + _TOGETHER]
        rows = reading.rows(
            f"SELECT input_uuid, value FROM input_tags WHERE name = ? AND input_uuid IN ({', '.join('?' * len(some))})",
            _CONTEXT,
            *some,
        )
        for uuid, value in rows:
            contexts[uuid].append(str(value))
    found: dict[str, list[DatasetUse]] = {}
    for run, uuid, name, digest in inputs:
        found.setdefault(run, []).append(DatasetUse(str(name), str(digest), tuple(contexts[uuid])))
    return found
