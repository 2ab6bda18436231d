"""Trees whose archive counts: each dies by one rename, then they are taken apart, by several processes where that
pays. And how a group of trees is shared out among those."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

from mlruns_tui.disk import change
from mlruns_tui.model.plan import PlanItem
from mlruns_tui.model.protocols import Stop, never

from . import say
from .beside import together, workers
from .freed import Freed
from .graves import destroy
from .kept import Kept
from .packroom import AS_IT_WAS

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
    dead: dict[int, None] = {}
    in_root = False
    for n in group:
        found = kept.places.find(n)
        if found is None:
            continue
        slot = found[0]
        in_root = in_root or slot.in_root
        try:
            grave = kept.places.dead(n)
            if slot.in_root:
                kept.parents.about_to_change("")
            change.rename(slot.fd, slot.name, grave.fd, grave.name)
            if slot.in_root:
                kept.parents.changed("")
                kept.parents.put_back()
            dead[n] = None
        except OSError as error:
            kept.say("kept", n=[n])
            told[n] = f"packed, but its tree stays: {say.failure(error, AS_IT_WAS)}"
    try:
        kept.places.sync_dead()
        kept.places.sync()
    except OSError as error:
        return {**told, **dict.fromkeys(dead, _not_all_gone(error))}
    # Beside the experiments each deletion puts a time back that all of them share.
    parts = [dead] if in_root else shares(dead, kept.items)
    jobs = [partial(_take_apart, kept, list(part)) for part in parts]
    for part, answer in zip(parts, together(jobs, never), strict=True):
        try:
            size, failed = answer.get()
        except OSError as error:
            size, failed = 0, dict.fromkeys(part, _not_all_gone(error))
        freed.bytes += size
        told.update(dict.fromkeys(part, "") | failed)
    return told


def _take_apart(kept: Kept, dead: Sequence[int], stop: Stop) -> tuple[int, dict[int, str]]:
    """Delete these, maybe in a process of its own; the bytes that freed, and what did not go well."""
    freed, failed = Freed(), {}

    def removed(status: os.stat_result) -> None:
        freed(status)
        if stop():
            # Most likely whoever began this is gone: others wait for the store.
            raise InterruptedError(errno.EINTR, "it was told to stop")

    for n in dead:
        try:
            if stop():
                raise InterruptedError(errno.EINTR, "it was told to stop")
            destroy(kept, n, removed)
        except OSError as error:
            failed[n] = _not_all_gone(error)
    return freed.bytes, failed


def _not_all_gone(error: OSError) -> str:
    return f"packed, but its tree is not all gone: {say.failure(error, 'The next purge or restore removes the rest.')}"
