"""The user's settings: one YAML file, read when the screen opens, never written.

A file that says something unknown is an error with its line: a misspelt setting that does nothing is worse.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.text import safe

from .key_names import key_name

FILE_VARIABLE: Final = "MLRUNS_TUI_CONFIG"
MAX_BYTES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says; what it leaves out has its default."""

    theme: str | None = None
    mouse: bool = True
    ascii: bool = False
    read_only: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    """Textual's names of keys by command id, comma between; empty: the command has no key."""
    given: frozenset[str] = frozenset()
    """Names of the settings the file has."""


_KINDS: Final[Mapping[str, type]] = {"theme": str, "mouse": bool, "ascii": bool, "read_only": bool, "keys": dict}
NAMES: Final = tuple(_KINDS)
_EXPECTED: Final = {str: "a name", bool: "true or false", dict: "commands and their keys, like  sort.size: ctrl+s"}


def settings_path(environ: Mapping[str, str] = os.environ) -> str:
    """``$MLRUNS_TUI_CONFIG``, else ``$XDG_CONFIG_HOME/mlruns-tui/config.yaml``, else the same in ``~/.config``."""
    named = environ.get(FILE_VARIABLE, "")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    base = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "mlruns-tui", "config.yaml")


def read_settings(path: str, commands: Mapping[str, str]) -> Settings:
    """The settings in the file at ``path``; all defaults where there is none.

    ``commands``: keys by command id, as they are without settings. Raises UsageError ``bad-settings`` with the
    line for what is not YAML, unknown, of the wrong kind, or gives one key to two commands that had no key in common.
    """
    try:
        # Settings kept in a repository are often linked here.
        data = look.read_small(os.path.realpath(path), limit=MAX_BYTES)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise _bad(path, 0, f"cannot be read: {look.words(error)}") from None
    values, lines = _parse(path, data)
    for name, value in values.items():
        if name not in _KINDS:
            raise _bad(path, lines.get(name, 0), f"there is no setting {_quoted(name)}", _near(name, NAMES))
        kind = _KINDS[name]
        if value is None and kind is dict:
            values[name] = {}
        elif not isinstance(value, kind):
            raise _bad(path, lines.get(name, 0), f"{name} must be {_EXPECTED[kind]}")
    values["keys"] = _keys(path, values.get("keys", {}), lines, commands)
    given = frozenset(lines) & frozenset(NAMES)
    return Settings(**values, given=given)


def _parse(path: str, data: bytes) -> tuple[dict[str, Any], dict[str, int]]:
    """Values, and the line of each, those of ``keys`` as ``keys.sort.size``."""
    import yaml

    try:
        loader = yaml.SafeLoader(data.decode())
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            raise _bad(path, 1, "must hold settings, like  theme: mlruns-light")
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in lines:
                raise _bad(path, key.start_mark.line + 1, f"{_quoted(name)} stands there twice")
            lines[name] = key.start_mark.line + 1
            for inner, _ in value.value if isinstance(value, yaml.MappingNode) else ():
                lines[f"{name}.{inner.value}"] = inner.start_mark.line + 1
        return {str(name): value for name, value in loader.construct_document(node).items()}, lines
    except UnicodeDecodeError:
        raise _bad(path, 0, "is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        raise _bad(path, line, f"is not YAML: {safe(error.problem or 'it cannot be read', 200)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _bad(path, 0, f"is not YAML: {safe(str(error), 200)}") from None


def _keys(path: str, given: dict[Any, Any], lines: Mapping[str, int], commands: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for command, value in given.items():
        line = lines.get(f"keys.{command}", lines.get("keys", 0))
        if command not in commands:
            raise _bad(path, line, f"there is no command {_quoted(command)}", _near(str(command), tuple(commands)))
        several = value if isinstance(value, list) else [value]
        names = []
        for written in (part.strip() for one in several for part in _split(one)):
            name = key_name(written)
            if name is None:
                raise _bad(
                    path, line, f"{_quoted(written)} is no key", "like  ctrl+s, f5, space, /, ? or G; '' is none"
                )
            names.append(name)
        found[str(command)] = ",".join(names)
    _check_twice(path, found, lines, commands)
    return found


def _split(value: object) -> list[str]:
    """A number is its digit; nothing is no key at all; a comma alone is the key."""
    text = "" if value is None else str(value)
    return ["comma"] if text == "," else [part for part in text.split(",") if part.strip()]


def _check_twice(path: str, found: Mapping[str, str], lines: Mapping[str, int], commands: Mapping[str, str]) -> None:
    """One key, one command; but what the table itself shares between two may stay so."""
    by_key: dict[str, str] = {}
    for command, own in commands.items():
        for key in filter(None, found.get(command, own).split(",")):
            other = by_key.setdefault(key, command)
            if other != command and (command in found or other in found):
                mine = command if command in found else other
                theirs = other if mine == command else command
                raise _bad(
                    path,
                    lines.get(f"keys.{mine}", 0),
                    f"{key} is the key of {theirs} already",
                    f"give {theirs} another one, or none:  {theirs}: ''",
                )


def _near(name: str, names: tuple[str, ...]) -> str:
    near = get_close_matches(name, names, 1, 0.6)
    return f"did you mean {near[0]}?" if near else "mlruns-tui config show lists all there are"


def _quoted(value: object) -> str:
    return f"“{safe(str(value), 60)}”"


def _bad(path: str, line: int, what: str, hint: str = "") -> UsageError:
    where = f"line {line} of the settings" if line else "the settings file"
    message = f"{where}: {what}" if line else f"{where} {what}"
    return UsageError("bad-settings", message, path=path, hint=hint or "mend the file, or move it away")
