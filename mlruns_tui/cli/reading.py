"""Reading a store to the end for a command, with its progress on a terminal."""

from __future__ import annotations

from mlruns_tui.model.collecting import not_collecting
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.report.words import plural
from mlruns_tui.workflow.reading import open_reader, read_all

from .console import Progress


def read_store(store: str | None, database: str | None, *, quiet: bool = False) -> tuple[Reader, Snapshot]:
    """The store's reader and everything it found. Raises UsageError when there is no store there."""
    reader = open_reader(store, database)
    progress = Progress(not quiet)

    def show(snapshot: Snapshot) -> None:
        seen = snapshot.progress
        progress.show(f"reading {plural(seen.runs_found, 'run')}, {seen.runs_sized:,} of them measured")

    with not_collecting():
        try:
            return reader, read_all(reader, on_snapshot=show)
        finally:
            progress.end()
