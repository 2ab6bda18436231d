"""The traces of an experiment, as ``_list_trace_infos`` and ``TraceInfo.from_dict`` take them
(``store/tracking/file_store.py``, ``entities/trace_info.py``, ``entities/trace_info_v2.py``, 3.17)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom

from .. import layout
from . import columns, folders, links
from .assessments import assessment_defect, check_assessments
from .contents import check_folder
from .context import Owner, Store
from .order import Descending
from .seen import Listing, Seen
from .siblings import Kind, Siblings
from .times import timestamp_ms

INFO: Final = "trace_info.yaml"
_SOURCE_RUN: Final = "request_metadata/mlflow.sourceRun"
_SOURCE_MODEL: Final = "request_metadata/mlflow.modelId"
_REQUIRED: Final = ("trace_id", "trace_location", "request_time", "state")
_OPTIONAL: Final = (
    "request_preview", "response_preview", "client_request_id", "execution_duration", "execution_duration_ms",
    "trace_metadata", "tags", "assessments",
)  # fmt: skip
_STATES: Final = frozenset({"STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"})
_OLD_REQUIRED: Final = ("request_id", "experiment_id", "timestamp_ms", "execution_time_ms", "status")
_OLD_OPTIONAL: Final = ("request_metadata", "tags", "assessments")
_OLD_STATES: Final = frozenset({"TRACE_STATUS_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"})
_LOCATIONS: Final = {
    "mlflow_experiment": ("MLFLOW_EXPERIMENT", ("experiment_id",)),
    "inference_table": ("INFERENCE_TABLE", ("full_table_name",)),
    "uc_schema": ("UC_SCHEMA", ("catalog_name", "schema_name")),
    "uc_table_prefix": ("UC_TABLE_PREFIX", ("catalog_name", "schema_name")),
}
_LOCATION_TYPES: Final = frozenset({"TRACE_LOCATION_TYPE_UNSPECIFIED", *(one for one, _ in _LOCATIONS.values())})

_OF_ANOTHER: Final[dict[Kind, str]] = {
    "exchanged": "trace-exchanged",
    "copy": "trace-id-of-another",
    "covered": "trace-meta-of-another",
}


def check_traces(experiment_fd: int, path: str, owner: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    """Every trace in one experiment's directory."""
    place = layout.join(path, "traces")
    kind = folders.kind_of("traces", experiment_fd)
    if kind in (None, "dangling"):
        return
    behind = links.through(kind, place, owner, store)
    if kind == "link-to-folder":
        yield links.told(place, owner, behind, store)
    elif kind != "folder":
        yield owner.says("traces-not-a-folder", place)
        return
    if behind is None:
        return
    owner = behind
    fd, access = folders.enter("traces", experiment_fd, kind)
    listing, siblings = Listing("trace-unsortable"), Siblings()
    try:
        if access != "open":
            if access != "gone":
                yield owner.says("traces-no-enter" if access == "no-enter" else "traces-closed", place)
            return
        for one in folders.entries(fd):
            store.pulse()
            path = layout.join(place, one.name)
            known = links.trace_link(path, owner, store) if one.kind == "link-to-folder" else None
            if known is not None:
                yield known
            elif one.is_folder:
                yield from _check_one(one, fd, path, owner, store, seen, listing, siblings)
    except OSError:
        yield owner.says("traces-closed", place)
    finally:
        if fd >= 0:
            os.close(fd)
    yield from listing.check(request_time="number", trace_id="str")
    yield from siblings.check(place, INFO, _OF_ANOTHER, owner, store)
    here = siblings.own | siblings.strangers.keys()
    for name, stated in siblings.strangers.items():
        if stated not in here:
            seen.trace_strangers.append((stated, f"{place}/{name}/{INFO}", owner))


def _check_one(
    met: folders.Met,
    traces_fd: int,
    path: str,
    owner: Owner,
    store: Store,
    seen: Seen,
    listing: Listing,
    siblings: Siblings,
) -> Iterator[Symptom]:
    name, place = met.name, layout.join(path, INFO)
    seen.trace_folders.setdefault(name, path)
    behind = links.through(met.kind, path, owner, store)
    if met.kind == "link-to-folder":
        yield links.told(path, owner, behind, store)
    if behind is None:
        return
    owner = behind
    fd, access = folders.enter(name, traces_fd, met.kind)
    try:
        if access == "gone":
            return
        if access != "open":
            yield owner.says("trace-no-list" if access == "no-list" else "trace-closed", path)
            return
        info, of_info = links.read(INFO, fd, place, owner, store)
        if info.state == "missing":
            yield owner.says("trace-info-missing", place, f"{INFO} {info.reason}")
            return
        if not info.usable:
            yield of_info.says(f"trace-info-{info.state}", place, f"{INFO} {info.reason}")
            if info.state == "pipe" and folders.kind_of("assessments", fd) in ("folder", "link-to-folder"):
                yield of_info.says("trace-info-waited-for", place)
            old = not info.lacks("request_id")
            for key in info.lacks(*(_OLD_REQUIRED if old else _REQUIRED)):
                yield of_info.says("trace-key-missing", place, key)
            unknown = info.other_than((*_OLD_REQUIRED, *_OLD_OPTIONAL) if old else (*_REQUIRED, *_OPTIONAL))
            if unknown:
                yield of_info.says("trace-key-unknown", place, columns.shown(unknown))
        else:
            if info.unmigrated:
                yield of_info.says(f"trace-info-{info.unmigrated}", place)
            yield from _check_values(info.value, name, place, of_info, seen, listing, siblings)
        yield from check_folder(
            fd, "request_metadata", layout.join(path, "request_metadata"), "trace-metadata", owner, store
        )
        yield from check_folder(fd, "tags", layout.join(path, "tags"), "trace-tag", owner, store)
        _note_references(fd, path, owner, seen)
        yield from check_assessments(fd, path, owner, store, seen, migrates=info.usable)
    finally:
        if fd >= 0:
            os.close(fd)


def _note_references(fd: int, path: str, owner: Owner, seen: Seen) -> None:
    """The run a trace was recorded in, and the model it was recorded of."""
    for code, file in (("trace-of-a-lost-run", _SOURCE_RUN), ("trace-of-a-lost-model", _SOURCE_MODEL)):
        try:
            target = look.read_small(file, fd, 256, follow=True).decode("utf-8", "replace").strip()
        except OSError:
            continue
        if target:
            seen.references.append((code, target, layout.join(path, file), owner))


def _check_values(
    info: dict[Any, Any], name: str, path: str, owner: Owner, seen: Seen, listing: Listing, siblings: Siblings
) -> Iterator[Symptom]:
    if "request_id" in info:
        trace_id, problems = info["request_id"], list(_old_defects(info))
        time: Any = info.get("timestamp_ms")
    else:
        yield owner.says("trace-format-3", path)
        trace_id, problems = info.get("trace_id"), list(_defects(info))
        time = info.get("request_time")
        if isinstance(time, str):
            time = timestamp_ms(time)
    for code, detail in problems:
        yield owner.says(code, path, detail)
    if not problems:
        if isinstance(trace_id, str):
            siblings.add(name, trace_id)
        else:
            seen.trace_strangers.append((trace_id, path, owner))
        listing.add((Descending(time), trace_id), path, owner)
    yield from _check_row(info, name, path, owner, seen)


def _defects(info: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """What ``TraceInfo.from_dict`` raises for: pairs of code and detail."""
    yield from _key_defects(info, _REQUIRED, _OPTIONAL)
    state = info.get("state")
    if state and (not isinstance(state, str) or state not in _STATES):
        yield "trace-value-refused", f"state is {columns.shown(state)}"
    time = info.get("request_time")
    if time and (not isinstance(time, str) or timestamp_ms(time) is None):
        yield "trace-value-refused", f"request_time is {columns.shown(time)}"
    if info.get("trace_location"):
        reason = _location_defect(info["trace_location"])
        if reason:
            yield "trace-value-refused", f"trace_location {reason}"
    if info.get("assessments"):
        yield from _inner_assessments(info["assessments"])


def _old_defects(info: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """The same for what 2.x and 3.0 wrote (``TraceInfoV2.from_dict``, then ``to_v3``)."""
    yield from _key_defects(info, _OLD_REQUIRED, _OLD_OPTIONAL)
    status = info.get("status", "OK")
    if not isinstance(status, str) or status not in _OLD_STATES:
        yield "trace-value-refused", f"status is {columns.shown(status)}"
    metadata = info.get("request_metadata", {})
    if not isinstance(metadata, dict | list | set):
        yield "trace-value-refused", f"request_metadata is {columns.name_of(metadata)}"


def _key_defects(
    info: dict[Any, Any], required: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for key in required:
        if key not in info:
            yield "trace-key-missing", key
    for key in info:
        if key not in required and key not in optional:
            yield "trace-key-unknown", columns.shown(key)


def _location_defect(location: Any) -> str:
    if not isinstance(location, dict):
        return f"is {columns.name_of(location)}"
    kind = location.get("type")
    if not isinstance(kind, str) or kind not in _LOCATION_TYPES:
        return "has no type" if "type" not in location else f"is of the type {columns.shown(kind)}"
    given = [key for key in _LOCATIONS if location.get(key)]
    for key in given:
        value = location[key]
        for wanted in _LOCATIONS[key][1]:
            if not isinstance(value, dict) or wanted not in value:
                return f"lacks {wanted}"
    if len(given) > 1:
        return "names several places"
    if given and _LOCATIONS[given[0]][0] != kind:
        return f"is of the type {columns.shown(kind)} and names another"
    return ""


def _inner_assessments(assessments: Any) -> Iterator[tuple[str, str]]:
    """Assessments kept inside the file, as 2.x wrote a list of them (always empty in its stores)."""
    if not isinstance(assessments, list):
        yield "trace-value-refused", f"assessments is {columns.name_of(assessments)}"
        return
    for one in assessments:
        reason = assessment_defect(one)
        if reason:
            yield "trace-assessments-refused", f"assessments: {reason}"
            return


def _check_row(info: dict[Any, Any], name: str, path: str, owner: Owner, seen: Seen) -> Iterator[Symptom]:
    """What the migration makes of it (``_migrate_traces_for_experiment``)."""
    trace_id = info.get("trace_id") or info.get("request_id") or name
    time = info.get("timestamp_ms")
    if time is None:
        time = info.get("request_time") if isinstance(info.get("request_time"), int) else 0
    duration = info.get("execution_time_ms") or info.get("execution_duration_ms")
    status = info.get("status") or info.get("state", "OK")
    values = (
        ("trace_id", trace_id, columns.REQUIRED),
        ("request_time", time, columns.REQUIRED),
        ("execution_duration_ms", duration, columns.ANY),
        ("state", status, columns.REQUIRED),
        *((key, info.get(key), column) for key, column in columns.TRACE.items()),
    )
    for key, value, column in values:
        reason = columns.refused(value, column)
        if not reason and key == "trace_id" and not isinstance(value, str):
            reason = f"is {columns.name_of(value)}"
        if reason:
            yield owner.says("trace-value-not-storable", path, f"{key} {reason}")
    if isinstance(trace_id, str) and columns.is_migrated(owner.experiment_id):
        yield from seen.trace_ids.add(trace_id, path.rpartition("/")[0])
