"""A fresh look at what a repair would change, and at what lost metadata can be rebuilt from.

Nothing here decides: ``triage.mending`` does. Links are not followed, sizes are bounded.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.evidence import Survey
from mlruns_tui.model.mending import Look, Spot, Traces, Wanted
from mlruns_tui.model.store import Identity, StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import RECOVERED_TAG, TRASH_NAME

from . import layout
from .badlines import bad_bytes
from .checks import documents
from .metadata import salvage
from .root import open_root

_MAX_FILES = 20_000
"""Files of one run whose times are asked for."""
_HEAD = 256
_TAIL = 512
_FINAL = (3, 4, 5)
_YEAR_2001_MS = 978_307_200_000


def look_at(store: StoreInfo, wanted: Sequence[Wanted]) -> Look:
    """Every place a repair is about, as it is now. Raises StaleError when the root is gone or another one."""
    root_fd = open_root(store)
    if root_fd is None:
        return Look((), {}, os.geteuid())
    try:
        held = look.open_files(store.identity.device)
        return _Looker(root_fd, store.root, held).all(wanted)
    finally:
        os.close(root_fd)


class _Looker:
    def __init__(self, root_fd: int, root: str, held: look.OpenFiles) -> None:
        self._fd = root_fd
        self._root = root
        self._held = held
        self._runs: dict[str, tuple[Survey, bool]] = {}
        self._read: dict[str, bool] = {}

    def all(self, wanted: Sequence[Wanted]) -> Look:
        spots = tuple(self._spot(one) for one in wanted)
        names: dict[str, str] = {}
        folders: Counter[str] = Counter()
        for path in _experiments(self._fd):
            meta = documents.read(f"{path}/{layout.META}", self._fd)
            if isinstance(meta.value.get("name"), str):
                names[path] = meta.value["name"]
            if any(one.wanted.kind == "run" for one in spots):
                folders.update(_directories(self._fd, path))
        spots = tuple(
            replace(one, is_repeated=True)
            if one.wanted.kind == "run" and folders[one.wanted.path.split("/")[-2]] > 1
            else one
            for one in spots
        )
        return Look(spots, names, os.geteuid(), self._held.unchecked)

    def _spot(self, wanted: Wanted) -> Spot:
        above, _, name = wanted.path.rpartition("/")
        try:
            look.split(wanted.path)
            parent_fd = look.open_path(self._fd, above)
        except OSError as error:
            return Spot(wanted, error=_why(error))
        try:
            status = os.fstat(parent_fd)
            spot = Spot(
                wanted,
                Identity(status.st_dev, status.st_ino),
                status.st_uid,
                parent_changed_ns=status.st_mtime_ns,
            )
            spot = self._what_is_there(spot, parent_fd, name)
            run, is_over = self._run(wanted)
            experiment = _experiment_of(wanted)
            is_read = not experiment or self._is_read(experiment)
            spot = replace(spot, run=run, run_is_over=is_over, experiment=experiment, experiment_is_read=is_read)
            if wanted.kind == "bytes" and spot.survey is not None:
                return self._with_bytes(spot, parent_fd, name)
            if wanted.kind not in ("out", "folder", "bytes"):
                return replace(spot, traces=self._traces(wanted, parent_fd))
            return spot
        except OSError as error:
            return Spot(wanted, error=_why(error))
        finally:
            os.close(parent_fd)

    def _what_is_there(self, spot: Spot, parent_fd: int, name: str) -> Spot:
        try:
            survey = look.survey(parent_fd, name, self._held)
        except FileNotFoundError:
            writable = os.access(".", os.W_OK | os.X_OK, dir_fd=parent_fd, effective_ids=_EFFECTIVE)
            return replace(spot, locked="" if writable else "no permission to write to its directory")
        status = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        return replace(spot, survey=survey, locked=look.why_not_movable(parent_fd, name, status))

    def _run(self, wanted: Wanted) -> tuple[Survey | None, bool]:
        """The run something lies in, and whether it says that it ended. Raises OSError."""
        run_id = next((one.run_id for one in wanted.findings if one.run_id), "")
        parts = wanted.path.split("/")
        if not run_id or run_id not in parts[:-1]:
            return None, False
        path = "/".join(parts[: parts.index(run_id) + 1])
        if path not in self._runs:
            above, _, name = path.rpartition("/")
            fd = look.open_path(self._fd, above)
            try:
                meta = documents.read(f"{name}/{layout.META}", fd).value
                is_over = meta.get("status") in _FINAL and bool(_moments(meta.get("end_time")))
                self._runs[path] = look.survey(fd, name, self._held), is_over
            finally:
                os.close(fd)
        return self._runs[path]

    def _is_read(self, experiment: str) -> bool:
        if experiment not in self._read:
            state = documents.read(f"{experiment}/{layout.META}", self._fd).state
            self._read[experiment] = state in ("ok", "elsewhere", "unjudged")
        return self._read[experiment]

    @staticmethod
    def _with_bytes(spot: Spot, parent_fd: int, name: str) -> Spot:
        codes = {one.code for one in spot.wanted.findings}
        of_model = any(code.startswith("logged-model") for code in codes)
        found = bad_bytes(name, parent_fd, codes, of_model=of_model)
        return replace(
            spot, drop=found.text, dropped=found.dropped, shortened=found.shortened, lines=found.lines, error=found.why
        )

    # What metadata can be rebuilt from.

    def _traces(self, wanted: Wanted, fd: int) -> Traces:
        meta = documents.read(layout.META, fd)
        text = _text(layout.META, fd)
        # Cut in the middle of a line a file can still be YAML; that line is not what was written then.
        torn = not text.endswith("\n") and not _NEEDED.get(wanted.kind, frozenset()) <= set(meta.value)
        usable = meta.usable and not torn
        traces = Traces(stated=meta.value if usable else salvage(text), usable=usable)
        if wanted.kind == "experiment":
            return self._experiment(traces, fd)
        if wanted.kind == "run":
            location = self._location(wanted.path.rpartition("/")[0].rpartition("/")[0])
            return replace(_run_traces(traces, fd), location=location)
        times = _times(fd, ("aliases", "tags", "params", "metrics", "artifacts")) or _times(fd, (layout.META,))
        if wanted.kind == "registered-model":
            aliases = {name: _text(f"aliases/{name}", fd).strip() for name in _names("aliases", fd)}
            traces = replace(traces, aliases={name: text for name, text in aliases.items() if text.isdigit()})
        if wanted.kind == "logged-model":
            source = salvage(_text("artifacts/MLmodel", fd)).get("run_id")
            source_run = source if isinstance(source, str) else ""
            traces = replace(traces, artifacts=bool(_names("artifacts", fd)), source_run=source_run)
        return replace(traces, made_ms=min(times, default=0), ended_ms=max(times, default=0))

    def _location(self, experiment: str) -> str:
        meta = documents.read(f"{experiment}/{layout.META}", self._fd)
        stated = meta.value.get("artifact_location")
        return stated if isinstance(stated, str) else ""

    def _experiment(self, traces: Traces, fd: int) -> Traces:
        starts: list[int] = []
        ends: list[int] = []
        locations: Counter[str] = Counter()
        runs = 0
        for name in sorted(os.listdir(fd)):
            if name in layout.RESERVED or not layout.is_hex32(name):
                continue
            meta = documents.read(f"{name}/{layout.META}", fd)
            if not meta.usable or not (meta.value.get("run_id") or meta.value.get("run_uuid")):
                continue
            runs += 1
            starts += _moments(meta.value.get("start_time"))
            ends += _moments(meta.value.get("end_time"), meta.value.get("start_time"))
            uri = meta.value.get("artifact_uri")
            ending = f"/{name}/artifacts"
            if isinstance(uri, str) and uri.endswith(ending) and len(uri) > len(ending):
                locations[uri[: -len(ending)]] += 1
        if not starts:
            starts = ends = _times(fd, ("meta.yaml", "tags"))
        location = locations.most_common(1)[0][0] if locations else ""
        return replace(
            traces, runs=runs, made_ms=min(starts, default=0), ended_ms=max(ends, default=0), location=location
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

_EFFECTIVE = os.access in os.supports_effective_ids


def _experiment_of(wanted: Wanted) -> str:
    """Path of the experiment that holds the place."""
    parts = wanted.path.split("/")
    depth = 2 if parts[0] == TRASH_NAME else 1
    own = wanted.kind == "experiment" or not wanted.findings[0].experiment_id
    return "" if own or len(parts) <= depth else "/".join(parts[:depth])


def _run_traces(traces: Traces, fd: int) -> Traces:
    times = _times(fd, ("params", "metrics", "tags", "artifacts", "outputs"))
    began = _times(fd, ("params", "tags")) or times
    points = [moment for name in _names("metrics", fd) for moment in _points(f"metrics/{name}", fd)]
    user, name = _tag("mlflow.user", fd), _tag("mlflow.runName", fd)
    return replace(
        traces,
        made_ms=min([*points, *began], default=0),
        ended_ms=max(points or times, default=0),
        user=user,
        name=name,
        artifacts=bool(_names("artifacts", fd) or _names("outputs", fd)),
        logged=any(_names(one, fd) for one in ("params", "metrics", "tags")),
        tags_identity=look.identity("tags", fd) if _is_folder("tags", fd) else None,
        marked=_is_folder("tags", fd) and look.exists(f"tags/{RECOVERED_TAG}", fd),
    )


def _experiments(root_fd: int) -> Iterator[str]:
    """Paths of the directories in the places of experiments."""
    for name in _directories(root_fd, ""):
        if name != layout.REGISTRY and not layout.is_passed_over(name):
            yield name
    for name in _directories(root_fd, TRASH_NAME):
        yield f"{TRASH_NAME}/{name}"


def _directories(root_fd: int, path: str) -> list[str]:
    try:
        fd = look.open_path(root_fd, path)
    except OSError:
        return []
    try:
        with os.scandir(fd) as found:
            return sorted(one.name for one in found if one.is_dir(follow_symlinks=False))
    except OSError:
        return []
    finally:
        os.close(fd)


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
        return [moment for line in (head, tail) for moment in _moments(_first_number(line))]
    except OSError:
        return []
    finally:
        os.close(reading)


def _first_number(line: bytes) -> int | None:
    first = line.split(b" ", 1)[0]
    return int(first) if first.isdigit() and len(first) < 19 else None


def _moments(*values: Any) -> list[int]:
    return [one for one in values if type(one) is int and _YEAR_2001_MS < one < 1 << 53]


def _text(name: str, fd: int) -> str:
    try:
        return look.read_small(name, fd).decode("utf-8", "replace")
    except OSError:
        return ""


def _tag(name: str, fd: int) -> str:
    try:
        return look.read_small(f"tags/{name}", fd, 1 << 16).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there any more"
    return f"cannot be looked at: {safe(look.words(error))}"
