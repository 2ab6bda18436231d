"""What a fresh look at one item shows: read again for every plan, never taken from a scan."""

from __future__ import annotations

from .late import dataclass
from .store import Identity, Reference, Size


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that has a file of the item open for writing, maps one, or stands inside it."""

    pid: int
    user: str
    command: str
    path: str


@dataclass(frozen=True, slots=True)
class Survey:
    """One walk over one tree."""

    identity: Identity
    fingerprint: str
    """Hex digest over every entry's name, type, mode, size, times, inode; see ``disk.look``."""
    size: Size
    entries: int
    """Files, directories, links and anything else, the top included: inodes a copy would need."""
    owner: int
    """User id of the top directory."""
    other_owners: bool
    """Something inside belongs to another user than the top."""
    trouble: tuple[str, ...]
    """``link`` (the item itself is one), ``other-device`` (a mount inside), ``unreadable``."""
    trouble_path: str = ""
    """Where the first trouble is, relative to the item."""
    writers: tuple[Writer, ...] = ()
    silly_renames: int = 0
    """``.nfsXXXX`` files: somebody on this or another host still has them open."""


@dataclass(frozen=True, slots=True)
class ItemEvidence:
    """Everything a plan needs to know of one item, read now."""

    key: str
    path: str
    survey: Survey | None
    """None when it is gone or cannot be looked at; ``error`` says why."""
    error: str = ""
    movable: str = ""
    """Empty when this user may rename it out of its directory, else why not."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Fresh facts for one plan."""

    items: dict[str, ItemEvidence]
    references: tuple[Reference, ...]
    """Read again from the registry, the logged models and the runs' tags."""
    file_experiments: tuple[str, ...]
    """Keys of the experiments in the root that have a ``meta.yaml`` now."""
    unchecked_processes: int
    """Processes of other users whose open files this user may not see."""
    user: int
    """Our effective user id."""
    taken_ns: int
    """When, by the file system's clock."""
    live_runs: tuple[str, ...] = ()
    """Keys of the runs somebody writes to now, anywhere in the store."""
    in_container: bool = False
    """Only the processes of this container can be seen, not those outside that may use the same disk."""
