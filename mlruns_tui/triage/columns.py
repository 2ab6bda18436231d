"""Columns of the run table as values: what there is to show of a run, and runs sorted by what was read of them.

A column of our own is called ``size`` or ``age``; one of a run's values ``metrics.val_loss``, ``params.lr`` or
``tags.team``, with the exact name behind the first dot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import Run
from mlruns_tui.model.values import RunValues, Wanted

from .ordering import natural, where_equal_by_name

OwnColumn = Literal[
    "status", "age", "idle", "size", "files", "duration", "user", "owner", "state", "started", "ended", "id",
]  # fmt: skip
OWN: Final[tuple[OwnColumn, ...]] = (
    "status", "age", "idle", "size", "files", "duration", "user", "owner", "state", "started", "ended", "id",
)  # fmt: skip
VALUE_KINDS: Final = ("metrics", "params", "tags")
LEAST_WIDTH: Final = 3
MOST_WIDTH: Final = 60
MOST_TEXT: Final = 200
"""Characters of a param or tag that a table keeps."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column somebody chose."""

    name: str
    width: int = 0
    """Cells; 0: what the column needs."""


class Lost:
    """Stands for a value that is there and cannot be read."""


LOST: Final = Lost()
Cell = float | str | Lost | None
"""One run's value in one column: a metric, a param or tag as text, none there, or not readable."""


def kind_of(name: str) -> str:
    """``metrics``, ``params`` or ``tags`` for a column of values; empty for one of our own."""
    kind, dot, _ = name.partition(".")
    return kind if dot and kind in VALUE_KINDS else ""


def label_of(name: str) -> str:
    """What stands above the column, not yet safe to show."""
    return name.partition(".")[2] if kind_of(name) else name


def is_column(name: str) -> bool:
    return name in OWN or bool(kind_of(name) and label_of(name))


def wanted_of(names: Iterable[str]) -> Wanted:
    """What a reader must be asked for to fill these columns."""
    found: dict[str, list[str]] = {kind: [] for kind in VALUE_KINDS}
    for name in names:
        if kind := kind_of(name):
            found[kind].append(label_of(name))
    metrics, params, tags = (tuple(dict.fromkeys(found[kind])) for kind in VALUE_KINDS)
    return Wanted(metrics, params, tags)


def cell_of(values: RunValues, name: str) -> Cell:
    """What a run has in a column of values."""
    kind, label = kind_of(name), label_of(name)
    if name in values.unreadable:
        return LOST
    if kind == "metrics":
        return values.metrics.get(label)
    text = (values.params if kind == "params" else values.tags).get(label)
    return None if text is None else text[:MOST_TEXT]


def number_of(cell: Cell) -> float | None:
    """The number a cell is, if it is one: texts count when they are written as one."""
    if isinstance(cell, float):
        return cell
    if isinstance(cell, str):
        try:
            # "1_000" and "infinity" are numbers to Python only.
            return float(cell) if cell.strip() and "_" not in cell and not cell.strip(" +-")[:1].isalpha() else None
        except ValueError:
            return None
    return None


def sorted_by_cell(runs: Sequence[Run], cells: Mapping[str, Cell], descending: bool) -> list[Run]:
    """Runs by their value in one column: numbers as numbers, then texts, then ``nan``; those without a value come
    last whichever way round it is, and equal ones stand by name.

    ``cells``: by run key.
    """
    numbers: list[float] = []
    numbered: list[Run] = []
    texts: list[str] = []
    texted: list[Run] = []
    strange: list[Run] = []
    missing: list[Run] = []
    for run in runs:
        cell = cells.get(run.key)
        number = number_of(cell)
        if number is not None:
            if math.isnan(number):
                strange.append(run)
            else:
                numbers.append(number)
                numbered.append(run)
        elif isinstance(cell, str):
            texts.append(natural(cell))
            texted.append(run)
        else:
            missing.append(run)
    first = _sorted(numbered, numbers, descending)
    second = _sorted(texted, texts, descending)
    same = lambda run: 0  # noqa: E731
    return [*first, *second, *where_equal_by_name(strange, same), *where_equal_by_name(missing, same)]


def _sorted(runs: list[Run], values: list[float] | list[str], descending: bool) -> list[Run]:
    order = sorted(range(len(runs)), key=values.__getitem__, reverse=descending)
    rank = {id(runs[at]): values[at] for at in order}
    return where_equal_by_name([runs[at] for at in order], lambda run: rank[id(run)])
