"""How the lists of a store were left: columns, order, what is folded. Kept per store, by its resolved path."""

from __future__ import annotations

import os

from mlruns_tui.disk import look
from mlruns_tui.model.codec import dumps, loads
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import StoreInfo

from .places import state_directory, store_name, write_privately

MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class KeptColumn:
    """A column of the run table by its logical name: ``size``, ``metrics.val_loss``."""

    name: str
    width: int = 0
    """Cells; 0: what it needs."""


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """What a list is sorted by."""

    key: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The lists as they were left. Whoever reads it must expect names that mean nothing any more."""

    columns: tuple[KeptColumn, ...] = ()
    """Left to right; none: what fits."""
    runs: KeptOrder | None = None
    tree: KeptOrder | None = None
    closed: tuple[str, ...] | None = None
    """Groups of the tree that were closed."""
    folded: tuple[str, ...] = ()
    """Keys of parent runs whose children were hidden."""


@dataclass(frozen=True, slots=True)
class _File:
    root: str
    layout: Layout
    format: int = 1


def save_layout(store: StoreInfo, layout: Layout) -> None:
    """Write how the lists of a store look, replacing what was written before. Raises OSError."""
    data = dumps(_File(store.root, layout)).encode("ascii")
    write_privately(os.path.join(state_directory(), "layouts"), store_name(store) + ".json", data)


def load_layout(store: StoreInfo) -> Layout | None:
    """What was written last; None when there is nothing or it cannot be used."""
    path = os.path.join(state_directory(), "layouts", store_name(store) + ".json")
    try:
        kept = loads(_File, look.read_small(path, limit=MAX_BYTES))
    except (OSError, ValueError):
        return None
    return kept.layout if kept.root == store.root and kept.format == 1 else None
