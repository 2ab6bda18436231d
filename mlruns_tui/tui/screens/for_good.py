"""Questions before something is gone for good: what goes, what that frees, and the number of items to be typed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual.content import Content

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.plan import Plan
from mlruns_tui.report.backups_text import going, gone_words
from mlruns_tui.report.recover import op_word
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.tui.screens.dialogs import TypedNumberDialog
from mlruns_tui.tui.widgets.cells import line, wrap
from mlruns_tui.tui.widgets.task_words import counted
from mlruns_tui.workflow.recovering import doomed

_WIDTH = 60
"""Cells of a line in the dialog."""


class ForGoodDialog(TypedNumberDialog):
    """Asks, says what goes, and stays harmless until the number was typed."""

    def __init__(
        self, question: str, told: Sequence[str], number: int, *, do: str = "delete", keep: str = "Keep them",
        of: str = "items",
    ) -> None:  # fmt: skip
        """``told``: what goes and what that frees. ``number``: of those that go, called ``of``."""
        lines = [line([(part, "bold")]) for part in wrap(question, _WIDTH)]
        lines += [Content(), *(line([part]) for sentence in told for part in wrap(sentence, _WIDTH))]
        lines.append(line([("Nothing brings them back.", "$error bold"), " Nothing else changes."]))
        what = plural(number, of.removesuffix("s"))
        super().__init__(
            f"{do} for good",
            lines,
            number,
            f"Type {number} (the {of}) to {do}:",
            keep,
            f"{do.capitalize()} {what}",
            f"{do.capitalize()} stays off until the number is typed.",
        )


class DeleteDialog(ForGoodDialog):
    """Before a plan without a backup is carried out."""

    def __init__(self, plan: Plan) -> None:
        totals = plan.totals
        super().__init__(
            f"Delete {counted(totals.runs, totals.experiments)} from {plan.store_given}?",
            [f"{size_text(totals.size_bytes)} in {totals.files:,} files are freed at once. No backup is made."],
            len(plan.items),
        )


class PurgeDialog(ForGoodDialog):
    """Before a backup, or some items of it, is purged."""

    def __init__(self, batch: Batch, keys: Collection[str] | None = None) -> None:
        """``keys``: only these items."""
        items = going(batch, keys)
        of = "" if keys is None else f"{plural(len(items), 'item')} of "
        told = [f"{gone_words([batch], items, whole=keys is None)} will be gone."]
        if batch.broken and keys is None:
            told.append(f"Damaged: {batch.damage}.")
        super().__init__(
            f"Purge {of}batch {batch.id}?",
            told,
            len(items) or len(batch.broken),
            do="purge",
            keep="Keep it" if keys is None else "Keep them",
            of="items" if items else "archives",
        )


class GoOnDeletingDialog(ForGoodDialog):
    """Going on with what stopped half-way would delete for good."""

    def __init__(self, batch: Batch) -> None:
        items = doomed(batch)
        gone = gone_words([batch], items, whole=False)
        super().__init__(f"Go on with the {op_word(batch.open_op)} {batch.id}?", [f"{gone} will be gone."], len(items))
