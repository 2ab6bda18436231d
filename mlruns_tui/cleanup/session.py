"""A store opened for changes: locked, checked, and cleared of what a killed worker left unborn."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.errors import LockedError, MlrunsError
from mlruns_tui.model.protocols import Stop, never
from mlruns_tui.model.store import Identity
from mlruns_tui.model.text import safe

from . import layout, newvault, records, statedir
from .journal import History, Journal
from .kept import Kept
from .lock import Locks, boot_id, started
from .recover import settle
from .say import NO_ROOM, items
from .vault import Site


class Session:
    """What an operation works with. Made by ``changing``."""

    def __init__(self, site: Site, locks: Locks, op: str) -> None:
        self.site = site
        self.locks = locks
        self.op = op
        self.uid = os.geteuid()
        self.messages: list[str] = []
        self.staying: Mapping[str, str] = {}
        """Why items had better not go back to their place though it is free, by key."""

    def use(self, vault: layout.Vault) -> None:
        """Check and lock the vault. Raises LockedError, MlrunsError."""
        layout.check_vault(vault, self.site.root_fd)
        self.site.vault = vault
        said = self.locks.take_vault(vault, self.site.root_fd)
        if said:
            self.messages.append(said)

    def begin(self, **more: Any) -> dict[str, Any]:
        """Fields of a journal's ``begin`` record."""
        return {
            "at": time.time_ns() // 1_000_000,
            "op": self.op,
            "uid": self.uid,
            "user": look.user_name(self.uid),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "boot": boot_id(),
            "started": started(os.getpid()),
            **more,
        }

    def histories(self) -> dict[str, History]:
        """The journals of all batches that can be read."""
        found: dict[str, History] = {}
        for batch_id in self.site.ids():
            with contextlib.suppress(OSError):
                found[batch_id] = self.site.history(batch_id)
        return found

    def resume(
        self,
        kept: Kept,
        removed: Callable[[os.stat_result], None] | None = None,
        only: Collection[int] | None = None,
        **more: Any,
    ) -> None:
        """Go on with a batch: what was interrupted is settled, its journal says what begins.

        ``removed`` hears of each name deleted for good. ``only``: indexes of the items this is about, None
        for all. ``more``: what the record of the beginning says besides. Raises MlrunsError when it is not ours
        to change.
        """
        self.locks.tell(self.op, kept.id)
        try:
            kept.journal = self._journal(kept)
            with contextlib.suppress(OSError):
                kept.places.archives.remember()
            settle(kept, removed, doomed=(kept.items if only is None else only) if self.op == "purge" else None)
            about = {} if only is None else {"only": sorted(only)}
            kept.say("begin", **self.begin(number=kept.history.number, **about, **more))
            self.commit(kept)
        except OSError as error:
            owner = safe(look.user_name(kept.uid))
            permission = isinstance(error, PermissionError)
            raise MlrunsError(
                "no-permission" if permission else "journal-failed",
                f"the journal of batch {kept.id} (made by {owner}) cannot be written: {look.words(error)}; "
                "nothing was changed",
                path=safe(kept.record_path),
                hint=f"ask {owner}, or run as root" if permission else "",
            ) from None

    def _journal(self, kept: Kept) -> Journal:
        assert kept.record_fd is not None
        journal = Journal.open(kept.record_fd, kept.history.last_seq)
        try:
            journal.reserve(8_192 + 32 * len(kept.items))
        except OSError as error:
            if error.errno not in NO_ROOM:
                journal.close()
                raise
            if self.site.vault is not None:
                newvault.release_reserve(self.site.vault)
        return journal

    def commit(self, kept: Kept) -> None:
        """Write the journal; a full disk is said once and worked around. Raises OSError otherwise."""
        if not kept.commit() and kept.journal is not None and kept.journal.behind:
            if self.site.vault is not None and newvault.release_reserve(self.site.vault) and kept.commit():
                return
            said = "the disk is full: the journal is written when there is room again"
            if said not in self.messages:
                self.messages.append(said)

    def end(self, kept: Kept) -> None:
        """The operation on this batch is over. Never raises: what was done is done."""
        kept.say("end", op=self.op)
        try:
            self.commit(kept)
        except OSError as error:
            self.messages.append(f"the journal of this batch ends early: {look.words(error)}")
        if self.site.vault is not None and not (kept.journal and kept.journal.behind):
            newvault.renew_reserve(self.site.vault, self.site.root_fd)

    def discard(self, kept: Kept) -> None:
        """Forget a batch that never moved anything. Never raises: at worst an empty batch is listed."""
        site, cramped = self.site, kept.places.cramped
        kept.close()
        with contextlib.suppress(OSError):
            if cramped and site.state_fd is not None:
                records.discard(site.state_fd, kept.id)
        with contextlib.suppress(OSError):
            if site.vault is not None and look.exists(kept.id, site.vault.batches_fd):
                records.discard(site.vault.batches_fd, kept.id)

    def settle_mine(self) -> None:
        """Before a new batch: an interrupted one of this user must be settled by him first.

        Those that were interrupted before or after anything lay in the backup are settled here; other
        users' are theirs, and they are only mentioned. Raises LockedError.
        """
        histories = self.histories()
        mine = [name for name, told in histories.items() if told.uid == self.uid]
        newest = max(mine, key=lambda name: histories[name].number, default="")
        for batch_id, history in histories.items():
            if not history.open_op:
                continue
            if history.uid != self.uid:
                who = safe(look.user_name(history.uid))
                whole = "what was not deleted is whole" if history.condemned else "every item of it is whole"
                self.messages.append(f"a batch of {who} ({batch_id}) stopped half-way; {whole}, {who} settles it")
                continue
            try:
                kept = self.site.open(batch_id)
            except (MlrunsError, ValueError, OSError):
                continue
            try:
                if kept.unfinished:
                    raise self._unfinished(kept, newest)
                kept.journal = self._journal(kept)
                settle(kept)
                kept.say("end", op=history.open_op)
                self.commit(kept)
                if kept.untouched:
                    self.discard(kept)
            except OSError as error:
                self.messages.append(f"batch {batch_id} cannot be looked at: {look.words(error)}")
            finally:
                kept.close()

    def _unfinished(self, kept: Kept, newest: str) -> LockedError:
        places = [kept.look_at(n).place for n in kept.items]
        there, gone = places.count("moved") + places.count("packed"), places.count("purged")
        whole = f"{items(gone)} deleted for good, the others are whole" if gone else "every item is whole"
        root = safe(self.site.root)
        back = f"mlruns-tui undo {root}" if kept.id == newest else f"mlruns-tui backups restore {root} {kept.id}"
        return LockedError(
            "unfinished",
            f"your batch {kept.id} stopped half-way: {whole}, {items(there)} in the backup, "
            f"{len(kept.items) - there - gone:,} not; nothing was changed now",
            path=safe(kept.record_path),
            hint=f"{back} puts it back, mlruns-tui recover {root} shows what else can be done; then run this again",
        )


@contextmanager
def changing(
    root: str,
    op: str,
    *,
    expected: Identity | None = None,
    lock_timeout_s: float = 0,
    stop: Stop = never,
    found_in: str = "",
) -> Iterator[Session]:
    """Open and lock a store for one operation. ``found_in``: a directory where archives on another disk may be found
    by now. Raises UsageError, StaleError, LockedError, MlrunsError."""
    root = os.path.abspath(root)
    root_fd = layout.open_root(root, expected)
    site = Site(root, root_fd, None, None, found_in)
    locks = Locks(lock_timeout_s, stop)
    try:
        site.state_fd = statedir.open_existing(root)
        site.vault = layout.open_vault(root, root_fd)
        locks.take_root(root_fd, site.vault.fd if site.vault else None)
        if site.vault is None:
            site.vault = layout.open_vault(root, root_fd)
        if site.vault is None and newvault.unborn_vault(root_fd) is not None:
            with contextlib.suppress(OSError):
                site.vault = newvault.create_vault(root, root_fd)
        session = Session(site, locks, op)
        if site.vault is not None:
            session.use(site.vault)
            newvault.sweep(root_fd, site.vault)
        yield session
    finally:
        locks.close()
        site.close()
