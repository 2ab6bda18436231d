"""What a run took in and gave out, and the datasets of an experiment.

As ``_get_all_inputs``, ``_get_all_outputs`` and ``_get_dataset_from_dir`` read them
(``store/tracking/file_store.py``, 3.17): every entry of the two folders must be a directory with metadata.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mlruns_tui.model.findings import Symptom

from .. import layout
from . import columns, folders, links
from .context import Owner, Store
from .seen import Seen

_INPUT_KEYS: Final = ("source_type", "source_id", "destination_type", "destination_id", "tags")
_OUTPUT_KEYS: Final = (*_INPUT_KEYS, "step")
_INPUT_TYPES: Final = frozenset({"RUN", "DATASET", "MODEL"})
_OUTPUT_TYPES: Final = frozenset({"RUN_OUTPUT", "MODEL_OUTPUT"})
_DATASET_KEYS: Final = ("name", "digest", "source_type", "source")


@dataclass(slots=True)
class Datasets:
    """The datasets of one experiment, and how many of its runs need each."""

    exists: bool = False
    """There is something called ``datasets``."""
    names: frozenset[str] = frozenset()
    needed: dict[str, int] = field(default_factory=dict)
    readers: int = 0
    """Runs that have an ``inputs`` folder."""

    @classmethod
    def of(cls, experiment_fd: int, names: set[str]) -> Datasets:
        kind = folders.kind_of("datasets", experiment_fd)
        if "datasets" not in names or kind == "dangling":
            return cls()
        fd, access = folders.enter("datasets", experiment_fd, kind)
        if fd < 0:
            return cls(exists=True)
        try:
            found = frozenset(one.name for one in folders.entries(fd)) if access == "open" else frozenset()
        except OSError:
            found = frozenset()
        finally:
            os.close(fd)
        return cls(True, found)


def check_inputs(
    run_fd: int, path: str, owner: Owner, datasets: Datasets, store: Store, seen: Seen, *, counts: bool
) -> Iterator[Symptom]:
    """A run's ``inputs``. ``counts``: MLflow reads this run, so what it needs is needed."""
    place = layout.join(path, "inputs")
    runs = int(datasets.exists)
    kind = folders.kind_of("inputs", run_fd)
    if kind in (None, "dangling"):
        return
    datasets.readers += counts
    behind = links.through(kind, place, owner, store)
    if kind == "link-to-folder":
        yield links.told(place, owner, behind, store)
    elif kind != "folder":
        yield owner.says("inputs-not-a-folder", place, runs=runs)
        return
    if behind is None:
        return
    points: set[tuple[str, str]] = set()
    for name, value, whose, problem in _each(run_fd, "inputs", kind, place, "input", behind, store, runs):
        yield from problem
        if value is not None:
            where = f"{place}/{name}/{layout.META}"
            yield from _check_input(value, where, whose, datasets, points, runs, counts=counts)
            if value.get("source_type") == "MODEL":
                _note_model("input-of-a-lost-model", value.get("source_id"), where, whose, seen)


def _check_input(
    meta: dict[Any, Any],
    path: str,
    owner: Owner,
    datasets: Datasets,
    points: set[tuple[str, str]],
    runs: int,
    *,
    counts: bool,
) -> Iterator[Symptom]:
    for key in _INPUT_KEYS:
        if key not in meta:
            yield owner.says("input-key-missing", path, key, runs=runs)
    for key in ("source_type", "destination_type"):
        value = meta.get(key, "RUN")
        if not isinstance(value, str) or value not in _INPUT_TYPES:
            yield owner.says("input-type-unknown", path, f"{key} is {columns.shown(value)}", runs=runs)
    kind, source = meta.get("source_type", "DATASET"), meta.get("source_id", "")
    tags = meta.get("tags", {})
    if kind == "MODEL":
        yield owner.says("input-of-a-model", path, runs=runs)
        stored = True
        reason = columns.refused(source, columns.REQUIRED)
        if reason:
            yield owner.says("input-value-not-storable", path, f"source_id {reason}")
        if not isinstance(tags, dict):
            yield owner.says("input-value-not-storable", path, f"tags is {columns.name_of(tags)}")
    elif kind == "DATASET":
        stored = isinstance(source, str) and source in datasets.names
        if isinstance(source, str) and counts:
            datasets.needed[source] = datasets.needed.get(source, 0) + 1
        if not stored and datasets.exists and not isinstance(source, list | dict | set):
            yield owner.says("input-dataset-missing", path, columns.shown(source))
        if isinstance(source, list | dict | set):
            yield owner.says("input-dataset-missing", path, columns.shown(source))
            yield owner.says("input-value-not-storable", path, f"source_id is {columns.name_of(source)}")
        if stored and not isinstance(tags, dict):
            yield owner.says("input-tags-refused", path, columns.name_of(tags), runs=runs)
    else:
        return
    if stored and columns.refused(owner.run_id):
        yield owner.says("lineage-name-refused", path, "input: the name of the run's folder")
    point = (kind, str(source))
    if stored and point in points:
        yield owner.says("input-twice", path.rpartition("/")[0], columns.shown(source))
    points.add(point)


def _note_model(code: str, model_id: Any, path: str, owner: Owner, seen: Seen) -> None:
    if isinstance(model_id, str) and model_id:
        seen.references.append((code, model_id, path, owner))


def check_outputs(run_fd: int, path: str, owner: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    """A run's ``outputs``."""
    place = layout.join(path, "outputs")
    kind = folders.kind_of("outputs", run_fd)
    if kind in (None, "dangling"):
        return
    behind = links.through(kind, place, owner, store)
    if kind == "link-to-folder":
        yield links.told(place, owner, behind, store)
    elif kind != "folder":
        yield owner.says("outputs-not-a-folder", place)
        return
    if behind is None:
        return
    for name, meta, owner, problem in _each(run_fd, "outputs", kind, place, "output", behind, store, 0):
        yield from problem
        if meta is None:
            continue
        where = f"{place}/{name}/{layout.META}"
        for key in _OUTPUT_KEYS:
            if key not in meta:
                yield owner.says("output-key-missing", where, key)
        for key in ("source_type", "destination_type"):
            value = meta.get(key, "RUN_OUTPUT")
            if not isinstance(value, str) or value not in _OUTPUT_TYPES:
                yield owner.says("output-type-unknown", where, f"{key} is {columns.shown(value)}")
        if meta.get("destination_type") == "MODEL_OUTPUT":
            _note_model("output-of-a-lost-model", meta.get("destination_id"), where, owner, seen)
        for what, called in (
            ("output: the name of the run's folder", owner.run_id),
            ("output: the folder's name", name),
        ):
            if columns.refused(called):
                yield owner.says("lineage-name-refused", where, what)
        reason = columns.refused(meta.get("step", 0))
        if reason:
            yield owner.says("output-value-not-storable", where, f"step {reason}")


def _each(
    run_fd: int, folder: str, kind: folders.Kind | None, place: str, what: str, owner: Owner, store: Store, runs: int
) -> Iterator[tuple[str, dict[Any, Any] | None, Owner, list[Symptom]]]:
    """Every entry of one of the two folders: its metadata, if it can be used, whose it is, and what is wrong
    with it."""
    fd, access = folders.enter(folder, run_fd, kind)
    try:
        if access != "open":
            if access != "gone":
                yield "", None, owner, [owner.says(f"{what}s-closed", place, runs=runs)]
            return
        for one in folders.entries(fd):
            path = layout.join(place, one.name)
            if not one.is_folder:
                yield one.name, None, owner, [owner.says(f"{what}-stray", path, runs=runs)]
                continue
            behind = links.through(one.kind, path, owner, store)
            if behind is None:
                yield one.name, None, owner, [links.told(path, owner, None, store)]
                continue
            where = layout.join(path, layout.META)
            meta, whose = links.read(f"{one.name}/{layout.META}", fd, where, behind, store)
            state = "missing" if meta.state == "closed" else meta.state
            if not meta.usable:
                problem = whose.says(f"{what}-meta-{state}", where, f"meta.yaml {meta.reason}", runs=runs)
                yield one.name, None, whose, [problem]
            else:
                yield one.name, meta.value, whose, []
    except OSError:
        yield "", None, owner, [owner.says(f"{what}s-closed", place, runs=runs)]
    finally:
        if fd >= 0:
            os.close(fd)


def check_datasets(experiment_fd: int, path: str, datasets: Datasets, owner: Owner, store: Store) -> Iterator[Symptom]:
    """The datasets of an experiment, after its runs told which they need."""
    place = layout.join(path, "datasets")
    kind = folders.kind_of("datasets", experiment_fd)
    if kind in (None, "dangling"):
        return
    behind = links.through(kind, place, owner, store)
    if kind == "link-to-folder":
        yield links.told(place, owner, behind, store)
    elif kind != "folder":
        yield owner.says("datasets-not-a-folder", place, runs=datasets.readers)
        return
    if behind is None:
        return
    owner = behind
    fd, access = folders.enter("datasets", experiment_fd, kind)
    try:
        if access != "open":
            if access != "gone":
                yield owner.says("datasets-closed", place, runs=datasets.readers)
            return
        rows: dict[tuple[str, str], str] = {}
        for one in folders.entries(fd):
            store.pulse()
            if one.is_folder:
                whose = links.through(one.kind, layout.join(place, one.name), owner, store)
                if whose is not None:
                    yield from _check_dataset(one.name, fd, place, datasets, whose, store, rows)
            elif one.name in datasets.needed:
                yield owner.says("dataset-meta-missing", layout.join(place, one.name), runs=datasets.needed[one.name])
    except OSError:
        yield owner.says("datasets-closed", place, runs=datasets.readers)
    finally:
        if fd >= 0:
            os.close(fd)


def _check_dataset(
    name: str, fd: int, place: str, datasets: Datasets, owner: Owner, store: Store, rows: dict[tuple[str, str], str]
) -> Iterator[Symptom]:
    folder = layout.join(place, name)
    path = layout.join(folder, layout.META)
    runs = datasets.needed.get(name, 0)
    meta, owner = links.read(f"{name}/{layout.META}", fd, path, owner, store)
    state = "missing" if meta.state == "closed" else meta.state
    if not meta.usable:
        # An empty folder nobody needs is nothing: MLflow makes it before the file.
        if runs or state != "missing":
            yield owner.says(f"dataset-meta-{state}", path, f"meta.yaml {meta.reason}", runs=runs)
        return
    for key in _DATASET_KEYS:
        if key not in meta.value:
            yield owner.says("dataset-key-missing", path, key, runs=runs)
    refusals = list(columns.refusals(meta.value, columns.DATASET))
    for reason in refusals:
        yield owner.says("dataset-value-not-storable", path, reason, runs=runs)
    row = (str(meta.value.get("name", "")), str(meta.value.get("digest", "")))
    if not refusals and row in rows:
        yield owner.says("dataset-twice", rows[row], name, runs=runs)
        yield owner.says("dataset-twice", folder, rows[row].rpartition("/")[2], runs=runs)
    rows.setdefault(row, folder)
