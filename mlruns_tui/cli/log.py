"""``mlruns-tui log``: who removed what, when, why, and how to get it back."""

from __future__ import annotations

import click

from mlruns_tui.model.errors import Exit
from mlruns_tui.report import log
from mlruns_tui.workflow.changing import batches
from mlruns_tui.workflow.conflicts import names_now
from mlruns_tui.workflow.reading import open_reader

from .console import put_json, put_ndjson, say
from .options import database_option, examples, json_options, store_argument


@click.command(
    "log",
    epilog=examples(
        "mlruns-tui log ./mlruns", "mlruns-tui log /data/mlruns --last 5", "mlruns-tui log /data/mlruns --json"
    ),
)
@store_argument
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the N newest batches.")
@json_options("log", ndjson=True)
@database_option
def command(store: str | None, last: int | None, as_json: bool, ndjson: bool, database: str | None) -> int:
    """Every batch ever made here, also those that were put back or purged: who, on which host, when, by which
    rule, what and how much, where it is now, and the command that brings it back."""
    info = open_reader(store, database).store
    found = batches(info.root)[:last]
    if ndjson:
        put_ndjson(log.log_entry(batch, info.root) for batch in found)
    elif as_json:
        put_json(log.log_document(info, found))
    else:
        say(log.log_lines(found, info.given, names_now(info.root) if found else {}))
    return Exit.DONE
