"""Values of a store as pieces of text with a style: bars, signs, sentences. Foreign text is styled here only.

A piece is a text and a style in theme variables (see ``widgets.cells``); nothing here draws.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.store import Experiment, Run, Stray, container_key
from mlruns_tui.model.words import Impact
from mlruns_tui.report.words import (
    age_words,
    ago_text,
    plural,
    run_sentence,
    size_text,
)
from mlruns_tui.triage.views import TreeRow

from .signs import Signs
from .state import UiState
from .widgets.cells import DIM, FAINT, Piece

PLAIN = ""
BOLD = "bold"
MARK = "$accent"
MARK_BOLD = "$accent bold"
PROTECTED = "$secondary"
ERROR = "$error"
WARNING = "$warning"
SUCCESS = "$success"
BAR = "$bar"

_STATUS_STYLES = {
    "finished": DIM,
    "failed": ERROR,
    "killed": WARNING,
    "running": SUCCESS,
    "running?": WARNING,
    "scheduled": DIM,
    "deleted": DIM,
    "malformed": ERROR,
}

RULE_TITLES = {"mark": "by hand", "old": "old", "orphaned": "orphaned"}


def status_style(word: str) -> str:
    """Style for a word of ``report.words.status_word``."""
    return _STATUS_STYLES.get(word, DIM)


def impact_style(impact: Impact) -> str:
    if impact == "breaks-store":
        return "$error bold"
    if impact in ("breaks-experiment", "breaks-run"):
        return ERROR
    return WARNING if impact == "warns" else DIM


def bar(part: int, whole: int, longest: int, cells: int, signs: Signs) -> list[Piece]:
    """``whole`` as a bar where ``longest`` fills all ``cells``, half-cell steps; the ``part`` of it that
    goes comes first, in whole cells, at least one if any, never all unless all goes."""
    if longest <= 0 or whole <= 0:
        return [(" " * cells, PLAIN)]
    halves = round(whole / longest * cells * 2)
    full, half = divmod(halves, 2)
    text = signs.bar * full + (signs.half_bar * half if signs.half_bar else "")
    amber = 0
    if part >= whole:
        amber = len(text)
    elif part > 0:
        amber = min(max(1, round(part / whole * full)), max(0, len(text) - 1))
    pieces = [
        (text[:amber].replace(signs.bar, signs.going_bar), MARK),
        (text[amber:], BAR),
        (" " * (cells - len(text)), PLAIN),
    ]
    return [piece for piece in pieces if piece[0]]


def progress_bar(done: float, cells: int, signs: Signs) -> list[Piece]:
    """A line with a track: ``done`` of 1."""
    halves = round(max(0.0, min(1.0, done)) * cells * 2)
    full, half = divmod(halves, 2)
    if not signs.half_bar:
        half = 0
    text = signs.bar * full + signs.half_bar * half
    return [(text, "$primary"), (signs.rest_bar * (cells - len(text)), FAINT)]


def reading_pieces(state: UiState, signs: Signs) -> list[Piece]:
    """The line shown while a scan runs; per cent and time only with an estimate."""
    progress = state.progress
    pieces: list[Piece] = [("reading ", PLAIN)]
    if progress.stage == "sizes" and progress.runs_found:
        done = progress.runs_sized / progress.runs_found
        pieces += [*progress_bar(done, 24, signs), (f"  {done * 100:.0f} %   ", BOLD)]
    else:
        done = 0.0
        pieces.append(("  ", PLAIN))
    counts = [f"{plural(progress.runs_found, 'run')} found"]
    if progress.runs_read < progress.runs_found and progress.stage != "sizes":
        counts.append(f"{progress.runs_read:,} read")
    else:
        counts.append(f"{progress.runs_sized:,} sized")
    counts.append(plural(progress.files, "file"))
    if done > 0.02:
        left = progress.elapsed_ms * (1 - done) / done
        counts.append(f"about {age_words(round(left))} left")
    return [*pieces, (" · ".join(counts), DIM)]


def ended_text(state: UiState) -> str:
    """What is said when a scan is over."""
    progress = state.progress
    if progress.stage == "stopped":
        return f"stopped: {progress.runs_sized:,} of {plural(progress.runs_found, 'run')} sized. R reads on"
    snapshot = state.snapshot
    experiments = sum(one.place == "root" for one in snapshot.experiments)
    runs = sum(one.runs for one in snapshot.experiments if one.place == "root")
    said = (
        f"read in {progress.elapsed_ms / 1000:.1f} s: {plural(experiments, 'experiment')}, {plural(runs, 'run')}, "
        f"{size_text(snapshot.total.size_bytes)} in {plural(snapshot.total.files, 'file')}"
    )
    return f"{said}. {plural(len(state.findings), 'finding')}" if state.findings else said


def row_pieces(
    state: UiState, badges: Mapping[str, Finding], now_ms: int, signs: Signs, short: bool = False
) -> list[Piece]:
    """The row under the cursor spelled out: what it is, its size, its mark or why it stays.

    ``short``: without the particulars that leave no room for the reason in a small window.
    """
    if state.list_panel == "runs":
        return _run_pieces(state, state.run, badges, now_ms, signs, short) if state.run else []
    row = state.entry
    if row is None:
        return []
    pieces: list[Piece] = [(row.name, BOLD), ("  ", PLAIN)]
    entry = row.entry
    if isinstance(entry, Experiment):
        pieces += _experiment_pieces(entry, row, short)
        pieces += _fate(state, entry.key, signs)
        if (finding := badges.get(entry.key)) is not None:
            pieces += [("   ", PLAIN), *_finding(finding, signs)]
    elif isinstance(entry, Stray):
        pieces.append((f"{entry.reason} · {size_text(row.size_bytes)}", DIM))
        if (finding := badges.get(entry.key)) is not None:
            pieces += [("   ", PLAIN), *_finding(finding, signs)]
    elif row.kind == "model" and entry is not None:
        said = f"registered model, {plural(entry.versions, 'version')} · {size_text(row.size_bytes)}"
        pieces.append((said + (f" · {entry.reason}" if entry.reason else ""), DIM))
    elif row.kind == "backups":
        pieces.append((f"what was removed and can be put back: {size_text(row.size_bytes)}", DIM))
    else:
        pieces.append((GROUP_WORDS[row.group], DIM))
    return pieces


GROUP_WORDS = {
    "experiments": "MLflow's experiments",
    "orphaned": "in the place of an experiment, without meta.yaml and claimed by nothing",
    "malformed": "their metadata cannot be used by MLflow",
    "unclaimed": "artifacts of a database that was not found; never offered",
    "stray": "directories that are neither experiment nor run",
    "claimed": "directories another experiment or a database keeps artifacts in",
    "trash": "MLflow's own .trash: deleted, not collected",
    "models": "the model registry",
    "backups": "what was removed and can be put back",
}


def _run_pieces(
    state: UiState, run: Run, badges: Mapping[str, Finding], now_ms: int, signs: Signs, short: bool
) -> list[Piece]:
    said = run_sentence(run, now_ms)
    if short and run.state == "ok" and run.lifecycle_stage != "deleted":
        said = said.partition(", ran ")[0].partition(", started ")[0]
    if run.size is None:
        said += " · size not known yet"
    else:
        said += f" · {size_text(run.size.size_bytes)}"
        said += "" if short else f" in {plural(run.size.files, 'file')}"
    if run.user_id and not short:
        said += f" · {run.user_id}"
    pieces: list[Piece] = [(run.name or run.run_id, BOLD), ("  ", PLAIN), (said, DIM)]
    pieces += _fate(state, run.key, signs)
    if (finding := badges.get(run.key)) is not None and run.state == "ok":
        pieces += [("   ", PLAIN), *_finding(finding, signs)]
    return pieces


def _experiment_pieces(entry: Experiment, row: TreeRow, short: bool) -> list[Piece]:
    said = []
    if entry.state != "ok":
        said.append(f"{entry.state}: {entry.reason}" if entry.reason else entry.state)
    elif entry.lifecycle_stage == "deleted":
        said.append("deleted, not collected")
    said.append(plural(entry.runs, "run"))
    size = size_text(row.size_bytes) + ("+" if row.growing and row.size_bytes is not None else "")
    said.append(f"{size} in {plural(entry.size.files, 'file')}" if entry.size and not short else size)
    if entry.trouble and "unreadable" in entry.trouble:
        said.append("part of it cannot be read")
    return [(" · ".join(said), DIM)]


def _finding(finding: Finding, signs: Signs) -> list[Piece]:
    return [
        (f"{signs.impact(finding.impact)} {finding.impact}: ", impact_style(finding.impact)),
        (finding.message, DIM),
    ]


def _fate(state: UiState, key: str, signs: Signs) -> list[Piece]:
    """What is to become of the item: its error, its mark, or why it stays."""
    gap: Piece = ("   ", PLAIN)
    if key in state.mark_errors:
        return [gap, (f"{signs.failed} ", ERROR), (state.mark_errors[key], PLAIN)]
    mark = state.marks.by_key.get(key)
    if mark is not None:
        rule = "" if mark.rule == "mark" else f"{RULE_TITLES.get(mark.rule, mark.rule)}, "
        reason = "by hand" if mark.rule == "mark" else mark.reason
        if reason.startswith(f"{mark.rule}: "):
            rule = ""
        return [gap, (f"{signs.remove} ", MARK), (f"marked: {rule}{reason}", PLAIN)]
    container = container_key(key)
    if container != key and container in state.marks:
        return [gap, (f"{signs.remove} ", MARK), ("goes with its experiment", PLAIN)]
    protections = state.kept(key)
    if not protections:
        return []
    more = f" (and {plural(len(protections) - 1, 'more reason')})" if len(protections) > 1 else ""
    return [gap, (f"{signs.protected} ", PROTECTED), (f"protected: {protections[0].reason}{more}", PLAIN)]


def batch_age(created_ms: int, now_ms: int) -> str:
    return age_words(max(0, now_ms - created_ms))


def when(then_ms: int, now_ms: int) -> str:
    return ago_text(max(0, now_ms - then_ms))
