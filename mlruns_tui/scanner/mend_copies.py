"""What of a store is there twice, and what is nowhere else: for repairs that must neither double nor hide a run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.mending import Holdings, Spot
from mlruns_tui.model.words import TRASH_NAME

from . import layout
from .checks import documents

_DEEPEST: Final = 6
"""Levels below a stray that are looked through: ``backups/2024/mlruns/<experiment>/<run>`` and one more."""
_MOST: Final = 20_000
"""Directories of one stray that are looked through."""


def experiments(root_fd: int) -> Iterator[str]:
    """Paths of the directories in the places of experiments."""
    for name in directories(root_fd, ""):
        if name != layout.REGISTRY and not layout.is_passed_over(name):
            yield name
    for name in directories(root_fd, TRASH_NAME):
        yield f"{TRASH_NAME}/{name}"


def directories(root_fd: int, path: str) -> list[str]:
    """Names of the directories there, links left out; none where it cannot be looked at."""
    try:
        fd = look.open_path(root_fd, path)
    except OSError:
        return []
    try:
        with os.scandir(fd) as found:
            return sorted(one.name for one in found if one.is_dir(follow_symlinks=False))
    except OSError:
        return []
    finally:
        os.close(fd)


def with_copies(spots: Collection[Spot], root_fd: int) -> tuple[Spot, ...]:
    """The places, and for each what of it is elsewhere too (``is_repeated``) or nowhere else (``holds``)."""
    kinds = {spot.wanted.kind for spot in spots}
    going = {spot.wanted.path for spot in spots if spot.wanted.kind == "out"}
    asked = kinds & {"run", "logged-model"} or any(is_holder(spot) for spot in spots)
    store = _Store(root_fd, going) if asked else None
    if store is None:
        return tuple(spots)
    stated: Counter[tuple[str, str]] = Counter(
        (spot.wanted.kind, _stated_id(spot)) for spot in spots if spot.wanted.kind in ("run", "logged-model")
    )
    return tuple(_with_copies(spot, store, stated) for spot in spots)


def _with_copies(spot: Spot, store: _Store, stated: Mapping[tuple[str, str], int]) -> Spot:
    kind = spot.wanted.kind
    if kind in ("run", "logged-model"):
        places = store.runs if kind == "run" else store.models
        name, said = spot.wanted.path.split("/")[-2], _stated_id(spot)
        elsewhere = len(places.get(name, ())) > 1 or (said != name and (said in places or stated[(kind, said)] > 1))
        return replace(spot, is_repeated=True) if elsewhere else spot
    if is_holder(spot):
        return replace(spot, holds=store.only_in(spot.wanted.path))
    return spot


def _stated_id(spot: Spot) -> str:
    """The id metadata states, or the directory's where it states none."""
    keys = ("run_id", "run_uuid") if spot.wanted.kind == "run" else ("model_id",)
    stated = next((spot.traces.stated[key] for key in keys if spot.traces.stated.get(key)), None)
    return stated if isinstance(stated, str) else spot.wanted.path.split("/")[-2]


def is_holder(spot: Spot) -> bool:
    """Whether it is a directory that goes as a whole and may hold what MLflow would find elsewhere: a stray, a
    copy of an experiment, something in the registry."""
    parts = spot.wanted.path.split("/")
    inner = parts[1:] if parts[0] == TRASH_NAME else parts
    return spot.wanted.kind == "out" and (len(inner) == 1 or parts[0] == layout.REGISTRY)


class _Store:
    """Where the runs and logged models of a store are; what goes in the same plan does not count."""

    def __init__(self, root_fd: int, going: Collection[str]) -> None:
        self._fd = root_fd
        self.runs: dict[str, list[str]] = {}
        """By id, the experiments that have a directory of this name."""
        self.models: dict[str, list[str]] = {}
        for path in experiments(root_fd):
            if path in going:
                continue
            for name in directories(root_fd, path):
                if name not in layout.RESERVED:
                    self.runs.setdefault(name, []).append(path)
            for name in directories(root_fd, f"{path}/{layout.REGISTRY}"):
                self.models.setdefault(name, []).append(path)

    def only_in(self, path: str) -> Holdings:
        """What a directory that goes holds and this store can be read of nowhere else."""
        runs: set[str] = set()
        models: set[str] = set()
        versions = 0
        for kind, name in _entries_below(self._fd, path):
            if kind == "run" and not self._is_elsewhere(name, self.runs, "{}/{}/meta.yaml"):
                runs.add(name)
            elif kind == "logged-model" and not self._is_elsewhere(name, self.models, "{}/models/{}/meta.yaml"):
                models.add(name)
            elif kind == "model-version":
                versions += 1
        return Holdings(len(runs), len(models), versions)

    def _is_elsewhere(self, name: str, places: dict[str, list[str]], path: str) -> bool:
        return any(documents.read(path.format(one, name), self._fd).usable for one in places.get(name, ()))


def _entries_below(root_fd: int, path: str) -> Iterator[tuple[str, str]]:
    """Kind and id of every run, logged model and model version with metadata at or below a directory."""
    waiting = [(path, 0)]
    seen = 0
    while waiting and seen < _MOST:
        folder, depth = waiting.pop()
        seen += 1
        meta = documents.read(f"{folder}/{layout.META}", root_fd)
        kind, name = _kind_of(meta.value)
        if kind:
            yield kind, name
        if kind in ("run", "logged-model") or depth >= _DEEPEST:
            continue
        waiting += [(f"{folder}/{one}", depth + 1) for one in directories(root_fd, folder) if one != "artifacts"]


def _kind_of(meta: dict[object, object]) -> tuple[str, str]:
    run_id = meta.get("run_id") or meta.get("run_uuid")
    if isinstance(run_id, str) and "start_time" in meta:
        return "run", run_id
    model_id = meta.get("model_id")
    if isinstance(model_id, str) and "artifact_location" in meta:
        return "logged-model", model_id
    if "version" in meta and "source" in meta:
        return "model-version", str(meta.get("name"))
    return "", ""
