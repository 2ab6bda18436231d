"""What a fresh look shows of the places a repair would change, and of what a lost file can be rebuilt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .evidence import Survey
from .findings import Finding
from .store import Identity

MendKind = Literal[
    "out", "folder", "bytes", "experiment", "run", "registered-model", "version", "logged-model", "output"
]
"""``out``: moved out. ``folder``: an empty directory made. ``bytes``: a file without some of its bytes.
The others: the metadata file of such an entry written anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One path a repair is about, with all that is wrong there."""

    kind: MendKind
    path: str
    findings: tuple[Finding, ...]
    after: str = ""
    """It is only broken by the repair at this path."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What an entry's directory tells of the metadata it should have."""

    stated: Mapping[str, Any] = field(default_factory=dict)
    """What the file there still says, as far as it can be read."""
    usable: bool = False
    """The file can be read whole: only some of its values are wrong."""
    made_ms: int = 0
    """When it began: the earliest of the points logged and of the times of the files in it. 0: nothing tells."""
    ended_ms: int = 0
    """The latest of them."""
    runs: int = 0
    """Of an experiment: runs in it that can be read …"""
    lost_runs: int = 0
    """… others that logged something, or whose metadata can be read in part …"""
    models: int = 0
    """… logged models …"""
    traces: int = 0
    """… and traces."""
    location: str = ""
    """Where most of an experiment's runs say their artifacts are, without the run's own part; of a run, where
    its experiment says they are."""
    source_run: str = ""
    """Of a logged model: the run its own files name."""
    user: str = ""
    name: str = ""
    """Of a run: from its tags."""
    artifacts: bool = False
    """Of a run: it logged artifacts or models; of a logged model: its files are there."""
    logged: bool = False
    """Of a run or a logged model: it has at least a param, a metric or a tag."""
    tags_identity: Identity | None = None
    """Of a run: the directory of its tags, if there is one."""
    lacks: tuple[str, ...] = ()
    """Of a run: folders MLflow asks for that are not there."""
    marked: bool = False
    """Of a run: the tag that marks it as recovered is there."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Of a registered model."""
    text: str = ""
    """The file itself, where it is usable and UTF-8."""
    unjudged: str = ""
    """Why nobody can tell all that the file says, in words: it ``is too large to be metadata``."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a directory holds that can be read nowhere else in the store."""

    runs: int = 0
    models: int = 0
    """Logged models."""
    versions: int = 0
    """Model versions."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two runs, each with a metadata file that names the other."""

    path: str
    """Of the other one's file."""
    text: str
    """What that says: it belongs here."""
    why_not: str = ""
    """Why it is not sure that the two files were exchanged, in words."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One place, looked at now."""

    wanted: Wanted
    parent: Identity | None = None
    """The directory it is in; None when that cannot be opened."""
    parent_owner: int = -1
    survey: Survey | None = None
    """What is there; None: nothing."""
    error: str = ""
    """Why it cannot be looked at, in words."""
    locked: str = ""
    """Why this user may not change it, in words."""
    parent_changed_ns: int = 0
    """When something was last made in, or taken out of, the directory it is in."""
    run: Survey | None = None
    """The run it lies in …"""
    experiment: str = ""
    """Path of the experiment it is in, and not the metadata of; empty outside of experiments …"""
    experiment_is_read: bool = True
    """… and whether that has metadata MLflow can use."""
    run_is_over: bool = False
    """… which says that it ended."""
    traces: Traces = Traces()
    drop: str = ""
    """For ``bytes``: what to leave out, ``12-30,45-60``; empty: nothing is wrong any more."""
    dropped: int = 0
    """Lines that go altogether."""
    shortened: int = 0
    """Lines of which only an end goes."""
    lines: int = 0
    """Lines there are."""
    is_repeated: bool = False
    """Of a run or a logged model: another directory of the store has its name, or the id its file states."""
    users: tuple[str, ...] = ()
    """Of a dataset: paths of the inputs of runs that name it."""
    exchange: Exchange | None = None
    """Of a run: the one whose metadata it has, and which has its own."""
    holds: Holdings = Holdings()
    """Of a stray, a copy of an experiment and what is in the registry, that would be moved out."""


@dataclass(frozen=True, slots=True)
class Look:
    """Every place, and what bears on all of them."""

    spots: tuple[Spot, ...]
    names: Mapping[str, str]
    """By the path of an experiment's directory, the name its metadata states."""
    user: int
    """Our effective user id."""
    unchecked_processes: int = 0
    """Processes of other users whose open files this user may not see; negative: none can be checked."""
    in_container: bool = False
    """Programs outside cannot be seen."""
