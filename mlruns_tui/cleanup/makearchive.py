"""Writing an archive of a batch and reading it back, before it counts: from trees, or from another archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from mlruns_tui.disk import change, look
from mlruns_tui.model.protocols import Stop
from mlruns_tui.model.text import safe

from .archive import LEVEL, Damaged, Manifest, Writer, replay
from .archives import Archives
from .layout import Sharing
from .members import Member
from .places import Slot
from .shelf import MANIFEST, TAR, TEMPORARY, Shelf
from .trees import NotPackable, read_tree


class Stopped(Exception):
    """Somebody asked to stop; nothing was changed."""


class Unfit(Exception):
    """One item cannot be in an archive; the text says why."""

    def __init__(self, n: int, why: str) -> None:
        super().__init__(why)
        self.n = n


class Unreadable(Unfit):
    """One item cannot be read."""


def from_trees(
    shelf: Shelf,
    shared: Sharing,
    slots: Mapping[int, Slot],
    states: Mapping[int, str],
    raw_bytes: int,
    stop: Stop,
    level: int = LEVEL,
    *,
    name: str = "",
    threads: int | None = None,
) -> str:
    """Write and read back an archive of these trees; its name. It does not count yet.

    ``states``: fingerprints of the trees. ``level``, ``threads``: of the compressor. ``name``: if it has one already.
    Raises Unfit, Unreadable, Stopped, Damaged (it could not be read back), OSError; then nothing is left.
    """

    def fill(writer: Writer) -> None:
        def data(content: bytes) -> None:
            if stop():
                raise Stopped
            writer.data(content)

        for n, slot in slots.items():
            try:
                for member in read_tree(slot.fd, slot.name, n, writer.begin, data):
                    writer.end(member)
            except NotPackable as error:
                raise Unfit(n, str(error)) from None
            except OSError as error:
                if writer.has_failed:
                    raise
                path = error.filename if isinstance(error.filename, str) else ""
                where = f"{safe(path)} " if path and not path.startswith("/") else ""
                raise Unreadable(n, f"{where}cannot be read ({look.words(error)})") from None

    return _make(shelf, shared, name or shelf.new_name(min(slots)), states, raw_bytes, fill, level, threads)


def attempt(
    shelf: Shelf,
    shared: Sharing,
    name: str,
    slots: Mapping[int, Slot],
    states: Mapping[int, str],
    raw_bytes: int,
    level: int,
    threads: int | None,
    stop: Stop,
) -> tuple[str, int, str]:
    """Write an archive and read it back, maybe in a process of its own: what was in the way (nothing, ``stopped``,
    ``unreadable``, ``unfit``, ``damaged``), in which item, and why. Raises OSError; then nothing is left."""
    try:
        from_trees(shelf, shared, slots, states, raw_bytes, stop, level, name=name, threads=threads)
    except Stopped:
        return "stopped", -1, ""
    except Unreadable as error:
        return "unreadable", error.n, str(error)
    except Unfit as error:
        return "unfit", error.n, str(error)
    except Damaged as error:
        return "damaged", -1, str(error)
    return "", -1, ""


def is_in(archives: Archives, name: str, n: int, state: str) -> bool:
    """Whether an archive, made before somebody killed us, holds this very tree; read again to be sure."""
    if archives.found[name][n] != state:
        return False
    try:
        tar_fd, manifest = archives.open(name)
    except Damaged:
        return False
    try:
        return n not in replay(tar_fd, manifest)
    finally:
        os.close(tar_fd)
        manifest.close()


def from_archive(archives: Archives, shared: Sharing, name: str, staying: Sequence[int]) -> str:
    """Write and read back an archive with only some items of another, beside it; its name on that shelf. It
    does not count yet. Raises Damaged, OSError; then nothing is left."""
    tar_fd, manifest = archives.open(name)
    try:
        states = {n: manifest.fingerprints[n] for n in staying}

        def fill(writer: Writer) -> None:
            problems = replay(tar_fd, manifest, _Copy(writer, frozenset(staying)))
            for n in staying:
                if n in problems:
                    raise Damaged(problems[n])

        shelf = archives.shelf_of(name)[0]
        return _make(shelf, shared, shelf.new_name(min(staying)), states, manifest.size, fill)
    finally:
        manifest.close()
        os.close(tar_fd)


class _Copy:
    """Passes some items of an archive on to another."""

    def __init__(self, writer: Writer, wanted: frozenset[int]) -> None:
        self._writer = writer
        self._wanted = wanted
        self._copying = False

    def begin(self, member: Member) -> None:
        self._copying = member.item in self._wanted
        if self._copying:
            self._writer.begin(member)

    def data(self, content: bytes) -> None:
        if self._copying:
            self._writer.data(content)

    def end(self, member: Member) -> None:
        if self._copying:
            self._writer.end(member)

    def give_up(self, n: int) -> None:
        if n in self._wanted:
            raise Damaged("it is damaged")


def _make(
    shelf: Shelf,
    shared: Sharing,
    name: str,
    states: Mapping[int, str],
    raw_bytes: int,
    fill: Callable[[Writer], None],
    level: int = LEVEL,
    threads: int | None = None,
) -> str:
    fds: list[int] = []
    try:
        for ending in (TAR, MANIFEST):
            fds.append(change.create_open(shelf.fd, name + ending + TEMPORARY))
            try:
                change.share(fds[-1], shared.batch_file, shared.owner)
            except PermissionError:
                # A file system without owners or modes: its mount decides.
                if not shelf.number:
                    raise
        writer = Writer(fds[0], fds[1], states, raw_bytes, level, threads)
        fill(writer)
        writer.close()
        manifest = Manifest(fds[1])
        if manifest.sha256 != writer.sha256 or manifest.size != writer.size:
            raise Damaged("the disk gave back another manifest than was written")
        for n, why in replay(fds[0], manifest).items():
            raise Damaged(f"item {n}: {why}")
    except BaseException:
        shelf.withdraw(name)
        raise
    finally:
        for fd in fds:
            os.close(fd)
    return name
