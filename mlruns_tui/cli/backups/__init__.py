"""``mlruns-tui backups``: what is kept, and what becomes of it. One subcommand a file."""

from __future__ import annotations

from importlib import import_module

import click

from mlruns_tui.model.errors import Exit, UsageError

from ..options import named_in_environment

_COMMANDS = {
    "list": "All batches of a store.",
    "show": "Everything in one batch.",
    "restore": "Put a batch, or some items of it, back.",
    "pack": "Compress a batch, or some items of it.",
    "verify": "Read backups again and compare.",
    "purge": "Delete batches, or some items of one, for good.",
}


class _Backups(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            # Options belong to the commands below.
            *most, last = _COMMANDS
            raise UsageError(
                "usage",
                f"no such command: {error.option_name} stands where {', '.join(most)} or {last} must",
                hint="mlruns-tui backups --help",
            ) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"mlruns_tui.cli.backups.{cmd_name}").command
        assert isinstance(command, click.Command)
        return named_in_environment(command, f"MLRUNS_TUI_BACKUPS_{cmd_name}")


@click.group("backups", cls=_Backups, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """What cleanup moved to a backup: list it, look into it, put it back, delete it for good."""
    if ctx.invoked_subcommand is not None:
        return None
    click.echo(ctx.get_help(), err=True)
    return Exit.USAGE
