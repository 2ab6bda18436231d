"""Looking at a batch another process works on: how far it is, and asking it to stop. Changes nothing."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

from mlruns_tui.model.plan import PlanItem
from mlruns_tui.model.words import Outcome

from . import atwork
from .journal import History
from .lock import Holder
from .places import Places
from .vault import Site, looking

_AT_HAND = ("moving", "restoring", "purging")


@dataclass(frozen=True, slots=True)
class Step:
    """How far an operation is, as its journal tells."""

    running: bool
    ended: bool
    total: int
    """Items it is about."""
    size_bytes: int
    files: int
    items: tuple[tuple[PlanItem, Outcome, str], ...]
    """Those dealt with, and why they were not done."""


class Following:
    """One batch, looked at again and again; its plan is read once, its journal each time."""

    def __init__(self, root: str, batch_id: str) -> None:
        self._root = root
        self._id = batch_id
        self._items: dict[int, PlanItem] = {}
        self._holder: Holder | None = None

    def look(self) -> Step:
        """Where the last operation is now. Raises MlrunsError, OSError, ValueError when that cannot be told."""
        with looking(self._root) as site:
            if not self._items:
                kept = site.open(self._id)
                self._items = dict(kept.items)
                kept.close()
            history = site.history(self._id)
            self._holder = atwork.holder(site, history)
            if self._holder is None and history.open_op:
                # It may have ended between the two looks.
                history = site.history(self._id)
            settled = self._settled(site, history)
        told = history.operations[-1] if history.operations else None
        found: list[tuple[PlanItem, Outcome, str]] = []
        for n, item in self._items.items():
            event, why = history.items.get(n, ("", ""))
            if n in settled or (told is not None and n in told.done):
                found.append((item, "done", ""))
            elif event in ("skipped", "failed") and (told is None or told.op == "apply"):
                found.append((item, "skipped" if event == "skipped" else "failed", why))
        about = [item for n, item in self._items.items() if history.only is None or n in history.only]
        return Step(
            running=self._holder is not None,
            ended=not history.open_op,
            total=max(len(about), len(found)),
            size_bytes=sum(item.size_bytes for item in about),
            files=sum(item.files for item in about),
            items=tuple(found),
        )

    def _settled(self, site: Site, history: History) -> set[int]:
        """Items of the group at hand that are done: the journal speaks of a group before and after it only."""
        at_hand = {n: event for n, (event, _) in history.items.items() if event in _AT_HAND}
        if not at_hand:
            return set()
        found: set[int] = set()
        folder = site.folder(self._id)
        places = Places(site.root_fd, self._id, folder, cramped=folder is None)
        try:
            for n, event in at_hand.items():
                if (places.find(n) is not None) == (event == "moving") and places.find_dead(n) is None:
                    found.add(n)
        finally:
            places.close()
            if folder is not None:
                os.close(folder)
        return found

    def stop(self) -> bool:
        """Ask the worker to stop after the item at hand. False when it is not one of ours on this host."""
        if self._holder is None or not self._holder.alive():
            return False
        with contextlib.suppress(OSError):
            os.kill(self._holder.pid, signal.SIGTERM)
            return True
        return False
