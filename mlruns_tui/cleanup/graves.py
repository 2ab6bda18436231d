"""Items that were declared dead: whole in their graves, taken apart, or in the backup again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlruns_tui.disk import change, look

from .places import Slot

if TYPE_CHECKING:
    from .kept import Kept


def destroy(kept: Kept, n: int, removed: Callable[[os.stat_result], None] | None = None) -> None:
    """Delete what lies in the grave of an item, if anything does. Raises OSError, leaving the rest there."""
    found = kept.places.find_dead(n)
    if found is None:
        return
    slot, status = found
    if slot.in_root:
        kept.parents.about_to_change("")
    try:
        if stat.S_ISDIR(status.st_mode):
            change.remove_tree(slot.fd, slot.name, removed)
            return
        change.remove_file(slot.fd, slot.name)
        if removed is not None:
            removed(status)
    finally:
        if slot.in_root:
            kept.parents.changed("")
            kept.parents.put_back()


def whole_in_grave(kept: Kept, n: int) -> Slot | None:
    """Where item ``n`` lies dead, if nobody began to take it apart. Raises OSError."""
    found = kept.places.find_dead(n)
    if found is None:
        return None
    from .repair import Mend

    (grave, status), item, work = found, kept.items[n], kept.work(n)
    if isinstance(work, Mend):
        return grave if work.is_whole(grave.fd, grave.name) else None
    # Files go before directories: mostly this tells of the first that went, however many are left.
    if item.newest_ns and status.st_mtime_ns > item.newest_ns:
        return None
    seen = look.survey(grave.fd, grave.name)
    # The fingerprint covers each entry and the time of each directory: one unlink and it is another.
    if seen.fingerprint != item.fingerprint or (seen.trouble and seen.trouble != ("link",)):
        return None
    return grave


def rescued(kept: Kept, n: int) -> bool:
    """Whether item ``n`` lay whole in its grave; it is in the backup now. Raises OSError."""
    grave = whole_in_grave(kept, n)
    if grave is None:
        return False
    raise_up(kept, n, grave)
    kept.places.sync()
    return True


def raise_up(kept: Kept, n: int, grave: Slot) -> None:
    """Item ``n`` is in the backup again, out of this grave, in which it lies whole. Raises OSError."""
    slot = kept.places.out_of(grave, n)
    in_root = grave.in_root or slot.in_root
    if in_root:
        kept.parents.about_to_change("")
    change.rename(grave.fd, grave.name, slot.fd, slot.name)
    if in_root:
        kept.parents.changed("")
        kept.parents.put_back()
