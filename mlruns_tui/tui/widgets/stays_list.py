"""What stays although it was asked for, as rows: by reason, or one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from mlruns_tui.model.plan import RefusedItem
from mlruns_tui.model.store import container_key
from mlruns_tui.model.words import ProtectionKind
from mlruns_tui.tui.signs import Signs

from .cells import DIM, Piece, cut, fit, fit_right, line

KIND_WORDS: Mapping[ProtectionKind, str] = {
    "model-version": "registered model",
    "logged-model": "logged model",
    "parent": "child runs kept",
    "running": "may be running",
    "too-fresh": "just written to",
    "other-owner": "someone else's",
    "keep-tag": "keep tag",
    "default-experiment": "experiment 0",
    "last-experiment": "last experiment",
    "unclaimed": "database not found",
    "holds-runs": "holds readable runs",
    "open-by-writer": "open in a program",
    "link": "symbolic link",
    "other-device": "on another disk",
    "unreadable": "cannot be looked at",
    "claimed": "needed by a database",
}


@dataclass(frozen=True, slots=True)
class StaysRow:
    """One line of what stays: a kind of protection with its count, or (``count`` 0) a single item."""

    count: int
    what: str
    reason: str
    place: str = ""
    """Name of the experiment a single run is in."""


def stays_by_kind(refused: Sequence[RefusedItem]) -> list[StaysRow]:
    """What stays, by the first protection of each item, most first."""
    kinds: dict[ProtectionKind, list[RefusedItem]] = {}
    for item in refused:
        kinds.setdefault(item.protected[0].kind, []).append(item)
    rows = []
    for kind, items in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        reasons = list(dict.fromkeys(item.protected[0].reason for item in items))
        rows.append(StaysRow(len(items), KIND_WORDS[kind], reasons[0] + (", …" if len(reasons) > 1 else "")))
    return rows


def stays_one_by_one(refused: Sequence[RefusedItem], names: Mapping[str, str]) -> list[StaysRow]:
    """Every item that stays, with all its reasons."""
    rows = []
    for item in refused:
        own = item.name or item.run_id or item.experiment_id
        place = names.get(container_key(item.key), "") if item.run_id else ""
        rows.append(StaysRow(0, own, "; ".join(one.reason for one in item.protected), place))
    return rows


def paint_stays(signs: Signs, row: StaysRow, width: int) -> Content:
    mark: Piece = (signs.protected, "$secondary")
    if row.count:
        return line(
            [mark, (fit_right(f"{row.count:,}", 5) + "  ", ""), (fit(row.what, 19) + " ", ""),
             (cut(row.reason, width - 28), DIM)]
        )  # fmt: skip
    place = 24 if width >= 90 else 0
    name = max(10, (width - place) * 40 // 100)
    return line(
        [mark, (" " + fit(row.what, name - 3) + " ", ""), (fit(row.place, place), DIM),
         (cut(row.reason, width - name - place), DIM)]
    )  # fmt: skip
