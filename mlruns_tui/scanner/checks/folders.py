"""Directories as MLflow meets them. It follows links: so what a link leads to is asked here, and ``links`` says
whether it is gone to."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Final, Literal

from mlruns_tui.disk import look

Kind = Literal["folder", "file", "link-to-folder", "link-to-file", "dangling", "pipe", "null", "refuses"]
Access = Literal["open", "closed", "no-list", "no-enter", "gone"]
"""What this user may do with a directory: everything; nothing; only open what he can name; only read its
names. ``gone``: it is not there any more, or no directory."""

_NULL: Final = (1, 3)
_WHITEOUT: Final = (0, 0)
"""What an overlay file system puts in the place of a deleted file."""


@dataclass(frozen=True, slots=True)
class Met:
    """One entry of a directory."""

    name: str
    kind: Kind
    """``pipe``: a FIFO or device, which MLflow would wait for. ``null``: ``/dev/null``, which is read as an empty
    file. ``refuses``: a socket or a device nobody has, which opening fails on."""

    @property
    def is_folder(self) -> bool:
        """What ``os.path.isdir`` says of it."""
        return self.kind in ("folder", "link-to-folder")


def entries(fd: int) -> list[Met]:
    """What is in an open directory, in the order the system lists it, which is MLflow's order as well.

    Raises OSError.
    """
    with os.scandir(fd) as found:
        return [Met(one.name, _kind(one)) for one in found]


def _kind(entry: os.DirEntry[str]) -> Kind:
    try:
        if entry.is_symlink():
            return _behind(entry.stat())
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "file" if entry.is_file(follow_symlinks=False) else _special(entry.stat(follow_symlinks=False))
    except OSError:
        return "dangling"


def _special(status: os.stat_result) -> Kind:
    """Of what is neither file nor folder nor link."""
    if stat.S_ISSOCK(status.st_mode):
        return "refuses"
    if stat.S_ISCHR(status.st_mode):
        device = os.major(status.st_rdev), os.minor(status.st_rdev)
        if device == _NULL:
            return "null"
        if device == _WHITEOUT:
            return "refuses"
    return "pipe"


def _behind(status: os.stat_result) -> Kind:
    if stat.S_ISDIR(status.st_mode):
        return "link-to-folder"
    return "link-to-file" if stat.S_ISREG(status.st_mode) else _special(status)


def kind_of(name: str, dir_fd: int) -> Kind | None:
    """What has this name; None when nothing has, or nobody may know."""
    try:
        status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode):
        try:
            return _behind(os.stat(name, dir_fd=dir_fd))
        except OSError:
            return "dangling"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    return "file" if stat.S_ISREG(status.st_mode) else _special(status)


def enter(name: str, dir_fd: int, kind: Kind | None = None) -> tuple[int, Access]:
    """A descriptor on a directory, and what may be done with it; only where its ``kind`` says that it is a link
    to one may it be that.

    The descriptor is -1 unless the answer is ``open`` or ``no-enter``; the caller closes it. Never raises.
    """
    try:
        fd = look.open_directory(name, dir_fd, follow=kind == "link-to-folder")
    except (FileNotFoundError, NotADirectoryError):
        return -1, "gone"
    except OSError:
        return -1, "no-list" if _may_enter(f"{name}/.", dir_fd) else "closed"
    return fd, "open" if _may_enter(".", fd) else "no-enter"


def _may_enter(name: str, dir_fd: int) -> bool:
    try:
        os.stat(name, dir_fd=dir_fd)
    except OSError:
        return False
    return True


def target(root: str, path: str) -> str | None:
    """Where inside the store a link leads, relative to ``root`` (empty: the root itself); None for outside.

    Only the texts of links are read, nothing they lead to.
    """
    place = os.path.realpath(os.path.join(root, path))
    if place == root:
        return ""
    return place[len(root) + 1 :] if place.startswith(root + "/") else None
