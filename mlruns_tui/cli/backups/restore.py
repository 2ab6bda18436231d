"""``mlruns-tui backups restore``."""

from __future__ import annotations

import click

from mlruns_tui.cli.options import database_option, examples, json_options, lock_option, quiet_option
from mlruns_tui.cli.packing import found_in_option
from mlruns_tui.cli.working import finish
from mlruns_tui.model.batch import OnConflict
from mlruns_tui.workflow.changing import batches_with, start_restore
from mlruns_tui.workflow.reading import open_reader

from .shared import Named, batch_arguments, batch_named, keys_named, put_back, this_time, why_not_held


@click.command(
    "restore",
    epilog=examples(
        "mlruns-tui backups restore ./mlruns 20261122-2026-a3f1",
        "mlruns-tui backups restore ./mlruns 20261122-2026-a3f1 8c1f03d2a1b24c7e9f00aa11bb22c310",
        "mlruns-tui backups restore ./mlruns 20261122-2026-a3f1 --on-conflict swap",
    ),
)
@batch_arguments("[STORE] BATCH [ITEM]…")
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "rename", "swap"]),
    default="skip",
    show_default=True,
    help="Where something stands in an item's place: leave the item in the backup, put it beside under another "
    "name, or exchange the two.",
)
@found_in_option
@lock_option
@quiet_option
@json_options("backups")
@database_option
def command(
    named: Named,
    on_conflict: OnConflict,
    found_in: str,
    lock_timeout_ms: int,
    quiet: bool,
    as_json: bool,
    database: str | None,
) -> int:
    """Put a batch back, or the items of it that are named by run id, experiment id or path.

    It saves data and needs no confirmation. Nothing is replaced or merged. What somebody changed in the backup
    comes back as it is now, is named, and makes the exit code 5.
    """
    info = open_reader(named.store, database).store
    batch = batch_named(batches_with(info.root, found_in), named.batch)
    keys = keys_named(batch, named.items)
    task = start_restore(info.root, batch.id, keys, on_conflict, lock_timeout_ms / 1000, found_in)
    restored, interrupted = finish(task, quiet=quiet)
    result = this_time([batch], restored, keys)
    nothing = "" if result.items or interrupted else why_not_held(batch, keys)
    return put_back(info, restored, result, interrupted=interrupted, as_json=as_json, nothing=nothing)
