"""Batches somebody began and did not end: those at work in another process, and those that were killed.

Nothing is ever settled by itself. What was killed can be gone on with, taken back, or left as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from mlruns_tui.cleanup.following import Following, Step
from mlruns_tui.model.batch import ApplyEvent, Batch, BatchItem
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.text import safe
from mlruns_tui.triage.protection import Options
from mlruns_tui.triage.rules import Choice

from .changing import start_continue, start_leave, start_restore
from .deciding import plan_choices
from .task import Task

POLL_S = 0.25
Phase = Literal["move", "purge", "restore", "verify", "pack"]
Kind = Literal["start", "item", "end"]
_PHASES: Mapping[str, Phase] = {"apply": "move", "restore": "restore", "purge": "purge", "pack": "pack"}


def unsettled(found: Sequence[Batch]) -> tuple[Batch, ...]:
    """Those that stopped half-way and wait for somebody's word, newest first."""
    return tuple(one for one in found if one.state == "unfinished" and not one.running)


def to_be_packed(found: Sequence[Batch]) -> tuple[Batch, ...]:
    """Those of mine that ended before the packing they were made for began."""
    return tuple(one for one in found if one.to_pack is not None and not one.open_op and is_mine(one))


def at_work(found: Sequence[Batch]) -> Batch | None:
    """The one somebody works on now, if any."""
    return next((one for one in found if one.running), None)


def is_mine(batch: Batch) -> bool:
    """Whether this user may settle it: it is his, or he is root."""
    return os.geteuid() in (batch.uid, 0)


def is_own(batch: Batch) -> bool:
    """Whether this user made it: what is done without naming a batch is done to one's own only."""
    return batch.uid == os.geteuid()


def deletes(batch: Batch) -> bool:
    """Whether going on deletes something for good."""
    return batch.open_op == "purge" or (batch.open_op == "apply" and not batch.backup)


def doomed(batch: Batch) -> tuple[BatchItem, ...]:
    """Items going on would delete for good."""
    if not deletes(batch):
        return ()
    keys = {one.item.key for one in rest_of(batch)}
    return tuple(one for one in batch.items if one.place in ("moved", "packed") or one.item.key in keys)


def rest_of(batch: Batch) -> tuple[BatchItem, ...]:
    """Items the interrupted operation had not come to."""
    if batch.open_op == "apply":
        return tuple(one for one in batch.items if one.place == "in-place" and one.outcome is None)
    places = ("moved",) if batch.open_op == "pack" else ("moved", "packed")
    return tuple(one for one in batch.items if one.place in places)


def staying(reader: Reader, snapshot: Snapshot, batch: Batch) -> dict[str, str]:
    """Why items an interrupted clean-up has not come to must stay by now, by key, judged afresh: somebody may
    need them since. Changes nothing. Raises MlrunsError when the store cannot be looked at."""
    rest = rest_of(batch)
    if batch.open_op != "apply" or not rest:
        return {}
    wanted = {one.item.key: Choice(one.item.key, one.item.rule, one.item.reason) for one in rest}
    with_runs = any(one.item.rule == "orphaned" and one.item.runs_inside for one in rest)
    options = Options(lifted=frozenset(batch.lifted), orphans_with_runs=with_runs)
    plan = plan_choices(reader, snapshot, wanted, options=options)
    found = {one.key: "; ".join(why.reason for why in one.protected) for one in plan.refused}
    return {key: f"needed by now: {why}" for key, why in found.items() if key in wanted}


def start_going_on(
    root: str, batch: Batch, why_stay: dict[str, str] | None = None, timeout_s: float = 0, found_in: str = ""
) -> Task:
    """Finish what was interrupted, except items with a reason in ``why_stay``. ``found_in``, here and below: a
    directory where archives on another disk may be found by now."""
    return start_continue(root, batch.id, why_stay or {}, timeout_s, found_in)


def start_taking_back(root: str, batch: Batch, timeout_s: float = 0, found_in: str = "") -> Task:
    """Put everything the backup has back to its place."""
    return start_restore(root, batch.id, None, "skip", timeout_s, found_in)


def start_leaving(root: str, batch: Batch, timeout_s: float = 0, found_in: str = "") -> Task:
    """Close the batch with every item where it is."""
    return start_leave(root, batch.id, timeout_s, found_in)


class Watch:
    """Work another session started, followed like our own: ``events``, ``result`` and ``stop`` as of ``Task``."""

    def __init__(self, root: str, batch: Batch) -> None:
        self._root = root
        self._id = batch.id
        self._phase = _PHASES.get(batch.open_op, "move")
        self._following = Following(root, batch.id)

    def events(self) -> Iterator[ApplyEvent]:
        """Progress until the work ends or its worker dies. Raises MlrunsError when it cannot be looked up."""
        known: set[str] = set()
        said = False
        while True:
            try:
                step = self._following.look()
            except (OSError, ValueError) as error:
                raise MlrunsError(
                    "cannot-follow",
                    f"the work on batch {self._id} cannot be followed: {error}; it goes on by itself",
                    hint="mlruns-tui backups list shows where each item is",
                ) from None
            if not said:
                said = True
                yield self._event("start", step, len(step.items), 0, 0)
            done = size_bytes = files = 0
            for item, outcome, why in step.items:
                done, size_bytes, files = done + 1, size_bytes + item.size_bytes, files + item.files
                if item.key not in known:
                    known.add(item.key)
                    yield replace(
                        self._event("item", step, done, size_bytes, files),
                        key=item.key, name=item.name, outcome=outcome, error=why,
                    )  # fmt: skip
            if not step.running:
                yield self._event("end", step, done, size_bytes, files)
                return
            time.sleep(POLL_S)

    def _event(self, kind: Kind, step: Step, done: int, size_bytes: int, files: int) -> ApplyEvent:
        return ApplyEvent(
            kind, self._phase, self._id, done, step.total, size_bytes, max(step.size_bytes, size_bytes),
            files, max(step.files, files),
        )  # fmt: skip

    def result(self) -> Batch:
        """The batch as it is on the disk. Raises MlrunsError when its worker was killed."""
        from mlruns_tui.cleanup.vault import show

        batch = show(self._root, self._id)
        if batch.open_op and not batch.running:
            raise MlrunsError(
                "worker-died",
                f"the work on batch {batch.id} stopped half-way; what it had not begun to delete for good is whole",
                path=batch.vault,
                hint=f"mlruns-tui recover {safe(self._root)} goes on with it or takes it back",
            )
        return batch

    def stop(self) -> None:
        """Ask it to stop after the item at hand, where it is a process of this user on this host."""
        self._following.stop()
