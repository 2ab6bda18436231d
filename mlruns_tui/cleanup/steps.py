"""The kinds of change to a store. Each knows how to be done, undone, and found after a crash.

Moving out is a single rename, whole before and whole after. What puts something into the store is in
``repair`` and ``slim``: classes of the same shape.
"""

from __future__ import annotations

import os
from typing import Literal, Protocol

from mlruns_tui.disk import change
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import PlanItem, Step

from .parents import Parents
from .places import Places, Slot

Where = Literal["origin", "backup", "neither"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What steps work on: the directories items come from, and the places they go to."""

    parents: Parents
    places: Places


class Work(Protocol):
    """One step of one item."""

    def do(self, ground: Ground) -> Slot:
        """Carry it out; where the item is now. Raises OSError, with nothing changed."""
        ...

    def undo(self, ground: Ground) -> None:
        """Take it back. Raises OSError, with nothing changed; FileExistsError when its place is taken."""
        ...

    def find(self, ground: Ground) -> tuple[Where, Slot | None, os.stat_result | None]:
        """Which of both happened last, from the disk alone. Raises OSError when the backup cannot be read."""
        ...


class MoveOut:
    """A directory of the store and its place in the backup, one rename apart."""

    def __init__(self, item: PlanItem, n: int) -> None:
        self.item = item
        self.n = n
        self.parent = item.path.rpartition("/")[0]

    def do(self, ground: Ground) -> Slot:
        slot = ground.places.free(self.n)
        parent_fd, name = ground.parents.of(self.item.path)
        self._rename(ground, slot, parent_fd, name, slot.fd, slot.name)
        return slot

    def undo(self, ground: Ground) -> None:
        found = ground.places.find(self.n)
        if found is None:
            raise FileNotFoundError(2, "not in the backup", self.item.path)
        slot, _ = found
        parent_fd, name = ground.parents.of(self.item.path)
        self._rename(ground, slot, slot.fd, slot.name, parent_fd, name)

    def _rename(self, ground: Ground, slot: Slot, from_fd: int, from_name: str, to_fd: int, to_name: str) -> None:
        touched = {self.parent, ""} if slot.in_root else {self.parent}
        for path in touched:
            ground.parents.about_to_change(path)
        change.rename(from_fd, from_name, to_fd, to_name)
        for path in touched:
            ground.parents.changed(path)

    def find(self, ground: Ground) -> tuple[Where, Slot | None, os.stat_result | None]:
        kept = ground.places.find(self.n)
        if kept is not None and ground.places.same(kept[1], self.item.identity):
            return "backup", *kept
        try:
            parent_fd, name = ground.parents.of(self.item.path)
            status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
            if ground.places.same(status, self.item.identity):
                return "origin", None, status
        except OSError:
            pass
        # Of a store that was copied every directory is another one: then what lies in its place is it.
        return ("backup", *kept) if kept is not None else ("neither", None, None)


def unsupported(item: PlanItem) -> str:
    """Empty when this program can carry out the item, else what it cannot do."""
    if item.action == "repair":
        from .repair_made import unsupported_repair

        return unsupported_repair(item)
    out = Step("move-out", item.path)
    if item.action == "slim" and item.kind == "run" and item.path.endswith("/artifacts"):
        # Older plans leave nothing in its place.
        known = item.steps in ((out, Step("make-directory", item.path)), (out,))
    else:
        known = item.action == "remove" and item.steps == (out,)
    if not known:
        kinds = ", ".join(step.kind for step in item.steps) or "no step"
        return f"{item.action} ({kinds})"
    return ""


def work(item: PlanItem, n: int) -> Work:
    """The work a plan item asks for; ``n`` is its index in the batch."""
    if item.action == "repair" and item.steps != (Step("move-out", item.path),):
        from .repair import Mend

        return Mend(item, n)
    if item.action == "slim":
        from .slim import Slim

        return Slim(item, n)
    return MoveOut(item, n)
