"""Where archives of a batch go, and what is said when there is no room for them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe

from . import begin, layout, newvault, otherdisk
from .archive import LEVEL, STORED
from .gain import Gain
from .kept import Kept
from .session import Session
from .shelf import Shelf

AS_IT_WAS = "It stays in the backup as it is."
SHRINKS = 5
"""Per cent from which compressing what goes to another disk is worth its time."""


def make_room(session: Session, kept: Kept, backup_dir: str) -> Shelf:
    """The folder for archives, made if it is missing: in the directory somebody named, else in the vault (on a
    full disk from the space kept for this). The batch is open and begun; its journal ends when this raises
    MlrunsError."""
    begin.try_vault(session, kept)
    shared = layout.sharing(session.site.root_fd, kept.uid)
    vault = session.site.vault
    for again in (False, True):
        try:
            return _elsewhere(session, kept, backup_dir, shared) if backup_dir else kept.places.archives.make(shared)
        except MlrunsError:
            session.end(kept)
            raise
        except OSError as error:
            if again or not layout.no_room(error) or vault is None or not newvault.release_reserve(vault):
                session.end(kept)
                raise MlrunsError(
                    "no-backup",
                    f"no folder for archives could be made: {look.words(error)}; nothing was changed",
                    path=safe(kept.record_path),
                    hint="purge a batch first, or free some space elsewhere",
                ) from None
    raise AssertionError("the second time ends it")


def _elsewhere(session: Session, kept: Kept, backup_dir: str, shared: layout.Sharing) -> Shelf:
    """Raises MlrunsError for what is wrong there, OSError for what is wrong in the vault."""
    site = session.site
    fd = otherdisk.check(site.root_fd, backup_dir)
    try:
        in_use = {place for n, place in kept.history.elsewhere.items() if kept.away(n)}
        return kept.places.archives.make_elsewhere(fd, otherdisk.real(backup_dir), site.root, shared, in_use)
    finally:
        os.close(fd)


def level_for(gains: Sequence[Gain], backup_dir: str) -> int:
    """Of the compressor, for these items: what does not shrink is only copied to another disk."""
    before, after = sum(one.data_bytes for one in gains), sum(one.expected_bytes for one in gains)
    return STORED if backup_dir and 100 * (before - after) < SHRINKS * before else LEVEL


def little_gain_words(percent: int) -> str:
    """Why an item was not packed that would gain so many per cent, and what helps."""
    return (
        f"packing would gain about {max(percent, 0)} % only. {AS_IT_WAS} Purging it frees all of it; "
        "cleanup --slim drops artifacts and keeps metrics; --backup-dir packs to another disk."
    )


def no_room_words(bytes_free: int, backup_dir: str) -> str:
    """Why an item was not packed on a disk that is full, and what helps."""
    where = f" in {safe(backup_dir)}" if backup_dir else ""
    helps = "Make room there, or name another directory." if where else "Purge a batch first, that needs no room."
    return f"no room for its archive{where}: {bytes_free:,} bytes are free. {AS_IT_WAS} {helps}"
