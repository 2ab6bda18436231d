"""``mlruns-tui undo``: take back my newest batch."""

from __future__ import annotations

import os

import click

from mlruns_tui.model.errors import Exit, MlrunsError
from mlruns_tui.report import documents
from mlruns_tui.workflow.changing import batches_with, start_undo
from mlruns_tui.workflow.reading import open_reader

from .backups.shared import put_back, this_time
from .console import put_json, tell
from .options import database_option, examples, json_options, lock_option, quiet_option, store_argument
from .packing import found_in_option
from .working import finish


@click.command(
    "undo",
    epilog=examples("mlruns-tui undo ./mlruns", "mlruns-tui undo /data/mlruns --json"),
)
@store_argument
@found_in_option
@lock_option
@quiet_option
@json_options("backups")
@database_option
def command(
    store: str | None, found_in: str, lock_timeout_ms: int, quiet: bool, as_json: bool, database: str | None
) -> int:
    """Take back your newest batch, all of it: every byte, mode and date as before.

    A batch that stopped half-way is taken back as well. That it was purged or is back already is said, with exit
    code 0, and no older one is touched: for those there is mlruns-tui backups restore. Nothing that exists is
    replaced. What somebody changed in the backup comes back as it is now, is named, and makes the exit code 5.
    """
    info = open_reader(store, database).store
    before = batches_with(info.root, found_in)
    try:
        batch, interrupted = finish(start_undo(info.root, lock_timeout_ms / 1000, found_in), quiet=quiet)
    except MlrunsError as error:
        if error.code != "nothing-to-undo":
            raise
        # Nothing was ever removed, or nothing is left that could come back: nothing to do, which is no failure.
        mine = [one for one in before if one.uid == os.geteuid()]
        if as_json:
            put_json(documents.backups_document(info, mine[:1], did="restore", messages=[error.message]))
        else:
            tell(f"mlruns-tui: {error.message} ({error.hint})")
        return Exit.DONE
    return put_back(info, batch, this_time(before, batch), interrupted=interrupted, as_json=as_json)
