"""Registered models, their versions, and the models an experiment logged: who needs whose files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.store import RegisteredModel
from mlruns_tui.model.text import decode, safe

from . import layout
from .files import is_recent, read_meta
from .listing import leads_to_directory
from .metadata import Unusable
from .pulse import Pulse
from .records import text

_VERSION_KEYS = ("source", "run_id")
_MODEL_KEYS = ("artifact_location", "source_run_id")
DELETED_STAGE = "Deleted_Internal"
"""What MLflow writes into a version it deleted but keeps the record of."""
_ALIASES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Version:
    """A model version, by what it needs. Locations and ids are as written, names safe to show."""

    name: str
    version: str
    run_id: str
    model_id: str
    locations: tuple[str, ...]
    """Where its files are said to be."""
    path: str
    """Where the record is: relative to the root, or absolute for a database."""
    deleted: bool = False
    stage: str = ""
    """``Production``, safe to show; empty where it has none."""
    aliases: tuple[str, ...] = ()
    """Names that stand for this version, safe to show."""

    @property
    def words(self) -> str:
        """``version 3 of churn (alias champion)``."""
        named = [f"alias {one}" for one in self.aliases[:_ALIASES_SHOWN]]
        if len(self.aliases) > _ALIASES_SHOWN:
            named.append(f"{len(self.aliases) - _ALIASES_SHOWN} more")
        if self.stage:
            named.append(f"stage {self.stage}")
        return f"version {self.version} of {self.name}" + (f" ({', '.join(named)})" if named else "")


def stage_of(stated: object) -> str:
    """The stage of a version that is in one; ``None`` is MLflow's word for none."""
    return "" if stated in (None, "", "None", DELETED_STAGE) else text(stated)


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model an experiment logged (MLflow 3). Location and ids are as written, the name safe to show."""

    model_id: str
    experiment_id: str
    """The experiment its record names."""
    name: str
    location: str
    source_run_id: str
    path: str
    """Where the record is: relative to the root, or absolute for a database."""
    deleted: bool = False
    folder: str = ""
    """Path of the experiment's directory its record lies in; empty for a database."""

    @property
    def words(self) -> str:
        return f"logged model {self.name or self.model_id}"


@dataclass(slots=True)
class Registry:
    """The model registry in a store's files."""

    models: list[RegisteredModel] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    closed: str = ""
    """Why it, or a part of it, could not be looked at or used: then nobody knows what it needs."""
    messages: list[str] = field(default_factory=list)
    doubt: bool = False
    """Some of it may have been read in the middle of a rewrite: read it again before believing it."""


def raw(meta: dict[Any, Any], key: str) -> str:
    """A text of a mapping as written; empty for null and for what is not text."""
    value = meta.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)[:256]


def _complete(name: str, dir_fd: int, keys: tuple[str, ...]) -> dict[Any, Any]:
    """The mapping in a metadata file. Raises Unusable also where a key that MLflow always writes is
    missing: a file cut off between two lines is a mapping still, only without what it needs."""
    meta = read_meta(name, dir_fd)
    for key in keys:
        if key not in meta:
            raise Unusable(f"{layout.META} has no {key}", transient=True)
    return meta


def read_registry(root_fd: int, kind: str, pulse: Pulse) -> Registry:
    """All registered models. ``kind`` is what stands in the registry's place, as the listing showed it."""
    registry = Registry()
    if kind == "link":
        registry.closed = f"{layout.REGISTRY} is a symbolic link, not followed"
        return registry
    if not kind:
        return registry
    try:
        fd = look.open_directory(layout.REGISTRY, root_fd)
    except OSError as error:
        registry.closed = f"{layout.REGISTRY} cannot be read: {look.words(error)}"
        return registry
    try:
        for name in _directories(fd, layout.REGISTRY, registry):
            pulse()
            _read_model(fd, name, registry, pulse)
    except OSError as error:
        registry.closed = f"{layout.REGISTRY} cannot be read: {look.words(error)}"
    finally:
        os.close(fd)
    return registry


def _directories(fd: int, path: str, told: Registry | Inside) -> list[str]:
    """Names of the directories in one; a link to a directory, which MLflow follows, is told as closed."""
    found = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.name)
            elif entry.is_symlink() and leads_to_directory(entry):
                told.closed = told.closed or f"{safe(path)}/{safe(entry.name)} is a symbolic link, not followed"
    return sorted(found)


def _read_model(registry_fd: int, name: str, registry: Registry, pulse: Pulse) -> None:
    path = f"{layout.REGISTRY}/{name}"
    shown = safe(name, 256)
    reason = ""
    aliases: list[tuple[str, str]] = []
    versions = 0
    before = len(registry.versions)
    try:
        fd = look.open_directory(name, registry_fd)
    except OSError as error:
        registry.closed = registry.closed or f"{safe(path)} cannot be read: {look.words(error)}"
        registry.models.append(RegisteredModel(shown, path, 0, "malformed", f"cannot be read: {look.words(error)}"))
        return
    try:
        try:
            read_meta(layout.META, fd)
        except FileNotFoundError:
            reason = "meta.yaml is missing"
        except Unusable as error:
            reason = error.reason
        for one in _directories(fd, path, registry):
            pulse()
            if one.startswith("version-"):
                versions += 1
                _read_version(fd, one, path, shown, registry)
            elif one == "aliases":
                aliases = list(_aliases(fd))
    except OSError as error:
        registry.closed = registry.closed or f"{safe(path)} cannot be read: {look.words(error)}"
    finally:
        os.close(fd)
    if aliases:
        named = [with_aliases(one, aliases) for one in registry.versions[before:]]
        registry.versions[before:] = named
    registry.models.append(
        RegisteredModel(shown, path, versions, "malformed" if reason else "ok", reason, tuple(aliases))
    )


def with_aliases(version: Version, aliases: Iterable[tuple[str, str]]) -> Version:
    """The version with those of its model's aliases (pairs of alias and version) that stand for it."""
    return replace(version, aliases=tuple(alias for alias, number in aliases if number == version.version))


def _read_version(model_fd: int, folder: str, model_path: str, model: str, registry: Registry) -> None:
    path = f"{model_path}/{folder}/{layout.META}"
    try:
        meta = _complete(f"{folder}/{layout.META}", model_fd, _VERSION_KEYS)
    except FileNotFoundError:
        registry.doubt = registry.doubt or is_recent(folder, model_fd)
        registry.closed = registry.closed or f"{safe(path)} is missing"
        registry.messages.append(f"{safe(path)} is missing: what this version needs is not known")
        return
    except Unusable as error:
        registry.doubt = registry.doubt or (error.transient and is_recent(f"{folder}/{layout.META}", model_fd))
        registry.closed = registry.closed or f"{safe(path)}: {error.reason}"
        registry.messages.append(f"{safe(path)}: {error.reason}; what this version needs is not known")
        return
    registry.versions.append(
        Version(
            model,
            text(meta.get("version")) or safe(folder.removeprefix("version-")),
            raw(meta, "run_id"),
            raw(meta, "model_id"),
            tuple(one for one in (raw(meta, "source"), raw(meta, "storage_location")) if one),
            path,
            meta.get("current_stage") == DELETED_STAGE,
            stage_of(meta.get("current_stage")),
        )
    )


def _aliases(model_fd: int) -> Iterator[tuple[str, str]]:
    fd = look.open_directory("aliases", model_fd)
    try:
        for name in sorted(os.listdir(fd)):
            try:
                version = decode(look.read_small(name, fd, 4096)).strip()
            except OSError:
                continue
            yield safe(name, 256), safe(version, 256)
    finally:
        os.close(fd)


@dataclass(slots=True)
class Inside:
    """What an experiment's directory holds besides runs."""

    models: list[LoggedModel] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    """Directories in the place of logged models that have no metadata of their own."""
    traces: int = 0
    """Whose metadata can be read; only counted where asked for."""
    closed: str = ""
    """Why its logged models could not all be looked at: then nobody knows which runs they need."""
    damaged: str = ""
    """Why one of them cannot be used: then nobody knows which of the experiment's runs it needs."""
    unread: str = ""
    """Why its logged models or traces could not all be listed."""
    doubt: bool = False
    """One of them may have been read in the middle of a rewrite: read it again before believing it."""


def read_inside(root_fd: int, folder: str, pulse: Pulse, *, traces: bool = False) -> Inside:
    """The logged models in an experiment's directory, and how many of its traces can be read."""
    found = Inside()
    for name, models in _entries(root_fd, folder, layout.REGISTRY, found):
        pulse()
        path = f"{safe(folder)}/{layout.REGISTRY}/{safe(name)}"
        try:
            meta = _complete(f"{name}/{layout.META}", models, _MODEL_KEYS)
        except FileNotFoundError:
            found.doubt = found.doubt or is_recent(name, models)
            found.bare.append(name)
            continue
        except Unusable as error:
            if error.closed:
                found.closed = found.closed or f"{path}: {error.reason}"
            found.doubt = found.doubt or (error.transient and is_recent(f"{name}/{layout.META}", models))
            found.damaged = found.damaged or f"{path}: {error.reason}"
            continue
        found.models.append(
            LoggedModel(
                raw(meta, "model_id") or name,
                raw(meta, "experiment_id"),
                text(meta.get("name")),
                raw(meta, "artifact_location"),
                raw(meta, "source_run_id"),
                f"{folder}/{layout.REGISTRY}/{name}/{layout.META}",
                meta.get("lifecycle_stage") == "deleted",
                folder,
            )
        )
    if traces:
        for name, fd in _entries(root_fd, folder, "traces", found):
            pulse()
            try:
                read_meta(f"{name}/trace_info.yaml", fd)
            except (FileNotFoundError, Unusable):
                continue
            found.traces += 1
    return found


def _entries(root_fd: int, folder: str, part: str, found: Inside) -> Iterator[tuple[str, int]]:
    """Names of the directories in a reserved directory, with a descriptor on it."""
    top = f"{folder}/{part}"
    told = found if part == layout.REGISTRY else Inside()
    try:
        fd = look.open_path(root_fd, top)
    except FileNotFoundError:
        return
    except OSError as error:
        # What is no directory at all, and no link to one, holds nothing.
        if not isinstance(error, NotADirectoryError) or _is_link(top, root_fd):
            told.closed = f"{safe(top)} cannot be read: {look.words(error)}"
            found.unread = found.unread or told.closed
        return
    try:
        for name in _directories(fd, top, told):
            yield name, fd
    except OSError as error:
        told.closed = f"{safe(top)} cannot be read: {look.words(error)}"
        found.unread = found.unread or told.closed
    finally:
        os.close(fd)


def _is_link(path: str, root_fd: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(path, dir_fd=root_fd, follow_symlinks=False).st_mode)
    except OSError:
        return True
