"""What is wrong in a store, and what MLflow does because of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mlruns_tui.model.details import RunDetails
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.protocols import Reader, Stop, never, unheard
from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.model.words import IMPACTS
from mlruns_tui.triage import impact, mend_able, mendable, plan_head, remedies


def diagnose(
    reader: Reader,
    mlflow_version: str | None = None,
    stop: Stop = never,
    snapshot: Snapshot | None = None,
    *,
    contents: bool = True,
    tell: Callable[[int], None] = unheard,
) -> tuple[Finding, ...]:
    """The findings of a store, worst first, for this version of MLflow (default: the installed one).

    Reads every metric, param and tag: seconds for thousands of runs; without ``contents`` only what is
    about them, a few times faster. Changes nothing. What lives in a database is no finding. ``snapshot``:
    a scan of this store that has read its runs, if there is one; else the metadata is read for it. When
    ``stop`` ends it, the findings so far are given. ``tell`` hears how many runs were looked at. Raises
    UsageError for a version that is none, StaleError when the store is gone or another one now.
    """
    version = mlflow_version or installed_mlflow_version()
    try:
        impact.parse_version(version)
    except ValueError as error:
        raise UsageError("bad-version", str(error), hint="name one like 3.17.2") from None
    if reader.store.kind in ("database", "unclaimed"):
        return ()
    judged = snapshot if snapshot is not None and _is_judged(snapshot) else _judged(reader, stop)
    symptoms = reader.symptoms(
        _of_a_database(judged), contents=contents, unsaid=impact.unminded(version), stop=stop, tell=tell
    )
    return _with_remedies(_sparing(impact.find(symptoms, version), judged), judged, reader, stop)


def _with_remedies(
    findings: tuple[Finding, ...], snapshot: Snapshot | None, reader: Reader, stop: Stop
) -> tuple[Finding, ...]:
    """Each with the remedy the program really has for it."""
    asked = remedies.uncertain(mendable.wanted(findings))
    unable = mend_able.unable(reader.store, reader.look_at(asked, True)) if asked and not stop() else {}
    return remedies.kept_promises(findings, snapshot, unable)


def findings_in(details: RunDetails, known: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Everything wrong with the run of these details, for the installed MLflow: what is ``known`` of it from a
    check of the store, which compared it with others, and what was read of it alone."""
    said = {(one.code, one.path, one.line) for one in known}
    found = impact.find(details.symptoms, installed_mlflow_version())
    more = [one for one in found if (one.code, one.path, one.line) not in said]
    return tuple(sorted((*known, *more), key=lambda one: IMPACTS.index(one.impact)))


def unseen_writers(details: RunDetails, store: StoreInfo) -> tuple[str, ...]:
    """In words, why somebody may write to the run whom nobody here can see; empty where that cannot be."""
    return tuple(plan_head.unseen_writers(details.unchecked_processes, details.in_container, store))


def _is_judged(snapshot: Snapshot) -> bool:
    return snapshot.progress.stage not in ("listing", "runs")


def _judged(reader: Reader, stop: Stop) -> Snapshot | None:
    """The first snapshot that has decided what each directory is; sizes are not waited for."""
    for snapshot in reader.scan(None, stop):
        if _is_judged(snapshot):
            return snapshot
    return None


def _of_a_database(snapshot: Snapshot | None) -> frozenset[str]:
    """Directories in the places of experiments that a database claims."""
    if snapshot is None or snapshot.store.kind == "file":
        return frozenset()
    owned = {one.path for one in snapshot.experiments if one.record == "database"}
    owned |= {one.path for one in snapshot.strays if one.kind == "claimed" and "/" not in one.path}
    return frozenset(owned - {""})


def _sparing(findings: tuple[Finding, ...], snapshot: Snapshot | None) -> tuple[Finding, ...]:
    """Nothing is to be removed where somebody keeps artifacts, or may. Where it is known who does, MLflow
    passes over the directory as it should, and that is no finding."""
    if snapshot is None:
        return findings
    claimed = {one.path for one in snapshot.strays if one.kind == "claimed"}
    unclaimed = {one.path for one in snapshot.experiments if one.state == "unclaimed"}
    unclaimed |= {one.path for one in snapshot.all_runs() if one.state == "unclaimed"}
    kept = []
    for one in findings:
        if _lies_in(one.path, claimed):
            if one.impact != "hidden":
                kept.append(impact.spared(one, "are in use"))
        elif _lies_in(one.path, unclaimed):
            kept.append(impact.spared(one, "may be in use"))
        else:
            kept.append(one)
    return tuple(kept)


def _lies_in(path: str, folders: Collection[str]) -> bool:
    while path:
        if path in folders:
            return True
        path = path.rpartition("/")[0]
    return False


def installed_mlflow_version() -> str:
    """The version of the installed MLflow, from its package's metadata; the newest known one without any.

    MLflow is not imported: that takes seconds, and newer ones refuse file stores while it is done.
    """
    from importlib import metadata

    for package in ("mlflow", "mlflow-skinny"):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return impact.NEWEST_KNOWN
