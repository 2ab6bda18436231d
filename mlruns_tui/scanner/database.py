"""What MLflow's own database says: experiments, runs, logged models, the registry (schemas of 1.x to 3.17).

Rows become the same values as files do; columns a version does not have are simply not known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run
from mlruns_tui.model.text import safe

from . import sqlite
from .keep import keeps
from .pulse import Pulse
from .records import lifecycle, status_word, text, time_ms
from .registry import DELETED_STAGE, LoggedModel, Version, stage_of, with_aliases
from .sqlite import Changed, Reading, Unreadable, opened

PARENT_TAG: Final = "mlflow.parentRunId"
_TABLES: Final = frozenset({"alembic_version", "experiments", "runs"})
_NAMES: Final = ("mlflow.db", "mlruns.db")
_MAX_LOOKED_AT = 40
T = TypeVar("T")


@dataclass(slots=True)
class Contents:
    """All a database says that matters here."""

    path: str
    experiments: dict[str, Experiment] = field(default_factory=dict)
    """By id, in id order; ``runs`` is their number of rows."""
    locations: dict[str, str] = field(default_factory=dict)
    """Artifact locations as written, by experiment id."""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    """By experiment id; parent and keep tag known, directory not."""
    uris: dict[str, str] = field(default_factory=dict)
    """Artifact URIs as written, by run id."""
    models: list[LoggedModel] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    registered: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Names of registered models, with their pairs of alias and version."""
    trace_places: frozenset[str] = frozenset()
    """Directories that hold the artifacts of traces, as written."""

    @property
    def label(self) -> str:
        """Its file name, safe to show."""
        return safe(os.path.basename(self.path))


def is_mlflow(path: str, pulse: Pulse) -> bool:
    """Whether a file is an MLflow database. Raises Unreadable when that cannot be told now.

    Quick for what is none: any program's databases may stand beside a store, large and locked.
    """
    try:
        if not sqlite.is_sqlite(path):
            return False
    except OSError as error:
        raise Unreadable(f"cannot be read: {look.words(error)}") from None
    try:
        tables = sqlite.tables_in_file(path, pulse)
    except Unreadable:
        tables = set()
    if tables:
        return tables >= _TABLES
    return _patiently(path, pulse, lambda reading: reading.tables() >= _TABLES)


def candidates(folders: Sequence[str]) -> list[str]:
    """Files in these directories that may be databases: MLflow's own names first, each once."""
    found: dict[tuple[int, int], str] = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        names = [name for name in names if name.endswith(".db") or _is_sqlite_name(name)]
        names.sort(key=lambda name: (name not in _NAMES, name))
        for name in names[:_MAX_LOOKED_AT]:
            path = os.path.join(folder, name)
            try:
                status = os.stat(path)
            except OSError:
                continue
            found.setdefault((status.st_dev, status.st_ino), os.path.realpath(path))
    return list(found.values())


def _is_sqlite_name(name: str) -> bool:
    return ".sqlite" in name and not name.endswith(("-wal", "-shm", "-journal"))


def is_expected_name(path: str) -> bool:
    """Named as MLflow names its database: unreadable, it must be believed to be one."""
    return os.path.basename(path) in _NAMES


def read_experiments(path: str, pulse: Pulse) -> Contents:
    """Experiments and their numbers of runs only: quick, whatever the size. Raises Unreadable, Halted."""
    return _patiently(path, pulse, lambda reading: _experiments(Contents(path), reading))


def read(path: str, pulse: Pulse) -> Contents:
    """Everything. Raises Unreadable, Halted."""
    return _patiently(path, pulse, lambda reading: _all(Contents(path), reading))


def knows_run(path: str, run_ids: Sequence[str], pulse: Pulse) -> bool:
    """Whether any of these runs (some hundred at most) has a row. Raises Unreadable, Halted."""
    return _knows(path, "runs", "run_uuid", run_ids, pulse)


def knows_trace(path: str, trace_ids: Sequence[str], pulse: Pulse) -> bool:
    """Whether any of these traces (some hundred at most) has a row. Raises Unreadable, Halted."""
    return _knows(path, "trace_info", "request_id", trace_ids, pulse)


def _knows(path: str, table: str, column: str, ids: Sequence[str], pulse: Pulse) -> bool:
    # Names of directories that are no text cannot be ids either.
    ids = [one for one in ids if one.isascii()]
    marks = ", ".join("?" * len(ids))

    def ask(reading: Reading) -> bool:
        return table in reading.tables() and bool(
            reading.rows(f"SELECT 1 FROM {table} WHERE {column} IN ({marks}) LIMIT 1", *ids)
        )

    return _patiently(path, pulse, ask)


def _patiently(path: str, pulse: Pulse, ask: Callable[[Reading], T]) -> T:
    """Ask again when somebody wrote in the middle, which SQLite cannot tell for some ways of opening."""
    for _ in range(2):
        try:
            with opened(path, pulse) as reading:
                return ask(reading)
        except Changed:
            continue
    with opened(path, pulse) as reading:
        return ask(reading)


def _experiments(contents: Contents, reading: Reading) -> Contents:
    counts = dict(reading.rows("SELECT experiment_id, count(*) FROM runs GROUP BY experiment_id"))
    columns = ("experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time")
    for number, name, location, stage, created, updated in reading.table("experiments", columns):
        identifier = str(number)
        contents.locations[identifier] = str(location or "")
        contents.experiments[identifier] = Experiment(
            experiment_id=identifier,
            name=text(name),
            lifecycle_stage=lifecycle(stage),
            artifact_location=text(location),
            creation_time=time_ms(created),
            last_update_time=time_ms(updated),
            record="database",
            runs=counts.get(number, 0),
        )
    return contents


def _all(contents: Contents, reading: Reading) -> Contents:
    _experiments(contents, reading)
    tables = reading.tables()
    parents = _tags(reading, tables, "tags", "run_uuid", PARENT_TAG)
    names = _tags(reading, tables, "tags", "run_uuid", "mlflow.runName")
    kept = _tags(reading, tables, "tags", "run_uuid", "keep")
    for identifier, value in _tags(reading, tables, "experiment_tags", "experiment_id", "keep").items():
        if identifier in contents.experiments:
            one = contents.experiments[identifier]
            contents.experiments[identifier] = replace(one, keep=keeps(value))
    columns = (
        "run_uuid", "experiment_id", "name", "status", "lifecycle_stage",
        "user_id", "start_time", "end_time", "deleted_time", "artifact_uri",
    )  # fmt: skip
    for row in reading.table("runs", columns):
        run, experiment, name, status, stage, user, start, end, deleted, uri = row
        contents.uris[run] = str(uri or "")
        contents.runs.setdefault(str(experiment), []).append(
            Run(
                experiment_id=str(experiment),
                run_id=str(run),
                name=text(name or names.get(run)),
                status=status_word(status),
                lifecycle_stage=lifecycle(stage),
                user_id=text(user),
                start_time=time_ms(start),
                end_time=time_ms(end),
                deleted_time=time_ms(deleted),
                record="database",
                parent=text(parents.get(run)),
                keep=keeps(kept[run]) if run in kept else "",
            )
        )
    _registry(contents, reading)
    _places(contents, reading, tables)
    return contents


def _tags(reading: Reading, tables: set[str], table: str, column: str, key: str) -> dict[str, str]:
    if table not in tables:
        return {}
    rows = reading.rows(f"SELECT {column}, value FROM {table} WHERE key = ?", key)
    return {str(owner): str(value or "") for owner, value in rows}


def _registry(contents: Contents, reading: Reading) -> None:
    columns = ("model_id", "experiment_id", "name", "artifact_location", "source_run_id", "lifecycle_stage")
    for model, experiment, name, location, run, stage in reading.table("logged_models", columns):
        contents.models.append(
            LoggedModel(
                str(model), str(experiment), text(name), location or "", run or "", contents.path, stage == "deleted"
            )
        )
    for (name,) in reading.table("registered_models", ("name",)):
        contents.registered[str(name)] = []
    for name, alias, version in reading.table("registered_model_aliases", ("name", "alias", "version")):
        contents.registered.setdefault(str(name), []).append((text(alias), text(version)))
    aliases = {text(name): pairs for name, pairs in contents.registered.items() if pairs}
    columns = ("name", "version", "current_stage", "source", "run_id", "storage_location")
    for name, version, stage, source, run, storage in reading.table("model_versions", columns):
        contents.versions.append(
            Version(
                text(name),
                str(version),
                run or "",
                "",
                tuple(one for one in (source, storage) if one),
                contents.path,
                stage == DELETED_STAGE,
                stage_of(stage),
            )
        )
    contents.versions = [
        with_aliases(one, aliases[one.name]) if one.name in aliases else one for one in contents.versions
    ]


def _places(contents: Contents, reading: Reading, tables: set[str]) -> None:
    if "trace_tags" in tables:
        rows = reading.rows("SELECT value FROM trace_tags WHERE key = ?", "mlflow.artifactLocation")
        # One directory an experiment, however many traces: the rest of the path names the trace.
        contents.trace_places = frozenset(_folder_of_traces(str(one)) for (one,) in rows if one)


def _folder_of_traces(location: str) -> str:
    above, found, _ = location.rpartition("/traces/")
    return f"{above}/traces" if found else location
