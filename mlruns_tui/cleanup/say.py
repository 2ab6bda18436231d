"""The sentences this room speaks: what happened to an item, and the state that leaves."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.evidence import Survey, Writer
from mlruns_tui.model.text import safe

LEFT = "It is where it was."
KEPT = "It stays in the backup."
LOGGED_SINCE = (
    "holds what was logged since it was slimmed, and stays as it is. Move that away and run this again; or backups "
    "restore --on-conflict swap exchanges the two, rename puts the old files into the store's root. "
)
"""Of a run's artifacts that are to go back."""
LOST = "It was deleted for good before that stopped; nothing brings it back."
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""A full disk, an exhausted quota, no inodes left."""
_DAY_S = 86_400


def failure(error: OSError, state: str, what: str = "") -> str:
    """``permission denied on artifacts/ (owner root). It is where it was.``"""
    where = f" on {what}" if what else ""
    if error.errno == errno.EXDEV:
        return f"on another disk, so it cannot be moved whole. {state}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"permission denied{where}. {state}"
    if error.errno in NO_ROOM:
        return f"{_full(error)}{where}. {state}"
    return f"{safe(look.words(error))}{where}. {state}"


def _full(error: OSError) -> str:
    return "your quota on this disk is used up" if error.errno == errno.EDQUOT else "no space left on the disk"


def cannot_move(error: OSError, parent_fd: int, name: str) -> str:
    """Why a rename was refused, with the owner who could permit it."""
    if error.errno in (errno.EACCES, errno.EPERM):
        try:
            status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
            why = look.why_not_movable(parent_fd, name, status)
        except OSError:
            why = ""
        if why:
            return f"{safe(why)}. {LEFT}"
        if error.errno == errno.EPERM:
            return f"the system forbids to move it (an immutable or append-only flag: see lsattr). {LEFT}"
    if error.errno == errno.EDQUOT:
        # Most file systems rename without a free block; btrfs does not.
        helps = "Delete a file of yours that is not in the store, or get more room, then run this again."
        return f"{failure(error, LEFT)} {helps}"
    return failure(error, LEFT)


def trouble(found: Survey, parent_fd: int, name: str) -> str:
    """Why a tree with this trouble stays."""
    inside = safe(found.trouble_path)
    first = found.trouble[0]
    if first == "link":
        return f"a symbolic link, and links are never followed. {LEFT}"
    if first == "other-device":
        return f"{inside or 'it'} is on another disk and cannot be moved whole. {LEFT}"
    try:
        path = f"{name}/{found.trouble_path}" if found.trouble_path else name
        owner = os.stat(path, dir_fd=parent_fd, follow_symlinks=False).st_uid
        who = f" (owner {safe(look.user_name(owner))})"
    except OSError:
        who = ""
    return f"cannot be looked at: permission denied on {inside + '/' if inside else 'it'}{who}. {LEFT}"


def written_to(writers: Sequence[Writer]) -> str:
    """``being written to by python (pid 4121, alice)``."""
    first = writers[0]
    more = f" and {len(writers) - 1:,} more" if len(writers) > 1 else ""
    return f"being written to by {safe(first.command, 60)} (pid {first.pid}, {safe(first.user, 60)}){more}"


def changed_since(planned_newest_ns: int, newest_ns: int) -> str:
    """``written to 2 s ago``, or that it changed without a newer write."""
    if newest_ns <= planned_newest_ns:
        return f"changed since the plan was made. {LEFT}"
    ago = (time.time_ns() - newest_ns) // 1_000_000_000
    when = f"{max(ago, 0)} s ago" if -5 <= ago < 120 else "since the plan was made"
    return f"written to {when}. {LEFT}"


def clock(ms: int) -> str:
    """``20:24`` of today, ``9 Nov 20:24`` of another day, local time."""
    then = time.localtime(ms / 1000)
    same_day = abs(time.time() - ms / 1000) < _DAY_S and time.localtime().tm_yday == then.tm_yday
    return time.strftime("%H:%M" if same_day else "%-d %b %H:%M", then)


def items(count: int) -> str:
    """``1 item``, ``1,293 items``."""
    return f"{count:,} item{'s' * (count != 1)}"
