"""Which inputs of runs are about a dataset that a repair moves out: they break with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from . import layout
from .checks import documents
from .mend_copies import directories

_DATASETS = "datasets"
_INPUTS = "inputs"


def users_of(paths: Collection[str], root_fd: int) -> dict[str, tuple[str, ...]]:
    """By the path of a dataset's directory, those of the inputs that name it. Other paths are passed over."""
    found: dict[str, tuple[str, ...]] = {}
    by_experiment: dict[str, set[str]] = {}
    for path in paths:
        experiment, _, name = path.rpartition(f"/{_DATASETS}/")
        if experiment and "/" not in name:
            by_experiment.setdefault(experiment, set()).add(name)
    for experiment, names in by_experiment.items():
        for source, place in _inputs_in(experiment, root_fd):
            if source in names:
                path = f"{experiment}/{_DATASETS}/{source}"
                found[path] = (*found.get(path, ()), place)
    return found


def _inputs_in(experiment: str, root_fd: int) -> Iterator[tuple[str, str]]:
    """Dataset and path of every input of the runs of an experiment."""
    for run in directories(root_fd, experiment):
        if run in layout.RESERVED:
            continue
        for name in directories(root_fd, f"{experiment}/{run}/{_INPUTS}"):
            place = f"{experiment}/{run}/{_INPUTS}/{name}"
            meta = documents.read(f"{place}/{layout.META}", root_fd).value
            source = meta.get("source_id")
            if meta.get("source_type") == "DATASET" and isinstance(source, str):
                yield source, place
