"""The rest of the name that is being typed at the end of an expression."""

from __future__ import annotations

import re

from mlruns_tui.model.values import ValueNames

from .fields import ATTRIBUTES, SOURCES

_LAST = re.compile(r"""(?:^|[\s(])(?:(?P<source>[a-z]+)\.)?(?P<quote>[`"]?)(?P<start>[^\s()`"'<>=!,]*)$""")
_LAST_QUOTED = re.compile(r"""(?:^|[\s(])(?P<source>[a-z]+)\.(?P<quote>[`"])(?P<start>[^`"]*)$""")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def completion(text: str, names: ValueNames) -> str:
    """What would complete ``text``, in front of its end; empty where no name begins so, or inside a text.

    ``metrics.v`` becomes ``metrics.val_loss``; a name that is not plain needs its quote typed first:
    ``metrics.`v``.
    """
    # An odd number of apostrophes: the end is inside a text.
    if text.count("'") % 2:
        return ""
    found = _LAST_QUOTED.search(text) or _LAST.search(text)
    if found is None:
        return ""
    start, quote = found["start"], found["quote"]
    if not found["source"]:
        known: tuple[str, ...] = (*ATTRIBUTES, "metrics.", "params.", "tags.") if start and not quote else ()
    else:
        source = SOURCES.get(found["source"])
        known = {"metric": names.metrics, "param": names.params, "tag": names.tags, "run": tuple(ATTRIBUTES)}.get(
            source or "", ()
        )
        known = tuple(name for name in known if _fits(name, quote))
    for name in known:
        if name.startswith(start) and name != start:
            return name[len(start) :] + quote
    return ""


def _fits(name: str, quote: str) -> bool:
    """Whether a name can stand there; escapes are ours, not the name's."""
    if quote:
        return quote not in name and "\\" not in name
    return _PLAIN.fullmatch(name) is not None
