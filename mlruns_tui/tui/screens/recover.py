"""A batch that stopped half-way: go on with it, take it back, or leave it as it is."""

from __future__ import annotations

from textual.content import Content

from mlruns_tui.model.batch import Batch
from mlruns_tui.report import recover
from mlruns_tui.report.backups_text import whole_words
from mlruns_tui.report.words import ago_text
from mlruns_tui.tui.screens.ways import WIDTH, Way, WaysDialog
from mlruns_tui.tui.widgets.cells import line, wrap
from mlruns_tui.workflow.recovering import rest_of

_LABELS: dict[str, tuple[str, str]] = {
    "continue": ("c", "Go on"), "undo": ("u", "Take back"), "leave": ("a", "Leave as it is"),
}  # fmt: skip


class RecoverDialog(WaysDialog):
    """Where the items are, what each way (``continue``, ``undo``, ``leave``) does with them. Esc leaves everything
    as it is, unsettled."""

    def __init__(self, batch: Batch, now_ms: int) -> None:
        does = recover.choices(batch, rest_of(batch))
        # Taking back saves data: it has the focus.
        ways = [Way(way, *_LABELS[way], does[way]) for way in sorted(does, key=lambda way: way != "undo")]
        super().__init__("settle", _told(batch, now_ms), ways)


def _told(batch: Batch, now_ms: int) -> list[Content]:
    began = batch.history[-1] if batch.history else None
    when = ago_text(max(0, now_ms - (began.began_ms if began else batch.created_ms)))
    work = recover.op_word(batch.open_op)
    told = f"The {work} {batch.id} ({when}, {batch.user}) stopped half-way; {whole_words(batch)}."
    counts: dict[str, int] = {}
    for one in batch.items:
        words = recover.place_words(one)
        counts[words] = counts.get(words, 0) + 1
    lines = [line([part]) for part in wrap(told, WIDTH)]
    return [*lines, Content(), *(line([f"  {number:>7,} {words}"]) for words, number in counts.items()), Content()]
