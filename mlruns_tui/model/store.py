"""What is in a store: immutable values, made by the scanner, read by everybody.

Paths are relative to the store's root, with ``/``, decoded with ``surrogateescape`` so that
``os.fsencode`` gives the exact bytes back. Texts read out of files are already safe to show. Times are
integer milliseconds since 1970 UTC unless the name ends in ``_ns``; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from .late import dataclass

if TYPE_CHECKING:
    from .findings import Finding
from .words import Lifecycle, Place, Record, State, Status, StoreKind


@dataclass(frozen=True, slots=True)
class Identity:
    """A directory as the kernel knows it: the same after a rename, another after a copy."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """Which store this is."""

    given: str
    """As the user named it."""
    root: str
    """Resolved absolute path of the directory that holds the experiments; never ends in ``/``."""
    kind: StoreKind
    identity: Identity
    database: str = ""
    """Resolved path or URI of the database that claims this root; empty for none."""
    network: bool = False
    """On a file system other hosts write to as well (NFS, CIFS, Lustre, …)."""
    file_system: str = ""
    """Its type, as the kernel names it: ``ext4``, ``nfs4``."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a tree takes: regular files, a hard-linked file once, links not followed."""

    size_bytes: int = 0
    allocated_bytes: int = 0
    files: int = 0
    newest_ns: int = 0
    """Newest modification time of anything inside, directories too; 0 when nothing was seen."""

    def __add__(self, other: Size) -> Size:
        return Size(
            self.size_bytes + other.size_bytes,
            self.allocated_bytes + other.allocated_bytes,
            self.files + other.files,
            max(self.newest_ns, other.newest_ns),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its directory, and what its metadata says."""

    experiment_id: str
    """Name of the experiment's directory (not what a file claims)."""
    run_id: str
    """Name of the run's directory; for a run known only to a database, its id there."""
    place: Place = "root"
    state: State = "ok"
    reason: str = ""
    """Why it is not ``ok``, in words."""
    name: str = ""
    status: Status = "UNKNOWN"
    lifecycle_stage: Lifecycle | None = None
    user_id: str = ""
    start_time: int | None = None
    end_time: int | None = None
    deleted_time: int | None = None
    record: Record = "file"
    path: str = ""
    """Its directory, relative to the root; empty when it has none (database without artifacts)."""
    parent: str = ""
    """Run id of its parent (tag ``mlflow.parentRunId``); known with ``size``."""
    keep: str = ""
    """``KEY=VALUE`` of the tag that keeps it; known with ``size``."""
    owner: int = -1
    """User id that owns the directory; -1 until sized."""
    size: Size | None = None
    """None until it was looked at."""
    trouble: tuple[str, ...] = ()
    """Protections seen while sizing: ``link``, ``other-device``, ``unreadable``."""

    @property
    def key(self) -> str:
        return run_key(self.place, self.experiment_id, self.run_id)


@dataclass(frozen=True, slots=True)
class Experiment:
    """One directory in the place of an experiment (or one row of a database)."""

    experiment_id: str
    place: Place = "root"
    state: State = "ok"
    reason: str = ""
    name: str = ""
    lifecycle_stage: Lifecycle | None = None
    artifact_location: str = ""
    """As written, safe to show; never opened or followed."""
    creation_time: int | None = None
    last_update_time: int | None = None
    record: Record = "file"
    path: str = ""
    runs: int = 0
    """Run directories in it (runs of the database, for a database)."""
    readable_inside: int = 0
    """Runs, logged models and traces in it whose metadata can be read; known once its runs are."""
    keep: str = ""
    owner: int = -1
    size: Size | None = None
    """Everything inside, its runs included; None until all of it was looked at."""
    trouble: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return experiment_key(self.place, self.experiment_id)


@dataclass(frozen=True, slots=True)
class Stray:
    """A directory that is neither experiment nor run and stands in the place of one."""

    path: str
    kind: Literal["foreign", "claimed", "old-backups", "own"]
    """``claimed``: artifacts of something else; ``old-backups``: a clean-up script's; ``own``: ours."""
    reason: str
    size: Size | None = None

    @property
    def key(self) -> str:
        return f"stray/{self.path}"


@dataclass(frozen=True, slots=True)
class Reference:
    """Somebody needs something: read from metadata as text, used only to protect."""

    kind: Literal["model-version", "logged-model", "parent", "claim"]
    target_kind: Literal["run", "experiment", "logged-model", "path", "any"]
    """``any``: what needs something could not be read, so it may need every run below the target."""
    target: str
    """A run id, an experiment id, a logged model id, or a path relative to the root; for ``any`` the path
    of an experiment, or empty for the whole store."""
    by: str
    """Who, in words: ``version 2 of churn-scorer``; for ``any`` what could not be read, and why."""
    by_path: str
    """Where the metadata that says so is, relative to the root: what lies at or below the target
    never protects it (a run does not need itself)."""
    destroys: bool = False
    """True when removing the target destroys what ``by`` names, False when only its origin is lost."""


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model of the file registry."""

    name: str
    path: str
    versions: int
    state: State = "ok"
    reason: str = ""
    aliases: tuple[tuple[str, str], ...] = ()
    """Pairs of alias and version."""
    size: Size | None = None


Stage = Literal["listing", "runs", "sizes", "complete", "stopped"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is."""

    stage: Stage = "listing"
    runs_found: int = 0
    runs_read: int = 0
    runs_sized: int = 0
    files: int = 0
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known of a store at one moment; a later one knows more."""

    store: StoreInfo
    experiments: tuple[Experiment, ...] = ()
    """Root first, then trash; inside each in directory-name order, numbers by value."""
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    """By experiment key; an experiment is missing here until its runs were read."""
    strays: tuple[Stray, ...] = ()
    models: tuple[RegisteredModel, ...] = ()
    references: tuple[Reference, ...] = ()
    findings: tuple[Finding, ...] = ()
    backup_bytes: int = 0
    """What our own backups in the store take; counted apart from everything else."""
    total: Size = Size()
    """The whole store without our own backups, every hard-linked file once."""
    messages: tuple[str, ...] = ()
    """What the user must be told about the reading itself ("no database found …")."""
    progress: Progress = Progress()

    @property
    def complete(self) -> bool:
        return self.progress.stage == "complete"

    def experiment(self, key: str) -> Experiment | None:
        return next((one for one in self.experiments if one.key == key), None)

    def all_runs(self) -> tuple[Run, ...]:
        return tuple(run for runs in self.runs.values() for run in runs)


def experiment_key(place: Place, experiment_id: str) -> str:
    """Logical key of an experiment; the same id may be in the root and in the trash at once."""
    return f"experiment/{experiment_id}" if place == "root" else f"trash/{experiment_id}"


def run_key(place: Place, experiment_id: str, run_id: str) -> str:
    return f"{experiment_key(place, experiment_id)}/run/{run_id}"


def container_key(key: str) -> str:
    """Key of the experiment a run's key names; an experiment's key is its own container."""
    return key.split("/run/", 1)[0]
