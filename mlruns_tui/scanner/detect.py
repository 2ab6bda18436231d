"""Which databases stand beside a root, and whether one of them owns it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import unquote

from mlruns_tui.model.store import Stray
from mlruns_tui.model.text import safe
from mlruns_tui.model.tracking_uri import address
from mlruns_tui.model.words import StoreKind

from . import database, layout
from .database import Contents
from .listing import Listing
from .locations import Roots
from .pulse import Pulse
from .sqlite import Unreadable

_REGISTRY: Final = "MLFLOW_REGISTRY_URI"
_VARIABLES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI", _REGISTRY)
_SQL: Final = re.compile(r"(sqlite|postgres(ql)?|mysql|mssql|oracle)(\+\w+)?:", re.IGNORECASE)
_PASSWORD = re.compile(r"(//[^/@:]*):[^@]*@")
_SAMPLE = 400
"""Run directories whose ids are looked up to tell whether a database knows them."""


@dataclass(slots=True)
class Found:
    """The databases that may have to do with a root."""

    paths: list[str] = field(default_factory=list)
    """MLflow databases that can be read, most likely first."""
    blind: str = ""
    """Path or URI of one that cannot be read: whatever has no metadata may be its."""
    closed: str = ""
    """Why the model registry the environment names cannot be read: it may need any run."""
    messages: list[str] = field(default_factory=list)
    brief: dict[str, Contents] = field(default_factory=dict)
    """Experiments of those already asked for them, by path."""


def is_database_uri(text: str) -> bool:
    return _SQL.match(text) is not None


def is_sqlite_uri(text: str) -> bool:
    return text.lower().startswith("sqlite")


def sqlite_path(uri: str) -> str:
    """The file a ``sqlite:///…`` URI names, as SQLAlchemy reads it; other text is a path already."""
    if not is_sqlite_uri(uri) or ":" not in uri.partition("/")[0]:
        return uri
    rest = uri.partition(":")[2]
    if rest.startswith("//"):
        # Three slashes and a relative path, or four and an absolute one.
        rest = rest[2:].partition("/")[2]
    return unquote(rest.partition("?")[0])


def without_password(uri: str) -> str:
    return safe(_PASSWORD.sub(r"\1:…@", uri))


def find_databases(root: str, given: str | None, pulse: Pulse, environment: Mapping[str, str] = os.environ) -> Found:
    """Look for MLflow's database: as given, beside the root, in it, here, and where the environment says."""
    found = Found()
    if given:
        _take(found, given, pulse, believed=True)
    for path in database.candidates(list(dict.fromkeys((os.path.dirname(root), root, _here())))):
        if path not in found.paths:
            _take(found, path, pulse, believed=database.is_expected_name(path), guessed=True)
    for variable in _VARIABLES:
        uri = environment.get(variable, "")
        if is_database_uri(uri) and (not is_sqlite_uri(uri) or os.path.isfile(sqlite_path(uri))):
            _take(found, uri, pulse, believed=True)
            if variable == _REGISTRY and os.path.realpath(sqlite_path(uri)) not in found.paths:
                found.closed = f"the model registry at {without_password(uri)} cannot be read"
        elif variable == _REGISTRY and uri and not is_database_uri(uri) and not _is_this_store(uri, root):
            found.closed = f"the model registry at {without_password(uri)} is not read"
            found.messages.append(f"{found.closed}: which runs its models need is not known, all are kept")
    return found


def _is_this_store(uri: str, root: str) -> bool:
    """Whether the URI of a registry is that of the file store itself."""
    place = address(uri)
    return place.kind == "files" and os.path.realpath(place.path) == os.path.realpath(root)


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"


def _take(found: Found, uri: str, pulse: Pulse, *, believed: bool, guessed: bool = False) -> None:
    """Add one database; ``believed``: it must be MLflow's, so it counts although it cannot be read."""
    if is_database_uri(uri) and not is_sqlite_uri(uri):
        found.blind = found.blind or without_password(uri)
        found.messages.append(
            f"{without_password(uri)} cannot be read yet: whatever has no meta.yaml is left alone, it may be its"
        )
        return
    path = os.path.realpath(sqlite_path(uri))
    if path in found.paths:
        return
    try:
        if database.is_mlflow(path, pulse):
            found.paths.append(path)
            return
        problem = "is not an MLflow database"
        if not believed:
            return
    except Unreadable as error:
        problem = str(error)
        if guessed and not believed and not _may_be_mlflow(path):
            return
    found.blind = found.blind or path
    found.messages.append(f"{safe(path)} {problem}: whatever has no meta.yaml is left alone, it may be its")


def _may_be_mlflow(path: str) -> bool:
    """Of a file with a foreign name that cannot be read: whether it is one of SQLite's at all."""
    from .sqlite import is_sqlite

    try:
        return is_sqlite(path)
    except OSError:
        return False


def owns(contents: Contents, listing: Listing, roots: Roots, root: str, pulse: Pulse) -> bool:
    """Whether a database's rows put their artifacts into this root.

    By an artifact location below it; by one that would be below it had the store not been moved, when
    that directory is there without metadata of its own; or by the ids of run directories in it.
    """
    bare = {one.name: one for one in listing.folders if one.place == "root" and not one.has_meta}
    here = Roots(root)
    for identifier, location in contents.locations.items():
        if not location:
            continue
        if not location.startswith(("mlflow-artifacts", "http")) and here.find(location):
            return True
        roots.learn(location, identifier)
        if any(path.split("/", 1)[0] in bare for path in roots.find(location, resolve=False)):
            return True
    names = (name for one in bare.values() for name in one.subdirectories if layout.is_hex32(name))
    sample = list(islice(names, _SAMPLE))
    return bool(sample) and database.knows_run(contents.path, sample, pulse)


def owner(found: Found, given: str | None, listing: Listing, root: str, pulse: Pulse) -> str:
    """Path of the database this root belongs to (a given one always counts), or nothing."""
    for number, path in enumerate(list(found.paths)):
        try:
            contents = found.brief[path] = database.read_experiments(path, pulse)
            if given and number == 0 and path == os.path.realpath(sqlite_path(given)):
                return path
            if owns(contents, listing, Roots(root), root, pulse):
                return path
        except Unreadable as error:
            found.paths.remove(path)
            found.blind = found.blind or path
            found.messages.append(f"{safe(path)} {error}: whatever has no meta.yaml is left alone, it may be its")
    return without_password(given) if given and found.blind and not is_sqlite_uri(given) else ""


def store_kind(in_files: bool, in_database: bool, unclaimed: bool) -> StoreKind:
    """The kind of a store by what was found in it."""
    if in_files:
        return "mixed" if in_database or unclaimed else "file"
    return "database" if in_database else "unclaimed" if unclaimed else "file"


def passed_over(path: str) -> Stray:
    """A directory in the root that MLflow itself never looks at."""
    return Stray(path, "foreign", "not MLflow's; it passes over names that end in .trash")
