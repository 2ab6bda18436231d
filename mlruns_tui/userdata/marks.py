"""Marks kept per store, so that a dropped connection does not cost the triage."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.codec import dumps, loads
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.words import Action

from .places import state_directory, store_name, write_privately

MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class KeptMark:
    """One mark as it is written down: the wish, and the item as it was seen."""

    key: str
    action: Action
    rule: str
    reason: str
    size_bytes: int | None
    newest_ns: int | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    root: str
    marks: tuple[KeptMark, ...]
    format: int = 1


def save_marks(store: StoreInfo, marks: Sequence[KeptMark]) -> None:
    """Write all marks of a store, replacing those written before. Raises OSError."""
    data = dumps(_File(store.root, tuple(marks))).encode("ascii")
    write_privately(os.path.join(state_directory(), "marks"), store_name(store) + ".json", data)


def load_marks(store: StoreInfo) -> tuple[KeptMark, ...]:
    """The marks written last; empty when there are none or they cannot be used."""
    path = os.path.join(state_directory(), "marks", store_name(store) + ".json")
    try:
        kept = loads(_File, look.read_small(path, limit=MAX_BYTES))
    except (OSError, ValueError):
        return ()
    return kept.marks if kept.root == store.root and kept.format == 1 else ()
