"""Options of ``cleanup`` that say which runs, and which of them stay, by the rules of the screen's menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import Status
from mlruns_tui.triage.selecting import ENDS, KeepBest, Selection
from mlruns_tui.workflow.filtering import Expression

Command = Callable[..., Any]
MOST: Final = 1_000_000
"""Runs that can be kept of an experiment by number."""


def _statuses(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Status, ...]:
    """``failed,killed`` as statuses of MLflow's, capitals or not."""
    if value is None:
        return ()
    found: list[Status] = []
    for word in value.split(","):
        status = next((one for one in ENDS if one == word.strip().upper()), None)
        if status is None:
            more = "; --stale-running DAYS asks for those" if word.strip().upper() == "RUNNING" else ""
            raise click.BadParameter(f"{safe(word.strip(), 60)!r} is not finished, failed or killed{more}", ctx, param)
        found.append(status)
    return tuple(dict.fromkeys(found))


def _best(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[KeepBest, ...]:
    """``5:val_auc:max``; a metric's own name may hold colons."""
    found = []
    for value in values:
        number, _, rest = value.partition(":")
        metric, _, end = rest.rpartition(":")
        if not (number.isascii() and number.isdecimal()) or not 1 <= int(number[:9]) <= MOST or len(number) > 9:
            raise click.BadParameter(f"{safe(value, 60)!r} does not begin with a number from 1 to {MOST:,}", ctx, param)
        if not metric or end not in ("min", "max"):
            raise click.BadParameter(
                f"{safe(value, 60)!r} is not N:METRIC:min or N:METRIC:max, 5:val_auc:max for instance", ctx, param
            )
        found.append(KeepBest(int(number), metric, "min" if end == "min" else "max"))
    return tuple(found)


def _tags(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    """``KEY`` or ``KEY=VALUE``."""
    found = []
    for value in values:
        key, equals, wanted = value.partition("=")
        if not key:
            raise click.BadParameter("a tag has a name: KEY or KEY=VALUE", ctx, param)
        found.append((key, wanted if equals else None))
    return tuple(found)


_OPTIONS = (
    click.option(
        "--status",
        "statuses",
        callback=_statuses,
        metavar="failed,killed",
        help="Active runs that ended so.",
    ),
    click.option(
        "--deleted", is_flag=True, help="What MLflow deleted and nobody collected; --days-old counts from then."
    ),
    click.option(
        "--stale-running",
        "stale_days",
        type=click.IntRange(1, 36_500),
        metavar="DAYS",
        help="Runs that say RUNNING and were not written to for so many days.",
    ),
    click.option(
        "--keep-last",
        type=click.IntRange(1, MOST),
        metavar="N",
        help="Of each experiment the N runs started last stay. Alone: all others go.",
    ),
    click.option(
        "--keep-best",
        callback=_best,
        multiple=True,
        metavar="N:METRIC:min|max",
        help="Of each experiment the N best runs by a metric stay; repeatable. Alone: all others that have it go.",
    ),
    click.option(
        "--keep-tag",
        "keep_tags",
        callback=_tags,
        multiple=True,
        metavar="KEY[=VALUE]",
        help="Runs with this tag stay, and experiments that hold one; repeatable.",
    ),
)


def selecting_options(command: Command) -> Command:
    """The options, handed to the command together as ``selection``."""

    @wraps(command)
    def collected(
        *,
        statuses: tuple[Status, ...],
        deleted: bool,
        stale_days: int | None,
        keep_last: int | None,
        keep_best: tuple[KeepBest, ...],
        keep_tags: tuple[tuple[str, str | None], ...],
        **others: Any,
    ) -> Any:
        selection = Selection(statuses, deleted, stale_days, keep_last, keep_best, keep_tags)
        return command(selection=selection, **others)

    found: Command = collected
    for option in reversed(_OPTIONS):
        found = option(found)
    return found


def wants_orphans_of(
    days_old: int | None,
    experiments: tuple[str, ...],
    runs: tuple[str, ...],
    where: Expression | None,
    orphans: bool | None,
    with_runs: bool,
    selection: Selection,
) -> bool:
    """Whether orphaned experiments are asked for. Raises UsageError where nothing is, or nonsense."""
    if "" in experiments or "" in runs:
        raise UsageError("usage", "an empty name names nothing")
    if orphans is False and with_runs:
        raise UsageError("usage", "--no-orphans and --orphans-with-runs contradict each other")
    if runs and (orphans or with_runs):
        raise UsageError("usage", "--run names runs, no orphaned experiment can be meant", hint="leave out --orphans")
    others = bool(experiments or runs or where or selection.asks or (selection.ranks and days_old is None))
    wanted = orphans if orphans is not None else with_runs or not others
    if not (wanted or runs or selection.asks or selection.ranks) and days_old is None and where is None:
        raise UsageError(
            "usage",
            "nothing is asked for: --experiment only says where"
            if experiments
            else "nothing is asked for: --no-orphans leaves nothing to remove",
            hint="add --days-old N, --status, --run ID, --where EXPR or --orphans",
        )
    return wanted
