"""Metadata files as MLflow reads them: what is in one, or why nothing can be.

MLflow opens them with ``codecs.open`` (UTF-8) and PyYAML's ``CSafeLoader``, through links, and waits for
whatever it opens (``utils/yaml_utils.py``, 3.17).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mlruns_tui.disk import look

from ..metadata import Unusable, parse
from . import folders

State = Literal[
    "ok",
    "missing",
    "closed",
    "empty",
    "unparsable",
    "not-a-mapping",
    "unreadable",
    "folder",
    "pipe",
    "elsewhere",
    "unjudged",
]
"""``missing``: no such file, or a link to nothing. ``closed``: its directory may not be entered.
``elsewhere``: behind a link, which is not followed. ``unjudged``: too large or too intricate to look at."""

TRANSIENT: Final = frozenset({"missing", "empty", "unparsable"})
"""States a file is in for a moment while MLflow writes it."""
_HEAD = 1 << 16
_MAX_SEARCHED: Final = 32 << 20
"""Bytes of the largest file that is searched for keys though it is too large to be parsed."""
_MAX_SLOW: Final = 16 << 10
_KEY = re.compile(r"^([A-Za-z_]\w*):(?= |$)", re.MULTILINE)
_ESCAPE = re.compile(r"\\[xuU]")
"""How a key may be written without its letters."""
_CONTROL: Final = frozenset(range(32)) - {9, 10, 13}


@dataclass(frozen=True, slots=True)
class Document:
    """What one metadata file holds."""

    state: State
    value: dict[Any, Any] = field(default_factory=dict)
    """Empty unless ``ok``."""
    reason: str = ""
    """In words, safe to show: ``is empty (0 bytes)``."""
    cut: bool = False
    """It ends within a character, which MLflow passes over and its migration does not."""
    tab: bool = False
    """There is a tab in it where MLflow's C parser takes one, and the Python parser of its migration does not."""
    text: str = ""
    """All of it, where it is ``unjudged`` and no larger than ``_MAX_SEARCHED``."""

    @property
    def usable(self) -> bool:
        return self.state == "ok"

    @property
    def unmigrated(self) -> Literal["", "cut", "tab"]:
        """Why the migration cannot read it though MLflow can."""
        return "cut" if self.cut else "tab" if self.tab else ""

    def lacks(self, *keys: str) -> list[str]:
        """Those of the keys that are certainly not in it: of one that is not judged, those written nowhere."""
        if self.usable:
            return [key for key in keys if key not in self.value]
        if not self.text or _ESCAPE.search(self.text):
            return []
        return [key for key in keys if key not in self.text]

    def id_in(self, *keys: str) -> str:
        """Of one that is not judged: the id of 32 digits the first of the keys has that is written once, on a line
        of its own, as MLflow writes it; empty for none."""
        for key in keys:
            found = re.findall(rf"^{key}: *['\"]?([0-9a-f]{{32}})['\"]?\r?$", self.text, re.MULTILINE)
            if len(found) == 1:
                return str(found[0])
        return ""

    def other_than(self, keys: Collection[str]) -> str:
        """Of one that is not judged: a key that is none of these, as MLflow writes keys; empty for none."""
        found = (match[1] for match in _KEY.finditer(self.text))
        return next((key for key in found if key not in keys), "")


def read(name: str, dir_fd: int, *, follow: bool = False) -> Document:
    """The document ``name``, which may have ``/`` in it; to ``follow`` is about a link in its own place. Never
    raises, never waits."""
    try:
        os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return Document("missing", reason="is missing")
    except OSError as error:
        return Document("closed", reason=f"cannot be looked at: {look.words(error)}")
    kind = folders.kind_of(name, dir_fd)
    if kind == "file":
        return _read(name, dir_fd, follow=False)
    if kind == "link-to-file":
        if follow:
            return _read(name, dir_fd, follow=True)
        return Document("elsewhere", reason="is a link, which is not followed")
    if kind == "dangling":
        return Document("missing", reason="is a link to nothing")
    if kind is None:
        return Document("missing", reason="is missing")
    if kind == "pipe":
        return Document("pipe", reason="is no regular file")
    if kind == "null":
        return Document("empty", reason="is empty (it is /dev/null)")
    if kind == "refuses":
        # MLflow fails on it as on a folder, and the same mends it.
        return Document("folder", reason="is a socket, or a device that is not there")
    return Document("folder", reason="is a directory")


def _read(name: str, dir_fd: int, *, follow: bool) -> Document:
    try:
        data = look.read_small(name, dir_fd, follow=follow)
    except FileNotFoundError:
        return Document("missing", reason="is missing")
    except look.NotReadable as error:
        if error.errno == 27:
            return _judge_head(name, dir_fd, look.words(error), follow=follow)
        return Document("unreadable", reason=f"cannot be read: {look.words(error)}")
    except OSError as error:
        return Document("unreadable", reason=f"cannot be read: {look.words(error)}")
    return judge(data)


def judge(data: bytes) -> Document:
    """What MLflow makes of these bytes as metadata."""
    data, cut = whole_characters(data)
    try:
        return Document("ok", parse(data), cut=cut, tab=b"\t" in data and _has_wrong_tab(data))
    except Unusable as error:
        state: State = "unjudged" if error.kind == "limit" else error.kind
        text = data.decode("utf-8") if state == "unjudged" else ""
        return Document(state, reason=error.reason, cut=cut, text=text)


def _has_wrong_tab(data: bytes) -> bool:
    """Whether ``yaml.safe_load`` refuses what its C twin took. Asked of small files only: it takes its time."""
    if len(data) > _MAX_SLOW:
        return False
    import yaml

    try:
        yaml.safe_load(data.decode("utf-8"))
    except yaml.YAMLError:
        return True
    except (ValueError, OverflowError, RecursionError):
        pass
    return False


def whole_characters(data: bytes) -> tuple[bytes, bool]:
    """The bytes without a character cut off at their end, and whether there was one."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            try:
                data[-back:].decode("utf-8")
            except UnicodeDecodeError as error:
                if error.reason == "unexpected end of data":
                    return data[:-back], True
            break
    return data, False


def _judge_head(name: str, dir_fd: int, why: str, *, follow: bool) -> Document:
    """Of a file too large to be read, only what its first bytes make certain."""
    try:
        head = look.read_head(name, dir_fd, _HEAD, follow=follow)[0]
    except OSError as error:
        return Document("unreadable", reason=f"cannot be read: {look.words(error)}")
    if not _CONTROL.isdisjoint(head):
        return Document("unparsable", reason=f"cannot be parsed as YAML ({why})")
    try:
        text = look.read_small(name, dir_fd, _MAX_SEARCHED, follow=follow).decode("utf-8", "replace")
    except OSError:
        text = ""
    return Document("unjudged", reason=why, text=text)
