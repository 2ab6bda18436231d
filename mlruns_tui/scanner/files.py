"""The file store: what the ``meta.yaml`` of experiments and runs says."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mlruns_tui.disk import look
from mlruns_tui.model.quick import quick_run
from mlruns_tui.model.store import Experiment, Run

from . import layout
from .listing import Folder, link_run
from .metadata import Unusable, parse
from .pulse import Pulse
from .records import experiment_of, run_of, text
from .tasks import Row, Task, Work
from .usual_run import usual_run

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
    """Malformed ones whose metadata names a run all the same."""
    parsed: set[str] = field(default_factory=set)
    """Malformed ones whose metadata is a mapping all the same, whatever it says."""

    def named_runs(self) -> set[str]:
        """Directories whose metadata names a run; what else holds a ``meta.yaml`` may be anything."""
        return self.named.union(run.run_id for run in self.runs if run.state == "ok")


def read_meta(name: str, dir_fd: int) -> dict[Any, Any]:
    """The mapping in a metadata file. Raises Unusable, FileNotFoundError where there is none."""
    return _parsed(_meta_bytes(name, dir_fd), os.path.basename(name))


def _parsed(data: bytes, name: str = layout.META) -> dict[Any, Any]:
    try:
        return parse(data)
    except Unusable as error:
        raise Unusable(f"{name} {error.reason}", transient=error.transient) from None


def _meta_bytes(name: str, dir_fd: int) -> bytes:
    try:
        return look.read_small(name, dir_fd)
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


READ_RUN = "read run"


def read_runs(folder: Folder, root_fd: int, pulse: Pulse) -> RunsRead:
    """Read the metadata of every run in a folder, in this process."""
    try:
        fd = look.open_path(root_fd, folder.path)
    except OSError as error:
        not_listed(folder, error)
        return RunsRead()
    try:
        return runs_read(folder, [run_row(fd, name, folder.name, pulse) for name in folder.subdirectories])
    finally:
        os.close(fd)


def reading_task(folder: Folder) -> Task:
    """The same for a crew; the rows of all its parts, in order, make ``runs_read``."""
    return Task(READ_RUN, folder.path, folder.subdirectories, folder.name, folder)


def not_listed(folder: Folder, error: OSError) -> None:
    """Note that a folder could not be opened after all."""
    if isinstance(error, FileNotFoundError):
        folder.gone = True
    else:
        folder.error = folder.error or look.words(error)


def runs_read(folder: Folder, rows: Iterable[Row]) -> RunsRead:
    """What the rows of all a folder's ``subdirectories`` say, put together."""
    read = RunsRead()
    intern: Any = sys.intern
    for name, (fields, more) in zip(folder.subdirectories, rows, strict=True):
        if fields is not None:
            state, reason, run_name, status, stage, user, start, end, deleted, trouble = fields
            read.runs.append(
                quick_run(
                    folder.name,
                    name,
                    folder.place,
                    intern(state),
                    reason,
                    run_name,
                    intern(status),
                    stage and intern(stage),
                    intern(user),
                    start,
                    end,
                    deleted,
                    "file",
                    f"{folder.path}/{name}",
                    "",
                    "",
                    -1,
                    None,
                    trouble,
                )
            )
        else:
            (read.missing if layout.is_hex32(name) else read.others).append(name)
        if more is not None:
            _take_more(read, name, more)
    read.runs += [link_run(folder, name) for name in folder.links]
    return read


def _take_more(read: RunsRead, name: str, more: dict[str, Any]) -> None:
    """What only few runs have."""
    if "doubt" in more:
        read.doubts.append(name)
    if "uri" in more:
        read.uris.append((name, more["uri"]))
    if "leading" in more:
        read.leading.append((name, more["leading"]))
    if "named" in more:
        read.named.add(name)
    if "parsed" in more:
        read.parsed.add(name)


def run_row(fd: int, name: str, experiment_id: str, pulse: Pulse) -> Row:
    """What the metadata in the directory ``name`` says: the fields of a run or None for no metadata, and what
    only few runs have."""
    more: dict[str, Any] = {}
    try:
        if stat.S_ISLNK(os.stat(f"{name}/artifacts", dir_fd=fd, follow_symlinks=False)[0]):
            more["leading"] = os.readlink(f"{name}/artifacts", dir_fd=fd)
    except OSError:
        pass
    fields: Row | None = None
    try:
        data = _meta_bytes(f"{name}/{layout.META}", fd)
        fields = usual_run(data, experiment_id, name)
        if fields is None:
            fields = _any_run(_parsed(data), fd, experiment_id, name, more)
    except FileNotFoundError:
        pass
    except Unusable as error:
        if error.transient and is_recent(f"{name}/{layout.META}", fd):
            more["doubt"] = True
        trouble = ("unreadable",) if error.closed else ()
        fields = ("malformed", error.reason, "", "UNKNOWN", None, "", None, None, None, trouble)
    return fields, more or None


def _any_run(meta: dict[Any, Any], fd: int, experiment_id: str, name: str, more: dict[str, Any]) -> Row:
    run = run_of(meta, experiment_id, name, "root", "")
    if run.state != "ok":
        more["parsed"] = True
        if meta.get("run_id", meta.get("run_uuid")) is not None:
            more["named"] = True
        if is_recent(f"{name}/{layout.META}", fd):
            more["doubt"] = True
    uri = meta.get("artifact_uri")
    if isinstance(uri, str) and uri and not uri.endswith(f"/{experiment_id}/{name}/artifacts"):
        # A copy names the place it was copied from, which its ids say.
        stated = f"/{text(meta.get('experiment_id'))}/{text(meta.get('run_id'))}/artifacts"
        if not uri.endswith(stated):
            more["uri"] = uri
    return (
        run.state,
        run.reason,
        run.name,
        run.status,
        run.lifecycle_stage,
        run.user_id,
        run.start_time,
        run.end_time,
        run.deleted_time,
        run.trouble,
    )


WORKS: dict[str, Work] = {READ_RUN: run_row}


def reread_run(folder: Folder, name: str, root_fd: int, pulse: Pulse) -> Run | None:
    """Read one run's metadata again; None when there is none any more."""
    alone = Folder(folder.place, folder.name, folder.path, subdirectories=[name])
    return next(iter(read_runs(alone, root_fd, pulse).runs), None)
