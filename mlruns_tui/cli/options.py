"""Options and arguments that commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.text import safe
from mlruns_tui.report.words import cell_len, parse_duration

from .console import put_json, tell

Command = TypeVar("Command", bound=Callable[..., Any])


def named_in_environment(command: click.Command, prefix: str) -> click.Command:
    """Gives each option the variable of its own name, ``MLRUNS_TUI_CLEANUP_MIN_IDLE`` for ``--min-idle``: click
    by itself asks for the name the value has in here."""
    for param in command.params:
        if isinstance(param, click.Option) and param.envvar is None and param.allow_from_autoenv:
            name = next((one[2:] for one in param.opts if one.startswith("--")), "")
            if name and (not param.is_flag or param.is_bool_flag):
                param.envvar = f"{prefix}_{name}".replace("-", "_").upper()
    return command


def duration_ms(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A length of time with its unit, ``90s``, ``30min``, ``1h``, ``30d``, ``2w``, as ms: an option's callback."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def timeout_ms(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """The same; a number alone is seconds."""
    return duration_ms(ctx, param, f"{value}s" if value.strip().isdigit() else value)


def _places(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def _given(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("it is empty", ctx, param)
    return value


def check_here(ctx: click.Context, param: click.Parameter, store: str | None) -> str | None:
    """A store that is not named is looked for here, so there must be a here."""
    if _given(ctx, param, store) is None and not ctx.resilient_parsing:
        try:
            os.getcwd()
        except FileNotFoundError:
            raise UsageError(
                "no-such-store", "the current directory does not exist any more", hint="name the store"
            ) from None
    return store


def store_argument(command: Command) -> Command:
    """``[STORE]``."""
    return click.argument(
        "store", required=False, metavar="[STORE]", shell_complete=_places, callback=check_here, default=None
    )(command)


def database_option(command: Command) -> Command:
    return click.option(
        "--database",
        metavar="URI",
        envvar="MLRUNS_TUI_DATABASE",
        callback=_given,
        help="The database of the store, as MLflow is given it: sqlite:///mlflow.db.",
    )(command)


def json_options(name: str, *, ndjson: bool = False) -> Callable[[Command], Command]:
    """``--json`` and ``--schema`` of the document ``name``, and ``--ndjson`` for lists."""

    def show_schema(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            from mlruns_tui.report.schemas import SCHEMAS

            put_json(SCHEMAS[name])
            ctx.exit()

    def decorate(command: Command) -> Command:
        command = click.option(
            "--schema",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=show_schema,
            allow_from_autoenv=False,
            help="Print the JSON schema of --json and end.",
        )(command)
        if ndjson:
            command = click.option("--ndjson", is_flag=True, help="The items as JSON, one a line.")(command)
        return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(command)

    return decorate


def _expression(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """The parsed expression; where it goes wrong is shown below it first. Raises UsageError."""
    if value is None or ctx.resilient_parsing:
        return None
    from mlruns_tui.workflow.filtering import BadExpression, parse

    if not value.strip():
        raise click.BadParameter("it is empty", ctx, param)
    try:
        return parse(value)
    except BadExpression as error:
        if len(value) <= 500:
            tell(safe(value))
            tell(" " * cell_len(safe(value[: error.at])) + "^")
        raise UsageError(
            "bad-expression", f"--where, character {error.at + 1:,}: {error}", hint="--help has examples"
        ) from None


def where_option(command: Command) -> Command:
    return click.option(
        "--where",
        metavar="EXPR",
        callback=_expression,
        help="Runs that match, as for mlflow.search_runs, and with or, not, size, age, idle, protected, …: "
        '"metrics.loss > 2 or size > 3GB".',
    )(command)


def force_option(what: str) -> Callable[[Command], Command]:
    return click.option("--force", is_flag=True, help=f"{what} without asking. Lifts no protection.")


def lock_option(command: Command) -> Command:
    return click.option(
        "--lock-timeout",
        "lock_timeout_ms",
        metavar="TIME",
        callback=timeout_ms,
        default="0",
        show_default=True,
        help="How long to wait while somebody else changes the store.",
    )(command)


def quiet_option(command: Command) -> Command:
    return click.option("--quiet", is_flag=True, help="Say something only about a change or an error.")(command)


def examples(*lines: str) -> str:
    """An epilog click leaves as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
