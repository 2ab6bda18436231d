"""``mlruns-tui backups pack``: the same backup in less space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from mlruns_tui.cli.asking import confirm, needs_force
from mlruns_tui.cli.console import is_interactive, put_json, say, tell
from mlruns_tui.cli.options import (
    database_option,
    examples,
    force_option,
    json_options,
    lock_option,
    quiet_option,
)
from mlruns_tui.cli.packing import backup_dir_option
from mlruns_tui.cli.working import finish
from mlruns_tui.model.batch import MIN_GAIN_PERCENT, Batch, BatchItem
from mlruns_tui.model.errors import Exit
from mlruns_tui.report import backups_text, documents
from mlruns_tui.workflow.changing import batches, start_pack
from mlruns_tui.workflow.packing import check_backup_dir, check_room, forecast_of_batch
from mlruns_tui.workflow.reading import open_reader, space_of
from mlruns_tui.workflow.task import worker_at_hand

from .shared import Named, batch_arguments, batch_named, exit_code, keys_named, why_not_held


@click.command(
    "pack",
    epilog=examples(
        "mlruns-tui backups pack ./mlruns 20261122-2026-a3f1",
        "mlruns-tui backups pack ./mlruns 20261122-2026-a3f1 --dry-run",
        "mlruns-tui backups pack ./mlruns 20261122-2026-a3f1 --backup-dir /mnt/usb",
        "mlruns-tui backups pack /data/mlruns 20261122-2026-a3f1 --force --quiet        # in a crontab",
    ),
)
@batch_arguments("[STORE] BATCH [ITEM]…")
@click.option("--dry-run", is_flag=True, help="Say what each item would gain, from samples, and do nothing.")
@click.option(
    "--min-gain",
    "min_gain",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    default=MIN_GAIN_PERCENT,
    show_default=True,
    help="Leave items as they are that would gain less of their space; 0 packs everything.",
)
@backup_dir_option
@force_option("Pack")
@lock_option
@quiet_option
@json_options("backups")
@database_option
def command(
    named: Named,
    dry_run: bool,
    min_gain: int,
    backup_dir: str,
    force: bool,
    lock_timeout_ms: int,
    quiet: bool,
    as_json: bool,
    database: str | None,
) -> int:
    """Compress a batch, or some items of it: tar archives with zstd, read back before the originals go.

    Undo and restore work as before, and so does tar --zstd -xf without this program. Model weights hardly
    shrink; items that gain less than --min-gain stay as they are, which is said. With --backup-dir all of them go to
    another disk, and whatever needs that batch needs the disk to be mounted.
    """
    if force and not dry_run:
        click.get_current_context().with_resource(worker_at_hand())
    info = open_reader(named.store, database).store
    if backup_dir:
        check_backup_dir(info.root, backup_dir)
    batch = batch_named(batches(info.root, backup_dir), named.batch)
    keys = keys_named(batch, named.items)
    asked = [one for one in batch.items if keys is None or one.item.key in keys]
    moved = [one for one in asked if _is_tree(one)]
    if not moved:
        why = _why_nothing(batch, asked, keys)
        if as_json:
            put_json(documents.backups_document(info, [batch], did="pack", messages=[why]))
        elif not quiet:
            say(why)
        return Exit.DONE
    if dry_run or backup_dir or not force:
        found = forecast_of_batch(info.root, batch.id, keys, backup_dir, min_gain)
        if not as_json and not quiet and (dry_run or not force):
            say(backups_text.gain_lines(found))
        if dry_run:
            if as_json:
                put_json(documents.gains_document(info, batch, found))
            return Exit.DONE
        check_room(found)
    if not force:
        if as_json or not is_interactive():
            raise needs_force(f"{backups_text.counted(moved)} would be packed, and nobody can be asked")
        if not found.able:
            return Exit.DONE
        confirm("Pack?")
    free_before = space_of(info.root)
    task = start_pack(info.root, batch.id, keys, min_gain, lock_timeout_ms / 1000, backup_dir)
    packed, interrupted = finish(task, quiet=quiet)
    # By position: after a swap two items have one key.
    result = replace(
        packed,
        items=tuple(
            one
            for was, one in zip(batch.items, packed.items, strict=False)
            if _is_tree(was) and (keys is None or was.item.key in keys)
        ),
    )
    if as_json:
        put_json(documents.backups_document(info, [packed], did="pack", results=[result]))
    else:
        free_after = space_of(info.root)
        measured = free_after.bytes_free - free_before.bytes_free if free_after and free_before else None
        _tell(result, measured, quiet=quiet)
    return exit_code([result], interrupted)


def _is_tree(one: BatchItem) -> bool:
    """Whether it is in the backup as what can be packed."""
    return one.place == "moved" and one.item.action != "repair"


def _why_nothing(batch: Batch, asked: Sequence[BatchItem], keys: Sequence[str] | None) -> str:
    """Why there is nothing to pack."""
    if any(one.place == "moved" for one in asked):
        return f"Nothing to pack: batch {batch.id} is a repair, and what that set aside is small and stays as it is."
    if any(one.place == "packed" for one in asked):
        return f"Nothing to pack: what batch {batch.id} holds of {'it' if keys is None else 'these'} is packed already."
    return f"Nothing to pack. {why_not_held(batch, keys)}"


def _tell(result: Batch, measured: int | None, *, quiet: bool) -> None:
    if not quiet or any(one.outcome == "failed" for one in result.items):
        say(backups_text.packed_lines(result, measured))
    for message in result.messages:
        tell(f"mlruns-tui: {message}")
