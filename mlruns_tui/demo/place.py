"""Where the demo store goes: a directory of the user's, or a private temporary one."""

from __future__ import annotations

import os

from mlruns_tui.disk import change
from mlruns_tui.disk.look import words
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.text import safe


def make_place(folder: str | None) -> tuple[str, str]:
    """Make the folder (``None``: a new private one in the temporary directory) with its missing parents.

    Returns its absolute path and that of the store to write in it, which is not made here. Raises
    UsageError when the folder cannot be made.
    """
    temporary = os.environ.get("TMPDIR") or "/tmp"
    path = os.path.abspath(folder if folder is not None else f"{temporary}/mlruns-tui-demo-{os.urandom(4).hex()}")
    try:
        os.close(change.make_directories(path, 0o755 if folder is not None else 0o700))
    except OSError as error:
        raise UsageError(
            "demo-directory",
            f"{safe(path)} cannot be made: {words(error)}; nothing was written",
            path=path,
            hint="name another directory with --path",
        ) from error
    return path, os.path.join(path, "mlruns")
