"""What is said about an experiment, a registered model or a stray: what it is, who needs it, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Experiment, RegisteredModel, Stray
from mlruns_tui.report.words import age_words, elide, plural, size_text, time_text
from mlruns_tui.tui.signs import Signs

from .cells import DIM, Piece, line

Entry = Experiment | Stray | RegisteredModel


def entry_lines(entry: Entry, width: int, now_ms: int, signs: Signs) -> list[Content]:
    """Label and value, one a line."""
    rows: list[tuple[str, str, str]] = []
    if isinstance(entry, Experiment):
        rows += _experiment(entry)
    elif isinstance(entry, RegisteredModel):
        rows += [("model", entry.name, ""), ("versions", f"{entry.versions:,}", "")]
        rows += [("alias", f"{alias} is version {version}", "") for alias, version in entry.aliases]
        if entry.state != "ok":
            rows.append((entry.state, entry.reason, "$error"))
    else:
        rows += [("folder", entry.path, ""), ("what", entry.reason, "")]
    size = entry.size
    if size is None:
        rows.append(("size", signs.unknown, ""))
    else:
        rows.append(("size", f"{size_text(size.size_bytes)} in {plural(size.files, 'file')}", ""))
        if size.newest_ns:
            rows.append(("idle", age_words(max(0, now_ms - size.newest_ns // 1_000_000)), ""))
    rows.append(("path", entry.path or signs.none, ""))
    pieces: list[list[Piece]] = [
        [(f"{label:<10}", DIM), (elide(text, max(8, width - 10), tail=8), style)] for label, text, style in rows
    ]
    return [line(one) for one in pieces]


def _experiment(entry: Experiment) -> list[tuple[str, str, str]]:
    rows = [("name", entry.name or entry.experiment_id, ""), ("id", entry.experiment_id, "")]
    if entry.state != "ok":
        rows.append((entry.state, entry.reason, "$error" if entry.state == "malformed" else "$warning"))
    elif entry.lifecycle_stage == "deleted":
        rows.append(("deleted", "not collected yet", ""))
    rows.append(
        ("runs", f"{entry.runs:,}" + (f", {entry.readable_inside:,} readable" if entry.state != "ok" else ""), "")
    )
    if entry.creation_time is not None:
        rows.append(("created", time_text(entry.creation_time), ""))
    if entry.artifact_location:
        rows.append(("artifacts", entry.artifact_location, ""))
    return rows


def entry_verdict(
    entry: Entry, protections: Sequence[Protection], marked: str, signs: Signs, trouble: str = ""
) -> Content:
    """The first line: may it go? ``trouble``: why nobody can tell now; what is known is from an earlier reading."""
    if not isinstance(entry, Experiment):
        return line([("only experiments and runs are marked for removal", DIM)])
    if protections:
        more = f"  (and {plural(len(protections) - 1, 'more reason')})" if len(protections) > 1 else ""
        sign: Piece = (f"{signs.protected} ", "$secondary")
        return line([sign, ("protected  ", "$secondary bold"), protections[0].reason, (more, DIM)])
    if marked:
        return line([(f"{signs.remove} ", "$accent"), ("marked", "$accent bold"), f": {marked}"])
    if trouble:
        return line([(f"cannot be told now: {trouble}", "$warning")])
    return line([("free to go: needed by nothing", DIM)])
