"""The signs of the screen, one cell each, with an ASCII set for terminals that draw boxes instead.

Every sign has a word next to it on the same screen or one key away; colour is never the only signal.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping

from mlruns_tui.model.late import dataclass
from mlruns_tui.model.words import Action, BatchState, Impact


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of signs."""

    cursor: str = "▌"
    remove: str = "●"
    slim: str = "◐"
    repair: str = "✚"
    part: str = "○"
    protected: str = "◆"
    unneeded: str = "◇"
    finished: str = "✓"
    failed: str = "✗"
    killed: str = "■"
    running: str = "▶"
    silent: str = "▷"
    scheduled: str = "◌"
    deleted: str = "⌫"
    breaks_store: str = "!!"
    breaks: str = "!"
    warns: str = "~"
    hidden: str = "·"
    opened: str = "▾"
    closed: str = "▸"
    branch: str = "├"
    last_branch: str = "└"
    unknown: str = "…"
    none: str = "–"
    bar: str = "━"
    going_bar: str = "━"
    """The part of a bar that would go, where its colour says so."""
    half_bar: str = "╸"
    rest_bar: str = "━"
    columns: str = "▁▂▃▄▅▆▇█"
    moved: str = "●"
    packed: str = "▣"
    unfinished: str = "▲"
    restored: str = "↩"
    purged: str = "⌫"
    descending: str = "▼"
    ascending: str = "▲"
    separator: str = "·"
    path: str = "›"
    up_down: str = "↑ ↓"
    left_right: str = "← →"
    border: str = "round"

    def mark(self, action: Action) -> str:
        return {"remove": self.remove, "slim": self.slim, "repair": self.repair}[action]

    def status(self, word: str) -> str:
        """Sign for a word of ``report.words.status_word``."""
        return {
            "finished": self.finished,
            "failed": self.failed,
            "killed": self.killed,
            "running": self.running,
            "running?": self.silent,
            "scheduled": self.scheduled,
            "deleted": self.deleted,
            "malformed": self.breaks,
        }.get(word, "?")

    def impact(self, impact: Impact) -> str:
        if impact == "breaks-store":
            return self.breaks_store
        if impact in ("breaks-experiment", "breaks-run"):
            return self.breaks
        return self.warns if impact == "warns" else self.hidden

    def batch(self, state: BatchState) -> str:
        return {
            "moved": self.moved,
            "packed": self.packed,
            "partly": self.part,
            "unfinished": self.unfinished,
            "restored": self.restored,
            "purged": self.purged,
            "missing": self.breaks,
        }[state]


UNICODE = Signs()
UNICODE_PLAIN = Signs(going_bar="┅")
"""Where there are no colours."""

ASCII = Signs(
    cursor=">", remove="*", slim="s", repair="+", part="o", protected="#", unneeded="-",
    finished="v", failed="x", killed="k", running=">", silent="?", scheduled=".", deleted="d",
    hidden=".", opened="-", closed="+", branch="|", last_branch="`", unknown=".", none="-",
    bar="#", going_bar="=", half_bar="", rest_bar="-", columns=".:-=+*#@", moved="*", packed="=", unfinished="!",
    restored="<", purged="d", descending="v", ascending="^", separator="-", path=">",
    up_down="up down", left_right="left right", border="ascii",
)  # fmt: skip


def choose(ascii_wanted: bool, environ: Mapping[str, str] = os.environ) -> Signs:
    """The set this terminal can draw: ASCII when asked for, on the Linux console, or without UTF-8. Under
    ``NO_COLOR`` whatever only a colour tells apart has another sign."""
    if ascii_wanted or environ.get("TERM") in ("linux", "dumb"):
        return ASCII
    encoding = locale.getpreferredencoding(False).replace("-", "").lower()
    if encoding != "utf8":
        return ASCII
    return UNICODE if environ.get("NO_COLOR") is None else UNICODE_PLAIN


def may_be_wide(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this terminal may draw signs of ambiguous width in two cells, as Chinese, Japanese and Korean
    settings do."""
    language = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return language[:2] in ("zh", "ja", "ko")


_ASCII_TEXT = str.maketrans(
    {"…": ".", "·": "-", "–": "-", "×": "x", "›": ">", "↑": "^", "↓": "v", "←": "<", "→": ">", "▸": ">", "◂": "<"}
    # The ends of a scroll thumb, which Textual draws in parts of a cell: the colour of the cell is enough.
    | dict.fromkeys("▁▂▃▄▅▆▇", " ")
)


def ascii_text(text: str) -> str:
    """Our own signs inside sentences in ASCII, cell for cell; other scripts in names stay as they are."""
    return text if text.isascii() else text.translate(_ASCII_TEXT)
