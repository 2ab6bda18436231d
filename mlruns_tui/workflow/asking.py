"""What commands and the Python API ask for, as one call each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.plan import Plan, Protection
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.triage.families import families
from mlruns_tui.triage.judging import why_kept
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Old, Orphaned, Rule, choose
from mlruns_tui.triage.scope import Matching, Named, Scope

from .deciding import now_ms, plan_choices

if TYPE_CHECKING:
    from mlruns_tui.triage.expression import Expression


def plan_cleanup(
    reader: Reader,
    snapshot: Snapshot,
    *,
    days_old: int | None = None,
    orphans: bool = True,
    orphans_with_runs: bool = False,
    experiments: Sequence[str] = (),
    runs: Sequence[str] = (),
    backup: bool = True,
    min_idle_ms: int | None = None,
    lifted: Collection[str] = (),
    descendants: bool = False,
    where: Expression | None = None,
    slim: bool = False,
    at_ms: int | None = None,
) -> Plan:
    """The plan for orphaned experiments, runs that ended over ``days_old`` days ago, and runs named by id
    (``runs`` narrows ``days_old``; without it, it asks for these runs), inside ``experiments``.
    ``descendants``: also for all runs below those named by id. ``where`` narrows both; alone it asks for what
    matches. ``slim``: only the artifacts of these runs go.

    Raises UsageError for a name the store does not have, MlrunsError; nothing is changed.
    """
    from .filtering import find_runs, untold

    at = now_ms() if at_ms is None else at_ms
    scope = Scope(tuple(experiments), tuple(runs))
    rules: list[Rule] = []
    if orphans:
        rules.append(Orphaned(with_runs=orphans_with_runs))
    if days_old is not None:
        rules.append(Old(days_old))
    words = [rule.words() for rule in rules]
    chosen = choose(snapshot, rules, at)
    if runs and days_old is None:
        named = Named(tuple(runs))
        words.append(named.words())
        chosen.update((choice.key, choice) for choice in named.choose(snapshot, at))
    matches = None
    if where is not None:
        matches = find_runs(reader, snapshot, where, at)
        matching = Matching(where.text, matches.keys)
        words.append(matching.words())
        chosen = matching.narrow(chosen)
        if days_old is None and not runs:
            chosen.update((choice.key, choice) for choice in matching.choose(snapshot, at))
    if scope.words():
        words.append(f"only in {scope.words()}")
    options = Options(min_idle_ms, frozenset(lifted), orphans_with_runs)
    narrowed = scope.narrow(chosen, snapshot)
    if descendants:
        words.append("with all runs below them")
        narrowed = Scope(tuple(experiments)).narrow(families(Facts(snapshot, at, options), narrowed), snapshot)
    plan = plan_choices(reader, snapshot, narrowed, backup=backup, rules=words, options=options, at_ms=at, slim=slim)
    return plan if matches is None else replace(plan, messages=plan.messages + untold(matches))


def protections(snapshot: Snapshot, at_ms: int, *, runs: bool = True) -> dict[str, tuple[Protection, ...]]:
    """By key, why each experiment and run would stay if somebody asked for it alone; keys without a
    protection are left out, and all runs where ``runs`` is False. Judged on the snapshot: a plan looks again."""
    facts = Facts(snapshot, at_ms, Options())
    found = {}
    for key in (*facts.experiments, *facts.runs) if runs else facts.experiments:
        own = facts.protections(key)
        if not own and (kept := why_kept(facts, key, (), own)) is not None:
            own = [kept]
        if own:
            found[key] = tuple(own)
    return found


def check_changeable(store: StoreInfo) -> None:
    """Raises UsageError when this user can neither make a backup folder in the store nor use the one there."""
    vault = os.path.join(store.root, VAULT_NAME)
    place = vault if os.path.isdir(vault) else store.root
    if os.access(place, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return
    read_only = False
    with contextlib.suppress(OSError):
        read_only = bool(os.statvfs(store.root).f_flag & os.ST_RDONLY)
    why = "its file system is mounted read-only" if read_only else "you have no permission to write to it"
    raise UsageError(
        "read-only-store",
        f"{safe(store.root)} cannot be changed: {why}; nothing was done",
        path=store.root,
        hint="--dry-run shows what would go" if read_only else "ask its owner, or use --dry-run to see what would go",
    )
