"""``cleanup --keep-backups``: this user's older backups go for good, as a section of the plan that was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.text import safe
from mlruns_tui.report import documents
from mlruns_tui.report.backups_text import counted
from mlruns_tui.report.plan_text import freed_sentence, outcome_lines
from mlruns_tui.report.words import age_words, ago_text, plural, size_text
from mlruns_tui.workflow.changing import batches, start_purge
from mlruns_tui.workflow.recovering import is_own

from .backups.shared import HELD, this_time
from .console import say, tell
from .working import finish


def older(found: Sequence[Batch], older_than_ms: int) -> list[Batch]:
    """My batches made before then; one that stopped half-way has to be settled first."""
    limit = now_ms() - older_than_ms
    return [one for one in found if is_own(one) and one.created_ms < limit and one.state != "unfinished"]


def held(batch: Batch) -> list[BatchItem]:
    return [one for one in batch.items if one.place in HELD]


class Expired:
    """My backups made longer ago than they are to be kept."""

    def __init__(self, root: str, keep_ms: int | None) -> None:
        """``keep_ms`` None: all are kept. Raises MlrunsError when the backups cannot be looked up."""
        self._root = root
        self._keep_ms = keep_ms or 0
        found = [] if keep_ms is None else older(batches(root), keep_ms)
        self.batches = [one for one in found if held(one)]
        self.results: list[Batch] = []

    def __bool__(self) -> bool:
        return bool(self.batches)

    @property
    def items(self) -> int:
        return sum(len(held(one)) for one in self.batches)

    def lines(self) -> list[str]:
        """The section of the plan."""
        size = size_text(sum(one.allocated_bytes - one.elsewhere_bytes for one in self.batches))
        what = plural(len(self.batches), "backup")
        told = [f"{what} of yours older than {age_words(self._keep_ms)}: {plural(self.items, 'item')} deleted for good"]
        told += [
            f"  {one.id}  {ago_text(now_ms() - one.created_ms)}, {counted(held(one))}, {size_text(one.allocated_bytes)}"
            for one in self.batches
        ]
        elsewhere: dict[str, int] = {}
        for one in (item for batch in self.batches for item in batch.items if item.backup_dir and not item.away):
            elsewhere[one.backup_dir] = elsewhere.get(one.backup_dir, 0) + one.packed_bytes
        more = "".join(f", and {size_text(much)} in {safe(where)}" for where, much in elsewhere.items())
        told.append(
            f"  frees {size} here{more}; nothing brings them back"
            if more
            else f"  frees {size}; nothing brings them back"
        )
        away = dict.fromkeys(where for batch in self.batches for where in batch.away_dirs)
        return [*told, *(f"  what is in {safe(where)} stays: that is not there now" for where in away)]

    def fields(self) -> dict[str, Any]:
        """The section of the plan's document, and what became of it."""
        return {
            "purges": [documents.batch_item(one) for one in self.batches],
            "purged": [documents.batch_result(one) for one in self.results],
        }

    def purge(self, lock_timeout_s: float, *, quiet: bool) -> bool:
        """Delete them, oldest first. Whether that was interrupted. One that cannot be purged is said, and stays."""
        for batch in reversed(self.batches):
            try:
                done, interrupted = finish(start_purge(self._root, batch.id, None, lock_timeout_s), quiet=quiet)
            except MlrunsError as error:
                tell(f"mlruns-tui: backup {batch.id} was not purged: {error.message}")
                self.results.append(_failed(batch, error))
                continue
            self.results.append(this_time([batch], done))
            if interrupted:
                return True
        return False

    def tell(self) -> None:
        """What was purged."""
        gone = [one for batch in self.results for one in batch.items if one.outcome == "done"]
        if gone:
            freed = sum(batch.freed_bytes for batch in self.results)
            words = plural(
                sum(any(one.outcome == "done" for one in batch.items) for batch in self.results), "old backup"
            )
            say(f"{words} purged, {counted(gone)}. {freed_sentence(freed, None)}")
        for batch in self.results:
            say(outcome_lines(batch.items))
            for message in batch.messages:
                tell(f"mlruns-tui: {batch.id}: {message}")

    @property
    def failed(self) -> bool:
        return any(one.outcome == "failed" for batch in self.results for one in batch.items)


def _failed(batch: Batch, error: MlrunsError) -> Batch:
    items = tuple(replace(one, outcome="failed", error=error.message) for one in held(batch))
    return replace(batch, items=items)
