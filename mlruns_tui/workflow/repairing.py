"""Mending what is broken instead of deleting it: from findings to a plan, and its way to the worker."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mlruns_tui.disk.look import user_name
from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import StoreInfo, experiment_key
from mlruns_tui.model.words import TRASH_NAME, Place
from mlruns_tui.triage import mend_following, mendable, mending
from mlruns_tui.triage.mend_names import check_names
from mlruns_tui.triage.plan_head import PlanRequest
from mlruns_tui.triage.protection import Options

from .changing import start_apply
from .deciding import unused_id
from .diagnosing import diagnose
from .task import Task

NO_NAMES: Mapping[str, str] = MappingProxyType({})


def repairable(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those a repair can mend, in the order given; whether it may is only known to ``preview_repair``."""
    return mendable.repairable(findings)


def preview_repair(
    reader: Reader,
    findings: Sequence[Finding] | None = None,
    *,
    names: Mapping[str, str] = NO_NAMES,
    min_idle_ms: int | None = None,
    strays_with_runs: bool = False,
    at_ms: int | None = None,
) -> Plan:
    """The plan that mends these findings (None: all that can be), every place looked at afresh.

    Each item's ``what`` says in words what would be done, ``reason`` what is wrong, ``path`` where. What
    cannot or must not be touched now is in ``refused``, with the reason. ``names``: by experiment key
    (``experiment/3``) the name a rebuilt experiment gets; default ``recovered-<id>``. ``min_idle_ms``:
    quiet time asked of what may be in use; None: 1 h, 24 h on a network file system. ``strays_with_runs``:
    also take out what does not belong in a store and holds runs that exist nowhere else. Changes nothing.
    Raises UsageError for a name MLflow would refuse or another experiment has, StaleError, MlrunsError.
    """
    if findings is None:
        findings = diagnose(reader)
    at = now_ms() if at_ms is None else at_ms
    wanted = mendable.wanted(findings, {_folder(key) for key in names})
    look = reader.look_at(wanted)
    # What a repair itself would break is mended with it, so that nobody has to come again.
    after = mend_following.following(look)
    if after:
        look = replace(look, spots=look.spots + reader.look_at(after).spots)
    check_names(names, look, wanted)
    references = reader.inspect(()).references if any(one.kind == "out" for one in wanted) else ()
    request = PlanRequest(
        plan_id=unused_id(reader.store.root, at),
        now_ms=at,
        user=user_name(os.geteuid()),
        host=socket.gethostname(),
        rules=("repair",),
        options=Options(min_idle_ms, strays_with_runs=strays_with_runs),
    )
    return mending.plan_repair(reader.store, look, references, names, request)


def experiment_keys(store: StoreInfo, experiment_id: str) -> tuple[str, ...]:
    """Keys of the directories that have this id for a name: the active one first, then the one in MLflow's trash."""
    if not experiment_id or "/" in experiment_id or experiment_id.startswith("."):
        return ()
    folders = {"root": store.root, "trash": os.path.join(store.root, TRASH_NAME)}
    places: tuple[Place, ...] = ("root", "trash")
    return tuple(
        experiment_key(one, experiment_id) for one in places if os.path.isdir(os.path.join(folders[one], experiment_id))
    )


def _folder(key: str) -> str:
    """Where the experiment with this key has its directory."""
    place, _, experiment_id = key.partition("/")
    return f"{TRASH_NAME}/{experiment_id}" if place == "trash" else experiment_id


def start_repair(plan: Plan, lock_timeout_s: float = 0) -> Task:
    """Carry out a plan of ``preview_repair``, once; ``undo`` takes it back byte for byte."""
    return start_apply(plan, lock_timeout_s)
