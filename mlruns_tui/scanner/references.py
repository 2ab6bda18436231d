"""Who needs what: claims on directories, and references to runs, experiments and logged models.

Everything is read from metadata as text. A location that cannot be told apart protects everything it
may mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlruns_tui.model.store import Reference, Run
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from . import layout
from .claims import Claim, Claims, lies_in
from .listing import Folder
from .locations import Roots
from .registry import LoggedModel, Version

NeedsRun = Literal["model-version", "logged-model", "parent"]
_RUN_TAIL = re.compile(r"/([^/]+)/([^/]+)/artifacts(?=/|$)")
_MODEL_TAIL = re.compile(r"/([^/]+)/models/(m-[^/]+)(?=/|$)")
_MODEL_URI = re.compile(r"models:/+(m-[^/@?#]+)")
_RUN_URI = re.compile(r"runs:/+([^/@?#]+)")


@dataclass(slots=True)
class Places:
    """What stands where, as far as references need to know."""

    tops: set[str] = field(default_factory=set)
    """Names of all directories in the root."""
    runs: dict[str, set[str]] = field(default_factory=dict)
    """Run ids by experiment id, in the root, the trash and the database alike."""
    models: dict[str, set[str]] = field(default_factory=dict)
    """Experiment ids by the id of a logged model in them."""

    def add_runs(self, experiment_id: str, run_ids: Iterable[str]) -> None:
        self.runs.setdefault(experiment_id, set()).update(run_ids)

    def add_model(self, model: LoggedModel) -> None:
        folder = model.folder.rpartition("/")[2] or model.experiment_id
        self.models.setdefault(model.model_id, set()).add(folder)


@dataclass(frozen=True, slots=True)
class _Target:
    kind: str
    """``run``, ``logged-model`` or ``path``."""
    name: str
    experiment_id: str = ""


class Needs:
    """Collects who needs what, from all metadata of a store."""

    def __init__(self, roots: Roots, places: Places) -> None:
        self.claims = Claims()
        self._roots = roots
        self._places = places
        self._references: dict[tuple[str, str, str, str], Reference] = {}
        self._unknown: dict[tuple[str, str], Reference] = {}

    def experiment(self, folder: Folder) -> None:
        """The artifact location of an experiment in the files, where that is not its own directory."""
        assert folder.experiment is not None
        by = f"experiment {folder.experiment.name or safe(folder.name)}"
        for path in self._roots.find(folder.location) if folder.location else ():
            if not lies_in(path, folder.path):
                # A copied or trashed experiment still names the place its id had.
                told = not folder.stated_id or not lies_in(path, folder.stated_id)
                self._claim(path, by, folder.path, told)

    def run_uris(self, folder: Folder, uris: Iterable[tuple[str, str]]) -> None:
        """Artifact URIs of runs in the files that are not their own directories'."""
        location = self._roots.find(folder.location) if folder.location else []
        covering = [path for path in location if not lies_in(path, folder.path)]
        for name, uri in uris:
            own = f"{folder.path}/{name}"
            for path in self._roots.find(uri):
                if not lies_in(path, own):
                    covered = any(lies_in(path, one) for one in covering)
                    self._claim(path, f"run {safe(name)}", own, not covered)

    def run_links(self, folder: Folder, links: Iterable[tuple[str, str]]) -> None:
        """Where runs whose ``artifacts`` are a link have their files, when that is in this store."""
        for name, target in links:
            own = f"{folder.path}/{name}"
            for path in self._roots.find_link(own, target):
                if not lies_in(path, own):
                    self._claim(path, f"run {safe(name)}", own, told=True)

    def version(self, version: Version) -> None:
        """A model version of either registry."""
        if version.deleted:
            return
        if version.run_id:
            self._refer("model-version", "run", version.run_id, version.words, version.path)
        if version.model_id:
            self._model_needed(version, version.model_id)
        for location in version.locations:
            for target in self._targets(location):
                if target.kind == "run":
                    self._refer("model-version", "run", target.name, version.words, version.path, destroys=True)
                elif target.kind == "logged-model":
                    self._model_needed(version, target.name, target.experiment_id)
                self._claim_of(target, location, version.words, version.path)

    def _model_needed(self, version: Version, model_id: str, experiment_id: str = "") -> None:
        self._refer("model-version", "logged-model", model_id, version.words, version.path, destroys=True)
        for one in {experiment_id, *self._places.models.get(model_id, ())} - {""}:
            self._refer("model-version", "experiment", one, version.words, version.path, destroys=True)

    def model(self, model: LoggedModel) -> None:
        """A logged model of the files or of a database; a deleted one protects nothing."""
        if model.deleted:
            return
        if model.source_run_id:
            self._refer("logged-model", "run", model.source_run_id, model.words, model.path)
        for target in self._targets(model.location) if model.location else ():
            if target.kind == "run":
                self._refer("logged-model", "run", target.name, model.words, model.path, destroys=True)
            elif target.kind == "logged-model" and target.name == model.model_id:
                self._own_place(model)
            else:
                self._claim_of(target, model.location, model.words, model.path)

    def _own_place(self, model: LoggedModel) -> None:
        """Where MLflow put the model by its ids: of interest only where no metadata stands there."""
        for path in self._roots.find(model.location, resolve=False):
            if not model.folder or not lies_in(path, model.folder):
                stated = lies_in(path, f"{model.experiment_id}/models/{model.model_id}")
                self._claim(path, model.words, model.path, told=not stated)

    def _targets(self, location: str) -> list[_Target]:
        if model := _MODEL_URI.match(location):
            return [_Target("logged-model", model[1])]
        if run := _RUN_URI.match(location):
            return [_Target("run", run[1])]
        found = [self._place(path) for path in self._roots.find(location)]
        if not any(one.kind != "path" for one in found):
            # The store was moved, or another one copied from: the tail still tells.
            found += [
                _Target("run", match[2], match[1])
                for match in _RUN_TAIL.finditer(location)
                if match[2] in self._places.runs.get(match[1], ())
            ]
            found += [
                _Target("logged-model", match[2], match[1])
                for match in _MODEL_TAIL.finditer(location)
                if match[1] in self._places.models.get(match[2], ())
            ]
        return list(dict.fromkeys(found))

    def _place(self, path: str) -> _Target:
        parts = path.split("/")
        if parts[0] == TRASH_NAME:
            parts = parts[1:]
        if len(parts) >= 2 and parts[1] in self._places.runs.get(parts[0], ()):
            return _Target("run", parts[1], parts[0])
        if len(parts) >= 3 and parts[1] == layout.REGISTRY:
            return _Target("logged-model", parts[2], parts[0])
        return _Target("path", path)

    def _claim_of(self, target: _Target, location: str, by: str, by_path: str) -> None:
        if target.kind == "path":
            self._claim(target.name, by, by_path, told=True)
        else:
            for path in self._roots.find(location, resolve=False):
                self._claim(path, by, by_path, told=False)

    def _claim(self, path: str, by: str, by_path: str, told: bool) -> None:
        self.claims.add(Claim(path, by, by_path, told))

    def claim(self, path: str, by: str, by_path: str, *, told: bool = False) -> None:
        """Somebody else's claim, a database's."""
        self._claim(path, by, by_path, told)

    def may_need(self, kind: NeedsRun, target: str, by: str, by_path: str) -> None:
        """Something that cannot be read may need any run of the experiment at ``target``, or of the whole
        store when that is empty. One is told for each kind and target."""
        self._unknown.setdefault((kind, target), Reference(kind, "any", target, by, by_path))

    def find(self, location: str) -> list[str]:
        """Paths of the store a location may mean."""
        return self._roots.find(location)

    def claim_location(self, location: str, by: str, by_path: str, *, told: bool = True) -> None:
        for path in self._roots.find(location) if location else ():
            self._claim(path, by, by_path, told)

    def _refer(
        self, kind: str, target_kind: str, target: str, by: str, by_path: str, *, destroys: bool = False
    ) -> None:
        key = (kind, target_kind, target, f"{by_path}\0{by}")
        known = self._references.get(key)
        if known is None or (destroys and not known.destroys):
            self._references[key] = Reference(kind, target_kind, target, by, by_path, destroys)  # type: ignore[arg-type]

    def all(self, runs: Iterable[Run], names: Mapping[str, str] | None = None) -> tuple[Reference, ...]:
        """Every reference: also what children need of their parents, and what cannot be read may need."""
        found = [*self._references.values(), *self._unknown.values()]
        found += [
            Reference("claim", "path", one.path, one.by, one.by_path, destroys=True)
            for one in self.claims.told()
            if one.path and one.path.split("/", 1)[0] in self._places.tops
        ]
        for run in runs:
            if run.parent and run.parent != run.run_id:
                name = run.name or (names or {}).get(run.run_id, "")
                by = f"{name} ({safe(run.run_id)})" if name else safe(run.run_id)
                found.append(Reference("parent", "run", run.parent, by, run.path))
        return tuple(found)
