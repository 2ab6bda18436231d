"""Params, metrics, tags and datasets of runs, read only where somebody asks for them by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .late import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of each run. Names as the user wrote them; they never come out of a file."""

    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    datasets: bool = False
    artifact_uri: bool = False

    def __bool__(self) -> bool:
        return bool(self.metrics or self.params or self.tags or self.datasets or self.artifact_uri)

    def __add__(self, other: Wanted) -> Wanted:
        return Wanted(
            tuple(dict.fromkeys(self.metrics + other.metrics)),
            tuple(dict.fromkeys(self.params + other.params)),
            tuple(dict.fromkeys(self.tags + other.tags)),
            self.datasets or other.datasets,
            self.artifact_uri or other.artifact_uri,
        )


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """One dataset a run was given, and what for (``mlflow.data.context``)."""

    name: str
    digest: str
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunValues:
    """What was found of one run. Texts are exactly as written, to be compared: ``model.text.safe`` them to show."""

    key: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each, as MLflow means it: of the highest step, then the latest time."""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetUse, ...] = ()
    artifact_uri: str | None = None
    unreadable: frozenset[str] = frozenset()
    """What is there and could not be read: ``metrics.loss``, ``params.lr``, ``datasets``; nothing is known of it."""


@dataclass(frozen=True, slots=True)
class ValueNames:
    """Names in use, safe to show, in order."""

    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exact: Mapping[str, str] = field(default_factory=dict)
    """How those are really called that are shown otherwise, by ``metrics.<name>``, ``params.<name>`` …"""
