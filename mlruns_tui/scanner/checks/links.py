"""Links. MLflow follows them, and so do we; where one in the place of an entry leads to another entry of this very
store, what that does is known without following it. Nothing is looked at in what the system makes up when asked:
reading there can wait for ever, or do something."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from .. import layout
from . import documents, folders
from .context import Owner, Store
from .documents import Document
from .folders import Kind

_AN_EXPERIMENT: Final = "link-to-an-experiment"
_A_BARE_EXPERIMENT: Final = "link-to-an-experiment-without-metadata"
_A_RUN_ELSEWHERE: Final = "link-to-a-run-elsewhere"
_EXPERIMENT_KEYS = ("experiment_id", "name", "artifact_location")
_RUN_KEYS = ("run_id", "user_id", "start_time", "end_time")
_IMPLIED: Final = frozenset({"link-out-of-the-store", "run-link-out-of-the-store", "logged-model-experiment-mismatch"})
_MADE_UP: Final = ("/proc", "/sys")


def through(kind: Kind | None, path: str, owner: Owner, store: Store) -> Owner | None:
    """Whose is what MLflow finds at ``path``, which is of this kind; None for what is behind a link and not
    looked at."""
    if kind not in ("link-to-folder", "link-to-file"):
        return owner
    leads_to = _leads_to(path, store)
    made_up = any(leads_to == one or leads_to.startswith(one + "/") for one in _MADE_UP)
    return None if made_up or store.beyond.used_up else replace(owner, link=(path, leads_to))


def told(path: str, owner: Owner, behind: Owner | None, store: Store, code: str = "folder-elsewhere") -> Symptom:
    """That there is a link; ``behind`` as ``through`` says."""
    return owner.says("link-not-followed" if behind is None else code, path, safe(_leads_to(path, store), 200))


def _leads_to(path: str, store: Store) -> str:
    """Relative to the store for a place in it, else absolute."""
    inside = folders.target(store.root, path)
    return os.path.realpath(os.path.join(store.root, path)) if inside is None else inside or "the store itself"


def read(name: str, dir_fd: int, path: str, owner: Owner, store: Store) -> tuple[Document, Owner]:
    """The metadata file ``name``, at ``path``, and whose it is: also where it is a link."""
    kind = folders.kind_of(name, dir_fd)
    behind = through(kind, path, owner, store)
    meta = documents.read(name, dir_fd, follow=behind is not None)
    if behind is not None and kind == "link-to-file":
        store.beyond.count(0)
    return meta, behind or owner


def is_another(symptom: Symptom) -> bool:
    """Whether a link leads to another experiment, or to a run of another one."""
    return symptom.code in (_AN_EXPERIMENT, _A_BARE_EXPERIMENT, _A_RUN_ELSEWHERE)


def leads_to_an_entry(name: str, path: str, dir_fd: int, store: Store) -> bool:
    """Whether a link to a directory, in the place of an experiment or run, leads to such a one kept elsewhere."""
    return folders.target(store.root, path) is None and has_metadata(name, dir_fd)


def check_experiment_link(name: str, path: str, store: Store) -> Iterator[Symptom]:
    """A link to a directory in the place of an experiment, with a name MLflow takes for an id, that does not
    lead to one kept elsewhere."""
    owner = Owner(name)
    leads_to = folders.target(store.root, path)
    if leads_to == "":
        yield owner.says("link-to-the-store", path)
        return
    if leads_to is None or not _is_experiment(leads_to):
        yield from _experiment_of_another_kind(path, leads_to or "", owner, store)
        return
    code = _AN_EXPERIMENT if _meta_at(leads_to, store).state != "missing" else _A_BARE_EXPERIMENT
    yield owner.says(code, path, safe(leads_to, 200), runs=len(_runs_of(leads_to, store)))


def unsaid(symptoms: Iterable[Symptom]) -> Iterator[Symptom]:
    """What is wrong behind a link to another experiment, or to a run of another one, but for that being so, and
    for what is in runs MLflow passes over because of it."""
    passed_over: set[str] = set()
    found: list[Symptom] = []
    for one in symptoms:
        if one.code == "run-experiment-mismatch":
            passed_over.add(one.path.rpartition("/")[0])
        elif one.code not in _IMPLIED and one.link:
            found.append(one)
    for one in found:
        parts = one.path.split("/")
        inside = any("/".join(parts[:end]) in passed_over for end in range(1, len(parts)))
        if not inside or (parts[-1] == layout.META and "/".join(parts[:-1]) in passed_over):
            yield one


def _is_experiment(path: str) -> bool:
    """Whether a path is in the place of an experiment, in the root or the trash."""
    parts = path.split("/")
    if parts[0] == TRASH_NAME:
        parts = parts[1:]
    return len(parts) == 1 and parts[0] != layout.REGISTRY


def _experiment_of_another_kind(path: str, leads_to: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    meta = _meta_at(leads_to, store) if leads_to else Document("missing")
    if meta.state != "missing":
        whole = meta.usable and all(key in meta.value for key in _EXPERIMENT_KEYS)
        yield owner.says("link-to-no-experiment" if whole else "link-to-other-metadata", path, safe(leads_to, 200))
    elif leads_to and _holds_metadata(leads_to, store):
        # What has metadata in it is taken for runs, and is none.
        yield owner.says("link-to-what-holds-other-metadata", path, safe(leads_to, 200))
    else:
        yield owner.says("link-to-no-experiment", path)


def check_run_link(path: str, experiment_path: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """A link to a directory in the place of a run that does not lead to one kept elsewhere."""
    leads_to = folders.target(store.root, path)
    says = owner.of_run(path.rpartition("/")[2]).says
    if leads_to is None:
        yield says("link-to-no-run", path)
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
        yield says(_A_RUN_ELSEWHERE, path, safe(leads_to, 200))


def model_link(path: str, owner: Owner, store: Store) -> Symptom | None:
    """A link to a directory in the place of a logged model; None where it leads to none of this store."""
    leads_to = folders.target(store.root, path) or ""
    meta = _meta_at(leads_to, store) if layout.REGISTRY in leads_to.split("/")[:-1] else Document("missing")
    if not meta.usable or "model_id" not in meta.value:
        return None
    same = meta.value.get("experiment_id") == owner.experiment_id
    code = "link-to-a-logged-model" if same else "link-to-a-logged-model-elsewhere"
    return owner.says(code, path, safe(leads_to, 200))


def trace_link(path: str, owner: Owner, store: Store) -> Symptom | None:
    """A link to a directory in the place of a trace; None where it leads to none of this store."""
    leads_to = folders.target(store.root, path) or ""
    inside = "traces" in leads_to.split("/")[:-1]
    return owner.says("link-to-a-trace", path, safe(leads_to, 200)) if inside else None


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
        return documents.read(layout.META, fd, follow=True)
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
