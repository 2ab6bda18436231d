"""Taking repairs back where that is more than a rename: what was changed since, and what is of no use any more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import say
from .kept import Kept
from .repair import Mend
from .slim import Slim


def taken_back(kept: Kept, n: int, work: Mend, *, force: bool) -> tuple[Outcome, str]:
    """What a repair put there is not that any more: what became of it, and why.

    Only with ``force`` it is taken away (and kept in the batch's folder); a directory with something in it never is.
    """
    if not force or work.step.kind == "make-directory":
        path, record = safe(kept.items[n].path), safe(kept.record_path)
        before = f"what was there before is kept in {record}" if work.replaces else "nothing was there before"
        return "skipped", f"{path} was changed since it was repaired, and stays as it is; {before}."
    try:
        work.undo(kept.ground, force=True)
    except OSError as error:
        return "failed", say.failure(error, say.KEPT)
    return "done", ""


def tidy(kept: Kept, indexes: Iterable[int]) -> None:
    """Remove what was made for the places of these items and is out of them again, or never came there."""
    for n in indexes:
        work = kept.work(n)
        if isinstance(work, (Mend, Slim)):
            with contextlib.suppress(OSError):
                work.tidy(kept.ground)
