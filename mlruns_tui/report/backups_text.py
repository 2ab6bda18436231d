"""Batches and their contents as text."""

from __future__ import annotations

from collections.abc import Sequence

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.text import safe

from .plan_text import outcome_lines
from .tables import Column, table
from .words import NONE, ago_text, count_text, items_text, plural, size_text, time_text

_UNFINISHED = "{id} stopped half-way; {whole}. mlruns-tui undo, or backups restore, settles it."


def batches_lines(batches: Sequence[Batch], now_ms: int, width: int | None = None) -> list[str]:
    """One line a batch, newest first, and what needs a person."""
    if not batches:
        return ["No backups. What cleanup removes is kept here until you purge it."]
    held = sum(batch.allocated_bytes for batch in batches)
    columns = (
        Column("batch"),
        Column("when"),
        Column("by", gives_way=True),
        Column("state"),
        Column("items", right=True),
        Column("size", right=True),
        Column("on disk", right=True),
    )
    rows = [
        (
            safe(batch.id),
            ago_text(now_ms - batch.created_ms),
            safe(batch.user),
            batch.state,
            count_text(len(batch.items)),
            size_text(sum(one.item.size_bytes for one in batch.items)),
            size_text(batch.allocated_bytes) if batch.allocated_bytes else NONE,
        )
        for batch in batches
    ]
    lines = [
        f"{plural(len(batches), 'batch', 'batches')}, {size_text(held)} on disk, counted apart from the store",
        "",
        *table(columns, rows, width),
    ]
    return lines + [
        _UNFINISHED.format(id=safe(batch.id), whole=whole_words(batch))
        for batch in batches
        if batch.state == "unfinished"
    ]


def whole_words(batch: Batch) -> str:
    """What an interrupted batch still has."""
    gone = batch.count("purged")
    return f"{plural(gone, 'item')} deleted for good, the others are whole" if gone else "every item is whole"


def batch_lines(batch: Batch, width: int | None = None) -> list[str]:
    """Everything in one batch."""
    counts = {place: batch.count(place) for place in ("moved", "packed", "purged", "restored", "missing", "in-place")}
    lines = [
        f"batch     {safe(batch.id)}  {batch.state}",
        f"made      {time_text(batch.created_ms)} by {safe(batch.user)} on {safe(batch.host)}",
        f"why       {safe('; '.join(batch.rules)) or NONE}",
        "items     " + ", ".join(f"{count:,} {place}" for place, count in counts.items() if count),
        f"on disk   {size_text(batch.allocated_bytes)}",
    ]
    columns = (
        Column("item", gives_way=True),
        Column("experiment"),
        Column("id"),
        Column("why", gives_way=True),
        Column("is"),
        Column("files", right=True),
        Column("size", right=True),
    )
    rows = [
        (
            one.item.name or safe(one.item.run_id or one.item.experiment_id),
            safe(one.item.experiment_id),
            safe(one.item.run_id) or NONE,
            one.item.reason,
            "put aside" if one.put_aside else one.place,
            count_text(one.item.files),
            size_text(one.item.size_bytes),
        )
        for one in batch.items
    ]
    asides = [
        f"put aside as {safe(one.now_at)} in the store's root; backups restore takes it to {safe(one.item.path)} "
        "once that name is free"
        for one in batch.items
        if one.put_aside
    ]
    return [*lines, "", *table(columns, rows, width), *asides]


def restored_lines(batch: Batch) -> list[str]:
    """What came back, what was put aside instead, and what an interrupted deletion had deleted."""
    aside = [one for one in batch.items if one.put_aside and one.outcome == "done"]
    back = [one for one in batch.items if one.outcome == "done" and not one.put_aside]
    lost = [one for one in batch.items if one.lost]
    lines = [back_words(back)] if back else [] if aside else ["Nothing was put back."]
    lines += map(aside_words, aside)
    if lost:
        lines.append(lost_words(lost))
    return lines + outcome_lines(one for one in batch.items if not one.lost)


def back_words(back: Sequence[BatchItem]) -> str:
    """``143 runs are back, every byte and date as before.``"""
    return f"{counted(back)} {'is' if len(back) == 1 else 'are'} back, every byte and date as before."


def aside_words(one: BatchItem) -> str:
    """Where an item is that could not have its own place."""
    return f"put aside as {safe(one.now_at)} in the store's root, because {safe(one.item.path)} exists"


def lost_words(lost: Sequence[BatchItem]) -> str:
    """What an interrupted deletion had deleted."""
    were, them = ("was", "it") if len(lost) == 1 else ("were", "them")
    return f"{counted(lost)} {were} deleted for good before it stopped; nothing brings {them} back."


def counted(items: Sequence[BatchItem]) -> str:
    """``143 runs and 2 experiments``."""
    runs = sum(one.item.kind == "run" for one in items)
    return items_text(runs, len(items) - runs)
