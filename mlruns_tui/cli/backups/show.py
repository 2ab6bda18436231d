"""``mlruns-tui backups show``."""

from __future__ import annotations

import click

from mlruns_tui.cli.console import put_json, put_ndjson, say, tell, width
from mlruns_tui.cli.options import database_option, examples, json_options
from mlruns_tui.cli.packing import found_in_option
from mlruns_tui.model.errors import Exit
from mlruns_tui.report import backups_text, documents
from mlruns_tui.workflow.changing import batches_with
from mlruns_tui.workflow.reading import open_reader

from .shared import Named, batch_arguments, batch_named


@click.command("show", epilog=examples("mlruns-tui backups show ./mlruns 20261122-2026-a3f1"))
@batch_arguments("[STORE] BATCH")
@found_in_option
@json_options("backups", ndjson=True)
@database_option
def command(named: Named, found_in: str, as_json: bool, ndjson: bool, database: str | None) -> int:
    """Everything in one batch: why it went, and where each item is now."""
    info = open_reader(named.store, database).store
    batch = batch_named(batches_with(info.root, found_in), named.batch, usable=False)
    if ndjson:
        put_ndjson(documents.batch_item(batch, contents=True)["contents"])
    elif as_json:
        put_json(documents.backups_document(info, [batch], contents=True))
    else:
        say(backups_text.batch_lines(batch, width()))
        for message in batch.messages:
            tell(f"mlruns-tui: {message}")
    return Exit.DONE
