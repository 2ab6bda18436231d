"""Items of a batch out of their archives, back into the folder where moved ones are kept."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from mlruns_tui.disk import change, look

from . import layout, say
from .archive import Damaged
from .kept import Kept
from .unpack import UNPACKING, unpack

if TYPE_CHECKING:
    from .session import Session


class Trouble(NamedTuple):
    """Why an item did not come out of its archive, with the state left behind."""

    why: str
    damaged: bool = False
    """The archive is not what was written."""


def unpack_with(session: Session, kept: Kept, n: int, wanted: Collection[int]) -> dict[int, Trouble]:
    """Make the tree of a packed item, and of those ``wanted`` that are in the same archive: read through once.

    Afterwards they lie in the backup as if they had never been packed; the archive stays. Returns why not,
    by index. Never raises for an archive that is damaged or a disk that is full.
    """
    archives = kept.places.archives
    name = kept.archive(n)
    try:
        archives.make(layout.sharing(kept.root_fd, kept.uid))
    except OSError as error:
        return {n: Trouble(say.failure(error, say.KEPT))}
    together = sorted({n, *(m for m in wanted if kept.archive(m) == name)})
    need = sum(kept.items[m].allocated_bytes for m in together)
    free = look.space(kept.root_fd).bytes_free
    if need > free and len(together) > 1:
        together = [n]
        need = kept.items[n].allocated_bytes
    if need > free:
        return {n: Trouble(f"no room to unpack it: it needs {need:,} bytes, {free:,} are free. {say.KEPT}")}
    problems: dict[int, Trouble] = {}
    try:
        tar_fd, manifest = archives.open(name)
        try:
            for m, why in unpack(tar_fd, manifest, archives.fd, together).items():
                problems[m] = Trouble(f"its archive is damaged: {why}. {_BY_HAND}", damaged=True)
        finally:
            os.close(tar_fd)
            manifest.close()
    except Damaged as error:
        return dict.fromkeys(together, Trouble(f"its archive is damaged: {error}. {_BY_HAND}", damaged=True))
    except OSError as error:
        unreadable = error.errno == errno.EIO
        said = say.failure(error, say.KEPT, "its archive" if unreadable else "")
        return dict.fromkeys(together, Trouble(said, damaged=unreadable))
    for m in together:
        if m not in problems:
            try:
                _keep(session, kept, m)
            except OSError as error:
                problems[m] = Trouble(say.failure(error, say.KEPT))
    return problems


_BY_HAND = f"{say.KEPT} tar --zstd -xf may still get something out of it."


def _keep(session: Session, kept: Kept, n: int) -> None:
    """The tree that was made and read back is where a moved item is; the journal knows it before. Raises OSError."""
    archives, slot = kept.places.archives, kept.places.free(n)
    made = f"{n}{UNPACKING}"
    seen = look.survey(archives.fd, made)
    kept.say("unpacked", n=n, device=seen.identity.device, inode=seen.identity.inode, fingerprint=seen.fingerprint)
    session.commit(kept)
    if kept.journal is not None and kept.journal.behind:
        raise OSError(errno.ENOSPC, "no space left on device")
    change.rename(archives.fd, made, slot.fd, slot.name)
    change.sync(archives.fd)
    kept.places.sync()


def drop_unneeded(kept: Kept, wanted: Collection[int]) -> None:
    """Archives all of whose items are in the store again are of no use any more. Raises OSError."""
    archives = kept.places.archives
    for name, items in list(archives.found.items()):
        if set(items) & set(wanted) and all(_is_back(kept, n) for n in items):
            archives.remove(name)


def _is_back(kept: Kept, n: int) -> bool:
    return n in kept.items and (kept.find(n)[0] == "origin" or bool(kept.aside(n)))
