"""Panel 4: how much is wrong, by what it does to MLflow. It explains the signs of the tree at once."""

from __future__ import annotations

from mlruns_tui.model.late import dataclass

from .. import render
from ..shown import Shown
from ..signs import Signs
from ..state import UiState
from .cells import DIM, Piece, fit_right, signs_of
from .keyed_list import KeyedList

FRAME = 3
"""Lines of the border, and the one above the rows."""
WORDS = {
    "breaks_store": ("breaks the whole store", "break the whole store"),
    "breaks": ("breaks an experiment or run", "break an experiment or run"),
    "warns": ("warns at every listing", "warn at every listing"),
    "hidden": ("hidden or silent", "hidden or silent"),
}
"""By the name of the sign, for one finding and for several."""
SHORT = {
    "breaks_store": "breaks the store",
    "breaks": "breaks a part",
    "warns": "warns",
    "hidden": "hidden or silent",
}
"""The same where a line has no room for the words."""
BEFORE_WORDS = 11
"""Cells of the sign and the number."""


@dataclass(frozen=True, slots=True)
class FindingCount:
    """Findings of one sign."""

    sign: str
    """Name of the sign in ``Signs``."""
    count: int


def counted(shown: Shown) -> list[FindingCount]:
    """Findings by sign, worst first; signs nothing has are left out."""
    counts = dict.fromkeys(WORDS, 0)
    for impact, number in shown.impacts.items():
        if impact == "breaks-store":
            counts["breaks_store"] += number
        elif impact in ("breaks-experiment", "breaks-run"):
            counts["breaks"] += number
        else:
            counts["warns" if impact == "warns" else "hidden"] += number
    return [FindingCount(sign, number) for sign, number in counts.items() if number]


class FindingsPanel(KeyedList[FindingCount | None]):
    """One line a sign: the sign, how many, what they do. Enter opens the list."""

    KEEP_CURSOR = False

    def __init__(self) -> None:
        super().__init__(id="findings")
        self._head: list[Piece] = []
        self.border_title = "4 findings"

    def show(self, state: UiState, shown: Shown) -> None:
        """The counts of a state, or that nothing is wrong as far as is known."""
        signs = signs_of(self.app)
        if not self.looks_new(shown.impacts, state.diagnosis, state.reading, state.checking, signs):
            return
        found = counted(shown)
        self._head = _head(state, sum(one.count for one in found), signs)
        worst = found[0].sign if found else ""
        for sign in WORDS:
            self.set_class(sign == worst, f"-{sign.replace('_', '-')}")
        self.border_subtitle = "F opens" if found else None
        self.styles.height = FRAME + len(found)
        # Without rows the line above them would not be drawn.
        self.set_rows(found or [None])

    def key_of(self, row: FindingCount | None) -> str:
        return row.sign if row is not None else "none"

    def header_pieces(self, width: int) -> list[Piece]:
        return [(" ", ""), *self._head]

    def row_pieces(self, row: FindingCount | None, width: int) -> list[Piece]:
        if row is None:
            return []
        signs = signs_of(self.app)
        style = {"breaks_store": f"{render.ERROR} bold", "breaks": render.ERROR, "warns": render.WARNING}
        sign = getattr(signs, row.sign)
        return [
            (f"{sign:<3}", style.get(row.sign, DIM)),
            (fit_right(f"{row.count:,}", 6), "bold"),
            (f"  {words_of(row, width - BEFORE_WORDS)}", DIM),
        ]


def words_of(row: FindingCount, width: int) -> str:
    """What findings of a sign do, in ``width`` cells."""
    words = WORDS[row.sign][row.count != 1]
    return words if len(words) <= width else SHORT[row.sign]


def _head(state: UiState, number: int, signs: Signs) -> list[Piece]:
    """How far it was looked, and with which MLflow in mind."""
    if state.reading:
        return [("still reading…", DIM)]
    if state.checking:
        return [(f"looking into {state.checking}…", DIM)]
    if state.diagnosis is None:
        return [("not looked through yet", DIM)]
    if not number:
        return [(f"{signs.finished} ", render.SUCCESS), ("nothing wrong found", DIM)]
    return [(f"with MLflow {state.diagnosis.version}", DIM)]
