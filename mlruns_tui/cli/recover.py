"""``mlruns-tui recover``: what became of a batch whose work was killed, and the ways out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import click

from mlruns_tui.model.batch import Batch, BatchItem
from mlruns_tui.model.errors import Exit, MlrunsError, UsageError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.report import recover
from mlruns_tui.report.backups_text import gone_words, packed_lines
from mlruns_tui.workflow import recovering
from mlruns_tui.workflow.changing import batches, check_usable
from mlruns_tui.workflow.reading import open_reader
from mlruns_tui.workflow.task import Task

from .asking import needs_force, type_number
from .backups.shared import Named, batch_arguments, exit_code, this_time
from .console import is_interactive, put_json, say, tell, width
from .options import database_option, examples, force_option, json_options, lock_option, quiet_option
from .packing import found_in_option
from .reading import read_store
from .working import finish

Way = Literal["continue", "undo", "leave"]


@click.command(
    "recover",
    epilog=examples(
        "mlruns-tui recover ./mlruns                  # where each item is, and what can be done",
        "mlruns-tui recover ./mlruns --continue",
        "mlruns-tui recover ./mlruns 20261122-2026-a3f1 --undo",
    ),
)
@batch_arguments("[STORE] [BATCH]")
@click.option("--continue", "going_on", is_flag=True, help="Finish what was begun.")
@click.option("--undo", "undoing", is_flag=True, help="Put everything the backup has back to its place.")
@click.option("--leave", "leaving", is_flag=True, help="Leave every item where it is, and close the batch.")
@found_in_option
@force_option("Delete for good, where that was begun,")
@lock_option
@quiet_option
@json_options("recover")
@database_option
def command(
    named: Named,
    going_on: bool,
    undoing: bool,
    leaving: bool,
    found_in: str,
    force: bool,
    lock_timeout_ms: int,
    quiet: bool,
    as_json: bool,
    database: str | None,
) -> int:
    """Show batches whose work was killed half-way, and go on with one, take it back, or leave it as it is.

    Without an option nothing is changed, and the exit code is 11 while something waits to be settled. Going on
    looks at every item again as if it were new: what is needed, written to or changed by now stays.
    """
    way = _way(going_on, undoing, leaving)
    reader = open_reader(named.store, database)
    info = reader.store
    found = [one for one in batches(info.root, found_in) if named.batch in (None, one.id)]
    if named.batch is not None and not found:
        raise UsageError("no-such-batch", f"there is no batch {named.batch} in this store", hint="mlruns-tui log")
    if named.batch is not None:
        check_usable(found[0])
    waiting = recovering.unsettled(found)
    running = recovering.at_work(found)
    if way is None:
        return _show(reader, found, waiting, running, as_json=as_json, quiet=quiet)
    batch = _chosen(waiting, running, named)
    rest = recovering.rest_of(batch)
    if way == "continue":
        _ask(batch, rest, force=force, as_json=as_json)
    task = _start(way, batch, named.store, database, lock_timeout_ms / 1000, found_in, quiet=quiet)
    trouble: MlrunsError | None = None
    try:
        after, interrupted = finish(task, quiet=quiet)
    except MlrunsError as error:
        if task.applied is None:
            raise
        after, interrupted, trouble = task.applied, False, error
    about = _about(batch, after, rest, way)
    if as_json:
        done = recover.recover_document(info, [after], {}, did=way, results=[replace(after, items=tuple(about))])
        put_json(done)
    else:
        say(recover.settled_lines(after, batch.open_op if way == "continue" else way, about))
        if task.applied is not None and trouble is None:
            moved = {one.item.key for one in task.applied.items if one.place == "moved"}
            say(packed_lines(replace(after, items=tuple(one for one in after.items if one.item.key in moved))))
        for message in after.messages:
            tell(f"mlruns-tui: {message}")
    if trouble is not None:
        tell(f"mlruns-tui: moved, but not packed: {trouble.message}" + (f" ({trouble.hint})" if trouble.hint else ""))
        return Exit.SOME_FAILED
    return exit_code([replace(after, items=tuple(about))], interrupted)


def _way(going_on: bool, undoing: bool, leaving: bool) -> Way | None:
    """Raises UsageError for more than one."""
    ways: list[Way] = []
    if going_on:
        ways.append("continue")
    if undoing:
        ways.append("undo")
    if leaving:
        ways.append("leave")
    if len(ways) > 1:
        named = " and ".join(f"--{way}" for way in ways)
        raise UsageError("usage", f"{named} exclude each other; nothing was changed", hint="mlruns-tui recover --help")
    return ways[0] if ways else None


def _show(
    reader: Reader,
    found: Sequence[Batch],
    waiting: tuple[Batch, ...],
    running: Batch | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    info = reader.store
    if as_json:
        shown = [*([running] if running else []), *waiting]
        put_json(recover.recover_document(info, shown, {one.id: recovering.rest_of(one) for one in waiting}))
    else:
        lines = [recover.running_line(running)] if running else []
        for one in waiting:
            mine = recovering.is_mine(one)
            lines += recover.unsettled_lines(one, recovering.rest_of(one), info.given, mine=mine, width=width())
        lines += [recover.unpacked_line(one, info.given) for one in recovering.to_be_packed(found)]
        if lines or not quiet:
            say(lines or ["Nothing stopped half-way."])
    return Exit.LOCKED if waiting else Exit.DONE


def _chosen(waiting: tuple[Batch, ...], running: Batch | None, named: Named) -> Batch:
    """The one batch that is meant. Raises UsageError, when that is none or several."""
    mine = [one for one in waiting if recovering.is_mine(one)] if named.batch is None else list(waiting)
    if len(mine) == 1:
        return mine[0]
    if mine:
        ids = ", ".join(one.id for one in mine)
        raise UsageError("usage", f"several batches stopped half-way: {ids}", hint="name one of them")
    if running is not None:
        raise UsageError("at-work", f"nothing stopped half-way: {recover.running_line(running)}")
    raise UsageError("nothing-unfinished", "nothing of yours stopped half-way; nothing was changed")


def _ask(batch: Batch, rest: tuple[BatchItem, ...], *, force: bool, as_json: bool) -> None:
    """What would be deleted for good must be confirmed again. Raises UsageError."""
    if force or not recovering.deletes(batch):
        return
    doomed = recovering.doomed(batch)
    number, gone = len(doomed), gone_words([batch], doomed, whole=False)
    if as_json or not is_interactive():
        raise needs_force(f"{gone} would be deleted for good, and nobody can be asked")
    say(f"--continue {recover.choices(batch, rest)['continue']}.")
    say(f"{gone} will be gone. Nothing brings them back. Nothing else changes.")
    type_number(f"Type {number} (the items) to delete", number)


def _start(
    way: Way, batch: Batch, store: str | None, database: str | None, timeout_s: float, found_in: str, *, quiet: bool
) -> Task:
    root = open_reader(store, database).store.root
    if way == "undo":
        return recovering.start_taking_back(root, batch, timeout_s, found_in)
    if way == "leave":
        return recovering.start_leaving(root, batch, timeout_s, found_in)
    why_stay: dict[str, str] = {}
    if batch.open_op == "apply":
        # Read only now: what somebody needs since it was planned must stay.
        reader, snapshot = read_store(store, database, quiet=quiet)
        why_stay = recovering.staying(reader, snapshot, batch)
    return recovering.start_going_on(root, batch, why_stay, timeout_s, found_in)


def _about(before: Batch, after: Batch, rest: tuple[BatchItem, ...], way: Way) -> list[BatchItem]:
    """The items this was about, with what was done with each."""
    if way == "leave":
        return []
    # By position: after a swap two items have one key.
    meant = {at for at, one in enumerate(before.items) if one in rest}
    if way == "undo" or before.open_op not in ("apply", "pack"):
        return list(this_time([before], after).items)
    if before.open_op == "apply" and not before.backup:
        meant |= {at for at, one in enumerate(before.items) if one.place in ("moved", "packed")}
    return [one for at, one in enumerate(after.items) if at in meant]
