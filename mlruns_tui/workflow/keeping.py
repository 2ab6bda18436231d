"""What is kept of a store from one start to the next, in the user's cache."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from mlruns_tui.model.store import Snapshot, StoreInfo
from mlruns_tui.userdata.index import Seen, load_index, save_index


class Kept:
    """Keeps snapshots in the cache directory. A full disk or a missing home only means nothing is kept."""

    def load(self, store: StoreInfo) -> tuple[Snapshot, dict[str, Seen]] | None:
        return load_index(store)

    def save(self, snapshot: Snapshot, seen: Mapping[str, Seen]) -> None:
        with contextlib.suppress(OSError):
            save_index(snapshot, seen)
