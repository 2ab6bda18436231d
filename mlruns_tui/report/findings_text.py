"""Findings as text: worst first, what is wrong, where, and what would help."""

from __future__ import annotations

from collections.abc import Sequence

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import IMPACTS, Impact

from .tables import Column, table
from .words import plural

MEANING: dict[Impact, str] = {
    "breaks-store": "MLflow lists nothing at all",
    "breaks-experiment": "searching its runs, traces or models fails",
    "breaks-run": "this run cannot be opened",
    "warns": "a warning at every listing",
    "hidden": "MLflow passes over it; it only fills the disk",
    "silent": "MLflow notices nothing",
}
MIGRATION = {"ok": "carried over", "fails": "makes it fail", "orphans-runs": "leaves runs behind"}


def findings_lines(findings: Sequence[Finding], mlflow_version: str, width: int | None = None) -> list[str]:
    """A table of the findings and what their impacts mean, or one line that nothing is wrong."""
    if not findings:
        return [f"Nothing wrong found. MLflow {mlflow_version} reads all of it."]
    columns = (
        Column("impact"), Column("what", gives_way=True), Column("where", gives_way=True), Column("remedy"),
        Column("mlflow migrate-filestore"),
    )  # fmt: skip
    rows = [
        (
            one.impact,
            safe(one.what or one.message),
            safe(one.path) + (f":{one.line}" if one.line is not None else ""),
            one.remedy,
            MIGRATION[one.migration],
        )
        for one in findings
    ]
    lines = table(columns, rows, width)
    lines.append("")
    for impact in IMPACTS:
        if number := sum(one.impact == impact for one in findings):
            lines.append(f"{impact:18}{number:>6,}  {MEANING[impact]}")
    return [*lines, "", f"{plural(len(findings), 'finding')}, as MLflow {mlflow_version} behaves"]
