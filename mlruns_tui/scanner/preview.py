"""The beginning of one artifact: text, JSON laid out, the size of an image, the names in an archive.

Only the head of the file is read, links are not followed, and nothing is run or unpickled. Image sizes are read
where the formats keep them: PNG (RFC 2083 §4.1.1), GIF89a §18, JPEG (ITU-T T.81 §B.2.2), BMP and WebP headers.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Iterator
from typing import Final

from mlruns_tui.disk import look
from mlruns_tui.model.details import ArtifactPreview
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.text import decode, safe

from .evidence import path_of
from .root import open_root

MAX_HEAD: Final = 256 << 10
"""Bytes that are read."""
MAX_LINES: Final = 2_000
MAX_LINE: Final = 2_000
"""Characters of a line that are kept."""
_HEX_ROWS: Final = 64


def preview(store: StoreInfo, key: str, artifact: str) -> ArtifactPreview:
    """What the artifact at ``artifact``, its exact path below ``artifacts``, begins with.

    Raises MlrunsError ``no-such-artifact`` or ``unreadable-artifact``; StaleError when the store is gone.
    """
    run = path_of(key)
    shown = safe(artifact)
    if run is None or "/run/" not in key or not artifact:
        raise MlrunsError("no-such-artifact", f"{shown} is no artifact of a run")
    folder, _, name = artifact.rpartition("/")
    where = "/".join(filter(None, (run, "artifacts", folder)))
    root_fd = open_root(store)
    if root_fd is None:
        raise MlrunsError("no-such-artifact", f"{shown} is not in this store")
    try:
        fd = look.open_path(root_fd, where)
        try:
            data, size = look.read_head(look.split(name)[0], fd, MAX_HEAD)
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise MlrunsError(
            "no-such-artifact", f"{shown} is not there any more", path=shown, hint="read the store again"
        ) from None
    except OSError as error:
        raise MlrunsError("unreadable-artifact", f"{shown} cannot be read: {look.words(error)}", path=shown) from None
    finally:
        os.close(root_fd)
    return _describe(shown, data, size)


def _describe(path: str, data: bytes, size: int) -> ArtifactPreview:
    cut = size > len(data)
    if not data:
        return ArtifactPreview(path, "nothing", "an empty file", size)
    image = _image(data)
    if image:
        return ArtifactPreview(path, "image", image, size, cut=cut)
    if data.startswith(b"PK\x03\x04"):
        return _archive(path, data, size, cut)
    if data.startswith(b"\x93NUMPY"):
        return ArtifactPreview(path, "bytes", "NumPy array", size, tuple(_numpy(data)), cut)
    if not _is_text(data):
        return ArtifactPreview(path, "bytes", "not text", size, tuple(_hex(data)), size > _HEX_ROWS * 16)
    if not cut and path.lower().endswith((".json", ".ipynb", ".geojson")):
        laid_out = _json(data)
        if laid_out is not None:
            lines = _lines(laid_out)
            return ArtifactPreview(path, "json", "JSON", size, lines, len(lines) == MAX_LINES)
    lines = _lines(decode(data))
    return ArtifactPreview(path, "text", "text", size, lines, cut or len(lines) == MAX_LINES)


def _is_text(data: bytes) -> bool:
    """UTF-8 without NUL, but for a character cut off at the end."""
    if b"\0" in data:
        return False
    for end in range(len(data), max(0, len(data) - 4), -1):
        try:
            data[:end].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def _lines(text: str) -> tuple[str, ...]:
    return tuple(safe(line.expandtabs(4), MAX_LINE) for line in text.splitlines()[:MAX_LINES])


def _json(data: bytes) -> str | None:
    try:
        return json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _hex(data: bytes) -> Iterator[str]:
    for at in range(0, min(len(data), _HEX_ROWS * 16), 16):
        row = data[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:06x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {letters}"


def _archive(path: str, data: bytes, size: int, cut: bool) -> ArtifactPreview:
    """A zip's list of files stands at its end: of a large one only what the head shows can be told."""
    if cut:
        return ArtifactPreview(path, "archive", "zip archive, too large to list here", size, (), True)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, struct.error):
        return ArtifactPreview(path, "archive", "damaged zip archive", size)
    lines = tuple(f"{one.file_size:>12,}  {safe(one.filename, MAX_LINE)}" for one in inside[:MAX_LINES])
    what = f"zip archive of {len(inside):,} files"
    return ArtifactPreview(path, "archive", what, size, lines, len(inside) > len(lines))


def _numpy(data: bytes) -> Iterator[str]:
    """Type and shape, as text in the header (NumPy format 1 to 3)."""
    start = 10 if data[6:7] == b"\x01" else 12
    length = int.from_bytes(data[8:start], "little")
    yield safe(decode(data[start : start + min(length, MAX_LINE)]).strip(), MAX_LINE)


def _image(data: bytes) -> str:
    """``PNG image, 640 × 480``; empty for what is no image."""
    size: tuple[int, int] | None = None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, size = "PNG", _two(">II", data, 16)
    elif data[:6] in (b"GIF87a", b"GIF89a"):
        kind, size = "GIF", _two("<HH", data, 6)
    elif data.startswith(b"BM") and data[14:18] in (b"\x28\0\0\0", b"\x7c\0\0\0", b"\x6c\0\0\0"):
        kind, size = "BMP", _two("<ii", data, 18)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind, size = "WebP", _webp(data)
    elif data.startswith(b"\xff\xd8\xff"):
        kind, size = "JPEG", _jpeg(data)
    else:
        return ""
    return f"{kind} image" + (f", {abs(size[0]):,} × {abs(size[1]):,}" if size else "")


def _two(form: str, data: bytes, at: int) -> tuple[int, int] | None:
    if len(data) < at + struct.calcsize(form):
        return None
    width, height = struct.unpack_from(form, data, at)
    return width, height


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[12:16] == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    found = _two("<HH", data, 26) if data[12:16] == b"VP8 " else None
    return (found[0] & 0x3FFF, found[1] & 0x3FFF) if found else None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """From segment to segment to the start of frame."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None
