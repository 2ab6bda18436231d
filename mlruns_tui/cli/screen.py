"""``mlruns-tui [STORE]``: open the screen."""

from __future__ import annotations

import os
from typing import Any

import click
from click.core import ParameterSource

from mlruns_tui.model.errors import Exit, UsageError
from mlruns_tui.model.text import safe

from .config import own_settings
from .console import tell
from .opening import has_terminal, open_screen
from .options import database_option, store_argument


class _Screen(click.Command):
    """Its help is the program's, which lists its options among the rest."""

    def get_help(self, ctx: click.Context) -> str:
        return ctx.parent.get_help() if ctx.parent is not None else super().get_help(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        word = next((one for one in args if not one.startswith("-")), "")
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption:
            # Whoever gives a command's options meant a command.
            if not word or ":" in word or os.path.lexists(word):
                raise
            raise UsageError(
                "usage", f"{safe(word, 100)} is neither a command nor a store", hint="mlruns-tui --help"
            ) from None


@click.command(
    cls=_Screen,
    context_settings={"auto_envvar_prefix": "MLRUNS_TUI", "help_option_names": ["-h", "--help"]},
)
@store_argument
@click.option("--read-only", is_flag=True, help="Only look: nothing can be removed or put back.")
@click.option("--ascii", "ascii_signs", is_flag=True, help="Signs a plain terminal can draw.")
@click.option("--theme", metavar="NAME", help="A colour theme: mlruns-dark, mlruns-light, mlruns-blue-orange, …")
@click.option("--mouse/--no-mouse", default=True, help="Take mouse events, or leave them to the terminal.")
@database_option
@click.pass_context
def command(
    ctx: click.Context,
    store: str | None,
    read_only: bool,
    ascii_signs: bool,
    theme: str | None,
    mouse: bool,
    database: str | None,
) -> int:
    """Open the screen on a store."""
    if not has_terminal():
        tell(ctx.get_help())
        tell("\nmlruns-tui: the screen needs a terminal; mlruns-tui list prints what is in a store")
        return Exit.USAGE
    own = own_settings()

    def chosen(name: str, value: Any, setting: Any) -> Any:
        """What was said just now comes before what the file says."""
        return setting if ctx.get_parameter_source(name) is ParameterSource.DEFAULT else value

    return open_screen(
        store,
        database,
        read_only=chosen("read_only", read_only, own.read_only),
        ascii_signs=chosen("ascii_signs", ascii_signs, own.ascii),
        theme=chosen("theme", theme, own.theme),
        mouse=chosen("mouse", mouse, own.mouse),
        keymap=own.keys,
    )
