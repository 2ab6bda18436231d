"""What the commands on backups have in common: naming batches and items, telling what came back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any, TypeVar

import click

from mlruns_tui.cli.console import put_json, say, tell
from mlruns_tui.cli.options import check_here
from mlruns_tui.model.batch import Batch
from mlruns_tui.model.errors import Exit, UsageError
from mlruns_tui.model.plan import PlanItem
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import ItemPlace
from mlruns_tui.report import backups_text, documents
from mlruns_tui.workflow.changing import check_usable

Command = TypeVar("Command", bound=Callable[..., Any])

_BATCH_ID = re.compile(r"\d{8}-\d{4,6}-[0-9a-f]{4,8}")
HELD = ("moved", "packed")
"""Places of items the backup has."""
_SHOWN_BY = "mlruns-tui backups list shows them"
_CLOSE = 3
_WHERE: Mapping[ItemPlace, str] = {
    "moved": "in the backup", "packed": "packed in the backup", "restored": "back in the store",
    "purged": "deleted for good", "missing": "missing", "in-place": "never left its place",
}  # fmt: skip


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


def batch_named(batches: Sequence[Batch], batch_id: str | None, *, usable: bool = True) -> Batch:
    """Raises UsageError when no batch was named, or there is none of that name; with ``usable`` DamagedError when
    its plan is damaged, MlrunsError when it may not be read."""
    if batch_id is None:
        raise UsageError("no-batch", "name a batch", hint=f"{_SHOWN_BY}; undo takes the newest back")
    for batch in batches:
        if batch.id == batch_id:
            if usable:
                check_usable(batch)
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
                f"no such item: batch {batch.id} never had {safe(name, 200)}; nothing was changed",
                hint=f"{_close(batch, name)}mlruns-tui backups show {batch.id} lists them",
            )
        keys.update(dict.fromkeys(found))
    return list(keys)


def _close(batch: Batch, name: str) -> str:
    """Items somebody may have meant: those whose id begins like it, of that name, or much like it."""
    named = {
        word: one.item
        for one in batch.items
        for word in (one.item.path, one.item.name, one.item.run_id or one.item.experiment_id)
        if word
    }
    like = [word for word in named if word.startswith(name) or word.lower() == name.lower()] if name else []
    like += get_close_matches(name, named, _CLOSE, 0.75)
    items = list(dict.fromkeys(named[word] for word in like))[:_CLOSE]
    if not items:
        return ""
    told = [f"{safe(one.run_id or one.experiment_id or one.path)} ({one.name or one.kind})" for one in items]
    return f"did you mean {' or '.join(told)}? "


def why_not_held(batch: Batch, keys: Sequence[str] | None) -> str:
    """What is said when the backup has nothing of a batch any more, or of the named items of it."""
    chosen = [one for one in batch.items if keys is None or one.item.key in keys]
    places = Counter(one.place for one in chosen)
    where = ", ".join(f"{number:,} {_WHERE[place]}" for place, number in places.items())
    if keys is None:
        return f"Batch {batch.id} holds nothing any more: {where}."
    if len(chosen) == 1:
        return f"{_named(chosen[0].item)} is not in the backup {batch.id} any more: {_WHERE[chosen[0].place]}."
    return f"Nothing of these is in the backup {batch.id} any more: {where}."


def _named(item: PlanItem) -> str:
    return item.name or safe(item.run_id or item.experiment_id or item.path)


def this_time(before: Sequence[Batch], after: Batch, keys: Sequence[str] | None = None) -> Batch:
    """The batch with those items only that the call just made was about, and what it did with each.

    A batch remembers everything that was ever done with its items; this call was about those that were in
    the backup before it (or put aside), and named by ``keys`` (or moved along with one that was). What an
    interrupted deletion turned out to have deleted is among them, as failed, and so is what is missing.
    """
    # By position: after a swap two items have one key.
    were = next((batch.items for batch in before if batch.id == after.id), ())
    items = []
    for was, one in zip_longest(were, after.items):
        if one is None:
            continue
        asked = keys is None or one.item.key in keys
        if was is None:
            # What a swap found in the place was put into the backup: it is no item of this call's.
            continue
        if (one.damaged and asked) or one.altered:
            items.append(one)
        elif was.place == "missing" and one.place == "purged" and asked:
            # It went with an archive nobody could read.
            items.append(replace(one, outcome="done", error=""))
        elif was.place == "purged" and was.lost and one.outcome == "done" and asked:
            # What was left of it is gone now.
            items.append(one)
        elif was.place == "purged" and not was.lost and (one.place != "purged" or one.lost):
            # Of a deletion that was interrupted: what it had not begun is in the backup after all.
            items.append(one)
        elif was.put_aside:
            if not one.put_aside or one.outcome in ("failed", "skipped"):
                items.append(one)
        elif was.place in HELD:
            if one.place not in HELD:
                # Gone in part is not done.
                items.append(one if one.lost else replace(one, outcome="done", error=""))
            elif asked:
                items.append(one if one.outcome in ("failed", "skipped") else replace(one, outcome=None))
    return replace(after, items=tuple(items))


def put_back(
    store: StoreInfo, batch: Batch, result: Batch, *, interrupted: bool, as_json: bool, nothing: str = ""
) -> int:
    """Say what came back, and the exit code for it. ``nothing``: why nothing could."""
    if as_json:
        put_json(documents.backups_document(store, [batch], did="restore", results=[result]))
    else:
        say([f"Nothing was put back. {nothing}"] if nothing else backups_text.restored_lines(result))
        for message in batch.messages if not nothing else ():
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
    """3 when an item failed, 5 when that was because its backup is damaged."""
    if interrupted:
        return Exit.INTERRUPTED
    if any(one.damaged for batch in results for one in batch.items):
        return Exit.DAMAGED
    failed = any(one.outcome == "failed" for batch in results for one in batch.items)
    return Exit.SOME_FAILED if failed else Exit.DONE
