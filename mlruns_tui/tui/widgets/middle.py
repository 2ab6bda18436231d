"""A sentence in the middle of an empty panel."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from .cells import Piece, line, wrap

MARGIN = 4
"""Cells kept free at both sides together."""


def middle_line(pieces: Sequence[Piece], y: int, width: int, height: int) -> list[Piece]:
    """Pieces of line ``y`` of a panel when ``pieces`` stand centred in it; empty for a blank line."""
    if not pieces or width < 2 * MARGIN:
        return []
    lines = wrapped(pieces, width - MARGIN)
    top = max(1, (height - len(lines)) // 2)
    if not top <= y < top + len(lines):
        return []
    content = lines[y - top]
    found: list[Piece] = [(" " * ((width - content.cell_length) // 2), "")]
    at = 0
    for span in sorted(content.spans, key=lambda one: one.start):
        found += [(content.plain[at : span.start], "$dim"), (content.plain[span.start : span.end], str(span.style))]
        at = span.end
    return [*found, (content.plain[at:], "$dim")]


def wrapped(pieces: Sequence[Piece], width: int) -> list[Content]:
    """Pieces broken at spaces, their styles kept."""
    whole = line(pieces)
    lines: list[Content] = []
    at = 0
    for text in wrap(whole.plain, width):
        start = whole.plain.index(text, at) if text else at
        lines.append(whole[start : start + len(text)])
        at = start + len(text)
    return lines
