"""The first thing a screen does: have its store read, by a process of its own, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlruns_tui.model.protocols import Reader

    from .keeping import Kept


def fork_reader(target: str | None, database: str | None = None) -> Callable[[], Reader]:
    """Begin to read in a process of its own. Call it before Textual is imported and threads exist.

    What it returns waits for the store to be open, and raises UsageError when there is no store there.
    """
    from mlruns_tui.scanner.starting import Starting

    return Starting.fork(target, database, _keeper).opened


def _keeper() -> Kept:
    from .keeping import Kept

    return Kept()
