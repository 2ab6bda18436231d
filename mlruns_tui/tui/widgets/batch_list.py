"""Batches and what is in them, as rows, with the sentences a state needs."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from textual.content import Content

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.store import container_key
from mlruns_tui.model.words import BatchState, ItemPlace
from mlruns_tui.report.backups_text import place_words
from mlruns_tui.report.words import ago_text, plural, size_text
from mlruns_tui.tui.signs import Signs

from .cells import DIM, FAINT, Piece, fit, fit_right, line, wrap
from .plan_list import rule_word
from .task_words import counted_items, held

STATE_STYLES: Mapping[BatchState, str] = {
    "moved": "",
    "packed": "$primary",
    "partly": "",
    "unfinished": "$warning",
    "restored": DIM,
    "purged": FAINT,
    "missing": "$error",
}


def held_bytes(batch: Batch) -> int:
    """What the batch's items took when they went, in bytes."""
    return sum(one.item.size_bytes for one in batch.items)


def batch_header(width: int) -> Content:
    when, by, size = _columns(width)
    text = (
        f"{'batch':<21}"
        + (fit("when", 11) if when else "")
        + (fit("by", 11) if by else "")
        + fit("state", 13)
        + f"{'items':>8}"
    )
    text += (fit_right("size", 9) if size else "") + fit_right("on disk", 9)
    return line([("  " + text, DIM)])


def paint_batch(batch: Batch, width: int, now_ms: int, signs: Signs) -> Content:
    when, by, size = _columns(width)
    style = STATE_STYLES[batch.state]
    done = sum(one.place not in ("in-place",) for one in batch.items)
    number = f"{len(batch.items):,}"
    if batch.state in ("unfinished", "partly"):
        kept = len(held(batch)) if batch.state == "partly" else done
        number = f"{kept:,} of {number}"
    quiet = batch.state in ("restored", "purged")
    on_disk = size_text(batch.allocated_bytes) if batch.allocated_bytes else signs.none
    pieces: list[Piece] = [("  " + fit(batch.id, 20) + " ", DIM if quiet else "")]
    if when:
        pieces.append((fit(ago_text(max(0, now_ms - batch.created_ms)), 10) + " ", DIM))
    if by:
        pieces.append((fit(batch.user, 10) + " ", DIM))
    pieces += [(f"{signs.batch(batch.state)} ", style), (fit(batch.state, 11), style), (fit_right(number, 8), "")]
    if size:
        pieces.append((fit_right(size_text(held_bytes(batch)), 9), ""))
    pieces.append((fit_right(on_disk, 9), "" if batch.allocated_bytes else FAINT))
    return line(pieces)


def _columns(width: int) -> tuple[bool, bool, bool]:
    """Whether ``when``, ``by`` and ``size`` have room."""
    return width >= 64, width >= 75, width >= 84


def state_words(batch: Batch, width: int, signs: Signs) -> list[Content]:
    """What a state that needs a person means, and what to press."""
    day = time.strftime("%d %b", time.localtime(batch.created_ms / 1000)).lstrip("0")
    kept = len(held(batch))
    if batch.running:
        began = batch.history[-1]
        text = (
            f"The batch of {day} is at work now: {began.user} on {began.host} (pid {began.pid}), "
            f"{began.items:,} of {len(batch.items):,} done."
        )
    elif batch.state == "unfinished":
        rest = len(batch.items) - kept
        text = (
            f"The batch of {day} stopped half-way. Every item is whole: {kept:,} in the backup, {rest:,} where they "
            f"were. Enter settles it" + (f" (puts the {kept:,} back)." if kept else ".")
        )
    elif batch.damage and not held(batch):
        text = f"The batch of {day} is damaged: {batch.damage}."
    elif batch.state == "missing" and not batch.items:
        text = f"The batch of {day}: {'; '.join(batch.messages)}."
    elif batch.state == "missing":
        text = f"The directory of the batch of {day} is not there any more: nothing can be put back."
    elif batch.away_dirs:
        text = f"The batch of {day}: {place_words(batch)}."
    elif batch.state == "partly":
        others = [
            f"{plural(number, 'item')} {word}"
            for place, word in _PLACE_WORDS.items()
            if place not in ("moved", "packed") and (number := batch.count(place))
        ]
        text = f"Of the batch of {day} the backup holds {plural(kept, 'item')}; {', '.join(others)}."
    elif batch.backup_dirs:
        text = f"The batch of {day}: {place_words(batch)}."
    else:
        return []
    first, *more = wrap(text, max(20, width - 4))
    sign = (f"  {signs.batch(batch.state)} ", STATE_STYLES[batch.state])
    return [line([sign, first]), *(line([f"    {part}"]) for part in more)]


_PLACE_WORDS: Mapping[ItemPlace, str] = {
    "moved": "in the backup",
    "packed": "packed",
    "restored": "put back",
    "in-place": "never left",
    "purged": "purged",
    "missing": "missing",
}


def about_batch(batch: Batch, width: int, signs: Signs) -> list[Content]:
    """Why, where and whether all is there."""
    rules: dict[str, int] = {}
    for one in batch.items:
        rules[rule_word(one.item.rule)] = rules.get(rule_word(one.item.rule), 0) + 1
    why = ", ".join(f"{rule} ({number:,})" for rule, number in rules.items()) or signs.none
    missing = batch.count("missing")
    kept = len(held(batch))
    if missing:
        checked: list[Piece] = [(f"{signs.failed} ", "$error"), (f"{plural(missing, 'item')} missing", "$error")]
    elif away := sum(one.away for one in batch.items):
        checked = [
            (f"{signs.failed} ", "$warning"),
            (f"{plural(away, 'item')} on a disk that is not there", "$warning"),
        ]
    elif kept:
        all_of = "all " if kept == len(batch.items) > 1 else ""
        checked = [(f"{signs.finished} ", "$success"), (f"{all_of}{plural(kept, 'item')} present", "")]
    else:
        checked = [("holds nothing any more", DIM)]
    labelled: tuple[tuple[str, list[Piece]], ...] = (
        ("why", [(why, "")]),
        ("host", [(f"{batch.host}, by {batch.user}", "")]),
        ("checked", checked),
    )
    return [line([(f"{word:<9}", DIM), *pieces]).truncate(max(width, 1), ellipsis=True) for word, pieces in labelled]


@dataclass(frozen=True, slots=True)
class KeptRow:
    """One line of a batch's contents: an experiment with runs below it, or one item."""

    kind: Literal["group", "item"]
    key: str
    name: str
    items: tuple[BatchItem, ...]
    open: bool = False
    inside: bool = False
    """An item below its experiment's line."""


def kept_rows(batch: Batch, opened: Collection[str], experiments: Mapping[str, str]) -> list[KeptRow]:
    """The batch's items by experiment, largest first."""
    groups: dict[str, list[BatchItem]] = {}
    for one in batch.items:
        groups.setdefault(container_key(one.item.key), []).append(one)
    ordered = sorted(groups.items(), key=lambda pair: -sum(one.item.size_bytes for one in pair[1]))
    rows: list[KeptRow] = []
    for key, items in ordered:
        items.sort(key=lambda one: -one.item.size_bytes)
        if len(items) == 1 and items[0].item.key == key:
            rows.append(KeptRow("item", key, _name(items[0]), tuple(items)))
            continue
        name = experiments.get(key, "") or key.rpartition("/")[2]
        rows.append(KeptRow("group", key, name, tuple(items), key in opened))
        if key in opened:
            rows += [KeptRow("item", one.item.key, _name(one), (one,), inside=True) for one in items]
    return rows


def _name(one: BatchItem) -> str:
    return one.item.name or one.item.run_id or one.item.experiment_id


def paint_kept(row: KeptRow, width: int, chosen: Collection[str], signs: Signs) -> Content:
    """One line of the contents; ``chosen``: keys to put back."""
    wanted = sum(one.item.key in chosen for one in row.items)
    mark = signs.finished if wanted == len(row.items) and wanted else signs.part if wanted else " "
    figures = [(fit_right(size_text(sum(one.item.size_bytes for one in row.items)), 9), "")]
    if row.kind == "group":
        fold = signs.opened if row.open else signs.closed
        pieces: list[Piece] = [(f"{mark} ", "$primary"), (f"{fold} ", DIM)]
        pieces.append((fit(row.name, max(6, width - 4 - 6 - 9 - 2)) + " ", "bold"))
        return line([*pieces, (fit_right(f"{len(row.items):,}", 6), DIM), *figures])
    one = row.items[0]
    sign, style = _place_look(one.place, signs)
    indent = "  " if row.inside else ""
    gone = "" if one.place in ("moved", "packed") else _PLACE_WORDS[one.place]
    room = max(6, width - 4 - len(indent) - 19 - 2)
    pieces = [
        (f"{mark} ", "$primary"),
        (f"{indent}{sign} ", style),
        (fit(row.name, room) + " ", "" if not gone else DIM),
    ]
    return line([*pieces, (fit_right(gone, 10), DIM), *figures])


def _place_look(place: ItemPlace, signs: Signs) -> tuple[str, str]:
    return {
        "moved": (signs.moved, ""),
        "packed": (signs.packed, "$primary"),
        "restored": (signs.restored, DIM),
        "in-place": (signs.none, DIM),
        "purged": (signs.purged, FAINT),
        "missing": (signs.breaks, "$error"),
    }[place]


def totals_words(batches: Sequence[Batch]) -> str:
    """``3 batches hold 7.7 GB, counted apart from the store``."""
    holding = [batch for batch in batches if held(batch)]
    if not holding:
        return "nothing is held"
    size = size_text(sum(batch.allocated_bytes for batch in holding))
    word = "batch holds" if len(holding) == 1 else "batches hold"
    return f"{len(holding):,} {word} {size}, counted apart from the store"


def row_words(batch: Batch, now_ms: int) -> list[Piece | str]:
    """The batch under the cursor in one line."""
    when = ago_text(max(0, now_ms - batch.created_ms))
    items = held(batch)
    pieces: list[Piece | str] = [(batch.id, "bold"), (f"  {batch.state} {when} by {batch.user}", DIM)]
    if items:
        pieces.append((f" · restoring puts {counted_items(items)} back", ""))
    else:
        pieces.append((" · nothing is left to restore", DIM))
    return pieces
