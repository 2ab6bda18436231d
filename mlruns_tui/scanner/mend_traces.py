"""What an entry's directory tells of the metadata it should have. Links are not followed, sizes are bounded."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.mending import Traces, Wanted
from mlruns_tui.model.protocols import never
from mlruns_tui.model.words import RECOVERED_TAG

from . import layout
from .checks import documents
from .mend_copies import directories
from .metadata import salvage
from .outline import holds_data
from .pulse import Pulse
from .registry import read_inside

_MAX_FILES = 20_000
"""Files of one run whose times are asked for."""
_HEAD = 256
_TAIL = 512
_YEAR_2001_MS = 978_307_200_000


def traces_of(wanted: Wanted, fd: int, root_fd: int, *, brief: bool = False) -> Traces:
    """``fd``: the directory the metadata file is in; ``root_fd``: the store's root. ``brief``: of all but experiments
    and logged models only what the file says. Raises OSError."""
    meta = documents.read(layout.META, fd)
    text = _text(layout.META, fd)
    # Cut in the middle of a line a file can still be YAML; that line is not what was written then.
    torn = not text.endswith("\n") and not _NEEDED.get(wanted.kind, frozenset()) <= set(meta.value)
    usable = meta.usable and not torn
    stated = meta.value if usable else salvage(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    traces = Traces(stated=stated, usable=usable, text=whole_text(fd) if usable else "")
    if meta.state == "unjudged" and set(meta.lacks(*_NEEDED[wanted.kind])) != _NEEDED[wanted.kind]:
        return replace(traces, unjudged=meta.reason)
    if wanted.kind == "experiment":
        return _experiment(traces, fd, wanted.path.rpartition("/")[0], root_fd)
    if brief and wanted.kind != "logged-model":
        return traces
    if wanted.kind == "run":
        location = _location(wanted.path.rpartition("/")[0].rpartition("/")[0], root_fd)
        return replace(_run_traces(traces, fd), location=location)
    times = _times(fd, ("aliases", "tags", "params", "metrics", "artifacts")) or _times(fd, (layout.META,))
    if wanted.kind == "registered-model":
        aliases = {name: _text(f"aliases/{name}", fd).strip() for name in _names("aliases", fd)}
        traces = replace(traces, aliases={name: text for name, text in aliases.items() if text.isdigit()})
    if wanted.kind == "logged-model":
        own = salvage(_text("artifacts/MLmodel", fd))
        source_run = own["run_id"] if isinstance(own.get("run_id"), str) else ""
        logged = any(_names(one, fd) for one in ("params", "metrics", "tags"))
        traces = replace(traces, artifacts=bool(_names("artifacts", fd)), logged=logged, source_run=source_run)
        if not usable and isinstance(own.get("model_id"), str):
            traces = replace(traces, stated={"model_id": own["model_id"], **traces.stated})
    return replace(traces, made_ms=min(times, default=0), ended_ms=max(times, default=0))


def _location(experiment: str, root_fd: int) -> str:
    meta = documents.read(f"{experiment}/{layout.META}", root_fd)
    stated = meta.value.get("artifact_location")
    return stated if isinstance(stated, str) else ""


def _experiment(traces: Traces, fd: int, path: str, root_fd: int) -> Traces:
    starts: list[int] = []
    ends: list[int] = []
    locations: Counter[str] = Counter()
    runs = lost = 0
    pulse = Pulse(never)
    for name in directories(root_fd, path):
        if name in layout.RESERVED:
            continue
        meta = documents.read(f"{name}/{layout.META}", fd)
        if not meta.usable or not (meta.value.get("run_id") or meta.value.get("run_uuid")):
            shaped = bool(meta.value) or layout.is_hex32(name)
            lost += shaped and (bool(meta.value) or holds_data(fd, name, pulse))
            continue
        runs += 1
        starts += moments(meta.value.get("start_time"))
        ends += moments(meta.value.get("end_time"), meta.value.get("start_time"))
        uri = meta.value.get("artifact_uri")
        ending = f"/{name}/artifacts"
        if isinstance(uri, str) and uri.endswith(ending) and len(uri) > len(ending):
            locations[uri[: -len(ending)]] += 1
    inside = read_inside(root_fd, path, pulse, traces=True)
    for model in inside.models:
        ending = f"/models/{model.model_id}/artifacts"
        if model.location.endswith(ending) and len(model.location) > len(ending):
            locations[model.location[: -len(ending)]] += 1
    if not starts:
        starts = ends = _times(fd, ("meta.yaml", "tags")) or _times(fd, ("models", "traces"))
    location = locations.most_common(1)[0][0] if locations else ""
    return replace(
        traces,
        runs=runs,
        lost_runs=lost,
        models=len(inside.models),
        traces=inside.traces,
        made_ms=min(starts, default=0),
        ended_ms=max(ends, default=0),
        location=location,
    )


_NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "experiment": frozenset(("artifact_location", "experiment_id", "lifecycle_stage", "name")),
    "run": frozenset(("artifact_uri", "end_time", "experiment_id", "run_id", "start_time", "status", "user_id")),
    "registered-model": frozenset(("creation_timestamp", "last_updated_timestamp", "name")),
    "version": frozenset(("creation_timestamp", "last_updated_timestamp", "name", "source", "version")),
    "logged-model": frozenset(
        ("artifact_location", "creation_timestamp", "experiment_id", "model_id", "name", "status")
    ),
    "output": frozenset(("destination_id", "source_id", "step")),
}
"""What MLflow writes into each kind of metadata file; keys are in alphabetical order there."""


def _run_traces(traces: Traces, fd: int) -> Traces:
    times = _times(fd, ("params", "metrics", "tags", "artifacts", "outputs"))
    began = _times(fd, ("params", "tags")) or times
    logged = points(fd)
    user, name = tag("mlflow.user", fd), tag("mlflow.runName", fd)
    return replace(
        traces,
        made_ms=min([*logged, *began], default=0),
        ended_ms=max(logged or times, default=0),
        user=user,
        name=name,
        artifacts=bool(_names("artifacts", fd) or _names("outputs", fd)),
        logged=any(_names(one, fd) for one in ("params", "metrics", "tags")),
        tags_identity=look.identity("tags", fd) if _is_folder("tags", fd) else None,
        lacks=tuple(one for one in ("artifacts", "metrics", "params") if not look.exists(one, fd)),
        marked=_is_folder("tags", fd) and look.exists(f"tags/{RECOVERED_TAG}", fd),
    )


def _is_folder(name: str, fd: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _names(folder: str, fd: int) -> list[str]:
    """Files directly in a folder, or anything where it holds none."""
    try:
        inside = look.open_directory(folder, fd)
    except OSError:
        return []
    try:
        return sorted(os.listdir(inside))[:_MAX_FILES]
    finally:
        os.close(inside)


def _times(fd: int, folders: Sequence[str]) -> list[int]:
    """Modification times, in ms, of the files below these."""
    found: list[int] = []
    for name in folders:
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found.append(status.st_mtime_ns // 1_000_000)
            elif stat.S_ISDIR(status.st_mode):
                for count, entry in enumerate(look.walk(fd, name)):
                    if count >= _MAX_FILES:
                        break
                    if stat.S_ISREG(entry.status.st_mode):
                        found.append(entry.status.st_mtime_ns // 1_000_000)
        except OSError:
            continue
    return [moment for moment in found if moment > _YEAR_2001_MS]


def points(fd: int) -> list[int]:
    """The times, in ms, of the first and the last point of each metric directly in a run's ``metrics/``."""
    return [moment for name in _names("metrics", fd) for moment in _points(f"metrics/{name}", fd)]


def _points(path: str, fd: int) -> list[int]:
    """The times of the first and the last line of a metric file."""
    try:
        reading = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    except OSError:
        return []
    try:
        status = os.fstat(reading)
        if not stat.S_ISREG(status.st_mode):
            return []
        head = os.pread(reading, _HEAD, 0).split(b"\n", 1)[0]
        tail = os.pread(reading, _TAIL, max(status.st_size - _TAIL, 0)).rstrip(b"\n").rsplit(b"\n", 1)[-1]
        return [moment for line in (head, tail) for moment in moments(_first_number(line))]
    except OSError:
        return []
    finally:
        os.close(reading)


def _first_number(line: bytes) -> int | None:
    first = line.split(b" ", 1)[0]
    return int(first) if first.isdigit() and len(first) < 19 else None


def moments(*values: Any) -> list[int]:
    """Those of the values that can be a time, in ms since 1970."""
    return [one for one in values if type(one) is int and _YEAR_2001_MS < one < 1 << 53]


def _text(name: str, fd: int) -> str:
    try:
        return look.read_small(name, fd).decode("utf-8", "replace")
    except OSError:
        return ""


def whole_text(fd: int) -> str:
    """The metadata file as it is, but for a character cut off at its end. Empty when it is not UTF-8."""
    try:
        return documents.whole_characters(look.read_small(layout.META, fd))[0].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def tag(name: str, fd: int) -> str:
    """A tag of a run; empty where it has none."""
    try:
        return look.read_small(f"tags/{name}", fd, 1 << 16).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
