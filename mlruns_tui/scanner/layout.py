"""Names and shapes in a store's directories, as MLflow reads them.

Sources: MLflow's ``store/tracking/file_store.py`` and ``utils/validation.py`` (3.17), and the layouts
written by 1.0 to 3.17.
"""

from __future__ import annotations

import re
from typing import Final

from mlruns_tui.model.words import OWN_SUFFIX, TRASH_NAME

META: Final = "meta.yaml"
REGISTRY: Final = "models"
"""In the root: the model registry. In an experiment: its logged models."""
RESERVED: Final = frozenset({"tags", "datasets", "traces", "models"})
"""Directories of an experiment that are not runs."""
RUN_PARTS: Final = frozenset({META, "params", "metrics", "tags"})
"""What only a run of the file store has (``artifacts`` a database's run has too)."""

_EXPERIMENT_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,63}")
_HEX32 = re.compile(r"[0-9a-f]{32}")
_OLD_BACKUPS = re.compile(r"[._]?(mlruns[-_.]?|mlflow[-_.]?)?back-?ups?([-_.].*)?", re.IGNORECASE)


def is_experiment_id(name: str) -> bool:
    """Whether MLflow takes this directory name as an experiment's id; any other makes it raise."""
    return _EXPERIMENT_ID.fullmatch(name) is not None


def is_hex32(name: str) -> bool:
    """The shape of every run id MLflow makes."""
    return _HEX32.fullmatch(name) is not None


def is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def is_own(name: str) -> bool:
    """Ours: the vault, or an item renamed aside on a disk too full for one."""
    return name.endswith(OWN_SUFFIX)


def is_passed_over(name: str) -> bool:
    """Names of directories MLflow itself never looks at."""
    return name.endswith(TRASH_NAME)


def is_old_backups(name: str) -> bool:
    """Named as clean-up scripts name the folder they copy into."""
    return _OLD_BACKUPS.fullmatch(name) is not None


def order(name: str) -> tuple[int, int, str]:
    """Sort key for names of experiments: numbers by value, then the rest by name."""
    # Not int(): a name of thousands of digits would be refused or take seconds.
    return (0, len(name.lstrip("0")), name.lstrip("0")) if is_number(name) else (1, 0, name)


def join(folder: str, name: str) -> str:
    """A path below the root; ``folder`` may be empty, which is the root itself."""
    return f"{folder}/{name}" if folder else name
