"""Trees whose archive counts: each dies by one rename, then they are taken apart, by several processes where that
pays. And how a group of trees is shared out among those."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import TypeVar

from mlruns_tui.disk import change
from mlruns_tui.disk.helpers import LOOK_MS
from mlruns_tui.model.plan import PlanItem

from . import say
from .beside import workers
from .freed import Freed
from .kept import Kept
from .packroom import AS_IT_WAS
from .removers import Removers

MANY_ENTRIES = 4_096
MANY_BYTES = 8 << 20
"""From either of them on, work on several trees is shared out."""
_ENTRY_BYTES = 8 << 10
"""So many bytes are read in the time an entry takes by itself."""

_T = TypeVar("_T")


def shares(group: Mapping[int, _T], items: Mapping[int, PlanItem]) -> list[dict[int, _T]]:
    """A group of items in about equal parts, as many as processes may be at it; one for little work."""
    entries, size = sum(items[n].entries for n in group), sum(items[n].size_bytes for n in group)
    most = workers() if entries >= MANY_ENTRIES or size >= MANY_BYTES else 1
    parts: list[dict[int, _T]] = [{} for _ in range(min(most, len(group)))]
    weights = [0] * len(parts)
    for n in sorted(group, key=lambda n: -items[n].size_bytes):
        least = weights.index(min(weights))
        weights[least] += items[n].size_bytes + _ENTRY_BYTES * (items[n].entries + 1)
        parts[least][n] = group[n]
    # The smallest first, as in the whole.
    return [dict(reversed(part.items())) for part in parts]


def retire(kept: Kept, group: Sequence[int], freed: Freed) -> dict[int, str]:
    """Let the trees of these items die and take them apart. By item: why that did not go well, empty where it did.

    ``freed`` hears of what was unlinked. Items that have no tree any more are left out."""
    told: dict[int, str] = {}
    dead: list[int] = []
    for n in group:
        found = kept.places.find(n)
        if found is None:
            continue
        slot = found[0]
        try:
            grave = kept.places.dead(n)
            if slot.in_root:
                kept.parents.about_to_change("")
            change.rename(slot.fd, slot.name, grave.fd, grave.name)
            if slot.in_root:
                kept.parents.changed("")
                kept.parents.put_back()
            dead.append(n)
        except OSError as error:
            kept.say("kept", n=[n])
            told[n] = f"packed, but its tree stays: {say.failure(error, AS_IT_WAS)}"
    try:
        kept.places.sync_dead()
        kept.places.sync()
    except OSError as error:
        return {**told, **dict.fromkeys(dead, _not_all_gone(error))}
    removers = Removers(kept, freed)
    removers.hire(dead)
    ended: list[tuple[int, OSError | None]] = []
    try:
        for n in dead:
            while removers.has_enough:
                ended += removers.ended(LOOK_MS)
            removers.give(n)
        while removers.is_busy:
            ended += removers.ended(LOOK_MS)
    finally:
        ended += removers.end()
    ended += [(n, InterruptedError(errno.EINTR, "it was told to stop")) for n in removers.left]
    return {**told, **dict.fromkeys(dead, ""), **{n: _not_all_gone(error) for n, error in ended if error is not None}}


def _not_all_gone(error: OSError) -> str:
    return f"packed, but its tree is not all gone: {say.failure(error, 'The next purge or restore removes the rest.')}"
