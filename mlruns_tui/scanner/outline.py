"""What a directory without ``meta.yaml`` looks like inside: whose it could be.

Looks at names only, and at no more of them than it takes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from mlruns_tui.disk import look

from . import layout
from .pulse import Pulse

RunShape = Literal["parts", "artifacts", "empty", "foreign", "unreadable", "gone"]
"""Of a directory in the place of a run: has ``params`` or the like (and is one by name or metadata);
files below ``artifacts`` and nothing of a file store; no file at all; anything else; cannot be looked at;
not there any more."""

_MAX_DEPTH = 64
_MAX_TAG = 64 << 10
"""Bytes of a tag's file; MLflow refuses values longer than 8,000 characters."""


@dataclass(slots=True)
class Outline:
    """What was seen in a directory in the place of an experiment."""

    run_level: bool = False
    """Some run in it has ``meta.yaml``, ``params/``, ``metrics/`` or ``tags/``."""
    own_parts: bool = False
    """It has ``tags/`` or ``datasets/`` of its own, with in them what MLflow puts there."""
    foreign: str = ""
    """The first thing in it that no file store writes there: then it is somebody's folder, no experiment."""
    artifacts: bool = False
    """Files below ``<run>/artifacts``, ``models/m-*`` or ``traces``."""
    run_shaped: bool = False
    """Holds directories that have the name of a run, or metadata that names one."""
    any_file: bool = False
    unreadable: str = ""
    """The first thing in it that could not be looked at, with the reason in words."""
    shapes: dict[str, tuple[RunShape, int]] = field(default_factory=dict)
    """Of each directory in the place of a run: shape and modification time in ns."""


def run_shape(folder_fd: int, name: str, pulse: Pulse) -> tuple[RunShape, int]:
    """Shape of the directory ``name`` in the place of a run, and its modification time in ns."""
    pulse()
    try:
        fd = look.open_directory(name, folder_fd)
    except FileNotFoundError:
        return "gone", 0
    except OSError:
        return "unreadable", 0
    try:
        mtime = os.fstat(fd).st_mtime_ns
        names = os.listdir(fd)
        if layout.RUN_PARTS.intersection(names):
            return "parts", mtime
        if "artifacts" in names and holds_file(fd, "artifacts", pulse):
            return "artifacts", mtime
        return ("foreign" if any(holds_file(fd, one, pulse) for one in names) else "empty"), mtime
    except OSError:
        return "unreadable", 0
    finally:
        os.close(fd)


def holds_file(parent_fd: int, name: str, pulse: Pulse, depth: int = 0) -> bool:
    """Whether ``name`` is, or has anywhere below it, anything but directories. Raises OSError."""
    pulse()
    if depth > _MAX_DEPTH:
        return True
    try:
        fd = look.open_directory(name, parent_fd)
    except NotADirectoryError:
        return True
    except OSError as error:
        if error.errno == 40:  # ELOOP: a link
            return True
        raise
    try:
        below = []
        with os.scandir(fd) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    return True
                below.append(entry.name)
        return any(holds_file(fd, one, pulse, depth + 1) for one in below)
    finally:
        os.close(fd)


def outline(folder_fd: int, runs: Collection[str], pulse: Pulse) -> Outline:
    """Look into a directory in the place of an experiment. ``runs`` are the directories in it whose
    metadata names a run: any other child counts as one only when it has the name MLflow gives to runs,
    for ``params``, ``metrics`` and ``tags`` are names of many other things as well."""
    seen = Outline()
    try:
        with os.scandir(folder_fd) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError as error:
        seen.unreadable = f"cannot be read: {look.words(error)}"
        return seen
    for name, is_directory in found:
        if layout.is_own(name):
            continue
        if not is_directory:
            seen.any_file = True
            seen.foreign = seen.foreign or name
            continue
        try:
            if name in layout.RESERVED:
                _reserved(folder_fd, name, seen, pulse)
            else:
                _child(folder_fd, name, name in runs, seen, pulse)
        except OSError as error:
            seen.unreadable = seen.unreadable or f"{name} cannot be read: {look.words(error)}"
    return seen


def _reserved(folder_fd: int, name: str, seen: Outline, pulse: Pulse) -> None:
    if not holds_file(folder_fd, name, pulse):
        return
    seen.any_file = True
    if name in ("models", "traces"):
        seen.artifacts = True
    elif (_only_tags if name == "tags" else _only_datasets)(folder_fd, name, pulse):
        seen.own_parts = True
    else:
        seen.foreign = seen.foreign or name


def _only_tags(parent_fd: int, name: str, pulse: Pulse, depth: int = 0) -> bool:
    """Whether ``name`` is a directory of small plain files, in folders where a key has slashes. Raises OSError."""
    pulse()
    if depth > _MAX_DEPTH:
        return False
    try:
        fd = look.open_directory(name, parent_fd)
    except (NotADirectoryError, FileNotFoundError):
        return False
    try:
        below = []
        with os.scandir(fd) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
                    continue
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_TAG:
                    return False
        return all(_only_tags(fd, one, pulse, depth + 1) for one in below)
    finally:
        os.close(fd)


def _only_datasets(parent_fd: int, name: str, pulse: Pulse) -> bool:
    """Whether all in ``name`` is ``<hash>/meta.yaml``, as MLflow writes the datasets of runs. Raises OSError."""
    try:
        fd = look.open_directory(name, parent_fd)
    except (NotADirectoryError, FileNotFoundError):
        return False
    try:
        for one in os.listdir(fd):
            pulse()
            if not layout.is_hex32(one):
                return False
            below = look.open_directory(one, fd)
            try:
                if any(inner != layout.META for inner in os.listdir(below)):
                    return False
            finally:
                os.close(below)
    except NotADirectoryError:
        return False
    finally:
        os.close(fd)
    return True


def _child(folder_fd: int, name: str, is_run: bool, seen: Outline, pulse: Pulse) -> None:
    shape, mtime_ns = run_shape(folder_fd, name, pulse)
    is_run = is_run or layout.is_hex32(name)
    if shape == "parts" and not is_run:
        shape = "foreign" if holds_file(folder_fd, name, pulse) else "empty"
    seen.shapes[name] = shape, mtime_ns
    if shape == "unreadable":
        seen.unreadable = seen.unreadable or f"{name} cannot be read"
    if shape == "foreign" or (shape == "artifacts" and not is_run):
        seen.foreign = seen.foreign or name
    seen.run_level = seen.run_level or shape == "parts"
    seen.artifacts = seen.artifacts or shape == "artifacts"
    seen.any_file = seen.any_file or shape in ("parts", "artifacts", "foreign")
    seen.run_shaped = seen.run_shaped or is_run


def holds_data(folder_fd: int, name: str, pulse: Pulse) -> bool:
    """Whether the run in the directory ``name`` has params, metrics or artifacts, or may have."""
    try:
        fd = look.open_directory(name, folder_fd)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        parts = {"params", "metrics", "artifacts"}.intersection(os.listdir(fd))
        return any(holds_file(fd, one, pulse) for one in parts)
    except OSError:
        return True
    finally:
        os.close(fd)


def outline_traces(root_fd: int, path: str) -> list[str]:
    """Ids of some traces in the experiment's directory ``path``; none when they cannot be listed."""
    try:
        fd = look.open_path(root_fd, f"{path}/traces")
    except OSError:
        return []
    try:
        return os.listdir(fd)[:200]
    except OSError:
        return []
    finally:
        os.close(fd)
