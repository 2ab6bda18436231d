"""What one run holds, read when somebody asks to see it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace

from mlruns_tui.disk import look
from mlruns_tui.model.details import ArtifactEntry, MetricSeries, RunDetails
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import never
from mlruns_tui.model.store import Run, Snapshot, StoreInfo, container_key
from mlruns_tui.model.text import decode, safe

from . import layout, one_run
from .database_details import run_in_database
from .evidence import path_of
from .files import read_meta
from .locations import artifacts_elsewhere
from .metadata import Unusable
from .metrics import failed, read_metric
from .pulse import Pulse
from .records import text
from .root import open_root

MAX_NAMES = 5_000
"""Params, tags or metrics of one run that are read."""
MAX_ARTIFACTS = 5_000
"""Artifacts listed, the largest."""
MAX_WALKED = 100_000
"""Artifacts looked at."""
MAX_METRIC_BYTES = 256 << 20
"""Read of all metrics of a run together."""


def details(store: StoreInfo, key: str, last: Snapshot | None, held: look.OpenFiles) -> RunDetails:
    """Params, tags, metrics and artifacts of one run, and what is wrong with it. ``held``: who has files open.

    Raises MlrunsError ``no-such-run`` when it is gone, StaleError when the store is.
    """
    path = path_of(key)
    if path is None or "/run/" not in key or key.startswith("stray/"):
        raise MlrunsError("no-such-run", f"{safe(key, 200)} names no run")
    run = known_run(key, last)
    root_fd = open_root(store)
    try:
        fd = open_run(root_fd, path)
        try:
            if run is None and fd is not None and layout.META not in os.listdir(fd) and store.database:
                run = Run("", key.rpartition("/run/")[2], record="database")
            if (run is not None and run.record == "database") or fd is None:
                return _from_database(store, key, fd, path)
            found = _from_files(key, fd, path, store.root)
            judged = run is None or run.state != "unclaimed"
            return _more(found, fd, path, store, root_fd, held, judged=judged) if root_fd is not None else found
        finally:
            if fd is not None:
                os.close(fd)
    finally:
        if root_fd is not None:
            os.close(root_fd)


def _more(
    found: RunDetails, fd: int, path: str, store: StoreInfo, root_fd: int, held: look.OpenFiles, *, judged: bool
) -> RunDetails:
    """With what is wrong in it, who names it, and who writes to it. ``judged``: it is a file store's run."""
    messages = list(found.messages)
    writers = look.survey(fd, ".", held).writers if held.writers else ()
    return replace(
        found,
        symptoms=one_run.check(root_fd, store.root, path, messages) if judged else (),
        referring=one_run.referring(root_fd, path, messages),
        writers=tuple(f"{safe(one.command)} (pid {one.pid}, {safe(one.user)})" for one in writers),
        unchecked_processes=held.unchecked,
        in_container=look.in_container(),
        messages=tuple(messages),
    )


def known_run(key: str, last: Snapshot | None) -> Run | None:
    """The run of that key, as last seen."""
    runs = last.runs.get(container_key(key), ()) if last is not None else ()
    run_id = key.rpartition("/run/")[2]
    return next((run for run in runs if run.run_id == run_id), None)


def open_run(root_fd: int | None, path: str) -> int | None:
    """A descriptor on its directory; None where there is none. Raises MlrunsError."""
    if root_fd is None:
        return None
    try:
        return look.open_path(root_fd, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MlrunsError("unreadable-run", f"{safe(path)} cannot be read: {look.words(error)}", path=path) from None


def gone(path: str) -> MlrunsError:
    """To be raised for a run that is no more."""
    return MlrunsError("no-such-run", f"{safe(path)} is not there any more", path=path, hint="read the store again")


def _from_database(store: StoreInfo, key: str, fd: int | None, path: str) -> RunDetails:
    if not store.database or not os.path.isabs(store.database):
        raise gone(path)
    found = run_in_database(store.database, key.rpartition("/run/")[2], Pulse(never))
    if found is None:
        raise gone(path)
    messages = list(found.messages)
    artifacts: list[ArtifactEntry] = []
    if fd is not None:
        artifacts = _artifacts(fd, messages)
    tags = dict(found.tags)
    return RunDetails(
        key,
        found.params,
        found.tags,
        found.metrics,
        tuple(artifacts),
        found.artifact_uri,
        tags.get("mlflow.source.name", ""),
        tags.get("mlflow.source.git.commit", ""),
        tuple(messages),
    )


def _from_files(key: str, fd: int, path: str, root: str) -> RunDetails:
    messages: list[str] = []
    uri = ""
    try:
        uri = text(read_meta(layout.META, fd).get("artifact_uri"))
    except FileNotFoundError:
        messages.append("meta.yaml is missing")
    except Unusable as error:
        messages.append(error.reason)
    if elsewhere := artifacts_elsewhere(uri, path, root):
        messages.append(elsewhere)
    params = tuple(_texts(fd, "params", messages))
    tags = tuple(_texts(fd, "tags", messages))
    by_name = dict(tags)
    return RunDetails(
        key,
        params,
        tags,
        tuple(_metrics(fd, messages)),
        tuple(_artifacts(fd, messages)),
        uri,
        by_name.get("mlflow.source.name", ""),
        by_name.get("mlflow.source.git.commit", ""),
        tuple(messages),
    )


def _names(fd: int, part: str, messages: list[str]) -> Iterator[tuple[look.Entry, str]]:
    """Every file below a directory of the run: where it is, and its name with ``/`` between parts."""

    def unreadable(path: str, what: str, error: OSError) -> None:
        messages.append(f"{part}/{safe(path)} cannot be read: {look.words(error)}")

    number = 0
    try:
        for entry in look.walk(fd, part, unreadable):
            if stat.S_ISDIR(entry.status.st_mode):
                continue
            number += 1
            if number > MAX_NAMES:
                messages.append(f"{part}: only the first {MAX_NAMES:,} are shown")
                return
            yield entry, entry.path
    except FileNotFoundError:
        return
    except OSError as error:
        unreadable("", "open", error)


def _texts(fd: int, part: str, messages: list[str]) -> Iterator[tuple[str, str]]:
    for entry, name in _names(fd, part, messages):
        shown = safe(name, 512)
        try:
            yield shown, safe(decode(look.read_small(entry.name, entry.dir_fd)))
        except OSError as error:
            messages.append(f"{part}/{shown} cannot be read: {look.words(error)}")


def _metrics(fd: int, messages: list[str]) -> Iterator[MetricSeries]:
    left = MAX_METRIC_BYTES
    for entry, name in _names(fd, "metrics", messages):
        if left <= 0:
            yield failed(name, "not read: the metrics of this run are too large to read them all")
            continue
        series, read = read_metric(safe(name, 512), entry.name, entry.dir_fd, left)
        left -= read
        yield series


def _artifacts(fd: int, messages: list[str]) -> list[ArtifactEntry]:
    """The run's artifacts, largest first, folders with everything in them."""
    found: list[ArtifactEntry] = []
    folders: dict[str, list[int]] = {}

    def unreadable(path: str, what: str, error: OSError) -> None:
        messages.append(f"artifacts/{safe(path)} cannot be read: {look.words(error)}")

    walked = 0
    try:
        for entry in look.walk(fd, "artifacts", unreadable):
            walked += 1
            if walked > MAX_WALKED:
                messages.append(f"artifacts: only the first {MAX_WALKED:,} were looked at")
                break
            mode = entry.status.st_mode
            if stat.S_ISDIR(mode):
                folders[entry.path] = [0, 0]
                continue
            size = entry.status.st_size if stat.S_ISREG(mode) else 0
            link = _link(entry) if stat.S_ISLNK(mode) else ""
            found.append(_file(entry.path, size, 1 if stat.S_ISREG(mode) else 0, link))
            above = entry.path
            while "/" in above:
                above = above.rpartition("/")[0]
                folders[above][0] += size
                folders[above][1] += 1
    except FileNotFoundError:
        return []
    except OSError as error:
        unreadable("", "open", error)
    found += [ArtifactEntry(safe(path), size, files, True) for path, (size, files) in folders.items()]
    found.sort(key=lambda one: (-one.size_bytes, one.path))
    if len(found) > MAX_ARTIFACTS:
        messages.append(f"artifacts: the largest {MAX_ARTIFACTS:,} of {len(found):,} are shown")
    return found[:MAX_ARTIFACTS]


def _file(path: str, size: int, files: int, link: str) -> ArtifactEntry:
    shown = safe(path)
    return ArtifactEntry(shown, size, files, False, link, "" if shown == path else path)


def _link(entry: look.Entry) -> str:
    try:
        return safe(os.readlink(entry.name, dir_fd=entry.dir_fd), 512)
    except OSError:
        return "?"
