"""Whether a batch that was begun and not ended is being worked on now, and by whom. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlruns_tui.model.text import safe

from .journal import History
from .lock import Holder, is_held

if TYPE_CHECKING:
    from .vault import Site


def holder(site: Site, history: History) -> Holder | None:
    """Who works on the batch with this history; None when nobody does.

    A process of this host is looked up; of another host's (or container's) only the lock can tell.
    """
    if not history.open_op or not history.operations:
        return None
    told = history.operations[-1]
    user, host = safe(told.user, 100), safe(told.host, 100)
    found = Holder(user, host, told.pid, told.op, "", told.began_ms, told.boot, told.started)
    alive = found.alive()
    if alive is None:
        alive = is_held(site.root_fd, site.vault.fd if site.vault else None)
    return found if alive else None
