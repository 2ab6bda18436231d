"""Memory that was freed, given back to the system.

glibc keeps what lies between two values that are still there: of a reading of 100,000 runs a third of all the
reader has. Elsewhere (macOS, musl) nothing is done.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from functools import cache


def give_back() -> None:
    """A few milliseconds where there is much to give."""
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of the C library, None where it has none or cannot be asked."""
    # Only here: a reader that is short has no use for it.
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return trim
    return None
