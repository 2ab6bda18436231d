"""The file store: which directories stand where, and what their ``meta.yaml`` says."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME, Place

from . import layout
from .metadata import Unusable, parse
from .pulse import Pulse
from .records import experiment_of, run_of, text

RECENT_NS = 600 * 1_000_000_000
"""Broken metadata this young is read a second time before it is believed; clocks may differ."""


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
    registry: str = ""
    """``directory`` or ``link`` where the root has a model registry."""
    messages: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RunsRead:
    """What the directories in one experiment's directory turned out to be, by their metadata alone."""

    runs: list[Run] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Named like runs, without ``meta.yaml``."""
    others: list[str] = field(default_factory=list)
    """Any other directory without one."""
    doubts: list[str] = field(default_factory=list)
    """Names of runs whose metadata may have been read in the middle of a rewrite."""
    uris: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of run directory and artifact URI as written, where that is not its own directory's."""


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
            listing.messages.append(f"{TRASH_NAME} cannot be read: {look.words(error)}")
        else:
            try:
                _list_place(fd, "trash", listing, pulse)
            except OSError as error:
                listing.messages.append(f"{TRASH_NAME} cannot be read: {look.words(error)}")
            finally:
                os.close(fd)
    listing.folders.sort(key=lambda one: (one.place, layout.order(one.name)))
    return listing


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
                if layout.is_experiment_id(name) and _leads_to_directory(entry):
                    listing.links.append((place, name))
            elif layout.is_passed_over(name):
                listing.passed_over.append(layout.join(prefix, name))
            else:
                listing.folders.append(_list_folder(fd, place, name, layout.join(prefix, name)))
    return trash


def _leads_to_directory(entry: os.DirEntry[str]) -> bool:
    """Whether MLflow would take this link for a directory. Only asked of the kernel, never gone through."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _list_folder(parent_fd: int, place: Place, name: str, path: str) -> Folder:
    folder = Folder(place, name, path)
    try:
        fd = look.open_directory(name, parent_fd)
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
    elif entry.is_symlink() and name not in layout.RESERVED and _leads_to_directory(entry):
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


def read_meta(name: str, dir_fd: int) -> dict[Any, Any]:
    """The mapping in a metadata file. Raises Unusable, FileNotFoundError where there is none."""
    try:
        return parse(look.read_small(name, dir_fd))
    except Unusable as error:
        raise Unusable(f"{os.path.basename(name)} {error.reason}", transient=error.transient) from None
    except look.NotReadable as error:
        what = look.words(error)
        verb = "is " if what.startswith(("a ", "not ")) else "cannot be used: "
        raise Unusable(f"{os.path.basename(name)} {verb}{what}", closed="link" in what) from None
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(2, "no such file", name) from None
    except OSError as error:
        raise Unusable(f"{os.path.basename(name)} cannot be read: {look.words(error)}", closed=True) from None


def _is_recent(name: str, dir_fd: int) -> bool:
    """Whether the file was written to lately: MLflow truncates metadata before it writes it anew."""
    try:
        status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except OSError:
        return True
    return status.st_mtime_ns > time.time_ns() - RECENT_NS


def read_experiment(folder: Folder, root_fd: int) -> None:
    """Fill in what the folder's metadata says. ``has_meta`` becomes False when there is none after all."""
    folder.doubt = False
    try:
        meta = read_meta(layout.join(folder.path, layout.META), root_fd)
    except FileNotFoundError:
        folder.has_meta, folder.experiment = False, None
        return
    except Unusable as error:
        folder.doubt = error.transient and _is_recent(layout.join(folder.path, layout.META), root_fd)
        folder.experiment = Experiment(
            folder.name,
            folder.place,
            "malformed",
            error.reason,
            path=folder.path,
            trouble=("unreadable",) if error.closed else (),
        )
        return
    folder.experiment = experiment_of(meta, folder.name, folder.place, folder.path)
    if folder.experiment.state == "malformed":
        folder.doubt = _is_recent(layout.join(folder.path, layout.META), root_fd)
    folder.stated_id = str(meta.get("experiment_id", ""))[:256]
    folder.location = str(meta.get("artifact_location") or "")


def read_runs(folder: Folder, root_fd: int, pulse: Pulse) -> Iterator[RunsRead]:
    """Read the metadata of every run in a folder. Yields what it has now and then; the last is all of it."""
    read = RunsRead()
    try:
        fd = look.open_path(root_fd, folder.path)
    except OSError as error:
        folder.error = folder.error or look.words(error)
        yield read
        return
    try:
        for number, name in enumerate(folder.subdirectories):
            _read_run(folder, name, fd, read)
            if number % 64 == 63:
                pulse()
                yield read
        for name in folder.links:
            read.runs.append(link_run(folder, name))
    finally:
        os.close(fd)
    yield read


def _read_run(folder: Folder, name: str, fd: int, read: RunsRead) -> None:
    path = f"{folder.path}/{name}"
    try:
        meta = read_meta(f"{name}/{layout.META}", fd)
    except FileNotFoundError:
        (read.missing if layout.is_hex32(name) else read.others).append(name)
        return
    except Unusable as error:
        if error.transient and _is_recent(f"{name}/{layout.META}", fd):
            read.doubts.append(name)
        trouble = ("unreadable",) if error.closed else ()
        read.runs.append(Run(folder.name, name, folder.place, "malformed", error.reason, path=path, trouble=trouble))
        return
    run = run_of(meta, folder.name, name, folder.place, path)
    if run.state == "malformed" and _is_recent(f"{name}/{layout.META}", fd):
        read.doubts.append(name)
    read.runs.append(run)
    uri = meta.get("artifact_uri")
    if isinstance(uri, str) and uri and not uri.endswith(f"/{folder.name}/{name}/artifacts"):
        # A copy names the place it was copied from, which its ids say.
        stated = f"/{text(meta.get('experiment_id'))}/{text(meta.get('run_id'))}/artifacts"
        if not uri.endswith(stated):
            read.uris.append((name, uri))


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


def reread_run(folder: Folder, name: str, root_fd: int) -> Run | None:
    """Read one run's metadata again; None when there is none any more."""
    read = RunsRead()
    try:
        fd = look.open_path(root_fd, folder.path)
    except OSError:
        return None
    try:
        _read_run(folder, name, fd, read)
    finally:
        os.close(fd)
    return read.runs[0] if read.runs else None


def shown(name: str) -> str:
    """A directory's name for a message."""
    return safe(name, 120)
