"""Filter expressions used before, of all stores: the same question is asked of many."""

from __future__ import annotations

import os

from mlruns_tui.disk import look
from mlruns_tui.model.codec import dumps, loads
from mlruns_tui.model.late import dataclass

from .places import state_directory, write_privately

MAX_BYTES = 1 << 20
MOST = 100
MOST_TEXT = 4_000
"""Characters of an expression that is kept."""


@dataclass(frozen=True, slots=True)
class _File:
    expressions: tuple[str, ...]
    format: int = 1


def load_expressions() -> tuple[str, ...]:
    """Oldest first; empty when there are none or they cannot be used."""
    try:
        kept = loads(_File, look.read_small(os.path.join(state_directory(), "expressions.json"), limit=MAX_BYTES))
    except (OSError, ValueError):
        return ()
    return kept.expressions[-MOST:] if kept.format == 1 else ()


def add_expression(text: str) -> tuple[str, ...]:
    """Keep one more, as the newest; what other windows kept meanwhile stays. Gives all of them. Raises OSError."""
    kept = tuple(one for one in load_expressions() if one != text)
    if len(text) <= MOST_TEXT:
        kept = (*kept, text)[-MOST:]
        write_privately(state_directory(), "expressions.json", dumps(_File(kept)).encode("ascii"))
    return kept
