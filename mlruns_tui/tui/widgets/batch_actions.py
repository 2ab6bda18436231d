"""What can be done with a batch now, and why not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from textual.content import Content

from mlruns_tui.model.batch import Batch
from mlruns_tui.report.backups_text import going, on_disk
from mlruns_tui.report.words import plural, size_text

from .cells import DIM, FAINT, KEY, line
from .task_words import held, restorable


@dataclass(frozen=True, slots=True)
class BatchAction:
    """One line of the actions panel."""

    key: str
    words: str
    detail: str
    """What it leads to, or why it is off."""
    off: bool = False


READ_ONLY = "opened read-only"
NOTHING = "nothing is left in it"


def why_not(batch: Batch, busy: bool) -> str:
    """Why nothing of a batch can be put back; empty when it can. ``busy``: work is going on."""
    if busy:
        return "wait: work is going on"
    if batch.running:
        return "at work now"
    kept = held(batch)
    if kept and batch.state != "unfinished" and sum(one.away for one in batch.items) == len(kept):
        return "its disk is not there now: mount it"
    if restorable(batch) or batch.state == "unfinished":
        return ""
    if not batch.items and batch.messages:
        return "its plan is damaged" if batch.damage else "you may not read it"
    return "its archive is damaged" if batch.broken else NOTHING


def why_no_purge(batch: Batch, why: str, keys: Collection[str] | None = None) -> str:
    """Why a batch, or the items of it with these keys, cannot be purged. ``why``: why nothing can be put back."""
    if batch.state == "unfinished" and not batch.running:
        return why or "settle it first"
    if why and not (batch.broken and not batch.running and not why.startswith(("wait", READ_ONLY))):
        return why
    return "" if going(batch, keys) or (batch.broken and keys is None) else NOTHING


def why_no_pack(batch: Batch, why: str) -> str:
    """Why nothing of a batch can be packed. ``why``: why nothing can be done at all."""
    if why or batch.state == "unfinished":
        return why or "settle it first"
    return "" if batch.count("moved") else "it is packed"


def why_no_verify(batch: Batch, busy: bool) -> str:
    """Why a batch cannot be read again. Reading needs no permission to change anything."""
    if busy or batch.running:
        return "wait: work is going on"
    return "" if held(batch) or batch.count("missing") else "nothing is left in it"


def actions_of(
    batch: Batch, chosen: Collection[str], why: str, in_contents: bool, busy: bool = False
) -> list[BatchAction]:
    """``chosen``: keys of the items picked. ``why``: nothing can be put back, because. ``in_contents``: the
    contents have the focus, where Enter opens and chooses."""
    words = "settle" if batch.state == "unfinished" else "restore all"
    if chosen:
        words = f"restore {plural(len(chosen), 'item')}"
    keys = chosen or None
    purge = why_no_purge(batch, why, keys)
    pack, verify = why_no_pack(batch, why), why_no_verify(batch, busy)
    of = f" of {plural(len(chosen), 'item')}" if chosen else ""
    freed = sum(map(on_disk, going(batch, keys))) if keys else batch.allocated_bytes
    about = "about " if keys and batch.count("packed") else ""
    frees = f"frees {about}{size_text(freed)} for good"
    return [
        BatchAction("u" if in_contents else "Enter", words, why or "to where it was", bool(why)),
        BatchAction("Space", "choose items", why or "for only those", bool(why)),
        BatchAction("V", "verify", verify or f"read every byte{of}", bool(verify)),
        BatchAction("p", "pack…", pack or f"same backup{of}, less space", bool(pack)),
        BatchAction("P", f"purge{of.removeprefix(' of')}…", purge or frees, bool(purge)),
    ]


def paint_action(action: BatchAction) -> Content:
    key, words = (FAINT, FAINT) if action.off else (KEY, "")
    return line([(f"{action.key:<6}", key), (f"{action.words:<16}", words), (action.detail, DIM)])
