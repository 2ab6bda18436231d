"""Who removed what, when, why, and how to get it back: every batch of a store as text and as JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mlruns_tui.model.batch import Batch, BatchItem, Operation
from mlruns_tui.model.store import StoreInfo
from mlruns_tui.model.text import safe
from mlruns_tui.model.words import ItemPlace

from .documents import batch_item
from .json_values import Json, document, text
from .words import elide, iso_utc, plural, size_text, time_text

MAX_SHOWN = 3
"""Experiments named in one line of a batch; the rest is counted."""
_DID: Mapping[str, str] = {
    "apply": "moved to a backup", "restore": "put back", "purge": "deleted for good", "pack": "packed",
}  # fmt: skip


def did_word(operation: Operation, batch: Batch) -> str:
    """``moved to a backup``; what stopped half-way, or is at work, says so."""
    words = _DID.get(operation.op, safe(operation.op, 40))
    actions = {one.item.action for one in batch.items}
    if operation.op == "apply" and actions == {"repair"}:
        words = "repaired"
    elif operation.op == "apply" and actions == {"slim"}:
        words = "slimmed, artifacts moved to a backup"
    if operation.op == "apply" and not batch.backup:
        words = "deleted for good, no backup"
    return words + _open_words(operation, batch)


def did_words(operation: Operation, batch: Batch) -> str:
    """``moved to a backup: 143 items, 5.0 GB``."""
    return f"{did_word(operation, batch)}: {plural(operation.items, 'item')}, {size_text(operation.size_bytes)}"


def _open_words(operation: Operation, batch: Batch) -> str:
    if operation.ended_ms is not None:
        return ""
    at_work = batch.running and batch.history[-1] == operation
    return " (at work now)" if at_work else " (stopped half-way)"


def why_words(batch: Batch) -> str:
    """The rules as asked for, and how many items each chose: ``old, ended over 30 d ago; marked (12), old (131)``."""
    chosen = Counter(one.item.rule for one in batch.items)
    counts = ", ".join(f"{safe(rule, 40)} ({number:,})" for rule, number in chosen.most_common())
    rules = "; ".join(safe(rule, 200) for rule in batch.rules)
    return " – ".join(filter(None, (rules, counts))) or "not said"


def what_words(batch: Batch, names: Mapping[str, str] | None = None) -> str:
    """The items by experiment, the largest groups first. ``names``: of experiments, by id."""
    if batch.items and all(one.item.action == "repair" for one in batch.items):
        return _repairs_words(batch.items)
    groups: dict[str, list[BatchItem]] = {}
    for one in batch.items:
        groups.setdefault(one.item.experiment_id, []).append(one)
    told = []
    for experiment_id, items in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        whole = next((one for one in items if one.item.kind == "experiment"), None)
        name = (whole.item.name if whole else "") or (names or {}).get(experiment_id, "") or safe(experiment_id, 60)
        if whole is not None and len(items) == 1:
            inside = whole.item.runs_inside
            told.append(f"{elide(name, 40)} whole" + (f" ({plural(inside, 'run')})" if inside else ""))
        else:
            told.append(f"{plural(len(items), 'run')} of {elide(name, 40)}")
    rest = len(told) - MAX_SHOWN
    more = f"; {plural(rest, 'more experiment')}" if rest > 0 else ""
    return "; ".join(told[:MAX_SHOWN]) + more


def _repairs_words(items: Sequence[BatchItem]) -> str:
    """``3/meta.yaml (meta.yaml mended: status: 99 → 3), .git (moved out) and 4 more places``."""
    items = [one for one in items if one.place != "in-place"] or items
    rest = len(items) - MAX_SHOWN
    more = f" and {plural(rest, 'more place')}" if rest > 0 else ""
    told = (f"{elide(safe(one.item.path), 60)} ({elide(one.item.what, 200)})" for one in items[:MAX_SHOWN])
    return ", ".join(told) + more


def get_back(batch: Batch, store: str) -> str:
    """The command that brings back what can be; empty where nothing can, or somebody is at it."""
    if batch.running:
        return ""
    given = shlex.quote(safe(store))
    if batch.state == "unfinished":
        return f"mlruns-tui recover {given} {safe(batch.id)}"
    held = any(one.place in ("moved", "packed") or one.put_aside for one in batch.items)
    return f"mlruns-tui backups restore {given} {safe(batch.id)}" if held else ""


def state_words(batch: Batch) -> str:
    """Where its items are now: ``140 in the backup, 3 put back``."""
    places: Mapping[ItemPlace, str] = {
        "moved": "in the backup", "packed": "packed in the backup", "restored": "back", "purged": "deleted for good",
        "missing": "missing", "in-place": "never left",
    }  # fmt: skip
    counts = Counter(one.place for one in batch.items)
    told = [f"{counts[place]:,} {words}" for place, words in places.items() if counts[place]]
    return ", ".join(told) or "nothing is known of its items"


def taken_words(batch: Batch) -> str:
    """What to know about removed items that are at their place again, and slimmed runs that got new files; empty
    where there are none."""
    said = []
    taken = sum(one.taken and one.item.action != "slim" for one in batch.items)
    if taken:
        were, they = ("is", "it is") if taken == 1 else ("are", "they are")
        said.append(
            f"{plural(taken, 'removed item')} {were} at {'its' if taken == 1 else 'their'} place again (a mirror, or a "
            f"trainer that wrote on): {they} not put back, the backup is whole"
        )
    logged = sum(one.taken and one.item.action == "slim" for one in batch.items)
    if logged:
        has, its = ("has", "its") if logged == 1 else ("have", "their")
        said.append(f"{plural(logged, 'slimmed run')} {has} new artifacts: {its} old ones are whole in the backup")
    return "; ".join(said)


def log_lines(batches: Sequence[Batch], store: str, names: Mapping[str, str] | None = None) -> list[str]:
    """Newest batch first. ``store``: as the user named it."""
    if not batches:
        return ["Nothing was ever removed here with mlruns-tui."]
    lines: list[str] = []
    for batch in batches:
        if lines:
            lines.append("")
        lines += batch_lines(batch, store, names)
    return lines


def batch_lines(batch: Batch, store: str, names: Mapping[str, str] | None = None) -> list[str]:
    """All that is known of one batch."""
    lines = [f"{time_text(batch.created_ms)}  batch {safe(batch.id)}  {'at work' if batch.running else batch.state}"]

    def add(label: str, words: str) -> None:
        if words:
            lines.append(f"  {label:<9} {words}")

    if not batch.items:
        add("by", f"{safe(batch.user)}")
        for message in batch.messages:
            add("", safe(message))
        return lines
    for operation in batch.history:
        who = f"{safe(operation.user)} on {safe(operation.host)}"
        add(time_text(operation.began_ms), f" {who}: {did_words(operation, batch)}")
    if not batch.history:
        add("by", f"{safe(batch.user)} on {safe(batch.host)} (its journal is lost)")
    failed = sum(one.outcome == "failed" for one in batch.items)
    skipped = sum(one.outcome == "skipped" for one in batch.items)
    add("why", why_words(batch))
    add("what", what_words(batch, names))
    add("now", state_words(batch))
    if failed or skipped:
        counted = ", ".join(f"{n:,} {word}" for n, word in ((failed, "failed"), (skipped, "skipped")) if n)
        add("not done", f"{counted}: mlruns-tui backups show {shlex.quote(safe(store))} {safe(batch.id)} says why")
    add("note", taken_words(batch))
    add("get back", get_back(batch, store) or _why_not(batch))
    for message in batch.messages:
        add("", safe(message))
    return lines


def _why_not(batch: Batch) -> str:
    if batch.running:
        return "when it has ended"
    return {
        "restored": "all of it is back already",
        "purged": "nothing brings it back",
        "missing": "its folder is not there any more",
    }.get(batch.state, "nothing is left in the backup")


def log_document(store: StoreInfo, batches: Iterable[Batch]) -> Json:
    """Every batch with all that was done with it and its items, newest first."""
    return document("log", store, {"batches": [log_entry(one, store.root) for one in batches]})


def log_entry(batch: Batch, root: str) -> Json:
    command = get_back(batch, root)
    return {
        **batch_item(batch, contents=True),
        "at_work": batch.running,
        "operations": [
            {
                "op": text(one.op),
                "began": iso_utc(one.began_ms),
                "ended": iso_utc(one.ended_ms),
                "user": text(one.user),
                "host": text(one.host),
                "items": one.items,
                "size_bytes": one.size_bytes,
            }
            for one in batch.history
        ],
        "taken": sum(one.taken for one in batch.items),
        "get_back": text(command) or None,
        "notes": [text(one) for one in (*batch.messages, taken_words(batch)) if one],
    }
