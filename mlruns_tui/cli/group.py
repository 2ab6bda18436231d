"""All commands: found by name, imported when called. A first word that is no command is the store to open."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.text import safe

from .options import named_in_environment

COMMANDS = {
    "list": ("mlruns_tui.cli.listing", "What is in a store: experiments, runs, sizes, states."),
    "doctor": ("mlruns_tui.cli.doctor", "What is broken, and what MLflow does because of it."),
    "cleanup": ("mlruns_tui.cli.cleanup", "Move orphaned experiments and old runs to a backup."),
    "repair": ("mlruns_tui.cli.repair", "Mend what is broken, where that is certain."),
    "undo": ("mlruns_tui.cli.undo", "Take back your newest batch."),
    "recover": ("mlruns_tui.cli.recover", "Batches that stopped half-way: go on with them, or take them back."),
    "log": ("mlruns_tui.cli.log", "Who removed what, when, why, and how to get it back."),
    "backups": ("mlruns_tui.cli.backups", "What is kept: list, show, restore, purge."),
    "config": ("mlruns_tui.cli.config", "Your settings: where they are, what is in force."),
    "demo": ("mlruns_tui.cli.demo", "A store with every kind of trouble, to try things on."),
}
"""Module and short help by name, in the order of the help."""

SCREEN = " screen"
"""Name of the command that opens the screen; nobody can type it by accident."""

_ABOUT = """\
See what fills an MLflow store, find what is broken, clear out what is old, and take it back.

Without a command the screen opens on STORE: an mlruns directory, a database, or a project directory that
holds them; by default ./mlruns, else ./mlflow.db, else ./mlartifacts. A directory named like a command is
written ./list.
"""

_MORE = """\
Every command has --help with examples. Options can be set in the environment: MLRUNS_TUI_READ_ONLY=1 here,
MLRUNS_TUI_CLEANUP_MIN_IDLE=6h for an option of a command. NO_COLOR and MLRUNS_TUI_DEBUG=1 work as well.
Theme, mouse and keys of the screen can be kept in a settings file: mlruns-tui config path.

\b
Shell completion:
  eval "$(_MLRUNS_TUI_COMPLETE=bash_source mlruns-tui)"      in ~/.bashrc (zsh_source in ~/.zshrc)
  _MLRUNS_TUI_COMPLETE=fish_source mlruns-tui | source       in config.fish

\b
Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong use, or refused; 3 some items failed; 4 nothing done,
the store is no longer the plan's; 5 a backup is damaged; 10 findings (doctor); 11 locked, or an unfinished
batch must be settled first (recover); 130 interrupted. Treat any other as a failure.
"""


class Program(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == SCREEN:
            return _load("mlruns_tui.cli.screen")
        if cmd_name not in COMMANDS:
            return None
        return named_in_environment(_load(COMMANDS[cmd_name][0]), f"MLRUNS_TUI_{cmd_name}")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names_command = bool(args) and (args[0] in COMMANDS or args[0] in ctx.help_option_names)
        # Completing the first word: it may still become a command.
        if not names_command and not (ctx.resilient_parsing and not args):
            if args and not ctx.resilient_parsing:
                _check_spelling(args[0])
            args = [SCREEN, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == SCREEN else name), command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        screen = self.get_command(ctx, SCREEN)
        assert screen is not None
        options = screen.shell_complete(click.Context(screen, parent=ctx, resilient_parsing=True), incomplete)
        places = [] if incomplete.startswith("-") else [CompletionItem(incomplete, type="dir")]
        return super().shell_complete(ctx, incomplete) + options + places

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("mlruns-tui", "[OPTIONS] [STORE]")
        formatter.write_usage("mlruns-tui", "COMMAND [OPTIONS] …", prefix="       ")
        formatter.write_paragraph()
        _write(formatter, _ABOUT)
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])
        screen = self.get_command(ctx, SCREEN)
        assert screen is not None
        with formatter.section("Options of the screen"):
            formatter.write_dl(
                [
                    record
                    for one in screen.get_params(ctx)
                    if isinstance(one, click.Option) and (record := one.get_help_record(ctx))
                ]
            )
        formatter.write_paragraph()
        _write(formatter, _MORE)


def _write(formatter: click.HelpFormatter, text: str) -> None:
    """Paragraphs, filled; those marked for it as they stand."""
    fill = formatter.write_text
    for part in text.strip().split("\n\n"):
        if part.startswith("\b"):
            formatter.write(part.removeprefix("\b\n") + "\n")
        else:
            fill(" ".join(part.split()))
        formatter.write_paragraph()


def _check_spelling(word: str) -> None:
    """Raises UsageError for a first word that is no store and nearly a command."""
    if word.startswith(("-", ".", "/")) or os.path.lexists(word):
        return
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, 1, 0.7)
    if near:
        raise UsageError(
            "usage", f"{safe(word, 100)} is neither a command nor a store", hint=f"did you mean mlruns-tui {near[0]}?"
        )


def _load(module: str) -> click.Command:
    command = import_module(module).command
    gc.enable()
    assert isinstance(command, click.Command)
    return command


program: Any = Program(
    "mlruns-tui",
    context_settings={
        "auto_envvar_prefix": "MLRUNS_TUI",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
    },
)
