"""What the lists show, derived from a state: rows, badges, totals. Pure; parts whose inputs are the same are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, Run, Snapshot, container_key
from mlruns_tui.model.words import IMPACTS, Impact
from mlruns_tui.triage.arranged import Arranged, FlatRows
from mlruns_tui.triage.columns import kind_of
from mlruns_tui.triage.finding_views import keys_of
from mlruns_tui.triage.marks import MarkTotals, totals
from mlruns_tui.triage.ordering import text_filter
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.views import RunRow, TreeRow, run_rows, tree_rows

from .marking import old_counts, orphaned, rule_figures
from .state import Judged, UiState

SMALL = 3_000
"""So many rows or marks are worked through in less than a frame or two; more go to a thread."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Rows and figures of one state."""

    tree: list[TreeRow] = field(default_factory=list)
    runs: Sequence[RunRow] = ()
    arranged: Arranged = field(default_factory=lambda: Arranged(()))
    """The runs of the table, and the orders they were in."""
    totals: MarkTotals = MarkTotals()
    marked_here: int = 0
    """Marked runs of the experiment in the table."""
    marked_shown: int = 0
    """Of these, those the filter lets through."""
    sized_here: int = 0
    badges: Mapping[str, Finding] = field(default_factory=dict)
    """The worst finding by key of the entry (experiment, run or stray)."""
    impacts: Mapping[Impact, int] = field(default_factory=dict)
    """Findings by impact, in the whole store."""
    source: UiState | None = None


def is_small(state: UiState, before: Shown) -> bool:
    """Whether the rows of this state may be made on the screen's own thread, ``before`` being there."""
    others = len(state.marks) + len(state.snapshot.experiments)
    if len(state.runs or ()) + others <= SMALL:
        return True
    known = before.source
    if others > SMALL or known is None or known.snapshot is not state.snapshot or known.findings is not state.findings:
        return False
    if known.marks is not state.marks and _known_runs(state) is None:
        return False
    if _same_runs(state, known):
        return True
    ready = before.arranged.runs is state.runs and before.arranged.is_ready(state.run_order, state.run_filter)
    return ready and state.matches is None and not kind_of(state.run_order.key)


def _known_runs(state: UiState) -> Mapping[str, Run] | None:
    """Every run of the snapshot by its key, where a judgement has made that already."""
    facts = state.judged.facts if state.judged is not None else None
    return facts.runs if facts is not None and facts.snapshot is state.snapshot else None


def build(state: UiState, now_ms: int, before: Shown) -> Shown:
    """The rows of a state; what did not change since ``before`` is taken from there."""
    old_state = before.source
    same_snapshot = old_state is not None and old_state.snapshot is state.snapshot
    same_marks = old_state is not None and old_state.marks is state.marks
    same_findings = old_state is not None and old_state.findings is state.findings
    if old_state is not None and same_snapshot and same_marks and _same_tree(state, old_state):
        tree = before.tree
    else:
        tree = tree_rows(
            state.snapshot,
            state.marks,
            state.tree_order,
            now_ms,
            state.closed,
            state.tree_filter,
            _containers(state),
            _known_runs(state),
        )
    arranged = before.arranged
    if old_state is not None and _same_runs(state, old_state):
        runs, sized = before.runs, before.sized_here
    else:
        here = state.runs or ()
        if arranged.runs is not here:
            arranged = Arranged(here)
            sized = sum(run.size is not None for run in here)
        else:
            sized = before.sized_here
        runs = _run_rows(state, arranged, now_ms)
    marked_here, marked_shown = _marked(state, runs)
    return Shown(
        tree=tree,
        runs=runs,
        arranged=arranged,
        totals=before.totals
        if same_snapshot and same_marks
        else totals(state.marks, state.snapshot, _known_runs(state)),
        marked_here=marked_here,
        marked_shown=marked_shown,
        sized_here=sized,
        badges=before.badges if same_findings else badges(state.findings),
        impacts=before.impacts if same_findings else impacts(state.findings),
        source=state,
    )


def _run_rows(state: UiState, arranged: Arranged, now_ms: int) -> Sequence[RunRow]:
    found = state.matches
    accept = None if found is None else (lambda run: run.key in found.keys)
    if arranged.flat and not kind_of(state.run_order.key):
        return arranged.rows(state.run_order, now_ms, state.run_filter, accept)
    return run_rows(arranged.runs, state.run_order, now_ms, state.run_filter, state.folded, accept, state.sorting)


def same_inputs(one: UiState, other: UiState) -> bool:
    """Both states lead to the same rows and figures."""
    same = one.snapshot is other.snapshot and one.marks is other.marks and one.findings is other.findings
    return same and _same_tree(one, other) and _same_runs(one, other)


def _containers(state: UiState) -> frozenset[str] | None:
    """Experiments that hold a run the expression matches, or may; None without one. While it is being typed
    all of them stay: half a word matches nothing, and the cursor would lose its place."""
    if state.matches is None or state.prompt == "expression":
        return None
    return state.matches.undecided | state.matches.containers


def _same_tree(state: UiState, other: UiState) -> bool:
    same = (state.tree_order, state.closed, state.tree_filter) == (other.tree_order, other.closed, other.tree_filter)
    typing = (state.prompt == "expression") == (other.prompt == "expression")
    return same and typing and state.matches is other.matches


def _same_runs(state: UiState, other: UiState) -> bool:
    return (
        state.runs is other.runs
        and (state.experiment and state.experiment.key) == (other.experiment and other.experiment.key)
        and state.matches is other.matches
        and state.sorting is other.sorting
        and (state.run_order, state.run_filter, state.folded) == (other.run_order, other.run_filter, other.folded)
    )


def _marked(state: UiState, rows: Sequence[RunRow]) -> tuple[int, int]:
    experiment = state.experiment
    if experiment is None or not state.marks:
        return 0, 0
    if experiment.key in state.marks:
        return len(state.runs or ()), len(rows)
    here = {
        mark.key for mark in state.marks if container_key(mark.key) == experiment.key and mark.key != experiment.key
    }
    if not here:
        return 0, 0
    if not state.run_filter and state.matches is None and not state.folded:
        return len(here), len(here)
    known = _known_runs(state)
    if isinstance(rows, FlatRows) and known is not None and state.matches is None:
        # Fewer are marked than shown.
        matches = text_filter(state.run_filter)
        found = [run for run in map(known.get, here) if run is not None]
        return len(here), sum(matches(run.name, run.run_id, run.status.lower(), run.user_id) for run in found)
    return len(here), sum(row.run.key in here for row in rows)


def badges(findings: Iterable[Finding]) -> dict[str, Finding]:
    """The worst finding of every entry, by its key."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        for key in keys_of(finding):
            known = worst.get(key)
            if known is None or IMPACTS.index(finding.impact) < IMPACTS.index(known.impact):
                worst[key] = finding
    return worst


def impacts(findings: Iterable[Finding]) -> dict[Impact, int]:
    counts: dict[Impact, int] = {}
    for finding in findings:
        counts[finding.impact] = counts.get(finding.impact, 0) + 1
    return counts


def judge_all(snapshot: Snapshot, now_ms: int, old_days: int) -> Judged:
    """Judge a whole snapshot: seconds for a very large store, so never on the screen's thread then."""
    facts = Facts(snapshot, now_ms, Options())
    kept = {}
    for experiment in snapshot.experiments:
        if protections := tuple(facts.protections(experiment.key)):
            kept[experiment.key] = protections
    orphans = rule_figures(facts, orphaned())
    return Judged(facts, kept, orphans.items, orphans.kept, *old_counts(facts, old_days), old_days)


def judged_small(snapshot: Snapshot) -> bool:
    """Whether judging this snapshot takes no longer than a frame or two."""
    return sum(len(runs) for runs in snapshot.runs.values()) <= SMALL // 3


def experiment_name(snapshot: Snapshot, key: str) -> str:
    experiment: Experiment | None = snapshot.experiment(key)
    return key.rpartition("/")[2] if experiment is None else experiment.name or experiment.experiment_id


def same_table(one: UiState, other: UiState) -> bool:
    """Both states show the runs of the same experiment."""
    return (one.experiment and one.experiment.key) == (other.experiment and other.experiment.key)
