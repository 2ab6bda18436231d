"""Packing as a part of commands: its options, what it would bring, what became of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import MlrunsError, UsageError
from mlruns_tui.model.forecast import Forecast
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import Snapshot
from mlruns_tui.report import backups_text, documents
from mlruns_tui.report.words import parse_size
from mlruns_tui.workflow import packing

from .console import say, tell

Command = TypeVar("Command", bound=Callable[..., Any])


def _dirs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def _dir(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    if value is not None and (not value or "\0" in value):
        raise click.BadParameter("it is empty" if not value else "no path has a NUL in it", ctx, param)
    return "" if value is None or ctx.resilient_parsing else packing.real_dir(os.fspath(value))


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        size = parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    if not size:
        raise click.BadParameter("nothing is nothing to free", ctx, param)
    return size


def backup_dir_option(function: Command) -> Command:
    return click.option(
        "--backup-dir",
        "backup_dir",
        metavar="DIR",
        callback=_dir,
        shell_complete=_dirs,
        help="Pack to this directory, on another file system: archives are read back there before originals go.",
    )(function)


def found_in_option(function: Command) -> Command:
    return click.option(
        "--backup-dir",
        "found_in",
        metavar="DIR",
        callback=_dir,
        shell_complete=_dirs,
        help="Where archives that were packed to another disk are now, if not where they were put.",
    )(function)


def packing_options(function: Command) -> Command:
    """``--pack``, ``--backup-dir`` and ``--free``."""
    function = click.option(
        "--free",
        "free_bytes",
        metavar="SIZE",
        callback=_size,
        help="Longest idle first, and no more than really frees so much: 20GB. With --pack, --backup-dir or "
        "--no-backup.",
    )(function)
    function = backup_dir_option(function)
    return click.option(
        "--pack", is_flag=True, help="Then compress what was moved, as far as that gains 15 %; undo works as before."
    )(function)


class Packing:
    """Whether and where what goes is packed at once, and what that brings."""

    def __init__(self, pack: bool, backup_dir: str, free_bytes: int | None, *, backup: bool) -> None:
        """Raises UsageError for options that contradict each other."""
        self.backup_dir = backup_dir
        self.free_bytes = free_bytes
        self.forecast: Forecast | None = None
        """Of the plan at hand, where it is packed."""
        self.packed: Batch | None = None
        """The batch after it was packed, with those items only that had been moved."""
        self.trouble: MlrunsError | None = None
        """What stopped the packing, after all was moved."""
        self._wanted = pack or bool(backup_dir)
        if self._wanted and not backup:
            option = "--backup-dir" if backup_dir else "--pack"
            raise UsageError("usage", f"{option} makes a backup and --no-backup none", hint="leave out one of them")
        if free_bytes is not None and backup and not self._wanted:
            raise UsageError(
                "usage",
                "--free is about disk space, and a backup on the same disk frees none",
                hint="add --pack, --backup-dir DIR or --no-backup",
            )

    def __bool__(self) -> bool:
        return self._wanted

    def check(self, root: str) -> None:
        """Raises UsageError when the directory will not do."""
        if self.backup_dir:
            packing.check_backup_dir(root, self.backup_dir)

    def plan(self, plan: Plan, snapshot: Snapshot) -> Plan:
        """The plan, or as much of it as frees what was asked for; the forecast is made with it."""
        if self._wanted and plan.items:
            self.forecast = packing.forecast_of(plan, self.backup_dir)
        if self.free_bytes is not None and plan.items:
            plan = packing.only_enough(plan, snapshot, self.free_bytes, self.forecast)
            if self.forecast is not None:
                self.forecast = packing.narrowed(self.forecast, {item.key for item in plan.items})
        return plan

    def check_room(self) -> None:
        """Raises UsageError when the directory has not the room."""
        if self.forecast is not None:
            packing.check_room(self.forecast)

    def take(self, applied: Batch, batch: Batch) -> Batch:
        """The batch as it was moved out, each item where it is now. ``batch``: after the packing."""
        moved = {one.item.key for one in applied.items if one.place == "moved"}
        self.packed = replace(batch, items=tuple(one for one in batch.items if one.item.key in moved))
        now = {one.item.key: one for one in batch.items}
        items = tuple(replace(now[one.item.key], outcome=one.outcome, error=one.error) for one in applied.items)
        return replace(batch, items=items, moved_bytes=applied.moved_bytes, messages=applied.messages)

    def fields(self) -> dict[str, Any]:
        """For the JSON document."""
        found: dict[str, Any] = {}
        if self.forecast is not None:
            found["packing"] = documents.packing_fields(self.forecast)
        if self.packed is not None:
            found["packed"] = documents.batch_result(self.packed)
        return found

    def tell(self, measured: int | None, *, quiet: bool) -> None:
        """What became of it."""
        if self.packed is not None and not (quiet and not self.failed):
            say(backups_text.packed_lines(self.packed, measured))
            for message in self.packed.messages:
                tell(f"mlruns-tui: {message}")

    def say_trouble(self) -> None:
        """What stopped the packing."""
        if self.trouble is not None:
            hint = f" ({self.trouble.hint})" if self.trouble.hint else ""
            tell(f"mlruns-tui: moved, but not packed: {self.trouble.message}{hint}")

    @property
    def failed(self) -> bool:
        """Whether something that was to be packed was not, for another reason than that it gains little."""
        items = self.packed.items if self.packed is not None else ()
        return self.trouble is not None or any(one.outcome == "failed" for one in items)
