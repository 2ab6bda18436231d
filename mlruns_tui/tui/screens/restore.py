"""Before items go back whose place or name is taken again: nothing is ever replaced, so the user says what then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from textual.content import Content

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.text import safe
from mlruns_tui.report.backups_text import counted
from mlruns_tui.report.words import ago_text, plural, size_text
from mlruns_tui.tui.screens.dialogs import what_it_takes
from mlruns_tui.tui.screens.ways import WIDTH, Way, WaysDialog
from mlruns_tui.tui.widgets.cells import DIM, line, wrap

_SHOWN = 3
"""Items named."""


def in_conflict(batch: Batch, keys: Collection[str] | None, names: Mapping[str, str]) -> list[BatchItem]:
    """Items to be put back, of these keys (None: all), whose place is taken, or whose name is (``names``: why, by
    key)."""
    return [
        one
        for one in batch.items
        if one.place in ("moved", "packed") and (keys is None or one.item.key in keys)
        if one.taken or one.item.key in names
    ]


class ConflictDialog(WaysDialog):
    """Answers ``skip``, ``rename`` or ``swap``, as ``--on-conflict`` on the command line; Esc puts nothing back."""

    def __init__(self, batch: Batch, now_ms: int, keys: Collection[str] | None, names: Mapping[str, str]) -> None:
        """``keys``: only these items. ``names``: why the name of an experiment is taken, by its key."""
        taken = in_conflict(batch, keys, names)
        chosen = [
            one for one in batch.items if one.place in ("moved", "packed") and (keys is None or one.item.key in keys)
        ]
        free = len(chosen) - len(taken)
        of = "" if keys is None else f"{plural(len(chosen), 'item')} of "
        when = ago_text(max(0, now_ms - batch.created_ms))
        told = [
            f"Put back {of}batch {batch.id} ({when}, {batch.user})?",
            f"{counted(chosen)}, {size_text(sum(one.item.size_bytes for one in chosen))}. {what_it_takes(batch, keys)}",
        ]
        lines = [line([part]) for sentence in told for part in wrap(sentence, WIDTH)]
        lines += [Content(), *_conflict_lines(taken, names), Content()]
        super().__init__("restore", lines, _ways(taken, names, free), "Cancel")


def _conflict_lines(taken: Sequence[BatchItem], names: Mapping[str, str]) -> list[Content]:
    lines = []
    for one in taken[:_SHOWN]:
        name = one.item.name or safe(one.item.run_id or one.item.experiment_id or one.item.path)
        again = "holds what was logged since" if one.item.action == "slim" else "exists again"
        why = f"{safe(one.item.path)} {again}" if one.taken else names[one.item.key]
        first, *more = wrap(f"{name}: {why}", WIDTH - 2)
        lines += [line([(f"! {first}", "$warning")]), *(line([f"  {part}"]) for part in more)]
    if len(taken) > _SHOWN:
        lines.append(line([(f"  and {len(taken) - _SHOWN:,} more whose place or name is taken", DIM)]))
    return lines


def _ways(taken: Sequence[BatchItem], names: Mapping[str, str], free: int) -> list[Way]:
    it = "it" if len(taken) == 1 else "them"
    ways = []
    if free:
        stay = plural(len(taken), "item")
        ways.append(Way("skip", "y", "Only the others", f"{plural(free, 'item')} go back; {stay} stay in the backup"))
    aside = f"puts {it} into the store's root under another name, which MLflow passes over, to take files from"
    ways.append(Way("rename", "a", "Put aside", f"{aside}; the others go to their place"))
    if any(one.taken and one.item.key not in names for one in taken):
        ways.append(
            Way("swap", "x", "Swap", f"exchanges {it} with what is in the place now, which is kept in this backup")
        )
    return ways
