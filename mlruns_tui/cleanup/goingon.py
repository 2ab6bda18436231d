"""Going on with what a killed worker had begun, when somebody asks for it; never by itself.

The other way, back, is a restore. The third is to leave every item where it is and close the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.text import safe

from . import apply, otherdisk, pack, purge, restore, say
from .kept import Kept
from .session import changing


def go_on(
    root: str,
    batch_id: str,
    staying: Mapping[str, str] | None = None,
    tell: Tell = silent,
    stop: Stop = never,
    applied: Callable[[Batch], None] = lambda batch: None,
    *,
    lock_timeout_s: float = 0,
    found_in: str = "",
) -> Batch:
    """Finish what was interrupted: move out the rest, put back the rest, or delete the rest; pack it, where what
    was moved was to be packed next.

    ``staying``: why items not yet moved out must be left where they are by now, by key. Everything else is
    looked at again as if it were new. ``applied`` hears of a batch that is moved out and about to be packed.
    ``found_in``: a directory where archives on another disk may be found by now. Raises MlrunsError
    ``nothing-to-continue`` for a batch that is not interrupted, UsageError (no such store, batch), DamagedError
    (its plan), LockedError, MlrunsError.
    """
    with changing(root, "apply", lock_timeout_s=lock_timeout_s, stop=stop, found_in=found_in) as session:
        kept = session.site.open_sound(batch_id)
        try:
            session.op = _interrupted(kept)
            wanted = kept.history.to_pack
            only = kept.history.only
            keys = None if only is None else [kept.items[n].key for n in sorted(only) if n in kept.items]
            if session.op == "restore":
                return restore.run(session, kept, keys, "skip", tell, stop)
            if session.op == "purge":
                return purge.run(session, kept, keys, tell, stop)
            if session.op == "pack":
                return pack.run(session, kept, keys, tell, stop)
            if session.op != "apply":
                raise _unknown(kept)
            session.resume(kept, None, None, **(apply.to_pack(*wanted) if wanted else {}))
            moved = apply.go_on(session, kept, staying or {}, tell, stop)
        finally:
            kept.close()
    if wanted is None or not moved.count("moved"):
        return moved
    applied(moved)
    least, backup_dir = wanted
    where = otherdisk.found(backup_dir, found_in)
    return pack.pack(root, batch_id, None, least, tell, stop, lock_timeout_s=lock_timeout_s, backup_dir=where)


def leave(root: str, batch_id: str, stop: Stop = never, *, lock_timeout_s: float = 0, found_in: str = "") -> Batch:
    """Close an interrupted batch with every item where it is; what is half deleted goes altogether.

    Raises what ``go_on`` raises.
    """
    with changing(root, "restore", lock_timeout_s=lock_timeout_s, stop=stop, found_in=found_in) as session:
        kept = session.site.open_sound(batch_id)
        try:
            _interrupted(kept)
            # An operation about no item: what it settles is all it does.
            session.resume(kept, only=())
            session.end(kept)
            batch = kept.batch(messages=tuple(session.messages))
            if kept.untouched:
                session.discard(kept)
            return batch
        finally:
            kept.close()


def _interrupted(kept: Kept) -> str:
    if not kept.history.open_op:
        raise MlrunsError(
            "nothing-to-continue",
            f"batch {kept.id} is not interrupted; nothing was changed",
            path=safe(kept.record_path),
            hint="mlruns-tui backups list shows what can be done with it",
        )
    return kept.history.open_op


def _unknown(kept: Kept) -> MlrunsError:
    return MlrunsError(
        "cannot-continue",
        f"this version cannot go on with {safe(kept.history.open_op, 40)}; nothing was changed. {say.KEPT}",
        path=safe(kept.record_path),
        hint="mlruns-tui recover --undo puts back what was moved",
    )
