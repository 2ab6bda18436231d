"""Links in the places of experiments and runs. MLflow follows them; where one leads to a place of this very
store, what that does is known without following it. Links out of the store are left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import TRASH_NAME

from .. import layout
from . import folders
from .context import Owner, Store
from .seen import Seen


def check_experiment_link(name: str, path: str, store: Store, seen: Seen) -> Iterator[Symptom]:
    """A link to a directory in the place of an experiment, with a name MLflow takes for an id."""
    owner = Owner(name)
    seen.blind = True
    leads_to = folders.target(store.root, path)
    if leads_to is None:
        return
    if leads_to == "":
        yield owner.says("link-to-the-store", path)
        return
    parts = leads_to.split("/")
    if parts[0] == TRASH_NAME:
        parts = parts[1:]
    if len(parts) != 1 or parts[0] == layout.REGISTRY:
        yield owner.says("link-into-the-store", path, safe(leads_to, 200))
        return
    # The same directory under two names: every run in it is met twice.
    runs = _runs_of(leads_to, store)
    for run in runs:
        seen.meet_run(run, path)
    yield owner.says("link-to-an-experiment", path, safe(leads_to, 200), runs=len(runs))


def check_run_link(path: str, experiment_path: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """A link to a directory in the place of a run."""
    leads_to = folders.target(store.root, path)
    if leads_to is None:
        return
    name = path.rpartition("/")[2]
    says = Owner(owner.experiment_id, name).says
    above = leads_to.rpartition("/")[0]
    if above == experiment_path:
        yield says("link-to-a-run-here", path, safe(leads_to, 200))
    elif above.rpartition("/")[0] in ("", TRASH_NAME) and above not in ("", TRASH_NAME):
        yield says("link-to-a-run-elsewhere", path, safe(leads_to, 200))
    else:
        yield says("link-into-the-store", path, safe(leads_to, 200))


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
