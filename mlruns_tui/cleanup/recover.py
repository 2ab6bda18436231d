"""After a worker was killed: the batch is brought to where its items are, from the disk alone.

Nothing is decided here. Items stay where they are found; a swap that stood between its two renames gets
its second one, what was half deleted is deleted (what was only about to be is kept, when items are put
back), and directories get back the times they had before the renames of the killed worker, where no other
change followed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection

from mlruns_tui.disk import change

from .graves import destroy, rescued
from .kept import Kept
from .layout import SAME_MOMENT_NS, put_back_time
from .repair import Mend
from .repair_back import tidy
from .slim import Slim
from .standins import fill_in_after_a_crash


def settle(
    kept: Kept, removed: Callable[[os.stat_result], None] | None = None, *, doomed: Collection[int] | None = None
) -> None:
    """Settle what the last operation left behind. ``removed`` hears of each name of a file that goes.

    What was declared dead and nobody began to take apart is in the backup again, unless a deletion of it is what goes
    on: of the ``doomed`` items, and then of archives.

    Raises OSError when the backup cannot be read or changed.
    """
    kept.places.archives.settle(removed, rescue=doomed is None)
    for n in sorted(kept.items):
        _finish_swap(kept, n)
    if kept.history.open_op:
        _put_back_times(kept)
    for n in sorted(kept.items):
        # Still open somewhere (NFS): the next purge goes on.
        with contextlib.suppress(OSError):
            if n in (doomed or ()) or not rescued(kept, n):
                destroy(kept, n, removed)
    back = [n for n in sorted(kept.history.packed) if n in kept.items and kept.places.find(n) is not None]
    if back and kept.journal is not None:
        # Their archives were made, but their trees are still there: those are the same as before.
        kept.say("kept", n=back)
    if kept.history.open_op:
        tidy(kept, sorted(kept.items))
        fill_in_after_a_crash(kept)


def _finish_swap(kept: Kept, n: int) -> None:
    where, slot, _ = kept.find(n)
    if where == "backup" and slot is not None and n >= len(kept.plan.items):
        own = kept.places.free(n)
        if slot.name != own.name:
            change.rename(slot.fd, slot.name, own.fd, own.name)
            change.sync(own.fd)


def _put_back_times(kept: Kept) -> None:
    """A rename stamps the directory and the renamed tree's own ctime alike: that is how we know it was ours."""
    ours: dict[str, list[int]] = {}
    for n, item in kept.items.items():
        status, paths = kept.find(n)[2], {item.path.rpartition("/")[0]}
        if kept.places.cramped or n in kept.history.asides:
            paths.add("")
        if status is None and (aside := kept.aside(n)):
            status = os.stat(aside, dir_fd=kept.root_fd, follow_symlinks=False)
        if status is not None:
            for path in paths:
                ours.setdefault(path, []).append(status.st_ctime_ns)
        work = kept.work(n)
        if isinstance(work, (Mend, Slim)):
            for path in paths:
                ours.setdefault(path, []).extend(work.moments(kept.ground))
    for path, (inode, mtime_ns) in kept.history.times.items():
        with contextlib.suppress(OSError):
            fd = kept.parents.fd(path)
            status = os.fstat(fd)
            if status.st_ino == inode and any(
                abs(status.st_mtime_ns - moment) < SAME_MOMENT_NS for moment in ours.get(path, ())
            ):
                put_back_time(fd, mtime_ns, status.st_mtime_ns)
