"""Deleting packed items for good: an archive goes whole, or is written anew without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    import os

    from .session import Session


def purge_archives(
    session: Session,
    kept: Kept,
    indexes: Sequence[int],
    removed: Callable[[os.stat_result], None],
    progress: Progress,
    stop: Stop,
) -> list[int]:
    """Delete the archives of these items, as far as nothing else needs them. Results of the packed ones are
    noted; the rest, which are whole trees besides, comes back.

    An archive that holds others too is copied without these, which needs room for the copy.
    """
    from .purge import Freed

    archives = kept.places.archives
    moved = [n for n in indexes if not kept.archive(n)]
    packed = set(indexes) - set(moved)
    elsewhere: dict[str, Freed] = {}
    for name, items in list(archives.found.items()):
        going = sorted(set(items) & set(indexes))
        if not going or stop():
            continue
        staying = [n for n in sorted(items) if n not in going and kept.archive(n) == name]
        dying = [n for n in going if n in packed]
        shelf = archives.shelf_of(name)[0]
        try:
            if dying:
                kept.say("purging", n=dying)
                session.commit(kept)
            if staying:
                copy = from_archive(archives, layout.sharing(kept.root_fd), name, staying)
                shelf.publish(copy)
                archives.forget()
            if shelf.number:
                elsewhere.setdefault(shelf.backup_dir, Freed())
            archives.remove(name, elsewhere.get(shelf.backup_dir, removed))
            if dying:
                kept.say("purged", n=dying)
                session.commit(kept)
        except Damaged as error:
            why = f"its archive holds others too and cannot be copied without it: {error}. {say.KEPT} Purge all of it."
            _note(kept, progress, dying, "failed", why)
        except OSError as error:
            _note(kept, progress, dying, "failed", say.failure(error, say.KEPT, "its archive"))
        else:
            _note(kept, progress, dying, "done", "")
    session.messages += [f"{one.bytes:,} bytes freed in {safe(where)}" for where, one in elsewhere.items()]
    return moved


def _note(kept: Kept, progress: Progress, indexes: Sequence[int], outcome: Outcome, why: str) -> None:
    for n in indexes:
        kept.result(n, outcome, why)
        progress.item(kept.items[n], outcome, why)
