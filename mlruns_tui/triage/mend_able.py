"""Whether a repair can tell what belongs into a metadata file, whoever uses it just now. Pure."""

from __future__ import annotations

import re

from mlruns_tui.model.mending import Look, Spot, Traces
from mlruns_tui.model.store import StoreInfo

from .mend_metadata import rewritten

_EXPERIMENT = re.compile(r"[0-9]+|[0-9a-f]{32}")
"""What MLflow calls the folders of experiments."""
IN_AN_UNREAD_EXPERIMENT = "nothing in its experiment is mended while MLflow cannot read the experiment itself"


def unable(store: StoreInfo, look: Look) -> dict[str, str]:
    """By path of a metadata file, why no repair can tell what belongs there, in words: whoever uses it, however
    long it was quiet. Of what can be told nothing is said."""
    found: dict[str, str] = {}
    for spot in look.spots:
        if spot.error:
            continue
        why = why_unjudged(spot) if spot.traces.unjudged else ""
        if not why and spot.wanted.kind == "experiment":
            why = why_no_experiment(spot)
        elif not why:
            made = rewritten(spot, store.root)
            why = made if isinstance(made, str) else ""
        if why:
            found[spot.wanted.path] = why
    return found


def why_unjudged(spot: Spot) -> str:
    """Of a metadata file nobody can read whole."""
    return f"its metadata {spot.traces.unjudged}: what is left of it must be found by hand"


def why_no_experiment(spot: Spot) -> str:
    """Why the metadata of an experiment is not rebuilt; empty when it can be."""
    traces, folder = spot.traces, spot.wanted.path.split("/")[-2]
    if traces.usable or inside_words(traces):
        return ""
    if any(one.code == "experiment-meta-missing" for one in spot.wanted.findings):
        return "nothing readable is in it to rebuild it from: mlruns-tui cleanup removes it"
    if not _EXPERIMENT.fullmatch(folder) and not traces.stated:
        return "neither its name nor anything in it tells that it is an experiment"
    return ""


def inside_words(traces: Traces) -> str:
    """``12 runs, 1 logged model``: what in an experiment tells that it is one."""
    found = ((traces.runs, "run"), (traces.models, "logged model"), (traces.traces, "trace"))
    said = [counted(number, word) for number, word in found if number]
    if traces.lost_runs:
        said.append(f"what {counted(traces.lost_runs, 'broken run')} logged")
    return ", ".join(said)


def counted(number: int, word: str) -> str:
    """``1 run``, ``1,000 runs``."""
    return f"{number:,} {word}{'s' * (number != 1)}"
