"""Making a batch for a plan: in the vault, or on a full disk as well as it goes.

A disk without a free block still takes a rename. Then plan and journal go to the user's state directory
and items to names beside the experiments; without backup the first item's space makes room for the
vault, and where even the state directory is full that one item goes without a written plan.
"""

from __future__ import annotations

import contextlib
import errno
import os

from mlruns_tui.disk import change, look
from mlruns_tui.model.errors import MlrunsError, StaleError
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.text import safe

from . import layout, newvault, records, statedir
from .journal import History, Journal, learn
from .kept import Kept
from .layout import BATCHES, DATA, DEAD
from .places import Places
from .session import Session

_PRIVATE = layout.Sharing(vault=0o700, file=0o600, batch=0o700, batch_file=0o600, owner=(-1, -1), inherited=0)


def open_batch(session: Session, plan: Plan, **more: object) -> Kept:
    """A new batch, its plan durable. ``more``: what its journal's first record says besides. Raises StaleError when
    the plan was used already, LockedError, MlrunsError; then nothing was changed."""
    site = session.site
    if plan.id in site.ids():
        raise StaleError(
            "plan-used",
            f"the plan {plan.id} was used already; nothing was changed",
            hint="read the store again and make a new plan",
        )
    first = session.begin(number=1 + max((told.number for told in session.histories().values()), default=0), **more)
    try:
        try:
            return _in_vault(session, plan, first)
        except OSError as error:
            if not layout.no_room(error):
                raise
        if site.vault is not None and newvault.release_reserve(site.vault):
            with contextlib.suppress(OSError):
                return _in_vault(session, plan, first)
        return _elsewhere(session, plan, first)
    except OSError as error:
        raise _refusal(session, error) from None


def _refusal(session: Session, error: OSError) -> MlrunsError:
    site = session.site
    owner = safe(look.user_name(os.fstat(site.vault.fd if site.vault else site.root_fd).st_uid))
    permission = error.errno in (errno.EACCES, errno.EPERM)
    return MlrunsError(
        "no-permission" if permission else "no-backup",
        f"no place for a backup could be made in the store: {look.words(error)} (owner {owner}); nothing was changed",
        path=safe(site.root),
        hint=f"ask {owner}, or run as root" if permission else "",
    )


def _vault(session: Session) -> layout.Vault:
    site = session.site
    if site.vault is None:
        session.use(newvault.create_vault(site.root, site.root_fd))
    assert site.vault is not None
    return site.vault


def _in_vault(session: Session, plan: Plan, first: dict[str, object]) -> Kept:
    site = session.site
    vault = _vault(session)
    session.locks.tell(session.op, plan.id)
    fd, journal = records.publish(vault.batches_fd, plan, session.uid, first, layout.sharing(site.root_fd), places=True)
    places = Places(site.root_fd, plan.id, fd)
    return _kept(session, plan, places, fd, os.path.join(vault.path, BATCHES, plan.id), journal, first)


def _kept(
    session: Session,
    plan: Plan,
    places: Places,
    fd: int | None,
    path: str,
    journal: Journal,
    first: dict[str, object],
) -> Kept:
    history = History()
    learn(history, {"seq": 1, "e": "begin", **first})
    kept = Kept(session.site.root_fd, plan, session.uid, places, fd, path, history)
    kept.journal = journal
    return kept


def _elsewhere(session: Session, plan: Plan, first: dict[str, object]) -> Kept:
    site = session.site
    fd, journal, path = None, Journal(None, 1), ""
    state = statedir.path(site.root)
    try:
        if site.state_fd is None:
            site.state_fd = statedir.make(site.root)
        fd, journal = records.publish(site.state_fd, plan, session.uid, first, _PRIVATE, places=False)
        path = os.path.join(state, plan.id)
        session.messages.append(
            f"{_full(site.root_fd)}, so plan and journal are kept in {safe(statedir.shown(state))}."
        )
    except OSError as error:
        if plan.backup:
            raise MlrunsError(
                "disk-full",
                f"{_full(site.root_fd)}, and plan and journal cannot be kept in {safe(statedir.shown(state))} either "
                f"({look.words(error)}); nothing was changed",
                path=safe(site.root),
                hint="set XDG_STATE_HOME to a disk with some room, or clean without a backup (--no-backup)",
            ) from None
        session.messages.append(f"{_full(site.root_fd)}: the first items went without a written plan.")
    places = Places(site.root_fd, plan.id, None, cramped=True)
    kept = _kept(session, plan, places, fd, path, journal, first)
    try_vault(session, kept)
    return kept


def _full(root_fd: int) -> str:
    space = look.space(root_fd)
    if space.inodes_total and not space.inodes_free:
        return "The disk has no inodes left"
    return "The disk is full" if not space.bytes_free else "The disk or your quota is full"


def try_vault(session: Session, kept: Kept) -> None:
    """Give a batch that has none its folder in the vault, if the disk has room for it by now."""
    if kept.places.in_vault:
        return
    with contextlib.suppress(OSError):
        vault = _vault(session)
        if kept.record_fd is None:
            _write_late(session, kept, vault)
            return
        folder = _folder(session, vault, kept.id)
        try:
            kept.places.use(folder)
        finally:
            os.close(folder)


def _write_late(session: Session, kept: Kept, vault: layout.Vault) -> None:
    """The record that could not be written before anything was freed; what happened so far is said again."""
    shared = layout.sharing(session.site.root_fd)
    begin = session.begin(number=kept.history.number)
    fd, journal = records.publish(vault.batches_fd, kept.plan, session.uid, begin, shared, places=True)
    kept.places.use(fd)
    kept.record_fd, kept.journal = fd, journal
    kept.record_path = os.path.join(vault.path, BATCHES, kept.id)
    for n, (outcome, why) in kept.results.items():
        if outcome == "done":
            kept.say("purged", n=[n])
        else:
            kept.say(outcome, n=n, why=why)
    kept.commit()


def _folder(session: Session, vault: layout.Vault, batch_id: str) -> int:
    """The batch's folder in the vault, with places for items but no plan. Raises OSError; then there is none."""
    shared = layout.sharing(session.site.root_fd)
    fd = layout.make_folder(vault.batches_fd, batch_id, shared.batch, shared.owner)
    try:
        for name in (DATA, DEAD):
            os.close(layout.make_folder(fd, name, shared.batch, shared.owner))
    except BaseException:
        os.close(fd)
        newvault.remove_unborn(vault.batches_fd, batch_id)
        raise
    change.sync(vault.batches_fd)
    return fd
