"""Values as JSON speaks of them: the pieces every document is made of."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.plan import PlanItem, Protection, RefusedItem
from mlruns_tui.model.store import Experiment, Run, StoreInfo

VERSION = 1
Json = dict[str, Any]


def document(name: str, store: StoreInfo | None, body: Mapping[str, Any], messages: Iterable[str] = ()) -> Json:
    """One document: what it is, of which store, its own fields, and what a person should be told."""
    head: Json = {"document": name, "version": VERSION}
    if store is not None:
        head["store"] = {
            "uri": "file://" + quote(os.fsencode(store.root)),
            "kind": store.kind,
            "database": text(store.database) or None,
        }
    return {**head, **body, "messages": [text(one) for one in messages]}


def error_document(error: MlrunsError, more: Mapping[str, Any] | None = None) -> Json:
    """What stopped a command, instead of its document. ``more``: fields that help, a plan for instance."""
    told = {"code": error.code, "message": text(error.message), "path": text(error.path), "hint": text(error.hint)}
    return {"document": "error", "version": VERSION, "error": told, **(more or {})}


def dump(value: Any, indent: int | None = None) -> str:
    """JSON in ASCII: safe in any terminal and any locale."""
    separators = None if indent else (",", ":")
    return json.dumps(value, ensure_ascii=True, indent=indent, separators=separators, allow_nan=False)


def text(value: str) -> str:
    """``value`` with bytes that are not UTF-8 as ``\\xNN``."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(_escape(character) for character in value)
    return value


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0xD800 <= code <= 0xDFFF else character


def path_fields(path: str, name: str = "path") -> Json:
    """``path``, and its exact bytes in ``path_b64`` where they are not UTF-8."""
    shown = text(path)
    if shown == path:
        return {name: path}
    try:
        exact = os.fsencode(path)
    except UnicodeEncodeError:
        return {name: shown}
    return {name: shown, f"{name}_b64": base64.b64encode(exact).decode("ascii")}


def item(entry: Experiment | Run | PlanItem | RefusedItem) -> Json:
    """The fields every item has, in every document. Sizes are null while they are not known."""
    size_bytes: int | None
    files: int | None
    if isinstance(entry, Experiment | Run):
        kind = "run" if isinstance(entry, Run) else "experiment"
        size_bytes = entry.size.size_bytes if entry.size else None
        files = entry.size.files if entry.size else None
    else:
        kind, size_bytes, files = entry.kind, entry.size_bytes, entry.files
    run_id = "" if isinstance(entry, Experiment) else entry.run_id
    return {
        "kind": kind,
        "experiment_id": text(entry.experiment_id),
        "run_id": text(run_id) or None,
        "name": text(entry.name),
        **path_fields(entry.path),
        "size_bytes": size_bytes,
        "files": files,
    }


def protections(found: Sequence[Protection]) -> list[Json]:
    return [{"kind": one.kind, "reason": text(one.reason)} for one in found]
