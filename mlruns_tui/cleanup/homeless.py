"""Why an item of a backup has no directory to go back to, and what to do first. An empty one is never made for it."""

from __future__ import annotations

import contextlib
import os
import shlex

from mlruns_tui.disk import look
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from . import say
from .kept import Kept
from .session import Session


class Homeless:
    """Says so for the items of one batch."""

    def __init__(self, session: Session, kept: Kept) -> None:
        self._session = session
        self._kept = kept
        self._elsewhere: dict[str, str] | None = None

    def why(self, path: str, error: OSError) -> str:
        """``path``: where the item belongs. ``error``: what opening the directory above came to."""
        parent = path.rpartition("/")[0]
        shown = safe(parent)
        if not isinstance(error, FileNotFoundError):
            return f"{shown} cannot be opened: {look.words(error)}. {say.KEPT}"
        trash = f"{TRASH_NAME}/" if parent.startswith(f"{TRASH_NAME}/") else ""
        experiment, _, run = parent.removeprefix(trash).partition("/")
        if not trash and self._is_there(f"{TRASH_NAME}/{experiment}"):
            named = safe(experiment)
            return (
                f"its experiment {named} is in MLflow's trash. {say.KEPT} Restore the experiment first "
                f"(mlflow experiments restore --experiment-id {named}), then this."
            )
        above = {trash + experiment: "experiment"}
        if run:
            # What was slimmed belongs into a run.
            above = {parent: "run", **above}
        for place, what in above.items():
            other = self._kept_elsewhere().get(place)
            if other:
                root = shlex.quote(safe(self._session.site.root))
                return (
                    f"its {what} {safe(place)} is in the backup {other}. {say.KEPT} Restore that first: "
                    f"mlruns-tui backups restore {root} {other}"
                )
        first = "Restore its run" if run else "Restore or make its experiment"
        return f"its directory {shown} is gone. {say.KEPT} {first} first, then this."

    def _is_there(self, path: str) -> bool:
        with contextlib.suppress(OSError):
            fd = look.open_path(self._kept.root_fd, path)
            os.close(fd)
            return True
        return False

    def _kept_elsewhere(self) -> dict[str, str]:
        """Paths in the backups of other batches, with the batch."""
        if self._elsewhere is None:
            self._elsewhere = {
                one.item.path: batch.id
                for batch in self._session.site.listing()
                if batch.id != self._kept.id
                for one in batch.items
                if one.place in ("moved", "packed") and one.item.action == "remove"
            }
        return self._elsewhere
