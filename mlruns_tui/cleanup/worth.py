"""Whether kept trees can be packed, and what that would bring: many are looked at by several processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from mlruns_tui.disk import look
from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.words import Outcome

from . import say
from .beside import together
from .gain import Gain, Weight
from .kept import Kept
from .packroom import AS_IT_WAS
from .places import Slot
from .retiring import shares


@dataclass(frozen=True, slots=True)
class Worth:
    """What a look at one item's tree found."""

    state: str
    """Its fingerprint now."""
    gain: Gain | None
    """None for one that cannot be packed whatever that would bring."""
    outcome: Outcome = "skipped"
    """Of an item without ``gain``."""
    why: str = ""


def look_at(kept: Kept, slots: Mapping[int, Slot], held: look.OpenFiles, stop: Stop) -> dict[int, Worth]:
    """Look at these items of a batch, each at its place. ``held``: who has what open. Told to stop, items are left
    out."""
    parts = shares(slots, kept.items)
    found: dict[int, Worth] = {}
    for part, answer in zip(parts, together([partial(_look, kept, part, held) for part in parts], stop), strict=True):
        try:
            told = answer.get()
        except OSError:
            # Whoever was at it was killed.
            told = _look(kept, part, held, stop)
        for n, (state, gain, outcome, why) in told.items():
            found[n] = Worth(state, None if gain is None else Gain(*gain), outcome, why)
    return found


_Told = tuple[str, tuple[int, int, str, int, bool] | None, Outcome, str]
"""The fields of a ``Worth``, its gain's among them: what one process can tell another."""


def _look(kept: Kept, slots: Mapping[int, Slot], held: look.OpenFiles, stop: Stop) -> dict[int, _Told]:
    told: dict[int, _Told] = {}
    for n, slot in slots.items():
        if stop():
            break
        try:
            told[n] = _look_once(kept, n, slot, held)
        except OSError as error:
            told[n] = "", None, "failed", say.failure(error, AS_IT_WAS)
    return told


def _look_once(kept: Kept, n: int, slot: Slot, held: look.OpenFiles) -> _Told:
    """Raises OSError when not even its top can be looked at."""
    item = kept.items[n]
    top = os.stat(slot.name, dir_fd=slot.fd, follow_symlinks=False)
    weight = Weight(slot.fd, slot.name, top)
    seen = look.survey(slot.fd, slot.name, held, weight)
    if seen.writers:
        return seen.fingerprint, None, "skipped", f"{say.written_to(seen.writers)}. {AS_IT_WAS}"
    if kept.places.same(top, item.identity) and seen.fingerprint != item.fingerprint:
        return seen.fingerprint, None, "skipped", f"changed since it was moved. {AS_IT_WAS}"
    found = weight.gain()
    if found.why_not:
        outcome: Outcome = "failed" if found.is_unreadable else "skipped"
        return seen.fingerprint, None, outcome, f"{found.why_not}. {AS_IT_WAS}"
    gain = (found.allocated_bytes, found.expected_bytes, found.why_not, found.data_bytes, found.is_unreadable)
    return seen.fingerprint, gain, "skipped", ""
