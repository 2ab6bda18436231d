"""Opening the screen. Where no more than a store was named, without loading what reads a command line."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlruns_tui.model.protocols import Reader

STORE_NAMES = ("mlruns", "mlartifacts")
_NO_OPTIONS = ("MLRUNS_TUI_DEBUG", "MLRUNS_TUI_CONFIG")


def is_plain(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the screen is wanted, and all that was said is where the store is. Not for a name that may be a
    command's, nor where the environment sets options."""
    if len(arguments) > 1 or not has_terminal():
        return False
    if any(name.startswith(("MLRUNS_TUI_", "_MLRUNS_TUI_")) and name not in _NO_OPTIONS for name in environ):
        return False
    return all("/" in word[1:] or word[:1] in (".", "/") or word in STORE_NAMES for word in arguments)


def open_plainly(arguments: Sequence[str]) -> int:
    """The same as the command for the screen does, when ``is_plain``."""
    from mlruns_tui.workflow.starting import fork_reader

    opened = fork_reader(next(iter(arguments), None))
    from mlruns_tui.userdata.settings import Settings, settings_path

    own = Settings()
    if os.path.lexists(settings_path()):
        from .config import own_settings

        own = own_settings()
    return _show(
        opened,
        read_only=own.read_only,
        ascii_signs=own.ascii,
        theme=own.theme,
        mouse=own.mouse,
        keymap=own.keys,
    )


def has_terminal() -> bool:
    """Whether there is a terminal for the screen: it reads stdin and draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def open_screen(
    store: str | None,
    database: str | None = None,
    *,
    read_only: bool = False,
    ascii_signs: bool = False,
    theme: str | None = None,
    mouse: bool = True,
    keymap: Mapping[str, str] | None = None,
) -> int:
    """Fork the reader, then import Textual (in this order: it starts threads), then run the screen."""
    from mlruns_tui.workflow.starting import fork_reader

    return _show(
        fork_reader(store, database),
        read_only=read_only,
        ascii_signs=ascii_signs,
        theme=theme,
        mouse=mouse,
        keymap=keymap,
    )


def _show(opened: Callable[[], Reader], **options: Any) -> int:
    # Looking for garbage in what is being loaded takes a sixth of the time until the first frame: the main screen
    # begins with it.
    gc.disable()
    from mlruns_tui.tui.app import run_app

    return run_app(opened(), **options)
