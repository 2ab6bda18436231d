"""Deleting what a batch keeps, for good.

How an item goes, so that at any moment it can be told what is a backup and what is not, stands in ``dying``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.text import safe

from . import damage
from .dying import Dying
from .freed import Freed
from .kept import Kept
from .progress import Progress
from .purge_archives import purge_archives
from .session import Session, changing


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
    freed = Freed()
    Dying(session, kept, list(indexes), freed, progress, stop).run()
    return freed.bytes
