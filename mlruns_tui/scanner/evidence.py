"""A fresh look at chosen items, and at everything that may need them: what a plan is made of.

Nothing is taken from a scan, with one exception: artifact URIs of single runs that point into another
run's or experiment's directory. Reading every run's metadata again for those would double the work, and
the last scan's can only protect too much.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.evidence import Evidence, ItemEvidence
from mlruns_tui.model.protocols import never
from mlruns_tui.model.store import Reference, Run, Snapshot, StoreInfo, experiment_key, run_key
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME, Place

from . import database, detect, layout
from .database import PARENT_TAG, Contents
from .files import RunsRead, read_experiment, read_runs
from .gathering import gather
from .listing import Folder, Listing, list_store
from .pulse import Pulse
from .root import open_root
from .sizes import closed_tags_words, read_tag
from .sqlite import Unreadable

_USUAL_ENTRIES = 40
"""About so many files and directories are in a run."""


def inspect(store: StoreInfo, given: str | None, keys: Sequence[str], last: Snapshot | None) -> Evidence:
    """Fresh facts about the items with these keys; ``last`` is the newest scan, if there was one.

    Raises StaleError when the root is gone or another directory than the one that was opened.
    """
    pulse = Pulse(never)
    root_fd = open_root(store)
    if root_fd is None:
        return Evidence({key: ItemEvidence(key, "", None, "no directory here") for key in keys}, (), (), 0, _user(), 0)
    try:
        held = look.open_files(store.identity.device)
        items = _items(root_fd, keys, held)
        listing = list_store(root_fd, pulse)
        for folder in listing.folders:
            if folder.has_meta:
                read_experiment(folder, root_fd)
        return Evidence(
            items,
            _references(store, given, root_fd, listing, last, pulse),
            tuple(
                experiment_key(one.place, one.name) for one in listing.folders if one.place == "root" and one.has_meta
            ),
            held.unchecked,
            _user(),
            time.time_ns(),
            _live_runs(store.root, root_fd, listing, held),
            look.in_container(),
        )
    finally:
        os.close(root_fd)


def _user() -> int:
    return os.geteuid()


def path_of(key: str) -> str | None:
    """Where the item with this key has its directory, relative to the root; None for no key at all."""
    kind, _, rest = key.partition("/")
    if kind == "stray":
        return rest or None
    container, found, run_id = rest.partition("/run/")
    if kind not in ("experiment", "trash") or not container or (found and not run_id):
        return None
    path = container if kind == "experiment" else f"{TRASH_NAME}/{container}"
    return f"{path}/{run_id}" if found else path


def _items(root_fd: int, keys: Sequence[str], held: look.OpenFiles) -> dict[str, ItemEvidence]:
    """Each of these items, looked at by one process a core where there are many."""

    def row(n: int) -> tuple[Any, ...]:
        seen = _item(root_fd, keys[n], held)
        return seen.path, None if seen.survey is None else look.row_of(seen.survey), seen.error, seen.movable

    rows = look.share(row, [_USUAL_ENTRIES] * len(keys), {root_fd})
    return {
        key: ItemEvidence(key, path, None if seen is None else look.of_row(seen), error, movable)
        for key, (path, seen, error, movable) in zip(keys, rows, strict=True)
    }


def _item(root_fd: int, key: str, held: look.OpenFiles) -> ItemEvidence:
    path = path_of(key)
    if path is None:
        return ItemEvidence(key, "", None, "no such item")
    above, _, name = path.rpartition("/")
    try:
        look.split(path)
        parent_fd = look.open_path(root_fd, above)
    except OSError as error:
        return ItemEvidence(key, path, None, _why(error))
    try:
        survey = look.survey(parent_fd, name, held)
        status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        return ItemEvidence(key, path, survey, movable=look.why_not_movable(parent_fd, name, status))
    except OSError as error:
        return ItemEvidence(key, path, None, _why(error))
    finally:
        os.close(parent_fd)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there any more"
    return f"cannot be looked at: {look.words(error)}"


def _references(
    store: StoreInfo,
    given: str | None,
    root_fd: int,
    listing: Listing,
    last: Snapshot | None,
    pulse: Pulse,
) -> tuple[Reference, ...]:
    known = {run.path: run for run in last.all_runs() if run.record == "file"} if last is not None else {}
    contents, databases = _databases(store, given, pulse)
    reads: dict[str, RunsRead] = {}
    runs: list[Run] = [run for one in contents for rows in one.runs.values() for run in rows]
    closed: dict[str, str] = {}
    for folder in listing.folders:
        if not folder.error:
            reads[folder.path] = _runs_now(folder, root_fd, known, last is None, pulse)
            runs += _with_parents(folder, reads[folder.path], root_fd, closed)
    gathered = gather(store, root_fd, listing, reads, contents, pulse)
    if databases.closed:
        gathered.needs.may_need("model-version", "", databases.closed, databases.blind)
    for path, by in closed.items():
        gathered.needs.may_need("parent", path.rpartition("/")[0], by, path)
    found = gathered.needs.all(runs)
    if last is None:
        return found
    again = set(found)
    kept = (one for one in last.references if one.kind == "claim" or (databases.blind and os.path.isabs(one.by_path)))
    return (*found, *(one for one in kept if one not in again))


def _databases(store: StoreInfo, given: str | None, pulse: Pulse) -> tuple[list[Contents], detect.Found]:
    """What the databases say now, and which were found: where one is ``blind``, what it said last still counts."""
    databases = detect.find_databases(store.root, given, pulse)
    found = []
    for path in databases.paths:
        try:
            found.append(database.read(path, pulse))
        except Unreadable:
            databases.blind = databases.blind or path
    return found, databases


def _runs_now(folder: Folder, root_fd: int, known: Mapping[str, Run], whole: bool, pulse: Pulse) -> RunsRead:
    """Which directories are runs of the files: by reading them, or as the last scan found them."""
    if whole:
        return read_runs(folder, root_fd, pulse)
    read = RunsRead()
    for name in folder.subdirectories:
        path = f"{folder.path}/{name}"
        if path in known:
            read.runs.append(known[path])
        elif folder.has_meta:
            read.runs.append(Run(folder.name, name, folder.place, path=path))
        else:
            (read.missing if layout.is_hex32(name) else read.others).append(name)
    return read


def _with_parents(folder: Folder, read: RunsRead, root_fd: int, closed: dict[str, str]) -> list[Run]:
    """The runs, each with the parent it names now. Where that cannot be told, ``closed`` hears of it, by path."""
    try:
        fd = look.open_path(root_fd, folder.path)
    except FileNotFoundError:
        return []
    except OSError as error:
        closed[f"{folder.path}/-"] = f"{safe(folder.path)} cannot be read: {look.words(error)}"
        return []
    try:
        found = []
        for run in read.runs:
            try:
                parent = (read_tag(fd, f"{run.run_id}/tags/{PARENT_TAG}") or "").strip()
            except OSError as error:
                closed[run.path] = closed_tags_words(run.path, look.words(error))
                parent = run.parent
            found.append(run if parent == run.parent else replace(run, parent=parent))
        return found
    finally:
        os.close(fd)


def _live_runs(root: str, root_fd: int, listing: Listing, held: look.OpenFiles) -> tuple[str, ...]:
    """Keys of the runs in whose directories somebody has a file open for writing now."""
    folders: dict[tuple[Place, str], set[str]] = {
        (one.place, one.name): set(one.subdirectories) for one in listing.folders
    }
    live: dict[str, None] = {}
    for writers in held.writers.values():
        for writer in writers:
            if not writer.path.startswith(f"{root}/"):
                continue
            parts = writer.path[len(root) + 1 :].split("/")
            place: Place = "trash" if parts[0] == TRASH_NAME else "root"
            parts = parts[1:] if place == "trash" else parts
            if len(parts) < 3 or parts[1] not in folders.get((place, parts[0]), ()):
                continue
            # Standing in a directory is no writing.
            if not _is_directory(root_fd, layout.join(TRASH_NAME if place == "trash" else "", "/".join(parts))):
                live[run_key(place, parts[0], parts[1])] = None
    return tuple(live)


def _is_directory(root_fd: int, path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path, dir_fd=root_fd, follow_symlinks=False).st_mode)
    except OSError:
        return False
