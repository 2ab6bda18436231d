"""The settings in force, as JSON and as lines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlruns_tui.model.text import safe

from .json_values import Json, document, text


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting, its value (None: the default theme), and where that comes from."""

    name: str
    value: Any
    source: str
    """``default``, ``file``, or the variable's name."""


@dataclass(frozen=True, slots=True)
class KeysOf:
    """One command and its keys, by Textual's names of them."""

    command: str
    keys: tuple[str, ...]
    own: bool
    """From the user's file."""
    help: str


def settings_document(path: str, settings: Sequence[InForce], keys: Sequence[KeysOf]) -> Json:
    """``path`` is where the file is looked for; ``exists`` whether there is one."""
    body: Json = {
        "path": text(path),
        "exists": os.path.lexists(path),
        "settings": [{"name": one.name, "value": one.value, "source": one.source} for one in settings],
        "keys": [
            {"command": one.command, "keys": list(one.keys), "source": _source(one), "help": one.help} for one in keys
        ],
    }
    return document("config", None, body)


def settings_lines(path: str, settings: Sequence[InForce], keys: Sequence[KeysOf]) -> Iterator[str]:
    yield safe(path, 4096) + ("" if os.path.lexists(path) else "   (not there: all defaults)")
    yield ""
    for one in settings:
        value = {True: "true", False: "false", None: "mlruns-dark"}.get(one.value, str(one.value))
        yield f"{one.name:<18} {safe(value, 100):<20} {one.source}"
    yield ""
    for command in keys:
        labels = " ".join(command.keys) or "none"
        yield f"{command.command:<18} {safe(labels, 100):<20} {_source(command):<8} {command.help}"


def _source(keys: KeysOf) -> str:
    return "file" if keys.own else "default"
