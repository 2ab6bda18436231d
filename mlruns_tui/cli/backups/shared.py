"""What the commands on backups have in common: naming batches and items, telling what came back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import click

from mlruns_tui.cli.console import put_json, say, tell
from mlruns_tui.cli.options import check_here
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import Exit, UsageError
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.report import backups_text, documents

Command = TypeVar("Command", bound=Callable[..., Any])

_BATCH_ID = re.compile(r"\d{8}-\d{4,6}-[0-9a-f]{4,8}")
HELD = ("moved", "packed")
"""Places of items the backup has."""
_SHOWN_BY = "mlruns-tui backups list shows them"


def batch_arguments(metavar: str) -> Callable[[Command], Command]:
    """``[STORE] BATCH [ITEM]…``; a directory named like a batch is written ``./20261122-2026-a3f1``."""

    def split(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> Named:
        at = next((at for at, word in enumerate(words) if _BATCH_ID.fullmatch(word)), None)
        before = words if at is None else words[:at]
        if len(before) > 1:
            raise UsageError(
                "no-such-batch",
                f"{safe(before[1])!r} is not the id of a batch",
                hint=_SHOWN_BY,
            )
        store = before[0] if before else None
        return Named(
            check_here(ctx, param, store), None if at is None else words[at], () if at is None else words[at + 1 :]
        )

    return click.argument("named", nargs=-1, metavar=metavar, callback=split)


class Named:
    """What the words of a command name."""

    def __init__(self, store: str | None, batch: str | None, items: tuple[str, ...]) -> None:
        self.store = store
        self.batch = batch
        self.items = items


def batch_named(batches: Sequence[Batch], batch_id: str | None) -> Batch:
    """Raises UsageError when no batch was named, or there is none of that name."""
    if batch_id is None:
        raise UsageError("no-batch", "name a batch", hint=f"{_SHOWN_BY}; undo takes the newest back")
    for batch in batches:
        if batch.id == batch_id:
            return batch
    raise UsageError("no-such-batch", f"there is no batch {batch_id} in this store", hint=_SHOWN_BY)


def keys_named(batch: Batch, names: Sequence[str]) -> list[str] | None:
    """Keys of the items named by key, path, run id or experiment id; None for all of the batch.

    Raises UsageError for a name the batch does not hold.
    """
    if not names:
        return None
    keys: dict[str, None] = {}
    for name in names:
        found = [
            one.item.key
            for one in batch.items
            if name in (one.item.key, one.item.path, one.item.run_id or one.item.experiment_id)
        ]
        if not found:
            raise UsageError(
                "no-such-item",
                f"batch {batch.id} holds no item {safe(name, 200)}; nothing was changed",
                hint=f"mlruns-tui backups show {batch.id} lists them",
            )
        keys.update(dict.fromkeys(found))
    return list(keys)


def this_time(before: Sequence[Batch], after: Batch, keys: Sequence[str] | None = None) -> Batch:
    """The batch with those items only that the call just made was about, and what it did with each.

    A batch remembers everything that was ever done with its items; this call was about those that were in
    the backup before it (or put aside), and named by ``keys`` (or moved along with one that was). What an
    interrupted deletion turned out to have deleted is among them, as failed.
    """
    were = [one for batch in before if batch.id == after.id for one in batch.items]
    held = {one.item.key for one in were if one.place in HELD}
    aside = {one.item.key for one in were if one.put_aside}
    # Of a deletion that was interrupted: what it had not begun is in the backup after all.
    dying = {one.item.key for one in were if one.place == "purged" and not one.lost}
    items = []
    for one in after.items:
        key = one.item.key
        if key in dying and (one.place != "purged" or one.lost):
            items.append(one)
            continue
        if key in aside and key not in held:
            if not one.put_aside or one.outcome in ("failed", "skipped"):
                items.append(one)
            continue
        if key not in held:
            continue
        if one.place not in HELD:
            items.append(replace(one, outcome="done", error=""))
        elif keys is None or one.item.key in keys:
            items.append(one if one.outcome in ("failed", "skipped") else replace(one, outcome=None))
    return replace(after, items=tuple(items))


def put_back(store: StoreInfo, batch: Batch, result: Batch, *, interrupted: bool, as_json: bool) -> int:
    """Say what came back, and the exit code for it."""
    if as_json:
        put_json(documents.backups_document(store, [batch], did="restore", results=[result]))
    else:
        say(backups_text.restored_lines(result))
        for message in batch.messages:
            tell(f"mlruns-tui: {message}")
    return exit_code([result], interrupted)


def checked(batch: Batch, keys: Sequence[str] | None = None) -> Batch:
    """The batch with those items only that were just read again."""
    held = (*HELD, "missing")
    return replace(
        batch,
        items=tuple(one for one in batch.items if one.place in held and (keys is None or one.item.key in keys)),
    )


def exit_code(results: Sequence[Batch], interrupted: bool) -> Exit:
    if interrupted:
        return Exit.INTERRUPTED
    failed = any(one.outcome == "failed" for batch in results for one in batch.items)
    return Exit.SOME_FAILED if failed else Exit.DONE
