"""Metadata files as MLflow writes them (``write_yaml`` in its ``utils/yaml_utils.py``): keys in order, one a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

# Texts that need no quotes whatever the dumper: words too long to be ``no`` or ``false``, ids with a letter
# in them that no reader takes for a number, URIs of local files.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,60}|file:///[A-Za-z0-9_./%-]{0,60}[A-Za-z0-9]")
_HEX: Final = re.compile(r"(?!0b)(?=[0-9]*[a-f])[0-9a-f]{32}")
_DIGITS: Final = re.compile(r"[0-9]{1,60}")


def dump(values: Mapping[str, Any]) -> str:
    """A flat mapping as the text of a metadata file."""
    return "".join(_line(key, values[key]) for key in sorted(values))


def _line(key: str, value: Any) -> str:
    if value is None:
        return f"{key}: null\n"
    if type(value) is int:
        return f"{key}: {value}\n"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) or _HEX.fullmatch(value):
            return f"{key}: {value}\n"
        if _DIGITS.fullmatch(value) or not value:
            return f"{key}: '{value}'\n"
    if value == []:
        return f"{key}: []\n"
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump({key: value}, Dumper=dumper, default_flow_style=False, allow_unicode=True))


_ENTRY: Final = re.compile(r"(?P<key>[A-Za-z_][\w.-]*|'[^'\"\\]+'|\"[^'\"\\]+\")\s*:(?=\s|$)")
"""The beginning of an entry of a mapping in block style."""
_COMMENTED: Final = re.compile(r"[^#'\"\[{|>&*!]*?(\s+#.*)")
_BOM: Final = "\ufeff"


def edited(text: str, before: Mapping[Any, Any], after: Mapping[str, Any]) -> str:
    """``text``, which says ``before``, with other lines only where ``after`` says something else.

    Whatever else is in it stays as it is: unknown keys, comments, the order, the line ends. A text whose
    form does not allow that is written anew, without what no key of text names. Raises ValueError where that
    would not say the same: aliases stand for more than anybody writes out.
    """
    changed = {key for key in after if key not in before or not is_same(before[key], after[key])}
    gone = {key for key in before if isinstance(key, str) and key not in after}
    real = _load(text) if text else dict(before)
    if real is None:
        raise ValueError("not a mapping")
    made = _with_entries(text, after, changed, gone)
    wanted = {key: after[key] if key in changed else value for key, value in real.items() if key not in gone}
    wanted |= {key: after[key] for key in changed}
    if made is not None and _are_same(_load(made), wanted):
        return made
    if not _are_same(real, before):
        raise ValueError("it has YAML aliases in it that cannot be written out")
    return dump(after)


def _with_entries(text: str, after: Mapping[str, Any], changed: set[str], gone: set[str]) -> str | None:
    head = _BOM if text.startswith(_BOM) else ""
    lines = text[len(head) :].splitlines(keepends=True)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    entries: list[tuple[str, list[str]]] = [("", [])]
    for line in lines:
        found = _ENTRY.match(line)
        if found:
            entries.append((found["key"].strip("'\""), [line]))
        else:
            entries[-1][1].append(line)
    keys = [key for key, _ in entries[1:]]
    if len(set(keys)) != len(keys) or not gone <= set(keys):
        return None
    made: list[tuple[str, list[str]]] = []
    for key, found_lines in entries:
        if not key or (key not in changed and key not in gone):
            made.append((key, found_lines))
            continue
        remarks = _remarks(found_lines)
        made.append((key, remarks if key in gone else [*_new(found_lines[0], key, after[key], newline), *remarks]))
    for key in sorted(changed - set(keys)):
        at = next((at for at, one in enumerate(made) if one[0] > key), len(made)) if keys == sorted(keys) else len(made)
        made.insert(at, (key, _new("", key, after[key], newline)))
    return head + "".join(line for _, found_lines in made for line in found_lines)


def _new(old: str, key: str, value: Any, newline: str) -> list[str]:
    """The lines of an entry, with the remark that is at the end of the old one."""
    lines = [line + newline for line in _line(key, value).splitlines()]
    remark = _COMMENTED.fullmatch(old.rstrip("\r\n"))
    if remark and len(lines) == 1:
        lines[0] = lines[0].rstrip("\r\n") + remark[1] + newline
    return lines


def _remarks(lines: list[str]) -> list[str]:
    """Comments and empty lines between an entry and the next."""
    at = len(lines)
    while at > 1 and (lines[at - 1].startswith("#") or not lines[at - 1].strip()):
        at -= 1
    return lines[at:]


def _load(text: str) -> dict[Any, Any] | None:
    """What the text says; None when it is no mapping. Only for a text that was read within limits before."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def _are_same(one: Mapping[Any, Any] | None, other: Mapping[Any, Any]) -> bool:
    """In whatever order their keys are."""
    return one is not None and one.keys() == other.keys() and is_same([one[key] for key in other], list(other.values()))


def is_same(one: Any, other: Any) -> bool:
    """Also of the same kind, in the same order: neither True nor 1.0 is 1, and what is no number is itself.

    What aliases repeat is compared once: written out it would fill any memory.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [(one, other)]
    while waiting:
        first, second = waiting.pop()
        if first is second or (id(first), id(second)) in seen:
            continue
        if type(first) is not type(second):
            return False
        if isinstance(first, dict | list | tuple | set):
            seen.add((id(first), id(second)))
            if len(first) != len(second):
                return False
            if isinstance(first, dict):
                waiting += zip(first.keys(), second.keys(), strict=True)
                waiting += zip(first.values(), second.values(), strict=True)
            else:
                waiting += zip(first, second, strict=True)
        elif repr(first) != repr(second):
            return False
    return True
