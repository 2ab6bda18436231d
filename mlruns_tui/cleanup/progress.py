"""Telling how far an operation is, in items, bytes and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mlruns_tui.model.batch import ApplyEvent
from mlruns_tui.model.plan import PlanItem
from mlruns_tui.model.protocols import Tell
from mlruns_tui.model.words import Outcome

Phase = Literal["move", "purge", "restore", "verify", "pack"]


class Progress:
    """One phase over some items. Every item that is dealt with counts, whatever became of it."""

    def __init__(self, tell: Tell, phase: Phase, batch: str, items: Sequence[PlanItem]) -> None:
        self._tell = tell
        self._phase = phase
        self._batch = batch
        self._total = len(items)
        self._bytes_total = sum(item.size_bytes for item in items)
        self._files_total = sum(item.files for item in items)
        self._done = self._bytes_done = self._files_done = 0

    def start(self) -> None:
        self._say("start")

    def end(self) -> None:
        self._say("end")

    def item(self, item: PlanItem, outcome: Outcome, error: str = "") -> None:
        """One more is dealt with."""
        self._done += 1
        self._bytes_done += item.size_bytes
        self._files_done += item.files
        self._say("item", item.key, item.name, outcome, error)

    def _say(
        self,
        kind: Literal["start", "item", "end"],
        key: str = "",
        name: str = "",
        outcome: Outcome | None = None,
        error: str = "",
    ) -> None:
        self._tell(
            ApplyEvent(
                kind=kind,
                phase=self._phase,
                batch=self._batch,
                done=self._done,
                total=self._total,
                bytes_done=self._bytes_done,
                bytes_total=self._bytes_total,
                files_done=self._files_done,
                files_total=self._files_total,
                key=key,
                name=name,
                outcome=outcome,
                error=error,
            )
        )
