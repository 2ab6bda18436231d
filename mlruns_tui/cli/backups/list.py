"""``mlruns-tui backups list``."""

from __future__ import annotations

import click

from mlruns_tui.cli.console import put_json, put_ndjson, say, width
from mlruns_tui.cli.options import database_option, examples, json_options, store_argument
from mlruns_tui.cli.packing import found_in_option
from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import Exit
from mlruns_tui.report import backups_text, documents
from mlruns_tui.workflow.changing import batches_with
from mlruns_tui.workflow.reading import open_reader


@click.command("list", epilog=examples("mlruns-tui backups list ./mlruns"))
@store_argument
@found_in_option
@json_options("backups", ndjson=True)
@database_option
def command(store: str | None, found_in: str, as_json: bool, ndjson: bool, database: str | None) -> int:
    """All batches of a store, newest first, with what they hold now."""
    info = open_reader(store, database).store
    found = batches_with(info.root, found_in)
    if ndjson:
        put_ndjson(documents.batch_item(batch) for batch in found)
    elif as_json:
        put_json(documents.backups_document(info, found))
    else:
        say(backups_text.batches_lines(found, now_ms(), width()))
    return Exit.DONE
