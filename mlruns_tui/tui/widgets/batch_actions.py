"""What can be done with a batch now, and why not."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from mlruns_tui.model.batch import Batch
from mlruns_tui.report.words import plural, size_text

from .cells import DIM, FAINT, KEY, line
from .task_words import held


@dataclass(frozen=True, slots=True)
class BatchAction:
    """One line of the actions panel."""

    key: str
    words: str
    detail: str
    """What it leads to, or why it is off."""
    off: bool = False


def why_not(batch: Batch, busy: bool) -> str:
    """Why nothing of a batch can be put back; empty when it can. ``busy``: work is going on."""
    if busy:
        return "wait: work is going on"
    if batch.running:
        return "at work now"
    if not held(batch) and batch.state != "unfinished":
        return "nothing is left in it"
    return ""


def why_no_purge(batch: Batch) -> str:
    """Why a batch that could be put back cannot be purged."""
    return "settle it first" if batch.state == "unfinished" else ""


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


def actions_of(batch: Batch, chosen: int, why: str, in_contents: bool, busy: bool = False) -> list[BatchAction]:
    """``chosen``: items picked to be put back. ``why``: nothing can be done, because. ``in_contents``: the
    contents have the focus, where Enter opens and chooses."""
    words = "settle" if batch.state == "unfinished" else "restore all"
    if chosen:
        words = f"restore {plural(chosen, 'item')}"
    purge = why or why_no_purge(batch)
    pack, verify = why_no_pack(batch, why), why_no_verify(batch, busy)
    of = f" of {plural(chosen, 'item')}" if chosen else ""
    return [
        BatchAction("u" if in_contents else "Enter", words, why or "to where it was", bool(why)),
        BatchAction("Space", "choose items", why or "restore only those", bool(why)),
        BatchAction("V", "verify", verify or f"read every byte{of}", bool(verify)),
        BatchAction("p", "pack…", pack or f"same backup{of}, less space", bool(pack)),
        BatchAction("P", "purge…", purge or f"frees {size_text(batch.allocated_bytes)} for good", bool(purge)),
    ]


def paint_action(action: BatchAction) -> Content:
    key, words = (FAINT, FAINT) if action.off else (KEY, "")
    return line([(f"{action.key:<6}", key), (f"{action.words:<16}", words), (action.detail, DIM)])
