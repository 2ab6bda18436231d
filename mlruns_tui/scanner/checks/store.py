"""The root of a store and its trash, in the order MLflow lists them; then what only shows store-wide."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.protocols import Stop, never
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from .. import layout
from ..pulse import Halted, Pulse
from . import columns, documents, folders
from .context import Owner, Store
from .doubt import Doubts
from .experiments import Place, check_experiment
from .links import check_experiment_link, is_another, leads_to_an_entry, through, told, unsaid
from .registry import check_registry
from .sameness import holds_nothing_new
from .seen import Seen

_EXPERIMENT_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,63}$")
"""``_validate_experiment_id``; ``$`` lets a line feed at the end pass, as it does there."""
_RUN_FOLDERS = ("metrics", "params", "artifacts")


def check_store(
    root_fd: int,
    root: str,
    stop: Stop = never,
    leave_out: Collection[str] = (),
    *,
    contents: bool = True,
    seen: Seen | None = None,
) -> Iterator[Symptom]:
    """Every symptom of the store whose root is open as ``root_fd`` and has the resolved path ``root``.

    ``leave_out``: paths of directories that are a database's, and none of the file store's business.
    ``contents``: also of the files in metrics, params and tags. ``seen``: filled, for a caller who wants to
    know how far it is. Links are followed where MLflow follows them, nothing is waited for, and what was seen
    until ``stop`` is kept. Never raises.
    """
    store = Store(root_fd, root, Pulse(stop), frozenset(leave_out), contents)
    doubts = Doubts(root_fd)
    seen = Seen() if seen is None else seen
    seen.blind = bool(store.leave_out)
    try:
        for symptom in _check(store, seen):
            if not doubts.keep(symptom):
                yield symptom
        yield from doubts.settled()
    except Halted:
        return


def _check(store: Store, seen: Seen) -> Iterator[Symptom]:
    active: set[str] = set()
    try:
        inside = folders.entries(store.fd)
    except OSError as error:
        yield Owner().says("store-unreadable", ".", look.words(error))
        return
    for one in inside:
        store.pulse()
        if one.name == layout.REGISTRY or one.name.endswith(TRASH_NAME) or not one.is_folder:
            continue
        active.add(one.name)
        if one.name not in store.leave_out:
            yield from _check_entry(one, store.fd, one.name, "root", Owner(), store, seen)
    trashed: set[str] = set()
    yield from _check_trash(active, trashed, store, seen)
    yield from check_registry(store, seen)
    yield from _check_all(active | trashed, store, seen)


def _check_entry(
    one: folders.Met,
    parent_fd: int,
    path: str,
    where: str,
    owner: Owner,
    store: Store,
    seen: Seen,
    *,
    shadowed: bool = False,
) -> Iterator[Symptom]:
    """A directory, or a link to one, where only experiments should be."""
    if not _EXPERIMENT_ID.match(one.name):
        yield owner.says(f"{where}-name-refused", path, safe(one.name, 80))
        if not columns.is_migrated(one.name):
            # MLflow looks for runs here too, when it is asked for one by its id.
            for name in _folders_in(one, parent_fd):
                seen.meet_run(name, path)
            return
        # What MLflow refuses, its migration may take for a number: ``+5``.
        shadowed = True
    if one.kind == "link-to-folder" and not leads_to_an_entry(one.name, path, parent_fd, store):
        place = Place(one.name, path, parent_fd, shadowed, one.kind)
        for symptom in check_experiment_link(one.name, path, store):
            yield symptom
            if is_another(symptom):
                yield from unsaid(check_experiment(place, owner, store, Seen()))
        # Where it leads to another experiment, every run in that one is met twice.
        for name in _folders_in(one, parent_fd):
            seen.meet_run(name, path)
    else:
        yield from check_experiment(Place(one.name, path, parent_fd, shadowed, one.kind), owner, store, seen)


def _folders_in(one: folders.Met, parent_fd: int) -> list[str]:
    fd, access = folders.enter(one.name, parent_fd, one.kind)
    try:
        inside = folders.entries(fd) if access == "open" else []
        return [entry.name for entry in inside if entry.is_folder and entry.name not in layout.RESERVED]
    except OSError:
        return []
    finally:
        if fd >= 0:
            os.close(fd)


def _check_trash(active: set[str], trashed: set[str], store: Store, seen: Seen) -> Iterator[Symptom]:
    """MLflow's own trash; ``trashed`` is filled with the names of the directories in it."""
    owner = Owner()
    kind = folders.kind_of(TRASH_NAME, store.fd)
    if kind is None:
        # MLflow makes it when it opens the store.
        if not os.access(".", os.W_OK, dir_fd=store.fd, effective_ids=os.access in os.supports_effective_ids):
            yield owner.says("trash-cannot-be-made", TRASH_NAME)
        return
    behind = through(kind, TRASH_NAME, owner, store)
    if kind == "link-to-folder":
        yield told(TRASH_NAME, owner, behind, store)
    elif kind != "folder":
        yield owner.says("trash-not-a-folder", TRASH_NAME)
        return
    if behind is None:
        seen.blind = True
        return
    owner = behind
    fd, access = folders.enter(TRASH_NAME, store.fd, kind)
    try:
        if access != "open":
            if access == "no-enter":
                yield owner.says("trash-no-enter", TRASH_NAME, runs=sum(one.is_folder for one in folders.entries(fd)))
            elif access != "gone":
                yield owner.says("trash-closed", TRASH_NAME)
            return
        for one in folders.entries(fd):
            store.pulse()
            path = layout.join(TRASH_NAME, one.name)
            if not one.is_folder or path in store.leave_out:
                continue
            trashed.add(one.name)
            if one.name == layout.REGISTRY and folders.kind_of(one.name, store.fd) in _DIRECTORIES:
                # An id is looked for in the root first, and there this is the registry's.
                yield replace(owner, experiment_id=one.name).says("trash-called-models", path)
            if one.name in active and _EXPERIMENT_ID.match(one.name):
                yield replace(owner, experiment_id=one.name).says("experiment-id-in-both", path)
            yield from _check_entry(one, fd, path, "trash", owner, store, seen, shadowed=one.name in active)
    except OSError:
        yield owner.says("trash-closed", TRASH_NAME)
    finally:
        if fd >= 0:
            os.close(fd)


def _check_all(experiments: set[str], store: Store, seen: Seen) -> Iterator[Symptom]:
    yield from seen.experiments.check(creation_time="number")
    yield from seen.experiments_by_update.check(last_update_time="number")
    if seen.runs and "artifacts" in store.root.split("/"):
        yield Owner().says("store-below-artifacts", ".", safe(store.root, 300))
    for stated, path, owner in seen.experiment_strangers:
        copied = isinstance(stated, str) and stated in experiments and _is_copy(path, stated, store)
        yield owner.says("experiment-copy" if copied else "experiment-id-mismatch", path, columns.shown(stated))
    for code, target, path, owner in () if seen.blind else seen.references:
        store.pulse()
        if target not in (seen.models if code.endswith("-of-a-lost-model") else seen.run_folders):
            yield owner.says(code, path, safe(target, 80))
    for trace_id, path, owner in seen.trace_strangers:
        known = isinstance(trace_id, str) and trace_id in seen.trace_folders
        yield owner.says("trace-exchanged" if known else "trace-id-mismatch", path, columns.shown(trace_id))
    for name, places in seen.repeated_runs.items():
        store.pulse()
        yield from _check_repeated(name, places, store)


def _is_copy(path: str, stated: str, store: Store) -> bool:
    """Whether the experiment at ``path`` holds nothing that the one whose id it states does not hold as well."""
    other = stated
    if documents.read(f"{other}/{layout.META}", store.fd, follow=True).value.get("experiment_id") not in (
        stated,
        _number(stated),
    ):
        return False
    return holds_nothing_new(path.removesuffix(f"/{layout.META}"), other, store)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _check_repeated(name: str, places: list[str], store: Store) -> Iterator[Symptom]:
    """A run's directory in several experiments: asked for the run, MLflow takes the first that looks like one,
    and gives up when that one says it belongs elsewhere."""
    first, elsewhere = "", False
    for place in places:
        path = layout.join(place, name)
        try:
            above = -1 if _is_another(place, store) else look.open_directory(place, store.fd, follow=True)
        except OSError:
            continue
        if above < 0:
            # The same runs under the name of a link: they say they belong to its target.
            first = first or path
            continue
        try:
            if not first and all(folders.kind_of(f"{name}/{one}", above) in _DIRECTORIES for one in _RUN_FOLDERS):
                first = path if _belongs(name, place, above) is False else "fine"
            elsewhere = elsewhere or _belongs(name, place, above) is True
        finally:
            os.close(above)
    if elsewhere and first not in ("", "fine"):
        parts = first.split("/")
        yield Owner(parts[-2], name).says("run-found-first", first, safe(name, 80))


_DIRECTORIES = ("folder", "link-to-folder")


def _is_another(place: str, store: Store) -> bool:
    """Whether the place of an experiment is a link to another one of this store."""
    return os.path.islink(os.path.join(store.root, place)) and folders.target(store.root, place) is not None


def _belongs(name: str, place: str, above: int) -> bool | None:
    """Whether the run's metadata names its directory and its experiment's; None where it was not judged."""
    meta = documents.read(f"{name}/{layout.META}", above, follow=True)
    if meta.state == "unjudged":
        return None
    if not meta.usable:
        return False
    stated = meta.value.get("experiment_id")
    if isinstance(stated, int):
        stated = str(stated)
    return bool(stated == place.rpartition("/")[2] and meta.value.get("run_id", meta.value.get("run_uuid")) == name)
