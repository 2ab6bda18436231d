"""What the main screen is about, as one immutable value: no widget, no Textual, every change a new value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, Progress, Run, Snapshot, container_key
from mlruns_tui.triage.judging import why_kept
from mlruns_tui.triage.marks import Marks
from mlruns_tui.triage.ordering import Order, SortKey
from mlruns_tui.triage.protection import Facts
from mlruns_tui.triage.views import Group, TreeRow

Panel = Literal["tree", "runs", "marked"]
PANELS: tuple[Panel, ...] = ("tree", "runs", "marked")
Prompt = Literal["", "filter", "days"]

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


@dataclass(frozen=True, slots=True, eq=False)
class UiState:
    """Everything the screen's parts show, besides the rows derived from it (``tui.shown``)."""

    snapshot: Snapshot
    judged: Judged | None = None
    """None until the first snapshot was judged."""
    marks: Marks = field(default_factory=Marks)
    mark_errors: Mapping[str, str] = field(default_factory=dict)
    """Why an item that stays marked could not be done, by key."""
    panel: Panel = "tree"
    tree_order: Order = Order()
    run_order: Order = Order()
    tree_filter: str = ""
    run_filter: str = ""
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

    def sorted_by(self, key: SortKey) -> UiState:
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
