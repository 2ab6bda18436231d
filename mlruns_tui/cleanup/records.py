"""A batch's plan on the disk: written once, read back, and believed only when it fits.

``plan.json`` is ``{"format": 1, "uid": …, "plan": {…}}``; ``item-<n>.json`` is one more item, put into the
batch by a restore that swapped it out of the way. A plan somebody edited can name no place outside the
store: whatever does not fit makes the whole plan unusable, and the data stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any

from mlruns_tui.disk import change, look
from mlruns_tui.model import codec
from mlruns_tui.model.errors import StaleError, UsageError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.plan import Plan, PlanItem
from mlruns_tui.model.words import OWN_SUFFIX

from .journal import Journal, line
from .layout import DATA, DEAD, FORMAT, JOURNAL, PLAN, UNBORN, Sharing, make_folder
from .newvault import remove_unborn
from .steps import unsupported

MAX_PLAN = 1 << 30
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}")
_EXTRA = re.compile(r"item-(\d{1,9})\.json")


@dataclass(frozen=True, slots=True)
class Document:
    """What ``plan.json`` holds."""

    format: int
    uid: int
    plan: Plan


def check_id(batch_id: str) -> None:
    """Raises UsageError for what cannot be a batch's name."""
    if not _ID.fullmatch(batch_id):
        raise UsageError("no-such-batch", f"not the name of a batch: {batch_id!r:.100}")


def check_plan(plan: Plan) -> None:
    """Raises UsageError when a plan could not be carried out as it stands, wherever it came from."""
    check_id(plan.id)
    for at, item in enumerate(plan.items):
        problem = _problem(item)
        if problem:
            raise UsageError(
                "bad-plan", f"item {at + 1} of the plan cannot be carried out: {problem}; nothing was changed"
            )


def _problem(item: PlanItem) -> str:
    try:
        parts = look.split(item.path)
        os.fsencode(item.path)
    except (OSError, UnicodeError):
        return "its path leads out of the store"
    if not parts:
        return "it is the store itself"
    if any(part.endswith(OWN_SUFFIX) for part in parts):
        return "it is one of the backups"
    other = unsupported(item)
    return f"this version does not know how to {other}" if other else ""


def publish(
    parent_fd: int, plan: Plan, uid: int, begin: dict[str, Any], shared: Sharing, *, places: bool
) -> tuple[int, Journal]:
    """Make a batch: its folder, plan and journal, visible at once when all of it was read back.

    Raises StaleError when there is such a batch already, OSError (nothing is left then) when it
    cannot be written.
    """
    unborn = plan.id + UNBORN
    if look.exists(plan.id, parent_fd) or look.exists(unborn, parent_fd):
        raise StaleError(
            "plan-used",
            f"the plan {plan.id} was used already; nothing was changed",
            hint="read the store again and make a new plan",
        )
    fd = make_folder(parent_fd, unborn, shared.batch, shared.owner)
    journal = None
    try:
        if places:
            for name in (DATA, DEAD):
                os.close(make_folder(fd, name, shared.batch, shared.owner))
        text = codec.dumps(Document(FORMAT, uid, plan)).encode("ascii")
        change.create_file(fd, PLAN, text, shared.batch_file, owner=shared.owner)
        read_back(fd, PLAN, text)
        first = line({"seq": 1, "e": "begin", **begin})
        change.create_file(fd, JOURNAL, first, shared.batch_file, owner=shared.owner)
        journal = Journal.open(fd, 1)
        journal.reserve(16_384 + 48 * len(plan.items))
        change.sync(fd)
        change.rename(parent_fd, unborn, parent_fd, plan.id)
        change.sync(parent_fd)
    except BaseException:
        if journal is not None:
            journal.close()
        os.close(fd)
        with contextlib.suppress(OSError):
            remove_unborn(parent_fd, unborn)
        raise
    return fd, journal


def read_back(fd: int, name: str, expected: bytes) -> None:
    """Raises OSError when the disk does not give back what was written."""
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(reading, 0, 0, os.POSIX_FADV_DONTNEED)
        found = b""
        while len(found) <= len(expected):
            more = os.read(reading, len(expected) + 1 - len(found))
            if not more:
                break
            found += more
    finally:
        os.close(reading)
    if found != expected:
        raise OSError(5, "the disk gave back something else than was written", name)


def discard(parent_fd: int, batch_id: str) -> None:
    """Remove a batch that never held an item. Raises OSError, also when it does hold one."""
    change.rename(parent_fd, batch_id, parent_fd, batch_id + UNBORN)
    remove_unborn(parent_fd, batch_id + UNBORN)
    change.sync(parent_fd)


def read_plan(record_fd: int, batch_id: str) -> Document:
    """The plan of a batch. Raises ValueError saying what is wrong with it, OSError when it cannot be read."""
    size = os.stat(PLAN, dir_fd=record_fd, follow_symlinks=False).st_size
    try:
        data = json.loads(look.read_small(PLAN, record_fd, min(max(size, 1), MAX_PLAN)))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if isinstance(data, dict) and data.get("format") != FORMAT:
        raise ValueError(f"its format {str(data.get('format'))[:20]} is unknown to this version")
    document = codec.decode(Document, data)
    if document.plan.id != batch_id:
        raise ValueError("it is the plan of another batch")
    for at, item in enumerate(document.plan.items):
        problem = _problem(item)
        if problem:
            raise ValueError(f"item {at + 1}: {problem}")
    return document


def add_item(record_fd: int, n: int, item: PlanItem, mode: int, owner: tuple[int, int]) -> None:
    """Put one more item into a batch, on the disk before it is moved. Raises OSError."""
    change.create_file(record_fd, f"item-{n}.json", codec.dumps(item).encode("ascii"), mode, owner=owner)
    change.sync(record_fd)


def read_added(record_fd: int, planned: int) -> dict[int, PlanItem]:
    """The items added to a batch of ``planned`` items, by index; one that does not fit is passed over."""
    found: dict[int, PlanItem] = {}
    for name in sorted(look.names(record_fd)):
        match = _EXTRA.fullmatch(name)
        if match is None or int(match[1]) < planned:
            continue
        with contextlib.suppress(ValueError, OSError):
            item = codec.loads(PlanItem, look.read_small(name, record_fd))
            if not _problem(item):
                found[int(match[1])] = item
    return found
