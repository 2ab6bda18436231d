"""``meta.yaml``: bytes in, one mapping out, whoever wrote them.

MLflow writes flat mappings of one scalar a line; those are parsed here, some ten times faster than by
a YAML library. Everything else is given to PyYAML behind limits, so that both agree wherever both
accept (YAML 1.1 resolution, as PyYAML does it).
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from mlruns_tui.model.text import safe

MAX_LINES = 500
MAX_LINE = 4_096
MAX_YAML = 512 << 10
"""Bytes given to PyYAML at most: what keeps a hostile file from taking more than a blink."""
MAX_EVENTS = 4_000
MAX_DEPTH = 100
MAX_NUMBER = 4_300
"""Characters of the longest number (its conversion is quadratic) and of the longest tagged value: Python's own
limit for the digits of a whole number, of which PyYAML takes no longer one either."""

_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,99}):(?: +(.*))?")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,17}")
_ALPHANUMERIC = re.compile(r"[0-9a-z]*[a-z][0-9a-z]*")
_BASED = re.compile(r"0b[01]+|0x[0-9a-f]+")
_QUOTED = re.compile(r"'([^']*(?:''[^']*)*)'")
_NUMBER = re.compile(r"[-+0-9a-fA-FxX_:.]+")
"""What any YAML 1.1 number consists of."""
_DECIMAL = re.compile(r"[-+]?[1-9][0-9_]*")
_WORDS: Final = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
_EMPTY: Final[dict[str, Any]] = {"null": None, "''": "", '""': "", "[]": [], "{}": {}}


Kind = Literal["empty", "unparsable", "not-a-mapping", "limit"]
"""Why a text is no metadata; ``limit``: MLflow might take it, it is only too much to look at."""


class Unusable(Exception):
    """Metadata MLflow cannot use; the text says why in words, safe to show."""

    def __init__(self, reason: str, *, transient: bool = False, closed: bool = False, kind: Kind = "limit") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.transient = transient
        """It may be a moment inside somebody's rewrite: read it again before believing it."""
        self.closed = closed
        """It could not be looked at at all (a link, no permission): nothing is known of what it says."""


def parse(data: bytes) -> dict[Any, Any]:
    """The mapping in a metadata file. Raises Unusable for anything that is not exactly one mapping."""
    if not data:
        raise Unusable("is empty (0 bytes)", transient=True, kind="empty")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"is not UTF-8 (byte {error.start:,})", transient=True, kind="unparsable") from None
    found = _parse_lines(text)
    return _parse_yaml(text) if found is None else found


def salvage(text: str) -> dict[str, Any]:
    """What the whole lines of a broken metadata file still say: one scalar a line, as MLflow writes them."""
    found: dict[str, Any] = {}
    for line in text.split("\n")[:-1][:MAX_LINES]:
        found.update(_parse_lines(line) or {})
    return found


def _parse_lines(text: str) -> dict[str, Any] | None:
    """A flat mapping as MLflow writes it, or None for everything else, however valid."""
    if text.count("\n") > MAX_LINES:
        return None
    found: dict[str, Any] = {}
    for line in text.split("\n"):
        if not line:
            continue
        if len(line) > MAX_LINE:
            return None
        match = _KEY.fullmatch(line)
        if match is None:
            return None
        key, value = match.groups()
        if key.lower() in _WORDS:
            return None
        if not value:
            found[key] = None
        elif value in _EMPTY:
            found[key] = _EMPTY[value] if value[0] not in "[{" else type(_EMPTY[value])()
        else:
            first = value[0]
            if first.isdigit():
                if _INTEGER.fullmatch(value):
                    found[key] = int(value)
                elif _ALPHANUMERIC.fullmatch(value) and not _BASED.fullmatch(value):
                    found[key] = value
                else:
                    return None
            elif first == "'":
                quoted = _QUOTED.fullmatch(value)
                if quoted is None or not value.isprintable():
                    return None
                found[key] = quoted[1].replace("''", "'")
            elif _is_plain(value, first):
                found[key] = value
            else:
                return None
    return found or None


def _is_plain(value: str, first: str) -> bool:
    """A one-line plain scalar no YAML 1.1 rule makes anything but text."""
    return (
        (first.isalpha() or first in "/_")
        and value.isprintable()
        and ": " not in value
        and " #" not in value
        and value[-1] not in ": "
        and value.lower() not in _WORDS
    )


def _parse_yaml(text: str) -> dict[Any, Any]:
    if len(text) > MAX_YAML:
        raise Unusable(f"is too large to be metadata ({len(text):,} characters)")
    try:
        import yaml
    except ImportError:
        raise Unusable("cannot be parsed without PyYAML, which is not installed") from None
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(yaml, yaml.parse(text, Loader=loader))
        found = yaml.load(text, Loader=loader)
        if isinstance(found, dict) and "*" in text:
            found = {key: _bounded(one) for key, one in found.items()}
    except Unusable:
        raise
    except RecursionError:
        raise Unusable("is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise Unusable(f"cannot be parsed as YAML{where}", transient=True, kind="unparsable") from None
    except Exception as error:
        # PyYAML lets ValueError, OverflowError, AttributeError … of its constructors through.
        what = safe(type(error).__name__)
        raise Unusable(f"cannot be parsed as YAML ({what})", transient=True, kind="unparsable") from None
    if found is None:
        raise Unusable("is empty (no key in it)", transient=True, kind="empty")
    if not isinstance(found, dict):
        what = _KINDS.get(type(found), "a single value")
        raise Unusable(f"is not a mapping but {what}", kind="not-a-mapping")
    return found


_KINDS = {list: "a list", str: "plain text", int: "a number", float: "a number"}


def _check_events(yaml: Any, events: Any) -> None:
    """Refuse what only hostile or foreign files hold, before any of it is built."""
    depth = documents = 0
    aliases = merges = False
    for number, event in enumerate(events):
        if number > MAX_EVENTS:
            raise Unusable("holds too many entries to be metadata")
        if isinstance(event, yaml.AliasEvent):
            aliases = True
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Unusable("is nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unusable("holds more than one document", kind="unparsable")
        elif isinstance(event, yaml.ScalarEvent):
            merges = merges or event.value == "<<"
            if len(event.value) > MAX_NUMBER:
                _check_long(event)
        if aliases and merges:
            # Each of them doubles what the next one is made of.
            raise Unusable("holds YAML aliases in merged mappings, which MLflow never writes")


def _check_long(event: Any) -> None:
    """A scalar longer than any number Python converts."""
    if event.tag is None and event.implicit[0] and _DECIMAL.fullmatch(event.value):
        if len(event.value) - event.value.count("_") > MAX_NUMBER + 1:
            raise Unusable("holds a number of absurd length", transient=True, kind="unparsable")
    elif event.tag is not None or (event.implicit[0] and _NUMBER.fullmatch(event.value)):
        raise Unusable("holds a number or tagged value of absurd length")


def _bounded(value: Any) -> Any:
    """The value, or one of its kind where aliases make it larger than anything that was ever written out."""
    left, waiting = MAX_EVENTS, [value]
    while waiting:
        left -= 1
        if left < 0:
            return {"": None} if isinstance(value, dict) else [None]
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += list(one)[:left]
            waiting += list(one.values())[:left]
        elif isinstance(one, list | tuple | set):
            waiting += list(one)[:left]
    return value
