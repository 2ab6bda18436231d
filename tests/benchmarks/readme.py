"""Puts measured rows into the README's table: ``python tests/benchmarks/readme.py FILE …`` (of ``run.py --json``).

Rows of measures that are not in these files stay as they are.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[2] / "README.md"
_BLOCK = re.compile(r"<!-- speed -->\n(.*?)<!-- /speed -->\n", re.DOTALL)
HEAD = "| measure | reference | ours | reference | ratio | target | met |\n|---|---|---|---|---|---|---|\n"


def row_line(row: dict[str, Any]) -> str:
    """One line of the table, for a row that has a ratio."""
    figures = [_figure(row[one], row["unit"]) for one in ("ours", "reference")]
    cells = [row["measure"], row["reference_name"], *figures, f"{row['ratio']:.2g}", f"{row['target']:.2g}", row["met"]]
    return f"| {' | '.join(cells)} |\n"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"


def with_rows(text: str, rows: list[dict[str, Any]]) -> str:
    """The README with these rows in place of those of the same measures. Raises ValueError without a table."""
    block = _BLOCK.search(text)
    if block is None:
        raise ValueError(f"{README.name} has no <!-- speed --> table")
    lines = {line.split(" | ")[0][2:]: f"{line}\n" for line in block[1].splitlines()[2:]}
    lines.update({row["measure"]: row_line(row) for row in rows if row["ratio"] is not None})
    return text[: block.start(1)] + HEAD + "".join(lines.values()) + text[block.end(1) :]


def main(files: list[str]) -> None:
    text = README.read_text(encoding="utf-8")
    for file in files:
        text = with_rows(text, json.loads(Path(file).read_text(encoding="utf-8"))["rows"])
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
