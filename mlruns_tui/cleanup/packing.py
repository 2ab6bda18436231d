"""One call's packing of one batch: which items, in what groups, and what becomes of each."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Stop, Tell, never
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import layout, newvault, say
from .beside import Answer, together
from .freed import Freed
from .gain import Gain
from .kept import Kept
from .makearchive import attempt, is_in
from .packroom import AS_IT_WAS, level_for, little_gain_words, make_room, no_room_words
from .places import Slot
from .progress import Progress
from .purge import chosen_items
from .retiring import retire, shares
from .session import Session
from .shelf import Shelf
from .worth import Worth, look_at

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
        self.todo = sorted(chosen, key=self._by_size)
        self._progress = Progress(tell, "pack", kept.id, [kept.items[n] for n in self.todo])
        self._results: dict[int, tuple[Outcome, str]] = {}
        self._most = MAX_GROUP_BYTES
        self._freed = Freed()
        self._taken = 0
        self._halted = ""
        self._held: look.OpenFiles | None = None
        """Who had what open, when that was last looked up in this turn."""
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
        self._held = None
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
        if not self.todo or self._stop():
            return False
        self._last = kept.batch(freed_bytes=self._freed.bytes - self._taken, messages=tuple(self._said))
        return True

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
        # Looked up again before anything is retired.
        held = self._held = self._held or look.open_files(os.fstat(kept.root_fd).st_dev)
        free = look.space(self._room_fd).bytes_free
        most = min(self._most, max(free // 2, 1 << 20))
        chosen: dict[int, Slot] = {}
        size = 0
        while self.todo and len(chosen) < MAX_GROUP and not self._stop():
            n = self.todo[0]
            if chosen and size + kept.items[n].size_bytes > most:
                break
            self.todo.pop(0)
            slot = self._slot(n)
            if slot is not None:
                chosen[n] = slot
                size += kept.items[n].size_bytes
        found = look_at(kept, chosen, held, self._stop) if chosen else {}
        self._back(n for n in chosen if n not in found)
        group = {n: chosen[n] for n, worth in found.items() if self._is_to_be_packed(n, worth)}
        if group:
            states = {n: found[n].state for n in group}
            self._pack(group, states, sum(kept.items[n].size_bytes for n in group))

    def _slot(self, n: int) -> Slot | None:
        """Where an item is; None when that cannot be had, its outcome noted."""
        try:
            found = self._kept.places.find(n)
        except OSError as error:
            self._finished(n, "failed", say.failure(error, AS_IT_WAS))
            return None
        if found is None:
            self._finished(n, "skipped", "it is not in the backup any more.")
            return None
        return found[0]

    def _is_to_be_packed(self, n: int, worth: Worth) -> bool:
        """Whether an item has no archive yet and gets one; if not, its outcome is noted."""
        if worth.gain is None:
            self._finished(n, worth.outcome, worth.why)
            return False
        try:
            archives = self._kept.places.archives
            for name in archives.holding(n):
                shelf = archives.shelf_of(name)[0]
                if is_in(archives, name, n, worth.state) and archives.is_there(shelf):
                    self._note([n], shelf)
                    self._retire([n])
                    return False
        except OSError as error:
            self._finished(n, "failed", say.failure(error, AS_IT_WAS))
            return False
        self._gains[n] = worth.gain
        if not self._backup_dir and max(worth.gain.percent, 0) < self._min_gain:
            self._finished(n, "skipped", little_gain_words(worth.gain.percent))
            return False
        return True

    def _pack(self, group: dict[int, Slot], states: dict[int, str], raw: int) -> None:
        """Archives of these trees, one for each process at it; those whose archive counts are retired."""
        shelf = self._shelf
        assert shelf is not None
        parts = [group] if shelf.number else shares(group, self._kept.items)
        try:
            shared = layout.sharing(self._session.site.root_fd, self._kept.uid)
            level = level_for([self._gains[n] for n in group], self._backup_dir)
            names = [shelf.new_name(min(part)) for part in parts]
        except OSError as error:
            self._failed(group, "", error)
            return
        threads = None if len(parts) == 1 else 0
        jobs = [
            partial(attempt, shelf, shared, name, part, {n: states[n] for n in part}, raw, level, threads)
            for name, part in zip(names, parts, strict=True)
        ]
        good: dict[str, dict[int, Slot]] = {}
        for name, part, answer in zip(names, parts, together(jobs, self._stop), strict=True):
            try:
                trouble, n, why = answer.get()
            except OSError as error:
                # Whoever made it may have been killed.
                shelf.withdraw(name)
                self._failed(part, "", error)
                continue
            if not trouble:
                good[name] = part
            elif trouble == "stopped":
                self._back(part)
            elif trouble in ("unfit", "unreadable"):
                self._unfit(part, n, why, "failed" if trouble == "unreadable" else "skipped")
            else:
                for n in part:
                    self._finished(n, "failed", f"the archive could not be read back: {why}. {AS_IT_WAS}")
        if good:
            self._held = look.open_files(os.fstat(self._kept.root_fd).st_dev)
            looks = together([partial(self._changed, part, states) for part in good.values()], never)
            again = zip(good.items(), looks, strict=True)
            counts = [n for (name, part), seen in again if self._counts(part, name, seen) for n in part]
            if counts:
                self._retire(counts)

    def _counts(self, group: dict[int, Slot], name: str, seen: Answer) -> bool:
        """Let an archive that was read back count, unless somebody wrote to an item meanwhile; then the outcome is
        noted."""
        archives, shelf = self._kept.places.archives, self._shelf
        assert shelf is not None
        try:
            changed = seen.get()
            if changed is not None:
                shelf.withdraw(name)
                self._unfit(group, changed, "it was written to while it was packed")
                return False
            shelf.publish(name)
            archives.forget()
            if not archives.is_there(shelf):
                self._gone(group)
                return False
            self._note(list(group), shelf)
            if not shelf.number:
                self._taken += shelf.allocated_bytes(name)
        except OSError as error:
            self._failed(group, name, error)
            return False
        return True

    def _unfit(self, group: dict[int, Slot], n: int, why: str, outcome: Outcome = "skipped") -> None:
        self._finished(n, outcome, f"{why}. {AS_IT_WAS}")
        self._back(one for one in group if one != n)

    def _back(self, group: Iterable[int]) -> None:
        """They are still to be packed."""
        self.todo = sorted((*group, *self.todo), key=self._by_size)

    def _by_size(self, n: int) -> tuple[int, int]:
        return self._kept.items[n].size_bytes, n

    @property
    def _room_fd(self) -> int:
        """On the disk that archives go to."""
        return self._kept.root_fd if self._shelf is None or not self._shelf.number else self._shelf.fd

    def _gone(self, group: dict[int, Slot]) -> None:
        """The other disk was taken away: nothing more can be put there, and nothing is taken from here."""
        self._halted = f"{safe(self._backup_dir)} is not there any more. {AS_IT_WAS} Mount it, then pack again."
        for n in group:
            self._finished(n, "failed", self._halted)

    def _changed(self, group: dict[int, Slot], states: dict[int, str], stop: Stop) -> int | None:
        """The item somebody wrote to while it was packed. Raises OSError."""
        assert self._held is not None
        for n, slot in group.items():
            seen = look.survey(slot.fd, slot.name, self._held)
            if seen.writers or seen.fingerprint != states[n]:
                return n
        return None

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
            self._back(group)
            return
        if self._session.site.vault is not None and newvault.release_reserve(self._session.site.vault):
            self._back(group)
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
        """Their archives count: the trees go. Outcomes are noted."""
        for n, why in retire(self._kept, group, self._freed).items():
            self._finished(n, "failed" if why else "done", why)

    def _finished(self, n: int, outcome: Outcome, why: str = "") -> None:
        self._results[n] = (outcome, why)
        self._progress.item(self._kept.items[n], outcome, why)


def _is_tree(kept: Kept, n: int) -> bool:
    """Whether an item is a directory that was moved out: what a repair put aside is small, and stays."""
    return kept.items[n].action != "repair"
