"""A batch that stopped half-way: where each item is, and what can be done, as text and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.text import safe

from .backups_text import counted, restored_lines
from .documents import batch_item, batch_result
from .json_values import Json, document, text
from .plan_text import outcome_lines
from .tables import Column, table
from .words import NONE, size_text, time_text

MAX_ROWS = 40
"""Items listed of one batch; ``--json`` has them all."""
_WHAT: Mapping[str, str] = {"apply": "clean-up", "restore": "restore", "purge": "purge", "pack": "packing"}


def op_word(op: str) -> str:
    """``apply`` as people call it: ``clean-up``."""
    return _WHAT.get(op, safe(op, 40))


def place_words(one: BatchItem) -> str:
    """Where an item of an interrupted batch is."""
    if one.place == "in-place":
        return {"skipped": "where it was, skipped", "failed": "where it was, failed"}.get(
            one.outcome or "", "where it was"
        )
    return {
        "moved": "in the backup", "packed": "packed in the backup", "restored": "back at its place",
        "purged": "deleted for good", "missing": "missing",
    }[one.place]  # fmt: skip


def choices(batch: Batch, rest: Sequence[BatchItem]) -> dict[str, str]:
    """What each way does with the items, by option: ``continue``, ``undo``, ``leave``."""
    if batch.running or not batch.open_op:
        return {}
    held = [one for one in batch.items if one.place in ("moved", "packed")]
    size = size_text(sum(one.item.size_bytes for one in rest))
    told: dict[str, str] = {}
    if batch.open_op == "apply" and batch.backup:
        told["continue"] = (
            f"moves the rest to the backup as well: {counted(rest)}, {size}" if rest else "ends the batch"
        )
        if batch.to_pack is not None:
            told["continue"] += f"; then packs what was moved{_in(batch.to_pack)}"
    elif batch.open_op == "apply":
        gone = [*held, *rest]
        size = size_text(sum(one.item.size_bytes for one in gone))
        told["continue"] = f"deletes for good, as was asked for: {counted(gone)}, {size}"
    elif batch.open_op == "purge":
        told["continue"] = f"deletes the rest for good: {counted(rest)}, {size}"
    elif batch.open_op == "pack":
        told["continue"] = f"packs the rest: {counted(rest)}, {size}" if rest else "ends the batch"
    elif batch.open_op == "restore":
        told["continue"] = f"puts the rest back: {counted(rest)}, {size}"
    back = size_text(sum(one.item.size_bytes for one in held))
    told["undo"] = f"puts back what is in the backup: {counted(held)}, {back}" if held else "ends the batch"
    told["leave"] = "leaves every item where it is now, and closes the batch"
    return told


def unsettled_lines(
    batch: Batch, rest: Sequence[BatchItem], store: str, *, mine: bool, width: int | None = None
) -> list[str]:
    """One batch: where each item is, and the commands."""
    began = batch.history[-1] if batch.history else None
    when = time_text(began.began_ms if began else batch.created_ms)
    who = f"{safe(began.user if began else batch.user)} on {safe(began.host if began else batch.host)}"
    lines = [f"batch {safe(batch.id)}: {op_word(batch.open_op)} of {when} by {who}, stopped half-way", ""]
    counts: dict[str, list[BatchItem]] = {}
    for one in batch.items:
        counts.setdefault(place_words(one), []).append(one)
    for words, items in counts.items():
        lines.append(f"  {len(items):>6,} {words}, {size_text(sum(one.item.size_bytes for one in items))}")
    columns = (Column("item", gives_way=True), Column("experiment"), Column("id"), Column("is"), Column("size", True))
    rows = [
        (
            one.item.name or safe(one.item.run_id or one.item.experiment_id or one.item.path),
            safe(one.item.experiment_id),
            safe(one.item.run_id) or NONE,
            place_words(one),
            size_text(one.item.size_bytes),
        )
        for one in batch.items[:MAX_ROWS]
    ]
    lines += ["", *table(columns, rows, width)]
    if len(batch.items) > MAX_ROWS:
        lines.append(f"… {len(batch.items) - MAX_ROWS:,} more (--json lists all)")
    command = f"mlruns-tui recover {shlex.quote(safe(store))} {safe(batch.id)}"
    lines.append("")
    if not mine:
        return [*lines, f"It is {safe(batch.user)}'s (or root's) to settle; nothing was changed."]
    ways = choices(batch, rest)
    lines += [f"  {command} --{way:<9} {words}" for way, words in ways.items()]
    return [*lines, "", "Nothing was changed, and nothing happens by itself."]


def _in(backup_dir: str) -> str:
    return f" in {safe(backup_dir)}" if backup_dir else ""


def unpacked_line(batch: Batch, store: str) -> str:
    """A batch that ended before the packing it was made for began, and the command for that."""
    where = f" --backup-dir {shlex.quote(safe(batch.to_pack or ''))}" if batch.to_pack else ""
    command = f"mlruns-tui backups pack {shlex.quote(safe(store))} {safe(batch.id)}{where}"
    return f"batch {safe(batch.id)} was moved out and not packed, though that was asked for: {command}"


def running_line(batch: Batch) -> str:
    """A batch somebody works on is no case for recovery."""
    began = batch.history[-1]
    return (
        f"batch {safe(batch.id)}: {op_word(batch.open_op)} of {time_text(began.began_ms)} by {safe(began.user)} on "
        f"{safe(began.host)} is at work now (pid {began.pid}), {began.items:,} of {len(batch.items):,} done."
    )


def settled_lines(batch: Batch, did: str, about: Sequence[BatchItem]) -> list[str]:
    """What was done just now. ``about``: the items it was about, as they are now."""
    done = [one for one in about if one.outcome == "done"]
    size = size_text(sum(one.item.size_bytes for one in done))
    if did in ("undo", "restore"):
        return [*restored_lines(replace(batch, items=tuple(about))), f"Batch {safe(batch.id)} is ended."]
    if did == "leave":
        return [f"Batch {safe(batch.id)} is closed, every item is where it was found."]
    told = "moved to the backup" if did == "apply" and batch.backup else "deleted for good"
    if did == "pack":
        done = [one for one in about if one.place == "packed"]
        told = "packed"
    first = f"{counted(done)} {told}, {size}." if done else "Nothing was left to do."
    return [first, f"Batch {safe(batch.id)} is ended.", *outcome_lines(about)]


def recover_document(
    store: StoreInfo,
    batches: Iterable[Batch],
    rest: Mapping[str, Sequence[BatchItem]],
    *,
    did: str = "",
    results: Iterable[Batch] = (),
) -> Json:
    """Batches that were begun and not ended. ``rest``: items not come to, by batch. After ``did``: what was
    done with which items."""
    batches = list(batches)
    body: Json = {
        "batches": [
            {
                **batch_item(one, contents=True),
                "at_work": one.running,
                "operation": text(one.open_op) or None,
                "choices": [{"way": way, "does": does} for way, does in choices(one, rest.get(one.id, ())).items()],
            }
            for one in batches
        ]
    }
    if did:
        body["result"] = {"did": did, "batches": [batch_result(one) for one in results]}
    return document("recover", store, body, [message for one in batches for message in one.messages])
