"""What a list on the screen shows, as values: grouped, filtered, sorted, nested. No widget, no text style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, RegisteredModel, Run, Snapshot, Stray, container_key

from .columns import Cell, kind_of, sorted_by_cell
from .marks import Marks
from .ordering import Order, natural, reversed_name, sorted_runs, text_filter
from .rules import idle_ms

Group = Literal["experiments", "orphaned", "malformed", "unclaimed", "stray", "claimed", "trash", "models", "backups"]

GROUPS: tuple[Group, ...] = (
    "experiments", "orphaned", "malformed", "unclaimed", "stray", "claimed", "trash", "models", "backups",
)  # fmt: skip
MarkState = Literal["none", "whole", "part"]


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One line of the store's tree."""

    kind: Literal["group", "experiment", "stray", "model", "backups"]
    key: str
    """Of the experiment, stray or model; ``group/<name>`` for a group."""
    name: str
    group: Group
    count: int | None = None
    """Entries of a group."""
    runs: int | None = None
    size_bytes: int | None = None
    growing: bool = False
    """The size is not final yet."""
    marked: MarkState = "none"
    marked_bytes: int = 0
    open: bool = False
    entry: Experiment | Stray | RegisteredModel | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the run table."""

    run: Run
    depth: int = 0
    last: bool = False
    """The last child of its parent (draws ``└``)."""
    children: int = 0
    folded: bool = False


def group_of(experiment: Experiment) -> Group:
    if experiment.state == "orphaned":
        return "orphaned"
    if experiment.state == "unclaimed":
        return "unclaimed"
    if experiment.place == "trash":
        return "trash"
    return "malformed" if experiment.state == "malformed" else "experiments"


def tree_rows(
    snapshot: Snapshot,
    marks: Marks,
    order: Order,
    now_ms: int,
    closed: frozenset[Group] = frozenset({"claimed", "trash", "models", "backups"}),
    text: str = "",
    only: frozenset[str] | None = None,
    known: Mapping[str, Run] | None = None,
) -> list[TreeRow]:
    """The tree: groups in a fixed order, their entries sorted; a group without entries is left out, except
    experiments. ``only``: nothing but the experiments with these keys. ``known``: all runs by key, where that
    was made already."""
    entries: dict[Group, list[TreeRow]] = {group: [] for group in GROUPS}
    marked = _marked_inside(snapshot, marks, known)
    matches = text_filter(text)
    for experiment in snapshot.experiments:
        shown = only is None or experiment.key in only
        if shown and matches(experiment.name or experiment.experiment_id, experiment.experiment_id):
            entries[group_of(experiment)].append(_experiment_row(experiment, snapshot, marks, marked))
    for stray in snapshot.strays:
        if stray.kind != "own" and only is None and matches(stray.path):
            group: Group = "claimed" if stray.kind == "claimed" else "stray"
            entries[group].append(TreeRow("stray", stray.key, stray.path, group, size_bytes=_bytes(stray), entry=stray))
    entries["models"] = [
        TreeRow(
            "model",
            f"model/{model.name}",
            model.name,
            "models",
            runs=model.versions,
            size_bytes=_bytes(model),
            entry=model,
        )
        for model in snapshot.models
        if only is None and matches(model.name)
    ]
    rows: list[TreeRow] = []
    for group in GROUPS:
        if group == "backups":
            if snapshot.backup_bytes and only is None:
                rows.append(TreeRow("backups", "group/backups", "backups", group, size_bytes=snapshot.backup_bytes))
            continue
        found = sorted(entries[group], key=_tree_key(order, now_ms, snapshot), reverse=order.descending)
        if found or group == "experiments":
            rows.append(_group_row(group, found, snapshot, group not in closed))
            if group not in closed:
                rows += found
    return rows


def _experiment_row(
    experiment: Experiment, snapshot: Snapshot, marks: Marks, marked: Mapping[str, tuple[int, int]]
) -> TreeRow:
    runs = snapshot.runs.get(experiment.key)
    size = experiment.size.size_bytes if experiment.size else None
    if size is None and runs and any(run.size for run in runs):
        size = sum(run.size.size_bytes for run in runs if run.size)
    count, taken = marked.get(experiment.key, (0, 0))
    state: MarkState = "whole" if experiment.key in marks else "part" if count else "none"
    return TreeRow(
        "experiment",
        experiment.key,
        experiment.name or experiment.experiment_id,
        group_of(experiment),
        runs=experiment.runs,
        size_bytes=size,
        growing=experiment.size is None,
        marked=state,
        marked_bytes=(size or 0) if state == "whole" else taken,
        entry=experiment,
    )


def _group_row(group: Group, rows: Sequence[TreeRow], snapshot: Snapshot, is_open: bool) -> TreeRow:
    known = [row.size_bytes for row in rows if row.size_bytes is not None]
    states = {row.marked for row in rows}
    return TreeRow(
        "group",
        f"group/{group}",
        group,
        group,
        count=len(rows),
        runs=sum(row.runs or 0 for row in rows) if group not in ("stray", "claimed", "models") else None,
        size_bytes=sum(known) if known or not rows else None,
        growing=any(row.growing for row in rows) and not snapshot.complete,
        marked="none" if states <= {"none"} else "whole" if states == {"whole"} else "part",
        marked_bytes=sum(row.marked_bytes for row in rows),
        open=is_open,
    )


def _marked_inside(snapshot: Snapshot, marks: Marks, known: Mapping[str, Run] | None) -> dict[str, tuple[int, int]]:
    """Marked runs and their bytes by experiment key."""
    wanted: dict[str, set[str]] = {}
    for mark in marks:
        if "/run/" in mark.key:
            wanted.setdefault(container_key(mark.key), set()).add(mark.key)
    found = {}
    for key, keys in wanted.items():
        if known is None:
            here = [run for run in snapshot.runs.get(key, ()) if run.key in keys]
        else:
            here = [run for run in map(known.get, keys) if run is not None]
        found[key] = (len(here), sum(run.size.size_bytes for run in here if run.size))
    return found


def _bytes(entry: Stray | RegisteredModel) -> int | None:
    return entry.size.size_bytes if entry.size else None


def _tree_key(order: Order, now_ms: int, snapshot: Snapshot) -> Callable[[TreeRow], tuple[Any, ...]]:
    def of(row: TreeRow) -> tuple[Any, ...]:
        name = natural(row.name)
        if order.key == "name":
            return (name,)
        tail = reversed_name(row.name) if order.descending else name
        entry = row.entry
        if order.key == "runs":
            return (row.runs or 0, tail)
        if order.key == "files":
            return (entry.size.files if entry and entry.size else -1, tail)
        if order.key == "age":
            created = entry.creation_time if isinstance(entry, Experiment) else None
            return (-1 if created is None else max(0, now_ms - created), tail)
        if order.key == "idle":
            size = entry.size if entry else None
            return (idle_ms(size.newest_ns, now_ms) if size else -1, tail)
        return (-1 if row.size_bytes is None else row.size_bytes, tail)

    return of


def run_rows(
    runs: Sequence[Run],
    order: Order,
    now_ms: int,
    text: str = "",
    folded: frozenset[str] = frozenset(),
    accept: Callable[[Run], bool] | None = None,
    cells: Mapping[str, Cell] | None = None,
) -> list[RunRow]:
    """The run table: children under their parent (when it is shown too), each level sorted.

    ``text`` matches name, run id, status and user as typed (``!`` in front inverts); ``accept`` narrows
    further. Runs whose parent is filtered out stand on the top level; a loop of parents does too.
    ``cells``: values by run key where the order is by a column of values; none are known without.
    """
    matches = text_filter(text)
    shown = [
        run
        for run in runs
        if matches(run.name, run.run_id, run.status.lower(), run.user_id) and (accept is None or accept(run))
    ]
    if kind_of(order.key):
        shown = sorted_by_cell(shown, cells or {}, order.descending)
    else:
        shown = sorted_runs(shown, order, now_ms)
    if not any(run.parent for run in shown):
        return [RunRow(run) for run in shown]
    by_id = {run.run_id: run for run in shown}
    children: dict[str, list[Run]] = {}
    top: list[Run] = []
    for run in shown:
        if run.parent in by_id and run.parent != run.run_id:
            children.setdefault(run.parent, []).append(run)
        else:
            top.append(run)
    rows: list[RunRow] = []
    seen: set[str] = set()
    _lay_out(top, children, folded, rows, seen)
    # A loop of parents hangs below no top run.
    rows += [RunRow(run) for run in shown if run.run_id not in seen]
    return rows


def _lay_out(
    top: Sequence[Run],
    children: Mapping[str, Sequence[Run]],
    folded: frozenset[str],
    rows: list[RunRow],
    seen: set[str],
) -> None:
    stack = [(run, 0, False, True) for run in reversed(top)]
    while stack:
        run, depth, last, visible = stack.pop()
        below = children.get(run.run_id, ())
        seen.add(run.run_id)
        is_folded = run.key in folded
        if visible:
            rows.append(RunRow(run, depth, last, len(below), is_folded))
        stack.extend(
            (below[at], depth + 1, at == len(below) - 1, visible and not is_folded)
            for at in range(len(below) - 1, -1, -1)
        )
