"""Where a tracking URI points, read as text: MLflow's own forms (``mlflow.utils.uri``, 1.0 to 3.17)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote, urlsplit

from .late import dataclass

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]+):")
_DATABASES = frozenset({"mysql", "postgresql", "mssql", "sqlite"})
_REMOTE_WORDS = frozenset({"databricks", "databricks-uc", "uc"})


@dataclass(frozen=True, slots=True)
class Address:
    """One tracking URI, taken apart."""

    uri: str
    """As given."""
    kind: Literal["files", "database", "remote"]
    path: str = ""
    """Of the directory or the SQLite file; empty where there is none on this machine."""


def address(uri: str) -> Address:
    """``./mlruns``, ``file:./mlruns``, ``file:///data/mlruns``, ``sqlite:///mlflow.db``,
    ``postgresql://…``, ``http://…``, ``databricks``. A name ending in ``.db`` or ``.sqlite`` is SQLite's."""
    if uri in _REMOTE_WORDS:
        return Address(uri, "remote")
    match = _SCHEME.match(uri)
    if match is None:
        is_database = uri.endswith((".db", ".sqlite", ".sqlite3"))
        return Address(uri, "database" if is_database else "files", uri)
    scheme = match[1].lower().partition("+")[0]
    if scheme == "file":
        return Address(uri, "files", unquote(urlsplit(uri).path, errors="surrogateescape"))
    if scheme == "sqlite":
        rest = uri.partition(":///")[2].partition("?")[0]
        return Address(uri, "database", "" if rest == ":memory:" else unquote(rest, errors="surrogateescape"))
    return Address(uri, "database" if scheme in _DATABASES else "remote")
