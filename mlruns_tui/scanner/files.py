"""The file store: what the ``meta.yaml`` of experiments and runs says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.store import Experiment, Run

from . import layout
from .listing import Folder, link_run
from .metadata import Unusable, parse
from .pulse import Pulse
from .records import experiment_of, run_of, text

RECENT_NS = 600 * 1_000_000_000
"""Broken metadata this young is read a second time before it is believed; clocks may differ."""


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
    leading: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of run directory and where its ``artifacts``, a link, says to lead."""
    named: set[str] = field(default_factory=set)
    """Directories whose metadata names a run; what else holds a ``meta.yaml`` may be anything."""
    parsed: set[str] = field(default_factory=set)
    """Directories whose metadata is a mapping, whatever it says."""


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


def is_recent(name: str, dir_fd: int) -> bool:
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
        folder.doubt = error.transient and is_recent(layout.join(folder.path, layout.META), root_fd)
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
        folder.doubt = is_recent(layout.join(folder.path, layout.META), root_fd)
    folder.stated_id = str(meta.get("experiment_id", ""))[:256]
    folder.location = str(meta.get("artifact_location") or "")


def read_runs(folder: Folder, root_fd: int, pulse: Pulse) -> Iterator[RunsRead]:
    """Read the metadata of every run in a folder. Yields what it has now and then; the last is all of it."""
    read = RunsRead()
    try:
        fd = look.open_path(root_fd, folder.path)
    except FileNotFoundError:
        folder.gone = True
        yield read
        return
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
    with suppress(OSError):  # EINVAL: a directory, as it should be
        read.leading.append((name, os.readlink(f"{name}/artifacts", dir_fd=fd)))
    try:
        meta = read_meta(f"{name}/{layout.META}", fd)
    except FileNotFoundError:
        (read.missing if layout.is_hex32(name) else read.others).append(name)
        return
    except Unusable as error:
        if error.transient and is_recent(f"{name}/{layout.META}", fd):
            read.doubts.append(name)
        trouble = ("unreadable",) if error.closed else ()
        read.runs.append(Run(folder.name, name, folder.place, "malformed", error.reason, path=path, trouble=trouble))
        return
    read.parsed.add(name)
    if meta.get("run_id", meta.get("run_uuid")) is not None:
        read.named.add(name)
    run = run_of(meta, folder.name, name, folder.place, path)
    if run.state == "malformed" and is_recent(f"{name}/{layout.META}", fd):
        read.doubts.append(name)
    read.runs.append(run)
    uri = meta.get("artifact_uri")
    if isinstance(uri, str) and uri and not uri.endswith(f"/{folder.name}/{name}/artifacts"):
        # A copy names the place it was copied from, which its ids say.
        stated = f"/{text(meta.get('experiment_id'))}/{text(meta.get('run_id'))}/artifacts"
        if not uri.endswith(stated):
            read.uris.append((name, uri))


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
