"""``mlruns-tui backups purge``: the only way a backup is deleted."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mlruns_tui.cli.asking import needs_force, type_number
from mlruns_tui.cli.console import is_interactive, put_json, say, tell
from mlruns_tui.cli.options import (
    database_option,
    duration_ms,
    examples,
    force_option,
    json_options,
    lock_option,
    quiet_option,
)
from mlruns_tui.cli.packing import found_in_option
from mlruns_tui.cli.retention import older
from mlruns_tui.cli.working import finish
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import Exit, MlrunsError, UsageError
from mlruns_tui.report import documents
from mlruns_tui.report.backups_text import counted, going, gone_words
from mlruns_tui.report.plan_text import freed_sentence, outcome_lines
from mlruns_tui.report.words import size_text
from mlruns_tui.workflow.changing import batches_with, start_purge
from mlruns_tui.workflow.reading import open_reader, space_of

from .shared import Named, batch_arguments, batch_named, exit_code, keys_named, this_time, why_not_held


@click.command(
    "purge",
    epilog=examples(
        "mlruns-tui backups purge ./mlruns 20261122-2026-a3f1",
        "mlruns-tui backups purge ./mlruns --older-than 30d",
        "mlruns-tui backups purge /data/mlruns --older-than 30d --force --quiet        # in a crontab",
    ),
)
@batch_arguments("[STORE] [BATCH] [ITEM]…")
@click.option(
    "--older-than",
    "older_than_ms",
    metavar="TIME",
    callback=duration_ms,
    help="All your batches made longer ago than this, 30d for instance.",
)
@found_in_option
@force_option("Delete")
@lock_option
@quiet_option
@json_options("backups")
@database_option
def command(
    named: Named,
    older_than_ms: int | None,
    found_in: str,
    force: bool,
    lock_timeout_ms: int,
    quiet: bool,
    as_json: bool,
    database: str | None,
) -> int:
    """Delete a batch, some items of it, or all your older batches, for good: this frees the space.

    Nothing brings them back. At a terminal the number of items must be typed; --force answers instead.
    """
    if (named.batch is None) == (older_than_ms is None):
        raise UsageError("usage", "name either a batch or --older-than TIME", hint="mlruns-tui backups list shows them")
    info = open_reader(named.store, database).store
    found = batches_with(info.root, found_in)
    keys = named_batch = None
    if older_than_ms is None:
        named_batch = batch_named(found, named.batch)
        keys = keys_named(named_batch, named.items)
        chosen = [named_batch]
    else:
        chosen = older(found, older_than_ms)
    unusable = [batch for batch in chosen if not batch.items]
    chosen = [
        batch
        for batch in chosen
        if batch.items and (going(batch, keys) or _has_unknown(batch, keys) or _has_rest(batch, keys))
    ]
    purged: list[Batch] = []
    results: list[Batch] = []
    interrupted = False
    stopped_by: MlrunsError | None = None
    free_before = space_of(info.root)
    if chosen:
        _ask(chosen, keys, force=force, as_json=as_json)
        for batch in chosen:
            if not interrupted:
                try:
                    task = start_purge(info.root, batch.id, keys, lock_timeout_ms / 1000, found_in)
                    done, interrupted = finish(task, quiet=quiet)
                except MlrunsError as error:
                    if not purged:
                        raise
                    # What is gone already must be said all the same.
                    stopped_by = error
                    tell(f"mlruns-tui: stopped before batch {batch.id}: {error.message} ({error.hint})")
                    break
                purged.append(done)
                results.append(this_time([batch], done, keys))
    damaged = [f"{batch.id}: {'; '.join(batch.messages)}" for batch in unusable]
    if as_json:
        said = [*([stopped_by.message] if stopped_by else []), *damaged]
        put_json(documents.backups_document(info, purged, did="purge", results=results, messages=said))
    elif purged:
        _tell_result(info.root, results, free_before.bytes_free if free_before else None)
    elif not quiet:
        say("Nothing to purge." if named_batch is None else why_not_held(named_batch, keys))
    if not as_json:
        for line in damaged:
            tell(f"mlruns-tui: {line}")
    if stopped_by:
        return stopped_by.exit_code
    code = exit_code(results, interrupted)
    return Exit.DAMAGED if code == Exit.DONE and any(batch.damage for batch in unusable) else code


def _has_unknown(batch: Batch, keys: Sequence[str] | None) -> bool:
    """Whether there is an archive nobody can read, and, of named items, one that may be in it."""
    missing = [one for one in batch.items if one.place == "missing" and keys is not None and one.item.key in keys]
    return bool(batch.broken) and (keys is None or bool(missing))


def _has_rest(batch: Batch, keys: Sequence[str] | None) -> bool:
    """Whether something is left of what an earlier purge could not delete altogether."""
    return any(one.lost for one in batch.items if keys is None or one.item.key in keys)


def _ask(chosen: Sequence[Batch], keys: Sequence[str] | None, *, force: bool, as_json: bool) -> None:
    held = [one for batch in chosen for one in going(batch, keys)]
    if force or (not held and (keys is not None or not any(batch.broken for batch in chosen))):
        return
    what = gone_words(chosen, held, whole=keys is None)
    if as_json or not is_interactive():
        raise needs_force(f"{what} would be deleted for good, and nobody can be asked")
    for batch in chosen:
        say(f"batch {batch.id}, made by {batch.user}: {batch.state}, {size_text(batch.allocated_bytes)} on disk")
        if batch.damage:
            say(f"  {batch.damage}")
    say(f"{what} will be gone. Nothing brings them back. Nothing else changes.")
    number = len(held) or sum(len(batch.broken) for batch in chosen)
    type_number(f"Type {number} (the {'items' if held else 'archives'}) to purge", number)


def _tell_result(root: str, results: Sequence[Batch], free_before: int | None) -> None:
    gone = [one for batch in results for one in batch.items if one.outcome == "done"]
    free_after = space_of(root)
    measured = free_after.bytes_free - free_before if free_after and free_before is not None else None
    freed = sum(batch.freed_bytes for batch in results)
    say(f"{counted(gone)} deleted for good. {freed_sentence(freed, measured)}")
    for batch in results:
        say(outcome_lines(batch.items))
        for message in batch.messages:
            tell(f"mlruns-tui: {message}")
