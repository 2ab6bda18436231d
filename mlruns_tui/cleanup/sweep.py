"""Looking at many items of a plan at once, by one process a core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from mlruns_tui.disk import look
from mlruns_tui.model.evidence import Survey
from mlruns_tui.model.protocols import Stop, never

from .kept import Kept
from .places import Slot
from .repair import Mend

Seen = dict[int, Survey | OSError]
"""By index: what a look at an item gave, or why it could not be looked at."""


def before(
    kept: Kept, indexes: Iterable[int], max_parents: int, held: look.OpenFiles, until: float, stop: Stop
) -> Seen:
    """These items in the store, the first of them at least; nothing where that is not worth several processes.

    Nothing more is begun after ``until`` (of ``time.monotonic``) or a ``stop``. Parents are opened, at most so many.
    """
    items = [(n, kept.items[n]) for n in indexes if not isinstance(kept.work(n), Mend)]
    if not look.is_worth_sharing(sum(item.entries for _, item in items)):
        return {}
    jobs: dict[int, tuple[int, str]] = {}
    for n, item in items:
        if len(kept.parents) >= max_parents:
            break
        # Why it cannot be opened is told when it is its turn.
        with contextlib.suppress(OSError):
            jobs[n] = kept.parents.of(item.path)
    return _look(kept, jobs, held, until, stop)


def after(kept: Kept, slots: Mapping[int, Slot], held: look.OpenFiles) -> Seen:
    """These items in their new places, all of them; nothing where that is not worth several processes."""
    jobs = {n: (slot.fd, slot.name) for n, slot in slots.items() if not isinstance(kept.work(n), Mend)}
    if not look.is_worth_sharing(sum(kept.items[n].entries for n in jobs)):
        return {}
    return _look(kept, jobs, held, float("inf"), never)


def found(seen: Survey | OSError | None) -> Survey | None:
    """Raises what the look raised."""
    if isinstance(seen, OSError):
        raise seen
    return seen


def _look(kept: Kept, jobs: Mapping[int, tuple[int, str]], held: look.OpenFiles, until: float, stop: Stop) -> Seen:
    weights = [kept.items[n].entries for n in jobs]
    return dict(zip(jobs, look.surveys(list(jobs.values()), weights, held, until=until, stop=stop), strict=False))
