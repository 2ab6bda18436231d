"""What of a batch cannot be used any more, and where a missing item may be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlruns_tui.disk import look
from mlruns_tui.model.batch import BatchItem
from mlruns_tui.model.text import safe

from . import say

if TYPE_CHECKING:
    from .kept import Kept


def broken(kept: Kept) -> list[str]:
    """Names of archives whose manifest cannot be read: what they hold is not known. Raises OSError."""
    archives = kept.places.archives
    # Known once they were looked up.
    return list(archives.broken) if archives.found or archives.broken else []


def broken_paths(kept: Kept) -> tuple[str, ...]:
    """The same, relative to the store's root."""
    return tuple(kept.places.archives.path(name) for name in broken(kept))


def words(kept: Kept, items: Sequence[BatchItem]) -> str:
    """``what is in … is not known: its manifest cannot be read; 3 of 5 items may be in there``, or nothing."""
    told = [f"what is in {safe(path)} is not known: its manifest cannot be read" for path in broken_paths(kept)]
    gone = sum(one.place == "missing" for one in items)
    if gone:
        where = "may be in there" if told else "are gone from its folder"
        told.append(f"{gone:,} of {say.items(len(items))} {where}")
    return "; ".join(told)


def whereabouts(kept: Kept) -> str:
    """Where an item may be that is neither in its place nor where the backup has to have it."""
    paths = broken_paths(kept)
    if paths:
        return f"it may be in {safe(paths[0])}, whose manifest cannot be read"
    return "its folder in the backup is gone, or its archive is"


def altered(kept: Kept, n: int, parent_fd: int, name: str) -> str:
    """What is different in an item's whole tree from what was moved out; empty when nothing is, or for a repair.

    By its fingerprint; of a store that was copied, where every entry is another one, by files and bytes.
    Raises OSError when it cannot be looked at.
    """
    item = kept.items[n]
    status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    seen = look.survey(parent_fd, name)
    if seen.trouble and seen.trouble != ("link",):
        return f"{safe(seen.trouble_path) or 'it'} cannot be read"
    if item.action == "repair":
        return ""
    ours = kept.places.same(status, item.identity)
    if ours and seen.fingerprint == item.fingerprint:
        return ""
    was, now = (item.files, item.size_bytes), (seen.size.files, seen.size.size_bytes)
    if now != was:
        how = f"it has {now[0]:,} files of {now[1]:,} bytes instead of {was[0]:,} of {was[1]:,}"
    elif not ours:
        return ""
    elif seen.size.newest_ns > item.newest_ns:
        how = "something in it was written since"
    else:
        how = "content, dates, modes, owners or links in it were changed"
    return f"it is not what it was when it was moved: {how}"
