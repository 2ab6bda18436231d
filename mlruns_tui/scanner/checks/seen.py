"""What was met so far, for what only shows when entries are compared: ids and names that repeat, and lists
that cannot be sorted."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from .. import layout
from .context import Owner
from .order import unsortable
from .siblings import Siblings


@dataclass(slots=True)
class Repeats:
    """Ids or names a database takes only once; whoever has the same one is told of, and of the other."""

    code: str
    of_runs: bool = False
    _usual: dict[Hashable, str] = field(default_factory=dict)
    """Of what is called as its directory is: the folder that is in. There are as many as the store has runs, and
    few such folders, so whole paths would take twice the room."""
    _first: dict[Hashable, str] = field(default_factory=dict)
    """Paths of all others."""
    _told: set[Hashable] = field(default_factory=set)

    def add(self, value: Hashable, path: str) -> Iterator[Symptom]:
        known = f"{self._usual[value]}/{value}" if value in self._usual else self._first.get(value)
        if known is None:
            above, _, name = path.rpartition("/")
            if above and name == value:
                self._usual[name] = sys.intern(above)
            else:
                self._first[value] = path
            return
        if value not in self._told:
            self._told.add(value)
            yield self._owner(known).says(self.code, known, safe(path, 200))
        yield self._owner(path).says(self.code, path, safe(known, 200))

    def _owner(self, path: str) -> Owner:
        parts = path.split("/")
        if parts[0] == TRASH_NAME:
            parts = parts[1:]
        if not parts or parts[0] == layout.REGISTRY:
            return Owner()
        return Owner(parts[0], parts[1] if self.of_runs and len(parts) > 1 else "")


@dataclass(slots=True)
class Listing:
    """Entries MLflow lists together and sorts by these keys."""

    code: str
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    places: list[tuple[str, Owner]] = field(default_factory=list)

    def add(self, key: tuple[Any, ...], path: str, owner: Owner) -> None:
        self.keys.append(key)
        self.places.append((path, owner))

    def check(self, **parts: str) -> Iterator[Symptom]:
        """``parts``: those of a key, as the metadata files spell them, and the kind MLflow writes for each."""
        for number, part in unsortable(self.keys, list(parts.values())):
            path, owner = self.places[number]
            yield owner.says(self.code, path, list(parts)[part])


@dataclass(slots=True)
class Seen:
    """Of the whole store."""

    experiment_ids: Repeats = field(default_factory=lambda: Repeats("experiment-id-twice"))
    experiment_names: Repeats = field(default_factory=lambda: Repeats("experiment-name-twice"))
    run_ids: Repeats = field(default_factory=lambda: Repeats("run-id-twice", of_runs=True))
    model_ids: Repeats = field(default_factory=lambda: Repeats("logged-model-id-twice"))
    trace_ids: Repeats = field(default_factory=lambda: Repeats("trace-id-twice"))
    assessment_ids: Repeats = field(default_factory=lambda: Repeats("assessment-id-twice"))
    model_names: Repeats = field(default_factory=lambda: Repeats("registered-model-name-twice"))
    experiments: Listing = field(default_factory=lambda: Listing("experiment-unsortable"))
    experiments_by_update: Listing = field(default_factory=lambda: Listing("experiment-unsortable-by-update"))
    registered_models: Listing = field(default_factory=lambda: Listing("registered-model-unsortable"))
    all_registered: Listing = field(default_factory=lambda: Listing("registered-model-unsortable-with-prompts"))
    """Prompts as well."""
    versions: Listing = field(default_factory=lambda: Listing("version-unsortable"))
    all_versions: Listing = field(default_factory=lambda: Listing("version-unsortable-with-prompts"))
    versions_without_null: Listing = field(default_factory=lambda: Listing("version-unsortable-with-null"))
    registered: Siblings = field(default_factory=Siblings)
    """Registered models, but for prompts."""
    registered_versions: Siblings = field(default_factory=Siblings)
    """Their versions that are not deleted, as ``scorer/version-1``."""
    run_folders: dict[str, str] = field(default_factory=dict)
    """Name of a directory in the place of a run → path of the experiment it was met in first, in the
    order in which MLflow looks for it."""
    repeated_runs: dict[str, list[str]] = field(default_factory=dict)
    """Those met in several experiments: all of them, in that order."""
    trace_folders: dict[str, str] = field(default_factory=dict)
    """Name of a trace's directory → one of that name."""
    trace_strangers: list[tuple[Any, str, Owner]] = field(default_factory=list)
    """Traces that state another id than their directory's: the id, their file, its owner."""
    experiment_strangers: list[tuple[Any, str, Owner]] = field(default_factory=list)
    """Experiments that state another id than their directory's, likewise."""
    references: list[tuple[str, str, str, Owner]] = field(default_factory=list)
    """Who names a run or a logged model: code if it is not there, its id, the file that says so, its owner."""
    models: set[str] = field(default_factory=set)
    """Names of the directories of logged models."""
    blind: bool = False
    """Something was not looked into: nothing may be called lost."""
    runs: int = 0
    """Directories MLflow lists as runs."""

    def meet_run(self, name: str, experiment_path: str) -> None:
        first = self.run_folders.setdefault(name, experiment_path)
        if first != experiment_path:
            self.repeated_runs.setdefault(name, [first]).append(experiment_path)
