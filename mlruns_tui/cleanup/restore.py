"""Putting back what a batch keeps: the same renames the other way, last ones first.

Where an item's place is taken again, the caller chooses. ``skip``: it stays in the backup. ``swap``: both
change places in one step, and what was there becomes an item of the batch. ``rename``: it goes to
``<name>-restored-<batch>.trash`` in the store's root, for people to take files from. MLflow must not see
that copy: it reads a run or experiment only under its own id, and would list a second directory with the
same id inside as a double or as malformed; names ending in ``.trash`` it passes over. A later restore takes
it from there to its place, when that is free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch, OnConflict
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import conflict, damage, elsewhere, say
from .homeless import Homeless
from .kept import Kept
from .newest import check_undoable, newest
from .progress import Progress
from .purge import chosen_items
from .repair import Mend
from .repair_back import taken_back, tidy
from .session import Session, changing
from .slim import Slim
from .unpacking import drop_unneeded, unpack_with

MAX_GROUP = 256


def restore(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    on_conflict: OnConflict = "skip",
    tell: Tell = silent,
    stop: Stop = never,
    *,
    lock_timeout_s: float = 0,
    staying: Mapping[str, str] | None = None,
    found_in: str = "",
) -> Batch:
    """Put back a batch of the store at ``root``, or its items with these keys.

    An experiment of the same batch that holds a chosen run is put back with it. What cannot go back
    (its place taken, its experiment gone) is skipped and stays in the backup. An interrupted batch is
    settled by this. ``staying``: why items are treated as if their place were taken, by key.
    ``found_in``: a directory where archives on another disk may be found by now. Raises UsageError (no such store,
    batch or key), DamagedError (its plan), LockedError, MlrunsError.
    """
    with changing(root, "restore", lock_timeout_s=lock_timeout_s, stop=stop, found_in=found_in) as session:
        session.staying = staying or {}
        kept = session.site.open_sound(batch_id)
        try:
            return run(session, kept, keys, on_conflict, tell, stop)
        finally:
            kept.close()


def undo(
    root: str,
    tell: Tell = silent,
    stop: Stop = never,
    *,
    lock_timeout_s: float = 0,
    staying: Mapping[str, str] | None = None,
    found_in: str = "",
) -> Batch:
    """Put back the newest batch of this user, all of it, whatever was done with it since.

    Raises MlrunsError ``nothing-to-undo`` when there is none or it was purged or put back already (an
    older one is never taken instead), and what ``restore`` raises.
    """
    with changing(root, "restore", lock_timeout_s=lock_timeout_s, stop=stop, found_in=found_in) as session:
        session.staying = staying or {}
        kept = session.site.open_sound(newest(session))
        try:
            if not kept.history.open_op:
                check_undoable(session, kept.batch())
            return run(session, kept, None, "skip", tell, stop)
        finally:
            kept.close()


def run(
    session: Session, kept: Kept, keys: Sequence[str] | None, on_conflict: OnConflict, tell: Tell, stop: Stop
) -> Batch:
    """Put back a batch that is open, in a store that is locked."""
    chosen = chosen_items(kept, keys)
    interrupted = bool(kept.history.open_op)
    if not interrupted and not any(_can_go_back(kept, n) for n in chosen):
        away = next(filter(None, map(kept.away, chosen)), "")
        if away:
            raise elsewhere.not_there(away)
        missing = _tell_missing(kept, chosen)
        return kept.batch(messages=() if missing else ("nothing of it is in the backup any more",))
    graves = {n for n in kept.items if kept.places.find_dead(n) is not None}
    condemned = graves | kept.history.condemned if interrupted else set()
    session.resume(kept, only=None if keys is None else chosen)
    _tell_lost(kept, condemned, graves)
    out_of_reach = [*_tell_missing(kept, chosen), *(n for n in chosen if kept.note_away(n))]
    work = _Restoration(session, kept, on_conflict, tell, stop)
    work.run([n for n in chosen if _can_go_back(kept, n)], out_of_reach)
    try:
        # Also what a killed restore had put back: its archive was of no use, but still there.
        drop_unneeded(kept, kept.items)
    except OSError as error:
        session.messages.append(f"an archive that is not needed any more could not be removed: {look.words(error)}")
    session.end(kept)
    batch = kept.batch(moved_bytes=work.moved_bytes, messages=tuple(session.messages))
    if interrupted and kept.untouched:
        session.discard(kept)
    return batch


def _can_go_back(kept: Kept, n: int) -> bool:
    return kept.holds(n) or bool(kept.aside(n))


def _tell_missing(kept: Kept, chosen: Sequence[int]) -> list[int]:
    """Those that must be in the backup and are not there any more; each of them has failed."""
    missing = [n for n in chosen if kept.look_at(n).place == "missing"]
    for n in missing:
        kept.lost(n, f"{damage.whereabouts(kept)}.")
    return missing


def _tell_lost(kept: Kept, condemned: set[int], graves: set[int]) -> None:
    """Note which items an interrupted deletion really deleted, or began to: those never come back.

    ``graves``: what lay there before it was settled; a full disk may have kept the journal from saying so.
    """
    gone = [n for n in sorted(graves) if not (kept.holds(n) or kept.away(n))]
    lost = [n for n in sorted(condemned) if n in gone or kept.look_at(n).place == "purged"]
    if lost:
        kept.say("purged", n=lost)
    for n in lost:
        kept.results[n] = ("failed", say.LOST)


class _Restoration:
    def __init__(self, session: Session, kept: Kept, on_conflict: OnConflict, tell: Tell, stop: Stop) -> None:
        self._session = session
        self._kept = kept
        self._on_conflict: OnConflict = on_conflict
        self._tell = tell
        self._stop = stop
        self._progress = Progress(tell, "restore", kept.id, ())
        self._homeless = Homeless(session, kept)
        self._order: list[int] = []
        self._read_back: set[int] = set()
        """Items whose trees were just made from their archives, and compared."""
        self._altered: dict[int, str] = {}
        """What is different in an item from what was moved out."""
        self.moved_bytes = 0

    def run(self, indexes: list[int], out_of_reach: Sequence[int] = ()) -> None:
        """Put these items back, containers first, else in reverse order. ``out_of_reach``: failed already, are told."""
        kept = self._kept
        order = sorted(self._with_containers(indexes), key=lambda n: (kept.items[n].path.count("/"), -n))
        self._progress = Progress(self._tell, "restore", kept.id, [kept.items[n] for n in (*out_of_reach, *order)])
        self._progress.start()
        for n in out_of_reach:
            self._progress.item(kept.items[n], *kept.results[n])
        self._order = order = [n for n in order if not self._kept_back(n)]
        at = 0
        while at < len(order) and not self._stop():
            group = order[at : at + 1]
            paths = {kept.items[order[at]].path}
            at += 1
            # What goes into a directory of the same group must wait until that is back.
            while at < len(order) and len(group) < MAX_GROUP and not self._inside(order[at], paths):
                group.append(order[at])
                paths.add(kept.items[order[at]].path)
                at += 1
            self._group(group)
        if at < len(order):
            self._session.messages.append(f"stopped: {say.items(len(order) - at)} still in the backup")
        self._progress.end()

    def _kept_back(self, n: int) -> bool:
        """Whether something else of the item is taken than its place, and that was not to be worked around."""
        why = self._session.staying.get(self._kept.items[n].key, "")
        if not why or self._on_conflict == "rename":
            return False
        hint = "Rename one of them in MLflow, or put this one aside (--on-conflict rename)."
        self._finished(n, "skipped", f"{why}. {say.KEPT} {hint}")
        return True

    def _inside(self, n: int, paths: set[str]) -> bool:
        above = self._kept.items[n].path.rpartition("/")[0]
        while above:
            if above in paths:
                return True
            above = above.rpartition("/")[0]
        return False

    def _with_containers(self, indexes: list[int]) -> set[int]:
        wanted = set(indexes)
        by_path = {self._kept.items[n].path: n for n in self._kept.items}
        for n in indexes:
            above = self._kept.items[n].path.rpartition("/")[0]
            while above:
                container = by_path.get(above)
                if container is not None and self._kept.holds(container):
                    wanted.add(container)
                above = above.rpartition("/")[0]
        return wanted

    def _group(self, group: list[int]) -> None:
        kept = self._kept
        back: list[int] = []
        try:
            sources = {kept.items[n].path.rpartition("/")[0] for n in group}
            if kept.places.cramped or self._on_conflict == "rename" or any(kept.aside(n) for n in group):
                sources.add("")
            group = self._out_of_archives(group)
            kept.say("times", dirs=kept.parents.times(sources))
            kept.say("restoring", n=group)
            self._session.commit(kept)
            back = [n for n in group if self._put_back(n)]
            kept.parents.put_back()
            kept.places.sync()
            kept.parents.sync()
            if back:
                kept.say("restored", n=back)
            self._session.commit(kept)
            tidy(kept, back)
        except OSError as error:
            for n in group:
                if n not in kept.results:
                    self._finished(n, "failed", say.failure(error, say.KEPT))
            self._session.messages.append(f"the disk reported: {look.words(error)}; what is not gone for good is whole")
        kept.parents.close()

    def _out_of_archives(self, group: list[int]) -> list[int]:
        """Those of a group that are whole trees, the packed ones among them made again."""
        kept, whole = self._kept, []
        for n in group:
            if n not in kept.results and kept.archive(n):
                before = dict(kept.history.unpacked)
                for m, trouble in unpack_with(self._session, kept, n, self._order).items():
                    self._finished(m, "failed", trouble.why, damaged=trouble.damaged)
                self._read_back.update(m for m, tree in kept.history.unpacked.items() if tree != before.get(m))
            if n not in kept.results:
                whole.append(n)
        return whole

    def _compare(self, n: int, aside: str) -> str:
        """What is different in an item from what was moved out: nothing else is left of it, so it goes back all the
        same, and that is said."""
        kept = self._kept
        if n in self._read_back:
            return ""
        try:
            if aside:
                return damage.altered(kept, n, kept.root_fd, aside)
            found = kept.places.find(n)
            return damage.altered(kept, n, found[0].fd, found[0].name) if found is not None else ""
        except OSError as error:
            return f"it cannot be compared with what was moved: {look.words(error)}"

    def _put_back(self, n: int) -> bool:
        """Rename one item back. Whether it is in its place now; else its outcome is noted."""
        kept, item = self._kept, self._kept.items[n]
        try:
            kept.parents.of(item.path)
        except OSError as error:
            self._finished(n, "skipped", self._homeless.why(item.path, error))
            return False
        aside = kept.aside(n)
        self._altered[n] = self._compare(n, aside)
        if not aside and item.key in self._session.staying:
            return self._taken(n, aside)
        try:
            if aside:
                conflict.bring_in(kept, n)
            else:
                kept.work(n).undo(kept.ground)
        except FileExistsError:
            return self._taken(n, aside)
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False
        self._finished(n, "done")
        return True

    def _taken(self, n: int, aside: str) -> bool:
        work = self._kept.work(n)
        if isinstance(work, Mend):
            outcome, why = taken_back(self._kept, n, work, force=self._on_conflict == "swap")
            self._finished(n, outcome, why)
            return outcome == "done"
        path = safe(self._kept.items[n].path)
        if aside:
            why = f"its place is taken: {path} exists. It stays put aside as {safe(aside)} in the store's root."
            self._finished(n, "skipped", why)
            return False
        if self._on_conflict == "skip":
            again = "exists again. " if not isinstance(work, Slim) else say.LOGGED_SINCE
            self._finished(n, "skipped", f"its place is taken: {path} {again}{say.KEPT}")
            return False
        try:
            if self._on_conflict == "rename":
                conflict.put_aside(self._session, self._kept, n)
                self._finished(n, "done")
                return False
            why = conflict.swap(self._session, self._kept, n)
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.KEPT))
            return False
        if why:
            self._finished(n, "skipped", f"its place is taken: {path} {why}. {say.KEPT}")
            return False
        self._finished(n, "done")
        return True

    def _finished(self, n: int, outcome: Outcome, why: str = "", *, damaged: bool = False) -> None:
        item = self._kept.items[n]
        if outcome == "done" and (difference := self._altered.get(n, "")):
            why, damaged = f"{difference}. It was put back as it is; look at it before you rely on it.", True
        self._kept.result(n, outcome, why, damaged=damaged)
        if outcome == "done":
            self.moved_bytes += item.allocated_bytes
        self._progress.item(item, outcome, why)
