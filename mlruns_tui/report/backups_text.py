"""Batches and their contents as text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.forecast import Forecast
from mlruns_tui.model.text import safe

from .plan_text import SHOWN_PROBLEMS, freed_sentence, item_label, outcome_lines, slim_words
from .tables import Column, table
from .words import NONE, ago_text, count_text, items_text, plural, size_text, time_text

_MOST_GAINS = 30
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
    lines += [place_words(batch) for batch in batches if batch.backup_dirs]
    lines += [
        _UNFINISHED.format(id=safe(batch.id), whole=whole_words(batch))
        for batch in batches
        if batch.state == "unfinished"
    ]
    return lines + [f"{safe(batch.id)}: {words}" for batch in batches if (words := damage_words(batch))]


def damage_words(batch: Batch) -> str:
    """What of a batch cannot be used, or that all of it cannot be read; empty for a sound one."""
    return batch.damage or ("; ".join(batch.messages) if not batch.items else "")


def place_words(batch: Batch) -> str:
    """Where the archives of a batch are that are not in the store."""
    said = f"{safe(batch.id)} is packed in {' and '.join(map(safe, batch.backup_dirs))}"
    if not batch.away_dirs:
        return said
    one = len(batch.away_dirs) == 1
    gone = " and ".join(map(safe, batch.away_dirs))
    it = "it" if one else "them"
    how = f"mount {it}, or say with --backup-dir DIR where that is now"
    return f"{said}; {gone} {'is' if one else 'are'} not there now: {how}"


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
        *([f"where     {place_words(batch)}"] if batch.backup_dirs else []),
        *([f"damaged   {batch.damage}"] if batch.damage else []),
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
            safe(one.item.path)
            if one.item.what
            else one.item.name or safe(one.item.run_id or one.item.experiment_id or one.item.path),
            safe(one.item.experiment_id),
            safe(one.item.run_id) or NONE,
            f"{one.item.reason}: {one.item.what}" if one.item.what else one.item.reason,
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
    back = [one for one in batch.items if one.outcome == "done" and not (one.put_aside or one.altered)]
    altered = [one for one in batch.items if one.altered]
    lost = [one for one in batch.items if one.lost]
    lines = [back_words(back)] if back else [] if aside or altered else ["Nothing was put back."]
    lines += map(aside_words, aside)
    lines += altered_lines(altered)
    if lost:
        lines.append(lost_words(lost))
    return lines + outcome_lines(one for one in batch.items if not one.lost)


def back_words(back: Sequence[BatchItem]) -> str:
    """``143 runs are back, every byte and date as before.``"""
    if all(one.item.action == "repair" for one in back):
        return f"{counted(back)} taken back: the store is as broken as before, every byte and date."
    verb = "is" if len(back) == 1 and not _slimmed(back) else "are"
    return f"{counted(back)} {verb} back, every byte and date as before."


def altered_lines(altered: Sequence[BatchItem]) -> list[str]:
    """What was put back, but is not what it was."""
    if not altered:
        return []
    shown = [f"  {item_label(one.item)}: {one.error}" for one in altered[:SHOWN_PROBLEMS]]
    more = len(altered) - len(shown)
    return [f"{counted_altered(altered)}:", *shown, *([f"  … {more:,} more (--json lists all)"] if more else [])]


def counted_altered(altered: Sequence[BatchItem]) -> str:
    """``1 run was put back, but not as before``."""
    were = "was" if len(altered) == 1 and not _slimmed(altered) else "were"
    return f"{counted(altered)} {were} put back, but not as before"


def aside_words(one: BatchItem) -> str:
    """Where an item is that could not have its own place."""
    return f"put aside as {safe(one.now_at)} in the store's root, because {safe(one.item.path)} exists"


def lost_words(lost: Sequence[BatchItem]) -> str:
    """What an interrupted deletion had deleted."""
    were, them = ("was", "it") if len(lost) == 1 else ("were", "them")
    return f"{counted(lost)} {were} deleted for good before it stopped; nothing brings {them} back."


def gain_lines(forecast: Forecast) -> list[str]:
    """What packing would bring, the largest items first; at the end what it does not help."""
    gains, able = forecast.gains, forecast.able
    columns = (
        Column("item", gives_way=True),
        Column("on disk", right=True),
        Column("packed", right=True),
        Column("gain", right=True),
    )
    shown = sorted(gains, key=lambda one: -one.allocated_bytes)[:_MOST_GAINS]
    rows = [
        (
            one.name or safe(one.key),
            size_text(one.allocated_bytes),
            NONE if one.why_not else f"~{size_text(one.expected_bytes)}",
            NONE if one.why_not else f"~{max(one.percent, 0)} %",
        )
        for one in shown
    ]
    lines = table(columns, rows)
    if len(gains) > len(shown):
        lines.append(f"… {len(gains) - len(shown):,} smaller ones")
    before, after = size_text(forecast.before_bytes), size_text(forecast.after_bytes)
    said = f"{plural(len(able), 'item')} can be packed: {before} to about {after}"
    if forecast.backup_dir:
        said += f" in {safe(forecast.backup_dir)}, where {size_text(forecast.bytes_free)} are free"
    lines += ["", f"{said}."]
    poor, min_percent = forecast.poor, forecast.min_gain_percent
    if poor:
        size = size_text(sum(one.allocated_bytes for one in poor))
        lines.append(
            f"{plural(len(poor), 'item')} of {size} would gain less than {min_percent} %, as model weights do, and "
            "stay as they are. What helps there: backups purge frees all of it; cleanup --slim drops artifacts only "
            "and keeps metrics; --backup-dir packs to another disk."
        )
    lines += [f"{one.name or safe(one.key)} cannot be packed: {one.why_not}" for one in gains if one.why_not]
    return lines


def packed_lines(batch: Batch, measured: int | None = None) -> list[str]:
    """What packing came to."""
    done = [one for one in batch.items if one.outcome == "done"]
    before = sum(one.item.allocated_bytes for one in done)
    after = sum(one.packed_bytes for one in done)
    if not done:
        return ["Nothing was packed.", *outcome_lines(batch.items)]
    dirs = list(dict.fromkeys(one.backup_dir for one in done if one.backup_dir))
    where = f" in {' and '.join(map(safe, dirs))}" if dirs else ""
    first = f"{counted(done)} packed and read back: {size_text(before)} became {size_text(after)}{where}."
    return [f"{first} {freed_sentence(batch.freed_bytes, measured)}", *outcome_lines(batch.items)]


def verified_lines(batches: Sequence[Batch]) -> list[str]:
    """What reading everything again came to."""
    lines: list[str] = []
    for batch in batches:
        sound = [one for one in batch.items if one.outcome == "done"]
        away = sum(one.away and one.outcome == "failed" for one in batch.items)
        damaged = sum(one.outcome == "failed" for one in batch.items) - away
        none = not sound and (damaged or away)
        what = safe(batch.id) if none else f"{safe(batch.id)}  {counted(sound)} read, nothing differs"
        told = ((damaged, "damaged"), (away, "not there to be read"))
        lines.append(what + "".join(f", {number:,} {word}" for number, word in told if number))
        lines += outcome_lines(batch.items)
    return lines or ["No backups, nothing to check."]


def gone_words(batches: Sequence[Batch], items: Sequence[BatchItem], *, whole: bool) -> str:
    """What deleting these items takes: ``5 runs (held 7.4 GB, frees 2.1 GB on disk)``. ``whole``: all of the
    batches goes, with what belongs to no item."""
    freed = sum(batch.allocated_bytes for batch in batches) if whole else sum(map(on_disk, items))
    broken = sum(len(batch.broken) for batch in batches) if whole else 0
    parts = [counted(items)] if items else []
    if broken:
        parts.append(f"{plural(broken, 'archive')} nobody can read")
    held = f"held {size_text(sum(one.item.size_bytes for one in items))}, " if items else ""
    # An archive that holds others too is written anew, and what that takes is known only then.
    about = "about " if not whole and any(one.packed_bytes for one in items) else ""
    return f"{' and '.join(parts)} ({held}frees {about}{size_text(freed)} on disk)"


def going(batch: Batch, keys: Collection[str] | None = None) -> list[BatchItem]:
    """What purging would delete: with all of a batch also what may be in an archive nobody can read."""
    places = ("moved", "packed", "missing") if batch.broken and keys is None else ("moved", "packed")
    return [one for one in batch.items if one.place in places and (keys is None or one.item.key in keys)]


def on_disk(one: BatchItem) -> int:
    """Disk space deleting an item frees."""
    if one.place == "packed":
        return one.packed_bytes
    return one.item.allocated_bytes if one.place in ("moved", "in-place") else 0


def counted(items: Sequence[BatchItem]) -> str:
    """``143 runs and 2 experiments``."""
    if items and all(one.item.action == "repair" for one in items):
        return plural(len(items), "repair")
    runs = sum(one.item.kind == "run" for one in items)
    what = items_text(runs, len(items) - runs)
    return slim_words(what, True) if _slimmed(items) else what


def _slimmed(items: Sequence[BatchItem]) -> bool:
    """These are the artifacts of runs that stayed."""
    return bool(items) and all(one.item.action == "slim" for one in items)
