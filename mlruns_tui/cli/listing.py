"""``mlruns-tui list``: what is in a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.errors import Exit
from mlruns_tui.report import documents, listing
from mlruns_tui.workflow.asking import protections
from mlruns_tui.workflow.changing import unfinished

from .console import heading, put_json, put_ndjson, say, tell, width
from .options import database_option, examples, json_options, store_argument, where_option
from .reading import read_store

if TYPE_CHECKING:
    from mlruns_tui.workflow.filtering import Expression

SORTS = sorted({*listing.EXPERIMENT_FIELDS, *listing.RUN_FIELDS})


def _columns(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(part.strip() for part in value.split(",")) if value else ()
    for name in names:
        if name not in SORTS:
            raise click.BadParameter(f"no column {name!r}; there are {', '.join(SORTS)}", ctx, param)
    return names


@click.command(
    "list",
    epilog=examples(
        "mlruns-tui list ./mlruns",
        "mlruns-tui list ./mlruns --runs --sort age",
        "mlruns-tui list ./mlruns --where \"params.model = 'resnet' and metrics.val_loss < 0.3\"",
        "mlruns-tui list ./mlruns --columns name,runs,size,kept",
        "mlruns-tui list ./mlruns --runs --json | jq '.runs[] | select(.status == \"RUNNING\") | .path'",
    ),
)
@store_argument
@click.option("--runs", "with_runs", is_flag=True, help="The runs as well.")
@where_option
@click.option(
    "--sort", type=click.Choice(SORTS), metavar="COLUMN", default="size", show_default=True, help="By this column."
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--columns",
    metavar="NAME,…",
    callback=_columns,
    help=f"Columns, in this order: {', '.join(SORTS)}.",
)
@json_options("list", ndjson=True)
@database_option
def command(
    store: str | None,
    with_runs: bool,
    where: Expression | None,
    sort: str,
    reverse: bool,
    columns: tuple[str, ...],
    as_json: bool,
    ndjson: bool,
    database: str | None,
) -> int:
    """What is in a store: its experiments with runs, size, age and state.

    Nothing is changed. Sizes count regular files once, without the backups. With --where: the runs that match, of
    those MLflow searches (active ones; all where it asks for lifecycle_stage, state or impact).
    """
    reader, snapshot = read_store(store, database)
    snapshot = replace(snapshot, messages=(*snapshot.messages, *unfinished(snapshot.store.root)))
    at_ms = now_ms()
    found = None
    if where is not None:
        from mlruns_tui.workflow.filtering import find_runs, untold

        with_runs = True
        found = find_runs(reader, snapshot, where, at_ms)
        snapshot = replace(snapshot, messages=(*snapshot.messages, *untold(found)))
    facts = listing.Facts(snapshot, protections(snapshot, at_ms, runs=with_runs), at_ms)
    shown = [one for one in snapshot.experiments if found is None or one.key in found.containers]
    matched = [run for run in snapshot.all_runs() if found is None or run.key in found.keys]
    experiments = listing.arrange(shown, listing.EXPERIMENT_FIELDS, sort, reverse, facts)
    runs = listing.arrange(matched, listing.RUN_FIELDS, sort, reverse, facts) if with_runs else None
    if ndjson:
        put_ndjson(documents.experiment_item(one, facts.protected) for one in experiments)
        put_ndjson(documents.run_item(run, facts.protected) for run in runs or ())
    elif as_json:
        put_json(documents.list_document(snapshot, experiments, runs, facts.protected))
    else:
        wide = width()
        say(listing.store_heading(snapshot, documents.store_totals(snapshot)))
        names = columns or listing.EXPERIMENT_COLUMNS
        say(_titled(listing.listing_table(experiments, listing.EXPERIMENT_FIELDS, names, facts, wide)))
        if runs is not None:
            names = columns or listing.RUN_COLUMNS
            say(_titled(listing.listing_table(runs, listing.RUN_FIELDS, names, facts, wide)))
        for message in snapshot.messages:
            tell(f"mlruns-tui: {message}")
    return Exit.DONE


def _titled(lines: list[str]) -> Iterator[str]:
    yield ""
    yield heading(lines[0])
    yield from lines[1:]
