"""Everything that could claim or need something, read and put together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlruns_tui.model.store import RegisteredModel, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from . import database, layout
from .claims import lies_in
from .database import Contents
from .files import RunsRead
from .listing import Folder, Listing, unreadable_words
from .locations import Roots
from .outline import outline_traces
from .pulse import Pulse
from .references import Needs, Places
from .registry import Inside, Registry, read_inside, read_registry
from .sqlite import Unreadable

_LATER_S = 0.3
"""How long after the first look at a record that may be half written; MLflow itself waits as long."""


@dataclass(slots=True)
class Gathered:
    """What was read besides experiments and runs."""

    needs: Needs
    registry: Registry
    inside: dict[str, Inside] = field(default_factory=dict)
    """By path of the experiment's directory."""
    messages: list[str] = field(default_factory=list)


def gather(
    store: StoreInfo,
    root_fd: int | None,
    listing: Listing,
    reads: Mapping[str, RunsRead],
    databases: Iterable[Contents],
    pulse: Pulse,
) -> Gathered:
    """Read the registry and the logged models, and work out all claims and references."""
    contents = list(databases)
    registry, inside = _read_models(root_fd, listing, pulse) if root_fd is not None else (Registry(), {})
    roots = Roots(store.root, _also(store))
    places = _places(listing, reads, contents)
    gathered = Gathered(Needs(roots, places), registry, inside)
    for one_inside in inside.values():
        for model in one_inside.models:
            places.add_model(model)
        if closed := one_inside.closed or one_inside.unread:
            gathered.messages.append(f"{closed}: what it needs is not known")
    _learn(roots, listing, contents)
    for folder in listing.folders:
        pulse()
        if folder.experiment is not None:
            gathered.needs.experiment(folder)
        read = reads.get(folder.path)
        if read is not None:
            gathered.needs.run_uris(folder, read.uris)
            gathered.needs.run_links(folder, read.leading)
        for model in gathered.inside.get(folder.path, Inside()).models:
            gathered.needs.model(model)
    for one in contents:
        _take_database(store, gathered, one, listing, reads, root_fd, pulse)
    for version in registry.versions:
        gathered.needs.version(version)
    _unknown_needs(gathered, listing, contents)
    gathered.messages += registry.messages
    if registry.closed:
        gathered.messages.append(f"{registry.closed}: which runs registered models need is not known, all are kept")
    return gathered


def _read_models(root_fd: int, listing: Listing, pulse: Pulse) -> tuple[Registry, dict[str, Inside]]:
    """The registry, and by path what the folders hold besides runs: read again where in doubt."""

    def look_inside(folder: Folder) -> Inside:
        usable = folder.experiment is not None and folder.experiment.state == "ok"
        return read_inside(root_fd, folder.path, pulse, traces=not usable)

    registry = read_registry(root_fd, listing.registry, pulse)
    inside = {one.path: look_inside(one) for one in listing.folders if not one.error}
    doubts = [one for one in listing.folders if not one.error and inside[one.path].doubt]
    if registry.doubt or doubts:
        until = time.monotonic() + _LATER_S
        while time.monotonic() < until:
            pulse()
            time.sleep(0.02)
        if registry.doubt:
            registry = read_registry(root_fd, listing.registry, pulse)
        inside.update((one.path, look_inside(one)) for one in doubts)
    return registry, inside


def _unknown_needs(gathered: Gathered, listing: Listing, contents: list[Contents]) -> None:
    """What could not be read, or not be used, may need any run."""
    needs = gathered.needs
    if gathered.registry.closed:
        needs.may_need("model-version", "", gathered.registry.closed, layout.REGISTRY)
    if listing.closed:
        needs.may_need("parent", "", listing.closed, TRASH_NAME)
    in_databases = {model.model_id for one in contents for model in one.models}
    for folder in listing.folders:
        if folder.error:
            # Whatever has no name of an experiment (lost+found) holds no run for MLflow either.
            if layout.is_experiment_id(folder.name):
                needs.may_need("parent", "", f"{safe(folder.path)} {unreadable_words(folder)}", folder.path)
            continue
        inside = gathered.inside[folder.path] if folder.path in gathered.inside else Inside()
        path = f"{folder.path}/{layout.REGISTRY}"
        if inside.closed and _is_like_experiment(folder):
            needs.may_need("logged-model", "", inside.closed, path)
        if inside.damaged:
            needs.may_need("logged-model", folder.path, inside.damaged, path)
        for name in inside.bare:
            if name.startswith("m-") and name not in in_databases and folder.has_meta:
                needs.may_need("logged-model", folder.path, f"{safe(path)}/{safe(name)} has no {layout.META}", path)


def _is_like_experiment(folder: Folder) -> bool:
    return folder.has_meta or layout.is_number(folder.name) or layout.is_hex32(folder.name)


def _also(store: StoreInfo) -> list[str]:
    """Other names of the root: as it was given, when that leads through links."""
    if "://" in store.given or store.given.endswith(".db"):
        return []
    given = os.path.abspath(store.given)
    return [path for path in (given, os.path.join(given, os.path.basename(store.root))) if _same(path, store.root)]


def _same(path: str, root: str) -> bool:
    try:
        return os.path.realpath(path) == root
    except OSError:
        return False


def _places(listing: Listing, reads: Mapping[str, RunsRead], contents: list[Contents]) -> Places:
    places = Places({one.path.split("/", 1)[0] for one in listing.folders})
    places.tops.update(path.split("/", 1)[0] for path in listing.passed_over)
    for folder in listing.folders:
        read = reads.get(folder.path)
        if read is not None:
            # The very strings of the listing: a run may be made for this look only, its id anew.
            listed = {name: name for name in folder.subdirectories}
            names = [listed.get(run.run_id, run.run_id) for run in read.runs]
            places.add_runs(folder.name, [*names, *read.missing] if folder.experiment is not None else names)
    for one in contents:
        for experiment_id, runs in one.runs.items():
            places.add_runs(experiment_id, (run.run_id for run in runs))
        for model in one.models:
            places.add_model(model)
    return places


def _learn(roots: Roots, listing: Listing, contents: list[Contents]) -> None:
    for folder in listing.folders:
        if folder.location and folder.stated_id:
            roots.learn(folder.location, folder.stated_id)
    for one in contents:
        for identifier, location in one.locations.items():
            if location:
                roots.learn(location, identifier)


def _take_database(
    store: StoreInfo,
    gathered: Gathered,
    contents: Contents,
    listing: Listing,
    reads: Mapping[str, RunsRead],
    root_fd: int | None,
    pulse: Pulse,
) -> None:
    """What a database's rows claim and need: by URI, and by the ids of what stands in the store."""
    needs, label, path = gathered.needs, contents.label, contents.path
    here = Roots(store.root, _also(store))
    folders = {one.name: one for one in listing.folders if one.place == "root"}
    for identifier, row in contents.experiments.items():
        by = f"experiment {row.name or identifier} of {label}"
        folder = folders.get(identifier)
        # A directory of a database's own needs no claim: the record says whose it is.
        needs.claim(identifier, by, path)
        needs.claim(f".trash/{identifier}", by, path)
        own = folder is not None and not folder.has_meta
        _claim_place(needs, here, contents.locations[identifier], identifier, by, path, own)
    _claim_runs(needs, contents, folders, reads, pulse)
    by_model = {model.model_id: model for model in contents.models}
    for folder in listing.folders:
        for name in gathered.inside.get(folder.path, Inside()).bare:
            if name in by_model:
                needs.claim(f"{folder.path}/{layout.REGISTRY}/{name}", f"{by_model[name].words} of {label}", path)
    for model in contents.models:
        pulse()
        needs.model(model)
    for version in contents.versions:
        needs.version(version)
    for place in contents.trace_places:
        needs.claim_location(place, f"traces of {label}", path, told=False)
    if root_fd is not None:
        _claim_traces(gathered, contents, listing, root_fd, pulse)
    gathered.registry.models += [
        RegisteredModel(
            safe(name, 256), "", sum(one.name == safe(name) for one in contents.versions), aliases=tuple(pairs)
        )
        for name, pairs in contents.registered.items()
    ]


def _claim_place(needs: Needs, here: Roots, location: str, identifier: str, by: str, path: str, own: bool) -> None:
    """The artifact location of a database's experiment; ``own``: its own directory is here.

    Of another root only the number is the same: experiment 1 of the files is not experiment 1 of a
    database that keeps its artifacts elsewhere, so that is no reason to keep it.
    """
    if location:
        exact = set(here.find(location)) if not location.startswith(("mlflow-artifacts", "http")) else set()
        for one in needs.find(location):
            needs.claim(one, by, path, told=one != identifier or (one in exact and not own))


def _claim_runs(
    needs: Needs,
    contents: Contents,
    folders: Mapping[str, Folder],
    reads: Mapping[str, RunsRead],
    pulse: Pulse,
) -> None:
    with_meta: dict[str, list[str]] = {}
    without: dict[str, list[str]] = {}
    for path, read in reads.items():
        for run in read.runs:
            with_meta.setdefault(run.run_id, []).append(run.path)
        for name in read.missing:
            without.setdefault(name, []).append(f"{path}/{name}")
    for experiment_id, runs in contents.runs.items():
        folder = folders.get(experiment_id)
        location = contents.locations.get(experiment_id, "")
        covering = [path for path in needs.find(location) if path != experiment_id] if location else []
        for run in runs:
            pulse()
            by = f"run {run.name or run.run_id} of {contents.label}"
            own = f"{experiment_id}/{run.run_id}"
            for path in with_meta.get(run.run_id, ()):
                needs.claim(path, by, contents.path, told=True)
            for path in without.get(run.run_id, ()):
                if path != own:
                    needs.claim(path, by, contents.path)
            uri = contents.uris.get(run.run_id, "")
            if not uri.endswith(f"/{own}/artifacts"):
                for path in needs.find(uri) if uri else ():
                    told = not any(lies_in(path, one) for one in covering)
                    needs.claim(path, by, contents.path, told=told)
            elif folder is None or folder.has_meta:
                needs.claim(own, by, contents.path)


def _claim_traces(gathered: Gathered, contents: Contents, listing: Listing, root_fd: int, pulse: Pulse) -> None:
    """Directories nobody claims yet that hold traces a database knows by id."""
    needs = gathered.needs
    for folder in listing.folders:
        if folder.has_meta or folder.error or needs.claims.on(folder.path) is not None:
            continue
        names = outline_traces(root_fd, folder.path)
        try:
            if names and database.knows_trace(contents.path, names, pulse):
                needs.claim(f"{folder.path}/traces", f"a trace of {contents.label}", contents.path)
        except Unreadable as error:
            gathered.messages.append(f"{safe(contents.path)} {error}")
            needs.claim(folder.path, contents.label, contents.path)
