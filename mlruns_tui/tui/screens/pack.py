"""Before a backup is packed: what that is expected to gain, and what helps where it gains nothing."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlruns_tui.model.batch import MIN_GAIN_PERCENT, Batch, ItemGain
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.tui.screens.dialogs import NO, YES, Question
from mlruns_tui.tui.widgets.buttons import Choice
from mlruns_tui.tui.widgets.cells import DIM, line
from mlruns_tui.workflow import changing

_BYTES_PER_S = 130_000_000
"""Of packing with reading back, about: 13 minutes for 100 GB."""


class PackDialog(Question):
    """Pack these items? Those that would gain too little are left, and said."""

    def __init__(self, batch: Batch, gains: Sequence[ItemGain]) -> None:
        able = [one for one in gains if not one.why_not and one.percent >= MIN_GAIN_PERCENT]
        poor = [one for one in gains if not one.why_not and one.percent < MIN_GAIN_PERCENT]
        unable = [one for one in gains if one.why_not]
        before = sum(one.allocated_bytes for one in able)
        after = sum(one.expected_bytes for one in able)
        lines: list[Content] = [line([(f"Pack batch {batch.id}?", "bold")]), Content("")]
        if able:
            seconds = before / _BYTES_PER_S
            takes = "a moment" if seconds < 20 else f"about {plural(max(1, round(seconds / 60)), 'minute')}"
            lines += [
                line([f"{plural(len(able), 'item')}: ", (size_text(before), "bold"), " become about ",
                      (size_text(after), "bold"), f", in {takes}."]),
                line([("Each archive is read back before the originals go.", DIM)]),
                line([("Undo works as before; unpacking takes about as long.", DIM)]),
            ]  # fmt: skip
        if poor:
            lines += [
                Content(""),
                line([f"{plural(len(poor), 'item')} of {size_text(sum(one.allocated_bytes for one in poor))} would "
                      f"gain less than {MIN_GAIN_PERCENT} % and stay."]),
                line([("What helps there: purge, or slim runs instead (artifacts only).", DIM)]),
            ]  # fmt: skip
        if unable:
            lines += [Content(""), line([f"{plural(len(unable), 'item')} cannot be packed: {unable[0].why_not}."])]
        choices = [Choice(YES, f"Pack {plural(len(able), 'item')}"), Choice(NO, "Cancel")]
        if able:
            super().__init__("pack", lines, choices, [("y", "pack"), ("n Esc", "cancel")])
        else:
            super().__init__("pack", lines, [Choice(NO, "Close")], [("Esc", "close")])


def sample(root: str, batch: Batch, keys: list[str] | None) -> PackDialog:
    """Try some of every large file of these items (None: of all), for a thread. Raises what ``changing.gains`` does."""
    return PackDialog(batch, changing.gains(root, batch.id, keys))
