"""When the place of an item that goes back is taken: put it aside under another name, or swap the two."""

from __future__ import annotations

import dataclasses
import errno
import os

from mlruns_tui.disk import change, look
from mlruns_tui.model.plan import PlanItem

from . import layout, records, say
from .kept import Kept
from .places import Slot
from .session import Session
from .slim import Slim

_LONGEST = 255
"""Bytes of a file name."""


def put_aside(session: Session, kept: Kept, n: int) -> None:
    """Put an item into the store's root under a name MLflow passes over. Raises OSError, nothing changed then."""
    found = kept.places.find(n)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "not in the backup", str(n))
    slot, _ = found
    name = os.fsencode(kept.items[n].path.rpartition("/")[2])
    for again in range(1, 1000):
        ending = f"-restored-{kept.id}{f'-{again}' if again > 1 else ''}.trash"
        target = os.fsdecode(name[: _LONGEST - len(ending)]) + ending
        if look.exists(target, kept.root_fd):
            continue
        # Said before it is done: the journal is all that will know the new name.
        kept.say("aside", n=n, to=target)
        session.commit(kept)
        if kept.journal is None or kept.journal.behind:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
        kept.parents.about_to_change("")
        try:
            change.rename(slot.fd, slot.name, kept.root_fd, target)
        except FileExistsError:
            continue
        kept.parents.changed("")
        return
    raise FileExistsError(errno.EEXIST, "every name for it is taken", kept.items[n].path)


def bring_in(kept: Kept, n: int) -> None:
    """Move an item that was put aside to its own place. Raises OSError, nothing changed then; FileExistsError
    when that is still taken."""
    parent = kept.items[n].path.rpartition("/")[0]
    parent_fd, name = kept.parents.of(kept.items[n].path)
    for path in {parent, ""}:
        kept.parents.about_to_change(path)
    # Over the empty directory that artifacts leave behind; over anything else neither of them goes.
    move = change.replace_empty if isinstance(kept.work(n), Slim) else change.rename
    move(kept.root_fd, kept.aside(n), parent_fd, name)
    for path in {parent, ""}:
        kept.parents.changed(path)


def swap(session: Session, kept: Kept, n: int) -> str:
    """Exchange an item with what is in its place, which then is an item of the batch with the same key.

    Returns why it is better left alone, empty when done. Raises OSError, with nothing changed.
    """
    found = kept.places.find(n)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "not in the backup", str(n))
    item, slot = kept.items[n], found[0]
    parent_fd, name = kept.parents.of(item.path)
    held = look.open_files(os.fstat(kept.root_fd).st_dev)
    present = look.survey(parent_fd, name, held)
    if present.writers:
        return f"is {say.written_to(present.writers)}"
    if present.trouble:
        kind = {"link": "is a link", "other-device": "is on another disk"}.get(present.trouble[0], "cannot be read")
        return f"exists again and {kind}"
    status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    other = next(
        (m for m, one in kept.items.items() if one.path == item.path and kept.places.same(status, one.identity)), None
    )
    if other is None:
        other = max(kept.items) + 1
        added = dataclasses.replace(
            item,
            reason=f"was in the way when batch {kept.id} was put back",
            rule="swap",
            size_bytes=present.size.size_bytes,
            allocated_bytes=present.size.allocated_bytes,
            files=present.size.files,
            entries=present.entries,
            identity=present.identity,
            fingerprint=present.fingerprint,
            newest_ns=present.size.newest_ns,
        )
        _add(session, kept, other, added)
    free = kept.places.free(other)
    parent = item.path.rpartition("/")[0]
    kept.parents.about_to_change(parent)
    try:
        _exchange(slot, parent_fd, name, free)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        _swap_in_two(slot, parent_fd, name, free)
    kept.parents.changed(parent)
    kept.say("moved", n=[other])
    return ""


def _add(session: Session, kept: Kept, n: int, item: PlanItem) -> None:
    assert kept.record_fd is not None
    shared = layout.sharing(session.site.root_fd, kept.uid)
    records.add_item(kept.record_fd, n, item, shared.batch_file, shared.owner)
    kept.items[n] = item


def _exchange(slot: Slot, parent_fd: int, name: str, free: Slot) -> None:
    change.exchange(slot.fd, slot.name, parent_fd, name)
    try:
        change.rename(slot.fd, slot.name, free.fd, free.name)
    except OSError:
        change.exchange(slot.fd, slot.name, parent_fd, name)
        raise


def _swap_in_two(slot: Slot, parent_fd: int, name: str, free: Slot) -> None:
    """Where the system cannot exchange names: out of the way, then into the place."""
    change.rename(parent_fd, name, free.fd, free.name)
    try:
        change.rename(slot.fd, slot.name, parent_fd, name)
    except OSError:
        change.rename(free.fd, free.name, parent_fd, name)
        raise
