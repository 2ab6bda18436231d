"""Which batch ``undo`` is about, and whether anything of it can go back."""

from __future__ import annotations

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import DamagedError, MlrunsError
from mlruns_tui.model.text import safe

from .say import items
from .session import Session


def newest(session: Session) -> str:
    """Id of the newest batch of this user. Raises MlrunsError ``nothing-to-undo`` when there is none."""
    histories = session.histories()
    mine = {name: told for name, told in histories.items() if told.uid == session.uid}
    if len(histories) == len(session.site.ids()) and all(told.number for told in histories.values()):
        found = max(mine, key=lambda name: mine[name].number, default="")
    else:
        found = next((one.id for one in session.site.listing() if one.uid == session.uid), "")
    if not found:
        raise MlrunsError(
            "nothing-to-undo",
            "no batch of yours is kept for this store; nothing was changed",
            path=safe(session.site.root),
            hint=f"mlruns-tui backups list {safe(session.site.root)} shows everybody's",
        )
    return found


def check_undoable(session: Session, batch: Batch) -> None:
    """Raises MlrunsError ``nothing-to-undo`` when nothing of the batch is left to put back, and says why;
    DamagedError when that is because it is missing."""
    if batch.count("moved") or batch.count("packed") or any(one.put_aside for one in batch.items):
        return
    if batch.count("missing"):
        what = "all of it" if batch.state == "missing" else f"{batch.count('missing'):,} of {items(len(batch.items))}"
        raise DamagedError(
            "broken-batch",
            f"of your newest batch {batch.id} {what} is missing: {batch.damage}; nothing was changed",
            path=batch.vault,
            hint="tar --zstd -xf may get something out of an archive"
            if batch.broken
            else f"mlruns-tui backups list {safe(session.site.root)} shows the older ones",
        )
    said = {
        "purged": "was purged: nothing of it is left",
        "restored": "was put back already",
        "partly": "was put back or purged already, all of it",
    }.get(batch.state, "has nothing in the backup")
    raise MlrunsError(
        "nothing-to-undo",
        f"your newest batch {batch.id} {said}; nothing was changed",
        path=batch.vault,
        hint=f"mlruns-tui backups list {safe(session.site.root)} shows the older ones",
    )
