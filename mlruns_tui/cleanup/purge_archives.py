"""Deleting packed items for good: an archive goes whole, or is written anew without them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import layout, say
from .archive import Damaged
from .kept import Kept
from .makearchive import from_archive
from .progress import Progress

if TYPE_CHECKING:
    from .freed import Freed
    from .session import Session


def purge_archives(
    session: Session,
    kept: Kept,
    indexes: Sequence[int],
    freed: Freed,
    progress: Progress,
    stop: Stop,
) -> list[int]:
    """Delete the archives of these items, as far as nothing else needs them. Results of the packed ones are
    noted; the rest, which are whole trees besides, comes back.

    An archive that holds others too is copied without these, which needs room for the copy.
    """
    archives = kept.places.archives
    moved = [n for n in indexes if not kept.archive(n)]
    packed = set(indexes) - set(moved)
    elsewhere: dict[str, int] = {}
    for name, items in list(archives.found.items()):
        going = sorted(set(items) & set(indexes))
        if not going or stop():
            continue
        staying = [n for n in sorted(items) if n not in going and kept.archive(n) == name]
        dying = [n for n in going if n in packed]
        shelf, here = archives.shelf_of(name)[0], type(freed)()
        try:
            if dying:
                kept.say("purging", n=dying)
                session.commit(kept)
            if staying:
                copy = from_archive(archives, layout.sharing(kept.root_fd, kept.uid), name, staying)
                shelf.publish(copy)
                archives.forget()
                here.bytes -= shelf.allocated_bytes(copy)
            archives.remove(name, here, partial(_say_purged, session, kept, dying))
            if shelf.number:
                elsewhere[shelf.backup_dir] = elsewhere.get(shelf.backup_dir, 0) + here.bytes
                freed.elsewhere += here.bytes
            else:
                freed.bytes += here.bytes
        except Damaged as error:
            why = f"its archive holds others too and cannot be copied without it: {error}. {say.KEPT} Purge all of it."
            _note(kept, progress, dying, "failed", why, damaged=True)
        except OSError as error:
            _note(kept, progress, dying, "failed", say.failure(error, say.KEPT, "its archive"))
        else:
            _note(kept, progress, dying, "done", "")
    session.messages += [f"{much:,} bytes freed in {safe(where)}" for where, much in elsewhere.items()]
    return moved


def _say_purged(session: Session, kept: Kept, indexes: Sequence[int]) -> None:
    if indexes:
        kept.say("purged", n=list(indexes))
        # They are gone, whatever the journal's disk says to that.
        with suppress(OSError):
            session.commit(kept)


def _note(
    kept: Kept, progress: Progress, indexes: Sequence[int], outcome: Outcome, why: str, *, damaged: bool = False
) -> None:
    for n in indexes:
        kept.result(n, outcome, why, damaged=damaged)
        progress.item(kept.items[n], outcome, why)
