"""What keeping by metric or tag needs to know: read of the runs in question, and of no others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Run, Snapshot, container_key
from mlruns_tui.model.text import safe
from mlruns_tui.model.values import Wanted
from mlruns_tui.triage.more_rules import active_runs
from mlruns_tui.triage.selecting import KeepBest, Measured, Selection

from .filtering import read_values

UNREADABLE = "(cannot be read)"


def measure(reader: Reader, snapshot: Snapshot, keep: KeepBest, containers: Collection[str] | None) -> Measured:
    """Last values of the metric, of all active runs of these experiments (keys; None: of all).

    Raises UsageError when there are runs and none has it (it may be misspelt, and would keep nothing), MlrunsError.
    """
    runs = active_runs(snapshot)
    keys = [run.key for run in runs if containers is None or container_key(run.key) in containers]
    found = read_values(reader, keys, Wanted((keep.metric,)))
    values = {key: one.metrics[keep.metric] for key, one in found.items() if keep.metric in one.metrics}
    lost = frozenset(key for key, one in found.items() if f"metrics.{keep.metric}" in one.unreadable)
    if keys and not values and not lost:
        raise UsageError(
            "no-such-metric",
            f"no run here has the metric {safe(keep.metric, 200)}; nothing was changed",
            hint="mlruns-tui STORE, i on a run shows its metrics",
        )
    return Measured(values, lost | (frozenset(keys) - found.keys()))


def keeping_tagged(reader: Reader, snapshot: Snapshot, selection: Selection, chosen: Collection[str]) -> Snapshot:
    """The snapshot in which those of the chosen runs that carry a tag to keep are marked as kept, and those in
    chosen experiments. A tag that is there and cannot be read keeps. Raises MlrunsError."""
    if not selection.keep_tags:
        return snapshot
    runs = _inside(snapshot, chosen)
    names = tuple(dict.fromkeys(name for name, _ in selection.keep_tags))
    found = read_values(reader, [run.key for run in runs], Wanted(tags=names))
    kept: dict[str, str] = {}
    for run in runs:
        values = found.get(run.key)
        for name, wanted in selection.keep_tags:
            value = values.tags.get(name) if values is not None else None
            if values is None or f"tags.{name}" in values.unreadable:
                kept[run.key] = f"{safe(name, 100)}={UNREADABLE}"
            elif value is not None and (wanted is None or value == wanted):
                kept.setdefault(run.key, f"{safe(name, 100)}={safe(value, 200)}")
    if not kept:
        return snapshot
    containers = {container_key(key) for key in kept}
    marked = {
        key: tuple(replace(run, keep=run.keep or kept[run.key]) if run.key in kept else run for run in inside)
        if key in containers
        else inside
        for key, inside in snapshot.runs.items()
    }
    return replace(snapshot, runs=marked)


def _inside(snapshot: Snapshot, chosen: Collection[str]) -> list[Run]:
    wanted: Iterable[str] = {container_key(key) for key in chosen}
    return [run for key in sorted(wanted) for run in snapshot.runs.get(key, ()) if run.key in chosen or key in chosen]
