"""Whether a directory somebody names may take archives of a store. Looks only."""

from __future__ import annotations

import errno
import os

from mlruns_tui.disk import look
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.text import safe


def real(backup_dir: str) -> str:
    """The directory as it is remembered: absolute, links on the way to it followed."""
    above, name = os.path.split(os.path.abspath(backup_dir))
    return os.path.join(os.path.realpath(above), name)


def check(root_fd: int, backup_dir: str) -> int:
    """A descriptor on a directory that may take archives of an open store; nothing is changed.

    Raises UsageError that says why it may not: there is none, a link, inside the store, on the store's own file
    system, or not writable.
    """
    path = real(backup_dir)
    shown = safe(path)

    def refuse(why: str, hint: str = "") -> UsageError:
        return UsageError("bad-backup-dir", f"{shown} {why}; nothing was changed", path=shown, hint=hint)

    try:
        fd = open_dir(path)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise refuse("does not exist", "mount its disk, or make the directory if it is really there") from None
        if os.path.islink(path):
            raise refuse("is a link", f"name what it leads to: {safe(os.path.realpath(path))}") from None
        if error.errno == errno.ENOTDIR:
            raise refuse("is not a directory") from None
        raise refuse(f"cannot be opened: {look.words(error)}") from None
    try:
        if _is_inside(fd, root_fd):
            raise refuse("is inside the store", "name a directory on another disk")
        if os.fstat(fd).st_dev == os.fstat(root_fd).st_dev:
            raise refuse(
                "is on the same file system as the store, where archives free no more than in the store itself",
                "pack without --backup-dir, or name a directory on another disk",
            )
        if os.statvfs(fd).f_flag & os.ST_RDONLY:
            raise refuse("is on a file system that is mounted read-only")
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True):
            owner = safe(look.user_name(os.fstat(fd).st_uid))
            raise refuse(f"is not yours to write to (owner {owner})", f"ask {owner}, or name another directory")
        return fd
    except BaseException as error:
        os.close(fd)
        if isinstance(error, OSError):
            raise refuse(f"cannot be looked at: {look.words(error)}") from None
        raise


def open_dir(path: str) -> int:
    """A descriptor on a directory that is not a link. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def found(backup_dir: str, found_in: str) -> str:
    """Where the directory is that archives were to go to: where it was, or, when it is not there now, where somebody
    says it is by now."""
    return backup_dir if not backup_dir or not found_in or os.path.isdir(backup_dir) else found_in


def _is_inside(fd: int, root_fd: int) -> bool:
    """Whether a directory is the root or below it."""
    root = os.fstat(root_fd)
    here = os.dup(fd)
    try:
        while True:
            status = os.fstat(here)
            if os.path.samestat(status, root):
                return True
            above = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = above
            if os.path.samestat(os.fstat(here), status):
                return False
    except PermissionError:
        # Above something we may not look into: then the store, which we may, is not there.
        return False
    finally:
        os.close(here)
