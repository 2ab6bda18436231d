"""Which command helps with what was found, and what needs a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.text import safe

from .words import plural

SHOWN = 3
"""Runs that are named for the command that removes them."""


def clean_up_lines(findings: Sequence[Finding], root: str) -> list[str]:
    """What the clean-up removes, and what above ``silent`` only a person can settle; no line where there is neither."""
    lines = []
    removed = [one for one in findings if one.remedy == "remove"]
    whole = {one.path.removesuffix("/meta.yaml") for one in removed if not one.run_id}
    # What is in an experiment that goes goes with it.
    runs = list(dict.fromkeys(one.run_id for one in removed if one.run_id and not _is_below(one.path, whole)))
    experiments = sum(not _is_below(one, whole) for one in whole)
    if experiments:
        what = plural(experiments, "experiment")
        lines.append(f"The clean-up is for {what}: mlruns-tui cleanup {safe(root)} --dry-run")
    if runs:
        named = " ".join(f"--run {safe(one, 80)}" for one in runs[:SHOWN])
        more = f", and {len(runs) - SHOWN:,} more" if len(runs) > SHOWN else ""
        lines.append(
            f"{plural(len(runs), 'run')} without a use {'goes' if len(runs) == 1 else 'go'} by id: "
            f"mlruns-tui cleanup {safe(root)} {named} --dry-run{more}"
        )
    left = sum(one.remedy == "none" and one.impact != "silent" for one in findings)
    if left:
        lines.append(f"{plural(left, 'finding')} above silent only a person can settle: F in the screen says why.")
    return lines


def _is_below(path: str, folders: Collection[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)
