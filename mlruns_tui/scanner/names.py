"""Names of the experiments of a file store, and nothing else of it."""

from __future__ import annotations

import os

from . import layout
from .files import read_meta
from .metadata import Unusable
from .records import experiment_of


def experiment_names(root: str) -> dict[str, str]:
    """Name by id of every active experiment in the root; those that cannot be read are left out.

    Raises OSError when the root itself cannot be listed.
    """
    names: dict[str, str] = {}
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in os.listdir(root_fd):
            if not layout.is_experiment_id(folder):
                continue
            try:
                meta = read_meta(layout.join(folder, layout.META), root_fd)
            except (OSError, Unusable):
                continue
            found = experiment_of(meta, folder, "root", folder)
            if found.state == "ok" and found.lifecycle_stage == "active" and found.name:
                names[folder] = found.name
    finally:
        os.close(root_fd)
    return names
