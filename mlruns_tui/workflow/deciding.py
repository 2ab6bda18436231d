"""From what was asked for to a plan that can be shown and carried out."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from mlruns_tui.disk.look import user_name
from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.triage.judging import Verdict, judge
from mlruns_tui.triage.plan_head import PlanRequest, plan_id
from mlruns_tui.triage.planner import kept_back, make_plan, parents_of, without
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Choice, Rule, choose
from mlruns_tui.triage.slim import evidence_keys, slimmed


def unused_id(root: str, at_ms: int) -> str:
    """An id for a plan that no batch of the store has: of sixty-five thousand a minute, one day one comes twice."""
    taken: set[str] = set()
    with contextlib.suppress(OSError):
        taken.update(os.listdir(os.path.join(root, VAULT_NAME, "batches")))
    minute = time.strftime("%Y%m%d-%H%M", time.gmtime(at_ms / 1000))
    return next(one for one in iter(lambda: plan_id(minute, os.urandom(2).hex()), "") if one not in taken)


def preview(
    snapshot: Snapshot, rules: Sequence[Rule], at_ms: int, options: Options | None = None, facts: Facts | None = None
) -> Verdict:
    """What these rules would mark now, judged on the snapshot alone (for figures beside a key).

    ``facts``: an index of this snapshot, where a caller has one already.
    """
    return judge(facts or Facts(snapshot, at_ms, options or Options()), choose(snapshot, rules, at_ms))


def plan_choices(
    reader: Reader,
    snapshot: Snapshot,
    chosen: Mapping[str, Choice],
    *,
    backup: bool = True,
    rules: Sequence[str] = (),
    options: Options | None = None,
    at_ms: int | None = None,
    slim: bool = False,
) -> Plan:
    """Look at every chosen item afresh and make the plan. Changes nothing. Raises MlrunsError, StaleError.

    ``slim``: only the artifacts of the chosen runs (and of the runs of chosen experiments) go.
    """
    if slim:
        chosen = slimmed(chosen, snapshot)
    evidence = reader.inspect(evidence_keys(chosen.values()))
    at = now_ms() if at_ms is None else at_ms
    request = PlanRequest(
        plan_id=unused_id(reader.store.root, at),
        now_ms=at,
        user=user_name(os.geteuid()),
        host=socket.gethostname(),
        backup=backup,
        rules=tuple(rules),
        options=options or Options(),
    )
    return make_plan(snapshot, chosen, evidence, request)


def plan_rules(
    reader: Reader,
    snapshot: Snapshot,
    rules: Sequence[Rule],
    *,
    backup: bool = True,
    options: Options | None = None,
    at_ms: int | None = None,
) -> Plan:
    """The plan for everything these rules ask for."""
    at = now_ms() if at_ms is None else at_ms
    chosen = choose(snapshot, rules, at)
    words = [rule.words() for rule in rules]
    return plan_choices(reader, snapshot, chosen, backup=backup, rules=words, options=options, at_ms=at_ms)


def plan_marks(
    reader: Reader,
    snapshot: Snapshot,
    marked: Mapping[str, Choice],
    *,
    rules: Sequence[Rule],
    words: Sequence[str],
    backup: bool = True,
    slim: bool = False,
) -> Plan:
    """The plan for exactly these marks. What the ``rules`` they were made with asked for besides and
    protection kept back is listed as refused; it never becomes an item."""
    plan = plan_choices(reader, snapshot, marked, backup=backup, rules=words, slim=slim)
    asked = choose(snapshot, rules, plan.created_ms)
    kept = kept_back(snapshot, asked, marked, plan.created_ms, Options())
    return replace(plan, refused=plan.refused + kept)


def leaving_out(plan: Plan, snapshot: Snapshot) -> Callable[[Collection[str]], Plan]:
    """Gives the plan without the items of these keys, and without the parents of those that now stay.

    Families are looked up once, so that each answer takes milliseconds for 10,000 items.
    """
    parents = parents_of(snapshot, plan.items)
    return lambda keys: without(plan, keys, parents)
