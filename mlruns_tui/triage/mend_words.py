"""What a repair does to a metadata file, in words: of every value that changes, what it was and what it will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlruns_tui.model.text import safe

from .metatext import is_same

LONGEST: Final = 60
"""Characters of one value that are shown."""
_MOST: Final = 12
"""Changes that are named one by one."""


def changes(before: Mapping[Any, Any], after: Mapping[str, Any]) -> str:
    """``status: 99 → 3, user_id added: unknown``; ``written anew`` where every value stays."""
    told = []
    for key in sorted({key for key in before if isinstance(key, str)} | set(after)):
        name = safe(key, LONGEST)
        if key not in after:
            told.append(f"{name} taken out, was {value_words(before[key])}")
        elif key not in before:
            told.append(f"{name} added: {value_words(after[key])}")
        elif not is_same(before[key], after[key]):
            told.append(f"{name}: {value_words(before[key], after[key])} → {value_words(after[key], before[key])}")
    rest = len(told) - _MOST
    more = f" and {rest:,} more" if rest > 0 else ""
    return ", ".join(told[:_MOST]) + more or "written anew"


def value_words(value: Any, other: Any = None) -> str:
    """A value of a metadata file. Beside ``other``, which may look like it, text has its quotes."""
    if value is None:
        return "null"
    if isinstance(value, str):
        quoted = not value or value != value.strip() or (not isinstance(other, str | None) and str(other) == value)
        shown = safe(value, LONGEST)
        return f"'{shown}'" if quoted else shown
    return safe(repr(value) if isinstance(value, list | dict | bytes) else str(value), LONGEST)
