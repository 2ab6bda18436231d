"""What MLflow's answers mean, in the words of our findings."""

from __future__ import annotations

from typing import Any

ORDER = ("breaks-store", "breaks-experiment", "breaks-run", "warns", "hidden", "silent")
STORE_CALLS = frozenset(
    {
        "open",
        "search_experiments ACTIVE",
        "search_experiments ALL",
        "get_experiment_by_name",
        "search_registered_models",
        "search_model_versions",
    }
)
SEARCHES = frozenset({"search_runs", "search_logged_models", "search_traces"})


def impacts(answer: dict[str, Any]) -> set[tuple[str, str]]:
    """Pairs of impact and entry (empty for the store, ``E`` an experiment, ``E/R`` a run) MLflow shows."""
    found: set[tuple[str, str]] = set()
    searched = {
        call["entry"] for call in answer["calls"] if call["call"] == "search_runs" and call["outcome"] != "raise"
    }
    listed = {run for name, runs in answer["listed"].items() if name.startswith("search_runs ") for run in runs}
    for call in answer["calls"]:
        name, entry, outcome = call["call"], call["entry"], call["outcome"]
        if outcome == "ok":
            continue
        if outcome == "warn":
            # get_experiment has no listing of its own: what it warns of, the listings warn of.
            found.add(("warns", "" if name in STORE_CALLS else entry.split("/")[0]))
        elif name in STORE_CALLS:
            found.add(("breaks-store", ""))
        elif name in SEARCHES:
            found.add(("breaks-experiment", entry))
        elif name == "get_run":
            experiment, run = entry.split("/", 1)
            if experiment in searched and run in listed:
                found.add(("breaks-run", entry))
    unheard = {call["call"] + " " + call["entry"] for call in answer["calls"] if call["outcome"] != "ok"}
    for name, runs in answer["listed"].items():
        missing = answer["there"].get(name, 0) - len(runs)
        if missing > 0 and name not in {one.strip() for one in unheard}:
            found.add(("hidden", name.partition(" ")[2] if name.split(" ")[0] in SEARCHES else ""))
    return found


def worst(found: set[tuple[str, str]]) -> str:
    return min((impact for impact, _ in found), key=ORDER.index, default="silent")
