"""What commands and the Python API ask for, as one call each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.plan import Plan, Protection
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.triage.families import families
from mlruns_tui.triage.judging import why_kept
from mlruns_tui.triage.more_rules import Deleted
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Orphaned, Rule, choose
from mlruns_tui.triage.scope import Matching, Named, Scope
from mlruns_tui.triage.selecting import Selection, keep_ranked, keep_words

from .deciding import plan_choices

if TYPE_CHECKING:
    from mlruns_tui.triage.expression import Expression

NOTHING_MORE = Selection()


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
    selection: Selection = NOTHING_MORE,
    at_ms: int | None = None,
) -> Plan:
    """The plan for orphaned experiments, runs that ended over ``days_old`` days ago, and runs named by id
    (``runs`` narrows ``days_old``; without it, it asks for these runs), inside ``experiments``.
    ``descendants``: also for all runs below those named by id. ``where`` narrows both; alone it asks for what
    matches. ``slim``: only the artifacts of these runs go. ``selection``: more selectors, and what is kept.

    Raises UsageError for a name the store does not have, MlrunsError; nothing is changed.
    """
    from .filtering import find_runs, untold
    from .selecting import keeping_tagged, measure

    at = now_ms() if at_ms is None else at_ms
    scope = Scope(tuple(experiments), tuple(runs))
    rules: list[Rule] = []
    if orphans:
        rules.append(Orphaned(with_runs=orphans_with_runs))
    words = [rule.words() for rule in rules] + selection.words(days_old)
    chosen = {**choose(snapshot, rules, at), **selection.choose(snapshot, days_old, at)}
    asked_for_runs = days_old is not None or bool(selection.rules(None))
    if runs and not asked_for_runs:
        named = Named(tuple(runs))
        words.append(named.words())
        chosen.update((choice.key, choice) for choice in named.choose(snapshot, at))
    matches = None
    if where is not None:
        matches = find_runs(reader, snapshot, where, at)
        matching = Matching(where.text, matches.keys)
        words.append(matching.words())
        chosen = matching.narrow(chosen)
        if not asked_for_runs and not runs:
            chosen.update((choice.key, choice) for choice in matching.choose(snapshot, at))
        # An expression is about runs: it says nothing of what was deleted as a whole.
        chosen = {key: one for key, one in chosen.items() if "/run/" in key or one.rule != Deleted.name}
    where_ranked = scope.containers(snapshot) if selection.keep_best else None
    measured = [measure(reader, snapshot, keep, where_ranked) for keep in selection.keep_best]
    if selection.ranks and not (asked_for_runs or runs or where is not None):
        chosen.update(keep_ranked(snapshot, None, selection, measured, at).chosen)
    if scope.words():
        words.append(f"only in {scope.words()}")
    options = Options(min_idle_ms, frozenset(lifted), orphans_with_runs)
    narrowed = scope.narrow(chosen, snapshot)
    if descendants:
        words.append("with all runs below them")
        narrowed = Scope(tuple(experiments)).narrow(families(Facts(snapshot, at, options), narrowed), snapshot)
    kept = keep_ranked(snapshot, narrowed, selection, measured, at)
    words += keep_words(selection)
    seen = keeping_tagged(reader, snapshot, selection, kept.chosen.keys())
    plan = plan_choices(reader, seen, kept.chosen, backup=backup, rules=words, options=options, at_ms=at, slim=slim)
    return replace(plan, messages=plan.messages + kept.said + (untold(matches) if matches is not None else ()))


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
