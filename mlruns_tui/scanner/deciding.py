"""What each directory is: experiment or stray, and the state of what has no metadata.

The words are those of the house: *claimed* wins over *unclaimed*, which wins over *orphaned*; what could
not be looked at is never an orphan. Losing somebody's live artifacts is the worst that can happen, so
everything in doubt stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run, Stray
from mlruns_tui.model.text import safe

from . import layout
from .being_made import BEING_MADE, FRESH_NS
from .claims import Claims
from .files import RunsRead
from .listing import Folder, unreadable_words
from .outline import Outline, RunShape, holds_data, outline, run_shape
from .pulse import Pulse
from .registry import Inside

_ARTIFACTS_ONLY = "no metadata here: artifacts of a database not found"


@dataclass(slots=True)
class Knowledge:
    """What must be known before anything may be called an orphan."""

    claims: Claims
    now_ns: int
    blind: bool = False
    """A database is there, or was named, that cannot be read: it may own whatever has no metadata."""
    database: str = ""
    """Name of the database that owns this root, safe to show; empty for none."""
    rows: Mapping[str, Experiment] = field(default_factory=dict)
    """Its experiments by id."""
    row_runs: Mapping[str, list[Run]] = field(default_factory=dict)
    """Its runs by experiment id."""

    def is_fresh(self, mtime_ns: int) -> bool:
        return mtime_ns > self.now_ns - FRESH_NS


@dataclass(slots=True)
class Decision:
    """What one directory in the place of an experiment turned out to be."""

    experiment: Experiment | None = None
    runs: list[Run] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    """In its place, or in it in the places of runs."""


def decide(folder: Folder, read: RunsRead, inside: Inside, known: Knowledge, root_fd: int, pulse: Pulse) -> Decision:
    """Judge one directory in the place of an experiment. Never raises for what it finds."""
    row = known.rows.get(folder.name) if folder.place == "root" else None
    if folder.error:
        return _unreadable(folder, row)
    if folder.experiment is not None:
        return _with_runs(folder.experiment, folder, read, inside, known, root_fd, pulse)
    if row is not None:
        owned = replace(row, path=folder.path, owner=folder.owner)
        return _with_runs(owned, folder, read, inside, known, root_fd, pulse)
    return _without_metadata(folder, read, inside, known, root_fd, pulse)


def _unreadable(folder: Folder, row: Experiment | None) -> Decision:
    reason = unreadable_words(folder)
    if row is not None:
        return Decision(replace(row, path=folder.path, reason=reason, trouble=("unreadable",), owner=folder.owner))
    if layout.is_experiment_id(folder.name):
        experiment = _bare(folder, "malformed", reason)
        return Decision(replace(experiment, trouble=("unreadable",)))
    return Decision(strays=[Stray(folder.path, "foreign", reason)])


def _bare(folder: Folder, state: str, reason: str) -> Experiment:
    return Experiment(
        folder.name,
        folder.place,
        state,  # type: ignore[arg-type]
        reason,
        path=folder.path,
        owner=folder.owner,
    )


def _without_metadata(
    folder: Folder, read: RunsRead, inside: Inside, known: Knowledge, root_fd: int, pulse: Pulse
) -> Decision:
    claim = known.claims.on(folder.path)
    if claim is None and not layout.is_number(folder.name):
        claim = known.claims.of_root()
    if claim is not None:
        if not read.runs:
            return Decision(strays=[Stray(folder.path, "claimed", f"{claim.by} keeps files here")])
        # Its runs say it is an experiment that lost its metadata, not somebody's artifacts: it is shown
        # as one, and what is claimed in it protects it.
        experiment = _bare(folder, "malformed", f"meta.yaml is missing; {claim.by} keeps files here")
        return _with_runs(experiment, folder, read, inside, known, root_fd, pulse)
    if layout.is_old_backups(folder.name):
        return Decision(strays=[Stray(folder.path, "old-backups", "backups of a clean-up script")])
    try:
        fd = look.open_path(root_fd, folder.path)
    except OSError as error:
        folder.error = look.words(error)
        return _unreadable(folder, None)
    try:
        named = read.named_runs()
        seen = outline(fd, named, pulse)
    finally:
        os.close(fd)
    state, reason = _state(folder, seen, bool(named), known)
    if not state:
        return Decision(strays=[Stray(folder.path, "foreign", reason)])
    experiment = _bare(folder, state, reason)
    if seen.unreadable:
        experiment = replace(experiment, trouble=("unreadable",))
    return _with_runs(experiment, folder, read, inside, known, root_fd, pulse, seen)


def _state(folder: Folder, seen: Outline, has_runs: bool, known: Knowledge) -> tuple[str, str]:
    """State and reason of a directory nobody claims; no state for what is no experiment at all."""
    name = folder.name
    run_shaped = seen.run_shaped or has_runs
    shaped = layout.is_number(name) or layout.is_hex32(name) or (run_shaped and layout.is_experiment_id(name))
    run_level = seen.run_level or has_runs
    if seen.unreadable:
        reason = f"meta.yaml is missing, and {safe(seen.unreadable)}"
        return ("malformed", reason) if layout.is_experiment_id(name) else ("", reason)
    if seen.artifacts and not run_level and layout.is_experiment_id(name):
        return "unclaimed", f"left behind: no row of {known.database} names it" if known.database else _ARTIFACTS_ONLY
    if not shaped:
        return "", "not an experiment: no meta.yaml in it"
    if seen.foreign and not has_runs:
        return "", f"named like an experiment, but holds {safe(seen.foreign)[:80]}"
    if seen.any_file and not run_level and not seen.own_parts:
        return "", "named like an experiment, but holds something else"
    if known.blind:
        return "unclaimed", "no metadata here, and the database that may own it cannot be read"
    if known.is_fresh(folder.mtime_ns):
        return "malformed", BEING_MADE
    if seen.foreign:
        return "malformed", f"meta.yaml is missing, and {safe(seen.foreign)[:80]} in it is not MLflow's"
    return "orphaned", "no meta.yaml"


def _with_runs(
    experiment: Experiment,
    folder: Folder,
    read: RunsRead,
    inside: Inside,
    known: Knowledge,
    root_fd: int,
    pulse: Pulse,
    seen: Outline | None = None,
) -> Decision:
    """Add the runs: those with metadata, those of the database, and those with neither."""
    decision = Decision()
    rows = known.row_runs.get(folder.name, ()) if folder.place == "root" else ()
    in_files = {run.run_id for run in read.runs}
    in_rows = {run.run_id for run in rows}
    by_files = experiment.record == "file"
    decision.runs = [run for run in read.runs if by_files or run.run_id not in in_rows]
    there = set(folder.subdirectories)
    for run in rows:
        if not by_files or run.run_id not in in_files:
            path = f"{folder.path}/{run.run_id}" if run.run_id in there else ""
            decision.runs.append(replace(run, path=path) if path else run)
    waiting = [name for name in read.missing if name not in in_rows]
    if waiting or read.others:
        _add_without_metadata(decision, folder, waiting, read.others, known, root_fd, pulse, seen)
    decision.runs.sort(key=lambda run: run.run_id)
    readable = sum(run.state == "ok" and run.record == "file" for run in read.runs)
    if experiment.state == "orphaned":
        readable += _nearly_readable(folder, read, root_fd, pulse)
    decision.experiment = replace(
        experiment,
        runs=len(decision.runs),
        readable_inside=readable + len(inside.models) + inside.traces,
        owner=folder.owner,
    )
    return decision


def _nearly_readable(folder: Folder, read: RunsRead, root_fd: int, pulse: Pulse) -> int:
    """How many runs MLflow would refuse, but a person can read: their metadata is a mapping all the same,
    or what was logged is still there."""
    broken = [run.run_id for run in read.runs if run.state != "ok"]
    lost = [name for name in (*broken, *read.missing) if name not in read.parsed]
    number = len(broken) + len(read.missing) - len(lost)
    if not lost:
        return number
    try:
        fd = look.open_path(root_fd, folder.path)
    except OSError:
        return number + len(lost)
    try:
        return number + sum(holds_data(fd, name, pulse) for name in lost)
    finally:
        os.close(fd)


def _add_without_metadata(
    decision: Decision,
    folder: Folder,
    missing: list[str],
    others: list[str],
    known: Knowledge,
    root_fd: int,
    pulse: Pulse,
    seen: Outline | None,
) -> None:
    try:
        fd = look.open_path(root_fd, folder.path)
    except OSError:
        return
    try:
        for name in (*missing, *others):
            path = f"{folder.path}/{name}"
            claim = known.claims.on(path)
            if claim is not None:
                decision.strays.append(Stray(path, "claimed", f"{claim.by} keeps files here"))
            elif layout.is_hex32(name):
                shape, mtime_ns = (seen and seen.shapes.get(name)) or run_shape(fd, name, pulse)
                if shape != "gone":
                    decision.runs.append(_bare_run(folder, name, shape, mtime_ns, known))
            else:
                decision.strays.append(Stray(path, "foreign", "not a run: no meta.yaml in it"))
    finally:
        os.close(fd)


def _bare_run(folder: Folder, name: str, shape: RunShape, mtime_ns: int, known: Knowledge) -> Run:
    """A directory named like a run that has no metadata and that nobody claims."""
    run = Run(folder.name, name, folder.place, "malformed", "meta.yaml is missing", path=f"{folder.path}/{name}")
    if shape == "unreadable":
        return replace(run, reason="cannot be read: permission denied", trouble=("unreadable",))
    if shape == "artifacts":
        reason = f"left behind: no row of {known.database} names it" if known.database else _ARTIFACTS_ONLY
        return replace(run, state="unclaimed", reason=reason)
    if known.blind and shape != "parts":
        return replace(run, state="unclaimed", reason="no metadata here, and a database cannot be read")
    if known.is_fresh(mtime_ns):
        # MLflow makes the directory first, then its metadata: no defect yet.
        return replace(run, state="ok" if shape == "empty" else "malformed", reason=BEING_MADE)
    if shape == "empty":
        return replace(run, reason="meta.yaml is missing, nothing is in it")
    return run
