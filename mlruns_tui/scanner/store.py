"""Which store somebody means: recognising one, refusing what is none, creating nothing."""

from __future__ import annotations

import difflib
import os
import re
import stat
from typing import Final
from urllib.parse import unquote

from mlruns_tui.disk import look
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.protocols import never
from mlruns_tui.model.store import Identity, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from . import detect, layout, sqlite
from .files import read_experiment
from .keeping import Keeper, KeepingReader
from .listing import Listing, list_store
from .pulse import Pulse
from .reader import StoreReader

_STORE_NAMES: Final = ("mlruns", "mlartifacts")
_PROJECT: Final = ("mlruns", "mlflow.db", "mlartifacts")
"""What a project directory is looked through for, in this order."""
_REMOTE = re.compile(r"(https?|databricks|s3|gs|gcs|wasbs?|abfss?|dbfs|hdfs|ftp|sftp)(\+\w+)?(:|$)", re.IGNORECASE)
_LOOKED_FOR = "no experiment in it (looked for meta.yaml, mlflow.db and run directories)"


def open_store(target: str | None, database: str | None = None, keeper: Keeper | None = None) -> StoreReader:
    """A reader of the store ``target`` names: an ``mlruns`` or ``mlartifacts`` directory, a database file
    or ``sqlite:///`` URI, or a project directory holding one; None looks into the current directory.

    ``database`` names the database that owns the artifacts, where it does not stand beside them; ``keeper``
    is where snapshots are kept for the next start.
    Raises UsageError: ``no-such-store``, ``not-a-store``, ``unreadable-store``, ``remote-store``.
    """
    if database is not None:
        _check_database(database)
    listings = _Listings()
    root, beside, given = _locate(target, listings)
    database = database or beside or None
    if database and (detect.is_sqlite_uri(database) or not detect.is_database_uri(database)):
        # Relative names mean this directory, wherever the process goes later.
        database = os.path.realpath(detect.sqlite_path(database))
    store = _describe(root, given, database, listings)
    if keeper is None:
        return StoreReader(store, database, listings.found.get(root))
    reader = KeepingReader(store, database, listings.found.get(root))
    reader.keeper = keeper
    return reader


class _Listings:
    """Directories listed while a store is looked for: each once, for a file server takes its time."""

    def __init__(self) -> None:
        self.found: dict[str, Listing] = {}

    def of(self, root: str, shown: str) -> Listing:
        """Raises UsageError."""
        if root not in self.found:
            self.found[root] = _listing(root, shown)
        return self.found[root]


def _locate(target: str | None, listings: _Listings) -> tuple[str, str, str]:
    """Path of the root, the database that was named or found instead (or nothing), and the given name."""
    if target is None:
        return _project(".", listings, named=False)
    if not target.strip():
        raise UsageError("no-such-store", "an empty path names no store")
    if detect.is_database_uri(target):
        if not detect.is_sqlite_uri(target):
            raise UsageError(
                "remote-store",
                f"{detect.without_password(target)}: such a database cannot be read yet",
                hint="name the directory of its artifacts, and this database with --database",
            )
        return *_beside(detect.sqlite_path(target), target, listings), target
    path = target
    if target.lower().startswith("file:"):
        path = unquote(re.sub(r"^file:(//[^/]*)?", "", target, flags=re.IGNORECASE))
    elif _REMOTE.match(target) and not os.path.exists(target):
        raise UsageError(
            "remote-store",
            f"{safe(target, 200)}: a server's store can only be opened where its files are",
            hint="name the artifact directory or the database file on the server's machine",
        )
    return _path(path, target, listings)


def _path(path: str, given: str, listings: _Listings) -> tuple[str, str, str]:
    shown = safe(given, 300)
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("no-such-store", f"{shown}: no such directory", path=path, hint=_similar(given)) from None
    except (OSError, ValueError) as error:
        why = look.words(error) if isinstance(error, OSError) else "not a path"
        raise UsageError("unreadable-store", f"{shown} cannot be read: {why}", path=path) from None
    if not stat.S_ISDIR(status.st_mode):
        if stat.S_ISREG(status.st_mode) and _is_sqlite(path, shown):
            return *_beside(path, given, listings), given
        raise UsageError("not-a-store", f"{shown} is a file, not a store", path=path)
    root = os.path.realpath(path)
    if _is_root(root, listings.of(root, shown)):
        return root, "", given
    return _project(given, listings, named=True, folder=path)


def _similar(given: str) -> str:
    """``did you mean ./mlruns?`` when something beside it is called much like it."""
    above, name = os.path.split(given.rstrip("/"))
    try:
        with os.scandir(above or ".") as entries:
            names = [one.name for one in entries if one.is_dir() or one.name.endswith(".db")]
    except OSError:
        return ""
    close = difflib.get_close_matches(name, names, 1, 0.6)
    return f"did you mean {safe(os.path.join(above, close[0]), 300)}?" if close else ""


def _is_sqlite(path: str, shown: str) -> bool:
    try:
        return sqlite.is_sqlite(path)
    except OSError as error:
        raise UsageError("unreadable-store", f"{shown} cannot be read: {look.words(error)}", path=path) from None


def _project(given: str, listings: _Listings, named: bool, folder: str = "") -> tuple[str, str, str]:
    """The store a project directory holds."""
    folder = folder or given
    for name in _PROJECT:
        path = os.path.join(folder, name)
        shown = given if named else f"./{name}"
        if name.endswith(".db"):
            if os.path.isfile(path):
                return *_beside(path, os.path.join(given, name), listings), shown
        elif os.path.isdir(path):
            root = os.path.realpath(path)
            listings.of(root, safe(os.path.join(given, name), 300))
            return root, "", shown
    if named:
        raise UsageError("not-a-store", f"{safe(given, 300)} is not an MLflow store: {_LOOKED_FOR}", path=folder)
    raise UsageError(
        "no-such-store",
        "no store here (looked for ./mlruns, ./mlflow.db and ./mlartifacts)",
        path=os.path.abspath(folder),
        hint="name one: mlruns-tui PATH",
    )


def _beside(path: str, given: str, listings: _Listings) -> tuple[str, str]:
    """The artifact root that goes with a database file. Never one its rows name: only beside it."""
    shown = safe(given, 300)
    if not os.path.exists(path):
        hint = "" if detect.is_sqlite_uri(given) else _similar(given)
        raise UsageError("no-such-store", f"{shown}: no such database", path=path, hint=hint)
    path = os.path.realpath(path)
    _check_database(path, shown)
    folder = os.path.dirname(path)
    roots = [os.path.join(folder, name) for name in _STORE_NAMES if os.path.isdir(os.path.join(folder, name))]
    if len(roots) > 1:
        roots.sort(key=lambda root: not _is_owned(path, root, listings))
    if roots:
        return os.path.realpath(roots[0]), path
    if os.path.basename(folder) in _STORE_NAMES:
        return folder, path
    # No artifact was ever logged, or they are elsewhere: the database is listed all the same.
    return os.path.join(folder, _STORE_NAMES[0]), path


def _is_owned(path: str, root: str, listings: _Listings) -> bool:
    from . import database as databases
    from .locations import Roots

    pulse = Pulse(never)
    try:
        contents = databases.read_experiments(path, pulse)
        return detect.owns(contents, listings.of(root, root), Roots(root), root, pulse)
    except sqlite.Unreadable:
        return False


def _check_database(uri: str, shown: str = "") -> None:
    """Refuse a named database that is not there or is no database at all."""
    shown = shown or detect.without_password(uri)
    if detect.is_database_uri(uri) and not detect.is_sqlite_uri(uri):
        return
    path = detect.sqlite_path(uri)
    if not os.path.isfile(path):
        raise UsageError("no-such-store", f"{shown}: no such database", path=path)
    if not _is_sqlite(path, shown):
        raise UsageError("not-a-store", f"{shown} is not an SQLite database", path=path)


def _listing(root: str, shown: str) -> Listing:
    try:
        fd = look.open_directory(root)
    except OSError as error:
        raise UsageError("unreadable-store", f"{shown} cannot be read: {look.words(error)}", path=root) from None
    try:
        listing = list_store(fd, Pulse(never))
        for folder in listing.folders:
            if folder.has_meta:
                read_experiment(folder, fd)
                if folder.stated_id or folder.location:
                    break
        return listing
    except OSError as error:
        raise UsageError("unreadable-store", f"{shown} cannot be read: {look.words(error)}", path=root) from None
    finally:
        os.close(fd)


def _is_root(root: str, listing: Listing) -> bool:
    """Whether this directory is itself a store, not a place that may hold one."""
    if root in ("/", os.path.realpath(os.path.expanduser("~"))):
        return False
    # Other programs name files ``meta.yaml`` too.
    has_experiment = any(one.stated_id or one.location for one in listing.folders)
    if has_experiment or os.path.basename(root) in _STORE_NAMES:
        return True
    if any(os.path.isdir(os.path.join(root, name)) for name in _STORE_NAMES):
        return False
    if os.path.lexists(os.path.join(root, ".git")):
        return False
    visible = [one for one in listing.folders if not one.name.startswith(".")]
    if any(layout.is_hex32(name) for one in visible for name in one.subdirectories):
        return True
    shaped = all(layout.is_number(one.name) or layout.is_hex32(one.name) for one in visible)
    return shaped and (bool(visible) or os.path.isdir(os.path.join(root, TRASH_NAME)))


def _describe(root: str, given: str, database: str | None, listings: _Listings) -> StoreInfo:
    file_system, network = look.file_system(root)
    try:
        identity = look.identity(root)
        listing = listings.of(root, safe(given, 300))
    except FileNotFoundError:
        identity, listing = Identity(0, 0), Listing()
    pulse = Pulse(never)
    found = detect.find_databases(root, database, pulse)
    owner = detect.owner(found, database, listing, root, pulse)
    with_meta = any(one.has_meta for one in listing.folders)
    bare = any(layout.is_hex32(name) for one in listing.folders if not one.has_meta for name in one.subdirectories)
    kind = detect.store_kind(with_meta, owner in found.paths, bare)
    return StoreInfo(given, root, kind, identity, owner, network, file_system)
