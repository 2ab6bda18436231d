"""One call's packing of one batch: which items, in what groups, and what becomes of each."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from mlruns_tui.disk import change, look
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Stop, Tell
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import layout, newvault, say
from .archive import Damaged, replay
from .gain import Gain, gain
from .kept import Kept
from .makearchive import Stopped, Unfit, from_trees
from .packroom import AS_IT_WAS, level_for, make_room, no_room_words
from .places import Slot
from .progress import Progress
from .purge import Freed, chosen_items
from .recover import destroy
from .session import Session
from .shelf import Shelf

MAX_GROUP_BYTES = 64 << 20
MAX_GROUP = 1_024
TURN_S = 2.0
"""After so long others who wait for the store get it first."""


class Packing:
    """One call's work, over as many turns as it takes."""

    def __init__(
        self,
        session: Session,
        kept: Kept,
        keys: Sequence[str] | None,
        min_gain_percent: int,
        tell: Tell,
        stop: Stop,
        backup_dir: str = "",
    ) -> None:
        """``backup_dir``: where on another file system archives go, whatever an item would gain; empty: the vault."""
        self._session, self._kept = session, kept
        self._min_gain = min_gain_percent
        self._backup_dir = backup_dir
        self._shelf: Shelf | None = None
        self._gains: dict[int, Gain] = {}
        self._stop = stop
        self._all = keys is None
        chosen = [n for n in chosen_items(kept, keys) if kept.find(n)[0] == "backup" and _is_tree(kept, n)]
        self.todo = sorted(chosen, key=lambda n: (kept.items[n].size_bytes, n))
        self._progress = Progress(tell, "pack", kept.id, [kept.items[n] for n in self.todo])
        self._results: dict[int, tuple[Outcome, str]] = {}
        self._most = MAX_GROUP_BYTES
        self._freed = Freed()
        self._taken = 0
        self._halted = ""
        self._said: list[str] = []
        self._last: Batch | None = None

    def start(self) -> None:
        self._progress.start()

    def take(self, session: Session, kept: Kept) -> None:
        """Go on in a store that was opened again."""
        self._session, self._kept = session, kept

    def turn(self) -> bool:
        """Pack for a while. Whether there is more to do."""
        session, kept = self._session, self._kept
        session.resume(kept, self._freed, None if self._all else self.todo, gain=self._min_gain, dir=self._backup_dir)
        self._shelf = make_room(session, kept, self._backup_dir)
        if self._shelf.number:
            kept.say("to", place=self._shelf.number)
            session.commit(kept)
        began = time.monotonic()
        while self.todo and not self._halted and not self._stop() and time.monotonic() - began < TURN_S:
            self._next()
        if self._halted:
            for n in self.todo:
                self._finished(n, "failed", self._halted)
            self.todo.clear()
        session.end(kept)
        self._said += [one for one in session.messages if one not in self._said]
        kept.results = dict(self._results)
        self._last = kept.batch(freed_bytes=self._freed.bytes - self._taken, messages=tuple(self._said))
        return bool(self.todo) and not self._stop()

    def end(self) -> Batch:
        """What came of it."""
        if self.todo:
            self._said.append(f"stopped: {say.items(len(self.todo))} not reached, kept as they are")
        self._progress.end()
        kept = self._kept
        return kept.batch(freed_bytes=self._freed.bytes - self._taken, messages=tuple(self._said))

    def cut_short(self, error: MlrunsError) -> Batch:
        """What came of it, when the store could not be had again."""
        self._progress.end()
        assert self._last is not None
        said = f"stopped, {say.items(len(self.todo))} not reached: {error.message}"
        return replace(self._last, messages=(*self._last.messages, said))

    def _next(self) -> None:
        """One archive."""
        kept = self._kept
        held = look.open_files(os.fstat(kept.root_fd).st_dev)
        free = look.space(self._room_fd).bytes_free
        most = min(self._most, max(free // 2, 1 << 20))
        group: dict[int, Slot] = {}
        states: dict[int, str] = {}
        raw = 0
        while self.todo and len(group) < MAX_GROUP and not self._stop():
            n = self.todo[0]
            size = kept.items[n].size_bytes
            if group and raw + size > most:
                break
            self.todo.pop(0)
            fit = self._fit(n, held)
            if fit is not None:
                group[n], states[n] = fit
                raw += size
        if group:
            self._pack(group, states, raw)

    def _fit(self, n: int, held: look.OpenFiles) -> tuple[Slot, str] | None:
        """Where an item is and the state it is in; None when it is not to be packed, its outcome noted."""
        kept, item = self._kept, self._kept.items[n]
        try:
            found = kept.places.find(n)
            if found is None:
                self._finished(n, "skipped", "it is not in the backup any more.")
                return None
            slot, status = found
            seen = look.survey(slot.fd, slot.name, held)
            ours = kept.places.same(status, item.identity)
            if seen.writers:
                why = f"{say.written_to(seen.writers)}. {AS_IT_WAS}"
            elif ours and seen.fingerprint != item.fingerprint:
                why = f"changed since it was moved. {AS_IT_WAS}"
            else:
                archives = kept.places.archives
                for name in archives.holding(n):
                    shelf = archives.shelf_of(name)[0]
                    if self._is_in(name, n, seen.fingerprint) and archives.is_there(shelf):
                        self._note([n], shelf)
                        self._retire([n])
                        return None
                why = self._unprofitable(n, slot)
        except OSError as error:
            self._finished(n, "failed", say.failure(error, AS_IT_WAS))
            return None
        if why:
            self._finished(n, "skipped", why)
            return None
        return slot, seen.fingerprint

    def _unprofitable(self, n: int, slot: Slot) -> str:
        self._gains[n] = found = gain(slot.fd, slot.name)
        if found.why_not:
            return f"{found.why_not}. {AS_IT_WAS}"
        if not self._backup_dir and max(found.percent, 0) < self._min_gain:
            return (
                f"packing would gain about {max(found.percent, 0)} % only. {AS_IT_WAS} Purging it frees all of it; "
                "cleanup --slim drops artifacts and keeps metrics; --backup-dir packs to another disk."
            )
        return ""

    def _is_in(self, name: str, n: int, state: str) -> bool:
        """Whether an archive, made before somebody killed us, holds this very tree; read again to be sure."""
        archives = self._kept.places.archives
        if archives.found[name][n] != state:
            return False
        try:
            tar_fd, manifest = archives.open(name)
        except Damaged:
            return False
        try:
            return n not in replay(tar_fd, manifest)
        finally:
            os.close(tar_fd)
            manifest.close()

    def _pack(self, group: dict[int, Slot], states: dict[int, str], raw: int) -> None:
        archives, shelf = self._kept.places.archives, self._shelf
        assert shelf is not None
        name = ""
        try:
            shared = layout.sharing(self._session.site.root_fd, self._kept.uid)
            gains = [self._gains[n] for n in group]
            name = from_trees(shelf, shared, group, states, raw, self._stop, level_for(gains, self._backup_dir))
            self._check_again(group, states)
            shelf.publish(name)
            archives.forget()
            if not archives.is_there(shelf):
                self._gone(group)
                return
            self._note(list(group), shelf)
            if not shelf.number:
                self._taken += shelf.allocated_bytes(name)
        except Stopped:
            self.todo = [*group, *self.todo]
            return
        except Unfit as error:
            if name:
                shelf.withdraw(name)
            self._finished(error.n, "skipped", f"{error}. {AS_IT_WAS}")
            self._again(group, without=error.n)
            return
        except Damaged as error:
            for n in group:
                self._finished(n, "failed", f"the archive could not be read back: {error}. {AS_IT_WAS}")
            return
        except OSError as error:
            self._failed(group, name, error)
            return
        self._retire(list(group))

    @property
    def _room_fd(self) -> int:
        """On the disk that archives go to."""
        return self._kept.root_fd if self._shelf is None or not self._shelf.number else self._shelf.fd

    def _gone(self, group: dict[int, Slot]) -> None:
        """The other disk was taken away: nothing more can be put there, and nothing is taken from here."""
        self._halted = f"{safe(self._backup_dir)} is not there any more. {AS_IT_WAS} Mount it, then pack again."
        for n in group:
            self._finished(n, "failed", self._halted)

    def _check_again(self, group: dict[int, Slot], states: dict[int, str]) -> None:
        """Raises Unfit when somebody wrote to an item while it was packed."""
        held = look.open_files(os.fstat(self._kept.root_fd).st_dev)
        for n, slot in group.items():
            seen = look.survey(slot.fd, slot.name, held)
            if seen.writers or seen.fingerprint != states[n]:
                raise Unfit(n, "it was written to while it was packed")

    def _again(self, group: dict[int, Slot], without: int) -> None:
        self.todo = [*(n for n in group if n != without), *self.todo]

    def _failed(self, group: dict[int, Slot], name: str, error: OSError) -> None:
        """An archive could not be made: on a full disk a smaller one may fit, and what it frees the next one."""
        kept = self._kept
        if name:
            # It may count already; the trees are whole, so it is not needed.
            kept.say("kept", n=list(group))
            archives, shelf = kept.places.archives, self._shelf
            assert shelf is not None
            with suppress(OSError):
                archives.forget()
                found = [one for one in archives.found if archives.shelf_of(one) == (shelf, name)]
                if found:
                    archives.remove(found[0])
            shelf.withdraw(name)
        if self._shelf is not None and self._shelf.number and not kept.places.archives.is_there(self._shelf):
            self._gone(group)
            return
        if not layout.no_room(error):
            for n in group:
                self._finished(n, "failed", say.failure(error, AS_IT_WAS))
            return
        if len(group) > 1:
            self._most = max(1, sum(kept.items[n].size_bytes for n in group) // 4)
            self.todo = [*group, *self.todo]
            return
        if self._session.site.vault is not None and newvault.release_reserve(self._session.site.vault):
            self.todo = [*group, *self.todo]
            return
        (n,) = group
        self._halted = no_room_words(look.space(self._room_fd).bytes_free, self._backup_dir)
        self._finished(n, "failed", self._halted)

    def _note(self, group: list[int], shelf: Shelf) -> None:
        """The journal knows, on the disk, that archives have these items. Raises OSError: it does not."""
        self._kept.say("packed", n=group, **({"to": shelf.number} if shelf.number else {}))
        self._session.commit(self._kept)
        if self._kept.journal is not None and self._kept.journal.behind:
            raise OSError(errno.ENOSPC, "no space left on device")

    def _retire(self, group: list[int]) -> None:
        """The archive counts: the trees die, each by one rename, and are taken apart. Outcomes are noted."""
        kept = self._kept
        dead: list[int] = []
        for n in group:
            found = kept.places.find(n)
            if found is None:
                continue
            try:
                grave = kept.places.dead(n)
                if found[0].in_root:
                    kept.parents.about_to_change("")
                change.rename(found[0].fd, found[0].name, grave.fd, grave.name)
                if found[0].in_root:
                    kept.parents.changed("")
                    kept.parents.put_back()
                dead.append(n)
            except OSError as error:
                kept.say("kept", n=[n])
                self._finished(n, "failed", f"packed, but its tree stays: {say.failure(error, AS_IT_WAS)}")
        try:
            kept.places.sync_dead()
            kept.places.sync()
            for n in dead:
                destroy(kept, n, self._freed)
                self._finished(n, "done")
        except OSError as error:
            for n in dead:
                if n not in self._results:
                    why = say.failure(error, "The next purge or restore removes the rest.")
                    self._finished(n, "failed", f"packed, but its tree is not all gone: {why}")

    def _finished(self, n: int, outcome: Outcome, why: str = "") -> None:
        self._results[n] = (outcome, why)
        self._progress.item(self._kept.items[n], outcome, why)


def _is_tree(kept: Kept, n: int) -> bool:
    """Whether an item is a directory that was moved out: what a repair put aside is small, and stays."""
    return kept.items[n].action != "repair"
