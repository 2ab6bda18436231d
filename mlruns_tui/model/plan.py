"""What will be done, item by item, with reasons; the screen shows this object and the worker runs it.

A plan is made once, is never changed, and is used once.
"""

from __future__ import annotations

from typing import Literal

from .late import dataclass
from .store import Identity, container_key
from .words import Action, ItemKind, ProtectionKind


@dataclass(frozen=True, slots=True)
class Step:
    """One change to the disk that can be done, undone, and found again after a crash.

    ``move-out``: rename ``path`` into the batch. Other kinds belong to slim and repair. After a ``move-out``
    of the same path, what is made takes the place of what was there, in one step.
    """

    kind: Literal["move-out", "make-directory", "put-file", "drop-bytes", "set-lifecycle", "erase-rows"]
    path: str
    """Relative to the store's root."""
    content: str = ""
    """Text for ``put-file``; for ``drop-bytes`` the bytes of the file to leave out: ``12-30,45-60``; for
    ``make-directory`` nothing, or the name of the one file in it, a line feed, and its text."""
    mtime_ns: int = 0
    """The time what is made gets; 0: the time it is made."""


@dataclass(frozen=True, slots=True)
class Protection:
    """Why an item stays."""

    kind: ProtectionKind
    reason: str


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One experiment, run or stray that goes."""

    key: str
    kind: ItemKind
    action: Action
    experiment_id: str
    run_id: str
    """Empty for an experiment."""
    name: str
    path: str
    reason: str
    """In words: ``ended 63 d ago``."""
    rule: str
    """Which rule chose it: ``old``, ``orphaned``, ``mark``."""
    size_bytes: int
    allocated_bytes: int
    files: int
    entries: int
    identity: Identity
    fingerprint: str
    newest_ns: int
    steps: tuple[Step, ...]
    runs_inside: int = 0
    """Runs in an experiment that goes; 0 for a run."""
    what: str = ""
    """What is done to it, in words, where that is not to move all of it out: ``meta.yaml rebuilt from 12 runs``."""
    after: str = ""
    """Key of the item without which this one is of no use: it is left out with that."""
    partner: str = ""
    """Key of the item together with which this one is done, or not at all."""
    children: tuple[str, ...] = ()
    """Keys of the runs that name it their parent; for an experiment, of those elsewhere that name a run in it."""


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """One item a rule or a mark asked for and that stays."""

    key: str
    kind: ItemKind
    experiment_id: str
    run_id: str
    name: str
    path: str
    size_bytes: int
    files: int
    rule: str
    protected: tuple[Protection, ...]


@dataclass(frozen=True, slots=True)
class PlanTotals:
    experiments: int = 0
    runs: int = 0
    """Runs that are items of their own; runs inside an experiment that goes are in ``runs_inside``."""
    runs_inside: int = 0
    size_bytes: int = 0
    allocated_bytes: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision, ready to be carried out."""

    id: str
    """Also the batch's id: ``20261122-202601-a3f1``, UTC."""
    created_ms: int
    store_root: str
    store_given: str
    store_identity: Identity
    user: str
    host: str
    items: tuple[PlanItem, ...]
    """In the order they will be done: runs first, experiments last."""
    refused: tuple[RefusedItem, ...]
    totals: PlanTotals
    backup: bool = True
    """False: what was moved out is purged at once."""
    rules: tuple[str, ...] = ()
    """The rules in words, as asked for."""
    min_idle_ms: int = 0
    """Items that must have been quiet that long, checked again before and after each move …"""
    lifted: tuple[str, ...] = ()
    """Protections the user lifted by name."""
    messages: tuple[str, ...] = ()
    """What the review must say besides: unchecked processes, live trainings, backend switch."""

    @property
    def empty(self) -> bool:
        return not self.items


@dataclass(frozen=True, slots=True)
class Children:
    """What becomes of the child runs of an item that goes."""

    going: int = 0
    staying: int = 0
    """These keep the tag that names a parent nobody finds any more: MLflow lists them as runs of their own."""


def children_of(plan: Plan) -> dict[str, Children]:
    """By key of an item that takes a parent away: what becomes of the children. Items without are left out."""
    going = {item.key for item in plan.items if item.action == "remove"}
    found = {}
    for item in plan.items:
        if item.children and item.key in going:
            number = sum(key in going or container_key(key) in going for key in item.children)
            found[item.key] = Children(number, len(item.children) - number)
    return found
