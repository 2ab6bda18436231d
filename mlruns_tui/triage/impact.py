"""What MLflow of one version does because of what is wrong in a store, from one table. Pure.

The table was made by asking MLflow 1.30, 2.5, 2.22, 3.0, 3.6 and 3.17 themselves, the versions between
which something changed by reading their sources; ``tests/oracle`` asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from mlruns_tui.model.findings import Finding, Symptom
from mlruns_tui.model.words import IMPACTS, Impact

from .impact_contents import CONTENTS
from .impact_experiments import EXPERIMENTS, PLACES
from .impact_facts import NEWEST_KNOWN, Fact, Migration, Version, parse_version
from .impact_models import LOGGED_MODELS, REGISTRY, TRACES
from .impact_runs import LINEAGE, RUNS
from .mendable import remedy_of

__all__ = ["FACTS", "NEWEST_KNOWN", "effect", "find", "impact_of", "parse_version", "spared"]

FACTS: Final[dict[str, Fact]] = {
    code: replace(
        row,
        remedy=remedy_of(code, row.remedy),
        unseen=code.endswith(("-meta-elsewhere", "-info-elsewhere", "-not-followed", "-unjudged")),
    )
    for rows in (PLACES, EXPERIMENTS, RUNS, LINEAGE, REGISTRY, LOGGED_MODELS, TRACES, CONTENTS)
    for code, row in rows.items()
}
"""The table: code → versions and impact, remedy, effect on ``migrate-filestore``, words."""

_USELESS = " It only fills the disk."
_SOUGHT = frozenset({"run-found-first"})
"""A run that is asked for by its id is looked for in every folder, also in one whose metadata nobody reads."""
_ASSESSMENTS = "/assessments"
_METADATA = ("/meta.yaml", "/trace_info.yaml")


def find(symptoms: Iterable[Symptom], version: str = NEWEST_KNOWN) -> tuple[Finding, ...]:
    """The findings these symptoms are for MLflow ``version``, worst first, then by path.

    A symptom MLflow of this version does not mind at all is none. One it cannot come to, because it
    passes over the entry it is in, is ``silent``. Raises ValueError for a text that is no version.
    """
    at = parse_version(version)
    known = [one for one in symptoms if _matters(one, at)]
    hidden, unread, skipped = _passed_over(known, at)
    findings = []
    for symptom in known:
        fact = FACTS[symptom.code]
        impact = impact_of(symptom, at)
        if impact is not None and symptom.code not in _SOUGHT and _is_passed_over(symptom, fact, hidden, unread):
            impact = "silent"
        migration = _migration(symptom, fact, skipped)
        if impact is None and migration == "ok":
            continue
        findings.append(_finding(symptom, fact, impact or "silent", migration))
    findings.sort(key=lambda one: (IMPACTS.index(one.impact), one.migration == "ok", one.path, one.line or 0))
    return tuple(findings)


def _matters(symptom: Symptom, at: Version) -> bool:
    """Whether the table says anything of it for this version: most of what is new is old news."""
    fact = FACTS.get(symptom.code)
    return fact is not None and (fact.migration != "ok" or fact.skips or impact_of(symptom, at) is not None)


def unminded(version: str) -> frozenset[str]:
    """Codes that are no finding with MLflow ``version``, whatever they are about: every run of a store may have one.

    Raises ValueError for a text that is no version.
    """
    at = parse_version(version)
    return frozenset(code for code in FACTS if not any(_matters(Symptom(code, "", runs=runs), at) for runs in (0, 1)))


def impact_of(symptom: Symptom, at: Version) -> Impact | None:
    """What MLflow of this version does because of one symptom, were it alone; None: nothing is wrong with it."""
    fact = FACTS[symptom.code]
    impact: Impact | None = None
    for since, one in fact.impact:
        if since > at:
            break
        impact = one
    if not symptom.runs and at < fact.alone_before and impact is not None:
        return fact.alone
    return impact


def _passed_over(symptoms: list[Symptom], at: Version) -> tuple[set[str], set[str], set[str]]:
    """Directories MLflow reads nothing more of, those it reads nothing at all of, those a migration skips."""
    hidden: set[str] = set()
    unread: set[str] = set()
    skipped: set[str] = set()
    for one in symptoms:
        fact = FACTS[one.code]
        if fact.hides and impact_of(one, at) is not None:
            inner = _ASSESSMENTS if fact.hides == "assessments" else ""
            (hidden if fact.hides == "inside" else unread).add(_entry(one.path) + inner)
        if fact.skips:
            skipped.add(_entry(one.path))
    return hidden, unread, skipped


def _entry(path: str) -> str:
    """The directory a metadata file is about."""
    for ending in _METADATA:
        if path.endswith(ending):
            return path[: -len(ending)]
    return path


def _ancestors(path: str) -> Iterator[str]:
    """Every directory above a path, the nearest first."""
    above = path.rpartition("/")[0]
    while above:
        yield above
        above = above.rpartition("/")[0]


def _is_passed_over(symptom: Symptom, fact: Fact, hidden: set[str], unread: set[str]) -> bool:
    """Whether MLflow never comes to what the symptom is about."""
    if not hidden and not unread:
        return False
    if symptom.path.endswith(_ASSESSMENTS) and symptom.path in unread:
        return True
    own = _entry(symptom.path)
    for above in _ancestors(symptom.path):
        if above in unread and not (fact.hides and own == above):
            return True
        if above in hidden and own != above:
            return True
    return False


def _migration(symptom: Symptom, fact: Fact, skipped: set[str]) -> Migration:
    """What becomes of ``mlflow migrate-filestore`` (3.10 and later), whatever version is asked about."""
    if fact.migration == "ok" or (fact.migration == "orphans-runs" and not symptom.runs):
        return "ok"
    if symptom.experiment_id and not _is_migrated(symptom.experiment_id):
        return "ok"
    own = _entry(symptom.path)
    for above in _ancestors(symptom.path):
        # Inputs and outputs are carried over for every directory, also of a run that is not.
        inner = symptom.path[len(above) + 1 :].partition("/")[0]
        if above in skipped and inner not in ("inputs", "outputs") and not (fact.skips and own == above):
            return "ok"
    return fact.migration


def _is_migrated(directory: str) -> bool:
    """The migration takes every directory whose name is an integer to Python, and no other."""
    try:
        int(directory)
    except ValueError:
        return False
    return True


def _finding(symptom: Symptom, fact: Fact, impact: Impact, migration: Migration) -> Finding:
    what = fact.what.replace("{}", symptom.detail)
    remedy = fact.remedy if symptom.runs or fact.remedy_alone is None else fact.remedy_alone
    message = f"{what[:1].upper()}{what[1:]}. {effect(impact, fact, migration, symptom.runs)}"
    if symptom.link:
        # What is behind a link is somebody else's as well.
        remedy = "none"
        message += f" {symptom.link[:1].upper()}{symptom.link[1:]}."
    if impact == "hidden" and remedy == "remove":
        message += _USELESS
    return Finding(
        symptom.code, impact, symptom.path, message, symptom.line, symptom.experiment_id, symptom.run_id, remedy,
        migration, what, fact.cause, symptom.runs,
    )  # fmt: skip


_UNKNOWN = "What MLflow makes of it is not known."
_EFFECTS: Final[dict[Impact, dict[str, str]]] = {
    "breaks-store": {
        "models": "Listing registered models stops with an error: MLflow shows none at all.",
        "": "Listing experiments stops with an error: MLflow shows none at all.",
    },
    "breaks-experiment": {
        "logged models": "Searching the experiment's logged models fails.",
        "traces": "Searching the experiment's traces fails.",
        "": "Searching the experiment's runs fails.",
    },
    "breaks-run": {"": "The run is listed, but opening it fails."},
    "warns": {
        "experiments": "MLflow passes over it with a warning at every listing.",
        "": "MLflow warns at every search of the experiment.",
    },
    "hidden": {"": "MLflow passes over it without a word."},
    "silent": {"": "MLflow notices nothing."},
}


def spared(finding: Finding, why: str) -> Finding:
    """The same finding about a directory that must stay, for artifacts in it ``are in use``."""
    message = finding.message.removesuffix(_USELESS)
    return replace(finding, remedy="none", message=f"{message} Artifacts in it {why}.")


def effect(impact: Impact, fact: Fact, migration: Migration, runs: int) -> str:
    """What MLflow does, in a sentence or two."""
    words = _EFFECTS[impact]
    said = _UNKNOWN if fact.unseen and impact == "silent" else words.get(fact.area, words[""])
    if migration == "fails":
        said += " migrate-filestore fails on it, and does not name it."
    elif migration == "orphans-runs":
        said += f" migrate-filestore leaves its {runs:,} run{'s' * (runs != 1)} without an experiment."
    return said
