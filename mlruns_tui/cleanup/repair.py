"""Putting something into a place of the store, and taking it back: a rebuilt file, a missing directory.

What is put there is made whole in the batch's folder first, as ``data/<n>/new``. Then one rename brings it
into its place, or one exchange of names where something is there already; that lies in ``data/<n>/old``
afterwards, untouched. Where both are tells whether it was done, whatever the journal says.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from functools import partial

from mlruns_tui.disk import change, look
from mlruns_tui.model.evidence import Survey
from mlruns_tui.model.plan import PlanItem

from . import say
from .places import Slot
from .repair_made import NEW, Made, open_file
from .steps import Ground, Where

OLD = "old"
_SLACK_NS = 2_000_000_000
"""What is put into a run is dated a second after what it replaces, so that mirrors notice it."""

Looks = dict[str, Survey]
"""By path: the runs surveyed for the items at hand."""


class Mend:
    """One path of the store and what is to be there."""

    def __init__(self, item: PlanItem, n: int) -> None:
        self.item = item
        self.n = n
        self.parent = item.path.rpartition("/")[0]
        self.step = item.steps[-1]
        self._made = Made(self.step)
        self.replaces = len(item.steps) == 2
        """Something is there already, and goes into the backup."""

    # Before and after.

    def unfit(self, ground: Ground, held: look.OpenFiles, looks: Looks) -> str:
        """Why it is better not done now, in words; empty when all is as the plan saw it. Raises OSError."""
        parent_fd, name = ground.parents.of(self.item.path)
        if self.replaces:
            why = self._changed(ground, parent_fd, name, held)
        elif look.exists(name, parent_fd):
            why = f"something is there since the plan was made. {say.LEFT}"
        elif not ground.places.same(os.fstat(parent_fd), self.item.identity):
            why = f"its directory was replaced by another since the plan was made. {say.LEFT}"
        else:
            why = ""
        return why or self._run_in_use(ground, held, looks)

    def _changed(self, ground: Ground, fd: int, name: str, held: look.OpenFiles) -> str:
        """What happened to what is to be replaced since the plan saw it."""
        item = self.item
        found = look.survey(fd, name, held)
        if not ground.places.same(os.stat(name, dir_fd=fd, follow_symlinks=False), item.identity):
            return f"replaced by another since the plan was made. {say.LEFT}"
        if [one for one in found.trouble if one != "link"]:
            return say.trouble(found, fd, name)
        if found.writers:
            return f"{say.written_to(found.writers)}. {say.LEFT}"
        if found.fingerprint != item.fingerprint or found.size.size_bytes != item.size_bytes:
            return say.changed_since(item.newest_ns, found.size.newest_ns)
        return ""

    def _run_in_use(self, ground: Ground, held: look.OpenFiles, looks: Looks) -> str:
        """Whether somebody works in the run it is in."""
        run = run_of(self.item)
        if not run:
            return ""
        if run not in looks:
            fd, name = ground.parents.of(run)
            looks[run] = look.survey(fd, name, held)
        found = looks[run]
        if found.writers:
            return f"its run is {say.written_to(found.writers)}. {say.LEFT}"
        if found.silly_renames:
            return f"a removed file in its run is still open (.nfs…). {say.LEFT}"
        if found.size.newest_ns > self.item.newest_ns + _SLACK_NS:
            return f"its run was {say.changed_since(self.item.newest_ns, found.size.newest_ns)}"
        return ""

    def disturbed(self, ground: Ground, slot: Slot, held: look.OpenFiles) -> str:
        """Whether somebody wrote to what was replaced between the look and the exchange. Raises OSError."""
        if not self.replaces:
            return ""
        folder = look.open_directory(slot.name, slot.fd)
        try:
            return self._changed(ground, folder, self._original(ground, folder) or OLD, held)
        finally:
            os.close(folder)

    # Doing.

    def do(self, ground: Ground) -> Slot:
        """Put it there; what was there is in the backup. Raises OSError, with nothing changed."""
        slot = ground.places.free(self.n)
        parent_fd, name = ground.parents.of(self.item.path)
        self.tidy(ground)
        parent = os.fstat(parent_fd)
        self._about_to_change(ground, slot)
        change.make_directory(slot.fd, slot.name, 0o700)
        folder = look.open_directory(slot.name, slot.fd)
        try:
            self._made.make(folder, parent_fd, name, parent)
            change.sync(folder)
            self._about_to_change(ground, slot)
            if self.replaces:
                _exchange(folder, NEW, parent_fd, name, OLD, partial(self._just_changed, ground, slot))
            else:
                change.rename(folder, NEW, parent_fd, name)
            self._just_changed(ground, slot)
            change.sync(folder)
        except OSError:
            with contextlib.suppress(OSError):
                self.tidy(ground)
            raise
        finally:
            os.close(folder)
        return slot

    # Taking back.

    def undo(self, ground: Ground, *, force: bool = False, grown: bool = False) -> None:
        """As it was before. Raises OSError, with nothing changed; FileExistsError when what was put there is
        not that any more (``force``: then it is kept in the batch's folder). ``grown``: somebody added to the
        original after the other was made from it."""
        where, slot, _ = self.find(ground)
        if where != "backup" or slot is None:
            raise FileNotFoundError(errno.ENOENT, "not in the backup", self.item.path)
        parent_fd, name = ground.parents.of(self.item.path)
        folder = look.open_directory(slot.name, slot.fd)
        try:
            original = self._original(ground, folder)
            there = look.exists(name, parent_fd)
            if there and not force and not self._is_ours(parent_fd, name, folder, original, grown=grown):
                raise FileExistsError(errno.EEXIST, "changed since it was repaired", self.item.path)
            self._about_to_change(ground, slot)
            if original:
                changed = partial(self._just_changed, ground, slot)
                self._give_back(folder, original, parent_fd, name, changed, there=there)
            elif there:
                change.rename(parent_fd, name, folder, NEW)
                if self.step.kind == "make-directory" and not self._made.is_directory(NEW, folder):
                    change.rename(folder, NEW, parent_fd, name)
                    raise FileExistsError(errno.EEXIST, "something is in it", self.item.path)
            self._just_changed(ground, slot)
            change.sync(folder)
        finally:
            os.close(folder)

    @staticmethod
    def _give_back(
        folder: int, original: str, parent_fd: int, name: str, changed: Callable[[], None], *, there: bool
    ) -> None:
        if there:
            _exchange(folder, original, parent_fd, name, NEW if original == OLD else OLD, changed)
        else:
            change.rename(folder, original, parent_fd, name)

    def tidy(self, ground: Ground) -> None:
        """Remove what was made and is not in its place (any more); nothing of the store's. Raises OSError."""
        kept = ground.places.find(self.n)
        if kept is None or self.find(ground)[0] == "backup":
            return
        slot = kept[0]
        folder = look.open_directory(slot.name, slot.fd)
        try:
            for name in (NEW, OLD):
                if self._is_made(ground, folder, name):
                    if self.step.kind == "make-directory":
                        change.remove_tree(folder, name)
                    else:
                        change.remove_file(folder, name)
            if not look.names(folder):
                self._about_to_change(ground, slot, own=False)
                change.remove_directory(slot.fd, slot.name)
                self._just_changed(ground, slot, own=False)
        finally:
            os.close(folder)

    def _is_made(self, ground: Ground, folder: int, name: str) -> bool:
        """Whether this is what was made for the place, or the torn beginning of it."""
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if self.replaces and ground.places.same(status, self.item.identity):
            return False
        if self.step.kind == "make-directory":
            return stat.S_ISDIR(status.st_mode) and self._made.is_directory(name, folder, beginning=True)
        try:
            parent_fd, place = ground.parents.of(self.item.path)
            source = open_file(place, parent_fd) if self.step.kind == "drop-bytes" else -1
        except OSError:
            return False
        try:
            return self._made.is_file(folder, name, source, beginning=True)
        finally:
            if source >= 0:
                os.close(source)

    # Finding.

    def find(self, ground: Ground) -> tuple[Where, Slot | None, os.stat_result | None]:
        """Whether it was done (``backup``), from the disk alone. Raises OSError when the backup cannot be read."""
        kept = ground.places.find(self.n)
        here = self._here(ground)
        if kept is None:
            if self.replaces:
                same = here is not None and ground.places.same(here, self.item.identity)
                return ("origin", None, here) if same else ("neither", None, None)
            return ("origin", None, None) if here is None else ("neither", None, None)
        slot = kept[0]
        folder = look.open_directory(slot.name, slot.fd)
        try:
            if not self.replaces:
                new = _status(NEW, folder)
                if new is not None or here is None:
                    return "origin", None, new
                return "backup", slot, here
            for name in (NEW, OLD):
                status = _status(name, folder)
                if status is not None and ground.places.same(status, self.item.identity):
                    return "backup", slot, status
            if here is not None and ground.places.same(here, self.item.identity):
                return "origin", None, here
            # Of a store that was copied every file is another one: then its name tells what it is.
            old = _status(OLD, folder)
            if old is not None:
                return "backup", slot, old
            return ("origin", None, here) if here is not None else ("neither", None, None)
        finally:
            os.close(folder)

    def is_whole(self, fd: int, name: str) -> bool:
        """Whether nothing was taken from this folder of a batch since it was declared dead."""
        folder = look.open_directory(name, fd)
        try:
            if not self.replaces:
                return not look.names(folder)
            found = look.survey(folder, OLD)
            return found.fingerprint == self.item.fingerprint and found.size.size_bytes == self.item.size_bytes
        except FileNotFoundError:
            return False
        finally:
            os.close(folder)

    def moments(self, ground: Ground) -> list[int]:
        """When what was replaced, and what was made, last got another name, in ns. Raises OSError."""
        kept = ground.places.find(self.n)
        if kept is None:
            return []
        folder = look.open_directory(kept[0].name, kept[0].fd)
        try:
            found = [_status(NEW, folder), _status(OLD, folder), self._here(ground)]
            return [one.st_ctime_ns for one in found if one is not None]
        finally:
            os.close(folder)

    def _here(self, ground: Ground) -> os.stat_result | None:
        try:
            parent_fd, name = ground.parents.of(self.item.path)
        except OSError:
            return None
        return _status(name, parent_fd)

    def _original(self, ground: Ground, folder: int) -> str:
        """Name in the folder of what was replaced; empty when nothing was."""
        if not self.replaces:
            return ""
        new = _status(NEW, folder)
        return NEW if new is not None and ground.places.same(new, self.item.identity) else OLD

    def _is_ours(self, fd: int, name: str, folder: int, original: str, *, grown: bool) -> bool:
        """Whether what is in the place is still what was put there."""
        if self.step.kind == "make-directory":
            return self._made.is_directory(name, fd)
        source = open_file(original, folder) if self.step.kind == "drop-bytes" else -1
        try:
            return self._made.is_file(fd, name, source, beginning=grown)
        finally:
            if source >= 0:
                os.close(source)

    # Times of directories.

    def _touched(self, slot: Slot, own: bool) -> set[str]:
        touched = {self.parent} if own else set()
        return touched | {""} if slot.in_root else touched

    def _about_to_change(self, ground: Ground, slot: Slot, *, own: bool = True) -> None:
        for path in self._touched(slot, own):
            ground.parents.about_to_change(path)

    def _just_changed(self, ground: Ground, slot: Slot, *, own: bool = True) -> None:
        for path in self._touched(slot, own):
            ground.parents.changed(path)


def run_of(item: PlanItem) -> str:
    """Path of the run an item lies in; empty for what is in none."""
    parts = item.path.split("/")
    if not item.run_id or item.run_id not in parts[:-1]:
        return ""
    return "/".join(parts[: parts.index(item.run_id) + 1])


def _exchange(folder: int, mine: str, parent_fd: int, name: str, rest: str, changed: Callable[[], None]) -> None:
    """Bring ``mine`` of the folder into the place; what was there is ``rest`` in the folder then.

    Raises OSError, with nothing changed but times, which ``changed`` is told of.
    """
    try:
        change.exchange(folder, mine, parent_fd, name)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
    else:
        # It is done. Which of the two is the original is told by its identity; the name is for copied stores.
        with contextlib.suppress(OSError):
            change.rename(folder, mine, folder, rest)
        return
    # Where the system cannot exchange names: out of the way, then into the place.
    change.rename(parent_fd, name, folder, rest)
    try:
        change.rename(folder, mine, parent_fd, name)
    except OSError:
        try:
            change.rename(folder, rest, parent_fd, name)
        finally:
            changed()
        raise


def _status(name: str, dir_fd: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
