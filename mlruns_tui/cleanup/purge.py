"""Deleting what a batch keeps, for good.

An item dies by one rename into ``dead/``; only there it is taken apart, and only then the next one dies. So
a half deleted tree is never mistaken for a backup, a killed deletion can always go on, and it costs no item
but those it was done with and the one at hand.

Nor after a power cut: no tree is taken apart before its rename is on the disk, or on its way there ahead of that
in a journal that keeps the order. Then the disk is asked only once for a group of items, as it ends.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

from mlruns_tui.disk import change, look, place
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import damage, say
from .kept import Kept
from .progress import Progress
from .purge_archives import purge_archives
from .recover import destroy, rescued
from .repair import Mend
from .session import Session, changing

MAX_ITEMS = 256
"""Announced to the journal at once."""
GROUP_S = 1.0
"""So long, and for the item at hand, what was seen of writers holds."""


def purge(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    tell: Tell = silent,
    stop: Stop = never,
    *,
    lock_timeout_s: float = 0,
    found_in: str = "",
) -> Batch:
    """Delete what a batch of the store at ``root`` still keeps, or its items with these keys, for good.

    ``freed_bytes`` of the result: what was really unlinked, less what archives written anew take. Items
    somebody writes to stay in the backup. Archives nobody can read go with all of a batch only, and what they
    may have held counts as deleted then. ``found_in``: a directory where archives on another disk may be found by
    now. Raises UsageError (no such store, batch or key), DamagedError (its
    plan), LockedError, MlrunsError.
    """
    with changing(root, "purge", lock_timeout_s=lock_timeout_s, stop=stop, found_in=found_in) as session:
        kept = session.site.open_sound(batch_id)
        try:
            return run(session, kept, keys, tell, stop)
        finally:
            kept.close()


def run(session: Session, kept: Kept, keys: Sequence[str] | None, tell: Tell, stop: Stop) -> Batch:
    """The same for a batch that is open and a store that is locked."""
    asked = chosen_items(kept, keys)
    chosen = [n for n in asked if kept.holds(n)]
    broken = damage.broken(kept)
    unknown = [n for n in asked if n not in chosen and kept.look_at(n).place == "missing"] if broken else []
    if keys is not None:
        for n in unknown:
            kept.lost(n, f"{damage.whereabouts(kept)}. Purge all of the batch to delete that.")
    away = [n for n in asked if kept.note_away(n)]
    unreadable = broken and keys is None
    if not chosen and not kept.history.open_op and not kept.leftovers and not unreadable:
        return kept.batch(messages=() if unknown or away else ("nothing of it is in the backup any more",))
    freed = Freed()
    rest = [n for n in asked if kept.places.find_dead(n) is not None]
    session.resume(kept, freed, None if keys is None else asked)
    # What an earlier purge had left of them was deleted as the batch was settled.
    rest = [n for n in rest if kept.places.find_dead(n) is None and not kept.holds(n)]
    if rest:
        kept.say("purged", n=rest)
        for n in rest:
            kept.result(n, "done")
    out_of_reach = [n for n in asked if n in kept.results]
    progress = Progress(tell, "purge", kept.id, [kept.items[n] for n in (*out_of_reach, *chosen)])
    progress.start()
    for n in out_of_reach:
        progress.item(kept.items[n], *kept.results[n])
    chosen = [n for n in chosen if kept.holds(n)]
    moved = purge_archives(session, kept, chosen, freed, progress, stop)
    freed.bytes += purge_items(session, kept, moved, progress, stop)
    if unreadable and not stop():
        _purge_broken(session, kept, unknown, freed)
    session.end(kept)
    progress.end()
    return kept.batch(freed_bytes=freed.bytes, freed_elsewhere_bytes=freed.elsewhere, messages=tuple(session.messages))


def _purge_broken(session: Session, kept: Kept, unknown: Sequence[int], freed: Freed) -> None:
    """Delete archives nobody can read. ``unknown``: items that may have been in them, gone with them."""
    try:
        archives = kept.places.archives
        for name in damage.broken(kept):
            # Its manifest may be what is missing.
            with contextlib.suppress(FileNotFoundError):
                archives.remove(name, freed)
        if unknown:
            kept.say("purged", n=list(unknown))
        session.commit(kept)
    except OSError as error:
        session.messages.append(f"an archive that cannot be read could not be deleted: {look.words(error)}")
        return
    for n in unknown:
        kept.result(n, "done")


def chosen_items(kept: Kept, keys: Sequence[str] | None) -> list[int]:
    """Indexes of the items with these keys, all of them for None. Raises UsageError for an unknown key."""
    if keys is None:
        return sorted(kept.items)
    known = {item.key for item in kept.items.values()}
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise UsageError(
            "no-such-item",
            f"batch {kept.id} has no item {safe(unknown[0], 200)}; nothing was changed",
            hint=f"mlruns-tui backups show {kept.id}",
        )
    return sorted(n for n, item in kept.items.items() if item.key in set(keys))


def purge_items(session: Session, kept: Kept, indexes: Sequence[int], progress: Progress, stop: Stop) -> int:
    """Delete these items of the backup; the allocated bytes whose last link went. Results are noted."""
    work = _Purge(session, kept, list(indexes), progress, stop)
    at = 0
    while at < len(indexes) and not stop():
        at = work.group(at)
    return work.freed.bytes


class Freed:
    """Allocated bytes of the files it hears of."""

    def __init__(self) -> None:
        self.bytes = 0
        self.elsewhere = 0
        """Of archives on other disks, which whoever deletes them adds."""

    def __call__(self, status: os.stat_result) -> None:
        self.bytes += status.st_blocks * 512


_NOT_TAKEN = "It was deleted, but the disk did not say that it keeps it so: if it is there again, purge it again."


class _Purge:
    def __init__(self, session: Session, kept: Kept, indexes: list[int], progress: Progress, stop: Stop) -> None:
        self._session = session
        self._kept = kept
        self._indexes = indexes
        self._progress = progress
        self._stop = stop
        self._in_order = place.keeps_order(kept.root_fd)
        self._to_sync = False
        """Whether something died of which the disk was not asked yet."""
        self.freed = Freed()

    def group(self, at: int) -> int:
        """Delete some items from ``at`` on; where to go on."""
        kept = self._kept
        held = look.open_files(os.fstat(kept.root_fd).st_dev)
        until = time.monotonic() + GROUP_S
        group = self._indexes[at : at + MAX_ITEMS]
        there = [n for n in group if self._is_there(n)]
        try:
            if there:
                kept.say("purging", n=there)
                self._session.commit(kept)
        except OSError as error:
            for n in there:
                self._finished(n, "failed", say.failure(error, say.KEPT))
            return at + len(group)
        gone: list[int] = []
        done = 0
        for n in there:
            if done and (self._stop() or time.monotonic() > until):
                break
            done += 1
            if self._is_free(n, held) and self._declare_dead(n) and self._destroy(n):
                gone.append(n)
        left = there[done:]
        self._close(gone, left)
        return at + (group.index(left[0]) if left else len(group))

    def _close(self, gone: list[int], left: list[int]) -> None:
        """The disk has taken what was done to a group. ``left``: items of it whose turn has not come."""
        kept = self._kept
        try:
            if self._to_sync:
                self._sync()
        except OSError as error:
            for n in gone:
                self._finished(n, "failed", say.failure(error, _NOT_TAKEN))
        else:
            for n in gone:
                self._finished(n, "done")
        if gone:
            kept.say("purged", n=gone)
        if left:
            kept.say("moved", n=left)
        with contextlib.suppress(OSError):
            self._session.commit(kept)

    def _sync(self) -> None:
        self._to_sync = False
        self._kept.places.sync_dead()
        self._kept.places.sync()

    def _is_there(self, n: int) -> bool:
        try:
            return self._kept.places.find(n) is not None
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False

    def _is_free(self, n: int, held: look.OpenFiles) -> bool:
        """Whether nobody has a file of it open for writing."""
        try:
            found = self._kept.places.find(n)
            if found is None:
                return False
            slot, _ = found
            writers = look.survey(slot.fd, slot.name, held).writers if held.writers else ()
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False
        if writers:
            self._finished(n, "skipped", f"{say.written_to(writers)}. {say.KEPT}")
        return not writers

    def _declare_dead(self, n: int) -> bool:
        try:
            found = self._kept.places.find(n)
            if found is None:
                return False
            slot, grave = found[0], self._kept.places.dead(n)
            if slot.in_root:
                self._kept.parents.about_to_change("")
            change.rename(slot.fd, slot.name, grave.fd, grave.name)
            if slot.in_root:
                self._kept.parents.changed("")
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False
        self._to_sync = True
        if self._in_order and not isinstance(self._kept.work(n), Mend):
            return True
        try:
            # Else the disk might keep what is taken from a tree, and not that it died.
            self._sync()
        except OSError as error:
            self._failed(n, error)
            return False
        return True

    def _destroy(self, n: int) -> bool:
        try:
            destroy(self._kept, n, self.freed)
        except OSError as error:
            self._failed(n, error)
            return False
        return True

    def _failed(self, n: int, error: OSError) -> None:
        """What nothing was taken from goes back into the backup; the rest of what was begun waits."""
        with contextlib.suppress(OSError):
            rescued(self._kept, n)
        try:
            there = self._kept.places.find(n) is not None
        except OSError:
            there = False
        gone = "It is gone in part; the next purge deletes the rest."
        self._finished(n, "failed", say.failure(error, say.KEPT if there else gone))

    def _finished(self, n: int, outcome: Outcome, why: str = "") -> None:
        self._kept.result(n, outcome, why)
        self._progress.item(self._kept.items[n], outcome, why)
