"""How far a look for copies of the same artifacts is, and what it found, in words."""

from __future__ import annotations

from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.report.words import plural, size_text


def comparing_words(far: Comparing) -> str:
    """``34 % of 12.1 GB read, Esc stops``."""
    if not far.to_read_bytes:
        return f"{far.listed:,} of {far.runs:,} runs looked at, Esc stops"
    share = min(100, far.read_bytes * 100 // far.to_read_bytes)
    return f"{share} % of {size_text(far.to_read_bytes)} read, Esc stops"


def duplicates_words(found: Duplicates) -> str:
    """What a comparison found and which copy stays."""
    if not found.groups:
        said = "no two runs have the same artifacts"
    else:
        runs = plural(sum(map(len, found.groups)), "run")
        said = f"{runs} in {plural(len(found.groups), 'group')} of the same artifacts; of each the oldest stays"
    return said + (f"; {plural(len(found.unread), 'run')} could not be compared" if found.unread else "")
