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

from . import begin, layout, newvault, say
from .archive import Damaged, replay
from .gain import gain
from .kept import Kept
from .makearchive import Stopped, Unfit, from_trees
from .places import Slot
from .progress import Progress
from .purge import Freed, chosen_items
from .recover import destroy
from .session import Session

MAX_GROUP_BYTES = 64 << 20
MAX_GROUP = 1_024
TURN_S = 2.0
"""After so long others who wait for the store get it first."""
AS_IT_WAS = "It stays in the backup as it is."


class Packing:
    """One call's work, over as many turns as it takes."""

    def __init__(
        self, session: Session, kept: Kept, keys: Sequence[str] | None, min_gain_percent: int, tell: Tell, stop: Stop
    ) -> None:
        self._session, self._kept = session, kept
        self._min_gain = min_gain_percent
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
        session.resume(kept, self._freed, None if self._all else self.todo)
        self._make_room()
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

    def _make_room(self) -> None:
        """A folder for archives, on a full disk from the space kept for this. Raises MlrunsError."""
        session, kept = self._session, self._kept
        begin.try_vault(session, kept)
        shared = layout.sharing(session.site.root_fd)
        for again in (False, True):
            try:
                kept.places.archives.make(shared)
                return
            except OSError as error:
                room = again or not layout.no_room(error) or session.site.vault is None
                if room or session.site.vault is None or not newvault.release_reserve(session.site.vault):
                    session.end(kept)
                    raise MlrunsError(
                        "no-backup",
                        f"no folder for archives could be made: {look.words(error)}; nothing was changed",
                        path=safe(kept.record_path),
                        hint="purge a batch first, or free some space elsewhere",
                    ) from None

    def _next(self) -> None:
        """One archive."""
        kept = self._kept
        held = look.open_files(os.fstat(kept.root_fd).st_dev)
        free = look.space(kept.root_fd).bytes_free
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
                if any(self._is_in(name, n, seen.fingerprint) for name in kept.places.archives.holding(n)):
                    self._note([n])
                    self._retire([n])
                    return None
                why = self._unprofitable(slot)
        except OSError as error:
            self._finished(n, "failed", say.failure(error, AS_IT_WAS))
            return None
        if why:
            self._finished(n, "skipped", why)
            return None
        return slot, seen.fingerprint

    def _unprofitable(self, slot: Slot) -> str:
        found = gain(slot.fd, slot.name)
        if found.why_not:
            return f"{found.why_not}. {AS_IT_WAS}"
        if found.percent < self._min_gain:
            return (
                f"packing would gain about {max(found.percent, 0)} % only. {AS_IT_WAS} Purging it frees all of it; "
                "cleanup --slim drops artifacts and keeps metrics."
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
        archives = self._kept.places.archives
        name = ""
        try:
            name = from_trees(archives, layout.sharing(self._session.site.root_fd), group, states, raw, self._stop)
            self._check_again(group, states)
            archives.publish(name)
            self._note(list(group))
            self._taken += archives.allocated_bytes(name)
        except Stopped:
            self.todo = [*group, *self.todo]
            return
        except Unfit as error:
            if name:
                archives.withdraw(name)
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
            with suppress(OSError):
                if name in kept.places.archives.found:
                    kept.places.archives.remove(name)
            kept.places.archives.withdraw(name)
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
        free = look.space(kept.root_fd).bytes_free
        self._halted = (
            f"no room for its archive: {free:,} bytes are free. {AS_IT_WAS} Purge a batch first, that needs no room."
        )
        self._finished(n, "failed", self._halted)

    def _note(self, group: list[int]) -> None:
        """The journal knows, on the disk, that archives have these items. Raises OSError: it does not."""
        self._kept.say("packed", n=group)
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
