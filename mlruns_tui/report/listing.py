"""A store's experiments and runs as text, chosen, sorted and laid out as asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, Run, Snapshot
from mlruns_tui.model.text import safe

from .tables import Column, table
from .words import (
    NONE,
    age_text,
    count_text,
    items_text,
    plural,
    size_text,
    status_word,
    time_text,
)

Entry = TypeVar("Entry", Experiment, Run)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the columns look things up in."""

    snapshot: Snapshot
    protected: Mapping[str, Sequence[Protection]]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a listing: how it is shown and how it is sorted by."""

    column: Column
    show: Callable[[Any, Facts], str]
    key: Callable[[Any, Facts], Any]
    down: bool = True
    """Largest first where nothing else is asked."""


def _newest(entry: Experiment | Run) -> int | None:
    return entry.size.newest_ns // 1_000_000 if entry.size and entry.size.newest_ns else None


def _idle(entry: Experiment | Run, facts: Facts) -> int | None:
    newest = _newest(entry)
    return None if newest is None else facts.now_ms - newest


def _oldest(experiment: Experiment, facts: Facts) -> int | None:
    starts = [run.start_time for run in facts.snapshot.runs.get(experiment.key, ()) if run.start_time]
    return min(starts, default=experiment.creation_time)


def _state(entry: Experiment | Run) -> str:
    word: str = entry.state
    if word == "ok" and entry.lifecycle_stage == "deleted":
        word = "deleted"
    return f"{word}, in trash" if entry.place == "trash" else word


def _kept(entry: Experiment | Run, facts: Facts) -> str:
    kinds = dict.fromkeys(one.kind for one in facts.protected.get(entry.key, ()))
    return ", ".join(kinds) or NONE


def _id(entry: Experiment | Run) -> str:
    return entry.run_id if isinstance(entry, Run) else entry.experiment_id


def _label(entry: Experiment | Run) -> str:
    return entry.name or safe(_id(entry))


def _show_label(entry: Experiment | Run, facts: Facts) -> str:
    return _label(entry)


def _status(run: Run, facts: Facts) -> str:
    return status_word(run, facts.now_ms)


def _age(run: Run, facts: Facts) -> int | None:
    then = run.deleted_time or run.end_time or run.start_time
    return None if then is None else facts.now_ms - then


def _known(value: int | None) -> int:
    """For sorting: what is not known counts as least."""
    return -1 if value is None else value


_COMMON: dict[str, Field] = {
    "name": Field(Column("name", gives_way=True), _show_label, lambda one, facts: _label(one).casefold(), down=False),
    "id": Field(Column("id"), lambda one, facts: safe(_id(one)), lambda one, facts: _id(one), down=False),
    "state": Field(Column("state"), lambda one, facts: _state(one), lambda one, facts: _state(one), down=False),
    "size": Field(
        Column("size", right=True),
        lambda one, facts: size_text(one.size.size_bytes if one.size else None),
        lambda one, facts: one.size.size_bytes if one.size else -1,
    ),
    "files": Field(
        Column("files", right=True),
        lambda one, facts: count_text(one.size.files if one.size else None),
        lambda one, facts: one.size.files if one.size else -1,
    ),
    "newest": Field(
        Column("last write"), lambda one, facts: time_text(_newest(one)), lambda one, facts: _known(_newest(one))
    ),
    "idle": Field(
        Column("idle", right=True),
        lambda one, facts: age_text(_idle(one, facts)),
        lambda one, facts: _known(_idle(one, facts)),
    ),
    "kept": Field(Column("kept by"), _kept, _kept, down=False),
    "reason": Field(
        Column("reason", gives_way=True), lambda one, facts: one.reason, lambda one, facts: one.reason, down=False
    ),
}
EXPERIMENT_FIELDS: dict[str, Field] = {
    **_COMMON,
    "runs": Field(Column("runs", right=True), lambda one, facts: count_text(one.runs), lambda one, facts: one.runs),
    "oldest": Field(
        Column("oldest run"),
        lambda one, facts: time_text(_oldest(one, facts)),
        lambda one, facts: _known(_oldest(one, facts)),
        down=False,
    ),
}
EXPERIMENT_COLUMNS = ("name", "id", "runs", "size", "files", "oldest", "newest", "state")
RUN_FIELDS: dict[str, Field] = {
    **_COMMON,
    "experiment": Field(
        Column("experiment"),
        lambda one, facts: safe(one.experiment_id),
        lambda one, facts: one.experiment_id,
        down=False,
    ),
    "status": Field(Column("status"), _status, _status, down=False),
    "user": Field(Column("user"), lambda one, facts: one.user_id or NONE, lambda one, facts: one.user_id, down=False),
    "age": Field(
        Column("age", right=True),
        lambda one, facts: age_text(_age(one, facts)),
        lambda one, facts: _known(_age(one, facts)),
    ),
}
RUN_COLUMNS = ("name", "id", "experiment", "status", "age", "idle", "size", "files", "kept")


def arrange(
    entries: Sequence[Entry], fields: Mapping[str, Field], sort: str, reverse: bool, facts: Facts
) -> list[Entry]:
    """Sorted by a column, in its own direction unless ``reverse``; equal ones by name. A column these
    entries do not have leaves them as they are."""
    field = fields.get(sort)
    if field is None:
        return list(entries)
    by_name = sorted(entries, key=lambda one: _label(one).casefold())
    by_name.sort(key=lambda one: field.key(one, facts), reverse=field.down is not reverse)
    return by_name


def listing_table(
    entries: Sequence[Entry],
    fields: Mapping[str, Field],
    names: Sequence[str],
    facts: Facts,
    width: int | None = None,
) -> list[str]:
    """The lines of a table of these columns; a name that is no column of these entries is left out."""
    shown = [fields[name] for name in names if name in fields]
    rows = [[field.show(entry, facts) for field in shown] for entry in entries]
    return table([field.column for field in shown], rows, width)


def store_heading(snapshot: Snapshot, totals: Mapping[str, int]) -> list[str]:
    """What a store is and holds, in a few lines."""
    store = snapshot.store
    kinds = {"file": "file store", "database": "database", "mixed": "file store and database", "unclaimed": "unclaimed"}
    orphaned = f" ({totals['orphaned_experiments']:,} orphaned)" if totals["orphaned_experiments"] else ""
    size = f"{size_text(totals['size_bytes'])} in {plural(totals['files'], 'file')}"
    lines = [f"{safe(store.root)}  {kinds[store.kind]}"]
    if store.database:
        lines.append(f"database  {safe(store.database)}")
    lines.append(
        f"{plural(totals['experiments'], 'experiment')}{orphaned}, {plural(totals['runs'], 'run')}"
        f" ({totals['deleted_runs']:,} deleted), {size}"
    )
    if totals["trash_experiments"] or totals["trash_runs"]:
        lines.append(f"in MLflow's trash: {items_text(totals['trash_runs'], totals['trash_experiments'])}")
    if totals["backup_bytes"]:
        lines.append(f"backups: {size_text(totals['backup_bytes'])}, counted apart")
    return lines
