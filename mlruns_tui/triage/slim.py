"""Slimming: only the artifacts of a run go, its params, metrics and tags stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mlruns_tui.model.evidence import Evidence, ItemEvidence
from mlruns_tui.model.plan import PlanItem, Protection, Step
from mlruns_tui.model.store import Snapshot

from .rules import Choice

ARTIFACTS = "artifacts"
"""MLflow's name for the folder in a run that holds what was logged as files."""


def slimmed(chosen: Mapping[str, Choice], snapshot: Snapshot) -> dict[str, Choice]:
    """The same choices, of artifacts only; for an experiment those of all its runs."""
    found: dict[str, Choice] = {}
    for key, choice in chosen.items():
        runs = [key] if "/run/" in key else [run.key for run in snapshot.runs.get(key, ())]
        for one in runs:
            found[one] = replace(choice, key=one, action="slim")
    return found


def evidence_keys(chosen: Iterable[Choice]) -> list[str]:
    """What must be looked at for these choices: the items, and the artifacts of those to be slimmed."""
    keys: set[str] = set()
    for choice in chosen:
        keys.add(choice.key)
        if choice.action == "slim":
            keys.add(f"{choice.key}/{ARTIFACTS}")
    return sorted(keys)


def artifacts_of(choice: Choice, evidence: Evidence) -> ItemEvidence | None:
    """What a fresh look at a run's artifacts showed; None where it has none."""
    found = evidence.items.get(f"{choice.key}/{ARTIFACTS}")
    if found is None or (found.survey is None and not found.error.startswith("cannot")):
        return None
    return None if found.survey is not None and found.survey.entries <= 1 else found


def why_not_slim(found: ItemEvidence) -> Protection | None:
    """Why a run's artifacts cannot go though the run could."""
    if found.survey is None:
        return Protection("unreadable", f"its artifacts: {found.error}")
    if "link" in found.survey.trouble:
        return Protection("link", "its artifacts are a symbolic link: shown, never followed or moved")
    if found.movable:
        return Protection("unreadable", f"its artifacts: {found.movable}")
    return None


def slim_item(item: PlanItem, found: ItemEvidence) -> PlanItem:
    """The item for a run's artifacts, from the one for the whole run."""
    assert found.survey is not None
    survey = found.survey
    return replace(
        item,
        path=found.path,
        size_bytes=survey.size.size_bytes,
        allocated_bytes=survey.size.allocated_bytes,
        files=survey.size.files,
        entries=survey.entries,
        identity=survey.identity,
        fingerprint=survey.fingerprint,
        newest_ns=survey.size.newest_ns,
        # MLflow calls a run without the folder not found: an empty one takes its place.
        steps=(Step("move-out", found.path), Step("make-directory", found.path)),
    )


def without_artifacts(number: int) -> str:
    """``12 runs have no artifacts and are left out``."""
    if number == 1:
        return "1 run has no artifacts and is left out"
    return f"{number:,} runs have no artifacts and are left out"
