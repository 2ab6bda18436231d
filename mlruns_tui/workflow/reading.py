"""Opening a store and reading it to the end."""

from __future__ import annotations

from collections.abc import Callable

from mlruns_tui.disk import look
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader, Stop, never
from mlruns_tui.model.store import Snapshot

Space = look.Space


def open_reader(target: str | None, database: str | None = None, *, kept: bool = False) -> Reader:
    """A reader in this process. Raises UsageError when there is no store there; creates nothing in it.

    ``kept``: what was found last time comes first, and what is found now is kept, in the user's cache.
    """
    from mlruns_tui.scanner.store import open_store

    if not kept:
        return open_store(target, database)
    from .keeping import Kept

    return open_store(target, database, Kept())


def read_all(reader: Reader, stop: Stop = never, on_snapshot: Callable[[Snapshot], None] | None = None) -> Snapshot:
    """The last snapshot of a whole scan. Raises MlrunsError when the store cannot be read at all."""
    snapshot: Snapshot | None = None
    for snapshot in reader.scan(None, stop):
        if on_snapshot is not None:
            on_snapshot(snapshot)
    if snapshot is None:
        raise MlrunsError("nothing-read", "the store could not be read", path=reader.store.root)
    return snapshot


def space_of(root: str) -> Space | None:
    """What is left on the disk of the store; None when it cannot be asked."""
    try:
        return look.space(root)
    except OSError:
        return None
