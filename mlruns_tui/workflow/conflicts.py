"""What has taken the place of removed items besides their directories: names MLflow wants to be unique."""

from __future__ import annotations

from mlruns_tui.cleanup.vault import batches
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe
from mlruns_tui.scanner.names import experiment_names


def names_now(root: str) -> dict[str, str]:
    """Names of the store's active experiments by id; empty where they are not in files."""
    try:
        return experiment_names(root)
    except OSError:
        return {}


def names_taken(root: str) -> dict[str, str]:
    """Why removed experiments had better not go back, by key: another one has the name by now. MLflow would
    list both and find only one of them by name. Reads only; empty where that cannot be told.
    """
    try:
        removed = {
            one.item.key: one.item
            for batch in batches(root)
            for one in batch.items
            if one.item.kind == "experiment" and one.item.name and "/" not in one.item.path
            if one.place in ("moved", "packed")
        }
        if not removed:
            return {}
        by_name = {name: experiment_id for experiment_id, name in experiment_names(root).items()}
    except (MlrunsError, OSError):
        return {}
    return {
        key: f"its name is taken: experiment {safe(by_name[item.name])} is called {item.name} by now"
        for key, item in removed.items()
        if by_name.get(item.name, item.experiment_id) != item.experiment_id
    }
