"""One batch as it lies on the disk: its plan, its journal, its items and where each of them is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch, BatchItem, Operation
from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.store import Identity
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import BatchState, ItemPlace, Outcome

from . import damage
from . import journal as journals
from .elsewhere import BRING_BACK
from .graves import whole_in_grave
from .journal import History, Journal
from .parents import Parents
from .places import Places, Slot
from .slim import is_empty
from .steps import Ground, Where, Work, work
from .taken import Taken

_OUTCOMES: dict[str, Outcome] = {
    "moved": "done", "restored": "done", "purged": "done", "skipped": "skipped", "failed": "failed",
}  # fmt: skip


class Kept:
    """An opened batch. ``record_fd`` holds plan and journal (None: no disk would take them)."""

    def __init__(
        self,
        root_fd: int,
        plan: Plan,
        uid: int,
        places: Places,
        record_fd: int | None,
        record_path: str,
        history: History,
        added: dict[int, PlanItem] | None = None,
    ) -> None:
        self.root_fd = root_fd
        self.plan = plan
        self.uid = uid
        self.places = places
        places.know_store(plan.store_identity)
        self.record_fd = record_fd
        self.record_path = record_path
        self.history = history
        self.items: dict[int, PlanItem] = {**dict(enumerate(plan.items)), **(added or {})}
        """By index; added ones come after the planned."""
        self._as_planned = dict(self.items)
        self._know_trees(self.items)
        self.journal: Journal | None = None
        self.parents = Parents(root_fd)
        self._beside: list[str] | None = None
        self.results: dict[int, tuple[Outcome, str]] = {}
        """What the operation at hand made of each item."""
        self.damaged: set[int] = set()
        """Items it could not do because what the backup has of them is damaged."""

    @property
    def id(self) -> str:
        return self.plan.id

    @property
    def ground(self) -> Ground:
        return Ground(self.parents, self.places)

    def work(self, n: int) -> Work:
        return work(self.items[n], n)

    def say(self, event: str, **fields: Any) -> None:
        """Note something in the journal; ``commit`` writes it."""
        assert self.journal is not None
        journals.learn(self.history, self.journal.add(event, **fields))
        if event in ("packed", "kept", "unpacked"):
            n = fields["n"]
            self._know_trees([n] if isinstance(n, int) else n)

    def commit(self) -> bool:
        """See ``Journal.commit``."""
        assert self.journal is not None
        return self.journal.commit()

    def result(self, n: int, outcome: Outcome, why: str = "", *, damaged: bool = False) -> None:
        """Note what became of an item that was not done, or was."""
        self.results[n] = (outcome, why)
        if damaged:
            self.damaged.add(n)
        if outcome != "done":
            self.say(outcome, n=n, why=why)

    def lost(self, n: int, why: str) -> None:
        """Item ``n`` is asked for and is not there; known until this batch is closed, the disk tells it again."""
        self.results[n] = ("failed", why)
        self.damaged.add(n)

    def find(self, n: int) -> tuple[Where, Slot | None, os.stat_result | None]:
        """Where item ``n`` is, from the disk alone. Raises OSError when the backup cannot be read.

        A swap that was killed between its two renames leaves the item it took out in the place of the
        one it put back; both are told apart by identity.
        """
        where, slot, status = self.work(n).find(self.ground)
        if len(self.items) == len(self.plan.items):
            return where, slot, status
        twins = [m for m, item in self.items.items() if m != n and item.path == self.items[n].path]
        if (
            where == "backup"
            and status is not None
            and any(self.places.same(status, self.items[m].identity) for m in twins)
        ):
            return "neither", None, None
        if where == "neither":
            for m in twins:
                found = self.places.find(m)
                if found is not None and self.places.same(found[1], self.items[n].identity):
                    return "backup", *found
        return where, slot, status

    def _know_trees(self, indexes: Iterable[int]) -> None:
        """An archived item has no directory any more (its inode may be anybody's), an unpacked one a new one."""
        for n in list(indexes):
            item = self._as_planned.get(n, self.items[n])
            tree = self.history.unpacked.get(n)
            if tree is not None:
                item = replace(item, identity=Identity(tree[0], tree[1]), fingerprint=tree[2])
            if n in self.history.packed:
                item = replace(item, identity=Identity(0, 0))
            self.items[n] = item

    def archive(self, n: int) -> str:
        """Name of the archive that has the only copy of an item, else empty. Raises OSError."""
        names = self.places.archives.holding(n)
        return names[0] if names and self.find(n)[0] == "neither" and not self.aside(n) else ""

    def note_away(self, n: int) -> bool:
        """Whether the only copy of an item is on a disk that is not there now; its outcome says so. Raises OSError."""
        backup_dir = self.away(n)
        if backup_dir:
            self.results[n] = (
                "failed",
                f"its archive is on {safe(backup_dir)}, which is not there now. It was left as it is. "
                f"{BRING_BACK[0].upper()}{BRING_BACK[1:]}.",
            )
        return bool(backup_dir)

    def away(self, n: int) -> str:
        """The directory on another disk that has the only copy of an item and is not there now, else empty.
        Raises OSError."""
        archives = self.places.archives
        place = self.history.elsewhere.get(n, 0)
        gone = self.history.items.get(n, ("", ""))[0] == "purged"
        if place not in archives.away or n not in self.history.packed or gone:
            return ""
        there = archives.holding(n) or self.find(n)[0] != "neither" or self.aside(n)
        return "" if there else archives.away[place].dir

    def holds(self, n: int) -> bool:
        """Whether the backup has the item, moved or packed, and it can be had now. Raises OSError."""
        return self.find(n)[0] == "backup" or bool(self.archive(n))

    def look_at(self, n: int, taken: Taken | None = None) -> BatchItem:
        """One item: looked up on the disk, explained by the journal."""
        item = self.items[n]
        event, why = self.history.items.get(n, ("", ""))
        outcome, error = _OUTCOMES.get(event), why if event in ("skipped", "failed") else ""
        if n in self.results:
            outcome, error = self.results[n]
        place, now_at = self._place(n, item, event)
        in_the_way = place in ("moved", "packed") and self._is_taken(item)
        packed_bytes = (taken or Taken(self)).packed_bytes(n) if place == "packed" else 0
        damaged = outcome in ("failed", "done") and n in self.damaged
        away = self.away(n) if place == "packed" else ""
        backup_dir = away or (self._backup_dir(n) if place == "packed" else "")
        return BatchItem(
            item, place, outcome, error, now_at, in_the_way, packed_bytes, damaged, backup_dir, away=bool(away)
        )

    def _backup_dir(self, n: int) -> str:
        archives = self.places.archives
        return archives.backup_dir(archives.holding(n)[0])

    def _place(self, n: int, item: PlanItem, event: str) -> tuple[ItemPlace, str]:
        try:
            where, slot, _ = self.find(n)
            if where == "backup" and slot is not None:
                return "moved", slot.path
            archived = self.places.archives.holding(n)
            # Before the origin: an inode that was freed may be there again, in another directory.
            away = self.away(n)
            if not archived and not away and (grave := whole_in_grave(self, n)) is not None:
                return "moved", grave.path
            if event in ("purging", "purged") and not archived and not away:
                return "purged", ""
            if where == "origin":
                return ("restored" if n in self.history.left else "in-place"), item.path
            if self.places.find_dead(n) is not None and not archived and not away:
                return "purged", ""
            aside = self._aside_name(n)
            if aside and self._is_at(aside, item):
                return "restored", aside
            if archived:
                return "packed", self.places.archives.path(archived[0])
            if away:
                return "packed", away
        except OSError:
            return "missing", ""
        if event in ("restoring", "restored"):
            return "restored", ""
        return ("missing" if n in self.history.left or event == "moving" else "in-place"), ""

    def _is_taken(self, item: PlanItem) -> bool:
        """Whether its name exists though it was removed. By path, only to tell: a thousand parents need not
        be held open for it."""
        if item.action == "repair":
            return False
        try:
            os.stat(item.path, dir_fd=self.root_fd, follow_symlinks=False)
        except OSError:
            return False
        # What slimming leaves is in nobody's way as long as it is empty.
        return item.action != "slim" or not is_empty(self.root_fd, item.path)

    def aside(self, n: int) -> str:
        """Name in the root of an item that was put aside and is still there, else empty."""
        name = self._aside_name(n)
        return name if name and self.find(n)[0] == "neither" and self._is_at(name, self.items[n]) else ""

    def _aside_name(self, n: int) -> str:
        """From the journal, or from the names in the root where a disk lost that line. Raises OSError."""
        if n in self.history.asides:
            return self.history.asides[n]
        if self._beside is None:
            self._beside = [name for name in look.names(self.root_fd) if f"-restored-{self.id}" in name]
        return next((name for name in self._beside if self._is_at(name, self.items[n])), "")

    def _is_at(self, path: str, item: PlanItem) -> bool:
        try:
            parent_fd, name = self.parents.of(path)
            return self.places.same(os.stat(name, dir_fd=parent_fd, follow_symlinks=False), item.identity)
        except OSError:
            return False

    @property
    def leftovers(self) -> bool:
        """Something was declared dead and is not all gone. Raises OSError when that cannot be told."""
        return self.places.archives.leftovers or any(self.places.find_dead(n) is not None for n in self.items)

    @property
    def unfinished(self) -> bool:
        """Something was begun, not ended, and left items in the backup or half deleted."""
        if not self.history.open_op:
            return False
        return self.leftovers or any(self.holds(n) or self.away(n) for n in self.items)

    @property
    def untouched(self) -> bool:
        """Nothing of it ever left its place, as far as disk and journal tell. Raises OSError."""
        return not self.history.left and not self.leftovers and all(self.find(n)[0] != "backup" for n in self.items)

    def batch(
        self,
        *,
        freed_bytes: int = 0,
        moved_bytes: int = 0,
        freed_elsewhere_bytes: int = 0,
        messages: tuple[str, ...] = (),
        running: bool = False,
    ) -> Batch:
        """The batch as a value, every item looked up now."""
        taken = Taken(self)
        items = tuple(self.look_at(n, taken) for n in sorted(self.items))
        return Batch(
            id=self.id,
            created_ms=self.plan.created_ms,
            user=self.plan.user,
            host=self.plan.host,
            uid=self.uid,
            state=state_of(items, unfinished=self.unfinished),
            items=items,
            backup=self.plan.backup,
            rules=self.plan.rules,
            freed_bytes=freed_bytes,
            moved_bytes=moved_bytes,
            freed_elsewhere_bytes=freed_elsewhere_bytes,
            finished_ms=self.history.finished_ms,
            vault=self.record_path,
            messages=messages,
            history=tuple(self._operation(one) for one in self.history.operations),
            open_op=self.history.open_op,
            lifted=self.plan.lifted,
            running=running,
            damage=damage.words(self, items),
            broken=damage.broken_paths(self),
            other_bytes=taken.other_bytes(items),
            to_pack=self._to_pack(items),
        )

    def _to_pack(self, items: Iterable[BatchItem]) -> str | None:
        """Where what was moved is to be packed next, if that has not begun and something is still there to pack."""
        wanted = self.history.to_pack
        return wanted[1] if wanted and any(one.place == "moved" for one in items) else None

    def _operation(self, told: journals.Told) -> Operation:
        done = [self.items[n] for n in told.done if n in self.items]
        size_bytes = sum(item.size_bytes for item in done)
        user, host = safe(told.user, 100), safe(told.host, 100)
        return Operation(told.op, told.began_ms, user, host, told.ended_ms, len(done), size_bytes, told.pid)

    def close(self) -> None:
        self.parents.close()
        self.places.close()
        if self.journal is not None:
            self.journal.close()
        if self.record_fd is not None:
            os.close(self.record_fd)
            self.record_fd = None


def state_of(items: tuple[BatchItem, ...], *, unfinished: bool) -> BatchState:
    """One word for a batch; items that never left their place do not count."""
    if unfinished:
        return "unfinished"
    places = {one.place for one in items} - {"in-place"}
    if not places:
        return "restored"
    if len(places) == 1:
        words: tuple[BatchState, ...] = ("moved", "packed", "purged", "restored", "missing")
        return next(word for word in words if word in places)
    return "partly"
