"""What is kept for a store: its batches, looked up on the disk. Nothing here changes anything."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import DamagedError, MlrunsError, UsageError
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import OWN_SUFFIX, VAULT_NAME

from . import atwork, journal, records, statedir
from .kept import Kept
from .layout import BATCHES, UNBORN, Vault, open_root, open_vault
from .places import Places

_BESIDE = re.compile(r"(?!new-)([0-9A-Za-z][0-9A-Za-z_-]{0,79})-\d{1,9}" + re.escape(OWN_SUFFIX))


@dataclass(slots=True)
class Site:
    """An opened store: its root, its vault if it has one, its folder in the state directory if there is one."""

    root: str
    root_fd: int
    vault: Vault | None
    state_fd: int | None
    found_in: str = ""
    """A directory somebody named, where archives on another disk may be found by now."""

    def ids(self) -> list[str]:
        """Names of all batches, in no order."""
        found: set[str] = set()
        for fd in (self.vault.batches_fd if self.vault else None, self.state_fd):
            if fd is not None:
                found.update(name for name in look.names(fd) if not name.endswith(UNBORN))
        beside = (_BESIDE.fullmatch(name) for name in look.names(self.root_fd) if name.endswith(OWN_SUFFIX))
        return sorted(found | {match[1] for match in beside if match})

    def folder(self, batch_id: str) -> int | None:
        """Its folder in the vault, opened. Raises OSError when that cannot be looked at."""
        if self.vault is None:
            return None
        try:
            return look.open_directory(batch_id, self.vault.batches_fd)
        except FileNotFoundError:
            return None

    def record(self, batch_id: str) -> tuple[int, str, bool] | None:
        """Where its plan and journal are: descriptor, path, and whether that is the state directory."""
        if self.state_fd is not None:
            with contextlib.suppress(FileNotFoundError):
                fd = look.open_directory(batch_id, self.state_fd)
                return fd, os.path.join(statedir.path(self.root), batch_id), True
        if self.vault is not None:
            with contextlib.suppress(FileNotFoundError):
                fd = look.open_directory(batch_id, self.vault.batches_fd)
                return fd, os.path.join(self.vault.path, BATCHES, batch_id), False
        return None

    def history(self, batch_id: str) -> journal.History:
        """Its journal alone, cheap beside its plan. Raises OSError."""
        record = self.record(batch_id)
        if record is None:
            return journal.History()
        try:
            return journal.read(record[0])
        finally:
            os.close(record[0])

    def open(self, batch_id: str) -> Kept:
        """One batch. Raises UsageError when there is none of that name, ValueError when its plan is not
        usable, OSError when it cannot be read."""
        records.check_id(batch_id)
        record = self.record(batch_id)
        if record is None:
            if batch_id in self.ids():
                raise ValueError("it was made on a full disk and never written")
            raise UsageError(
                "no-such-batch",
                f"there is no batch {safe(batch_id)} in this store",
                hint=f"mlruns-tui backups list {safe(self.root)}",
            )
        record_fd, path, in_state = record
        places = None
        try:
            document = records.read_plan(record_fd, batch_id)
            history = journal.read(record_fd)
            folder = self.folder(batch_id) if in_state else os.dup(record_fd)
            try:
                places = Places(self.root_fd, batch_id, folder, cramped=in_state, found_in=self.found_in)
            finally:
                if folder is not None:
                    os.close(folder)
            added = records.read_added(record_fd, len(document.plan.items))
        except BaseException:
            os.close(record_fd)
            if places is not None:
                places.close()
            raise
        return Kept(self.root_fd, document.plan, document.uid, places, record_fd, path, history, added)

    def open_sound(self, batch_id: str) -> Kept:
        """The same for those who want to change it: raises MlrunsError that says what is wrong, DamagedError when
        it is the plan."""
        try:
            return self.open(batch_id)
        except (ValueError, OSError) as error:
            raise unusable(self._broken(batch_id, error)) from None

    def listing(self) -> list[Batch]:
        """All batches, newest first; one that cannot be read is a row that says so."""
        rows: list[tuple[int, int, str, Batch]] = []
        for batch_id in self.ids():
            try:
                kept = self.open(batch_id)
            except (MlrunsError, ValueError, OSError) as error:
                batch = self._broken(batch_id, error)
                rows.append((0, batch.created_ms, batch_id, batch))
                continue
            try:
                messages: tuple[str, ...] = ()
                running = atwork.holder(self, kept.history)
                if running is not None:
                    messages = (f"{running.words()} (pid {running.pid})",)
                batch = kept.batch(messages=messages, running=running is not None)
                rows.append((kept.history.number, batch.created_ms, batch_id, batch))
            except OSError as error:
                batch = self._broken(batch_id, error)
                rows.append((kept.history.number, batch.created_ms, batch_id, batch))
            finally:
                kept.close()
        # The clock decides only where a journal, which numbers its batch, was lost.
        if any(number == 0 for number, *_ in rows):
            rows = [(0, created, name, batch) for _, created, name, batch in rows]
        rows.sort(key=lambda row: row[:3], reverse=True)
        return [row[3] for row in rows]

    def _broken(self, batch_id: str, error: Exception) -> Batch:
        uid, created_ms = -1, 0
        if self.vault is not None:
            with contextlib.suppress(OSError):
                status = os.stat(batch_id, dir_fd=self.vault.batches_fd, follow_symlinks=False)
                uid, created_ms = status.st_uid, status.st_mtime_ns // 1_000_000
        owner = look.user_name(uid) if uid >= 0 else "?"
        path = os.path.join(self.vault.path, BATCHES, batch_id) if self.vault else self.root
        damage, taken = "", 0
        if isinstance(error, PermissionError):
            said = f"belongs to {safe(owner)} and cannot be read: permission denied"
        else:
            damage = f"its plan cannot be used: {_why(error)}"
            said = f"{damage}; what it keeps was left as it is"
            with contextlib.suppress(OSError):
                if self.vault is not None:
                    taken = look.survey(self.vault.batches_fd, batch_id).size.allocated_bytes
        return Batch(
            safe(batch_id, 200), created_ms, safe(owner), "", uid, "missing", (), vault=safe(path), messages=(said,),
            damage=damage, other_bytes=taken,
        )  # fmt: skip

    def close(self) -> None:
        for fd in (self.state_fd, self.root_fd):
            if fd is not None:
                os.close(fd)
        if self.vault is not None:
            self.vault.close()


def unusable(batch: Batch) -> MlrunsError:
    """The error for a batch whose row says that it cannot be opened."""
    said = f"batch {batch.id}: {'; '.join(batch.messages)}"
    if not batch.damage:
        return MlrunsError(
            "no-permission", f"{said}; nothing was changed", path=batch.vault, hint=f"ask {batch.user}, or run as root"
        )
    return DamagedError(
        "broken-batch",
        said,
        path=batch.vault,
        hint=f"{VAULT_NAME}/README says how to put things back by hand; removing that folder frees its space",
    )


def _why(error: Exception) -> str:
    if isinstance(error, MlrunsError):
        return safe(error.message, 300)
    return safe(look.words(error), 300) if isinstance(error, OSError) else safe(str(error), 300)


@contextmanager
def looking(root: str, found_in: str = "") -> Iterator[Site]:
    """A store, opened to look at its batches. ``found_in``: a directory where archives on another disk may be found
    by now. Raises UsageError, MlrunsError."""
    root = os.path.abspath(root)
    root_fd = open_root(root)
    try:
        vault = open_vault(root, root_fd)
    except BaseException:
        os.close(root_fd)
        raise
    site = Site(root, root_fd, vault, statedir.open_existing(root), found_in)
    try:
        yield site
    finally:
        site.close()


def batches(root: str, found_in: str = "") -> tuple[Batch, ...]:
    """All batches of the store at ``root``, newest first, each looked up on the disk, archives on another disk also
    in the directory ``found_in``.

    Empty when nothing was ever kept. Raises UsageError when there is no such store, MlrunsError when
    the vault is a link or this user may not read it.
    """
    with looking(root, found_in) as site:
        return tuple(site.listing())


def show(root: str, batch_id: str) -> Batch:
    """One batch of the store at ``root``. Raises UsageError (no such batch), DamagedError (its plan)."""
    with looking(root) as site:
        kept = site.open_sound(batch_id)
        try:
            return kept.batch(running=atwork.holder(site, kept.history) is not None)
        finally:
            kept.close()
