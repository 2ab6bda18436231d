"""Files the user asks for: written whole or not at all, never over another one, never into a store."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator

from mlruns_tui.disk import change, look
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import VAULT_NAME

_OF_A_STORE = ("meta.yaml", "0/meta.yaml", VAULT_NAME)
"""What a directory of a store holds: an experiment's or run's record, the default experiment, our backups."""
_MOST_TRIED = 1_000


def export_folder(store: StoreInfo) -> str:
    """The directory to propose: the current one, the home directory where that is in a store or gone."""
    with contextlib.suppress(OSError):
        here = os.getcwd()
        if not why_not_here(store, here):
            return here
    return os.path.expanduser("~")


def free_name(folder: str, stem: str, extension: str) -> str:
    """``stem`` with ``extension``, and a number between them where that name is taken."""
    for number in range(1, _MOST_TRIED):
        name = f"{stem}{f'-{number}' if number > 1 else ''}{extension}"
        if not os.path.lexists(os.path.join(folder, name)):
            return name
    return f"{stem}-{time.time_ns()}{extension}"


def why_not_here(store: StoreInfo, folder: str) -> str:
    """Empty when exports may go into ``folder``, else why not."""
    real = os.path.realpath(folder)
    root = os.path.realpath(store.root)
    if real == root or real.startswith(root.rstrip("/") + "/"):
        return "it is in the store"
    above = real
    while True:
        if any(os.path.lexists(os.path.join(above, one)) for one in _OF_A_STORE):
            return "it is in a store"
        if above == os.path.dirname(above):
            return ""
        above = os.path.dirname(above)


def write_export(store: StoreInfo, path: str, pieces: Iterable[bytes]) -> int:
    """Write a new file of these pieces and tell its bytes. On any error nothing is left of it.

    Raises MlrunsError ``export-refused`` where there is a file already or the place is a store's, ``export-failed``
    for what the system says; whatever ``pieces`` raises goes through.
    """
    folder, name = os.path.split(os.path.abspath(path))
    if not name or "\0" in path:
        raise _refused(path, "it names no file")
    if reason := why_not_here(store, folder):
        raise _refused(path, reason, "name a directory outside of it")
    written = 0

    def counted() -> Iterator[bytes]:
        nonlocal written
        for piece in pieces:
            written += len(piece)
            yield piece

    try:
        fd = os.open(os.path.realpath(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _into(fd, name, path, counted())
        finally:
            os.close(fd)
    except OSError as error:
        raise MlrunsError(
            "export-failed", f"{safe(path)} could not be written: {look.words(error)}; nothing is left of it",
            path=path, hint=_HINTS.get(error.errno or 0, "try another directory"),
        ) from None  # fmt: skip
    return written


def _into(fd: int, name: str, path: str, pieces: Iterable[bytes]) -> None:
    """Under another name first, so that nobody sees half of it."""
    if look.exists(name, fd):
        raise _taken(path)
    temporary = f".mlruns-tui-{os.getpid()}-{time.time_ns()}.tmp"
    change.create_file(fd, temporary, pieces)
    try:
        change.rename(fd, temporary, fd, name)
    except FileExistsError:
        change.remove_file(fd, temporary)
        raise _taken(path) from None
    except BaseException:
        change.remove_file(fd, temporary)
        raise


_HINTS = {
    errno.ENOSPC: "free some space, or name a directory on another disk",
    errno.EDQUOT: "free some space, or name a directory on another disk",
    errno.EACCES: "name a directory you may write to",
    errno.EPERM: "name a directory you may write to",
    errno.EROFS: "name a directory you may write to",
    errno.ENOENT: "name a directory that exists",
    errno.ENAMETOOLONG: "name it shorter",
}


def _refused(path: str, why: str, hint: str = "") -> MlrunsError:
    return MlrunsError("export-refused", f"{safe(path)} is not written: {why}", path=path, hint=hint)


def _taken(path: str) -> MlrunsError:
    return _refused(path, "there is one already, and it is left as it is", "choose another name")
