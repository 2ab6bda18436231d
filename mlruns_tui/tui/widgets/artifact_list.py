"""A run's artifacts as a tree, largest first, folders opened one by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from textual.content import Content

from mlruns_tui.model.details import ArtifactEntry
from mlruns_tui.report.words import size_text
from mlruns_tui.tui.signs import Signs

from .cells import DIM, Piece, fit, fit_right, line


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One line of the tree."""

    entry: ArtifactEntry
    name: str
    depth: int
    open: bool


def artifact_rows(entries: Sequence[ArtifactEntry], opened: Collection[str]) -> list[ArtifactRow]:
    """Lines of the tree. An entry whose folder is not in the list hangs below the nearest one that is."""
    folders = {entry.path for entry in entries if entry.is_dir}
    below: dict[str, list[ArtifactEntry]] = {}
    for entry in entries:
        parent = entry.path
        while parent:
            parent = parent.rpartition("/")[0]
            if parent in folders:
                break
        below.setdefault(parent, []).append(entry)
    rows: list[ArtifactRow] = []
    stack = [(entry, "", 0) for entry in reversed(_largest_first(below.get("", ())))]
    while stack:
        entry, parent, depth = stack.pop()
        is_open = entry.is_dir and entry.path in opened
        rows.append(ArtifactRow(entry, entry.path[len(parent) :].lstrip("/"), depth, is_open))
        if is_open:
            stack += [(one, entry.path, depth + 1) for one in reversed(_largest_first(below.get(entry.path, ())))]
    return rows


def _largest_first(entries: Sequence[ArtifactEntry]) -> list[ArtifactEntry]:
    return sorted(entries, key=lambda entry: (-entry.size_bytes, entry.path))


def paint_artifact(row: ArtifactRow, width: int, signs: Signs) -> Content:
    entry = row.entry
    fold = (signs.opened if row.open else signs.closed) if entry.is_dir else " "
    name = row.name + ("/" if entry.is_dir else "")
    if entry.link:
        name += f" -> {entry.link}"
    indent = min(row.depth * 2, 8)
    pieces: list[Piece] = [
        (" " * indent, ""),
        (f"{fold} ", DIM),
        (fit(name, max(4, width - indent - 2 - 5 - 9 - 1)), DIM if entry.link else ""),
        (fit_right(f"{entry.files:,}" if entry.is_dir else "", 5), DIM),
        (fit_right(size_text(entry.size_bytes), 9), ""),
    ]
    return line(pieces)
