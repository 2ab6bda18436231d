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
        # Listed twice under one id is one that is not seen.
        missing = answer["there"].get(name, 0) - len(set(runs))
        if missing > 0 and name not in {one.strip() for one in unheard}:
            found.add(("hidden", name.partition(" ")[2] if name.split(" ")[0] in SEARCHES else ""))
    return found


def worst(found: set[tuple[str, str]]) -> str:
    return min((impact for impact, _ in found), key=ORDER.index, default="silent")


def is_near(path: str, place: str) -> bool:
    """One of the two is the other, or lies in it."""
    return path == place or path.startswith(place + "/") or place.startswith(path + "/")


EVERYWHERE = frozenset(
    {
        "experiment-closed",
        "experiment-no-list",
        "registry-closed",
        "store-below-artifacts",
        "trash-closed",
        "trash-not-a-folder",
    }
)
"""Findings about a folder that every search for a run, model or trace goes through: it ends them all."""


def missed(answer: dict[str, Any], findings: list[dict[str, Any]]) -> list[str]:
    """What MLflow did that no finding says, entry by entry; empty when the doctor missed nothing."""
    problems = []
    said = {(one["impact"], one["experiment_id"], one["run_id"]) for one in findings}
    impacts_said = {impact for impact, _, _ in said}
    closed = {one["code"] for one in findings} & EVERYWHERE
    for impact, entry in sorted(impacts(answer)):
        experiment, _, run = entry.partition("/")
        if impact == "breaks-store":
            found = impact in impacts_said
        elif impact == "breaks-run":
            # Looking for a run goes through every experiment: one that cannot be listed ends it.
            found = (
                bool(closed)
                or (impact, experiment, "") in said
                or any(one["impact"] == impact and one["run_id"] == run for one in findings)
            )
        else:
            # One finding says the worst: what cannot be read at all is passed over with a warning as well.
            bad_enough = ORDER[: ORDER.index(impact) + 1]
            found = any(one in bad_enough and (not experiment or owner == experiment) for one, owner, _ in said)
            found = found or (impact == "breaks-experiment" and bool(closed))
        if not found:
            problems.append(f"MLflow: {impact} at {entry or 'the store'}; doctor: nothing of the kind")
    return problems


def invented(answer: dict[str, Any], findings: list[dict[str, Any]]) -> list[str]:
    """Findings that MLflow does not bear out; empty when the doctor invented nothing."""
    seen = impacts(answer)
    if any(call["call"] == "open" and call["outcome"] == "raise" for call in answer["calls"]):
        # Nothing else could be asked.
        return []
    raised = {(call["call"], call["entry"]) for call in answer["calls"] if call["outcome"] == "raise"}
    broken = {entry for impact, entry in seen if impact == "breaks-experiment"}
    problems = []
    for one in findings:
        impact, experiment = one["impact"], one["experiment_id"]
        if impact == "breaks-store":
            true = (impact, "") in seen
        elif impact == "breaks-experiment":
            true = experiment in broken
        elif impact == "breaks-run":
            true = any(call == "get_run" and entry.endswith(f"/{one['run_id']}") for call, entry in raised) or any(
                seen_impact == impact for seen_impact, _ in seen
            )
        elif impact == "warns":
            # Where a listing raises, its warnings are lost with it.
            true = (
                (impact, experiment) in seen
                or (impact, "") in seen
                or ("breaks-store", "") in seen
                or experiment in broken
            )
        elif impact == "hidden":
            # Of a listing of the whole store it is only known that something is missing; nothing, where it raises.
            unseen = (impact, experiment) in seen or (impact, "") in seen
            unseen = unseen or (not one["run_id"] and ("breaks-store", "") in seen)
            true = unseen or ("warns", experiment) in seen or experiment in broken
        else:
            true = True
        if not true:
            problems.append(f"doctor: {impact} at {one['path']} ({one['code']}); MLflow does nothing of the kind")
    return problems
