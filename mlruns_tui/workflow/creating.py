"""Making an experiment through MLflow, one process at a time."""

from __future__ import annotations

from mlruns_tui.tracking import experiments
from mlruns_tui.userdata.creation_lock import creation_lock


def create_experiment(
    name: str,
    tracking_uri: str | None = None,
    *,
    on_deleted: experiments.OnDeleted = "restore",
    artifact_location: str | None = None,
    lock_timeout_s: float = 60,
) -> str:
    """Id of the active experiment of this name, made if there is none; ``tracking_uri`` None is MLflow's own.

    Raises MlrunsError (its kinds: UsageError, LockedError). The lock is held before MLflow sees the store:
    two first openings of one SQLite file break each other's migration.
    """
    uri = tracking_uri or experiments.default_uri()
    with creation_lock(uri, lock_timeout_s):
        return experiments.ensure(name, uri, on_deleted=on_deleted, artifact_location=artifact_location)
