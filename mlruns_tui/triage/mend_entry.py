"""What a place of a store belongs to, and how an item about it is called."""

from __future__ import annotations

from dataclasses import dataclass

from mlruns_tui.model.mending import Wanted
from mlruns_tui.model.store import experiment_key, run_key
from mlruns_tui.model.words import TRASH_NAME, ItemKind, Place


@dataclass(frozen=True, slots=True)
class Entry:
    """Where in a store a path is."""

    kind: ItemKind
    key: str
    experiment_id: str
    run_id: str


def experiment_path_key(path: str) -> str:
    """Key of the experiment whose ``meta.yaml`` this is."""
    parts = path.split("/")
    return experiment_key("trash" if parts[0] == TRASH_NAME else "root", parts[-2])


def place_of(wanted: Wanted) -> Entry:
    """What an item about this path is called: an entry's key, and what follows its directory."""
    first = wanted.findings[0]
    parts = wanted.path.split("/")
    place: Place = "trash" if parts[0] == TRASH_NAME else "root"
    inner = parts[1:] if place == "trash" and len(parts) > 1 else parts
    if not first.experiment_id or inner[0] != first.experiment_id or len(inner) < 2:
        kind: ItemKind = "stray" if len(inner) == 1 or (wanted.kind == "out" and inner[0] != "models") else "experiment"
        if inner[0] == "models" and len(inner) > 1:
            kind = "model-version" if len(inner) > 2 and inner[2].startswith("version-") else "registered-model"
        return Entry(kind, f"stray/{wanted.path}" if kind == "stray" else wanted.path, "", "")
    if first.run_id and inner[1] == first.run_id:
        key = run_key(place, first.experiment_id, first.run_id)
        return Entry("run", "/".join([key, *inner[2:]]), first.experiment_id, first.run_id)
    kinds: dict[str, ItemKind] = {"models": "logged-model", "traces": "trace"}
    key = "/".join([experiment_key(place, first.experiment_id), *inner[1:]])
    return Entry(kinds.get(inner[1], "experiment") if len(inner) > 2 else "experiment", key, first.experiment_id, "")
