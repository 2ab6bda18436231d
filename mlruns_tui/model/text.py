"""Foreign text made safe to show: names, tags, params and paths come from anybody.

A terminal acts on control characters whatever widget prints them, so they are replaced once, where
text enters the program's own values, and never again.
"""

from __future__ import annotations

import unicodedata

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\x1b"}
# ZWJ and the variation selectors build emoji and Indic words; they do nothing to a terminal.
_HARMLESS_FORMAT = frozenset({"\u200c", "\u200d"})
MAX_TEXT = 5_000
"""Characters of one foreign text that are kept; more is cut and said with ``…``."""


def safe(text: str, limit: int = MAX_TEXT) -> str:
    """``text`` with everything a terminal or bidi renderer acts on written out as ``\\x1b``, ``\\u202e`` …

    Lone surrogates (bytes of a file name that are not UTF-8) come out as ``\\xNN``. At most ``limit``
    characters of the source are looked at, so the cost is bounded for absurd lengths.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    cut = len(text) > limit
    out = [character if character.isprintable() else _escape(character) for character in text[:limit]]
    if cut:
        out.append("…")
    return "".join(out)


def _escape(character: str) -> str:
    if character == " " or character in _HARMLESS_FORMAT:
        return character
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) not in _UNSAFE_CATEGORIES:
        return character
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def decode(data: bytes) -> str:
    """UTF-8 with bytes that are not UTF-8 written as ``\\xNN``; not yet safe to show."""
    return data.decode("utf-8", "backslashreplace")
