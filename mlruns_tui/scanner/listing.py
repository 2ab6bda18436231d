"""Which directories stand in the places of experiments and runs, by their names alone."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run
from mlruns_tui.model.words import TRASH_NAME, Place

from . import layout
from .pulse import Pulse


@dataclass(slots=True)
class Folder:
    """A directory in the place of an experiment, as its listing showed it."""

    place: Place
    name: str
    path: str
    mtime_ns: int = 0
    owner: int = -1
    mode: int = 0
    has_meta: bool = False
    subdirectories: list[str] = field(default_factory=list)
    """In the places of runs: not reserved, not ours, not links."""
    links: list[str] = field(default_factory=list)
    """Links to directories among them."""
    own: list[str] = field(default_factory=list)
    """Items of ours that were only renamed aside."""
    error: str = ""
    """Why it cannot be listed, in words."""
    gone: bool = False
    """It was there a moment ago."""
    experiment: Experiment | None = None
    """What its metadata says; None without any."""
    stated_id: str = ""
    """The experiment id its metadata names, as written."""
    location: str = ""
    """Its artifact location as written."""
    doubt: bool = False
    """Its metadata may have been read in the middle of a rewrite."""


@dataclass(slots=True)
class Listing:
    """What stands in the root and in MLflow's trash."""

    folders: list[Folder] = field(default_factory=list)
    links: list[tuple[Place, str]] = field(default_factory=list)
    """Links to directories in the places of experiments."""
    passed_over: list[str] = field(default_factory=list)
    """Paths of directories MLflow never looks at by their names; ours not among them."""
    own: list[str] = field(default_factory=list)
    """Paths of directories that are ours."""
    closed: str = ""
    """Why the trash, which holds runs as the root does, could not be looked at."""
    registry: str = ""
    """``directory`` or ``link`` where the root has a model registry."""
    messages: list[str] = field(default_factory=list)


def list_store(root_fd: int, pulse: Pulse) -> Listing:
    """Every directory in the place of an experiment, listed. Raises OSError only for the root itself."""
    listing = Listing()
    trash = _list_place(root_fd, "root", listing, pulse)
    if trash == "link":
        listing.messages.append(f"{TRASH_NAME} is a symbolic link: what it holds is not looked at")
    elif trash:
        try:
            fd = look.open_directory(TRASH_NAME, root_fd)
        except OSError as error:
            _trash_closed(listing, error)
        else:
            try:
                _list_place(fd, "trash", listing, pulse)
            except OSError as error:
                _trash_closed(listing, error)
            finally:
                os.close(fd)
    listing.folders.sort(key=lambda one: (one.place, layout.order(one.name)))
    return listing


def _trash_closed(listing: Listing, error: OSError) -> None:
    listing.closed = f"{TRASH_NAME} cannot be read: {look.words(error)}"
    listing.messages.append(listing.closed)


def _list_place(fd: int, place: Place, listing: Listing, pulse: Pulse) -> str:
    """List one of the two directories; what the first holds as trash: ``directory``, ``link`` or nothing."""
    trash = ""
    prefix = "" if place == "root" else TRASH_NAME
    with os.scandir(fd) as entries:
        for entry in entries:
            pulse()
            name = entry.name
            is_link = entry.is_symlink()
            if not is_link and not entry.is_dir(follow_symlinks=False):
                continue
            if layout.is_own(name):
                listing.own.append(layout.join(prefix, name))
            elif place == "root" and name == TRASH_NAME:
                trash = "link" if is_link else "directory"
            elif place == "root" and name == layout.REGISTRY:
                listing.registry = "link" if is_link else "directory"
            elif is_link:
                if layout.is_experiment_id(name) and leads_to_directory(entry):
                    listing.links.append((place, name))
            elif layout.is_passed_over(name):
                listing.passed_over.append(layout.join(prefix, name))
            else:
                folder = _list_folder(fd, place, name, layout.join(prefix, name))
                if not folder.gone:
                    listing.folders.append(folder)
    return trash


def leads_to_directory(entry: os.DirEntry[str]) -> bool:
    """Whether MLflow would take this link for a directory. Only asked of the kernel, never gone through."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _list_folder(parent_fd: int, place: Place, name: str, path: str) -> Folder:
    folder = Folder(place, name, path)
    try:
        fd = look.open_directory(name, parent_fd)
    except FileNotFoundError:
        folder.gone = True
        return folder
    except OSError as error:
        folder.error = look.words(error)
        _describe(folder, parent_fd)
        return folder
    try:
        status = os.fstat(fd)
        folder.mtime_ns, folder.owner, folder.mode = status.st_mtime_ns, status.st_uid, status.st_mode
        with os.scandir(fd) as entries:
            for entry in entries:
                _sort_in(folder, entry)
    except OSError as error:
        folder.error = look.words(error)
    finally:
        os.close(fd)
    folder.subdirectories.sort()
    return folder


def _sort_in(folder: Folder, entry: os.DirEntry[str]) -> None:
    name = entry.name
    if name == layout.META:
        folder.has_meta = True
    elif entry.is_dir(follow_symlinks=False):
        if layout.is_own(name):
            folder.own.append(name)
        elif name not in layout.RESERVED:
            folder.subdirectories.append(name)
    elif entry.is_symlink() and name not in layout.RESERVED and leads_to_directory(entry):
        folder.links.append(name)


def _describe(folder: Folder, parent_fd: int) -> None:
    try:
        status = os.stat(folder.name, dir_fd=parent_fd, follow_symlinks=False)
    except OSError:
        return
    folder.mtime_ns, folder.owner, folder.mode = status.st_mtime_ns, status.st_uid, status.st_mode


def unreadable_words(folder: Folder) -> str:
    """``cannot be read: permission denied (owner root, mode 700)``."""
    whose = f" (owner {look.user_name(folder.owner)}, mode {stat.S_IMODE(folder.mode):o})" if folder.owner >= 0 else ""
    return f"cannot be read: {folder.error}{whose}"


def link_run(folder: Folder, name: str) -> Run:
    """A link in the place of a run: shown, never followed."""
    return Run(
        folder.name,
        name,
        folder.place,
        reason="a symbolic link, not followed",
        path=f"{folder.path}/{name}",
        trouble=("link",),
    )


def link_experiment(place: Place, name: str) -> Experiment:
    """A link in the place of an experiment: shown, never followed."""
    return Experiment(
        name,
        place,
        reason="a symbolic link, not followed",
        path=layout.join("" if place == "root" else TRASH_NAME, name),
        trouble=("link",),
    )
