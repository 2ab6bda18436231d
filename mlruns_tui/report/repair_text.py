"""A plan of repairs and what became of it, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.findings import Finding
from mlruns_tui.model.plan import Plan, RefusedItem
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import IMPACTS, VAULT_NAME, Impact

from .plan_text import outcome_lines
from .remedies_text import clean_up_lines
from .tables import Column, table
from .words import plural, size_text, undo_command

SHOWN = 200
SHOWN_REFUSED = 40


def plan_lines(plan: Plan, width: int | None = None) -> list[str]:
    """What would be mended and how, what is left alone and why, and how to take it back."""
    lines = [f"{safe(plan.store_root)}  nothing has changed yet"]
    if plan.empty:
        lines.append("Nothing to repair." if not plan.refused else "Nothing can be repaired now.")
    else:
        rows = [(safe(one.path), one.reason, one.what) for one in plan.items[:SHOWN]]
        columns = (Column("place", gives_way=True), Column("wrong", gives_way=True), Column("repair", gives_way=True))
        lines += [_headline(plan), "", *table(columns, rows, width)]
        if len(plan.items) > SHOWN:
            lines.append(f"… {len(plan.items) - SHOWN:,} more (--json lists all)")
    if plan.refused:
        lines += ["", *_staying(plan.refused, width)]
    if not plan.empty:
        lines += [
            "",
            f"backup              {VAULT_NAME}/batches/{plan.id}: what is taken out or replaced stays there, whole",
            f"to take it back     {undo_command(plan.store_root)}",
        ]
    return lines + [f"note                {message}" for message in plan.messages]


def _headline(plan: Plan) -> str:
    out = sum(one.steps[-1].kind == "move-out" for one in plan.items)
    made = len(plan.items) - out
    said = []
    if made:
        said.append(f"{plural(made, 'place')} mended")
    if out:
        said.append(f"{plural(out, 'entry', 'entries')} moved out")
    return f"{', '.join(said)}: {size_text(plan.totals.size_bytes)} to a backup. Nothing is deleted."


def _staying(refused: Sequence[RefusedItem], width: int | None) -> list[str]:
    rows = [
        (
            safe(one.path),
            ", ".join(dict.fromkeys(why.kind for why in one.protected)),
            "; ".join(why.reason for why in one.protected),
        )
        for one in refused[:SHOWN_REFUSED]
    ]
    columns = (
        Column(f"left alone ({len(refused):,})", gives_way=True), Column("because"), Column("why", gives_way=True)
    )  # fmt: skip
    rest = len(refused) - len(rows)
    return [*table(columns, rows, width), *([f"… {rest:,} more (--json lists all)"] if rest else [])]


def result_lines(plan: Plan, batch: Batch) -> list[str]:
    """What was done."""
    done = sum(one.outcome == "done" for one in batch.items)
    lines = ["Nothing was repaired."]
    if done:
        lines = [f"{plural(done, 'repair')} done. Undo: {undo_command(plan.store_root)}"]
    return lines + outcome_lines(batch.items)


def left_lines(left: Sequence[Finding], repairable: int, root: str) -> list[str]:
    """What doctor finds afterwards, in a few words. ``repairable``: how many of them a repair is for."""
    counts: Counter[Impact] = Counter(one.impact for one in left if one.impact != "silent")
    if not counts:
        return ["MLflow has nothing to complain of in this store any more."]
    said = ", ".join(f"{counts[impact]:,} {impact}" for impact in IMPACTS if counts[impact])
    lines = [f"Left: {said}. mlruns-tui doctor {safe(root)} names them."]
    if repairable:
        which = "one of them" if repairable == 1 else f"{repairable:,} of them"
        lines.append(f"A repair is for {which}: run it again, or see above why it was left alone.")
    return lines + clean_up_lines(left, root)
