"""How big a store and its experiments were at the visit before this one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field

from mlruns_tui.disk import look
from mlruns_tui.model.codec import dumps, loads
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import StoreInfo

from .places import state_directory, store_name, write_privately

MAX_BYTES = 64 << 20
SAME_VISIT_MS = 3_600_000
"""Looking again within so long is the same visit."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at a whole store."""

    when_ms: int
    total_bytes: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes by key of the experiment."""


@dataclass(frozen=True, slots=True)
class _File:
    root: str
    visits: tuple[Visit, ...]
    """The visit before this one, if any, and this one."""
    format: int = 1


def note_visit(store: StoreInfo, visit: Visit) -> Visit | None:
    """Write this visit down and give the one before it; None for the first. Raises OSError."""
    folder, name = os.path.join(state_directory(), "visits"), store_name(store) + ".json"
    known = _load(os.path.join(folder, name), store.root)
    if len(known) > 1 and visit.when_ms - known[-1].when_ms < SAME_VISIT_MS:
        known = known[:-1]
    elif len(known) == 1 and visit.when_ms - known[0].when_ms < SAME_VISIT_MS:
        known = ()
    before = known[-1] if known else None
    kept = (before, visit) if before is not None else (visit,)
    write_privately(folder, name, dumps(_File(store.root, kept)).encode("ascii"))
    return before


def _load(path: str, root: str) -> tuple[Visit, ...]:
    try:
        kept = loads(_File, look.read_small(path, limit=MAX_BYTES))
    except (OSError, ValueError):
        return ()
    return kept.visits if kept.root == root and kept.format == 1 else ()
