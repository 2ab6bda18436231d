"""Making experiments through MLflow's client, whatever state a name is in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from mlruns_tui.model.errors import MlrunsError, UsageError
from mlruns_tui.model.text import safe

OnDeleted = Literal["restore", "new", "error"]

_ATTEMPTS = 4
_TAKEN = frozenset({"RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE"})
"""MLflow's words when somebody who does not know our lock was faster."""


def current_uri() -> str | None:
    """The tracking URI this process was given, by environment or by ``mlflow.set_tracking_uri``; None where it
    was given none. MLflow is asked only where it is loaded already."""
    if "mlflow" in sys.modules:
        with _explained(""):
            from mlflow.tracking import get_tracking_uri, is_tracking_uri_set

            return str(get_tracking_uri()) if is_tracking_uri_set() else None
    return os.environ.get("MLFLOW_TRACKING_URI") or None


def default_uri() -> str:
    """What MLflow itself would use now. Raises MlrunsError when it cannot be imported."""
    with _explained(""):
        import mlflow

        return str(mlflow.get_tracking_uri())


def use(uri: str) -> None:
    """Make ``uri`` the one MLflow uses in this process. Opens no store."""
    with _explained(uri):
        import mlflow

        mlflow.set_tracking_uri(uri)


def ensure(name: str, uri: str, *, on_deleted: OnDeleted = "restore", artifact_location: str | None = None) -> str:
    """Id of the active experiment ``name``, made if there is none. Hold the creation lock of ``uri``.

    Where the name belongs to a deleted experiment: ``restore`` brings it back, ``new`` makes another one
    and renames the deleted one to ``name (deleted, id …)``, because MLflow keeps names of deleted
    experiments taken; it stays deleted. ``error`` raises UsageError. Raises MlrunsError for whatever
    MLflow refuses, with its reason.
    """
    if on_deleted not in ("restore", "new", "error"):
        raise UsageError("usage", f"on_deleted is {on_deleted!r:.40}, not one of restore, new, error")
    with _explained(uri):
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        for attempt in range(_ATTEMPTS):
            try:
                return _settle(client, name, on_deleted, artifact_location)
            except MlflowException as error:
                if error.error_code not in _TAKEN or attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError("the last attempt returns or raises")


def _settle(client: Any, name: str, on_deleted: OnDeleted, artifact_location: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "deleted":
        return str(found.experiment_id)
    if found is not None:
        if on_deleted == "error":
            raise UsageError(
                "experiment-deleted",
                f"the experiment {safe(name, 200)} (id {found.experiment_id}) was deleted; nothing was made",
                hint='on_deleted="restore" brings it back, "new" makes another one',
            )
        if on_deleted == "restore":
            client.restore_experiment(found.experiment_id)
            return str(found.experiment_id)
        _set_aside(client, found)
    return str(client.create_experiment(name, artifact_location=artifact_location))


def _set_aside(client: Any, deleted: Any) -> None:
    """Free the name of a deleted experiment. MLflow renames active ones only, so it is active for a moment."""
    experiment_id = deleted.experiment_id
    client.restore_experiment(experiment_id)
    try:
        client.rename_experiment(experiment_id, f"{deleted.name} (deleted, id {experiment_id})")
    finally:
        try:
            client.delete_experiment(experiment_id)
        except Exception as error:
            raise MlrunsError(
                "not-deleted-again",
                f"the deleted experiment {safe(deleted.name, 200)} (id {experiment_id}) had to be active to be "
                f"renamed and could not be deleted again: {safe(str(error), 300)}; it is active now, no data is lost",
                hint="delete it in MLflow once the reason is gone",
            ) from error


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Whatever MLflow raises comes out as MlrunsError with the reason and what to do."""
    try:
        yield
    except MlrunsError:
        raise
    except ImportError as error:
        raise MlrunsError(
            "mlflow-missing",
            f"MLflow cannot be imported: {safe(str(error), 300)}; nothing was made",
            hint="pip install mlflow",
        ) from error
    except Exception as error:
        raise _explanation(error, uri) from error


def _explanation(error: Exception, uri: str) -> MlrunsError:
    said = safe(str(error).strip() or type(error).__name__, 500)
    if "MLFLOW_ALLOW_FILE_STORE" in said:
        return UsageError(
            "file-store-refused",
            "this MLflow refuses directories as stores (its file store is in maintenance mode); nothing was made",
            path=safe(uri),
            hint="set MLFLOW_ALLOW_FILE_STORE=true to go on with it, or move to a database: mlflow migrate-filestore",
        )
    if getattr(error, "error_code", "") == "INVALID_PARAMETER_VALUE":
        return UsageError("mlflow-refused", f"MLflow refuses it: {said}; nothing was made", path=safe(uri))
    return MlrunsError("mlflow-failed", f"MLflow failed: {said}", path=safe(uri))
