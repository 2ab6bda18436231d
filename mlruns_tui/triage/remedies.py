"""What a finding may promise: a remedy only where the program really offers it, else in words why a person must decide.

The table of impacts knows codes; whether a repair can tell what belongs into this very file, and whether the
clean-up would take this very directory, only a look at it tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.mending import MendKind, Wanted
from mlruns_tui.model.store import Snapshot

from .impact import FACTS, effect
from .mend_able import IN_AN_UNREAD_EXPERIMENT
from .mendable import is_mended_at

_UNCERTAIN: Final[frozenset[MendKind]] = frozenset(
    {"experiment", "run", "registered-model", "version", "logged-model", "output"}
)
_LOST: Final = "experiment-meta-missing"
_CLOSED: Final = frozenset({"experiment-closed", "experiment-no-list", "experiment-no-enter"})
_META: Final = "/meta.yaml"


def uncertain(wanted: Iterable[Wanted]) -> tuple[Wanted, ...]:
    """Those of the places a repair is about where only a look tells whether it can be done."""
    return tuple(one for one in wanted if one.kind in _UNCERTAIN)


def kept_promises(
    findings: Iterable[Finding], snapshot: Snapshot | None, unable: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The findings, each with a remedy that is one. ``unable``: by path of a metadata file, why no repair can tell
    what belongs there (``mend_able.unable``). ``snapshot``: what the scan made of each directory."""
    told = [_of_experiment(one, snapshot) for one in findings]
    told = [_without(one, unable[one.path]) if _is_unable(one, unable) else one for one in told]
    told = [_left_by_mlflow(one) for one in told]
    unread = {
        one.path.removesuffix(_META): one.remedy
        for one in told
        if (one.code.startswith("experiment-meta-") or one.code in _CLOSED) and _is_unread(one)
    }
    return tuple(_inside(one, unread) for one in told)


def _of_experiment(one: Finding, snapshot: Snapshot | None) -> Finding:
    """Of an experiment without metadata: whether it is one, and whether anything readable is in it."""
    if one.code != _LOST or snapshot is None:
        return one
    folder = one.path.removesuffix(_META)
    if any(stray.path == folder and stray.kind == "foreign" for stray in snapshot.strays):
        return _stray(one, folder)
    found = next((known for known in snapshot.experiments if known.path == folder), None)
    if found is not None and found.state == "unclaimed" and found.readable_inside:
        # No database writes metadata of logged models or traces into files.
        return replace(one, remedy="repair")
    if found is None or found.state != "orphaned":
        return one if one.runs else replace(one, remedy="none")
    return replace(one, remedy="repair" if found.readable_inside else "remove")


def _stray(one: Finding, folder: str) -> Finding:
    """A folder with the name of an experiment, and something else in it."""
    code = "trash-stray" if "/" in folder else "root-stray"
    fact = FACTS[code]
    message = f"{fact.what[:1].upper()}{fact.what[1:]}. {effect(one.impact, fact, one.migration, 0)}"
    return replace(
        one, code=code, path=folder, message=message, what=fact.what, cause=fact.cause, remedy=fact.remedy,
        experiment_id="", run_id="",
    )  # fmt: skip


def _is_unable(one: Finding, unable: Mapping[str, str]) -> bool:
    return one.remedy == "repair" and one.path in unable and is_mended_at(one)


def _without(one: Finding, why: str) -> Finding:
    return replace(one, remedy="none", message=f"{one.message} It is not repaired: {why}.", kept=why)


def _left_by_mlflow(one: Finding) -> Finding:
    """Somebody's folder stays where MLflow does not mind it."""
    if one.code == "experiment-stray" and one.impact in ("hidden", "silent"):
        return replace(one, remedy="none")
    return one


def _is_unread(one: Finding) -> bool:
    return one.remedy != "repair" and one.code.rpartition("-")[2] not in ("elsewhere", "unjudged", "cut")


def _inside(one: Finding, unread: Mapping[str, str]) -> Finding:
    """What is in an experiment that stays unread is not mended either."""
    if one.remedy != "repair" or not unread:
        return one
    folder = _experiment_of(one.path, unread)
    if folder is None or one.path in (folder, folder + _META):
        return one
    if unread[folder] == "remove":
        return replace(one, remedy="remove")
    return _without(one, IN_AN_UNREAD_EXPERIMENT)


def _experiment_of(path: str, folders: Collection[str]) -> str | None:
    parts = path.split("/")
    return next((above for above in ("/".join(parts[:2]), parts[0]) if above in folders), None)
