"""``mlruns-tui config``: where the settings of the screen are, and which are in force."""

from __future__ import annotations

import os

import click

from mlruns_tui.model.errors import Exit
from mlruns_tui.model.text import safe
from mlruns_tui.report.settings import InForce, KeysOf, settings_document, settings_lines
from mlruns_tui.userdata.settings import NAMES, Settings, read_settings, settings_path

from .console import put_json, say
from .options import examples, json_options


def own_settings() -> Settings:
    """What the user's file says. Raises UsageError when it says something wrong."""
    if not os.path.lexists(settings_path()):
        return Settings()
    from mlruns_tui.tui.commands import COMMANDS

    return read_settings(settings_path(), {command.id: command.keys for command in COMMANDS})


@click.group("config")
def command() -> None:
    """Settings of the screen, kept in one YAML file. Options and MLRUNS_TUI_* variables come before it.

    \b
    theme: mlruns-light        see T in the screen
    mouse: false               leave the mouse to the terminal
    ascii: true                signs a plain terminal can draw
    read_only: true            only look
    keys:                      other keys for commands, by id
      sort.size: ctrl+s
      undo: [z, f9]
      mark.all: ''             no key at all
    """


@command.command("path", epilog=examples('"$EDITOR" "$(mlruns-tui config path)"'))
def path() -> int:
    """Where the file is looked for. It need not be there."""
    say(safe(settings_path(), 4096))
    return Exit.DONE


@command.command("show", epilog=examples("mlruns-tui config show", "mlruns-tui config show --json"))
@json_options("config")
def show(as_json: bool) -> int:
    """Every setting with its value and where it comes from, and every command with its keys."""
    from mlruns_tui.tui.commands import COMMANDS

    settings, where = own_settings(), settings_path()
    rows = [_in_force(settings, name) for name in NAMES if name != "keys"]
    keys = [
        KeysOf(
            one.id,
            tuple(key for key in settings.keys.get(one.id, one.keys).split(",") if key),
            one.id in settings.keys,
            one.help,
        )
        for one in COMMANDS
    ]
    if as_json:
        put_json(settings_document(where, rows, keys))
    else:
        say(settings_lines(where, rows, keys))
    return Exit.DONE


def _in_force(settings: Settings, name: str) -> InForce:
    variable = f"MLRUNS_TUI_{name.upper()}"
    if os.environ.get(variable):
        return InForce(name, os.environ[variable], variable)
    return InForce(name, getattr(settings, name), "file" if name in settings.given else "default")
