"""What is said about one run: whether it may go, what it is, and who needs it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlruns_tui.model.details import RunDetails
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Run, Snapshot, StoreInfo
from mlruns_tui.report.words import (
    age_words,
    ago_text,
    duration_text,
    elide,
    plural,
    run_sentence,
    size_text,
    status_word,
    time_text,
)
from mlruns_tui.triage.rules import idle_ms
from mlruns_tui.tui.render import impact_style, status_style
from mlruns_tui.tui.signs import Signs
from mlruns_tui.workflow.diagnosing import unseen_writers
from mlruns_tui.workflow.repairing import repairable

from .cells import DIM, KEY, Piece, line, wrap

NEEDS = frozenset({"model-version", "logged-model", "parent", "claimed"})
"""Protections that mean somebody else needs the run."""


def verdict(
    run: Run | None, protections: Sequence[Protection], marked: str, now_ms: int, signs: Signs, trouble: str = ""
) -> Content:
    """The first line: may it go? ``trouble``: why nobody can tell now; what is known is from an earlier reading."""
    if run is None:
        return line([("not in the store any more", "$warning")])
    if protections:
        more = f"  (and {plural(len(protections) - 1, 'more reason')})" if len(protections) > 1 else ""
        return line(
            [
                (f"{signs.protected} ", "$secondary"),
                ("protected  ", "$secondary bold"),
                protections[0].reason,
                (more, DIM),
            ]
        )
    if marked:
        return line([(f"{signs.remove} ", "$accent"), ("marked", "$accent bold"), f": {marked}"])
    if trouble:
        return line([(f"cannot be told now: {trouble}", "$warning")])
    return line([(f"free to go: {run_sentence(run, now_ms)}, quiet, needed by nothing", DIM)])


def run_lines(
    run: Run | None, details: RunDetails | None, run_id: str, width: int, now_ms: int, signs: Signs
) -> list[Content]:
    """Label and value, one a line."""
    rows: list[tuple[str, list[Piece]]] = [("run id", [(elide(run_id, width - 9, tail=8), "")])]
    if run is not None:
        word = status_word(run, now_ms)
        rows.append(("status", [(f"{signs.status(word)} ", status_style(word)), (word, "")]))
        if run.lifecycle_stage == "deleted" and run.deleted_time:
            rows.append(("deleted", _when(run.deleted_time, now_ms)))
        rows.append(("ended", _when(run.end_time, now_ms)))
        started = _when(run.start_time, None)
        if run.start_time is not None and run.end_time is not None and run.end_time >= run.start_time:
            started.append((f"  ran {duration_text(run.end_time - run.start_time)}", DIM))
        rows.append(("started", started))
        size = run.size
        if size is None:
            rows += [("idle", [(signs.unknown, DIM)]), ("size", [(signs.unknown, DIM)])]
        else:
            idle = idle_ms(size.newest_ns, now_ms) if size.newest_ns else None
            rows.append(("idle", [(signs.none if idle is None else age_words(max(idle, 0)), "")]))
            rows.append(("size", [(size_text(size.size_bytes), ""), (f" in {plural(size.files, 'file')}", DIM)]))
        rows.append(("user", [(run.user_id or signs.none, "")]))
    waiting = signs.unknown if details is None else signs.none
    rows.append(("source", [((details.source if details else "") or waiting, "")]))
    rows.append(("commit", [((details.commit if details else "")[:12] or waiting, "")]))
    if run is not None:
        if run.reason:
            rows.append(("malformed", [(run.reason, "$error")]))
        rows.append(("path", [(elide(run.path, width - 9, tail=8), "")]))
    return [line([(f"{word:<9}", DIM), *pieces]).truncate(max(width, 1), ellipsis=True) for word, pieces in rows]


def _when(ms: int | None, now_ms: int | None) -> list[Piece]:
    pieces: list[Piece] = [(time_text(ms), "")]
    if ms is not None and now_ms is not None:
        pieces.append((f"  {ago_text(max(0, now_ms - ms))}", DIM))
    return pieces


def needed_lines(protections: Sequence[Protection], snapshot: Snapshot, width: int, signs: Signs) -> list[Content]:
    """Who needs the run, then what else keeps it."""
    aliases = {
        f"version {version} of {model.name}": alias for model in snapshot.models for alias, version in model.aliases
    }
    lines: list[Content] = []
    for one in protections:
        if one.kind not in NEEDS:
            continue
        lines += _item(f"{signs.protected} ", "$secondary", one.reason, width)
        lines += [
            line([(f"  alias {alias}", DIM)])
            for who, alias in aliases.items()
            if one.reason.startswith(f"{who} ") and f"alias {alias}" not in one.reason
        ]
    if not lines:
        lines = [line([(f"{signs.unneeded} ", DIM), ("nothing points here", DIM)])]
    else:
        lines += [line([(f"{signs.unneeded} ", DIM), ("nothing else points here", DIM)])]
    others = [one for one in protections if one.kind not in NEEDS]
    if others:
        lines += [Content(), line([("kept besides because", DIM)])]
        for one in others:
            lines += _item(f"{signs.protected} ", "$secondary", one.reason, width)
    return lines


def read_lines(details: RunDetails | None, store: StoreInfo, width: int, signs: Signs) -> list[Content]:
    """What was read of the run alone: who names it besides and is no reason to keep it, and who writes to it."""
    if details is None:
        return []
    lines: list[Content] = []
    if details.referring:
        lines += [Content(), line([("named besides by", DIM)])]
        for one in details.referring:
            lines += _item(f"{signs.unneeded} ", DIM, one, width)
    now = [*(f"open for writing by {one}" for one in details.writers), *unseen_writers(details, store)]
    if now:
        lines += [Content(), line([("writers", DIM)])]
        for one in now:
            lines += _item(f"{signs.protected} " if details.writers else "  ", "$secondary", one, width)
    return lines


def finding_lines(findings: Sequence[Finding], width: int, signs: Signs, whole_path: bool = False) -> list[Content]:
    """What is wrong, one below the other. ``whole_path``: of the store, not below the run."""
    lines: list[Content] = []
    for one in findings:
        style = impact_style(one.impact)
        lines.append(line([(f"{signs.impact(one.impact)} ", style), (one.impact, style)]))
        lines += [line([(f"  {part}", "")]) for part in wrap(one.message, width - 2)]
        inside = one.path if whole_path else one.path.partition(f"{one.run_id}/")[2] if one.run_id else ""
        if inside:
            inside += "" if one.line is None else f":{one.line}"
            lines += [line([(f"  {part}", DIM)]) for part in wrap(inside, width - 2)]
        if repairable([one]):
            lines.append(line([("  ", ""), ("e", KEY), (" repair", DIM)]))
        elif one.remedy != "none":
            lines.append(line([(f"  remedy: {one.remedy}", DIM)]))
    return lines


def _item(sign: str, style: str, text: str, width: int) -> list[Content]:
    first, *rest = wrap(text, width - 2)
    return [line([(sign, style), first]), *(line([f"  {part}"]) for part in rest)]
