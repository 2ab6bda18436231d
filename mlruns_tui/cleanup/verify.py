"""Reading everything a batch keeps, to the last byte, and comparing. Changes nothing and needs no lock."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.protocols import Stop, Tell, never, silent
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Outcome

from . import damage
from .archive import AT_ITS_END, Damaged, library, replay
from .kept import Kept
from .members import Member
from .progress import Progress
from .purge import chosen_items
from .trees import CHUNK
from .vault import looking

_GO_ON = "Restore what is sound while it is; this item was left as it is."


def verify(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    tell: Tell = silent,
    stop: Stop = never,
    *,
    found_in: str = "",
) -> Batch:
    """Check what a batch of the store at ``root`` keeps, or its items with these keys.

    Moved items must be as they were when they were moved and readable; packed ones must be what their
    manifests say. Damaged items come back as ``failed`` with what is wrong, those ``stop`` left out without
    outcome. ``found_in``: a directory where archives on another disk may be found by now. Raises UsageError (no
    such store, batch or key), DamagedError (its plan), MlrunsError.
    """
    with looking(root, found_in) as site:
        kept = site.open_sound(batch_id)
        try:
            return _Check(kept, chosen_items(kept, keys), tell, stop).run()
        finally:
            kept.close()


class _Stopped(Exception):
    pass


class _Check:
    def __init__(self, kept: Kept, chosen: Sequence[int], tell: Tell, stop: Stop) -> None:
        self._kept = kept
        self._stop = stop
        self._chosen = [n for n in chosen if kept.look_at(n).place in ("moved", "packed", "missing")]
        self._progress = Progress(tell, "verify", kept.id, [kept.items[n] for n in self._chosen])
        self._results: dict[int, tuple[Outcome, str]] = {}

    def run(self) -> Batch:
        kept = self._kept
        self._progress.start()
        messages: list[str] = []
        try:
            for n in self._chosen:
                if self._stop():
                    raise _Stopped
                if n not in self._results:
                    self._one(n)
        except _Stopped:
            messages.append("stopped: the items without a result were not checked")
        messages += [
            f"what is in {safe(path)} is not known: its manifest cannot be read (tar --zstd -tf lists it)"
            for path in damage.broken_paths(kept)
        ]
        self._progress.end()
        kept.results = dict(self._results)
        if not self._chosen:
            messages.append("nothing of it is in the backup any more")
        return kept.batch(messages=tuple(messages))

    def _one(self, n: int) -> None:
        kept = self._kept
        try:
            if kept.note_away(n):
                self._finished(n, *kept.results.pop(n))
                return
            name = kept.archive(n)
            if name:
                self._archive(name)
                return
            found = kept.places.find(n) or kept.places.find_dead(n)
            if found is None:
                self._finished(n, "failed", f"{damage.whereabouts(kept)}.")
                return
            slot, _ = found
            problem = damage.altered(kept, n, slot.fd, slot.name)
            problem = problem or self._read_all(slot.fd, slot.name)
            self._finished(n, "failed" if problem else "done", f"{problem}. {_GO_ON}" if problem else "")
        except OSError as error:
            self._finished(n, "failed", f"cannot be read: {look.words(error)}. {_GO_ON}")

    def _read_all(self, parent_fd: int, name: str) -> str:
        """What could not be read of a tree, empty when all could."""
        top = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        if stat.S_ISREG(top.st_mode):
            return self._read(parent_fd, name, name)
        for entry in look.walk(parent_fd, name) if stat.S_ISDIR(top.st_mode) else ():
            if stat.S_ISREG(entry.status.st_mode):
                problem = self._read(entry.dir_fd, entry.name, entry.path)
                if problem:
                    return problem
        return ""

    def _read(self, dir_fd: int, name: str, path: str) -> str:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
            try:
                while os.read(fd, CHUNK):
                    if self._stop():
                        raise _Stopped
            finally:
                os.close(fd)
        except OSError as error:
            return f"{safe(path)} cannot be read: {look.words(error)}"
        return ""

    def _archive(self, name: str) -> None:
        """All items of an archive at once, as far as they were asked for."""
        kept, archives = self._kept, self._kept.places.archives
        about = [n for n in archives.found[name] if n in set(self._chosen) and kept.archive(n) == name]
        library()
        try:
            tar_fd, manifest = archives.open(name)
            try:
                problems = replay(tar_fd, manifest, _Halting(self._stop))
            finally:
                os.close(tar_fd)
                manifest.close()
        except Damaged as error:
            problems = dict.fromkeys(about, str(error))
        except OSError as error:
            problems = dict.fromkeys(about, f"cannot be read: {look.words(error)}")
        where = safe(archives.path(name))
        ending = problems.get(AT_ITS_END, "")
        for n in about:
            why = f"damaged in {where}: {problems[n]}. {_GO_ON}" if n in problems else ""
            if ending:
                why = f"whole, but its archive {where} is damaged: {ending}. Restore it while it is whole."
            self._finished(n, "failed" if why else "done", why)

    def _finished(self, n: int, outcome: Outcome, why: str = "") -> None:
        self._results[n] = (outcome, why)
        self._progress.item(self._kept.items[n], outcome, why)


class _Halting:
    """Wants nothing of an archive but to be able to stop."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def begin(self, member: Member) -> None: ...

    def data(self, content: bytes) -> None:
        if self._stop():
            raise _Stopped

    def end(self, member: Member) -> None: ...

    def give_up(self, n: int) -> None: ...
