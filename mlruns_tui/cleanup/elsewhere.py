"""Archives of a batch on another file system: where they are, how that is recognised, and what is made there.

The batch's folder in the vault has one ``place-<k>.json`` for each such place: ``{"format": 1, "id": 32 hex digits,
"dir": the directory somebody named, "folder": "mlruns-tui-<user>/<batch>"}``. There lie ``pack/``, ``dead/`` and
``batch.json`` with the same id: where that is missing, the disk is not mounted, or is another one. The record is
written first, so a killed worker leaves nothing elsewhere that nobody knows of. Where the disk is mounted under
another path, or its folders were copied, somebody names the new directory; the id tells whether it is that one, and
whatever then changes the batch writes the record anew.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlruns_tui.disk import change, look
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.text import safe

from .layout import DEAD, Sharing, make_folder
from .otherdisk import open_dir
from .shelf import PACK, Shelf

FORMAT = 1
MARKER = "batch.json"
FOLDER = "mlruns-tui-"
BRING_BACK = "mount it, or say with --backup-dir DIR where it is now, then run this again"
_RECORD = re.compile(r"place-([1-9]\d{0,3})\.json")
_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Record:
    """Where some archives of a batch are."""

    format: int
    id: str
    dir: str
    folder: str


@dataclass(frozen=True, slots=True)
class Marker:
    """What lies with them, for the program and for people."""

    format: int
    id: str
    batch: str
    store: str
    user: str


def records(batch_fd: int) -> dict[int, Record]:
    """The places of a batch by number; a record that is damaged or leads somewhere odd is passed over.
    Raises OSError."""
    found: dict[int, Record] = {}
    for name in look.names(batch_fd):
        match = _RECORD.fullmatch(name)
        if match is None:
            continue
        with contextlib.suppress(ValueError, OSError, RecursionError):
            one = codec.loads(Record, look.read_small(name, batch_fd))
            parts = one.folder.split("/")
            sound = len(parts) == 2 and all(map(_NAME.fullmatch, parts)) and _ID.fullmatch(one.id)
            if one.format == FORMAT and sound and os.path.isabs(one.dir) and "\0" not in one.dir:
                found[int(match[1])] = one
    return found


def open_shelf(number: int, record: Record) -> Shelf | None:
    """The archives of a place; None when it is not there now, or something else is in its stead."""
    fds: list[int] = []
    try:
        fds.append(open_dir(record.dir))
        for part in record.folder.split("/"):
            fds.append(look.open_directory(part, fds[-1]))
        if _marker(fds[-1]).id != record.id:
            return None
        fds.append(look.open_directory(PACK, fds[-1]))
        dead_fd = look.open_directory(DEAD, fds[-2])
        path = os.path.join(record.dir, record.folder, PACK)
        return Shelf(number, fds.pop(), dead_fd, path, record.dir)
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        for fd in fds:
            os.close(fd)


def moved_to(record: Record, found_in: str) -> Iterator[Record]:
    """What the record would be if its folder were in the directory ``found_in`` by now, were one there, or were it."""
    name = record.folder.partition("/")[2]
    above, last = os.path.split(found_in)
    yield replace(record, dir=found_in)
    if _NAME.fullmatch(last):
        yield replace(record, dir=above, folder=f"{last}/{name}")
        above, user = os.path.split(above)
        if _NAME.fullmatch(user):
            yield replace(record, dir=above, folder=f"{user}/{last}")


def remember(batch_fd: int, number: int, record: Record) -> None:
    """Write anew where a place is by now. Raises OSError; then the record is as it was."""
    name = f"place-{number}.json"
    temporary = f"{name}.tmp"
    status = os.stat(name, dir_fd=batch_fd, follow_symlinks=False)
    owner = (status.st_uid if os.geteuid() == 0 else -1, status.st_gid)
    with contextlib.suppress(FileNotFoundError):
        change.remove_file(batch_fd, temporary)
    try:
        text = codec.dumps(record).encode("ascii")
        change.create_file(batch_fd, temporary, text, stat.S_IMODE(status.st_mode), owner=owner)
        change.publish(batch_fd, temporary, name)
    except OSError:
        with contextlib.suppress(OSError):
            change.remove_file(batch_fd, temporary)
        raise
    change.sync(batch_fd)


def is_there(shelf: Shelf, record: Record) -> bool:
    """Whether the open folder is still the one its path leads to: nobody unmounted or removed it meanwhile."""
    now = open_shelf(shelf.number, record)
    if now is None:
        return False
    try:
        return os.path.samestat(os.fstat(now.fd), os.fstat(shelf.fd))
    finally:
        now.close()


def make(
    batch_fd: int,
    batch_id: str,
    root: str,
    dir_fd: int,
    path: str,
    shared: Sharing,
    known: Mapping[int, Record],
    away: Mapping[int, Record],
) -> tuple[int, Record]:
    """The place for archives of a batch in the directory ``path``, open as ``dir_fd``: found again or made.

    ``known``: the places there are, where they are now. ``away``: places something of the batch is in and that are
    not there now. Raises MlrunsError when another disk is mounted than the one they were on or somebody else's folder
    is in the way, OSError.
    """
    for number, record in known.items():
        if record.dir == path and number in away:
            raise not_there(path)
        if record.dir == path:
            _fill(dir_fd, record, batch_id, root, shared)
            return number, record
    from .records import read_back  # which needs places, and so this module

    uid = os.geteuid() if shared.owner[0] == -1 else shared.owner[0]
    user = look.user_name(uid)
    folder = FOLDER + (user if _NAME.fullmatch(FOLDER + user) else str(uid))
    identity = os.urandom(16).hex()
    record = Record(FORMAT, identity, path, f"{folder}/{_free(dir_fd, folder, batch_id)}")
    # A killed worker may have left one it had not come to write, which is no record.
    torn = {int(match[1]) for name in look.names(batch_fd) if (match := _RECORD.fullmatch(name))}
    number = 1 + max({*known, *torn}, default=0)
    text = codec.dumps(record).encode("ascii")
    name = f"place-{number}.json"
    change.create_file(batch_fd, name, text, shared.batch_file, owner=shared.owner)
    try:
        # Without it nobody would find the archives again.
        read_back(batch_fd, name, text)
        change.sync(batch_fd)
    except OSError:
        change.remove_file(batch_fd, name)
        raise
    try:
        _fill(dir_fd, record, batch_id, root, shared)
    except MlrunsError:
        with contextlib.suppress(OSError):
            _empty(dir_fd, record)
        # Nothing was put there, so nobody needs to know of it.
        change.remove_file(batch_fd, name)
        raise
    return number, record


def _free(dir_fd: int, folder: str, batch_id: str) -> str:
    """A name in the user's folder that nothing has: batches of two stores may have the same id."""
    taken: set[str] = set()
    with contextlib.suppress(OSError):
        fd = look.open_directory(folder, dir_fd)
        try:
            taken = set(look.names(fd))
        finally:
            os.close(fd)
    names = (batch_id if again == 1 else f"{batch_id}-{again}" for again in range(1, 1000))
    return next(name for name in names if name not in taken)


def _fill(dir_fd: int, record: Record, batch_id: str, root: str, shared: Sharing) -> None:
    """Make what is missing of a place. Raises MlrunsError."""
    try:
        _make(dir_fd, record, batch_id, root, shared)
    except (ValueError, RecursionError):
        raise not_there(record.dir) from None
    except OSError as error:
        path = safe(os.path.join(record.dir, record.folder))
        raise MlrunsError(
            "bad-backup-dir",
            f"no folder for archives could be made as {path}: {look.words(error)}; nothing was changed in the store",
            path=path,
            hint="make room there, or name another directory",
        ) from None


def _make(dir_fd: int, record: Record, batch_id: str, root: str, shared: Sharing) -> None:
    """Raises MlrunsError, OSError, ValueError."""
    user_name, name = record.folder.split("/")
    user_fd = _folder(dir_fd, user_name, shared)
    try:
        status = os.fstat(user_fd)
        if status.st_uid not in (os.geteuid(), shared.owner[0]) or status.st_mode & stat.S_IWOTH:
            path = safe(os.path.join(record.dir, user_name))
            raise MlrunsError(
                "bad-backup-dir",
                f"{path} belongs to {safe(look.user_name(status.st_uid))} or anybody may write to it, so no backup "
                "is put there; nothing was changed",
                path=path,
                hint="look at what it is and move it away, or name another directory",
            )
        fd = _folder(user_fd, name, shared)
        try:
            if not look.exists(MARKER, fd):
                marker = Marker(FORMAT, record.id, batch_id, root, look.user_name(os.geteuid()))
                temporary = f"{MARKER}.{record.id}.tmp"
                with contextlib.suppress(FileNotFoundError):
                    change.remove_file(fd, temporary)
                text = codec.dumps(marker).encode("ascii")
                try:
                    change.create_file(fd, temporary, text, shared.batch_file, owner=shared.owner)
                except PermissionError:
                    # Many a backup disk (FAT, SMB) knows neither owner nor mode.
                    change.create_file(fd, temporary, text, 0o600)
                change.rename(fd, temporary, fd, MARKER)
            elif _marker(fd).id != record.id:
                raise not_there(record.dir)
            for below in (PACK, DEAD):
                os.close(_folder(fd, below, shared))
            change.sync(fd)
        finally:
            os.close(fd)
    finally:
        os.close(user_fd)


def _folder(parent_fd: int, name: str, shared: Sharing) -> int:
    """A folder of ours, made if it is missing. Raises OSError."""
    try:
        return look.open_directory(name, parent_fd)
    except FileNotFoundError:
        pass
    try:
        fd = make_folder(parent_fd, name, shared.batch, shared.owner)
    except PermissionError:
        # A file system without owners or modes, which its mount decides for all of it.
        change.make_directory(parent_fd, name, 0o700)
        fd = look.open_directory(name, parent_fd)
    change.sync(parent_fd)
    return fd


def _marker(fd: int) -> Marker:
    """Raises OSError, ValueError."""
    return codec.loads(Marker, look.read_small(MARKER, fd))


def not_there(backup_dir: str) -> MlrunsError:
    """The error about a place that is not there now."""
    return MlrunsError("backup-away", f"{away_words(backup_dir)}; nothing was changed", path=safe(backup_dir),
                       hint=BRING_BACK)  # fmt: skip


def away_words(backup_dir: str) -> str:
    """``the backup is on /mnt/x, which is not there now``."""
    return f"the backup is on {safe(backup_dir)}, which is not there now"


def forget(batch_fd: int, shelf: Shelf, record: Record) -> None:
    """Remove an empty place, there and from the batch. Raises OSError, also when something is in it; a killed
    worker leaves a record of a place that nothing is in."""
    dir_fd = open_dir(record.dir)
    try:
        _empty(dir_fd, record)
    finally:
        os.close(dir_fd)
    change.remove_file(batch_fd, f"place-{shelf.number}.json")
    change.sync(batch_fd)


def _empty(dir_fd: int, record: Record) -> None:
    """Raises OSError when something is in it."""
    user_name, name = record.folder.split("/")
    user_fd = look.open_directory(user_name, dir_fd)
    try:
        fd = look.open_directory(name, user_fd)
        try:
            for below in (PACK, DEAD):
                with contextlib.suppress(FileNotFoundError):
                    change.remove_directory(fd, below)
            with contextlib.suppress(FileNotFoundError):
                change.remove_file(fd, MARKER)
        finally:
            os.close(fd)
        change.remove_directory(user_fd, name)
        change.sync(user_fd)
    finally:
        os.close(user_fd)
    # Other batches of this user may be there.
    with contextlib.suppress(OSError):
        change.remove_directory(dir_fd, user_name)
