"""``mlruns-tui cleanup``: rules, plan, question, result."""

from __future__ import annotations

from dataclasses import dataclass

import click

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import Exit, MlrunsError, UsageError
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.text import safe
from mlruns_tui.report import documents, plan_text
from mlruns_tui.report.words import items_text, plural
from mlruns_tui.triage.selecting import Selection
from mlruns_tui.workflow.asking import check_changeable, plan_cleanup
from mlruns_tui.workflow.changing import start_apply
from mlruns_tui.workflow.filtering import Expression
from mlruns_tui.workflow.reading import space_of

from .asking import confirm, needs_force, type_number
from .console import is_interactive, put_json, put_ndjson, say, tell, width
from .lifting import UNSAFE, unsafe_options
from .options import (
    database_option,
    duration_ms,
    examples,
    force_option,
    json_options,
    lock_option,
    quiet_option,
    store_argument,
    where_option,
)
from .packing import Packing, packing_options
from .reading import read_store
from .retention import Expired
from .selecting import selecting_options, wants_orphans_of
from .working import finish


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is asked, done and told."""

    dry_run: bool
    force: bool
    quiet: bool
    as_json: bool
    ndjson: bool
    lock_timeout_s: float
    expired: Expired
    """My older backups, which go for good besides."""
    packing: Packing
    """Whether and where what goes is packed at once."""


@click.command(
    "cleanup",
    epilog="\b\nSetting one protection aside, for this plan only; take also\n"
    + "\n".join(f"  {'--unsafe-' + kind:<30}{what}" for kind, what in UNSAFE.items())
    + "\n\n"
    + examples(
        "mlruns-tui cleanup ./mlruns --days-old 30 --dry-run",
        "mlruns-tui cleanup ./mlruns --days-old 30 --experiment 'bert-*'",
        "mlruns-tui cleanup ./mlruns --where \"metrics.val_acc < 0.2 or status = 'FAILED'\" --dry-run",
        "mlruns-tui cleanup ./mlruns --status failed,killed --days-old 7 --keep-tag paper",
        "mlruns-tui cleanup ./mlruns --experiment bert-sweep --keep-best 5:val_auc:max --keep-last 3 --dry-run",
        "mlruns-tui cleanup ./mlruns --deleted --days-old 30 --no-backup",
        "mlruns-tui cleanup ./mlruns --stale-running 14 --dry-run",
        "mlruns-tui cleanup ./mlruns --run 8c1f03d2a1b24c7e9f00aa11bb22c310 --with-descendants",
        "mlruns-tui cleanup ./mlruns --days-old 30 --slim --pack                 # artifacts only, compressed",
        "mlruns-tui cleanup ./mlruns --days-old 90 --backup-dir /mnt/usb         # to another disk, undo from there",
        "mlruns-tui cleanup ./mlruns --days-old 30 --pack --free 20GB            # no more than that needs",
        "mlruns-tui cleanup /data/mlruns --days-old 90 --keep-backups 14d --force --quiet        # in a crontab",
    ),
)
@store_argument
@click.option("--days-old", type=click.IntRange(0, 36_500), metavar="N", help="Active runs that ended over N days ago.")
@click.option(
    "--experiment", "experiments", multiple=True, metavar="NAME|ID|GLOB", help="Only in these experiments; repeatable."
)
@click.option("--run", "runs", multiple=True, metavar="ID", help="These runs; with --days-old only these.")
@where_option
@selecting_options
@click.option("--with-descendants", is_flag=True, help="With --run: also all runs below it, in every experiment.")
@click.option(
    "--orphans/--no-orphans",
    default=None,
    help="Orphaned experiments; on alone and with --days-old, off where anything else says what.",
)
@click.option("--orphans-with-runs", is_flag=True, help="Also orphaned experiments that still hold readable runs.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, change nothing.")
@click.option(
    "--slim", is_flag=True, help="Only the artifacts of the runs go; params, metrics and tags stay. No orphans."
)
@click.option("--backup/--no-backup", default=True, help="Move to a backup (default), or delete for good.")
@packing_options
@click.option(
    "--keep-backups",
    "keep_backups_ms",
    metavar="TIME",
    callback=duration_ms,
    help="Also delete your own backups made longer ago than this, 14d for instance, for good.",
)
@click.option(
    "--min-idle",
    "min_idle_ms",
    metavar="TIME",
    callback=duration_ms,
    help="Quiet time asked of what has no final state: 1h, 24h on a network file system.",
)
@force_option("Do it")
@lock_option
@quiet_option
@json_options("cleanup", ndjson=True)
@database_option
@unsafe_options
def command(
    store: str | None,
    selection: Selection,
    days_old: int | None,
    experiments: tuple[str, ...],
    runs: tuple[str, ...],
    where: Expression | None,
    with_descendants: bool,
    orphans: bool | None,
    orphans_with_runs: bool,
    slim: bool,
    dry_run: bool,
    backup: bool,
    pack: bool,
    backup_dir: str,
    free_bytes: int | None,
    keep_backups_ms: int | None,
    min_idle_ms: int | None,
    force: bool,
    lock_timeout_ms: int,
    quiet: bool,
    as_json: bool,
    ndjson: bool,
    database: str | None,
    **unsafe: bool,
) -> int:
    """Move orphaned experiments, and with --days-old old runs, to a backup in the store.

    The plan is shown first: what goes and why, what stays and why. Nothing is deleted: mlruns-tui undo
    takes it back, mlruns-tui backups purge frees the space. What something needs stays, with the reason; each
    --unsafe-… sets one such reason aside.
    """
    if slim and (orphans or orphans_with_runs):
        raise UsageError("usage", "--slim is about runs, an orphaned experiment has none to keep")
    wants_orphans = wants_orphans_of(
        days_old, experiments, runs, where, False if slim and orphans is None else orphans, orphans_with_runs, selection
    )
    if selection.keep_tags and unsafe["unsafe_keep_tag"]:
        raise UsageError("usage", "--keep-tag and --unsafe-keep-tag contradict each other")
    if with_descendants and (not runs or days_old is not None):
        raise UsageError(
            "usage",
            "--with-descendants goes with --run ID, and not with --days-old: a young child of an old run is not old",
            hint="name the runs at the top with --run",
        )
    packing = Packing(pack, backup_dir, free_bytes, backup=backup)
    reader, snapshot = read_store(store, database, quiet=quiet)
    packing.check(snapshot.store.root)
    expired = Expired(snapshot.store.root, keep_backups_ms)
    manner = Manner(dry_run, force, quiet, as_json, ndjson, lock_timeout_ms / 1000, expired, packing)
    plan = plan_cleanup(
        reader,
        snapshot,
        days_old=days_old,
        orphans=wants_orphans,
        orphans_with_runs=orphans_with_runs,
        slim=slim,
        selection=selection,
        experiments=experiments,
        runs=runs,
        descendants=with_descendants,
        where=where,
        backup=backup,
        min_idle_ms=min_idle_ms,
        lifted=[name[len("unsafe_") :].replace("_", "-") for name, given in unsafe.items() if given],
    )
    plan = packing.plan(plan, snapshot)
    if not dry_run and (plan.items or plan.refused):
        check_changeable(snapshot.store)
    if dry_run or (plan.empty and not expired):
        _show(plan, snapshot, None, manner)
        return Exit.DONE
    packing.check_room()
    if not (as_json or ndjson or (quiet and force)):
        _show(plan, snapshot, None, manner)
        say("")
    _ask(plan, manner)
    return _carry_out(plan, snapshot, manner)


def _show(plan: Plan, snapshot: Snapshot, batch: Batch | None, manner: Manner) -> None:
    """The plan, or the result with its plan, in the form asked for."""
    if manner.ndjson:
        fields = documents.plan_fields(plan)
        result = documents.cleanup_result(plan, batch) if batch else None
        put_ndjson(result["items"] if result else fields["items"])
        put_ndjson(fields["refused"])
        put_ndjson(manner.expired.fields()["purges"])
    elif manner.as_json:
        document = documents.cleanup_document(
            plan, snapshot.store, batch, dry_run=manner.dry_run, messages=snapshot.messages
        )
        put_json({**document, **manner.packing.fields(), **manner.expired.fields()})
    elif batch is None and not (manner.quiet and plan.empty and not manner.expired):
        space = space_of(plan.store_root)
        free = space.bytes_free if space else None
        say(plan_text.plan_lines(plan, snapshot, free, width(), manner.packing.forecast))
        if manner.expired:
            say(["", *manner.expired.lines()])
        for message in snapshot.messages:
            tell(f"mlruns-tui: {message}")


def _ask(plan: Plan, manner: Manner) -> None:
    """Return when it may be done. Raises UsageError when it was refused, or nobody can be asked."""
    if manner.force:
        return
    if manner.as_json or manner.ndjson or not is_interactive():
        what = plural(len(plan.items), "item")
        purges = plural(len(manner.expired.batches), "older backup")
        what = " and ".join(filter(None, (what if plan.items else "", purges if manner.expired else "")))
        raise needs_force(f"{what} would go, and nobody can be asked", documents.plan_fields(plan))
    if plan.items:
        _ask_about_items(plan, manner)
    if manner.expired:
        number = manner.expired.items
        backups = plural(len(manner.expired.batches), "older backup")
        type_number(f"Delete {backups} for good? Type {number} (the items in them) to delete", number)


def _and_pack(packing: Packing) -> str:
    return f" and pack it in {safe(packing.backup_dir)}" if packing.backup_dir else " and pack it"


def _ask_about_items(plan: Plan, manner: Manner) -> None:
    number = len(plan.items)
    what = items_text(plan.totals.runs, plan.totals.experiments)
    if any(item.action == "slim" for item in plan.items):
        what = plan_text.slim_words(what, True)
    if plan.backup and manner.packing:
        confirm(f"Move {what} to a backup{_and_pack(manner.packing)}?")
    elif plan.backup:
        confirm(f"Move {what} to a backup?")
    else:
        type_number(f"Delete {what} for good? No backup is made. Type {number} (the items) to delete", number)


def _carry_out(plan: Plan, snapshot: Snapshot, manner: Manner) -> int:
    free_before = space_of(plan.store_root)
    batch, interrupted = None, False
    if plan.items:
        batch, interrupted = _apply(plan, manner)
    free_after = space_of(plan.store_root)
    expired = manner.expired
    if expired and not interrupted:
        interrupted = expired.purge(manner.lock_timeout_s, quiet=manner.quiet)
    if manner.as_json or manner.ndjson:
        _show(plan, snapshot, batch, manner)
    elif batch is not None:
        measured = free_after.bytes_free - free_before.bytes_free if free_before and free_after else None
        packed = manner.packing.packed is not None
        say(plan_text.result_lines(plan, batch, measured, packed=packed))
        for message in batch.messages:
            tell(f"mlruns-tui: {message}")
        manner.packing.tell(measured, quiet=manner.quiet)
    if not (manner.as_json or manner.ndjson):
        expired.tell()
    manner.packing.say_trouble()
    return _exit_code(batch, interrupted, expired.failed or manner.packing.failed)


def _apply(plan: Plan, manner: Manner) -> tuple[Batch, bool]:
    """What was moved out, packed where that was asked for. Raises MlrunsError, when nothing was moved."""
    packing = manner.packing
    if not packing:
        return finish(start_apply(plan, manner.lock_timeout_s), quiet=manner.quiet)
    task = start_apply(plan, manner.lock_timeout_s, pack=True, backup_dir=packing.backup_dir)
    try:
        batch, interrupted = finish(task, quiet=manner.quiet)
    except MlrunsError as error:
        if task.applied is None:
            raise
        packing.trouble = error
        return task.applied, False
    return packing.take(task.applied, batch) if task.applied is not None else batch, interrupted


def _exit_code(batch: Batch | None, interrupted: bool, failed: bool) -> Exit:
    outcomes = [one.outcome for one in batch.items] if batch else []
    if interrupted:
        return Exit.INTERRUPTED
    if "failed" in outcomes or failed:
        return Exit.SOME_FAILED
    if outcomes and "done" not in outcomes and "skipped" in outcomes:
        return Exit.STALE
    return Exit.DONE
