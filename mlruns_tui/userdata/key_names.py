"""Names of keys as Textual tells them: a name that no key has would be a key that never does anything."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WITH: Final = re.compile(r"(?P<held>(?:(?:ctrl|alt|shift|super|meta)\+)*)(?P<key>[^\s,]+)")
_EDITING: Final = ["backspace", "delete", "enter", "escape", "insert", "return", "space", "tab"]
_MOVING: Final = ["down", "end", "home", "left", "pagedown", "pageup", "right", "up"]
_NAMED: Final = frozenset([*_EDITING, *_MOVING, *(f"f{number}" for number in range(1, 25))])
_SIGNS: Final = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
                 "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip
"""Where Textual's name of a sign is not Unicode's."""
LAST_SIGN: Final = 0x3000
"""Signs on keyboards are below this."""


def key_name(text: str) -> str | None:
    """The one name of a key, ``slash`` for ``/`` too; None when there is no such key."""
    match = _WITH.fullmatch(text)
    if match is None:
        return None
    key = match["key"]
    if len(key) == 1:
        return match["held"] + (key if key.isalnum() else _name_of_sign(key))
    if key in _NAMED or _is_sign(key):
        return match["held"] + key
    return None


def _name_of_sign(sign: str) -> str:
    name = unicodedata.name(sign, sign).lower().replace("-", "_").replace(" ", "_")
    return _SIGNS.get(name, name)


def _is_sign(name: str) -> bool:
    return any(_name_of_sign(chr(code)) == name for code in range(0x21, LAST_SIGN) if not chr(code).isalnum())
