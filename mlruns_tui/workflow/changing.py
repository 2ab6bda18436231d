"""What the worker can be asked for: carrying out a plan, taking batches back, packing and purging them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from mlruns_tui.model.batch import MIN_GAIN_PERCENT, Batch, ItemGain, OnConflict
from mlruns_tui.model.codec import encode
from mlruns_tui.model.collecting import not_collecting
from mlruns_tui.model.errors import MlrunsError, UsageError
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Tell, silent
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.userdata.places import state_directory

from .task import Task, start


def start_apply(plan: Plan, lock_timeout_s: float = 0, *, pack: bool = False, backup_dir: str = "") -> Task:
    """Carry out a plan, once. With ``pack`` what was moved is packed next, to ``backup_dir`` if there is one."""
    with not_collecting():
        request = {"do": "apply", "plan": encode(plan), "lock_timeout_s": lock_timeout_s}
        return start({**request, "pack": pack or bool(backup_dir), "backup_dir": backup_dir})


def start_undo(root: str, lock_timeout_s: float = 0, found_in: str = "") -> Task:
    """Take back my newest batch, all of it. ``found_in``, here and below: a directory where archives on another disk
    may be found by now."""
    from .conflicts import names_taken

    return start(
        {
            "do": "undo",
            "root": root,
            "staying": names_taken(root),
            "found_in": found_in,
            "lock_timeout_s": lock_timeout_s,
        }
    )


def start_restore(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    on_conflict: OnConflict = "skip",
    lock_timeout_s: float = 0,
    found_in: str = "",
) -> Task:
    """Put back a batch, or the items of it with these keys."""
    from .conflicts import names_taken

    return start(
        {
            "do": "restore",
            "root": root,
            "batch": batch_id,
            "keys": None if keys is None else list(keys),
            "on_conflict": on_conflict,
            "staying": names_taken(root),
            "found_in": found_in,
            "lock_timeout_s": lock_timeout_s,
        }
    )


def start_purge(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    lock_timeout_s: float = 0,
    found_in: str = "",
) -> Task:
    """Delete what a batch still holds, for good."""
    return start(
        {
            "do": "purge",
            "root": root,
            "batch": batch_id,
            "keys": None if keys is None else list(keys),
            "found_in": found_in,
            "lock_timeout_s": lock_timeout_s,
        }
    )


def start_continue(
    root: str, batch_id: str, staying: Mapping[str, str], lock_timeout_s: float = 0, found_in: str = ""
) -> Task:
    """Finish an interrupted batch. ``staying``: why items must be left where they are by now, by key."""
    return start(
        {
            "do": "continue",
            "root": root,
            "batch": batch_id,
            "staying": dict(staying),
            "found_in": found_in,
            "lock_timeout_s": lock_timeout_s,
        }
    )


def start_leave(root: str, batch_id: str, lock_timeout_s: float = 0, found_in: str = "") -> Task:
    """Close an interrupted batch with every item where it is."""
    request = {"do": "leave", "root": root, "batch": batch_id}
    return start({**request, "found_in": found_in, "lock_timeout_s": lock_timeout_s})


def start_pack(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    min_gain_percent: int = MIN_GAIN_PERCENT,
    lock_timeout_s: float = 0,
    backup_dir: str = "",
) -> Task:
    """Compress what a batch keeps, or the items of it with these keys; those that would gain less stay as they are.
    With ``backup_dir`` all of them go to that directory, on another file system."""
    return start(
        {
            "do": "pack",
            "root": root,
            "batch": batch_id,
            "keys": None if keys is None else list(keys),
            "min_gain_percent": min_gain_percent,
            "backup_dir": backup_dir,
            "lock_timeout_s": lock_timeout_s,
        }
    )


def gains(root: str, batch_id: str, keys: Sequence[str] | None = None) -> tuple[ItemGain, ...]:
    """What packing would bring for each item the batch keeps as a tree. Reads only, some of every large file.

    Raises UsageError (no such batch or key), DamagedError, MlrunsError (no compressor).
    """
    from mlruns_tui.cleanup.gain import gains_of

    return gains_of(root, batch_id, keys)


def start_verify(root: str, batch_id: str, keys: Sequence[str] | None = None, found_in: str = "") -> Task:
    """Read everything a batch keeps and compare. Changes nothing; damaged items come back as failed."""
    request = {"do": "verify", "root": root, "batch": batch_id, "keys": None if keys is None else list(keys)}
    return start({**request, "found_in": found_in})


def follow(task: Task, tell: Tell = silent) -> Batch:
    """Wait for a task, telling its progress. The first Ctrl-C asks it to stop after the item at hand."""
    events = task.events()
    while True:
        try:
            for event in events:
                tell(event)
            return task.result()
        except KeyboardInterrupt:
            task.stop()
            events = task.events()


def batches(root: str, found_in: str = "") -> tuple[Batch, ...]:
    """All batches of a store, newest first, each looked up on the disk. Reads only."""
    from mlruns_tui.cleanup.vault import batches as of

    return of(root, found_in)


def batches_with(root: str, found_in: str) -> tuple[Batch, ...]:
    """The same. Raises UsageError when a directory was named and no archive of theirs is in it."""
    found = batches(root, found_in)
    above = os.path.dirname(found_in)
    places = {found_in, above, os.path.dirname(above)}
    if found_in and not any(one.backup_dir in places and not one.away for batch in found for one in batch.items):
        raise UsageError(
            "bad-backup-dir",
            f"no archives of this store are in {safe(found_in)}; nothing was changed",
            path=safe(found_in),
            hint="name the directory that holds their folder mlruns-tui-USER; mlruns-tui backups list shows where "
            "they were",
        )
    return found


def check_usable(batch: Batch) -> None:
    """Raises DamagedError for a batch whose plan cannot be used, MlrunsError for one that may not be read."""
    if not batch.items and batch.messages:
        from mlruns_tui.cleanup.vault import unusable

        raise unusable(batch)


def unfinished(root: str) -> tuple[str, ...]:
    """A sentence for each batch of a store that stopped half-way or is at work now. Reads only.

    Batches that cannot be looked up are passed over: the commands about backups say why.
    """
    if not _may_keep(root):
        return ()
    from mlruns_tui.cleanup.vault import looking

    try:
        with looking(root) as site:
            # Journals first: most stores have nothing open, and looking up every item costs far more.
            if not any(site.history(batch_id).open_op for batch_id in site.ids()):
                return ()
        found = batches(root)
    except (MlrunsError, OSError, ValueError):
        return ()
    mine = [batch.id for batch in found if batch.uid == os.geteuid()]
    return tuple(
        f"batch {safe(batch.id)} is not finished: " + ("; ".join(batch.messages) or _settling(batch, mine, safe(root)))
        for batch in found
        if batch.state == "unfinished"
    )


def _may_keep(root: str) -> bool:
    """Whether there is a place where batches of this store could be; what looks into it takes time to load."""
    own = os.path.join(state_directory(), "batches")
    return os.path.lexists(os.path.join(root, VAULT_NAME)) or os.path.lexists(own)


def _settling(batch: Batch, mine: Sequence[str], root: str) -> str:
    """Who settles a batch, and how. ``mine``: this user's batches, newest first."""
    stopped = "it stopped half-way"
    if batch.id not in mine:
        return f"{stopped}; {safe(batch.user)} settles it"
    return f"{stopped}; mlruns-tui recover {root} goes on with it or takes it back"
