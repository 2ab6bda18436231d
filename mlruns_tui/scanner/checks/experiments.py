"""One directory in the place of an experiment: its metadata, its tags, and whatever stands in it.

As ``_get_experiment``, ``_list_run_infos`` and ``get_all_experiment_tags`` read it
(``store/tracking/file_store.py``, 3.17).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom

from .. import layout
from . import columns, documents, folders, links
from .contents import check_folder
from .context import Owner, Store
from .documents import Document
from .folders import Kind, Met
from .lineage import Datasets, check_datasets
from .logged_models import check_logged_models
from .order import Descending
from .runs import check_run
from .seen import Seen
from .siblings import Siblings, check_runs
from .traces import check_traces

_NO_RUNS = layout.RESERVED | {layout.META}
_KEYS = ("experiment_id", "name", "artifact_location")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an experiment's directory is."""

    name: str
    path: str
    parent_fd: int
    shadowed: bool = False
    """In the trash, with an active one of the same id: MLflow never reads this one."""
    kind: Kind = "folder"
    """Or a link to one that is kept elsewhere."""


def check_experiment(place: Place, above: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    """Everything in one experiment's directory. ``above``: whose is the directory it is in."""
    owner = replace(above, experiment_id=place.name)
    behind = links.through(place.kind, place.path, owner, store)
    if place.kind == "link-to-folder":
        yield links.told(place.path, owner, behind, store, "link-out-of-the-store")
    if behind is None:
        seen.blind = True
        return
    owner = behind
    fd, access = folders.enter(place.name, place.parent_fd, place.kind)
    try:
        if access == "gone":
            return
        if access != "open":
            seen.blind = True
            yield owner.says(f"experiment-{access}", place.path)
            return
        try:
            inside = folders.entries(fd)
        except OSError:
            yield owner.says("experiment-closed", place.path)
            return
        yield from _check(fd, inside, place, owner, store, seen)
    finally:
        if fd >= 0:
            os.close(fd)


def _check(fd: int, inside: list[Met], place: Place, owner: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    runs = [one for one in inside if one.is_folder and one.name not in _NO_RUNS]
    meta, of_meta = links.read(layout.META, fd, layout.join(place.path, layout.META), owner, store)
    problems = list(_check_meta(fd, runs, inside, meta, place, of_meta, seen))
    yield from problems
    if any(one.code == "experiment-artifacts-only" for one in problems):
        # What is in it is of its kind, and said with it.
        for one in runs:
            seen.meet_run(one.name, place.path)
        return
    yield from check_folder(fd, "tags", layout.join(place.path, "tags"), "experiment-tag", owner, store)
    names = {one.name for one in inside}
    datasets = Datasets.of(fd, names)
    run_names, siblings = frozenset(one.name for one in runs), Siblings()
    listed = seen.runs
    for one in runs:
        store.pulse()
        seen.meet_run(one.name, place.path)
        path = layout.join(place.path, one.name)
        if one.kind == "link-to-folder" and not links.leads_to_an_entry(one.name, path, fd, store):
            for symptom in links.check_run_link(path, place.path, owner, store):
                yield symptom
                if links.is_another(symptom):
                    apart = check_run(
                        one.name, fd, path, owner, run_names, Siblings(), Datasets(), store, Seen(), one.kind
                    )
                    yield from links.unsaid(apart)
        else:
            yield from check_run(one.name, fd, path, owner, run_names, siblings, datasets, store, seen, one.kind)
    yield from check_runs(siblings, place.path, owner, store)
    if place.name == "artifacts" and seen.runs > listed:
        yield owner.says("experiment-called-artifacts", place.path)
    for name in sorted(names & layout.RESERVED):
        if folders.kind_of(name, fd) in ("folder", "link-to-folder"):
            yield owner.says(f"experiment-folder-{name}", layout.join(place.path, name))
    yield from check_datasets(fd, place.path, datasets, owner, store)
    yield from check_logged_models(fd, place.path, owner, store, seen)
    yield from check_traces(fd, place.path, owner, store, seen)


def _check_meta(
    fd: int, runs: list[Met], inside: list[Met], meta: Document, place: Place, owner: Owner, seen: Seen
) -> Iterator[Symptom]:
    path = layout.join(place.path, layout.META)
    if meta.unmigrated and meta.usable:
        yield owner.says(f"experiment-meta-{meta.unmigrated}", path, runs=_with_meta(fd, runs))
    if meta.usable:
        yield from _check_values(meta.value, path, place, owner, seen)
        return
    if meta.state == "missing":
        yield _without_meta(fd, runs, inside, place, owner, meta.reason)
        return
    code = f"experiment-meta-{meta.state}"
    yield owner.says(code, path, f"meta.yaml {meta.reason}", runs=_with_meta(fd, runs))
    for key in meta.lacks(*_KEYS, "lifecycle_stage"):
        yield owner.says(f"experiment-{'lifecycle' if key == 'lifecycle_stage' else 'key'}-missing", path, key)


def _without_meta(fd: int, runs: list[Met], inside: list[Met], place: Place, owner: Owner, reason: str) -> Symptom:
    holds = _with_meta(fd, runs)
    traces = any(_has_traces(one.name, fd) for one in runs) or any(one.name == "tags" for one in inside)
    shaped = layout.is_number(place.name) or layout.is_hex32(place.name) or traces or holds
    if not shaped and not any(layout.is_hex32(one.name) for one in runs):
        return owner.says("root-stray" if "/" not in place.path else "trash-stray", place.path)
    artifacts = any(folders.kind_of(f"{one.name}/artifacts", fd) == "folder" for one in runs)
    kept = any(one.name in ("models", "traces") for one in inside) and not _has_records(fd)
    if not traces and not holds and (artifacts or kept):
        return owner.says("experiment-artifacts-only", place.path)
    return owner.says(
        "experiment-meta-missing", layout.join(place.path, layout.META), f"meta.yaml {reason}", runs=holds
    )


def _has_records(fd: int) -> bool:
    """Whether a logged model or a trace has metadata, as only a file store writes it."""
    for folder, file in (("models", layout.META), ("traces", "trace_info.yaml")):
        try:
            above = look.open_directory(folder, fd)
        except OSError:
            continue
        try:
            if any(look.exists(f"{one.name}/{file}", above) for one in folders.entries(above) if one.is_folder):
                return True
        except OSError:
            continue
        finally:
            os.close(above)
    return False


def _has_traces(run: str, fd: int) -> bool:
    """Whether a directory shows that a file store's run was, or is, in it."""
    return any(folders.kind_of(f"{run}/{part}", fd) is not None for part in layout.RUN_PARTS)


def _with_meta(fd: int, runs: list[Met]) -> int:
    """Runs a migration would carry over: those whose metadata can be read and names an id."""
    count = 0
    for one in runs:
        meta = documents.read(f"{one.name}/{layout.META}", fd, follow=True)
        named = bool(meta.value.get("run_uuid") or meta.value.get("run_id"))
        count += named and not meta.unmigrated
    return count


def _check_values(meta: dict[Any, Any], path: str, place: Place, owner: Owner, seen: Seen) -> Iterator[Symptom]:
    missing = [key for key in _KEYS if key not in meta]
    for key in missing:
        yield owner.says("experiment-key-missing", path, key)
    if "lifecycle_stage" not in meta:
        yield owner.says("experiment-lifecycle-missing", path, "lifecycle_stage")
    stated = meta.get("experiment_id")
    same = stated == place.name or (isinstance(stated, int) and str(stated) == place.name)
    if not same and "experiment_id" in meta:
        seen.experiment_strangers.append((stated, path, owner))
    workspace = meta.get("workspace")
    if workspace is not None and not isinstance(workspace, str):
        yield owner.says("experiment-workspace-refused", path, columns.name_of(workspace))
    for reason in columns.refusals(meta, columns.EXPERIMENT):
        yield owner.says("experiment-value-not-storable", path, reason)
    if same and not missing and not place.shadowed:
        seen.experiments.add((Descending(meta.get("creation_time")),), path, owner)
        # 1.29 and 1.30 sorted by this, and put null nowhere.
        seen.experiments_by_update.add((meta.get("last_update_time"),), path, owner)
    yield from _check_row(meta, path, place, owner, seen)


def _check_row(meta: dict[Any, Any], path: str, place: Place, owner: Owner, seen: Seen) -> Iterator[Symptom]:
    """What the migration makes of it: a row under the directory's number, with a name nobody else has."""
    if not columns.is_migrated(place.name):
        return
    number = int(place.name)
    yield from seen.experiment_ids.add(number, place.path)
    if not -(1 << 63) <= number < 1 << 63:
        yield owner.says("experiment-id-beyond-64-bits", place.path)
    name = meta.get("name", f"experiment_{place.name}")
    if isinstance(name, str | int | float):
        yield from seen.experiment_names.add(str(name), path)
