"""Many trees looked at together, and what was seen of one as a process tells it to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlruns_tui.model.protocols import Stop, never
from mlruns_tui.model.store import Identity, Size

from .survey import survey
from .together import share
from .writers import NO_OPEN_FILES, OpenFiles

if TYPE_CHECKING:
    from mlruns_tui.model.evidence import Survey


def row_of(seen: Survey) -> tuple[Any, ...]:
    """A survey as ``marshal`` takes it."""
    size = seen.size
    return (
        (seen.identity.device, seen.identity.inode), seen.fingerprint,
        (size.size_bytes, size.allocated_bytes, size.files, size.newest_ns), seen.entries, seen.owner,
        seen.other_owners, seen.trouble, seen.trouble_path,
        tuple((one.pid, one.user, one.command, one.path) for one in seen.writers), seen.silly_renames,
    )  # fmt: skip


def of_row(row: tuple[Any, ...]) -> Survey:
    """The survey such a row was made of."""
    from mlruns_tui.model.evidence import Survey, Writer

    identity, fingerprint, size, entries, owner, others, trouble, trouble_path, writers, silly_renames = row
    return Survey(
        Identity(*identity), fingerprint, Size(*size), entries, owner, others, trouble, trouble_path,
        tuple(Writer(*one) for one in writers), silly_renames,
    )  # fmt: skip


def surveys(
    jobs: Sequence[tuple[int, str]],
    weights: Sequence[int],
    held: OpenFiles = NO_OPEN_FILES,
    *,
    until: float = float("inf"),
    stop: Stop = never,
) -> list[Survey | OSError]:
    """``survey`` of each of these (parent's descriptor and name), or what it raises, by one process a core.

    See ``together.share`` for the ``weights`` (entries in each, about), and for ``until`` and ``stop``, after which
    only the first of them are there.
    """

    def look(n: int) -> tuple[Any, ...]:
        try:
            return row_of(survey(*jobs[n], held))
        except OSError as error:
            return (error.errno, error.strerror)

    rows = share(look, weights, {fd for fd, _ in jobs}, until=until, stop=stop)
    return [of_row(row) if len(row) > 2 else OSError(*row, job[1]) for row, job in zip(rows, jobs, strict=False)]
