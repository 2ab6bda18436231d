"""What the main screen is about, as one immutable value: no widget, no Textual, every change a new value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Experiment, Progress, Run, Snapshot, container_key
from mlruns_tui.triage.columns import Cell, Column
from mlruns_tui.triage.finding_views import keys_of
from mlruns_tui.triage.judging import why_kept
from mlruns_tui.triage.marks import Marks
from mlruns_tui.triage.ordering import Order
from mlruns_tui.triage.views import Group, TreeRow, group_of

if TYPE_CHECKING:
    from mlruns_tui.model.batch import Batch
    from mlruns_tui.model.findings import Finding
    from mlruns_tui.model.plan import Protection
    from mlruns_tui.triage.protection import Facts
    from mlruns_tui.triage.rules import Rule
    from mlruns_tui.workflow.filtering import Matches

Panel = Literal["tree", "runs", "marked", "findings"]
PANELS: tuple[Panel, ...] = ("tree", "runs", "marked", "findings")
Prompt = Literal["", "filter", "expression", "days"]

CLOSED_AT_FIRST: frozenset[Group] = frozenset({"claimed", "trash", "models", "backups"})
DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Judged:
    """A snapshot judged as a whole, off the screen's thread; may be a little older than the rows."""

    facts: Facts
    experiments: Mapping[str, tuple[Protection, ...]]
    """Why each protected experiment stays, by key."""
    orphaned: int = 0
    """Experiments that ``o`` would mark."""
    orphaned_kept: int = 0
    old: int = 0
    """Runs that ``O`` would mark with ``old_days``."""
    old_kept: int = 0
    old_days: int = DEFAULT_DAYS


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong in the store, as a check found it; may be a little older than the rows."""

    findings: tuple[Finding, ...]
    """Worst first."""
    version: str
    """The MLflow whose behavior they speak of."""
    contents: bool = False
    """Metrics, params and tags were looked into as well."""
    stopped: bool = False
    """The user stopped it: there may be more."""
    by_key: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """Those about an experiment, run, registered model or stray, or about something in it, by its key."""
    repairable: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """Of these, the ones a repair can mend."""

    @classmethod
    def of(cls, findings: tuple[Finding, ...], version: str, *, contents: bool, stopped: bool) -> Diagnosis:
        from mlruns_tui.workflow.repairing import repairable

        can = frozenset(map(id, repairable(findings)))
        every: dict[str, list[Finding]] = {}
        mendable: dict[str, list[Finding]] = {}
        for finding in findings:
            for key in keys_of(finding):
                every.setdefault(key, []).append(finding)
                if id(finding) in can:
                    mendable.setdefault(key, []).append(finding)
        frozen = [{key: tuple(found) for key, found in index.items()} for index in (every, mendable)]
        return cls(findings, version, contents, stopped, *frozen)


@dataclass(frozen=True, slots=True, eq=False)
class UiState:
    """Everything the screen's parts show, besides the rows derived from it (``tui.shown``)."""

    snapshot: Snapshot
    judged: Judged | None = None
    """None until the first snapshot was judged."""
    diagnosis: Diagnosis | None = None
    """None until the first check ended."""
    checking: str = ""
    """What a check looks into now, in words: ``metadata``, ``every metric, param and tag``; empty without one."""
    checked_runs: int = 0
    """How many runs it has looked at so far."""
    marks: Marks = field(default_factory=Marks)
    marks_before: Marks | None = None
    """What was marked before the user's last change of it; None before the first."""
    mark_errors: Mapping[str, str] = field(default_factory=dict)
    """Why an item that stays marked could not be done, by key."""
    panel: Panel = "tree"
    tree_order: Order = Order()
    run_order: Order = Order()
    columns: tuple[Column, ...] = ()
    """Of the run table, left to right, as the user chose them; none: what fits."""
    first_metrics: tuple[str, ...] = ()
    """Columns of the experiment's metrics that are shown by themselves where there is room."""
    shift: int = 0
    """So many columns of the table are scrolled away to the left."""
    sorting: Mapping[str, Cell] | None = None
    """Values by run key of the column of values that is sorted by; None before any were read."""
    tree_filter: str = ""
    run_filter: str = ""
    expression: str = ""
    """The filter expression in force."""
    matches: Matches | None = None
    """Runs that match it; None without one, or before they were found."""
    entry: TreeRow | None = None
    """The row under the tree's cursor; its runs are in the table."""
    run: Run | None = None
    """The run under the table's cursor."""
    closed: frozenset[Group] = CLOSED_AT_FIRST
    folded: frozenset[str] = frozenset()
    """Keys of parent runs whose children are hidden."""
    anchor: str = ""
    """Key of the row a range started on; empty when there is none."""
    progress: Progress = Progress()
    """Of the scan, as told last; the snapshot in the lists may be a second older."""
    reading: bool = False
    read_only: bool = False
    task: str = ""
    """What the worker is doing, in words; empty when nothing."""
    has_result: bool = False
    """Work of this session is over and can be looked at."""
    planning: bool = False
    """The marked items are being looked at afresh for a review."""
    batches: tuple[Batch, ...] | None = None
    """Newest first; None until they were looked up."""
    user_id: int = -1
    """Our own user id: undo takes back my batches only."""
    old_days: int = DEFAULT_DAYS
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """Those of the menu that marks were made with, by name."""
    prompt: Prompt = ""
    zoomed: bool = False

    @property
    def experiment(self) -> Experiment | None:
        """The experiment whose runs the table shows."""
        entry = self.entry.entry if self.entry else None
        return entry if isinstance(entry, Experiment) else None

    @property
    def runs(self) -> tuple[Run, ...] | None:
        """Runs of that experiment; None when they were not read yet (or it is not an experiment)."""
        experiment = self.experiment
        return None if experiment is None else self.snapshot.runs.get(experiment.key)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong as far as known, worst first; the same value as long as nothing new is known."""
        return self.snapshot.findings if self.diagnosis is None else self.diagnosis.findings

    def findings_of(self, key: str) -> tuple[Finding, ...]:
        """What is wrong with one entry, or with something in it."""
        return () if self.diagnosis is None else self.diagnosis.by_key.get(key, ())

    @property
    def repairable_here(self) -> tuple[Finding, ...]:
        """What a repair can mend of what is marked; when that is nothing, of what is under the cursor."""
        known = {} if self.diagnosis is None else self.diagnosis.repairable
        if not known:
            return ()
        few, many = (known, self.marks) if len(known) < len(self.marks) else (self.marks.by_key, known)
        keys = [key for key in few if key in many] or self._keys_here
        return tuple(dict.fromkeys(one for key in keys for one in known.get(key, ())))

    @property
    def _keys_here(self) -> list[str]:
        row = self.entry
        if self.list_panel == "tree" and row is not None and row.kind == "group":
            inside = [one.key for one in self.snapshot.experiments if group_of(one) == row.group]
            strays = [one.key for one in self.snapshot.strays] if row.group == "stray" else []
            models = [f"model/{one.name}" for one in self.snapshot.models] if row.group == "models" else []
            return [*inside, *strays, *models]
        return [self.cursor_key] if self.cursor_key else []

    @property
    def list_panel(self) -> Literal["tree", "runs"]:
        """The list a key about lists means."""
        return "tree" if self.panel == "tree" else "runs"

    @property
    def text_filter(self) -> str:
        return self.tree_filter if self.list_panel == "tree" else self.run_filter

    @property
    def order(self) -> Order:
        return self.tree_order if self.list_panel == "tree" else self.run_order

    @property
    def cursor_key(self) -> str:
        """Key of the row under the cursor of the list in use; empty when there is none."""
        if self.list_panel == "tree":
            return self.entry.key if self.entry else ""
        return self.run.key if self.run else ""

    @property
    def last_batch(self) -> Batch | None:
        """My newest batch, whatever became of it: undo never reaches past it."""
        return next((one for one in self.batches or () if one.uid == self.user_id), None)

    def kept(self, key: str) -> tuple[Protection, ...]:
        """Why this item stays, as far as judged; for a run also that an unmarked child needs it."""
        if self.judged is None:
            return ()
        if "/run/" not in key:
            return self.judged.experiments.get(key, ())
        facts = self.judged.facts
        found = facts.protections(key)
        if not found and (child := why_kept(facts, key, self.marks, found)) is not None:
            return (child,)
        return tuple(found)

    def sorted_by(self, key: str) -> UiState:
        if self.list_panel == "tree":
            return replace(self, tree_order=self.tree_order.pressed(key))
        return replace(self, run_order=self.run_order.pressed(key))

    def filtered(self, text: str) -> UiState:
        if self.list_panel == "tree":
            return replace(self, tree_filter=text)
        return replace(self, run_filter=text)

    def with_group(self, group: Group, is_open: bool) -> UiState:
        return replace(self, closed=self.closed - {group} if is_open else self.closed | {group})

    def with_fold(self, key: str, folded: bool) -> UiState:
        return replace(self, folded=self.folded | {key} if folded else self.folded - {key})

    def on_entry(self, row: TreeRow | None) -> UiState:
        """The tree's cursor went there; another experiment's table starts without a range."""
        same = row is not None and self.entry is not None and row.key == self.entry.key
        if same:
            return replace(self, entry=row)
        return replace(self, entry=row, run=None, anchor="" if self.list_panel == "runs" else self.anchor)

    def without(self, gone: frozenset[str], errors: Mapping[str, str]) -> UiState:
        """After a batch: marks of what went are gone, what failed stays marked with its error."""
        left = Marks(
            {mark.key: mark for mark in self.marks if mark.key not in gone and container_key(mark.key) not in gone}
        )
        return replace(self, marks=left, mark_errors={key: text for key, text in errors.items() if key in left})


def same_place(one: TreeRow | None, other: TreeRow | None) -> bool:
    """Both rows are about the same entry."""
    return (one.key if one else "") == (other.key if other else "")
