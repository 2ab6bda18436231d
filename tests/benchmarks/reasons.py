"""Why a measure may miss its target: said below its row, and only there where it does."""

from __future__ import annotations

REASONS = {
    "full scan, warm": "a listing and a status call an entry cost a loop in Python that does nothing else 1.3 times "
    "the processor time of du, and reading metadata, the sum and the start come on top: below du only where two "
    "cores are free, and a small store is mostly start",
    "full scan, seed, CPU": "du alone, which reads no metadata, takes 1/20 of MLflow's processor time",
    "first frame": "a bare app is nearly all import of Textual; ours loads a hundred modules more and lays out and "
    "draws three panels where it has one, while the store is read on the same cores",
    "key to frame": "rows are sorted, filtered and judged behind the screen before they are drawn, and a page draws "
    "forty of them; the bare app has none",
    "memory a run": "whoever holds a run takes 650 bytes for it (the value, its path, id and name, four sizes), the "
    "reader and the screen both do, and the look for findings holds every id it compares",
}
"""By how the name of a measure begins."""


def reason(measure: str) -> str:
    """Empty for a measure nobody has looked into."""
    return next((why for start, why in REASONS.items() if measure.startswith(start)), "")
