"""Copying to the user's own clipboard, through whatever stands between here and there.

The terminal takes text by OSC 52 (xterm control sequences, "Manipulate Selection Data") and never answers, so nobody
here knows whether it did. tmux passes it on only with ``set -g set-clipboard on``, which is not its default; GNU
screen only what is wrapped in a device control string.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping


def sequence(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What makes the terminal copy ``text``. Bytes of a path that are no UTF-8 (surrogates here) are copied as
    they are on the disk."""
    code = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")
    osc = f"\x1b]52;c;{code}\x07"
    return f"\x1bP{osc}\x1b\\" if "STY" in environ and "TMUX" not in environ else osc


def sent(what: str, environ: Mapping[str, str] = os.environ) -> str:
    """A sentence about what was copied that promises no more than is known."""
    if "TMUX" in environ:
        return f"{what} sent to tmux; it passes it on with set-clipboard on"
    return f"{what} sent to the terminal's clipboard"
