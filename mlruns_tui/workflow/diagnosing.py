"""What is wrong in a store, and what MLflow does because of it."""

from __future__ import annotations

import os
from importlib import metadata

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.protocols import Reader, Stop, never
from mlruns_tui.triage import impact


def diagnose(reader: Reader, mlflow_version: str | None = None, stop: Stop = never) -> tuple[Finding, ...]:
    """The findings of a store, worst first, for this version of MLflow (default: the installed one).

    Reads every metric, param and tag: seconds for thousands of runs. Changes nothing. What lives in a
    database is no finding, nor are its artifacts. When ``stop`` ends it, the findings so far are given.
    Raises UsageError for a version that is none, StaleError when the store is gone or another one now.
    """
    version = mlflow_version or installed_mlflow_version()
    try:
        impact.parse_version(version)
    except ValueError as error:
        raise UsageError("bad-version", str(error), hint="name one like 3.17.2") from None
    store = reader.store
    if store.kind in ("database", "unclaimed"):
        return ()
    from mlruns_tui.scanner.checks import check_store
    from mlruns_tui.scanner.root import open_root

    leave_out = _in_use(reader, stop)
    root_fd = open_root(store)
    if root_fd is None:
        return ()
    try:
        return impact.find(check_store(root_fd, store.root, stop, leave_out), version)
    finally:
        os.close(root_fd)


def _in_use(reader: Reader, stop: Stop) -> frozenset[str]:
    """Paths of the directories a database or another experiment keeps artifacts in, whatever they look
    like; from the first snapshot that has decided on them."""
    for snapshot in reader.scan(None, stop):
        if snapshot.progress.stage in ("listing", "runs"):
            continue
        owned = {one.path for one in snapshot.experiments if one.record == "database"}
        owned |= {run.path for run in snapshot.all_runs() if run.record == "database"}
        owned |= {one.path for one in snapshot.strays if one.kind == "claimed"}
        return frozenset(owned - {""})
    return frozenset()


def installed_mlflow_version() -> str:
    """The version of the installed MLflow, from its package's metadata; the newest known one without any.

    MLflow is not imported: that takes seconds, and newer ones refuse file stores while it is done.
    """
    for package in ("mlflow", "mlflow-skinny"):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return impact.NEWEST_KNOWN
