"""``mlruns-tui backups verify``: is everything still there, to the last byte?"""

from __future__ import annotations

import click

from mlruns_tui.cli.console import put_json, say, tell
from mlruns_tui.cli.options import database_option, examples, json_options, quiet_option
from mlruns_tui.cli.packing import found_in_option
from mlruns_tui.cli.working import finish
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import Exit
from mlruns_tui.report import backups_text, documents
from mlruns_tui.workflow.changing import batches_with, start_verify
from mlruns_tui.workflow.reading import open_reader

from .shared import HELD, Named, batch_arguments, batch_named, checked, keys_named


@click.command(
    "verify",
    epilog=examples(
        "mlruns-tui backups verify ./mlruns",
        "mlruns-tui backups verify ./mlruns 20261122-2026-a3f1",
        "mlruns-tui backups verify /data/mlruns --quiet || mail -s 'backups damaged' me        # in a crontab",
    ),
)
@batch_arguments("[STORE] [BATCH] [ITEM]…")
@found_in_option
@quiet_option
@json_options("backups")
@database_option
def command(named: Named, found_in: str, quiet: bool, as_json: bool, database: str | None) -> int:
    """Read all backups again, one batch, or some items of it, and compare. Changes nothing.

    Moved items must be as they were when they were moved, packed ones must have the checksums they were
    packed with. Exit code 5, and the names, when something is damaged.
    """
    info = open_reader(named.store, database).store
    found = batches_with(info.root, found_in)
    keys = None
    if named.batch is None:
        chosen = [batch for batch in found if any(one.place in (*HELD, "missing") for one in batch.items)]
        broken = [batch for batch in found if not batch.items and batch.messages]
    else:
        chosen, broken = [batch_named(found, named.batch)], []
        keys = keys_named(chosen[0], named.items)
    results: list[Batch] = []
    interrupted = False
    for batch in chosen:
        if not interrupted:
            done, interrupted = finish(start_verify(info.root, batch.id, keys, found_in), quiet=quiet)
            results.append(checked(done, keys))
    if as_json:
        put_json(documents.backups_document(info, [*results, *broken], did="verify", results=results))
    else:
        if not quiet or any(one.outcome == "failed" for batch in results for one in batch.items):
            say(backups_text.verified_lines(results))
        for batch in (*results, *broken):
            for message in batch.messages:
                tell(f"mlruns-tui: {batch.id}: {message}")
    if interrupted:
        return Exit.INTERRUPTED
    damaged = any(one.outcome == "failed" for batch in results for one in batch.items)
    # What belongs to somebody else and may not be read is said, and no damage.
    unread = any(batch.damage for batch in (*results, *broken))
    return Exit.DAMAGED if damaged or unread else Exit.DONE
