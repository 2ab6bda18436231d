"""Carrying out a plan: every item is moved into the batch by one rename, looked at before and after.

Items go in groups, so that a thousand small ones cost a few writes to the disk and not a thousand: look
at each, note them all, move each, look at each again in its new place. Whoever wrote to one in between
gets it back. Nothing is ever copied. Long because what is done to one group stands in one place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.batch import MIN_GAIN_PERCENT, Batch
from mlruns_tui.model.evidence import Survey
from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.words import Outcome

from . import begin, records, say, sweep
from .kept import Kept
from .places import Slot
from .progress import Progress
from .purge import purge_items
from .repair import Looks, Mend
from .session import Session, changing
from .standins import StandIns
from .ties import Ties, left_out

MAX_GROUP = 1_024
MAX_PARENTS = 64
"""Source directories held open for one group."""
GROUP_S = 1.0
"""Looking at a group takes no longer before it is moved: what was seen must still be true."""


def apply(
    plan: Plan, tell: Tell = silent, stop: Stop = never, *, lock_timeout_s: float = 0, pack_to: str | None = None
) -> Batch:
    """Carry out a plan, once.

    Items that changed, are written to or are gone since the plan was made are skipped, those that cannot
    be moved fail; both stay where they are, with the reason, and the others go on. A batch none of whose
    items was moved is not kept. ``stop`` ends it after the item at hand; the rest has no outcome. ``pack_to``: the
    caller packs next, to this directory on another disk (empty: in the vault); remembered, in case it is killed.

    Raises UsageError (no such store, a plan that leads out of it), StaleError (another store, a plan used
    already), LockedError (somebody changes the store; an interrupted batch of this user) and MlrunsError
    (no permission, no space even for the journal), each before anything was moved.
    """
    records.check_plan(plan)
    with changing(
        plan.store_root, "apply", expected=plan.store_identity, lock_timeout_s=lock_timeout_s, stop=stop
    ) as session:
        session.settle_mine()
        kept = begin.open_batch(session, plan, **({} if pack_to is None else to_pack(MIN_GAIN_PERCENT, pack_to)))
        try:
            return _Application(session, kept, tell, stop).run()
        finally:
            kept.close()


def to_pack(min_gain_percent: int, backup_dir: str) -> dict[str, Any]:
    """What the journal's ``begin`` says of a packing that is to follow."""
    return {"pack": {"gain": min_gain_percent, "dir": backup_dir}}


def go_on(session: Session, kept: Kept, staying: Mapping[str, str], tell: Tell, stop: Stop) -> Batch:
    """Carry out what an interrupted application of this batch's plan had not come to.

    The batch is open, settled and begun again, the store locked. ``staying``: why items must be left
    where they are by now, by key. Everything else is looked at as if the plan were new.
    """
    told = kept.history.items
    rest = [
        n
        for n in range(len(kept.plan.items))
        if told.get(n, ("", ""))[0] in ("", "moving") and kept.find(n)[0] != "backup"
    ]
    work = _Application(session, kept, tell, stop, rest)
    return work.run(staying)


class _Application:
    def __init__(self, session: Session, kept: Kept, tell: Tell, stop: Stop, todo: list[int] | None = None) -> None:
        """``todo``: indexes of what is left to do of an interrupted plan; None for all of a new one."""
        self._session = session
        self._kept = kept
        self._plan = plan = kept.plan
        self._todo = list(range(len(plan.items))) if todo is None else todo
        self._before = [] if todo is None else [n for n in range(len(plan.items)) if kept.find(n)[0] == "backup"]
        """What an interrupted part of this work had moved out already."""
        self._tell = tell
        self._stop = stop
        self._device = os.fstat(kept.root_fd).st_dev
        self._moved_bytes = self._freed_bytes = 0
        self._progress = Progress(tell, "move", plan.id, [plan.items[n] for n in self._todo])
        self._resumed = todo is not None
        self._halted = ""
        """Why nothing more may be moved, empty while it may."""
        self._stopped = False
        self._looks: Looks = {}
        self._ties = Ties(kept)
        self._stand_ins = StandIns(session, kept)

    def run(self, staying: Mapping[str, str] | None = None) -> Batch:
        """``staying``: why items are not to be moved after all, by key."""
        self._progress.start()
        for n in self._todo:
            if staying and (why := staying.get(self._plan.items[n].key)):
                self._finished(n, "skipped", f"{why}. {say.LEFT}")
        self._todo = [n for n in self._todo if n not in self._kept.results]
        at = 0
        while at < len(self._todo) and not self._halted and not self._stopping():
            at, moved = self._group(at)
            if moved and not self._plan.backup and not self._kept.places.in_vault:
                # A full disk: what this freed lets the vault be made, and the rest goes the usual way.
                self._purge(moved)
                begin.try_vault(self._session, self._kept)
        left = [n for n in self._todo if n not in self._kept.results]
        if self._halted:
            for n in left:
                self._finished(n, "failed", f"{self._halted}. {say.LEFT}")
        elif left:
            self._session.messages.append(f"stopped: {say.items(len(left))} not reached, left as they were")
        if not self._plan.backup:
            self._purge_all(stopped=bool(left))
        return self._finish()

    def _finish(self) -> Batch:
        kept, session = self._kept, self._session
        worked = any(outcome == "done" for outcome, _ in kept.results.values())
        if worked or kept.unfinished or (self._resumed and not kept.untouched):
            session.end(kept)
            batch = self._batch()
        else:
            batch = self._batch()
            session.discard(kept)
        self._progress.end()
        return batch

    def _batch(self) -> Batch:
        return self._kept.batch(
            freed_bytes=self._freed_bytes, moved_bytes=self._moved_bytes, messages=tuple(self._session.messages)
        )

    def _stopping(self) -> bool:
        self._stopped = self._stopped or self._stop()
        return self._stopped

    # One group: look, note, move, look again, note.

    def _group(self, at: int) -> tuple[int, list[int]]:
        """Move the items from ``at`` on; the index after the last one, and those that were moved."""
        kept = self._kept
        started = time.monotonic()
        good: list[int] = []
        held = look.open_files(self._device)
        self._looks = {}
        if held.unchecked < 0 and at == 0:
            self._session.messages.append("open files could not be checked on this system")
        # Beside the experiments one at a time: each frees what the next one needs.
        most = MAX_GROUP if kept.places.in_vault or self._plan.backup else 1
        coming = self._todo[at : at + most]
        seen = sweep.before(kept, coming, MAX_PARENTS, held, started + GROUP_S, self._stopping)
        while at < len(self._todo):
            n = self._todo[at]
            # What was looked at already costs neither time nor another directory held open.
            full = len(good) >= most or (bool(good) and n not in seen and len(kept.parents) >= MAX_PARENTS)
            late = bool(good) and n not in seen and time.monotonic() - started > GROUP_S
            if self._ties.must_wait(n, good) or ((full or late) and not self._ties.belongs(n, good)):
                break
            if self._stopping():
                good.clear()
                break
            if self._is_fit(n, held, seen.get(n)):
                good.append(n)
            at += 1
        good = self._without_halves(good)
        moved: list[int] = []
        try:
            if good:
                kept.say("times", dirs=kept.parents.times(self._sources(good)))
                kept.say("moving", n=good)
                self._session.commit(kept)
                moved = self._move(good)
            self._session.commit(kept)
        except OSError as error:
            # After a failed fsync nothing that was written can be trusted to be there.
            self._halted = f"stopped by an error of the disk ({look.words(error)})"
            for n in good:
                if n not in kept.results and kept.find(n)[0] == "backup":
                    self._moved_bytes += self._plan.items[n].allocated_bytes
                    kept.say("moved", n=[n])
                    self._finished(
                        n, "failed", f"moved, but the disk reported: {look.words(error)}. It is in the backup."
                    )
        kept.parents.close()
        return at, moved

    def _sources(self, indexes: list[int]) -> set[str]:
        sources = {self._plan.items[n].path.rpartition("/")[0] for n in indexes}
        return sources if self._kept.places.in_vault else sources | {""}

    def _is_fit(self, n: int, held: look.OpenFiles, seen: Survey | OSError | None) -> bool:
        """Whether item ``n`` is still what the plan saw and nobody uses it; else its outcome is noted.

        ``seen``: what a look at it just gave, None where there was none yet.
        """
        item, work = self._plan.items[n], self._kept.work(n)
        try:
            if why := self._ties.waits_in_vain(n):
                self._finished(n, "skipped", left_out(why))
                return False
            parent_fd, name = self._kept.parents.of(item.path)
            if isinstance(work, Mend):
                why = work.unfit(self._kept.ground, held, self._looks)
            elif self._kept.places.same(os.stat(name, dir_fd=parent_fd, follow_symlinks=False), item.identity):
                why = self._unfit(parent_fd, name, item, held, seen)
            else:
                why = f"replaced by another since the plan was made. {say.LEFT}"
        except (FileNotFoundError, NotADirectoryError):
            why = "gone since the plan was made. Nothing was done to it."
        except OSError as error:
            self._finished(n, "failed", say.failure(error, say.LEFT))
            return False
        if why:
            self._finished(n, "skipped", why)
        return not why

    def _without_halves(self, good: list[int]) -> list[int]:
        """Those that are not left alone by what they are only done together with; the others' outcome is noted."""
        halves = {n: why for n in good if (why := self._ties.is_alone(n, good))}
        for n, why in halves.items():
            self._finished(n, "skipped", left_out(why))
        return [n for n in good if n not in halves]

    @staticmethod
    def _unfit(parent_fd: int, name: str, item: PlanItem, held: look.OpenFiles, seen: Survey | OSError | None) -> str:
        found = sweep.found(seen) or look.survey(parent_fd, name, held)
        # A link itself may be moved out where it is what is wrong.
        if found.trouble and (item.action, found.trouble) != ("repair", ("link",)):
            return say.trouble(found, parent_fd, name)
        if found.writers:
            return f"{say.written_to(found.writers)}. {say.LEFT}"
        if found.fingerprint != item.fingerprint:
            return say.changed_since(item.newest_ns, found.size.newest_ns)
        return ""

    def _move(self, indexes: list[int]) -> list[int]:
        """Move these items and look at them again. Raises OSError when the disk fails."""
        kept = self._kept
        slots: dict[int, Slot] = {}
        for n in indexes:
            if self._stopping():
                break
            try:
                slots[n] = self._stand_ins.do(n)
            except FileNotFoundError:
                self._finished(n, "skipped", "gone since the plan was made. Nothing was done to it.")
            except OSError as error:
                self._finished(n, "failed", self._why_not_moved(n, error))
        kept.parents.put_back()
        self._sync()
        held = look.open_files(self._device)
        seen = sweep.after(kept, slots, held)
        returned = [n for n, slot in slots.items() if not self._is_intact(n, slot, held, seen.get(n))]
        whole = [n for n in slots if n not in returned]
        for n in whole:
            if why := self._ties.is_alone(n, whole):
                self._put_back(n, why)
                returned.append(n)
        if returned:
            kept.parents.put_back()
            self._sync()
        moved = [n for n in slots if n not in returned]
        if moved:
            kept.say("moved", n=moved)
        for n in moved:
            self._moved_bytes += self._plan.items[n].allocated_bytes
            self._finished(n, "done")
        return moved

    def _why_not_moved(self, n: int, error: OSError) -> str:
        if why := self._stand_ins.why_not(n, error):
            return why
        try:
            return say.cannot_move(error, *self._kept.parents.of(self._plan.items[n].path))
        except OSError:
            return say.failure(error, say.LEFT)

    def _sync(self) -> None:
        self._kept.places.sync()
        self._kept.parents.sync()

    def _is_intact(self, n: int, slot: Slot, held: look.OpenFiles, seen: Survey | OSError | None) -> bool:
        """Whether nobody wrote between the look and the move; else the item goes back to where it was.

        ``seen``: what a look at it in its new place just gave, None where there was none yet.
        """
        item, work = self._plan.items[n], self._kept.work(n)
        try:
            if isinstance(work, Mend):
                if not (why := work.disturbed(self._kept.ground, slot, held).partition(". ")[0]):
                    return True
            else:
                found = sweep.found(seen) or look.survey(slot.fd, slot.name, held)
                if found.fingerprint == item.fingerprint and not found.writers and found.identity == item.identity:
                    return True
                why = "written to meanwhile"
        except OSError as error:
            why = say.failure(error, "").rstrip(". ")
        self._put_back(n, why)
        return False

    def _put_back(self, n: int, why: str) -> None:
        """Undo what was just done to an item, and say why."""
        item, work = self._plan.items[n], self._kept.work(n)
        try:
            if isinstance(work, Mend):
                work.undo(self._kept.ground, grown=True)
                work.tidy(self._kept.ground)
            else:
                work.undo(self._kept.ground)
            self._finished(n, "skipped", f"{why}; put back.")
        except FileExistsError:
            self._moved_bytes += item.allocated_bytes
            self._kept.say("moved", n=[n])
            self._finished(n, "failed", f"{why}, and its place was taken at once. {say.KEPT}")
        except OSError as error:
            self._moved_bytes += item.allocated_bytes
            self._kept.say("moved", n=[n])
            self._finished(n, "failed", f"{why}, and it could not be put back: {say.failure(error, say.KEPT)}")

    # Without backup.

    def _purge_all(self, *, stopped: bool) -> None:
        moved = [n for n, (outcome, _) in self._kept.results.items() if outcome == "done"]
        moved = [n for n in [*self._before, *moved] if self._kept.places.find(n) is not None]
        if moved and (stopped or self._halted):
            self._session.messages.append(
                f"{say.items(len(moved))} moved out before that are kept and were not deleted: "
                "mlruns-tui undo puts them back"
            )
        elif moved:
            self._purge(moved)
        self._stand_ins.fill_in()

    def _purge(self, indexes: list[int]) -> None:
        progress = Progress(self._tell, "purge", self._plan.id, [self._plan.items[n] for n in indexes])
        self._freed_bytes += purge_items(self._session, self._kept, indexes, progress, never)
        self._stand_ins.fill_in()

    # Telling.

    def _finished(self, n: int, outcome: Outcome, why: str = "") -> None:
        self._kept.result(n, outcome, why)
        self._progress.item(self._plan.items[n], outcome, why)
