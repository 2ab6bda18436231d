"""Params, tags and the like: one file a key, its name and its text as MLflow takes them.

``_get_resource_files`` walks a folder (``os.walk``: links to folders in it are not gone into, folders that
cannot be listed are passed over) and opens everything else in it, links to files as well;
``_validate_param_name`` and its kind judge the name (``utils/validation.py``, 3.17).
"""

from __future__ import annotations

import codecs
import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterator, Sequence

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe

from .. import layout
from . import folders, links
from .context import Owner, Store

_NAME = re.compile(r"^[/\w.\- :]*$")
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_OPEN_BEHIND = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_BLOCK = 1 << 16
MAX_TEXT = 64 << 20
"""Bytes read of one file; what is behind them is not judged."""

Judge = Callable[[int, str, str, Owner, Store], Iterator[Symptom]]
"""Given an open file, its code's prefix, its path and owner: what is wrong with its content."""


def check_folder(
    dir_fd: int, folder: str, path: str, what: str, owner: Owner, store: Store, judge: Judge | None = None
) -> Iterator[Symptom]:
    """Every file below the folder ``folder`` of ``dir_fd``; ``what`` is the codes' prefix: ``run-tag``."""
    kind = folders.kind_of(folder, dir_fd)
    if kind not in ("folder", "link-to-folder"):
        return
    behind = links.through(kind, path, owner, store)
    if kind == "link-to-folder":
        yield links.told(path, owner, behind, store)
    if behind is None:
        return
    owner = behind
    fd, access = folders.enter(folder, dir_fd, kind)
    if fd >= 0:
        os.close(fd)
    if access in ("closed", "no-list"):
        # MLflow walks on; of the aliases its migration asks for a list.
        yield owner.says(f"{what}es-closed" if what.endswith("-alias") else "folder-unreadable", path)
        return
    if access == "gone":
        return
    if store.contents:
        follow = kind == "link-to-folder"
        yield from _walk(dir_fd, folder, path, what, owner, store, judge or judge_text, follow=follow)


def _walk(
    dir_fd: int, folder: str, path: str, what: str, owner: Owner, store: Store, judge: Judge, *, follow: bool
) -> Iterator[Symptom]:
    failed: list[tuple[str, str]] = []

    def on_error(where: str, doing: str, error: OSError) -> None:
        failed.append((where, doing))

    try:
        for entry in look.walk(dir_fd, folder, on_error, follow=follow):
            store.pulse()
            if owner.link:
                store.beyond.count(0)
                if store.beyond.used_up:
                    yield links.told(path, owner, None, store)
                    break
            if stat.S_ISDIR(entry.status.st_mode):
                continue
            place = layout.join(path, entry.path)
            kind: folders.Kind = "file"
            if not stat.S_ISREG(entry.status.st_mode):
                kind = folders.kind_of(entry.name, entry.dir_fd) or "file"
            if kind == "link-to-folder":
                continue
            if not what.endswith("-alias"):
                yield from check_name(entry.path, place, what, owner)
            if kind == "dangling":
                yield owner.says(f"{what}-dangling", place)
            elif kind in ("pipe", "refuses") or (kind == "null" and what.endswith("-metric")):
                # Any other text is read from /dev/null as an empty one.
                yield owner.says(f"{what}-pipe", place)
            elif kind in ("file", "link-to-file"):
                behind = links.through(kind, place, owner, store)
                if behind is None:
                    yield links.told(place, owner, None, store)
                else:
                    yield from _check_file(entry, place, what, behind, store, judge)
    except OSError as error:
        # The folder was moved or removed meanwhile; what was seen of it stays true.
        failed.append(("", look.words(error)))
    unseen = [where for where, doing in failed if doing == "stat"]
    inner = _folders_by_name(dir_fd, folder, unseen) if unseen else set()
    for where, doing in failed:
        place = layout.join(path, where) if where else path
        if doing != "stat":
            yield owner.says("folder-unreadable", place)
        elif where in inner:
            yield owner.says("folder-no-enter", place)
        else:
            # A name that can be listed but not looked at: MLflow opens it all the same, and is refused.
            yield owner.says(f"{what}-unreadable", place)


def _folders_by_name(dir_fd: int, folder: str, paths: Sequence[str]) -> set[str]:
    """Those of these paths below a folder that are folders by what listing the one above tells of them, which
    is all that MLflow goes by where it may not look at them."""
    found: set[str] = set()
    for above in {path.rpartition("/")[0] for path in paths}:
        try:
            fd = look.open_directory(layout.join(folder, above) if above else folder, dir_fd, follow=True)
        except OSError:
            continue
        try:
            with os.scandir(fd) as listed:
                names = [one.name for one in listed if one.is_dir(follow_symlinks=False)]
            found.update(f"{above}/{name}" if above else name for name in names)
        except OSError:
            continue
        finally:
            os.close(fd)
    return found


def check_name(name: str, place: str, what: str, owner: Owner) -> Iterator[Symptom]:
    """A key is the file's path below its folder."""
    if any("\udc80" <= character <= "\udcff" for character in name):
        yield owner.says(f"{what}-name-not-utf8", place, safe(name, 80))
    elif not _NAME.match(name) or posixpath.normpath(name) != name or name.startswith(".."):
        yield owner.says(f"{what}-name-refused", place, safe(name, 80))
    elif ":" in name:
        yield owner.says(f"{what}-name-with-colon", place, safe(name, 80))


def _check_file(
    entry: look.Entry, place: str, what: str, owner: Owner, store: Store, judge: Judge
) -> Iterator[Symptom]:
    try:
        if owner.link is None:
            fd = os.open(entry.name, _OPEN, dir_fd=entry.dir_fd)
        else:
            fd = os.open(entry.name, _OPEN_BEHIND, dir_fd=entry.dir_fd)
            store.beyond.count(min(os.fstat(fd).st_size, MAX_TEXT))
    except FileNotFoundError:
        return
    except OSError as error:
        yield owner.says(f"{what}-unreadable", place, look.words(error))
        return
    try:
        yield from judge(fd, what, place, owner, store)
    except OSError as error:
        yield owner.says(f"{what}-unreadable", place, look.words(error))
    finally:
        os.close(fd)


def judge_text(fd: int, what: str, place: str, owner: Owner, store: Store) -> Iterator[Symptom]:
    """Whether the file is UTF-8, as MLflow decodes it: a character cut off at the very end is passed over."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    total = 0
    while True:
        block = os.read(fd, _BLOCK)
        total += len(block)
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            yield owner.says(f"{what}-not-utf8", place)
            return
        if len(block) < _BLOCK or total > MAX_TEXT:
            break
        store.pulse()
    if total > MAX_TEXT:
        size = os.fstat(fd).st_size
        yield owner.says("text-unjudged", place, f"{(size - total) / 1e6:,.0f} MB of {size / 1e6:,.0f} MB")
    elif decoder.getstate()[0]:
        yield owner.says("text-cut", place)
