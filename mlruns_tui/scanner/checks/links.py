"""Links in the places of experiments and runs. MLflow follows them; where one leads to a place of this very
store, what that does is known without following it. Of what is behind a link out of the store it is only asked
whether there is metadata: nothing there is opened or listed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from .. import layout
from . import documents, folders
from .context import Owner, Store
from .documents import Document
from .seen import Seen

_EXPERIMENT_KEYS = ("experiment_id", "name", "artifact_location")
_RUN_KEYS = ("run_id", "user_id", "start_time", "end_time")


def check_experiment_link(name: str, path: str, parent_fd: int, store: Store, seen: Seen) -> Iterator[Symptom]:
    """A link to a directory in the place of an experiment, with a name MLflow takes for an id."""
    owner = Owner(name)
    seen.blind = True
    leads_to = folders.target(store.root, path)
    if leads_to == "":
        yield owner.says("link-to-the-store", path)
        return
    if leads_to is None or not _is_experiment(leads_to):
        yield from _experiment_of_another_kind(name, path, leads_to, parent_fd, owner, store)
        return
    # The same directory under two names: every run in it is met twice.
    runs = _runs_of(leads_to, store)
    for run in runs:
        seen.meet_run(run, path)
    yield owner.says("link-to-an-experiment", path, safe(leads_to, 200), runs=len(runs))


def _is_experiment(path: str) -> bool:
    """Whether a path is in the place of an experiment, in the root or the trash."""
    parts = path.split("/")
    if parts[0] == TRASH_NAME:
        parts = parts[1:]
    return len(parts) == 1 and parts[0] != layout.REGISTRY


def _experiment_of_another_kind(
    name: str, path: str, leads_to: str | None, parent_fd: int, owner: Owner, store: Store
) -> Iterator[Symptom]:
    if leads_to is None:
        there = has_metadata(name, parent_fd)
        yield owner.says("link-out-of-the-store" if there else "link-to-no-experiment", path)
        return
    meta = _meta_at(leads_to, store)
    if meta.state != "missing":
        whole = meta.usable and all(key in meta.value for key in _EXPERIMENT_KEYS)
        yield owner.says("link-to-no-experiment" if whole else "link-to-other-metadata", path, safe(leads_to, 200))
    elif _holds_metadata(leads_to, store):
        # What has metadata in it is taken for runs, and is none.
        yield owner.says("link-to-what-holds-other-metadata", path, safe(leads_to, 200))
    else:
        yield owner.says("link-to-no-experiment", path)


def check_run_link(
    path: str, experiment_path: str, experiment_fd: int, owner: Owner, store: Store
) -> Iterator[Symptom]:
    """A link to a directory in the place of a run."""
    leads_to = folders.target(store.root, path)
    name = path.rpartition("/")[2]
    says = Owner(owner.experiment_id, name).says
    if leads_to is None:
        there = has_metadata(name, experiment_fd)
        yield says("run-link-out-of-the-store" if there else "link-to-no-run", path)
        return
    above = leads_to.rpartition("/")[0]
    meta = _meta_at(leads_to, store)
    if meta.state == "missing":
        yield says("link-to-no-run", path)
    elif not meta.usable or any(key not in meta.value for key in _RUN_KEYS):
        yield says("link-to-other-metadata-in-an-experiment", path, safe(leads_to, 200))
    elif above == experiment_path:
        yield says("link-to-a-run-here", path, safe(leads_to, 200))
    else:
        yield says("link-to-a-run-elsewhere", path, safe(leads_to, 200))


def check_model_link(path: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """A link to a directory in the place of a logged model."""
    leads_to = folders.target(store.root, path) or ""
    meta = _meta_at(leads_to, store) if layout.REGISTRY in leads_to.split("/")[:-1] else Document("missing")
    if not meta.usable or "model_id" not in meta.value:
        yield owner.says("folder-elsewhere", path)
    elif meta.value.get("experiment_id") != owner.experiment_id:
        yield owner.says("link-to-a-logged-model-elsewhere", path, safe(leads_to, 200))
    else:
        yield owner.says("link-to-a-logged-model", path, safe(leads_to, 200))


def check_trace_link(path: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """A link to a directory in the place of a trace."""
    leads_to = folders.target(store.root, path) or ""
    inside = "traces" in leads_to.split("/")[:-1]
    yield owner.says("link-to-a-trace" if inside else "folder-elsewhere", path, safe(leads_to, 200))


def check_assessments_link(path: str, owner: Owner, store: Store, *, migrates: bool) -> Iterator[Symptom]:
    """A link in the place of a trace's ``assessments``. What is in those of another trace is said there."""
    leads_to = folders.target(store.root, path) or ""
    parts = leads_to.split("/")
    inside = migrates and parts[-1] == "assessments" and parts[-3:-2] == ["traces"]
    yield owner.says("link-to-assessments" if inside else "folder-elsewhere", path, safe(leads_to, 200))


def has_metadata(name: str, dir_fd: int) -> bool:
    """Whether MLflow finds a ``meta.yaml`` behind a link: asked for, never opened."""
    try:
        os.stat(f"{name}/{layout.META}", dir_fd=dir_fd)
    except OSError:
        return False
    return True


def _meta_at(path: str, store: Store) -> Document:
    """Metadata at a place of this store."""
    try:
        fd = look.open_path(store.fd, path)
    except OSError:
        return Document("missing", reason="is missing")
    try:
        return documents.read(layout.META, fd)
    finally:
        os.close(fd)


def _holds_metadata(path: str, store: Store) -> bool:
    return any(_meta_at(layout.join(path, name), store).state != "missing" for name in _runs_of(path, store))


def _runs_of(path: str, store: Store) -> list[str]:
    try:
        fd = look.open_path(store.fd, path)
    except OSError:
        return []
    try:
        return [one.name for one in folders.entries(fd) if one.is_folder and one.name not in layout.RESERVED]
    except OSError:
        return []
    finally:
        os.close(fd)
