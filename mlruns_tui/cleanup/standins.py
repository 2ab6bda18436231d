"""The empty folders that stand in for artifacts, where the disk has no room for one more directory.

First the space kept for a full disk is given up. Without a backup artifacts may then go before their place is filled:
deleting them makes the room. With a backup they stay, for moving them would free nothing.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlruns_tui.disk import look
from mlruns_tui.model.text import safe

from . import layout, newvault, say
from .kept import Kept
from .places import Slot
from .slim import Slim

if TYPE_CHECKING:
    from .session import Session

_OUT = ("moving", "moved", "purging", "purged")
"""What the journal says last of an item that is out of its place, or may be."""


class StandIns:
    """Those of one batch that is being carried out."""

    def __init__(self, session: Session, kept: Kept) -> None:
        self._session = session
        self._kept = kept
        self._bare: list[int] = []
        """Items in whose place nothing is by now."""

    def do(self, n: int) -> Slot:
        """Carry an item out, with what stands in for it. Raises OSError, with nothing changed."""
        work, ground = self._kept.work(n), self._kept.ground
        if not isinstance(work, Slim):
            return work.do(ground)
        vault = self._session.site.vault
        while True:
            try:
                return work.do(ground)
            except OSError as error:
                if not layout.no_room(error):
                    raise
                if vault is not None and newvault.release_reserve(vault):
                    continue
                if self._kept.plan.backup:
                    raise
                slot = work.do_bare(ground)
                self._bare.append(n)
                return slot

    def why_not(self, n: int, error: OSError) -> str:
        """Why there was no room for it; empty where that was not it."""
        if not (layout.no_room(error) and isinstance(self._kept.work(n), Slim)):
            return ""
        helps = "The empty folder that takes its place needs a little room; with --no-backup its own is freed first."
        return f"{say.failure(error, say.LEFT)} {helps}"

    def fill_in(self) -> None:
        """Make those there was no room for; what cannot be made is said."""
        for n in self._bare:
            try:
                _fill_in(self._kept, n)
            except OSError as error:
                path = safe(self._kept.items[n].path)
                said = f"no empty folder could be made at {path} ({look.words(error)}): mlruns-tui repair makes it"
                if said not in self._session.messages:
                    self._session.messages.append(said)


def fill_in_after_a_crash(kept: Kept) -> None:
    """Make those a killed worker had no room for, as far as they can be made."""
    for n in () if kept.plan.backup else sorted(kept.items):
        if kept.history.items.get(n, ("", ""))[0] in _OUT:
            with contextlib.suppress(OSError):
                _fill_in(kept, n)


def _fill_in(kept: Kept, n: int) -> None:
    work = kept.work(n)
    if isinstance(work, Slim) and work.find(kept.ground)[0] != "origin":
        work.fill_in(kept.ground)
