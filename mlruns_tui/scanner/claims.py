"""Whose files a directory without metadata may hold.

Everything somebody's metadata names as a place of artifacts is a claim; a claimed directory is never
taken for an orphan, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlruns_tui.model.late import dataclass

_DEPTH = 3
"""Directories are judged as ``<experiment>``, ``.trash/<experiment>`` and ``<experiment>/<run>``."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody names a path of the store as the place of artifacts."""

    path: str
    """Relative to the root; empty for the root itself."""
    by: str
    """Who, in words, safe to show."""
    by_path: str
    """Where the metadata is that says so: relative to the root, or absolute for a database."""
    told: bool = True
    """Also of interest to whoever would remove what the path lies in. False where the metadata only says
    where MLflow itself put things by id (a copied or trashed experiment still names its old place), or
    where another claim says it already."""


def lies_in(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies below it, both relative to the root."""
    return not folder or path == folder or path.startswith(f"{folder}/")


class Claims:
    """All claims of a store, found by the directory they lie in."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Claim] = {}
        self._by_folder: dict[str, list[Claim]] = {}

    def add(self, claim: Claim) -> None:
        known = self._all.get((claim.path, claim.by_path))
        if known is not None and (known.told or not claim.told):
            return
        self._all[claim.path, claim.by_path] = claim
        parts = claim.path.split("/")[:_DEPTH]
        for end in range(1, len(parts) + 1):
            self._by_folder.setdefault("/".join(parts[:end]), []).append(claim)

    def on(self, folder: str) -> Claim | None:
        """A claim at or below ``folder`` made from outside it: nobody is kept by what is inside himself."""
        return next((one for one in self._by_folder.get(folder, ()) if not lies_in(one.by_path, folder)), None)

    def of_root(self) -> Claim | None:
        """A claim on the root itself: artifacts may lie in any directory of it."""
        return next(iter(self._by_folder.get("", ())), None)

    def told(self) -> Iterator[Claim]:
        return (one for one in self._all.values() if one.told)
