"""Mending what is broken instead of deleting it: from findings to a plan, and its way to the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Reader

from .changing import Task, start_apply

NO_NAMES: Mapping[str, str] = MappingProxyType({})


def repairable(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those a repair can mend, in the order given; whether it may is only known to ``preview_repair``."""
    return tuple(one for one in findings if one.remedy == "repair")


def preview_repair(
    reader: Reader, findings: Sequence[Finding] | None = None, *, names: Mapping[str, str] = NO_NAMES
) -> Plan:
    """The plan that mends these findings (None: all that can be), every place looked at afresh.

    Each item's ``what`` says in words what would be done, ``reason`` what is wrong, ``path`` where. What
    cannot or must not be touched now is in ``refused``, with the reason. ``names``: by experiment key
    (``experiment/3``) the name a rebuilt experiment gets; default ``recovered-<id>``. Changes nothing.
    Raises UsageError for a name MLflow would refuse or another experiment has, StaleError, MlrunsError.
    """
    raise MlrunsError("not-yet", "repairs cannot be planned yet; nothing was changed")


def start_repair(plan: Plan, lock_timeout_s: float = 0) -> Task:
    """Carry out a plan of ``preview_repair``, once; ``undo`` takes it back byte for byte."""
    return start_apply(plan, lock_timeout_s)
