"""A parsed expression, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlruns_tui.model.values import Wanted

Source = Literal["metric", "param", "tag", "dataset", "run"]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE", "IN", "NOT IN", "IS NULL",
    "IS NOT NULL", "ANY",
]  # fmt: skip
"""``ANY``: a field alone, true where it has something to say (``protected``, ``impact``)."""
Value = str | int | float | tuple[str, ...] | None
"""Bytes, milliseconds and counts are numbers; texts are as written between the quotes."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a clause looks at: ``Field("metric", "loss")``, ``Field("run", "size")``."""

    source: Source
    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """One clause."""

    field: Field
    operator: Operator
    value: Value = None


@dataclass(frozen=True, slots=True)
class And:
    """All of them; none of them: always true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = Compare | And | Or | Not


@dataclass(frozen=True, slots=True)
class Expression:
    """A whole filter."""

    text: str
    node: Node
    wanted: Wanted = Wanted()
    """What must be read of a run to decide, besides what a snapshot has."""
    attributes: frozenset[str] = frozenset()
    """Fields of the run itself that it asks about."""
