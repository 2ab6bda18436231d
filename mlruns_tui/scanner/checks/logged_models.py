"""The logged models of an experiment (``models/m-…``), as ``_list_models`` and ``LoggedModel`` take them
(``store/tracking/file_store.py``, ``entities/logged_model.py``, 3.17)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from mlruns_tui.model.findings import Symptom

from .. import layout
from . import columns, documents, folders, links
from .contents import check_folder
from .context import Owner, Store
from .metrics import judge_metric
from .order import Descending
from .seen import Listing, Seen
from .siblings import Kind, Siblings

_REQUIRED: Final = ("experiment_id", "name", "artifact_location", "creation_timestamp", "last_updated_timestamp")
_STATUS_WORDS: Final = frozenset({"UNSPECIFIED", "PENDING", "READY", "FAILED"})

_OF_ANOTHER: Final[dict[Kind, str]] = {
    "exchanged": "logged-model-id-of-another",
    "copy": "logged-model-copy",
    "covered": "logged-model-meta-of-another",
    "elsewhere": "logged-model-id-of-another",
}


def check_logged_models(experiment_fd: int, path: str, owner: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    """Every logged model in one experiment's directory."""
    place = layout.join(path, layout.REGISTRY)
    kind = folders.kind_of(layout.REGISTRY, experiment_fd)
    if kind in (None, "dangling"):
        return
    behind = links.through(kind, place, owner, store)
    if kind == "link-to-folder":
        yield links.told(place, owner, behind, store)
    elif kind != "folder":
        yield owner.says("logged-models-not-a-folder", place)
        return
    if behind is None:
        seen.blind = True
        return
    owner = behind
    fd, access = folders.enter(layout.REGISTRY, experiment_fd, kind)
    listing, siblings = Listing("logged-model-unsortable"), Siblings()
    try:
        if access != "open":
            if access != "gone":
                yield owner.says("logged-models-no-enter" if access == "no-enter" else "logged-models-closed", place)
            return
        for one in folders.entries(fd):
            store.pulse()
            path = layout.join(place, one.name)
            known = links.model_link(path, owner, store) if one.kind == "link-to-folder" else None
            if known is not None:
                yield known
            elif one.is_folder:
                yield from _check_one(one, fd, path, owner, store, seen, listing, siblings)
    except OSError:
        yield owner.says("logged-models-closed", place)
    finally:
        if fd >= 0:
            os.close(fd)
    yield from listing.check(creation_timestamp="number", model_id="str")
    yield from siblings.check(place, layout.META, _OF_ANOTHER, owner, store)


def _check_one(
    met: folders.Met,
    models_fd: int,
    path: str,
    owner: Owner,
    store: Store,
    seen: Seen,
    listing: Listing,
    siblings: Siblings,
) -> Iterator[Symptom]:
    name, place = met.name, layout.join(path, layout.META)
    seen.models.add(name)
    behind = links.through(met.kind, path, owner, store)
    if met.kind == "link-to-folder":
        yield links.told(path, owner, behind, store)
    if behind is None:
        seen.blind = True
        return
    owner = behind
    fd, access = folders.enter(name, models_fd, met.kind)
    try:
        if access == "gone":
            return
        if name in layout.RESERVED:
            # MLflow passes over these names, its migration does not.
            meta = documents.read(layout.META, fd, follow=True) if access == "open" else documents.Document("missing")
            if meta.state == "not-a-mapping":
                yield owner.says("logged-model-reserved-name", place)
            elif meta.usable:
                yield from _check_row(meta.value, name, place, owner, seen)
            return
        if access != "open":
            yield owner.says("logged-model-no-list" if access == "no-list" else "logged-model-closed", path)
            return
        meta, of_meta = links.read(layout.META, fd, place, owner, store)
        if meta.state == "missing":
            yield owner.says("logged-model-meta-missing", place, f"meta.yaml {meta.reason}")
            return
        if not meta.usable:
            yield of_meta.says(f"logged-model-meta-{meta.state}", place, f"meta.yaml {meta.reason}")
            for key in meta.lacks("model_id", *(() if "deleted" in meta.text else _REQUIRED)):
                yield of_meta.says("logged-model-key-missing", place, key)
        else:
            if meta.unmigrated:
                yield of_meta.says(f"logged-model-meta-{meta.unmigrated}", place)
            yield from _check_values(meta.value, name, place, of_meta, seen, listing, siblings)
        what = "logged-model"
        yield from check_folder(fd, "tags", layout.join(path, "tags"), f"{what}-tag", owner, store)
        yield from check_folder(fd, "params", layout.join(path, "params"), f"{what}-param", owner, store)
        yield from check_folder(
            fd, "metrics", layout.join(path, "metrics"), f"{what}-metric", owner, store, judge_metric
        )
    finally:
        if fd >= 0:
            os.close(fd)


def _check_values(
    meta: dict[Any, Any], name: str, path: str, owner: Owner, seen: Seen, listing: Listing, siblings: Siblings
) -> Iterator[Symptom]:
    missing = [key for key in _REQUIRED if key not in meta]
    deleted = meta.get("lifecycle_stage") == "deleted"
    if "model_id" not in meta:
        # Looked for before anything else, even of a deleted one.
        yield owner.says("logged-model-key-missing", path, "model_id")
    elif not deleted:
        for key in missing:
            yield owner.says("logged-model-key-missing", path, key)
        if not _is_status(meta.get("status", 2)):
            yield owner.says("logged-model-status-refused", path, columns.shown(meta["status"]))
        elif not missing:
            if meta["experiment_id"] != owner.experiment_id:
                yield owner.says("logged-model-experiment-mismatch", path, columns.shown(meta["experiment_id"]))
            else:
                listing.add((Descending(meta["creation_timestamp"]), meta["model_id"]), path, owner)
                siblings.add(name, str(meta["model_id"]))
        run = meta.get("source_run_id")
        if isinstance(run, str) and run:
            seen.references.append(("logged-model-of-a-lost-run", run, path, owner))
    yield from _check_row(meta, name, path, owner, seen)


def _is_status(value: Any) -> bool:
    return isinstance(value, int | float) and value in (0, 1, 2, 3)


def _check_row(meta: dict[Any, Any], name: str, path: str, owner: Owner, seen: Seen) -> Iterator[Symptom]:
    for reason in columns.refusals(meta, columns.LOGGED_MODEL):
        yield owner.says("logged-model-value-not-storable", path, reason)
    status = meta.get("status", 1)
    # A word the migration knows is taken for a number, which it is not; an unknown one becomes 1.
    bad = status in _STATUS_WORDS if isinstance(status, str) else not isinstance(status, int | float)
    if bad or (not isinstance(status, str) and columns.refused(status, columns.REQUIRED)) or _is_endless(status):
        yield owner.says("logged-model-value-not-storable", path, f"status is {columns.shown(status)}")
    model_id = meta.get("model_id", name)
    if isinstance(model_id, str | int | float) and columns.is_migrated(owner.experiment_id):
        yield from seen.model_ids.add(str(model_id), path.rpartition("/")[0])


def _is_endless(value: Any) -> bool:
    return isinstance(value, float) and value in (float("inf"), float("-inf"))
