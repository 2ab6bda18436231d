"""The Python API: safe experiment creation, and clean-up with the same plan, protection and backup as
everywhere. Nothing here asks; nothing prints but ``print_experiment_summary``.

Every call raises ``mlruns_tui.model.errors.MlrunsError`` (``UsageError``: no such store; ``LockedError``:
somebody else is changing it) with what happened, what was left as it was, and what to do.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.tracking_uri import Address, address
from mlruns_tui.report import documents, listing
from mlruns_tui.report.words import parse_duration
from mlruns_tui.tracking import experiments
from mlruns_tui.tracking.experiments import OnDeleted
from mlruns_tui.workflow.asking import check_changeable, plan_cleanup, protections
from mlruns_tui.workflow.changing import follow, start_apply
from mlruns_tui.workflow.creating import create_experiment
from mlruns_tui.workflow.reading import open_reader, read_all

Idle = float | str | timedelta | None
"""Seconds, a text like ``1h``, or None for the usual: 1 h, 24 h on a network file system."""


class MLflowExperimentManager:
    """One store, named by tracking URI or path; None is what MLflow itself would use."""

    def __init__(self, tracking_uri: str | os.PathLike[str] | None = None) -> None:
        self._given = None if tracking_uri is None else os.fspath(tracking_uri)
        if self._given == "":
            raise UsageError("usage", "an empty tracking URI names no store")

    @property
    def tracking_uri(self) -> str | None:
        """The store's URI as MLflow takes it; None where it was not named and MLflow decides."""
        return experiments.current_uri() if self._given is None else _uri(address(self._given))

    def create_experiment_safely(
        self,
        experiment_name: str,
        artifact_location: str | None = None,
        *,
        on_deleted: OnDeleted = "restore",
        lock_timeout: float = 60,
    ) -> str:
        """As ``setup_mlflow_experiment_safely``."""
        uri = None if self._given is None else _uri(address(self._given))
        experiment_id = create_experiment(
            experiment_name,
            uri,
            on_deleted=on_deleted,
            artifact_location=artifact_location,
            lock_timeout_s=lock_timeout,
        )
        if uri is not None:
            experiments.use(uri)
        return experiment_id

    def print_experiment_summary(self) -> None:
        """Print the store's experiments with runs, size, age and state."""
        snapshot = read_all(self._open())
        at_ms = now_ms()
        facts = listing.Facts(snapshot, protections(snapshot, at_ms), at_ms)
        entries = listing.arrange(snapshot.experiments, listing.EXPERIMENT_FIELDS, "size", False, facts)
        lines = listing.store_heading(snapshot, documents.store_totals(snapshot))
        lines += ["", *listing.listing_table(entries, listing.EXPERIMENT_FIELDS, listing.EXPERIMENT_COLUMNS, facts)]
        print("\n".join([*lines, *snapshot.messages]))

    def cleanup_orphaned_experiments(self, backup: bool = True, *, lock_timeout: float = 60) -> list[str]:
        """Move orphaned experiments to a backup, or delete them for good; ids of those removed."""
        result = self.cleanup(backup=backup, lock_timeout=lock_timeout)
        return _removed(result, "experiment_id")

    def cleanup_old_runs(self, days_old: int = 30, backup: bool = True, *, lock_timeout: float = 60) -> list[str]:
        """Move active runs that ended over ``days_old`` days ago to a backup; ids of those removed."""
        result = self.cleanup(backup=backup, days_old=days_old, orphans=False, lock_timeout=lock_timeout)
        return _removed(result, "run_id")

    def cleanup(
        self,
        *,
        backup: bool = True,
        days_old: int | None = None,
        orphans: bool = True,
        min_idle: Idle = None,
        dry_run: bool = False,
        lock_timeout: float = 60,
    ) -> dict[str, Any]:
        """As ``cleanup_mlflow_experiments``; ``days_old`` None leaves runs alone."""
        if days_old is not None and days_old < 0:
            raise UsageError("usage", f"days_old is {days_old}; it counts days back from now")
        reader = self._open()
        snapshot = read_all(reader)
        plan = plan_cleanup(
            reader, snapshot, days_old=days_old, orphans=orphans, backup=backup, min_idle_ms=_idle_ms(min_idle)
        )
        batch = None
        if not dry_run and not plan.empty:
            check_changeable(snapshot.store)
            batch = follow(start_apply(plan, lock_timeout))
        return {
            **documents.cleanup_result(plan, batch),
            "refused": [documents.refused_item(one) for one in plan.refused],
            "dry_run": dry_run,
            "messages": [*snapshot.messages, *plan.messages, *(batch.messages if batch else ())],
        }

    def _open(self) -> Reader:
        """A reader of the store. Raises UsageError when there is none, or it is a server."""
        return open_reader(experiments.current_uri() if self._given is None else self._given)


def setup_mlflow_experiment_safely(
    experiment_name: str,
    tracking_uri: str | os.PathLike[str] | None = None,
    *,
    on_deleted: OnDeleted = "restore",
    lock_timeout: float = 60,
) -> str:
    """Id of the active experiment of this name, made if there is none; safe when many processes call it at once.

    ``on_deleted``, where the name belongs to a deleted experiment: ``restore`` it, make a ``new`` one (the
    deleted one stays deleted under the name ``… (deleted, id …)``), or raise an ``error``. A tracking URI
    given here becomes MLflow's current one, so that runs can be started in the experiment at once.
    ``lock_timeout``: seconds to wait for other processes. Raises MlrunsError.
    """
    manager = MLflowExperimentManager(tracking_uri)
    return manager.create_experiment_safely(experiment_name, on_deleted=on_deleted, lock_timeout=lock_timeout)


def cleanup_mlflow_experiments(
    tracking_uri: str | os.PathLike[str] | None = None,
    backup: bool = True,
    days_old: int | None = 30,
    *,
    orphans: bool = True,
    min_idle: Idle = None,
    dry_run: bool = False,
    lock_timeout: float = 60,
) -> dict[str, Any]:
    """Move orphaned experiments and runs that ended over ``days_old`` days ago to a backup (or, without
    ``backup``, delete them for good), without a question.

    Returns the fields of the ``result`` of ``mlruns-tui cleanup --json``: ``batch``, ``items`` with an
    ``outcome`` each (with ``dry_run`` or when nothing was done: what would go, outcome None), ``totals``,
    ``total_deleted_experiments``, ``deleted_runs_count``, ``more``, ``undo_command``; and ``refused``: what was
    asked for and stays, with reasons.
    """
    return MLflowExperimentManager(tracking_uri).cleanup(
        backup=backup,
        days_old=days_old,
        orphans=orphans,
        min_idle=min_idle,
        dry_run=dry_run,
        lock_timeout=lock_timeout,
    )


def _removed(result: dict[str, Any], name: str) -> list[str]:
    return [item[name] for item in result["items"] if item["outcome"] == "done"]


def _uri(where: Address) -> str:
    """A plain path becomes a URI with an absolute path; a URI stays as it is."""
    if where.uri != where.path:
        return where.uri
    path = os.path.abspath(where.path)
    return f"sqlite:///{path}" if where.kind == "database" else Path(path).as_uri()


def _idle_ms(idle: Idle) -> int | None:
    if idle is None:
        return None
    if isinstance(idle, timedelta):
        return round(idle.total_seconds() * 1000)
    if isinstance(idle, str):
        try:
            return parse_duration(idle)
        except ValueError as error:
            raise UsageError("usage", f"min_idle: {error}") from None
    return round(idle * 1000)
