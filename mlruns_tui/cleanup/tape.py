"""The decompressed bytes of an archive, one after the other."""

from __future__ import annotations

import contextlib
import os

from mlruns_tui.model.text import safe

BUFFER = 1 << 20


class Torn(Exception):
    """From here on nothing can be read."""


class Tape:
    """The decompressed bytes of an archive, in order."""

    def __init__(self, fd: int) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        os.lseek(fd, 0, os.SEEK_SET)
        if hasattr(os, "posix_fadvise"):
            # What was just written must come from the disk, not from memory.
            with contextlib.suppress(OSError):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        self._file = os.fdopen(os.dup(fd), "rb", buffering=0)
        self._stream = zstandard.ZstdDecompressor().stream_reader(self._file, read_size=BUFFER, closefd=True)
        self._buffer = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """Exactly so many bytes. Raises Torn when there are fewer."""
        end = self._at + size
        if end <= len(self._buffer):
            found = self._buffer[self._at : end]
            self._at = end
            return found
        parts = [self._buffer[self._at :]]
        missing = size - len(parts[0])
        self._buffer, self._at = b"", 0
        while missing:
            self._fill()
            part = self._buffer[:missing]
            self._at = len(part)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def some(self, most: int) -> bytes:
        """At least one byte, at most so many. Raises Torn at the end."""
        if self._at >= len(self._buffer):
            self._fill()
        found = self._buffer[self._at : self._at + most]
        self._at += len(found)
        return found

    def more(self) -> bool:
        """Whether anything follows."""
        if self._at < len(self._buffer):
            return True
        try:
            self._fill()
        except Torn:
            return False
        return True

    def _fill(self) -> None:
        try:
            self._buffer, self._at = self._stream.read(BUFFER), 0
        except (self._error, OSError) as error:
            raise Torn(f"it cannot be read any further: {safe(str(error), 120)}") from None
        if not self._buffer:
            raise Torn("it is cut off")
