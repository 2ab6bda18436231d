"""What stands around the list of findings: head, progress, keys, and the words where there are no rows."""

from __future__ import annotations

from textual.content import Content

from mlruns_tui.triage.finding_views import FindingRow, MigrationCount
from mlruns_tui.tui.render import progress_bar
from mlruns_tui.tui.signs import Signs
from mlruns_tui.tui.state import UiState

from .cells import DIM, KEY, Piece, cut, line
from .finding_list import migration_headline, remedy_of


def head_words(state: UiState) -> str:
    """How many there are, and what was not looked into yet."""
    said = [f"{len(state.findings):,}, worst first"] if state.findings else []
    if state.diagnosis is not None and not state.checking:
        if state.diagnosis.stopped:
            said.append("stopped before the end, r goes through all of it")
        elif not state.diagnosis.contents:
            said.append("r looks into metrics, params and tags too")
    return "; ".join(said)


def head_right(count: MigrationCount, migration_only: bool, wide: bool) -> list[Piece]:
    if migration_only:
        return [*migration_headline(count), ("   ", ""), ("m", KEY), (" all findings", DIM)]
    words = "only what would stop a migration" if wide else "migration"
    return [("m", KEY), (f" {words} ({count.findings:,})", DIM)]


def progress_words(state: UiState, signs: Signs, wide: bool) -> Content:
    """What goes on: ``looking into every metric, param and tag  ━━━╸━━  1,184 of 1,288 runs``."""
    if state.planning:
        return line([("looking at what a repair would do", "")])
    if not state.checking:
        return line([("once all is read, it is looked through", DIM)])
    total = sum(one.runs for one in state.snapshot.experiments)
    pieces: list[Piece] = [(f"looking into {state.checking}  ", "")]
    if total:
        done = min(state.checked_runs, total)
        pieces += [*progress_bar(done / total, 24 if wide else 10, signs), (f"  {done:,} of {total:,} runs", DIM)]
    return line(pieces)


def no_rows(state: UiState, text: str, migration_only: bool, signs: Signs) -> list[Piece]:
    """Why there is nothing in the list."""
    if state.snapshot.store.kind in ("database", "unclaimed"):
        said = "This store's metadata is in a database; its directories have no meta.yaml and are all in use."
        return [(said, DIM)]
    if text:
        return [(f"Nothing matches {cut(text, 40).rstrip()}. ", DIM), ("Esc", KEY), (" clears the filter.", DIM)]
    if state.reading or state.checking or state.diagnosis is None:
        return [("Nothing found so far.", DIM)]
    good: Piece = (f"{signs.finished} ", "$success")
    if migration_only:
        return [good, ("Nothing stands in the way of a migration.", "")]
    return [good, (f"Nothing wrong found. MLflow {state.diagnosis.version} reads all of it.", "")]


def key_list(state: UiState, row: FindingRow | None, chosen: int, migration_only: bool) -> list[tuple[str, str]]:
    """Keys that mean something now; the last is never dropped."""
    keys: list[tuple[str, str]] = []
    if not state.read_only:
        if row is not None:
            keys.append(("e", f"repair {chosen:,} chosen" if chosen else "repair"))
            keys.append(("Space", "choose" if remedy_of(row) == "repair" else "mark for removal"))
            keys.append(("a", "choose all"))
        if state.marks:
            keys.append(("d", "review"))
    keys += [("m", "all" if migration_only else "migration"), ("Esc", "back"), ("/", "filter")]
    if row is not None:
        keys += [("Enter", "show in tree"), ("y", "copy path")]
    return [*keys, ("r", "check again"), ("?", "help")]
