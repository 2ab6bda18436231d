"""The words of the program: every state, place, kind and action it knows, named once.

The same spelling is used in code, JSON, options and on screen.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Place = Literal["root", "trash"]
"""Where a directory is: directly in the store, or in MLflow's own ``.trash``."""

State = Literal["ok", "orphaned", "malformed", "unclaimed"]
"""What an entry in the place of an experiment or a run turned out to be."""

Record = Literal["file", "database"]
"""Where MLflow keeps the metadata of an entry."""

StoreKind = Literal["file", "database", "mixed", "unclaimed"]

Status = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", "UNKNOWN"]
"""MLflow's run statuses; UNKNOWN when the metadata has none MLflow accepts."""

FINAL_STATUSES: Final = frozenset({"FINISHED", "FAILED", "KILLED"})

Lifecycle = Literal["active", "deleted"]

Action = Literal["remove", "slim", "repair"]

ItemKind = Literal["experiment", "run", "logged-model", "registered-model", "model-version", "trace", "stray"]

Impact = Literal["breaks-store", "breaks-experiment", "breaks-run", "warns", "hidden", "silent"]
"""What MLflow does because of a finding, worst first (the order matters)."""

IMPACTS: Final[tuple[Impact, ...]] = get_args(Impact)

ProtectionKind = Literal[
    "model-version",
    "logged-model",
    "parent",
    "running",
    "too-fresh",
    "other-owner",
    "keep-tag",
    "default-experiment",
    "last-experiment",
    "unclaimed",
    "holds-runs",
    "open-by-writer",
    "link",
    "other-device",
    "unreadable",
    "claimed",
]
"""Why an item stays. The first ten can be lifted one by one with ``--unsafe-KIND``."""

LIFTABLE: Final[frozenset[str]] = frozenset(
    {
        "model-version",
        "logged-model",
        "parent",
        "running",
        "too-fresh",
        "other-owner",
        "keep-tag",
        "default-experiment",
        "last-experiment",
        "unclaimed",
    }
)

Outcome = Literal["done", "failed", "skipped"]

ItemPlace = Literal["moved", "packed", "purged", "restored", "missing", "in-place"]
"""Where a batch's item is now, as looked up on the disk; ``in-place``: it never left its origin."""

BatchState = Literal["moved", "packed", "partly", "unfinished", "restored", "purged", "missing"]

VAULT_NAME: Final = ".mlruns-tui.trash"
"""Our folder in the store. MLflow passes over names that end in ``.trash`` (tests hold it to that)."""

TRASH_NAME: Final = ".trash"

OWN_SUFFIX: Final = ".mlruns-tui.trash"
"""Names that end so are ours: the vault, and ``<id>.mlruns-tui.trash`` on a disk too full for a vault."""

RECOVERED_TAG: Final = "mlruns-tui.recovered"
"""Tag of a run whose metadata was lost and rebuilt."""
