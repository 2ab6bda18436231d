"""What is said about work in the worker: while it goes on, and when it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from textual.content import Content

from mlruns_tui.model.batch import ApplyEvent, Batch, BatchItem
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.plan import PlanItem
from mlruns_tui.model.words import Outcome
from mlruns_tui.report.backups_text import aside_words, counted_altered, lost_words
from mlruns_tui.report.plan_text import slim_words
from mlruns_tui.report.words import age_words, plural, size_text
from mlruns_tui.tui.render import progress_bar
from mlruns_tui.tui.signs import Signs
from mlruns_tui.tui.tasks import TaskView, Trouble

from .cells import DIM, KEY, Piece, cut, fit, line, wrap

Phase = Literal["move", "purge", "restore", "verify", "pack"]
DOING = {
    "move": "moving to a backup",
    "purge": "deleting for good",
    "restore": "putting back",
    "verify": "reading",
    "pack": "packing",
}
DONE = {"move": "moved", "purge": "deleted", "restore": "put back", "verify": "checked", "pack": "packed"}
TITLES = {"move": "applying", "purge": "purging", "restore": "restoring", "verify": "verifying", "pack": "packing"}
WIDTH = 70
"""Cells of a line inside the frame."""
SHOWN_TROUBLES = 3


def counted(runs: int, experiments: int) -> str:
    """``143 runs and 2 experiments``."""
    parts = [plural(number, word) for number, word in ((runs, "run"), (experiments, "experiment")) if number]
    return " and ".join(parts) or "nothing"


def is_repair(items: Sequence[PlanItem]) -> bool:
    """These are places of the store that were mended, not what went out of it."""
    return bool(items) and all(item.action == "repair" for item in items)


def counted_items(items: Sequence[PlanItem]) -> str:
    if is_repair(items):
        return plural(len(items), "repaired place")
    runs = sum(item.kind == "run" for item in items)
    what = counted(runs, len(items) - runs)
    return slim_words(what, True) if is_slim(items) else what


def is_slim(items: Sequence[PlanItem]) -> bool:
    """These are the artifacts of runs that stay."""
    return bool(items) and all(item.action == "slim" for item in items)


def are(items: Sequence[PlanItem]) -> str:
    """The verb that goes with ``counted_items``."""
    return "are" if len(items) != 1 or is_slim(items) else "is"


def held(batch: Batch, keys: Collection[str] | None = None) -> list[PlanItem]:
    """The items the backup still holds, of these keys (None: of all)."""
    return [
        one.item for one in batch.items if one.place in ("moved", "packed") and (keys is None or one.item.key in keys)
    ]


def restorable(batch: Batch, keys: Collection[str] | None = None) -> list[PlanItem]:
    """The items that can go to their place, of these keys: those the backup holds, and those put aside."""
    return [
        one.item
        for one in batch.items
        if (one.place in ("moved", "packed") or one.put_aside) and (keys is None or one.item.key in keys)
    ]


def ended_words(view: TaskView, disk_freed: int | None = None) -> str:
    """One sentence about work that is over, for a toast."""
    if view.batch is None:
        error = view.error
        return (
            "the work ended without a result" if error is None else ". ".join(filter(None, (error.message, error.hint)))
        )
    return summary(view.batch, view.latest.phase if view.latest else "move", disk_freed, keys_of(view))


def keys_of(view: TaskView) -> set[str] | None:
    """Keys of the items this work dealt with; None when it did not tell of each (a large batch does not)."""
    told = view.done_keys | {one.key for one in view.troubles}
    return told if told and (view.latest is None or len(told) >= view.latest.done) else None


def summary(
    batch: Batch, phase: Phase = "move", disk_freed: int | None = None, keys: Collection[str] | None = None
) -> str:
    """One sentence about a finished batch. ``disk_freed``: what the disk itself says, in bytes. ``keys``: the
    items this piece of work was about, when not all."""
    lost = [one for one in batch.items if phase == "restore" and one.lost]
    about = [one for one in batch.items if (keys is None or one.item.key in keys) and one not in lost]
    for word in ("failed", "skipped"):
        if number := sum(one.outcome == word for one in about):
            said = f"{number:,} of {plural(len(about), 'item')} {word} and {_stays(number, phase)}. w why"
            return f"{said}. {lost_words(lost)}" if lost else said
    items = done_of(batch, phase, keys)
    what = counted_items(items)
    if phase == "restore":
        aside = [one for one in about if one.put_aside]
        altered = [one for one in about if one.altered]
        items = _without(items, altered)
        what = counted_items(items)
        told = [f"{counted_altered(altered)}. w why"] if altered else []
        if is_repair(items):
            told.append(f"{what} {'is' if len(items) == 1 else 'are'} as before, every byte and date.")
        elif items or not (aside or lost or altered):
            told.append(f"{what} {are(items)} back, every byte and date as before.")
        if aside:
            more = f" (and {len(aside) - 1:,} more)" if len(aside) > 1 else ""
            told.append(f"{aside[0].item.name or aside[0].item.path} {aside_words(aside[0])}{more}.")
        if lost:
            told.append(lost_words(lost))
        return " ".join(told)
    if phase == "purge" or (not batch.backup and phase == "move"):
        return freed_words(batch.freed_bytes, disk_freed)
    if phase == "pack":
        return f"{what} packed and read back. {freed_words(batch.freed_bytes, disk_freed)}"
    if phase == "verify":
        return f"{what} checked, nothing differs."
    if is_repair(items):
        return f"{plural(len(items), 'place')} repaired. z undo"
    size = size_text(sum(item.size_bytes for item in items))
    return f"{what} moved to a backup, {size}; frees nothing yet: p pack, P purge. z undo"


def _without(items: list[PlanItem], others: Sequence[BatchItem]) -> list[PlanItem]:
    left_out = {id(one.item) for one in others}
    return [item for item in items if id(item) not in left_out]


def _stays(number: int, phase: Phase) -> str:
    one = number == 1
    if phase == "move":
        return "stays marked" if one else "stay marked"
    return "stays where it was" if one else "stay where they were"


def freed_words(freed: int, disk_freed: int | None) -> str:
    """``4.8 GB freed; the disk says 3.1 GB: something else wrote 1.7 GB meanwhile.``"""
    said = f"{size_text(freed)} freed"
    if disk_freed is None:
        return f"{said}."
    disk = f"; the disk says {size_text(max(disk_freed, 0))}"
    missing = freed - max(disk_freed, 0)
    if missing > max(1_000_000, freed // 20):
        return f"{said}{disk}: something else wrote {size_text(missing)} meanwhile."
    return f"{said}{disk}."


def done_of(batch: Batch, phase: Phase, keys: Collection[str] | None = None) -> list[PlanItem]:
    """The items that are now where the work was to bring them, as found on the disk."""
    if phase == "restore":
        wanted: tuple[str, ...] = ("restored", "in-place")
    elif phase == "pack":
        wanted = ("packed",)
    elif phase == "purge" or (not batch.backup and phase == "move"):
        wanted = ("purged",)
    else:
        wanted = ("moved", "packed")
    return [
        one.item
        for one in batch.items
        if one.place in wanted
        and not one.put_aside
        and one.outcome in ("done", None)
        and (keys is None or one.item.key in keys)
    ]


def left_words(seconds: float | None) -> str:
    """``1 s left``, ``4 min left``; nothing before there is anything to go by."""
    return "" if seconds is None else f"{age_words(max(1000, round(seconds * 1000)))} left"


def progress_lines(view: TaskView, signs: Signs, all_troubles: bool = False) -> list[Content]:
    """What the progress window says."""
    event = view.latest or ApplyEvent("start", "move", "", 0, 0, 0, 0)
    share = event.done / event.total if event.total else 0.0
    doing = "repairing" if view.repairs and event.phase == "move" else DOING[event.phase]
    lines = [
        Content(),
        line(
            [(f"{doing}  ", ""), *progress_bar(share, 30, signs),
             (f"  {event.done:,} of {event.total:,}" if event.total else f"  {signs.unknown}", "bold")]
        ),
        Content(),
        _amounts(view, event),
        Content(),
        line([("last  ", DIM), cut(view.label(event.key, event.name) if event.key else signs.unknown, WIDTH - 6)]),
        Content(),
        _counts(view, event.phase, signs),
    ]  # fmt: skip
    shown = view.troubles if all_troubles else view.troubles[:SHOWN_TROUBLES]
    for trouble in shown:
        lines += _trouble_lines(trouble, signs, "left where it was" if event.phase == "move" else "")
    if len(view.troubles) > len(shown):
        more = len(view.troubles) - len(shown)
        lines.append(line([(f"  {signs.unknown} {more:,} more, ", DIM), ("Enter", "$primary bold"),
                           (" lists them", DIM)]))  # fmt: skip
    lines.append(Content())
    if view.stopping:
        lines.append(line([(f"Stopping after this item. {event.done:,} of {event.total:,} are done.", "$warning")]))
    else:
        lines.append(line([("Lose the connection if you must: this goes on without you.", DIM)]))
    return lines


def _counts(view: TaskView, phase: Phase, signs: Signs) -> Content:
    pieces: list[Piece] = [
        (f"{signs.finished} ", "$success"),
        (f"{max(view.latest.done - len(view.troubles), 0) if view.latest else 0:,} ", "bold"),
        ("repaired" if view.repairs and phase == "move" else DONE[phase], DIM),
    ]
    for outcome, troubles in (("failed", view.failed), ("skipped", view.skipped)):
        if troubles:
            sign, style = _outcome_look(troubles[0].outcome, signs)
            pieces += [(f"   {sign} ", style), (f"{len(troubles):,} ", "bold"), (outcome, style)]
    return line(pieces)


def _amounts(view: TaskView, event: ApplyEvent) -> Content:
    pieces: list[Piece] = [(f"   {size_text(event.bytes_done)}", "bold"), (f" of {size_text(event.bytes_total)}", DIM)]
    if event.files_total:
        pieces += [(f"     {event.files_done:,}", ""), (f" of {event.files_total:,} files", DIM)]
    if event.done < event.total:
        pieces.append((f"     {left_words(view.left_s)}", DIM))
    return line(pieces)


def _trouble_lines(trouble: Trouble, signs: Signs, state: str) -> list[Content]:
    sign, style = _outcome_look(trouble.outcome, signs)
    head = line([(f"{sign} ", style), fit(trouble.name, WIDTH - 2).rstrip()])
    cause = trouble.error or "no reason was given"
    if state and state not in cause:
        cause = f"{cause}; {state}"
    return [head, *(line([(f"  {part}", DIM)]) for part in wrap(cause, WIDTH - 2))]


def _outcome_look(outcome: Outcome, signs: Signs) -> tuple[str, str]:
    return (signs.failed, "$error") if outcome == "failed" else (signs.protected, "$secondary")


def result_title(batch: Batch) -> str:
    """``done: 1 failed, 1 skipped``."""
    parts = [
        f"{number:,} {word}"
        for word in ("failed", "skipped")
        if (number := sum(one.outcome == word for one in batch.items))
    ]
    return "done: " + ", ".join(parts) if parts else "done"


def result_lines(batch: Batch, phase: Phase, signs: Signs, store: str, view: TaskView) -> list[Content]:
    """What the result window says of a batch."""
    keys = keys_of(view)
    items = done_of(batch, phase, keys)
    troubles = [
        one
        for one in batch.items
        if one.outcome in ("failed", "skipped") and not one.lost and (keys is None or one.item.key in keys)
    ]
    where = {"move": "in the backup" if batch.backup else "gone for good", "restore": "back in their place",
             "pack": "packed and read back", "verify": "read, and nothing differs"}  # fmt: skip
    head = f"{counted_items(items)} {are(items)} {where.get(phase, 'gone for good')}"
    mended = phase == "move" and is_repair(items)
    if mended:
        head = f"{plural(len(items), 'place')} {are(items)} repaired"
    altered = [
        one for one in batch.items if phase == "restore" and one.altered and (keys is None or one.item.key in keys)
    ]
    lines = [
        line([(f"{signs.finished} ", "$success"), (head, "bold")]),
        line([(f"  {size_text(sum(item.size_bytes for item in items))}, {view.elapsed_s:.1f} s", DIM)]),
        Content(),
    ]
    for one in troubles:
        sign, style = _outcome_look(one.outcome or "failed", signs)
        name = view.label(one.item.key, one.item.name)
        lines.append(line([(f"{sign} {one.outcome:<9}", style), fit(name, WIDTH - 12).rstrip()]))
        lines += [line([(" " * 11 + part, DIM)]) for part in wrap(one.error or "no reason was given", WIDTH - 11)]
    for one in altered:
        head = f"{signs.failed} {view.label(one.item.key, one.item.name)}"
        lines.append(line([(fit(head, WIDTH).rstrip(), "$warning")]))
        lines += [line([("  " + part, DIM)]) for part in wrap(one.error, WIDTH - 2)]
    if phase == "restore":
        said = [aside_words(one) for one in batch.items if one.put_aside and (keys is None or one.item.key in keys)]
        gone = [one for one in batch.items if one.lost]
        for sentence in [*said, *([lost_words(gone)] if gone else [])]:
            lines += [line([(part, "$warning")]) for part in wrap(sentence, WIDTH)]
    if troubles:
        untouched = "It is where it was" if len(troubles) == 1 else "They are where they were"
        marks = "; the mark stays." if len(troubles) == 1 else "; the marks stay."
        lines += [line([(f"  {untouched}" + (marks if phase == "move" else "."), DIM)]), Content()]
    if phase == "move" and batch.backup and not mended:
        lines += [
            line([("disk freed ", DIM), ("0 B", "bold"), (" so far: a backup takes the same space.", DIM)]),
            line([("  p", KEY), " pack it", ("     the same backup in less space", DIM)]),
            line([("  P", KEY), " purge it", (f"    frees {size_text(batch.allocated_bytes)}, for good", DIM)]),
            Content(),
        ]  # fmt: skip
    elif phase in ("purge", "pack") or (not batch.backup and phase == "move"):
        lines += [line([freed_words(batch.freed_bytes, None)]), Content()]
    for message in batch.messages:
        lines += [line([(part, "$warning")]) for part in wrap(message, WIDTH)]
    lines.append(line([("batch      ", DIM), batch.id]))
    if phase == "move" and batch.backup:
        lines.append(line([("take back  ", DIM), f"mlruns-tui undo {store}"]))
    return lines


def error_lines(error: MlrunsError, signs: Signs) -> list[Content]:
    """What the result window says when there is no batch to speak of."""
    first, *rest = wrap(error.message, WIDTH - 2)
    lines = [line([(f"{signs.failed} ", "$error"), first]), *(line(["  " + part]) for part in rest)]
    if error.path:
        lines += [Content(), *(line([("  " + part, DIM)]) for part in wrap(error.path, WIDTH - 2))]
    if error.hint:
        lines += [Content(), *(line(["  " + part]) for part in wrap(error.hint, WIDTH - 2))]
    return lines
