"""What was read of runs for the columns of the table: bounded, and older values stay until newer ones are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mlruns_tui.model.store import container_key
from mlruns_tui.triage.columns import LOST, Cell, cell_of, kind_of, number_of

MOST = 300_000
"""So many cells are kept; then those of other experiments go, then those of columns nobody sees."""


@dataclass(slots=True)
class Look:
    """How the cells of one column are drawn."""

    numbers: bool = True
    """All of them are: they stand right, figure under figure."""
    whole: bool = True
    """None of them has decimals."""


class CellStore:
    """Cells by column and run key, values and names of owners alike."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._cells: dict[str, dict[str, Cell]] = {}
        self._older: dict[str, dict[str, Cell]] = {}
        self._looks: dict[str, Look] = {}

    def __len__(self) -> int:
        return sum(map(len, self._cells.values())) + sum(map(len, self._older.values()))

    def get(self, column: str, key: str) -> tuple[bool, Cell]:
        """Whether it is known, and what it is."""
        for cells in (self._cells, self._older):
            found = cells.get(column)
            if found is not None and key in found:
                return True, found[key]
        return False, None

    def column(self, column: str) -> dict[str, Cell]:
        """A copy of all that is known of one column, by run key."""
        return {**self._older.get(column, {}), **self._cells.get(column, {})}

    def look(self, column: str) -> Look:
        return self._looks.get(column) or Look()

    def missing(self, column: str, keys: Iterable[str]) -> list[str]:
        """Those of these runs that were not read since the store was last looked at."""
        known = self._cells.get(column, {})
        return [key for key in keys if key not in known]

    def take(self, columns: Collection[str], values: Mapping[str, object]) -> bool:
        """What a reader answered for these columns, by run key; whether a column looks otherwise now."""
        from mlruns_tui.model.values import RunValues

        changed = False
        for column in columns:
            cells = self._cells.setdefault(column, {})
            for key, one in values.items():
                if isinstance(one, RunValues):
                    cells[key] = cell = cell_of(one, column)
                    changed |= self._notice(column, cell)
        return changed

    def put(self, column: str, cells: Mapping[str, Cell]) -> None:
        """Cells of one column that came from elsewhere, by run key."""
        self._cells.setdefault(column, {}).update(cells)
        self._looks[column] = Look(numbers=False)

    def _notice(self, column: str, cell: Cell) -> bool:
        if cell is None or cell is LOST:
            return False
        look = self._looks.setdefault(column, Look())
        number = number_of(cell)
        # A metric is a number even where none was read yet; a text among numbers turns its whole column.
        numbers = look.numbers and number is not None
        whole = look.whole and number is not None and number == number and abs(number) < 1e7 and number == int(number)
        changed = (numbers, whole) != (look.numbers, look.whole)
        look.numbers, look.whole = numbers, whole
        return changed

    def stale(self) -> None:
        """The store is read again: what is known is shown until it is read again too."""
        for column, cells in self._cells.items():
            self._older.setdefault(column, {}).update(cells)
        self._cells = {}

    def trim(self, container: str, columns: Collection[str]) -> None:
        """When there is too much: keep the runs of this experiment and these columns."""
        if len(self) <= self._most:
            return
        self._older = {}
        for column in [one for one in self._cells if one not in columns]:
            del self._cells[column]
        if len(self) > self._most:
            for column, cells in self._cells.items():
                self._cells[column] = {key: cell for key, cell in cells.items() if container_key(key) == container}


def decimals(column: str, look: Look) -> bool:
    """Whether whole numbers of this column get decimals too, to stand figure under figure."""
    return kind_of(column) == "metrics" and not look.whole
