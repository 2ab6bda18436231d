"""Packing what a batch keeps: archives first, read back; only then the trees go, through ``dead/``.

The smallest items first, small ones together, so that a full disk is freed step by step. Between archives
others get their turn in the store. Killed at any point, each item is a whole tree, or in an archive that
was read back, or both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack

from mlruns_tui.model.batch import MIN_GAIN_PERCENT, Batch
from mlruns_tui.model.errors import LockedError, MlrunsError
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.text import safe

from . import elsewhere, otherdisk
from .archive import library
from .kept import Kept
from .packing import Packing
from .session import Session, changing

PAUSE_S = 0.15
"""Between turns: others who wait for the store try every tenth of a second."""
PATIENCE_S = 600.0
"""Longest wait for the store in between."""


def pack(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    min_gain_percent: int = MIN_GAIN_PERCENT,
    tell: Tell = silent,
    stop: Stop = never,
    *,
    lock_timeout_s: float = 0,
    backup_dir: str = "",
) -> Batch:
    """Compress what a batch of the store at ``root`` keeps, or its items with these keys.

    Items that would gain less than ``min_gain_percent`` of their space are skipped and said. ``stop`` ends it
    within a moment: the archive at hand is dropped, the finished ones stay. ``freed_bytes`` of the result: what
    was unlinked less what the archives take. ``backup_dir``: archives go to this directory on another file system,
    and items whatever they gain. Raises UsageError (no such store, batch or key, a directory that will not do),
    DamagedError (its plan), LockedError (also when it stopped half-way in something else), MlrunsError.
    """
    library()
    with ExitStack() as stack:
        session, kept = _open(stack, root, batch_id, lock_timeout_s, stop, backup_dir)
        if backup_dir:
            os.close(otherdisk.check(session.site.root_fd, backup_dir))
        work = Packing(session, kept, keys, min_gain_percent, tell, stop, backup_dir)
        if not work.todo:
            return kept.batch(messages=("nothing of it is left to pack",))
        work.start()
        while work.turn():
            stack.close()
            time.sleep(PAUSE_S)
            try:
                work.take(*_open(stack, root, batch_id, max(lock_timeout_s, PATIENCE_S), stop, backup_dir))
            except MlrunsError as error:
                return work.cut_short(error)
        return work.end()


def run(session: Session, kept: Kept, keys: Sequence[str] | None, tell: Tell, stop: Stop) -> Batch:
    """The same for a batch that is open and a store that is locked, all in one turn."""
    library()
    place = kept.history.place
    backup_dir = kept.places.archives.dir_of(place)
    if place and (not backup_dir or place in kept.places.archives.away):
        raise elsewhere.not_there(backup_dir or "another disk")
    if not place and kept.history.backup_dir:
        # Killed before its place there was made.
        backup_dir = otherdisk.found(kept.history.backup_dir, session.site.found_in)
        os.close(otherdisk.check(session.site.root_fd, backup_dir))
    least = kept.history.min_gain_percent
    # What was about to be retired is in the backup again, and counts.
    session.resume(kept, gain=least, dir=backup_dir)
    work = Packing(session, kept, keys, least, tell, stop, backup_dir)
    work.start()
    while work.turn():
        pass
    return work.end()


def _open(
    stack: ExitStack, root: str, batch_id: str, lock_timeout_s: float, stop: Stop, backup_dir: str
) -> tuple[Session, Kept]:
    session = stack.enter_context(changing(root, "pack", lock_timeout_s=lock_timeout_s, stop=stop, found_in=backup_dir))
    kept = session.site.open_sound(batch_id)
    stack.callback(kept.close)
    if kept.history.open_op not in ("", "pack"):
        raise LockedError(
            "unfinished",
            f"batch {kept.id} stopped half-way in something else; nothing was changed",
            path=safe(kept.record_path),
            hint=f"mlruns-tui recover {safe(root)} shows what can be done, then run this again",
        )
    return session, kept
