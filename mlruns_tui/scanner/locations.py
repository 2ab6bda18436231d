"""Where a URI in somebody's metadata points, as text: which path of this store, if any.

Metadata is believed only to protect. So every reading of it counts: percent-decoded and not, before and
after links are resolved, below the root as it is and below every root this store once had.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import unquote

from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

_PASSWORD = re.compile(r"(//[^/@:]*):[^@]*@")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_SERVED = "/mlflow-artifacts/artifacts/"
"""In the URLs a tracking server serves artifacts under."""


class Roots:
    """The directories that are, or once were, the root of this store."""

    def __init__(self, root: str, also: Iterable[str] = ()) -> None:
        self._root = root
        self._prefixes: list[str] = []
        self._resolved: dict[str, str] = {}
        for one in (root, *also):
            self._add(one)

    def _add(self, prefix: str) -> None:
        prefix = prefix.rstrip("/") + "/"
        if prefix not in self._prefixes:
            self._prefixes.append(prefix)

    def learn(self, location: str, tail: str) -> None:
        """``location`` is where ``tail`` (a path below the root) was when it was written: a copied or
        moved store still names its old root, and everything below that means this one."""
        for text in self._texts(location):
            path = text.rstrip("/")
            if path.endswith(f"/{tail}"):
                self._add(path[: -len(tail) - 1])

    def find(self, location: str, *, resolve: bool = True) -> list[str]:
        """Paths relative to the root that ``location`` may mean; empty when it lies elsewhere.

        ``resolve`` also follows the links of the directories it names, as text (nothing is opened).
        """
        found: dict[str, None] = {}
        for one in dict.fromkeys((location, re.split(r"[?#]", location, maxsplit=1)[0])):
            if (served := _served(one)) is not None:
                found[served] = None
        for path in self._texts(location):
            found.update(dict.fromkeys(self._inside(path, resolve=resolve)))
        return list(found)

    def find_link(self, folder: str, target: str) -> list[str]:
        """Paths relative to the root a link in ``folder``, relative to the root too, may lead to."""
        return self._inside(os.path.join(self._root, folder, target), resolve=True)

    def _inside(self, path: str, *, resolve: bool) -> list[str]:
        inside = self._below(os.path.normpath(path))
        # ``a/../b`` is not ``b`` where ``a`` is a link, so what was normalised is resolved as well.
        if resolve and (not inside or path.startswith(self._root)):
            inside = [*inside, *self._below(self._real(path))]
        return inside

    def _texts(self, location: str) -> list[str]:
        """Absolute paths a location may be, not normalised; none for other schemes and relative nonsense."""
        scheme = _SCHEME.match(location)
        path = location
        if scheme is not None:
            if scheme[0].lower() != "file:":
                return []
            path = location[scheme.end() :]
            if path.startswith("//"):
                path = "/" + path[2:].partition("/")[2]
        if not path or "\0" in path:
            return []
        texts = dict.fromkeys((path, unquote(path, errors="surrogateescape")))
        # MLflow parses a URI, for which the path ends there; a plain path may hold these characters.
        bare = re.split(r"[?#]", path, maxsplit=1)[0]
        if bare != path:
            texts.update(dict.fromkeys((bare, unquote(bare, errors="surrogateescape"))))
        texts.pop("", None)
        found: dict[str, None] = {}
        for text in texts:
            if "\0" in text:
                continue
            if text.startswith("/"):
                # POSIX lets two leading slashes mean something else; no store does.
                found["/" + text.lstrip("/")] = None
            else:
                # MLflow resolved it against its working directory, most often beside the store.
                found[os.path.join(os.path.dirname(self._root), text)] = None
                found[os.path.join(self._root, text)] = None
                # Or from further above: then the root's own name is somewhere in it.
                parts = text.split("/")
                for at, part in enumerate(parts):
                    if part == os.path.basename(self._root):
                        found[os.path.join(self._root, *parts[at + 1 :])] = None
        return list(found)

    def _below(self, path: str) -> list[str]:
        inside = [path[len(prefix) :] for prefix in self._prefixes if path.startswith(prefix)]
        return [*inside, ""] if f"{path}/" in self._prefixes else inside

    def _real(self, path: str) -> str:
        known = self._resolved.get(path)
        if known is None:
            try:
                known = os.path.realpath(path)
            except (OSError, ValueError):
                known = path
            self._resolved[path] = known
        return known


def _served(location: str) -> str | None:
    """The path below the artifact root of a server, for ``mlflow-artifacts:`` and its URLs."""
    scheme, colon, rest = location.partition(":")
    if not colon:
        return None
    if scheme.lower() == "mlflow-artifacts":
        if rest.startswith("//"):
            rest = rest[2:].partition("/")[2]
    elif scheme.lower() in ("http", "https") and _SERVED in rest:
        rest = rest.partition(_SERVED)[2]
    else:
        return None
    path = os.path.normpath("/" + unquote(rest, errors="surrogateescape").lstrip("/"))
    return path.lstrip("/")


def artifacts_elsewhere(uri: str, run_path: str, root: str) -> str:
    """Where a run's artifacts are said to be, when that is not its own directory, in a sentence that is safe to
    show; empty when they are here. Text against text: nothing is looked at."""
    own = f"{run_path.removeprefix(f'{TRASH_NAME}/')}/artifacts"
    if not uri or not {own, f"{TRASH_NAME}/{own}"}.isdisjoint(Roots(root).find(uri, resolve=False)):
        # What a server keeps may lie here too: then its path below the server's root is this one.
        behind = _served(uri) == own
        return "its artifacts are kept by a tracking server; shown is what is in this store" if behind else ""
    shown = safe(_PASSWORD.sub(r"\1:…@", uri), 300)
    if unquote(re.split(r"[?#]", uri, maxsplit=1)[0]).endswith(f"/{own}"):
        return f"its metadata names the place this store was copied or moved from, {shown}: that is never followed"
    return f"its artifacts are elsewhere, {shown}: not followed, not counted, and they stay when the run goes"
