"""Opening somebody's SQLite database without ever writing beside it.

SQLite itself writes when it only reads: a database in WAL mode makes or touches ``-wal`` and ``-shm``.
So the mode is read from the file's header first (https://www.sqlite.org/fileformat2.html, bytes 18
and 19), and then:

* rollback journal: ``mode=ro``, which takes advisory locks and nothing else;
* WAL without a ``-wal`` file: ``immutable=1``, and the files are compared afterwards;
* WAL with one: a copy of the database with the log applied is put together in memory.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from mlruns_tui.disk import look

from .pulse import Halted, Pulse

if TYPE_CHECKING:
    from sqlite3 import Connection

MAGIC: Final = b"SQLite format 3\0"
WAIT_S: Final = 5.0
"""How long a database locked by somebody else is waited for."""
MAX_IMAGE: Final = 1 << 30
"""Bytes of the largest database put together in memory."""
READS_LOGS: Final = sys.version_info >= (3, 11)
"""Whether this Python opens a database put together in memory (``Connection.deserialize``)."""
_WAL_HEADER = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIIIII")
_WAL_MAGIC: Final = (0x377F0682, 0x377F0683)
_BLOCK = 1 << 20
_CHUNK = 20_000
"""Rows a statement: some 50 ms, during which a writer would have to wait."""


class Unreadable(Exception):
    """The database cannot be read now; the text says why in words."""


class Changed(Unreadable):
    """Somebody wrote to it in the middle; another try may do."""


def is_sqlite(path: str) -> bool:
    """Whether the file begins as SQLite's do. Raises OSError when that cannot be told."""
    return _header(path)[:16] == MAGIC


def _header(path: str) -> bytes:
    # The name may be a link the user made; what it names is looked at, never changed.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


class Reading:
    """An open database: questions in, rows out, stoppable, and patient with locks."""

    def __init__(self, connection: Connection, pulse: Pulse, wait_s: float) -> None:
        self._connection = connection
        self._pulse = pulse
        self._wait_s = wait_s
        self._halted = False
        connection.text_factory = _text
        # Asked inside long statements as well, every some 10 ms of work.
        connection.set_progress_handler(self._ask, 100_000)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of one statement. Raises Unreadable, Halted.

        Nothing is held between statements, so that whoever writes is never kept waiting long.
        """
        import sqlite3

        until = monotonic() + self._wait_s
        while True:
            self._pulse()
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                if self._halted:
                    raise Halted from None
                if "locked" not in str(error) or monotonic() > until:
                    raise Unreadable(f"cannot be read: {str(error).lower()}") from None

    def table(self, name: str, columns: Sequence[str], where: str = "", *values: object) -> Iterator[tuple[Any, ...]]:
        """Rows of a table, some thousand a statement; a column this version does not have comes as None.

        No row at all when there is no such table.
        """
        there = {row[1] for row in self.rows(f"PRAGMA table_info({name})")}
        if not there:
            return
        wanted = ", ".join(f'"{one}"' if one in there else "NULL" for one in columns)
        condition = f" AND {where}" if where else ""
        statement = f"SELECT rowid, {wanted} FROM {name} WHERE rowid > ?{condition} ORDER BY rowid LIMIT {_CHUNK}"
        last = -(1 << 62)
        while True:
            rows = self.rows(statement, last, *values)
            for row in rows:
                yield row[1:]
            if len(rows) < _CHUNK:
                return
            last = rows[-1][0]

    def tables(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def _ask(self) -> int:
        try:
            self._pulse()
        except Halted:
            self._halted = True
        return int(self._halted)


@contextmanager
def opened(path: str, pulse: Pulse, wait_s: float | None = None) -> Iterator[Reading]:
    """A database for reading; locks are waited for at most ``wait_s``. Raises Unreadable, Halted."""
    wait_s = WAIT_S if wait_s is None else wait_s
    try:
        header = _header(path)
    except OSError as error:
        raise Unreadable(f"cannot be read: {look.words(error)}") from None
    if header[:16] != MAGIC:
        raise Unreadable("is not an SQLite database")
    name = quote(os.fsencode(path))
    if 2 not in header[18:20]:
        with _connected(f"file:{name}?mode=ro") as connection:
            yield Reading(connection, pulse, wait_s)
    elif _size(f"{path}-wal") is None:
        with _unchanged(path), _connected(f"file:{name}?mode=ro&immutable=1") as connection:
            yield Reading(connection, pulse, wait_s)
    else:
        with _connected(":memory:") as connection:
            _load_image(connection, path, pulse)
            yield Reading(connection, pulse, wait_s)


@contextmanager
def _connected(uri: str) -> Iterator[Connection]:
    import sqlite3

    try:
        connection = sqlite3.connect(uri, uri=True, timeout=0.05, isolation_level=None)
    except sqlite3.Error as error:
        raise Unreadable(f"cannot be read: {str(error).lower()}") from None
    try:
        yield connection
    finally:
        connection.close()


def tables_in_file(path: str, pulse: Pulse) -> set[str]:
    """Names of the tables, without what a write-ahead log may add: quick, and takes no lock.

    Somebody may write meanwhile, so an answer is a hint and an error says nothing. Raises Unreadable.
    """
    with _connected(f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1") as connection:
        return Reading(connection, pulse, 0).tables()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"cannot be read: {look.words(error)}") from None


@contextmanager
def _unchanged(path: str) -> Iterator[None]:
    """Raises Changed when somebody wrote to the database in between: what was read may be torn."""
    before = os.stat(path)
    yield
    after = os.stat(path)
    same = (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
    if not same or _size(f"{path}-wal") is not None:
        raise Changed("was written to while it was read")


def _load_image(connection: Connection, path: str, pulse: Pulse) -> None:
    """Fill an empty connection with the database, its write-ahead log applied. Raises Unreadable."""
    import sqlite3

    if not READS_LOGS:
        raise Unreadable("has a write-ahead log (-wal), which needs Python 3.11 to be read without writing beside it")
    load: Any = connection.deserialize  # type: ignore[attr-defined,unused-ignore]
    for _ in range(3):
        image = _assembled(path, pulse)
        if image is not None:
            try:
                load(image)
            except sqlite3.Error as error:
                raise Unreadable(f"cannot be read: {str(error).lower()}") from None
            return
    raise Unreadable("is written to too fast to be read")


def _assembled(path: str, pulse: Pulse) -> bytearray | None:
    """The database with the committed pages of its log laid over it.

    A checkpoint may write into the database meanwhile: every page it writes is also in the log, as long
    as the log was not begun anew, which its header's salts tell. None when it was.
    """
    with _reading(path) as database, _reading(f"{path}-wal") as log:
        before = os.fstat(database)
        size = before.st_size + os.fstat(log).st_size
        if size > MAX_IMAGE:
            raise Unreadable(f"is too large ({size:,} bytes) to be read beside its write-ahead log")
        header = os.pread(log, _WAL_HEADER.size, 0)
        image = bytearray()
        while block := os.pread(database, _BLOCK, len(image)):
            image += block
            pulse()
        pages = _committed(log, header, pulse)
        page_size = _WAL_HEADER.unpack(header)[2] if pages else 0
        for number, offset in pages.items():
            end = number * page_size
            if len(image) < end:
                image += bytes(end - len(image))
            image[end - page_size : end] = os.pread(log, page_size, offset)
        # Marked as rollback mode: memory has no place for a log.
        image[18:20] = b"\x01\x01"
        after = os.fstat(database)
        written = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
        if (written and not pages) or os.pread(log, _WAL_HEADER.size, 0) != header:
            return None
        return image if _same_file(log, f"{path}-wal") else None


@contextmanager
def _reading(path: str) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"cannot be read: {look.words(error)}") from None
    try:
        yield fd
    finally:
        os.close(fd)


def _same_file(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _committed(log: int, header: bytes, pulse: Pulse) -> dict[int, int]:
    """Offsets in the log of the newest committed content of each page, by page number.

    https://www.sqlite.org/fileformat2.html#walformat: a frame counts when its salts are the header's,
    the running checksum fits, and a commit frame follows.
    """
    if len(header) < _WAL_HEADER.size:
        return {}
    magic, _, page_size, _, salt1, salt2, sum1, sum2 = _WAL_HEADER.unpack(header)
    if magic not in _WAL_MAGIC or page_size < 512:
        return {}
    order = ">" if magic & 1 else "<"
    if _checksum(header[:24], order, 0, 0) != (sum1, sum2):
        return {}
    words = (sum1, sum2)
    pages: dict[int, int] = {}
    waiting: dict[int, int] = {}
    offset = _WAL_HEADER.size
    while True:
        frame = os.pread(log, _FRAME.size + page_size, offset)
        if len(frame) < _FRAME.size + page_size:
            return pages
        number, commit, frame_salt1, frame_salt2, frame_sum1, frame_sum2 = _FRAME.unpack_from(frame)
        words = _checksum(frame[_FRAME.size :], order, *_checksum(frame[:8], order, *words))
        if (frame_salt1, frame_salt2) != (salt1, salt2) or words != (frame_sum1, frame_sum2) or not number:
            return pages
        waiting[number] = offset + _FRAME.size
        if commit:
            pages.update(waiting)
            waiting.clear()
        offset += len(frame)
        pulse()


def _checksum(data: bytes, order: str, first: int, second: int) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & 0xFFFFFFFF
        second = (second + words[at + 1] + first) & 0xFFFFFFFF
    return first, second
